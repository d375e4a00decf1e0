/* SPDX-License-Identifier: BSD-2-Clause
 * Key tags and DS against published keys, and the way from a SubjectPublicKeyInfo. */
#include <openssl/core_names.h>
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

/* RFC 6605, 6.2, example.net. */
static const char rfc6605_p384[] =
    "xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45"
    "NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40";
static const char rfc6605_p384_ds[] =
    "72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983"
    "d6";

/* RFC 8080, 6.1, example.com. */
static const char rfc8080[] = "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=";
static const char rfc8080_ds[] = "3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b";

static struct dnskey key_of(const char *public, uint8_t algorithm)
{
    struct dnskey key = {.flags = DNSKEY_KSK, .algorithm = algorithm};
    assert_true(base64_decode(public, key.key, sizeof key.key, &key.length));
    return key;
}

static void expect_ds(const struct dnskey *key, const char *owner, uint16_t tag, uint8_t type,
                      const char *hex)
{
    struct ds ds;
    char digest[HEX_TEXT(DS_DIGEST_MAX)];
    assert_int_equal(dnskey_tag(key), tag);
    assert_int_equal(dnskey_ds(key, lab_name(owner).wire, type, &ds, NULL), KEYD_OK);
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
    struct dnskey p384 = key_of(rfc6605_p384, 14);
    struct dnskey ed25519 = key_of(rfc8080, 15);
    expect_ds(&p256, "example.net", 55648, DS_SHA256, rfc6605_ds);
    expect_ds(&p256, "EXAMPLE.Net", 55648, DS_SHA256, rfc6605_ds);
    expect_ds(&root, ".", 20326, DS_SHA256, root2017_ds);
    expect_ds(&p384, "example.net", 10771, DS_SHA384, rfc6605_p384_ds);
    expect_ds(&ed25519, "example.com", 3613, DS_SHA256, rfc8080_ds);
    struct ds ds;
    assert_int_equal(dnskey_ds(&p256, lab_name("example.net").wire, 3, &ds, NULL),
                     KEYD_UNIMPLEMENTED);
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

static void another_kind_is_refused(void **state)
{
    (void)state;
    static const struct {
        unsigned algorithm;
        const char *type;
        size_t bits;
        const char *wanted;
    } rows[] = {
        {13, "RSA", 2048, "the key is no P-256 key, which algorithm ECDSAP256SHA256 needs"},
        {8, "ED25519", 0, "the key is no RSA key, which algorithm RSASHA256 needs"},
        {15, "RSA", 2048, "the key is no ED25519 key, which algorithm ED25519 needs"},
        {15, "ED448", 0, "the key is no ED25519 key, which algorithm ED25519 needs"},
        {8, "RSA", 1024, "an RSA key of 1024 bits: 2048 to 4096 are taken"},
        {10, "RSA", 4104, "an RSA key of 4104 bits: 2048 to 4096 are taken"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct keyd_error err;
        struct dnskey key;
        EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, rows[i].type, rows[i].bits);
        assert_non_null(pkey);
        assert_int_equal(dnskey_from_pkey(dnssec_algorithm_find(rows[i].algorithm), DNSKEY_KSK,
                                          pkey, &key, &err),
                         KEYD_INVALID_ARGUMENT);
        assert_string_equal(err.message, rows[i].wanted);
        EVP_PKEY_free(pkey);
    }
}

/* RFC 3110, 2: the exponent's length, the exponent, the modulus; at the sizes that HSMs make. */
static void rsa_has_exponent_and_modulus(void **state)
{
    (void)state;
    static const unsigned sizes[] = {2048, 4096};
    static const uint8_t start[] = {3, 1, 0, 1};
    for (size_t i = 0; i < 2; i++) {
        struct dnskey key;
        struct dnskey_rsa rsa;
        EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)sizes[i]);
        assert_int_equal(dnskey_from_pkey(dnssec_algorithm_find(8), DNSKEY_KSK, pkey, &key, NULL),
                         KEYD_OK);
        assert_int_equal(key.length, 4 + sizes[i] / 8);
        assert_memory_equal(key.key, start, sizeof start);
        assert_true(dnskey_rsa(&key, &rsa));
        assert_ptr_equal(rsa.modulus, key.key + 4);
        assert_int_equal(dnskey_bits(&key), sizes[i]);
        assert_int_equal(dnskey_signature_length(&key), sizes[i] / 8);
        EVP_PKEY_free(pkey);
    }
    struct dnskey root = key_of(root2017, 8);
    assert_int_equal(dnskey_bits(&root), 2048);
}

static void a_large_exponent_is_refused(void **state)
{
    (void)state;
    static unsigned long long exponents[] = {0xfffffffbULL, 0x100000001ULL};
    static const enum keyd_status wanted[] = {KEYD_OK, KEYD_INVALID_ARGUMENT};
    for (size_t i = 0; i < 2; i++) {
        size_t bits = 2048;
        EVP_PKEY *pkey = NULL;
        struct dnskey key;
        const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_RSA_BITS, &bits),
                                     OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E,
                                                             (unsigned char *)&exponents[i],
                                                             sizeof exponents[i]),
                                     OSSL_PARAM_END};
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
        assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
        assert_int_equal(EVP_PKEY_CTX_set_params(ctx, params), 1);
        assert_int_equal(EVP_PKEY_generate(ctx, &pkey), 1);
        assert_int_equal(dnskey_from_pkey(dnssec_algorithm_find(8), DNSKEY_KSK, pkey, &key, NULL),
                         wanted[i]);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(pkey);
    }
}

/* What may stand in a damaged state or in somebody's zone. */
static void malformed_public_keys_have_no_signature_length(void **state)
{
    (void)state;
    struct dnskey key = key_of(rfc6605, 13);
    assert_int_equal(dnskey_signature_length(&key), 64);
    assert_int_equal(dnskey_bits(&key), 256);
    key.length = 63;
    assert_int_equal(dnskey_signature_length(&key), 0);
    key.algorithm = 5;
    assert_int_equal(dnskey_signature_length(&key), 0);
    static const struct dnskey bad[] = {
        {.algorithm = 8, .length = 0},
        {.algorithm = 8, .length = 1, .key = {3}},
        {.algorithm = 8, .length = 4, .key = {3, 1, 0, 1}},       /* no modulus */
        {.algorithm = 8, .length = 5, .key = {3, 1, 0, 1, 0}},    /* a zero in front of it */
        {.algorithm = 8, .length = 3, .key = {0, 0, 0}},          /* no exponent */
        {.algorithm = 8, .length = 6, .key = {0, 0, 9, 1, 0, 1}}, /* runs over */
        {.algorithm = 8, .length = 517, .key = {3, 1, 0, 1, 1}},  /* 513 bytes of modulus */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(dnskey_signature_length(&bad[i]), 0);
        assert_int_equal(dnskey_bits(&bad[i]), 0);
    }
    const struct dnskey far = {.algorithm = 8, .length = 7, .key = {0, 0, 3, 1, 0, 1, 0x7f}};
    assert_int_equal(dnskey_bits(&far), 7);
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
        cmocka_unit_test(another_kind_is_refused),
        cmocka_unit_test(rsa_has_exponent_and_modulus),
        cmocka_unit_test(a_large_exponent_is_refused),
        cmocka_unit_test(malformed_public_keys_have_no_signature_length),
        cmocka_unit_test(tags_collide_when_revoked_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
