/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Keys by OpenSSL. */
#include "tests/mock/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mock/die.h"

#define COUNT(list)      (sizeof(list) / sizeof(list)[0])
#define EXPONENT_DEFAULT 65537
#define POINT_MAX        100 /* bytes: 1 + 2 * 48 for P-384 */
#define ED25519_SIZE     32

/* Curves by their CKA_EC_PARAMS: an OID, and for Ed25519 the name as well (PKCS #11 3.0, 6.3.10).
 */
static const struct curve {
    CK_KEY_TYPE type;
    const char *group;
    const char *parameters;
    size_t size;
} curves[] = {
    {CKK_EC, "P-256", "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10}, /* RFC 5480, 2.1.1.1 */
    {CKK_EC, "P-384", "\x06\x05\x2b\x81\x04\x00\x22", 7},
    {CKK_EC_EDWARDS, "ED25519", "\x06\x03\x2b\x65\x70", 5}, /* RFC 8410, 3 */
    {CKK_EC_EDWARDS, "ED25519",
     "\x13\x0c"
     "edwards25519",
     14},
};

/* An RSA key's numbers: their names at OpenSSL and here. */
static const struct {
    const char *name;
    CK_ATTRIBUTE_TYPE type;
} secret_numbers[] = {
    {OSSL_PKEY_PARAM_RSA_D, CKA_PRIVATE_EXPONENT},
    {OSSL_PKEY_PARAM_RSA_FACTOR1, CKA_PRIME_1},
    {OSSL_PKEY_PARAM_RSA_FACTOR2, CKA_PRIME_2},
    {OSSL_PKEY_PARAM_RSA_EXPONENT1, CKA_EXPONENT_1},
    {OSSL_PKEY_PARAM_RSA_EXPONENT2, CKA_EXPONENT_2},
    {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, CKA_COEFFICIENT},
};

/* ---- What is wanted ----------------------------------------------------------------------------
 */

static CK_RV read_curve(const struct attributes *public_half, struct key_spec *spec)
{
    const struct attribute *parameters = attributes_find(public_half, CKA_EC_PARAMS);
    if (attributes_find(public_half, CKA_MODULUS_BITS) != NULL ||
        attributes_find(public_half, CKA_PUBLIC_EXPONENT) != NULL)
        return CKR_TEMPLATE_INCONSISTENT;
    if (parameters == NULL)
        return CKR_TEMPLATE_INCOMPLETE;
    for (size_t i = 0; i < COUNT(curves); i++)
        if (curves[i].type == spec->type && curves[i].size == parameters->size &&
            memcmp(curves[i].parameters, parameters->value, parameters->size) == 0) {
            spec->group = curves[i].group;
            return CKR_OK;
        }
    /* An OID or a name is a curve that we do not have; anything else is none. */
    bool named = parameters->size > 2 && (parameters->value[0] == 6 || parameters->value[0] == 19);
    return named ? CKR_CURVE_NOT_SUPPORTED : CKR_DOMAIN_PARAMS_INVALID;
}

static CK_RV read_modulus(const struct attributes *public_half, struct key_spec *spec)
{
    const struct attribute *exponent = attributes_find(public_half, CKA_PUBLIC_EXPONENT);
    CK_ULONG bits = attributes_number(public_half, CKA_MODULUS_BITS);
    if (attributes_find(public_half, CKA_EC_PARAMS) != NULL)
        return CKR_TEMPLATE_INCONSISTENT;
    if (bits == CK_UNAVAILABLE_INFORMATION)
        return CKR_TEMPLATE_INCOMPLETE;
    if (bits < KEY_MODULUS_MIN || bits > KEY_MODULUS_MAX || bits % 1024 != 0)
        return CKR_KEY_SIZE_RANGE;
    spec->bits = (unsigned)bits;
    spec->exponent = EXPONENT_DEFAULT;
    if (exponent == NULL)
        return CKR_OK;
    spec->exponent = 0;
    for (size_t i = 0; i < exponent->size && exponent->size <= sizeof spec->exponent; i++)
        spec->exponent = (spec->exponent << 8) | exponent->value[i];
    bool good = spec->exponent >= EXPONENT_DEFAULT && spec->exponent % 2 == 1;
    return good ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

CK_RV key_spec_read(CK_KEY_TYPE type, const struct attributes *public_half, struct key_spec *spec)
{
    *spec = (struct key_spec){.type = type};
    return type == CKK_RSA ? read_modulus(public_half, spec) : read_curve(public_half, spec);
}

/* ---- Making ------------------------------------------------------------------------------------
 */

static EVP_PKEY *make_rsa(const struct key_spec *spec)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BIGNUM *exponent = BN_new();
    if (ctx == NULL || exponent == NULL || BN_set_word(exponent, spec->exponent) != 1 ||
        EVP_PKEY_keygen_init(ctx) != 1 ||
        EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)spec->bits) != 1 ||
        EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, exponent) != 1 ||
        EVP_PKEY_generate(ctx, &key) != 1)
        key = NULL;
    BN_free(exponent);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

EVP_PKEY *key_make(const struct key_spec *spec)
{
    EVP_PKEY *key;
    if (spec->type == CKK_RSA)
        key = make_rsa(spec);
    else if (spec->type == CKK_EC_EDWARDS)
        key = EVP_PKEY_Q_keygen(NULL, NULL, spec->group);
    else
        key = EVP_EC_gen(spec->group);
    if (key == NULL)
        ERR_clear_error();
    return key;
}

/* ---- Describing --------------------------------------------------------------------------------
 */

/* A number of the key, big-endian, in `size` bytes or, when that is 0, in as many as it needs. */
static void set_number(const EVP_PKEY *key, const char *name, size_t size,
                       struct attributes *attributes, CK_ATTRIBUTE_TYPE type)
{
    BIGNUM *number = NULL;
    if (EVP_PKEY_get_bn_param(key, name, &number) != 1)
        mock_die("OpenSSL does not give '%s' of its key", name);
    if (size == 0)
        size = (size_t)BN_num_bytes(number);
    unsigned char *bytes = mock_alloc(size);
    if (BN_bn2binpad(number, bytes, (int)size) < 0)
        mock_die("'%s' of a key is longer than %zu bytes", name, size);
    attributes_set(attributes, type, bytes, size);
    OPENSSL_cleanse(bytes, size);
    free(bytes);
    BN_clear_free(number);
}

static void describe_rsa(const EVP_PKEY *key, const struct key_spec *spec,
                         struct attributes *public_half, struct attributes *private_half)
{
    struct attributes *halves[] = {public_half, private_half};
    for (size_t i = 0; i < COUNT(halves); i++) {
        set_number(key, OSSL_PKEY_PARAM_RSA_N, 0, halves[i], CKA_MODULUS);
        set_number(key, OSSL_PKEY_PARAM_RSA_E, 0, halves[i], CKA_PUBLIC_EXPONENT);
    }
    attributes_set_number(public_half, CKA_MODULUS_BITS, spec->bits);
    for (size_t i = 0; i < COUNT(secret_numbers); i++)
        set_number(key, secret_numbers[i].name, 0, private_half, secret_numbers[i].type);
}

/* An OCTET STRING around the point; all of ours are shorter than 128 bytes. */
static void set_point(struct attributes *public_half, const unsigned char *point, size_t size)
{
    unsigned char wrapped[2 + POINT_MAX] = {V_ASN1_OCTET_STRING, (unsigned char)size};
    memcpy(wrapped + 2, point, size);
    attributes_set(public_half, CKA_EC_POINT, wrapped, size + 2);
}

static void describe_curve(const EVP_PKEY *key, const struct key_spec *spec,
                           struct attributes *public_half, struct attributes *private_half)
{
    unsigned char point[POINT_MAX];
    size_t size = 0;
    const struct attribute *parameters = attributes_find(public_half, CKA_EC_PARAMS);
    attributes_set(private_half, CKA_EC_PARAMS, parameters->value, parameters->size);
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &size) !=
        1)
        mock_die("OpenSSL does not give its key's point");
    set_point(public_half, point, size);
    if (spec->type == CKK_EC) {
        set_number(key, OSSL_PKEY_PARAM_PRIV_KEY, key_field_size(key), private_half, CKA_VALUE);
        return;
    }
    unsigned char seed[ED25519_SIZE];
    size = sizeof seed;
    if (EVP_PKEY_get_raw_private_key(key, seed, &size) != 1)
        mock_die("OpenSSL does not give its Ed25519 key");
    attributes_set(private_half, CKA_VALUE, seed, size);
    OPENSSL_cleanse(seed, sizeof seed);
}

void key_describe(EVP_PKEY *key, const struct key_spec *spec, struct attributes *public_half,
                  struct attributes *private_half)
{
    unsigned char *der = NULL;
    int size = i2d_PrivateKey(key, &der);
    if (size <= 0)
        mock_die("OpenSSL does not encode its key");
    attributes_set(private_half, ATTRIBUTE_MOCK_KEY, der, (size_t)size);
    OPENSSL_clear_free(der, (size_t)size);
    if (spec->type == CKK_RSA)
        describe_rsa(key, spec, public_half, private_half);
    else
        describe_curve(key, spec, public_half, private_half);
}

CK_KEY_TYPE key_type(const EVP_PKEY *key)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        return CKK_RSA;
    case EVP_PKEY_EC:
        return CKK_EC;
    default:
        return CKK_EC_EDWARDS;
    }
}

size_t key_field_size(const EVP_PKEY *key)
{
    return key_type(key) == CKK_EC ? (size_t)(EVP_PKEY_get_bits(key) + 7) / 8 : 0;
}

size_t key_signature_size(const EVP_PKEY *key)
{
    size_t field = key_field_size(key);
    return field > 0 ? 2 * field : (size_t)EVP_PKEY_get_size(key);
}
