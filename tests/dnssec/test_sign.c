/* SPDX-License-Identifier: BSD-2-Clause
 * Signing: who gets an NSEC and a signature, and the bytes that are signed. */
#include <stdlib.h>
#include <string.h>

#include "client/dns/nsec.h"
#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"
#include "client/dns/serial.h"
#include "client/dnssec/keyfile.h"
#include "client/dnssec/rrsig.h"
#include "client/dnssec/sign.h"
#include "client/dnssec/softsigner.h"
#include "keyd/base/encode.h"
#include "tests/cmocka.h"
#include "tests/dnssec/keys.h"
#include "tests/dnssec/lab.h"

/* What an NSEC says, as text: "next TYPE TYPE"; NULL when the name has none. */
static const char *nsec_of(const struct zone *zone, const char *owner)
{
    static char text[1024];
    struct bytes out = {0};
    struct dname name = lab_name(owner);
    struct rrset set;
    if (!zone_find(zone, name.wire, TYPE_NSEC, &set))
        return NULL;
    struct rdata rdata = rrset_rdata(&set, 0);
    rdata_format(TYPE_NSEC, rdata.data, rdata.length, &out);
    snprintf(text, sizeof text, "%.*s", (int)out.length, out.data);
    bytes_free(&out);
    return text;
}

static bool is_signed(const struct zone *zone, const char *owner, uint16_t type)
{
    struct dname wanted = lab_name(owner);
    for (struct zone_name name = {0}; zone_next_name(zone, &name);) {
        for (struct rrset set = {0}; zone_next_set(&name, &set);) {
            if (set.type == TYPE_RRSIG && set.covered == type &&
                dname_equal(set.owner, wanted.wire))
                return true;
        }
    }
    return false;
}

static uint32_t ttl_of(const struct zone *zone, const char *owner, uint16_t type)
{
    struct dname name = lab_name(owner);
    struct rrset set;
    assert_true(zone_find(zone, name.wire, type, &set));
    return set.ttl;
}

/* The first set of a zone. */
static struct rrset first_set(const struct zone *zone, struct zone_name *name)
{
    struct rrset set = {0};
    *name = (struct zone_name){0};
    assert_true(zone_next_name(zone, name));
    assert_true(zone_next_set(name, &set));
    return set;
}

static void the_chain_and_its_bitmaps(void **state)
{
    (void)state;
    struct keys *keys = make_keys();
    struct zone *zone = lab_zone("example.org", zone_text);
    char *text = sign_with(zone, keys, NOW);
    struct zone *out = lab_zone("example.org", text);
    free(text);
    assert_string_equal(nsec_of(out, "example.org"), "a.b.c.example.org. NS SOA RRSIG NSEC DNSKEY");
    assert_string_equal(nsec_of(out, "a.b.c.example.org"), "ns1.example.org. A RRSIG NSEC");
    assert_string_equal(nsec_of(out, "ns1.example.org"), "ns2.example.org. A RRSIG NSEC");
    assert_string_equal(nsec_of(out, "ns2.example.org"), "sub.example.org. A RRSIG NSEC");
    assert_string_equal(nsec_of(out, "sub.example.org"), "unsec.example.org. NS DS RRSIG NSEC");
    assert_string_equal(nsec_of(out, "unsec.example.org"), "*.wild.example.org. NS RRSIG NSEC");
    assert_string_equal(nsec_of(out, "*.wild.example.org"), "z.example.org. TXT RRSIG NSEC");
    assert_string_equal(nsec_of(out, "z.example.org"), "example.org. MX RRSIG NSEC");
    assert_null(nsec_of(out, "b.c.example.org"));
    assert_null(nsec_of(out, "ns.sub.example.org"));
    assert_null(nsec_of(out, "deep.sub.example.org"));
    assert_int_equal(ttl_of(out, "z.example.org", TYPE_NSEC), 300); /* RFC 9077 */
    zone_free(out);
    zone_free(zone);
    free_keys(keys);
}

static void signs_what_is_its_own(void **state)
{
    (void)state;
    struct keys *keys = make_keys();
    struct zone *zone = lab_zone("example.org", zone_text);
    char *text = sign_with(zone, keys, NOW);
    struct zone *out = lab_zone("example.org", text);
    free(text);
    assert_true(is_signed(out, "example.org", TYPE_SOA));
    assert_true(is_signed(out, "example.org", TYPE_NS));
    assert_true(is_signed(out, "example.org", TYPE_DNSKEY));
    assert_true(is_signed(out, "sub.example.org", TYPE_DS));
    assert_true(is_signed(out, "sub.example.org", TYPE_NSEC));
    assert_false(is_signed(out, "sub.example.org", TYPE_NS));
    assert_false(is_signed(out, "sub.example.org", TYPE_A));
    assert_false(is_signed(out, "ns.sub.example.org", TYPE_A));
    assert_false(is_signed(out, "deep.sub.example.org", TYPE_NS));
    assert_int_equal(zone_serial(out), 8);
    assert_int_equal(ttl_of(out, "example.org", TYPE_DNSKEY), 600);
    zone_free(out);
    zone_free(zone);
    free_keys(keys);
}

static void an_apex_alone(void **state)
{
    (void)state;
    struct keys *keys = make_keys();
    struct zone *zone = lab_zone(".", "@ 60 SOA a. b. 1 2 3 4 5\n@ 60 NS a.example.\n");
    char *text = sign_with(zone, keys, NOW);
    struct zone *out = lab_zone(".", text);
    free(text);
    assert_string_equal(nsec_of(out, "."), ". NS SOA RRSIG NSEC DNSKEY");
    zone_free(out);
    zone_free(zone);
    free_keys(keys);
}

/* RFC 4034, 3.1.8.1, byte for byte: owner and names of the rdata in lower case, the records in
 * order, the wildcard not counted. */
static void the_bytes_that_are_signed(void **state)
{
    (void)state;
    struct zone *zone = lab_zone("A.", "*.b.a. 60 MX 2 X.A.\n*.B.a. 60 MX 1 y.a.\n");
    struct dname apex = lab_name("A.");
    struct zone_name name;
    struct rrset set = first_set(zone, &name);
    struct rrsig rrsig = {.type_covered = TYPE_MX,
                          .algorithm = 13,
                          .labels = rrsig_labels(set.owner),
                          .original_ttl = 60,
                          .expiration = 0x01020304,
                          .inception = 0x05060708,
                          .key_tag = 0x090a,
                          .signer_name = apex.wire};
    static const char wanted[] = "000f0d020000003c0102030405060708090a016100"
                                 "012a0162016100000f00010000003c0007000101790161"
                                 "00"
                                 "012a0162016100000f00010000003c000700020178016100";
    char hex[512];
    struct bytes message = {0};
    rrsig_message(&rrsig, &set, &message);
    hex_encode(message.data, message.length, hex);
    assert_string_equal(hex, wanted);
    bytes_free(&message);
    zone_free(zone);
}

/* RFC 8080, 6.1, with erratum 4935: the owner has two labels. Ed25519 always gives the same. */
static void rfc8080_signature(void **state)
{
    (void)state;
    static const char wanted[] =
        "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23"
        "mRZ9VrbpMngwcrqNAg==";
    struct dnskey key = {.flags = DNSKEY_KSK, .algorithm = 15};
    assert_true(base64_decode("l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=", key.key,
                              sizeof key.key, &key.length));
    struct soft_signer soft = {.algorithm = dnssec_algorithm_find(15)};
    lab_file("rfc8080.private", "Private-key-format: v1.2\nAlgorithm: 15 (ED25519)\nPrivateKey: "
                                "ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=\n");
    assert_int_equal(keyfile_load(lab_path("."), "rfc8080", &key, &soft.pkey, NULL), KEYD_OK);
    struct zone *zone = lab_zone("example.com", "@ 3600 MX 10 mail.example.com.\n");
    const struct dns_signer signer = soft_signer(&soft, &key);
    struct bytes rdata = {0};
    const struct rrsig_terms terms = {
        .apex = zone_apex(zone), .inception = 1438207200, .expiration = 1440021600};
    struct zone_name name;
    struct rrset set = first_set(zone, &name);
    struct signer_seat seat;
    assert_int_equal(signer_sit(&seat, &signer, NULL), KEYD_OK);
    assert_int_equal(rrsig_make(&set, &terms, &seat, &rdata, NULL), KEYD_OK);
    signer_rise(&seat);
    char signature[BASE64_TEXT(64)];
    base64_encode(rdata.data + rdata.length - 64, 64, signature);
    assert_string_equal(signature, wanted);
    bytes_free(&rdata);
    zone_free(zone);
    EVP_PKEY_free(soft.pkey);
}

/* ---- Jitter --------------------------------------------------------------------------------- */

static void ends_are_spread_and_stay_where_they_are(void **state)
{
    (void)state;
    const struct rrsig_terms terms = {.expiration = 1000000, .jitter = 1000};
    size_t tenths[10] = {0};
    for (unsigned i = 0; i < 10000; i++) {
        char text[32];
        snprintf(text, sizeof text, "H%u.example", i);
        struct dname owner = lab_name(text);
        const struct rrset set = {.owner = owner.wire, .type = TYPE_A};
        uint32_t end = rrsig_expiration(&set, &terms);
        assert_in_range(end, 999000, 1000000);
        tenths[(end - 999000) * 10 / 1001]++;
        dname_lower(owner.wire);
        assert_int_equal(rrsig_expiration(&set, &terms), end);
    }
    for (size_t i = 0; i < 10; i++)
        assert_in_range(tenths[i], 850, 1150);

    struct dname owner = lab_name("example");
    const struct rrset a = {.owner = owner.wire, .type = TYPE_A};
    const struct rrset aaaa = {.owner = owner.wire, .type = TYPE_AAAA};
    assert_int_not_equal(rrsig_expiration(&a, &terms), rrsig_expiration(&aaaa, &terms));
    const struct rrsig_terms none = {.expiration = 1000000};
    assert_int_equal(rrsig_expiration(&a, &none), 1000000);
    const struct rrsig_terms most = {.expiration = UINT32_MAX, .jitter = UINT32_MAX};
    assert_int_not_equal(rrsig_expiration(&a, &most), UINT32_MAX);
}

/* ---- Serials -------------------------------------------------------------------------------- */

static void serials_go_in_a_circle(void **state)
{
    (void)state;
    assert_true(serial_is_newer(6, 5));
    assert_false(serial_is_newer(5, 5));
    assert_true(serial_is_newer(0, UINT32_MAX));
    assert_false(serial_is_newer(0x80000005, 5));
}

#define NEVER INT64_MIN

static void each_policy_goes_forward(void **state)
{
    (void)state;
    static const struct {
        enum serial_policy policy;
        uint32_t file;
        int64_t last; /* NEVER: none was given out */
        uint32_t wanted;
    } rows[] = {
        {SERIAL_KEEP, 3, NEVER, 3},
        {SERIAL_KEEP, 5, 5, 6},
        {SERIAL_KEEP, 4, 5, 6},
        {SERIAL_KEEP, 100, 5, 100},
        {SERIAL_KEEP, 7, UINT32_MAX, 7},
        {SERIAL_KEEP, UINT32_MAX, UINT32_MAX, 1},
        {SERIAL_KEEP, UINT32_C(0x80000005), 5, 6}, /* neither is above the other */
        {SERIAL_INCREMENT, 3, NEVER, 4},
        {SERIAL_INCREMENT, 3, 3, 4},
        {SERIAL_INCREMENT, 3, 8, 9},
        {SERIAL_INCREMENT, 9, 8, 10},
        {SERIAL_INCREMENT, UINT32_MAX, 8, 9},
        {SERIAL_INCREMENT, 2, UINT32_MAX, 3},
        {SERIAL_INCREMENT, UINT32_MAX, UINT32_MAX - 1, 1},
        {SERIAL_UNIXTIME, 3, NEVER, NOW},
        {SERIAL_UNIXTIME, 3, NOW - 1, NOW},
        {SERIAL_UNIXTIME, 3, NOW, NOW + 1},
        {SERIAL_UNIXTIME, 3, 2026112400, 2026112401},
        {SERIAL_DATE, 3, NEVER, 2026112400},
        {SERIAL_DATE, 3, 2026112309, 2026112400},
        {SERIAL_DATE, 3, 2026112400, 2026112401},
        {SERIAL_DATE, 3, 2026112499, 2026112500},
        {SERIAL_DATE, 3, 2026112500, 2026112501},
        {SERIAL_DATE, 3, NOW, 2026112400},
        {SERIAL_DATE, 3, UINT32_C(0xffffffff), 2026112400},
        {SERIAL_DATE, 3, UINT32_C(0xf8c70000), 2026112400},
        {SERIAL_DATE, 3, UINT32_C(0xf8c3ffff), UINT32_C(0xf8c40000)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct serial_source source = {.policy = rows[i].policy,
                                             .file = rows[i].file,
                                             .have_last = rows[i].last != NEVER,
                                             .last = (uint32_t)rows[i].last,
                                             .now = NOW};
        if (serial_choose(&source) != rows[i].wanted)
            fail_msg("row %zu: %u, not %u", i, serial_choose(&source), rows[i].wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chain_and_its_bitmaps),
        cmocka_unit_test(signs_what_is_its_own),
        cmocka_unit_test(an_apex_alone),
        cmocka_unit_test(the_bytes_that_are_signed),
        cmocka_unit_test(rfc8080_signature),
        cmocka_unit_test(ends_are_spread_and_stay_where_they_are),
        cmocka_unit_test(serials_go_in_a_circle),
        cmocka_unit_test(each_policy_goes_forward),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
