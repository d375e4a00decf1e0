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

enum { DNSSEC_ECDSAP256SHA256 = 13 };

#define DNSSEC_SIGNATURE_MAX  512 /* bytes: RSA-4096 */
#define DNSSEC_PUBLIC_KEY_MAX 520 /* bytes of a DNSKEY's public key: RSA-4096 with its exponent */

struct dnssec_algorithm {
    uint8_t number;
    const char *mnemonic;
    const char *key_spec;          /* of a key in keyd */
    const char *signing_algorithm; /* keyd's, given the whole message */
    const char *group;             /* OpenSSL's name of the curve */
    const char *hash;              /* OpenSSL's name */
    size_t field;                  /* bytes of r, s, x and y */
    size_t signature;              /* bytes */
};

/* NULL for one that this build cannot sign with. */
const struct dnssec_algorithm *dnssec_algorithm_find(unsigned number);

/* A number or a mnemonic of the IANA registry, whether this build can sign with it or not. */
bool dnssec_algorithm_parse(const char *text, size_t length, uint8_t *number);

/* "SHA-256" of digest type 2, "?" for one that is unknown; static. */
const char *dnssec_digest_name(unsigned type);

#endif
