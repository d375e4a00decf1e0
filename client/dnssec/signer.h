/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Something that makes DNSSEC signatures with one key. Whoever signs a zone is handed some of these
 * and does not know whether a file, an HSM or a test is behind one.
 */
#ifndef DNSSEC_SIGNER_H
#define DNSSEC_SIGNER_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/algorithm.h"
#include "keyd/base/error.h"

struct dns_signer {
    const struct dnssec_algorithm *algorithm;
    uint16_t key_tag;
    /* Signs a whole message, never a digest. Gives algorithm->signature bytes in DNSSEC's form. May
     * block on the network. Called from one thread at a time. */
    enum keyd_status (*sign)(void *context, const uint8_t *message, size_t length,
                             uint8_t signature[DNSSEC_SIGNATURE_MAX], struct keyd_error *err);
    void *context; /* *borrowed* */
};

/* From the form in which keyd and OpenSSL give a signature (ECDSA: DER, RFC 3279, 2.2.3) to
 * DNSSEC's (RFC 6605, 4: r | s, padded). DATA_LOSS, reason SIGNATURE, for what is no signature of
 * the algorithm. */
enum keyd_status signature_to_dns(const struct dnssec_algorithm *algorithm, const uint8_t *data,
                                  size_t length, uint8_t signature[DNSSEC_SIGNATURE_MAX],
                                  struct keyd_error *err) KEYD_CHECKED;

/* The key of a file: signs with OpenSSL. pkey is *borrowed* and must outlive the signer. */
struct soft_signer {
    const struct dnssec_algorithm *algorithm;
    EVP_PKEY *pkey;
};
struct dns_signer soft_signer(struct soft_signer *soft, uint16_t key_tag);

#endif
