/* SPDX-License-Identifier: BSD-2-Clause
 * CDS and CDNSKEY that are in a zone already: taken where BIND takes them beside the zone's keys.
 */
#include <stdio.h>
#include <string.h>

#include "client/dnssec/cdscheck.h"
#include "tests/cmocka.h"
#include "tests/dnssec/keys.h"
#include "tests/dnssec/lab.h"

#define TEXT_MAX 4096

/* "@ 60 CDS ..." of a key. */
static void add_cds(char text[TEXT_MAX], const struct dnskey *key, uint8_t digest_type)
{
    struct ds ds;
    size_t used = strlen(text);
    assert_int_equal(dnskey_ds(key, lab_name("example.org").wire, digest_type, &ds, NULL), KEYD_OK);
    used += (size_t)snprintf(text + used, TEXT_MAX - used, "@ 60 CDS %u %u %u ", ds.key_tag,
                             ds.algorithm, ds.digest_type);
    for (size_t i = 0; i < ds.length; i++)
        used += (size_t)snprintf(text + used, TEXT_MAX - used, "%02x", ds.digest[i]);
    snprintf(text + used, TEXT_MAX - used, "\n");
}

/* "@ 60 CDNSKEY ..." of a key. */
static void add_cdnskey(char text[TEXT_MAX], const struct dnskey *key)
{
    struct bytes rdata = {0};
    size_t used = strlen(text);
    dnskey_rdata(key, &rdata);
    used += (size_t)snprintf(text + used, TEXT_MAX - used, "@ 60 CDNSKEY \\# %zu ", rdata.length);
    for (size_t i = 0; i < rdata.length; i++)
        used += (size_t)snprintf(text + used, TEXT_MAX - used, "%02x", rdata.data[i]);
    snprintf(text + used, TEXT_MAX - used, "\n");
    bytes_free(&rdata);
}

/* wanted: NULL where the zone passes. */
static void expect(const struct keys *keys, const char *text, const char *wanted)
{
    struct keyd_error err = {.message = "it passed"};
    struct zone *zone = lab_zone("example.org", text);
    assert_int_equal(cdscheck(zone, keys->dnskeys, 2, &err),
                     wanted == NULL ? KEYD_OK : KEYD_FAILED_PRECONDITION);
    if (wanted != NULL) {
        assert_string_equal(lab_plain(err.message), wanted);
        assert_string_equal(err.reason, "CDS");
    }
    zone_free(zone);
}

static void those_of_the_zones_keys_pass(void **state)
{
    (void)state;
    struct keys *keys = make_keys();
    char text[TEXT_MAX] = "@ 60 SOA a b 1 2 3 4 5\n";
    expect(keys, text, NULL);
    add_cds(text, &keys->dnskeys[0], DS_SHA256);
    add_cds(text, &keys->dnskeys[0], DS_SHA384);
    add_cdnskey(text, &keys->dnskeys[0]);
    expect(keys, text, NULL);

    /* One is enough: another may be of a key that is to come. */
    struct keys *others = make_keys();
    add_cds(text, &others->dnskeys[0], DS_SHA1);
    add_cdnskey(text, &others->dnskeys[0]);
    expect(keys, text, NULL);
    free_keys(others);

    expect(keys, "@ 60 CDS 0 0 0 00\n@ 60 CDNSKEY 0 3 0 AA==\n", NULL);
    expect(keys, "a 60 CDS 1 99 99 00\na 60 CDNSKEY 257 3 99 AA==\n", NULL);
    free_keys(keys);
}

#define LEFT " (RFC 7344, 4.1): take them out if they were left by another signer"

static void others_do_not(void **state)
{
    (void)state;
    struct keys *keys = make_keys();
    struct keys *others = make_keys();
    char text[TEXT_MAX] = "@ 60 SOA a b 1 2 3 4 5\n";
    expect(
        keys, "\n@ 60 CDS 1 99 99 ab\n",
        "lab.zone:2:1: CDS: no DNSKEY of the signed zone is meant by those of algorithm 99" LEFT);
    expect(keys, "@ 60 CDS 0 0 0 01\n",
           "lab.zone:1:1: CDS: no DNSKEY of the signed zone is meant by those of algorithm 0" LEFT);
    expect(keys, "@ 60 CDNSKEY 257 3 99 AA==\n",
           "lab.zone:1:1: CDNSKEY: no DNSKEY of the signed zone is meant by those of algorithm "
           "99" LEFT);
    expect(keys, "@ 60 CDS 1 13 9 ab\n",
           "lab.zone:1:1: CDS: digest type 9 cannot be compared with the keys: use 2, SHA-256 (RFC "
           "8624, 3.3)");
    add_cds(text, &others->dnskeys[0], DS_SHA256);
    expect(
        keys, text,
        "lab.zone:2:1: CDS: no DNSKEY of the signed zone is meant by those of algorithm 13" LEFT);
    text[0] = '\0';
    add_cdnskey(text, &others->dnskeys[0]);
    expect(keys, text,
           "lab.zone:1:1: CDNSKEY: no DNSKEY of the signed zone is meant by those of algorithm "
           "13" LEFT);

    text[0] = '\0';
    add_cds(text, &keys->dnskeys[0], DS_SHA256);
    add_cds(text, &keys->dnskeys[0], DS_SHA256);
    strncat(text, "@ 60 CDS 0 0 0 00\n", TEXT_MAX - strlen(text) - 1);
    expect(keys, text,
           "lab.zone:3:1: CDS: the one that asks for the DS to be deleted must be alone (RFC 8078, "
           "4)");
    free_keys(others);
    free_keys(keys);
}

static void expect_of_algorithm(const char *text, enum keyd_status wanted)
{
    struct keyd_error err = {.reason = ""};
    struct zone *zone = lab_zone("example.org", text);
    assert_int_equal(cdscheck_algorithm(zone, 13, &err), wanted);
    assert_string_equal(err.reason, wanted == KEYD_OK ? "" : "CDS");
    zone_free(zone);
}

/* Of what algorithm they must be is known before there are keys. */
static void a_foreign_algorithm_is_told_before_there_are_keys(void **state)
{
    (void)state;
    expect_of_algorithm("@ 60 CDS 1 13 9 ab\n@ 60 CDNSKEY 257 3 13 AA==\n", KEYD_OK);
    expect_of_algorithm("@ 60 CDS 0 0 0 00\n@ 60 CDNSKEY 0 3 0 AA==\n", KEYD_OK);
    expect_of_algorithm("@ 60 CDS 1 13 9 ab\n@ 60 CDS 1 8 9 ab\n", KEYD_FAILED_PRECONDITION);
    expect_of_algorithm("@ 60 CDNSKEY 257 3 15 AA==\n", KEYD_FAILED_PRECONDITION);
    expect_of_algorithm("@ 60 CDS 0 0 0 00\n@ 60 CDS 1 13 9 ab\n", KEYD_FAILED_PRECONDITION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_of_the_zones_keys_pass),
        cmocka_unit_test(others_do_not),
        cmocka_unit_test(a_foreign_algorithm_is_told_before_there_are_keys),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
