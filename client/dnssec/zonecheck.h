/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a zone must be before it is signed: whole, and such that every server loads it.
 */
#ifndef DNSSEC_ZONECHECK_H
#define DNSSEC_ZONECHECK_H

#include "client/dns/zone.h"
#include "keyd/base/error.h"

/* DS without a delegation, and CDS and CDNSKEY below the apex: nobody looks for them there, but all
 * load them. */
struct zonecheck_misplaced {
    size_t sets; /* so many; of the first of them: */
    char place[PLACE_TEXT];
    char owner[DNAME_TEXT];
    uint16_t type;
};

/* INVALID_ARGUMENT, reason ZONE_CONTENT, "FILE:LINE:COLUMN: OWNER: what", for what one of
 * BIND, Knot and NSD does not load, or a validator cannot make out: no SOA or NS at the apex, two
 * SOAs, an SOA elsewhere; a server at the apex that is in the zone and has no address there; CNAME
 * or DNAME with company, anything below a DNAME, NS at a wildcard, DS at the apex; a DNSKEY
 * elsewhere, but for what a delegation hides; rdata that rdatacheck.h refuses; and an RRset that no
 * message holds. misplaced: what is let be, to be told; NULL: nobody is. Pure. */
enum keyd_status zonecheck(const struct zone *zone, struct zonecheck_misplaced *misplaced,
                           struct keyd_error *err) KEYD_CHECKED;

#endif
