/* SPDX-License-Identifier: BSD-2-Clause
 *
 * DNSKEYs (RFC 4034, 2; their public keys: RFC 3110, 6605, 8080): from a key's public half, to
 * rdata, key tag and DS.
 */
#ifndef DNS_DNSKEY_H
#define DNS_DNSKEY_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/algorithm.h"
#include "client/dns/bytes.h"
#include "keyd/base/error.h"

#define DNSKEY_ZONE     0x0100 /* flag: a zone's key */
#define DNSKEY_REVOKE   0x0080 /* flag, RFC 5011 */
#define DNSKEY_SEP      0x0001 /* flag: secure entry point, RFC 4034, 2.1.1 */
#define DNSKEY_ZSK      DNSKEY_ZONE
#define DNSKEY_KSK      (DNSKEY_ZONE | DNSKEY_SEP)
#define DNSKEY_PROTOCOL 3

#define DS_SHA1       1  /* RFC 4034, 5.1.3: to compare with, not to give out (RFC 8624, 3.3) */
#define DS_SHA256     2  /* RFC 4509 */
#define DS_SHA384     4  /* RFC 6605, 2 */
#define DS_DIGEST_MAX 48 /* bytes: SHA-384 */

struct dnskey {
    uint16_t flags;
    uint8_t algorithm;
    uint8_t key[DNSSEC_PUBLIC_KEY_MAX]; /* the public key field */
    size_t length;                      /* bytes of it */
};

struct ds {
    uint16_t key_tag;
    uint8_t algorithm;
    uint8_t digest_type;
    uint8_t digest[DS_DIGEST_MAX];
    size_t length; /* bytes of the digest */
};

/* From a SubjectPublicKeyInfo. INVALID_ARGUMENT, PUBLIC_KEY, when it is not of the algorithm, or an
 * RSA key of a size or with an exponent that validators do not all take. */
enum keyd_status dnskey_from_spki(const struct dnssec_algorithm *algorithm, uint16_t flags,
                                  const uint8_t *der, size_t length, struct dnskey *key,
                                  struct keyd_error *err) KEYD_CHECKED;

/* From the public half of an OpenSSL key; the same errors. */
enum keyd_status dnskey_from_pkey(const struct dnssec_algorithm *algorithm, uint16_t flags,
                                  const EVP_PKEY *pkey, struct dnskey *key,
                                  struct keyd_error *err) KEYD_CHECKED;

void dnskey_rdata(const struct dnskey *key, struct bytes *wire); /* appends */

/* False when the rdata is too short or too long for a DNSKEY or its protocol is not 3. */
bool dnskey_from_rdata(const uint8_t *rdata, size_t length, struct dnskey *key);

bool dnskey_equal(const struct dnskey *a, const struct dnskey *b);

/* RSA: where exponent and modulus (RFC 3110, 2) stand in a public key. *Borrowed*. */
struct dnskey_rsa {
    const uint8_t *exponent;
    size_t exponent_length;
    const uint8_t *modulus;
    size_t modulus_length;
};

/* False when the public key has not that form. */
bool dnskey_rsa(const struct dnskey *key, struct dnskey_rsa *rsa);

/* Bytes of the signatures that the key makes, as they stand in an RRSIG. 0 when the public key has
 * not its algorithm's form or this build cannot sign with the algorithm. */
size_t dnskey_signature_length(const struct dnskey *key);

/* Bits of the modulus or of the curve's field; 0 where dnskey_signature_length says 0. */
unsigned dnskey_bits(const struct dnskey *key);

uint16_t dnskey_tag(const struct dnskey *key); /* RFC 4034, appendix B; not for algorithm 1 */

/* Whether two keys have one tag now, or would once either is revoked. */
bool dnskey_tags_collide(const struct dnskey *a, const struct dnskey *b);

/* digest_type: one of the above, else UNIMPLEMENTED. The owner is lower-cased for the digest (RFC
 * 4034, 5.1.4).
 */
enum keyd_status dnskey_ds(const struct dnskey *key, const uint8_t *owner, uint8_t digest_type,
                           struct ds *ds, struct keyd_error *err) KEYD_CHECKED;

#endif
