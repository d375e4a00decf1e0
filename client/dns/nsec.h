/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which names of a zone are denied around, and what is said of them: NSEC records (RFC 4034, 4) and
 * what NSEC3 (nsec3.h) has in common with them. Pure functions.
 */
#ifndef DNS_NSEC_H
#define DNS_NSEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/bytes.h"
#include "client/dns/typeset.h"
#include "client/dns/zone.h"

/* What a name is to its zone. */
enum name_kind {
    NAME_APEX,
    NAME_AUTHORITATIVE,
    NAME_DELEGATION, /* NS here: only DS and NSEC are the zone's own (RFC 4035, 2.2 and 2.3) */
    NAME_BELOW_CUT,  /* glue, and whatever else lies below a delegation: not signed, no NSEC */
};

/* Walks over the names of a zone in canonical order. Begin with {.zone = zone}; a copy goes on from
 * where it was made. */
struct name_walk {
    const struct zone *zone;
    struct zone_name name;
    enum name_kind kind;
    const uint8_t *cut; /* the key of the last delegation met; NULL: none yet */
    uint16_t cut_length;
};

/* To the next name; false at the end. */
bool name_walk_next(struct name_walk *walk);

/* To the next name that gets an NSEC; false at the end. */
bool name_walk_next_owned(struct name_walk *walk);

/* Whether a set of a name of this kind gets an RRSIG. */
bool nsec_is_signed(enum name_kind kind, uint16_t type);

/* Adds the types of a name that its NSEC or NSEC3 names: what is signed or delegates there. Without
 * RRSIG, NSEC and what signing brings to the apex. Returns whether a set of them gets an RRSIG. */
bool nsec_add_types(const struct zone_name *name, enum name_kind kind, struct typeset *types);

/* TTL of all NSECs and NSEC3s: the smaller of the SOA's TTL and MINIMUM (RFC 9077, 3). soa has
 * passed zonecheck. */
uint32_t nsec_ttl(const struct rrset *soa);

#endif
