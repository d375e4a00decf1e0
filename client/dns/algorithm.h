/* SPDX-License-Identifier: BSD-2-Clause
 *
 * DNSSEC algorithms (IANA "DNS Security Algorithm Numbers"): everything that depends on one stands
 * in its row, so that a further algorithm is a further row.
 */
#ifndef DNS_ALGORITHM_H
#define DNS_ALGORITHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNSSEC_DEFAULT_ALGORITHM 13 /* ECDSAP256SHA256 */

#define DNSSEC_RSA_BITS_MIN 2048 /* of the modulus, in a key that is made or taken */
#define DNSSEC_RSA_BITS_MAX 4096 /* RFC 3110, 2 */

#define DNSSEC_SIGNATURE_MAX  512 /* bytes: RSA-4096 */
#define DNSSEC_PUBLIC_KEY_MAX 520 /* bytes of a DNSKEY's public key: RSA-4096 with its exponent */

/* What decides the forms of public keys, private keys and signatures. */
enum dnssec_kind {
    DNSSEC_RSA,     /* RFC 3110, RFC 5702 */
    DNSSEC_ECDSA,   /* RFC 6605 */
    DNSSEC_EDWARDS, /* RFC 8080 */
};

#define DNSSEC_KEY_SPECS_MAX 3

/* A key in keyd: KMS' name, and its size. */
struct dnssec_key_spec {
    const char *name;
    unsigned bits;
};

struct dnssec_algorithm {
    uint8_t number;
    const char *mnemonic;
    enum dnssec_kind kind;
    struct dnssec_key_spec key_specs[DNSSEC_KEY_SPECS_MAX]; /* the default first, name NULL ends */
    const char *signing_algorithm;                          /* keyd's, given the whole message */
    const char *key_type;                                   /* OpenSSL's name */
    const char *group; /* ECDSA: OpenSSL's name of the curve; else NULL */
    const char *hash;  /* OpenSSL's name; NULL: the algorithm hashes by itself */
    size_t public_key; /* bytes of a DNSKEY's public key; RSA: 0, the key says it */
    size_t signature;  /* bytes; RSA: 0, those of the key's modulus */
};

/* NULL for one that this build cannot sign with. */
const struct dnssec_algorithm *dnssec_algorithm_find(unsigned number);

/* The algorithms that this build can sign with, by their numbers; NULL after the last. */
const struct dnssec_algorithm *dnssec_algorithm_at(size_t index);

/* The key spec of a size; bits 0: the default one. NULL when the algorithm has none of that size.
 */
const struct dnssec_key_spec *dnssec_key_spec(const struct dnssec_algorithm *algorithm,
                                              unsigned bits);

/* A number or a mnemonic of the IANA registry, whether this build can sign with it or not. */
bool dnssec_algorithm_parse(const char *text, size_t length, uint8_t *number);

/* The type of a DS' digest: a number or a mnemonic of BIND's. */
bool dnssec_digest_parse(const char *text, size_t length, uint8_t *number);

/* "SHA-256" of digest type 2, "?" for one that is unknown; static. */
const char *dnssec_digest_name(unsigned type);

#endif
