/* SPDX-License-Identifier: BSD-2-Clause
 * Signing and verifying: who gets an NSEC and a signature, the bytes that are signed, and that the
 * verifier sees each kind of damage. */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "client/dnssec/nsec.h"
#include "client/dnssec/rdata.h"
#include "client/dnssec/rrsig.h"
#include "client/dnssec/rrtype.h"
#include "client/dnssec/serial.h"
#include "client/dnssec/sign.h"
#include "client/dnssec/verify.h"
#include "client/dnssec/zonefile.h"
#include "keyd/base/encode.h"
#include "keyd/base/file.h"
#include "tests/cmocka.h"
#include "tests/dnssec/lab.h"

#define NOW INT64_C(1795509062)

static const char zone_text[] =
    "$TTL 3600\n"
    "@ 7200 SOA ns1 hostmaster 7 2 3 4 300\n"
    "@ NS ns1\n"
    "@ NS NS2.example.org.\n"
    "ns1 A 192.0.2.1\n"
    "ns2 A 192.0.2.2\n"
    "a.b.c A 192.0.2.3\n"
    "*.wild TXT w\n"
    "sub NS ns.sub\n"
    "sub DS 1 8 2 9D6BAE62219231C99FAA479716B6E4619330CE8206670AEA6C1673A055DC3AF2\n"
    "sub A 192.0.2.9\n"
    "ns.sub A 192.0.2.4\n"
    "NS.deep.sub A 192.0.2.5\n"
    "deep.sub NS ns.deep.sub\n"
    "unsec NS ns.example.\n"
    "z MX 10 Mail.Example.org.\n";

/* Two software keys. */
struct keys {
    struct dnskey dnskeys[2]; /* KSK, ZSK */
    EVP_PKEY *pkeys[2];
    struct soft_signer soft[2];
    struct dns_signer signers[2];
};

static struct keys *make_keys(void)
{
    struct keys *keys = calloc(1, sizeof *keys);
    const struct dnssec_algorithm *algorithm = dnssec_algorithm_find(13);
    for (size_t i = 0; i < 2; i++) {
        keys->pkeys[i] = EVP_EC_gen("P-256");
        assert_int_equal(dnskey_from_pkey(algorithm, i == 0 ? DNSKEY_KSK : DNSKEY_ZSK,
                                          keys->pkeys[i], &keys->dnskeys[i], NULL),
                         KEYD_OK);
        keys->soft[i] = (struct soft_signer){algorithm, keys->pkeys[i]};
        keys->signers[i] = soft_signer(&keys->soft[i], dnskey_tag(&keys->dnskeys[i]));
    }
    return keys;
}

static void free_keys(struct keys *keys)
{
    EVP_PKEY_free(keys->pkeys[0]);
    EVP_PKEY_free(keys->pkeys[1]);
    free(keys);
}

static struct zone *sign_with(const struct zone *zone, const struct keys *keys, int64_t now)
{
    struct keyd_error err = {.message = ""};
    struct zone *out = NULL;
    size_t signatures = 0;
    const struct signing signing = {.dnskeys = keys->dnskeys,
                                    .dnskey_count = 2,
                                    .ksks = &keys->signers[0],
                                    .ksk_count = 1,
                                    .zsks = &keys->signers[1],
                                    .zsk_count = 1,
                                    .dnskey_ttl = 600,
                                    .inception = (uint32_t)(now - 3600),
                                    .expiration = (uint32_t)(now + 86400),
                                    .serial = 8};
    if (sign_zone(zone, &signing, &out, &signatures, &err) != KEYD_OK)
        fail_msg("%s", err.message);
    return out;
}

static char *text_of(const struct zone *zone)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_int_equal(zonefile_write(zone, file, "memory", NULL), KEYD_OK);
    fclose(file);
    return text;
}

/* What an NSEC says, as text: "next TYPE TYPE"; NULL when the name has none. */
static const char *nsec_of(const struct zone *zone, const char *owner)
{
    static char text[1024];
    struct bytes out = {0};
    const struct rrset *set = zone_find(zone, lab_name(owner).wire, TYPE_NSEC);
    if (set == NULL)
        return NULL;
    rdata_format(TYPE_NSEC, set->rdatas[0].data, set->rdatas[0].length, &out);
    snprintf(text, sizeof text, "%.*s", (int)out.length, out.data);
    bytes_free(&out);
    return text;
}

static bool is_signed(const struct zone *zone, const char *owner, uint16_t type)
{
    struct dname name = lab_name(owner);
    for (size_t i = 0; i < zone_count(zone); i++) {
        const struct rrset *set = zone_set(zone, i);
        if (set->type == TYPE_RRSIG && set->covered == type && dname_equal(set->owner, name.wire))
            return true;
    }
    return false;
}

static void the_chain_and_its_bitmaps(void **state)
{
    (void)state;
    struct keys *keys = make_keys();
    struct zone *zone = lab_zone("example.org", zone_text);
    struct zone *out = sign_with(zone, keys, NOW);
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
    const struct rrset *nsec = zone_find(out, lab_name("z.example.org").wire, TYPE_NSEC);
    assert_int_equal(nsec->ttl, 300); /* RFC 9077 */
    zone_free(out);
    zone_free(zone);
    free_keys(keys);
}

static void signs_what_is_its_own(void **state)
{
    (void)state;
    struct keys *keys = make_keys();
    struct zone *zone = lab_zone("example.org", zone_text);
    struct zone *out = sign_with(zone, keys, NOW);
    assert_true(is_signed(out, "example.org", TYPE_SOA));
    assert_true(is_signed(out, "example.org", TYPE_NS));
    assert_true(is_signed(out, "example.org", TYPE_DNSKEY));
    assert_true(is_signed(out, "sub.example.org", TYPE_DS));
    assert_true(is_signed(out, "sub.example.org", TYPE_NSEC));
    assert_false(is_signed(out, "sub.example.org", TYPE_NS));
    assert_false(is_signed(out, "sub.example.org", TYPE_A));
    assert_false(is_signed(out, "ns.sub.example.org", TYPE_A));
    assert_false(is_signed(out, "deep.sub.example.org", TYPE_NS));
    assert_int_equal(soa_serial(zone_find(out, zone_apex(out), TYPE_SOA)), 8);
    assert_int_equal(zone_find(out, zone_apex(out), TYPE_DNSKEY)->ttl, 600);
    zone_free(out);
    zone_free(zone);
    free_keys(keys);
}

static void an_apex_alone(void **state)
{
    (void)state;
    struct keys *keys = make_keys();
    struct zone *zone = lab_zone(".", "@ 60 SOA a. b. 1 2 3 4 5\n@ 60 NS a.example.\n");
    struct zone *out = sign_with(zone, keys, NOW);
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
    struct rrsig rrsig = {.type_covered = TYPE_MX,
                          .algorithm = 13,
                          .labels = rrsig_labels(zone_set(zone, 0)->owner),
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
    rrsig_message(&rrsig, zone_set(zone, 0), &message);
    hex_encode(message.data, message.length, hex);
    assert_string_equal(hex, wanted);
    bytes_free(&message);
    zone_free(zone);
}

/* ---- The verifier --------------------------------------------------------------------------- */

struct verifying {
    struct keys *keys;
    struct zone *zone;
    char *text; /* of the signed zone */
};

static struct verifying begin(void)
{
    struct verifying v = {.keys = make_keys(), .zone = lab_zone("example.org", zone_text)};
    struct zone *out = sign_with(v.zone, v.keys, NOW);
    v.text = text_of(out);
    zone_free(out);
    return v;
}

static void end(struct verifying *v)
{
    free(v->text);
    zone_free(v->zone);
    free_keys(v->keys);
}

static enum keyd_status judge(const struct verifying *v, const char *text, int64_t now,
                              const struct zone *zone, struct verified *verified,
                              struct keyd_error *err)
{
    struct dname apex = lab_name("example.org");
    const uint32_t serial = 8;
    const struct verification verification = {.apex = apex.wire,
                                              .dnskeys = v->keys->dnskeys,
                                              .dnskey_count = 2,
                                              .unsigned_zone = zone,
                                              .serial = &serial,
                                              .now = now,
                                              .mode = VERIFY_FULL};
    *err = (struct keyd_error){.message = "it passed"};
    return verify_file(lab_file("signed.zone", text), &verification, verified, err);
}

static void accepts_what_was_signed(void **state)
{
    (void)state;
    struct keyd_error err;
    struct verified verified;
    struct verifying v = begin();
    if (judge(&v, v.text, NOW, v.zone, &verified, &err) != KEYD_OK)
        fail_msg("%s", err.message);
    assert_int_equal(verified.serial, 8);
    assert_int_equal(verified.expiration, NOW + 86400);
    assert_int_equal(verified.checked, verified.signatures);
    assert_int_equal(verified.signatures, 17);
    end(&v);
}

/* The text with the line that begins so replaced (NULL: taken out). *Owned*. */
static char *with_line(const char *text, const char *begins, const char *instead)
{
    const char *line = text;
    while (line != NULL && strncmp(line, begins, strlen(begins)) != 0) {
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    assert_non_null(line);
    const char *rest = strchr(line, '\n') + 1;
    char *changed = NULL;
    assert_true(asprintf(&changed, "%.*s%s%s", (int)(line - text), text,
                         instead != NULL ? instead : "", rest) > 0);
    return changed;
}

static void expect_refused(const struct verifying *v, char *text, const char *tail)
{
    struct keyd_error err;
    struct verified verified;
    assert_int_equal(judge(v, text, NOW, v->zone, &verified, &err), KEYD_DATA_LOSS);
    assert_string_equal(err.reason, "VERIFICATION");
    const char *what = strstr(err.message, ": ");
    assert_non_null(what);
    assert_string_equal(what + 2, tail);
    free(text);
}

static void sees_damage(void **state)
{
    (void)state;
    struct verifying v = begin();
    char tail[128];
    snprintf(tail, sizeof tail,
             "ns1.example.org. A: the signature by key %u is bad (Bogus DNSSEC signature)",
             v.keys->signers[1].key_tag);
    expect_refused(&v,
                   with_line(v.text, "ns1.example.org.\t3600\tIN\tA\t",
                             "ns1.example.org.\t3600\tIN\tA\t192.0.2.66\n"),
                   tail);
    expect_refused(&v, with_line(v.text, "ns1.example.org.\t3600\tIN\tRRSIG\tA", NULL),
                   "ns1.example.org. A: not signed");
    expect_refused(&v, with_line(v.text, "ns1.example.org.\t3600\tIN\tA\t", NULL),
                   "ns1.example.org. A: there is an RRSIG for it, but no such record");
    snprintf(tail, sizeof tail,
             "z.example.org. NSEC: the signature by key %u is bad (Bogus DNSSEC signature)",
             v.keys->signers[1].key_tag);
    expect_refused(&v,
                   with_line(v.text, "z.example.org.\t300\tIN\tNSEC\t",
                             "z.example.org.\t300\tIN\tNSEC\texample.org. A RRSIG NSEC\n"),
                   tail);
    expect_refused(&v,
                   with_line(v.text, "ns.sub.example.org.\t3600\tIN\tA\t",
                             "ns.sub.example.org.\t3600\tIN\tA\t192.0.2.66\n"),
                   "ns.sub.example.org. A: differs from the zone file");
    expect_refused(&v, with_line(v.text, "ns.sub.example.org.\t3600\tIN\tA\t", NULL),
                   "ns.sub.example.org. A: in the zone file, but not here");
    expect_refused(&v,
                   with_line(v.text, "ns.sub.example.org.\t3600\tIN\tA\t",
                             "ns.sub.example.org.\t3600\tIN\tA\t192.0.2.4\n"
                             "x.sub.example.org.\t3600\tIN\tA\t192.0.2.4\n"),
                   "x.sub.example.org. A: here, but not in the zone file");
    expect_refused(&v,
                   with_line(v.text, "ns.sub.example.org.\t3600\tIN\tA\t",
                             "ns.sub.example.org.\t3600\tIN\tA\t192.0.2.4\n"
                             "new.example.org.\t3600\tIN\tA\t192.0.2.4\n"),
                   "new.example.org. A: not signed");
    end(&v);
}

/* Damage that leaves all signatures good: what only the chain and the content can show. */
static void sees_a_signed_hole(void **state)
{
    (void)state;
    struct verifying v = begin();
    struct zone *less = lab_zone("example.org", "@ 7200 SOA ns1 hostmaster 7 2 3 4 300\n"
                                                "@ 3600 NS ns1\n@ 3600 NS ns2\n"
                                                "ns1 3600 A 192.0.2.1\n");
    struct zone *out = sign_with(less, v.keys, NOW);
    char *text = text_of(out);
    struct keyd_error err;
    struct verified verified;
    assert_int_equal(judge(&v, text, NOW, NULL, &verified, &err), KEYD_OK);
    assert_int_equal(judge(&v, text, NOW, v.zone, &verified, &err), KEYD_DATA_LOSS);
    zone_free(out);
    zone_free(less);
    free(text);

    /* A whole name taken out, signatures and all: its predecessor's NSEC still leads there. */
    char *one = with_line(v.text, "ns2.example.org.\t3600\tIN\tA", NULL);
    char *two = with_line(one, "ns2.example.org.\t3600\tIN\tRRSIG", NULL);
    char *three = with_line(two, "ns2.example.org.\t300\tIN\tNSEC", NULL);
    char *four = with_line(three, "ns2.example.org.\t300\tIN\tRRSIG", NULL);
    free(one);
    free(two);
    free(three);
    expect_refused(
        &v, four, "sub.example.org. NSEC: the NSEC before it leads elsewhere: the chain is broken");
    one = with_line(v.text, "z.example.org.\t3600\tIN\tMX", NULL);
    two = with_line(one, "z.example.org.\t3600\tIN\tRRSIG", NULL);
    three = with_line(two, "z.example.org.\t300\tIN\tNSEC", NULL);
    four = with_line(three, "z.example.org.\t300\tIN\tRRSIG", NULL);
    free(one);
    free(two);
    free(three);
    expect_refused(&v, four,
                   "*.wild.example.org. NSEC: the last NSEC does not lead back to the apex");
    end(&v);
}

static void sees_wrong_times_keys_and_serials(void **state)
{
    (void)state;
    struct keyd_error err;
    struct verified verified;
    struct verifying v = begin();
    assert_int_equal(judge(&v, v.text, NOW + 86400, v.zone, &verified, &err), KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "its RRSIG has expired"));
    assert_int_equal(judge(&v, v.text, NOW + 86399, v.zone, &verified, &err), KEYD_OK);
    assert_int_equal(judge(&v, v.text, NOW - 3600, v.zone, &verified, &err), KEYD_OK);
    assert_int_equal(judge(&v, v.text, NOW - 3601, v.zone, &verified, &err), KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "not valid yet"));

    struct verifying other = begin();
    assert_int_equal(judge(&v, other.text, NOW, v.zone, &verified, &err), KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "DNSKEY: the key"));
    end(&other);

    struct dns_signer ksk = v.keys->signers[0];
    v.keys->signers[0] = v.keys->signers[1];
    struct zone *out = sign_with(v.zone, v.keys, NOW);
    char *text = text_of(out);
    assert_int_equal(judge(&v, text, NOW, v.zone, &verified, &err), KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "DNSKEY: not signed by the KSK"));
    v.keys->signers[0] = ksk;
    zone_free(out);
    free(text);
    end(&v);
}

/* ---- Serials -------------------------------------------------------------------------------- */

static void serials_go_in_a_circle(void **state)
{
    (void)state;
    uint32_t last = 5;
    assert_true(serial_is_newer(6, 5));
    assert_false(serial_is_newer(5, 5));
    assert_true(serial_is_newer(0, UINT32_MAX));
    assert_false(serial_is_newer(0x80000005, 5));
    assert_int_equal(serial_choose(SERIAL_KEEP, 3, NULL), 3);
    assert_int_equal(serial_choose(SERIAL_KEEP, 5, &last), 6);
    assert_int_equal(serial_choose(SERIAL_KEEP, 4, &last), 6);
    assert_int_equal(serial_choose(SERIAL_KEEP, 100, &last), 100);
    last = UINT32_MAX;
    assert_int_equal(serial_choose(SERIAL_KEEP, 7, &last), 7);
    assert_int_equal(serial_choose(SERIAL_KEEP, UINT32_MAX, &last), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chain_and_its_bitmaps),
        cmocka_unit_test(signs_what_is_its_own),
        cmocka_unit_test(an_apex_alone),
        cmocka_unit_test(the_bytes_that_are_signed),
        cmocka_unit_test(accepts_what_was_signed),
        cmocka_unit_test(sees_damage),
        cmocka_unit_test(sees_a_signed_hole),
        cmocka_unit_test(sees_wrong_times_keys_and_serials),
        cmocka_unit_test(serials_go_in_a_circle),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
