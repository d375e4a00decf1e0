/* SPDX-License-Identifier: BSD-2-Clause
 * What is in a zone already: what signing makes anew goes, other signers' keys stay. */
#include <string.h>

#include "client/dns/rrtype.h"
#include "client/dnssec/intake.h"
#include "tests/cmocka.h"
#include "tests/dnssec/keys.h"
#include "tests/dnssec/lab.h"

static struct intake take(const char *text)
{
    struct dname apex = lab_name("example.org");
    struct intake intake = {.zone = zone_new(apex.wire)};
    struct keyd_error err = {.message = ""};
    if (zonefile_read(lab_file("intake.zone", text), apex.wire, intake_record, &intake, &err) !=
            KEYD_OK ||
        zone_finish(intake.zone, &err) != KEYD_OK)
        fail_msg("%s", err.message);
    return intake;
}

static void what_signing_makes_is_taken_out(void **state)
{
    (void)state;
    struct intake intake = take("@ 60 SOA a b 1 2 3 4 5\n"
                                "@ 60 RRSIG SOA 13 2 60 20261208092250 20261124083102 7 @ AAAA\n"
                                "@ 60 RRSIG NS 13 2 60 20261208092250 20261124083102 7 @ AAAA\n"
                                "@ 60 NSEC a SOA RRSIG NSEC\n"
                                "a 60 NSEC @ A\n"
                                "a 60 A 192.0.2.1\n"
                                "a 60 ZONEMD 1 1 240 AAAAAAAAAAAAAAAAAAAAAAAA\n"
                                "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom 60 NSEC3 1 0 0 - "
                                "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A\n"
                                "@ 60 NSEC3PARAM 1 0 0 -\n");
    static const size_t wanted[INTAKE_KINDS] = {2, 2, 1, 1, 1};
    assert_memory_equal(intake.taken_out, wanted, sizeof wanted);
    assert_int_equal(zone_records(intake.zone), 2);
    assert_int_equal(zone_names(intake.zone), 2); /* the NSEC3's is gone */

    struct report *report = report_new();
    intake_report(&intake, report);
    report_end_notices(report);
    json_t *json = report_to_json(report);
    const json_t *notices = json_object_get(json, "notices");
    assert_int_equal(json_array_size(notices), INTAKE_KINDS);
    const json_t *first = json_array_get(notices, 0);
    assert_string_equal(json_string_value(json_object_get(first, "type")), "RRSIG");
    assert_int_equal(json_integer_value(json_object_get(first, "records")), 2);
    assert_string_equal(json_string_value(json_object_get(first, "text")),
                        "2 RRSIG records taken out of the zone: signing makes them anew");
    json_decref(json);
    report_free(report);
    zone_free(intake.zone);
}

/* RFC 4034, 6.2 has them signed as they stand, but not all servers and validators know. */
static void names_that_some_lower_are_lowered(void **state)
{
    (void)state;
    struct intake intake = take("@ 60 SOA A B 1 2 3 4 5\n"
                                "@ 60 NSAP-PTR Small.Example.\n"
                                "@ 60 A6 128 Small.Example.\n"
                                "@ 60 IPSECKEY 10 3 2 Small.Example. QUJD\n"
                                "@ 60 SVCB 1 Small.Example. alpn=H2\n"
                                "@ 60 SVCB 1 small.example. alpn=H2\n" /* the same */
                                "@ 60 HTTPS 0 Small.Example.\n"
                                "@ 60 LP 10 Small.Example.\n"
                                "@ 60 MX 1 Small.Example.\n"
                                "@ 60 TALINK Small.Example. B.\n"
                                "a 60 IPSECKEY 10 1 2 65.66.67.68 QUJD\n"
                                "a 60 IPSECKEY 10 0 2 . QUJD\n"
                                "a 60 A6 0 4142::4142\n"
                                "a 60 SVCB \\# 13 00010241420000010003024832\n");
    char *text = lab_text(intake.zone);
    assert_string_equal(
        text, "example.org.\t60\tIN\tSOA\tA.example.org. B.example.org. 1 2 3 4 5\n"
              "example.org.\t60\tIN\tMX\t1 Small.Example.\n"
              "example.org.\t60\tIN\tTYPE23\t\\# 15 05736D616C6C076578616D706C6500\n"
              "example.org.\t60\tIN\tTYPE38\t\\# 16 8005736D616C6C076578616D706C6500\n"
              "example.org.\t60\tIN\tIPSECKEY\t10 3 2 small.example. QUJD\n"
              "example.org.\t60\tIN\tTYPE58\t\\# 18 05536D616C6C074578616D706C6500014200\n"
              "example.org.\t60\tIN\tSVCB\t1 small.example. alpn=H2\n"
              "example.org.\t60\tIN\tHTTPS\t0 small.example.\n"
              "example.org.\t60\tIN\tLP\t10 small.example.\n"
              "a.example.org.\t60\tIN\tTYPE38\t\\# 17 0041420000000000000000000000004142\n"
              "a.example.org.\t60\tIN\tIPSECKEY\t10 0 2 . QUJD\n"
              "a.example.org.\t60\tIN\tIPSECKEY\t10 1 2 65.66.67.68 QUJD\n"
              "a.example.org.\t60\tIN\tSVCB\t1 ab. alpn=H2\n");
    assert_int_equal(intake.lowered, 7);
    free(text);
    zone_free(intake.zone);
}

static void expect_misplaced(size_t sets, uint16_t type, const char *wanted)
{
    struct intake intake = {.misplaced = {sets, "F:3:1", "a.example.org.", type}};
    struct report *report = report_new();
    intake_report(&intake, report);
    report_end_notices(report);
    json_t *json = report_to_json(report);
    const json_t *notices = json_object_get(json, "notices");
    assert_int_equal(json_array_size(notices), 1);
    const json_t *first = json_array_get(notices, 0);
    assert_string_equal(json_string_value(json_object_get(first, "kind")), "misplaced");
    assert_int_equal(json_integer_value(json_object_get(first, "rrsets")), sets);
    assert_string_equal(json_string_value(json_object_get(first, "text")), wanted);
    json_decref(json);
    report_free(report);
}

static void what_is_misplaced_is_told_once(void **state)
{
    (void)state;
    expect_misplaced(1, TYPE_DS,
                     "F:3:1: a.example.org. DS is where nobody looks for it, it belongs to a "
                     "delegation (RFC 4035, 2.4)");
    expect_misplaced(
        2, TYPE_CDS,
        "F:3:1: a.example.org. CDS is where nobody looks for it, it belongs at the apex "
        "(RFC 7344, 4.1); 1 RRset more is misplaced");
}

#define SOA "@ 60 SOA a b 1 2 3 4 5\n"

/* A zone file with DNSKEYs. */
static struct intake take_keys(const struct dnskey *keys, size_t count)
{
    struct bytes text = {0};
    bytes_text(&text, SOA);
    for (size_t i = 0; i < count; i++) {
        struct bytes rdata = {0};
        dnskey_rdata(&keys[i], &rdata);
        bytes_format(&text, "@ 60 DNSKEY \\# %zu ", rdata.length);
        for (size_t j = 0; j < rdata.length; j++)
            bytes_format(&text, "%02x", rdata.data[j]);
        bytes_u8(&text, '\n');
        bytes_free(&rdata);
    }
    bytes_u8(&text, '\0');
    struct intake intake = take((const char *)text.data);
    bytes_free(&text);
    return intake;
}

static void expect_keys(const struct dnskey *keys, size_t count, const struct dnskey *own,
                        enum keyd_status wanted, const char *message)
{
    struct keyd_error err = {.message = ""};
    struct intake intake = take_keys(keys, count);
    assert_int_equal(intake_keys(&intake, 13, own, 1, &err), wanted);
    if (message != NULL && strstr(err.message, message) == NULL)
        fail_msg("%s", err.message);
    zone_free(intake.zone);
}

static void keys_of_others_stay(void **state)
{
    (void)state;
    struct keys *keys = make_keys();
    struct keyd_error err;
    struct intake intake = take_keys(keys->dnskeys, 2);
    assert_int_equal(intake_keys(&intake, 13, &keys->dnskeys[0], 1, &err), KEYD_OK);
    assert_int_equal(intake.other_count, 1);
    assert_true(dnskey_equal(&intake.others[0], &keys->dnskeys[1]));
    assert_int_equal(zone_records(intake.zone), 3);
    zone_free(intake.zone);
    free_keys(keys);
}

static void some_keys_cannot_stay(void **state)
{
    (void)state;
    struct keys *keys = make_keys();
    struct keys *edwards = make_keys_of(15, 15);
    const struct dnskey *own = &keys->dnskeys[0];
    expect_keys(&edwards->dnskeys[0], 1, own, KEYD_FAILED_PRECONDITION,
                "is not ours and of algorithm 15, this zone is signed with 13 alone");

    /* Two 16-bit words of the key changed places: the same sum. */
    struct dnskey twin = *own;
    memcpy(twin.key, own->key + 2, 2);
    memcpy(twin.key + 2, own->key, 2);
    expect_keys(&twin, 1, own, KEYD_FAILED_PRECONDITION, "a key of ours has the same tag");

    struct dnskey bent = *own;
    bent.length--;
    expect_keys(&bent, 1, own, KEYD_INVALID_ARGUMENT, "public key is none of algorithm 13");

    struct dnskey revoked = keys->dnskeys[1];
    revoked.flags |= DNSKEY_REVOKE;
    expect_keys(&revoked, 1, own, KEYD_FAILED_PRECONDITION,
                "is revoked, which counts only where it signs the DNSKEY RRset itself (RFC 5011, "
                "2.1): its signer publishes it so, take it out of this zone");

    struct dnskey many[INTAKE_OTHERS + 1];
    for (size_t i = 0; i < INTAKE_OTHERS + 1; i++) {
        many[i] = keys->dnskeys[1];
        many[i].key[0] = (uint8_t)i;
    }
    expect_keys(many, INTAKE_OTHERS, own, KEYD_OK, NULL);
    expect_keys(many, INTAKE_OTHERS + 1, own, KEYD_FAILED_PRECONDITION, "more than 8 DNSKEYs");
    free_keys(edwards);
    free_keys(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_signing_makes_is_taken_out),
        cmocka_unit_test(names_that_some_lower_are_lowered),
        cmocka_unit_test(what_is_misplaced_is_told_once),
        cmocka_unit_test(keys_of_others_stay),
        cmocka_unit_test(some_keys_cannot_stay),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
