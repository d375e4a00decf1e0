/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Something that makes DNSSEC signatures with one key. Whoever signs a zone is handed some of these
 * and does not know whether a file, an HSM or a test is behind one.
 */
#ifndef DNSSEC_SIGNER_H
#define DNSSEC_SIGNER_H

#include <stddef.h>
#include <stdint.h>

#include "client/dns/algorithm.h"
#include "client/dns/bytes.h"
#include "client/dns/dnskey.h"
#include "keyd/base/error.h"

struct dns_signer {
    const struct dnssec_algorithm *algorithm;
    uint16_t key_tag;
    size_t signature_length; /* bytes of each signature in an RRSIG */
    /* Signs a whole message, never a digest. Gives the signature in the form that keyd and OpenSSL
     * have (ECDSA: DER, RFC 3279, 2.2.3). May block on the network. `desk` is the calling thread's,
     * NULL without desk_new: then it is called from one thread at a time. */
    enum keyd_status (*sign)(void *context, void *desk, const uint8_t *message, size_t length,
                             uint8_t signature[DNSSEC_SIGNATURE_MAX], size_t *signature_length,
                             struct keyd_error *err);
    /* What one thread needs to sign beside others; NULL from desk_new: no memory. */
    void *(*desk_new)(void *context);
    void (*desk_free)(void *desk);
    void *context; /* *borrowed* */
};

/* A thread's use of a signer. */
struct signer_seat {
    const struct dns_signer *signer; /* *borrowed* */
    void *desk;
    struct bytes message; /* what is signed next; for rrsig.h */
};

/* *seat is *owned*: signer_rise, which takes one that is all zero. */
enum keyd_status signer_sit(struct signer_seat *seat, const struct dns_signer *signer,
                            struct keyd_error *err) KEYD_CHECKED;
void signer_rise(struct signer_seat *seat);

/* Signs a message; the signature has signer->signature_length bytes, in DNSSEC's form. DATA_LOSS,
 * reason SIGNATURE, when what came back is none of the key. */
enum keyd_status signer_sign(struct signer_seat *seat, const uint8_t *message, size_t length,
                             uint8_t signature[DNSSEC_SIGNATURE_MAX],
                             struct keyd_error *err) KEYD_CHECKED;

/* To DNSSEC's form, `wanted` bytes: ECDSA's r | s, padded (RFC 6605, 4); RSA's (RFC 5702, 3) and
 * Ed25519's (RFC 8080, 4) have it already. DATA_LOSS, reason SIGNATURE, for what is no signature of
 * the algorithm. */
enum keyd_status signature_to_dns(const struct dnssec_algorithm *algorithm, size_t wanted,
                                  const uint8_t *data, size_t length,
                                  uint8_t signature[DNSSEC_SIGNATURE_MAX],
                                  struct keyd_error *err) KEYD_CHECKED;

#endif
