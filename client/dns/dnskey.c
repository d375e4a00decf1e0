/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/dnskey.h"

#include <openssl/core_names.h>
#include <openssl/x509.h>
#include <string.h>

#include "client/dns/dname.h"

#define RSA_EXPONENT_MAX 4 /* bytes: validators refuse larger ones, or are slow with them */

/* ---- Public keys ---------------------------------------------------------------------------- */

static bool is_of_group(const EVP_PKEY *pkey, const char *group)
{
    char name[32];
    size_t length;
    return EVP_PKEY_get_group_name(pkey, name, sizeof name, &length) == 1 &&
           OBJ_txt2nid(name) != NID_undef && OBJ_txt2nid(name) == EC_curve_nist2nid(group);
}

static enum keyd_status check_type(const struct dnssec_algorithm *algorithm, const EVP_PKEY *pkey,
                                   struct keyd_error *err)
{
    if (EVP_PKEY_is_a(pkey, algorithm->key_type) &&
        (algorithm->group == NULL || is_of_group(pkey, algorithm->group)))
        return KEYD_OK;
    return keyd_fail(
        err, KEYD_INVALID_ARGUMENT, "PUBLIC_KEY", "the key is no %s key, which algorithm %s needs",
        algorithm->group != NULL ? algorithm->group : algorithm->key_type, algorithm->mnemonic);
}

/* RFC 3110, 2, with an exponent of less than 256 bytes: its length, the exponent, the modulus. */
static void put_rsa(const BIGNUM *n, const BIGNUM *e, struct dnskey *key)
{
    key->key[0] = (uint8_t)BN_num_bytes(e);
    BN_bn2bin(e, key->key + 1);
    key->length = 1 + (size_t)key->key[0];
    key->length += (size_t)BN_bn2bin(n, key->key + key->length);
}

static enum keyd_status take_rsa(const EVP_PKEY *pkey, struct dnskey *key, struct keyd_error *err)
{
    BIGNUM *n = NULL;
    BIGNUM *e = NULL;
    int bits = EVP_PKEY_get_bits(pkey);
    enum keyd_status status = KEYD_OK;
    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
        EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
        status = keyd_fail_openssl(err, "the public key's numbers");
    else if (bits < DNSSEC_RSA_BITS_MIN || bits > DNSSEC_RSA_BITS_MAX)
        status = keyd_fail(err, KEYD_INVALID_ARGUMENT, "PUBLIC_KEY",
                           "an RSA key of %d bits: %d to %d are taken", bits, DNSSEC_RSA_BITS_MIN,
                           DNSSEC_RSA_BITS_MAX);
    else if (BN_num_bytes(e) > RSA_EXPONENT_MAX || BN_is_zero(e))
        status = keyd_fail(err, KEYD_INVALID_ARGUMENT, "PUBLIC_KEY",
                           "an RSA key with a public exponent of %d bytes: 1 to %d are taken",
                           BN_num_bytes(e), RSA_EXPONENT_MAX);
    else
        put_rsa(n, e, key);
    BN_free(n);
    BN_free(e);
    return status;
}

static enum keyd_status take_point(const EVP_PKEY *pkey, size_t wanted, struct dnskey *key,
                                   struct keyd_error *err)
{
    uint8_t point[1 + DNSSEC_PUBLIC_KEY_MAX];
    size_t length = 0;
    if (EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point,
                                        &length) != 1)
        return keyd_fail_openssl(err, "the public key's point");
    if (length != 1 + wanted || point[0] != POINT_CONVERSION_UNCOMPRESSED)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "PUBLIC_KEY",
                         "the public key is a compressed or damaged point");
    memcpy(key->key, point + 1, wanted);
    key->length = wanted;
    return KEYD_OK;
}

static enum keyd_status take_raw(const EVP_PKEY *pkey, size_t wanted, struct dnskey *key,
                                 struct keyd_error *err)
{
    key->length = sizeof key->key;
    if (EVP_PKEY_get_raw_public_key(pkey, key->key, &key->length) != 1)
        return keyd_fail_openssl(err, "the public key's bytes");
    if (key->length != wanted)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "PUBLIC_KEY",
                         "a public key of %zu bytes, %zu are wanted", key->length, wanted);
    return KEYD_OK;
}

enum keyd_status dnskey_from_pkey(const struct dnssec_algorithm *algorithm, uint16_t flags,
                                  const EVP_PKEY *pkey, struct dnskey *key, struct keyd_error *err)
{
    enum keyd_status status = check_type(algorithm, pkey, err);
    if (status != KEYD_OK)
        return status;
    *key = (struct dnskey){.flags = flags, .algorithm = algorithm->number};
    switch (algorithm->kind) {
    case DNSSEC_RSA:
        return take_rsa(pkey, key, err);
    case DNSSEC_ECDSA:
        return take_point(pkey, algorithm->public_key, key, err);
    case DNSSEC_EDWARDS:
        return take_raw(pkey, algorithm->public_key, key, err);
    }
    return keyd_fail(err, KEYD_INTERNAL, "PUBLIC_KEY", "algorithm %u is of no kind",
                     algorithm->number);
}

enum keyd_status dnskey_from_spki(const struct dnssec_algorithm *algorithm, uint16_t flags,
                                  const uint8_t *der, size_t length, struct dnskey *key,
                                  struct keyd_error *err)
{
    const unsigned char *at = der;
    EVP_PKEY *pkey = length <= INT32_MAX ? d2i_PUBKEY(NULL, &at, (long)length) : NULL;
    if (pkey == NULL)
        return keyd_fail_openssl(err, "a public key that is no SubjectPublicKeyInfo");
    enum keyd_status status = dnskey_from_pkey(algorithm, flags, pkey, key, err);
    EVP_PKEY_free(pkey);
    return status;
}

bool dnskey_rsa(const struct dnskey *key, struct dnskey_rsa *rsa)
{
    struct cursor wire = cursor_over(key->key, key->length);
    rsa->exponent_length = cursor_u8(&wire);
    if (rsa->exponent_length == 0)
        rsa->exponent_length = cursor_u16(&wire);
    rsa->exponent = cursor_take(&wire, rsa->exponent_length);
    rsa->modulus_length = cursor_left(&wire);
    rsa->modulus = wire.at;
    return !wire.failed && rsa->exponent_length > 0 && rsa->modulus_length > 0 &&
           rsa->modulus[0] != 0;
}

size_t dnskey_signature_length(const struct dnskey *key)
{
    struct dnskey_rsa rsa;
    const struct dnssec_algorithm *algorithm = dnssec_algorithm_find(key->algorithm);
    if (algorithm == NULL)
        return 0;
    if (algorithm->kind != DNSSEC_RSA)
        return key->length == algorithm->public_key ? algorithm->signature : 0;
    return dnskey_rsa(key, &rsa) && rsa.modulus_length <= DNSSEC_SIGNATURE_MAX ? rsa.modulus_length
                                                                               : 0;
}

unsigned dnskey_bits(const struct dnskey *key)
{
    struct dnskey_rsa rsa;
    const struct dnssec_algorithm *algorithm = dnssec_algorithm_find(key->algorithm);
    if (dnskey_signature_length(key) == 0)
        return 0;
    if (algorithm->kind != DNSSEC_RSA)
        return algorithm->key_specs[0].bits;
    dnskey_rsa(key, &rsa);
    unsigned bits = (unsigned)rsa.modulus_length * 8;
    for (unsigned bit = 0x80; (rsa.modulus[0] & bit) == 0; bit >>= 1)
        bits--;
    return bits;
}

/* ---- Records -------------------------------------------------------------------------------- */

void dnskey_rdata(const struct dnskey *key, struct bytes *wire)
{
    bytes_u16(wire, key->flags);
    bytes_u8(wire, DNSKEY_PROTOCOL);
    bytes_u8(wire, key->algorithm);
    bytes_add(wire, key->key, key->length);
}

bool dnskey_from_rdata(const uint8_t *rdata, size_t length, struct dnskey *key)
{
    struct cursor wire = cursor_over(rdata, length);
    uint16_t flags = cursor_u16(&wire);
    uint8_t protocol = cursor_u8(&wire);
    uint8_t algorithm = cursor_u8(&wire);
    size_t left = cursor_left(&wire);
    if (wire.failed || protocol != DNSKEY_PROTOCOL || left > sizeof key->key)
        return false;
    *key = (struct dnskey){.flags = flags, .algorithm = algorithm, .length = left};
    memcpy(key->key, wire.at, left);
    return true;
}

bool dnskey_equal(const struct dnskey *a, const struct dnskey *b)
{
    return a->flags == b->flags && a->algorithm == b->algorithm && a->length == b->length &&
           memcmp(a->key, b->key, a->length) == 0;
}

/* The rdata's bytes as 16-bit numbers, added up. */
static uint16_t tag_with_flags(const struct dnskey *key, uint16_t flags)
{
    uint32_t sum = flags + (uint32_t)(DNSKEY_PROTOCOL << 8) + key->algorithm;
    for (size_t i = 0; i < key->length; i++)
        sum += (i % 2) == 0 ? (uint32_t)key->key[i] << 8 : key->key[i];
    sum += sum >> 16 & 0xffff;
    return (uint16_t)sum;
}

uint16_t dnskey_tag(const struct dnskey *key)
{
    return tag_with_flags(key, key->flags);
}

bool dnskey_tags_collide(const struct dnskey *a, const struct dnskey *b)
{
    for (unsigned i = 0; i < 4; i++) {
        uint16_t a_flags = (uint16_t)(i & 1 ? a->flags | DNSKEY_REVOKE : a->flags);
        uint16_t b_flags = (uint16_t)(i & 2 ? b->flags | DNSKEY_REVOKE : b->flags);
        if (tag_with_flags(a, a_flags) == tag_with_flags(b, b_flags))
            return true;
    }
    return false;
}

static const EVP_MD *digest_of(uint8_t type)
{
    switch (type) {
    case DS_SHA1:
        return EVP_sha1();
    case DS_SHA256:
        return EVP_sha256();
    case DS_SHA384:
        return EVP_sha384();
    default:
        return NULL;
    }
}

enum keyd_status dnskey_ds(const struct dnskey *key, const uint8_t *owner, uint8_t digest_type,
                           struct ds *ds, struct keyd_error *err)
{
    struct bytes message = {0};
    unsigned length = 0;
    const EVP_MD *hash = digest_of(digest_type);
    *ds = (struct ds){
        .key_tag = dnskey_tag(key), .algorithm = key->algorithm, .digest_type = digest_type};
    if (hash == NULL)
        return keyd_fail(err, KEYD_UNIMPLEMENTED, "DIGEST_TYPE", "DS digest type %u", digest_type);
    bytes_add(&message, owner, dname_length(owner));
    if (!message.failed)
        dname_lower(message.data);
    dnskey_rdata(key, &message);
    int done = !message.failed &&
               EVP_Digest(message.data, message.length, ds->digest, &length, hash, NULL);
    bytes_free(&message);
    ds->length = length;
    return done == 1 ? KEYD_OK : keyd_fail_openssl(err, "the digest of a DNSKEY");
}
