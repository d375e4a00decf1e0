/* SPDX-License-Identifier: BSD-2-Clause
 *
 * RRSIGs: the bytes that are signed (RFC 4034, 3.1.8.1) and the record that comes of it. Pure
 * functions but for memory.
 */
#ifndef DNSSEC_RRSIG_H
#define DNSSEC_RRSIG_H

#include <stddef.h>
#include <stdint.h>

#include "client/dns/bytes.h"
#include "client/dns/zone.h"
#include "client/dnssec/signer.h"
#include "keyd/base/error.h"

struct rrsig {
    uint16_t type_covered;
    uint8_t algorithm;
    uint8_t labels; /* rrsig_labels of the owner */
    uint32_t original_ttl;
    uint32_t expiration; /* seconds since 1970, RFC 4034, 3.1.5 */
    uint32_t inception;
    uint16_t key_tag;
    const uint8_t *signer_name; /* the zone's apex, *borrowed* */
};

/* Labels of an owner, without the root and a leading "*" (RFC 4034, 3.1.3). */
uint8_t rrsig_labels(const uint8_t *owner);

/* Appends what is signed: the RRSIG's rdata without the signature, then the set's records in
 * canonical form and order. The set is one of a finished zone, which keeps that order. */
void rrsig_message(const struct rrsig *rrsig, const struct rrset *set, struct bytes *message);

/* What all RRSIGs of one signing have in common. */
struct rrsig_terms {
    const uint8_t *apex; /* *borrowed* */
    uint32_t inception;  /* seconds since 1970 */
    uint32_t expiration; /* the latest */
    uint32_t jitter;     /* seconds at most that a set's signatures end before that */
};

/* When the signatures of a set end: at terms->expiration or up to terms->jitter before it, by a
 * hash of owner and type alone, so that the same zone always has the same. */
uint32_t rrsig_expiration(const struct rrset *set, const struct rrsig_terms *terms);

/* The RRSIG that a signer would make. */
struct rrsig rrsig_for(const struct rrset *set, const struct rrsig_terms *terms,
                       const struct dns_signer *signer);

/* Puts other times into it, and into what rrsig_message appended for it to an empty message. */
void rrsig_set_times(struct rrsig *rrsig, uint32_t inception, uint32_t expiration,
                     struct bytes *message);

/* Appends its rdata. */
void rrsig_rdata(const struct rrsig *rrsig, const uint8_t *signature, size_t length,
                 struct bytes *rdata);

/* Appends the rdata of the RRSIG of a set, made by the signer of a seat. All signatures of a zone
 * come from here. */
enum keyd_status rrsig_make(const struct rrset *set, const struct rrsig_terms *terms,
                            struct signer_seat *seat, struct bytes *rdata,
                            struct keyd_error *err) KEYD_CHECKED;

#endif
