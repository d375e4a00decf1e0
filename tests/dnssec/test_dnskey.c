/* SPDX-License-Identifier: BSD-2-Clause
 * Key tags and DS against published keys, and the way from a SubjectPublicKeyInfo. */
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "client/dns/dname.h"
#include "client/dns/dnskey.h"
#include "keyd/base/encode.h"
#include "tests/cmocka.h"
#include "tests/dnssec/lab.h"

/* RFC 6605, 6.1, example.net. */
static const char rfc6605[] =
    "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr"
    "+Wi9xMWyQLc8NAA==";
static const char rfc6605_ds[] = "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17";

/* The root's KSK-2017, algorithm 8, as IANA publishes it. */
static const char root2017[] =
    "AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/"
    "4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4"
    "+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/"
    "EWgvIWgb9ta"
    "rpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/"
    "ilBmSVIzuDWfdRUfhHdY6+cn8H"
    "FRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU=";
static const char root2017_ds[] =
    "e06d44b80b8f1d39a95c0b0d7c65d08458e880409bbc683457104237c7f8ec8d";

static struct dnskey key_of(const char *public, uint8_t algorithm)
{
    struct dnskey key = {.flags = DNSKEY_KSK, .algorithm = algorithm};
    assert_true(base64_decode(public, key.key, sizeof key.key, &key.length));
    return key;
}

static void expect_ds(const struct dnskey *key, const char *owner, uint16_t tag, const char *hex)
{
    struct ds ds;
    char digest[HEX_TEXT(DS_DIGEST_MAX)];
    assert_int_equal(dnskey_tag(key), tag);
    assert_int_equal(dnskey_ds(key, lab_name(owner).wire, DS_SHA256, &ds, NULL), KEYD_OK);
    hex_encode(ds.digest, ds.length, digest);
    assert_string_equal(digest, hex);
    assert_int_equal(ds.key_tag, tag);
    assert_int_equal(ds.algorithm, key->algorithm);
}

static void known_answers(void **state)
{
    (void)state;
    struct dnskey p256 = key_of(rfc6605, 13);
    struct dnskey root = key_of(root2017, 8);
    expect_ds(&p256, "example.net", 55648, rfc6605_ds);
    expect_ds(&p256, "EXAMPLE.Net", 55648, rfc6605_ds);
    expect_ds(&root, ".", 20326, root2017_ds);
}

static void survives_rdata(void **state)
{
    (void)state;
    struct dnskey key = key_of(rfc6605, 13);
    struct dnskey again;
    struct bytes rdata = {0};
    dnskey_rdata(&key, &rdata);
    assert_int_equal(rdata.length, 68);
    assert_true(dnskey_from_rdata(rdata.data, rdata.length, &again));
    assert_true(dnskey_equal(&key, &again));
    rdata.data[2] = 2; /* the protocol */
    assert_false(dnskey_from_rdata(rdata.data, rdata.length, &again));
    assert_false(dnskey_from_rdata(rdata.data, 3, &again));
    bytes_free(&rdata);
}

static void comes_from_a_spki(void **state)
{
    (void)state;
    const struct dnssec_algorithm *algorithm = dnssec_algorithm_find(13);
    unsigned char *der = NULL;
    struct dnskey from_spki;
    struct dnskey from_pkey;
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    int length = i2d_PUBKEY(pkey, &der);
    assert_int_equal(dnskey_from_spki(algorithm, DNSKEY_KSK, der, (size_t)length, &from_spki, NULL),
                     KEYD_OK);
    assert_int_equal(dnskey_from_pkey(algorithm, DNSKEY_KSK, pkey, &from_pkey, NULL), KEYD_OK);
    assert_true(dnskey_equal(&from_spki, &from_pkey));
    assert_int_equal(from_spki.length, 64);
    assert_memory_equal(from_spki.key, der + length - 64, 64);
    assert_int_equal(
        dnskey_from_spki(algorithm, DNSKEY_KSK, der, (size_t)length - 1, &from_spki, NULL),
        KEYD_INTERNAL);
    OPENSSL_free(der);
    EVP_PKEY_free(pkey);
}

static void another_curve_is_refused(void **state)
{
    (void)state;
    struct keyd_error err;
    struct dnskey key;
    EVP_PKEY *pkey = EVP_EC_gen("P-384");
    assert_int_equal(dnskey_from_pkey(dnssec_algorithm_find(13), DNSKEY_KSK, pkey, &key, &err),
                     KEYD_INVALID_ARGUMENT);
    assert_string_equal(err.message,
                        "the key is no P-256 key, which algorithm ECDSAP256SHA256 needs");
    EVP_PKEY_free(pkey);
}

static void tags_collide_when_revoked_too(void **state)
{
    (void)state;
    struct dnskey a = key_of(rfc6605, 13);
    struct dnskey b = a;
    assert_true(dnskey_tags_collide(&a, &b));
    b.flags |= DNSKEY_REVOKE;
    assert_int_not_equal(dnskey_tag(&a), dnskey_tag(&b));
    assert_true(dnskey_tags_collide(&a, &b));
    b = a;
    b.key[1]++;
    assert_false(dnskey_tags_collide(&a, &b));
    b.key[1]--;
    b.key[1] = (uint8_t)(b.key[1] - DNSKEY_REVOKE); /* the revoked tag of a, for the plain key b */
    if (a.key[1] >= DNSKEY_REVOKE)
        b.flags |= DNSKEY_REVOKE;
    assert_true(dnskey_tags_collide(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(survives_rdata),
        cmocka_unit_test(comes_from_a_spki),
        cmocka_unit_test(another_curve_is_refused),
        cmocka_unit_test(tags_collide_when_revoked_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
