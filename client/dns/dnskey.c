/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/dnskey.h"

#include <openssl/core_names.h>
#include <openssl/x509.h>
#include <string.h>

#include "client/dns/dname.h"

static bool is_of_group(const EVP_PKEY *pkey, const char *group)
{
    char name[32];
    size_t length;
    return EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC &&
           EVP_PKEY_get_group_name(pkey, name, sizeof name, &length) == 1 &&
           OBJ_txt2nid(name) != NID_undef && OBJ_txt2nid(name) == EC_curve_nist2nid(group);
}

enum keyd_status dnskey_from_pkey(const struct dnssec_algorithm *algorithm, uint16_t flags,
                                  const EVP_PKEY *pkey, struct dnskey *key, struct keyd_error *err)
{
    uint8_t point[1 + DNSSEC_PUBLIC_KEY_MAX];
    size_t length = 0;
    if (!is_of_group(pkey, algorithm->group))
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "PUBLIC_KEY",
                         "the key is no %s key, which algorithm %s needs", algorithm->group,
                         algorithm->mnemonic);
    if (EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point,
                                        &length) != 1)
        return keyd_fail_openssl(err, "the public key's point");
    if (length != 1 + 2 * algorithm->field || point[0] != POINT_CONVERSION_UNCOMPRESSED)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "PUBLIC_KEY",
                         "the public key is a compressed or damaged point");
    *key = (struct dnskey){.flags = flags, .algorithm = algorithm->number, .length = length - 1};
    memcpy(key->key, point + 1, key->length);
    return KEYD_OK;
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

enum keyd_status dnskey_ds(const struct dnskey *key, const uint8_t *owner, uint8_t digest_type,
                           struct ds *ds, struct keyd_error *err)
{
    struct bytes message = {0};
    unsigned length = 0;
    *ds = (struct ds){
        .key_tag = dnskey_tag(key), .algorithm = key->algorithm, .digest_type = digest_type};
    if (digest_type != DS_SHA256)
        return keyd_fail(err, KEYD_UNIMPLEMENTED, "DIGEST_TYPE", "DS digest type %u", digest_type);
    bytes_add(&message, owner, dname_length(owner));
    if (!message.failed)
        dname_lower(message.data);
    dnskey_rdata(key, &message);
    int done = !message.failed &&
               EVP_Digest(message.data, message.length, ds->digest, &length, EVP_sha256(), NULL);
    bytes_free(&message);
    ds->length = length;
    return done == 1 ? KEYD_OK : keyd_fail_openssl(err, "the digest of a DNSKEY");
}
