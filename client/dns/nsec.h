/* SPDX-License-Identifier: BSD-2-Clause
 *
 * NSEC records (RFC 4034, 4): who gets one, and what it says. Pure functions.
 */
#ifndef DNS_NSEC_H
#define DNS_NSEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/bytes.h"
#include "client/dns/zone.h"

/* What a name is to its zone. */
enum name_kind {
    NAME_APEX,
    NAME_AUTHORITATIVE,
    NAME_DELEGATION, /* NS here: only DS and NSEC are the zone's own (RFC 4035, 2.2 and 2.3) */
    NAME_BELOW_CUT,  /* glue, and whatever else lies below a delegation: not signed, no NSEC */
};

/* Walks over the names of a zone in canonical order. Begin with {.zone = zone}. */
struct name_walk {
    const struct zone *zone;
    size_t first; /* the name's sets are first to next - 1 */
    size_t next;
    enum name_kind kind;
    const struct rrset *cut; /* the last delegation met */
};

/* To the next name; false at the end. */
bool name_walk_next(struct name_walk *walk);

/* To the next name that gets an NSEC; false at the end. */
bool name_walk_next_owned(struct name_walk *walk);

/* Whether a set of a name of this kind gets an RRSIG. */
bool nsec_is_signed(enum name_kind kind, uint16_t type);

/* Appends the rdata of the NSEC of the name that the walk stands at: `next` is the next owner in
 * the chain; the bitmap names what is signed or delegates there, RRSIG and NSEC, and DNSKEY at the
 * apex whether the zone has it yet or not. */
void nsec_rdata(const struct name_walk *walk, const uint8_t *next, struct bytes *rdata);

/* TTL of all NSECs: the smaller of the SOA's TTL and MINIMUM (RFC 9077, 3). soa has passed
 * zonecheck. */
uint32_t nsec_ttl(const struct rrset *soa);

#endif
