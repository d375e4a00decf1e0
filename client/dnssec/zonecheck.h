/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a zone must be before it is signed: whole, and such that every server loads it.
 */
#ifndef DNSSEC_ZONECHECK_H
#define DNSSEC_ZONECHECK_H

#include "client/dns/zone.h"
#include "keyd/base/error.h"

#define ZONECHECK_LINE 16 /* characters with the NUL */

/* ":LINE", for messages; empty for 0, a record that is from no file. Returns text. */
const char *zonecheck_line(unsigned line, char text[ZONECHECK_LINE]);

/* DS without a delegation, and CDS and CDNSKEY below the apex: nobody looks for them there, but all
 * load them. */
struct zonecheck_misplaced {
    size_t sets; /* so many; of the first of them: */
    unsigned line;
    uint16_t type;
    char owner[DNAME_TEXT];
};

/* path is for messages ("FILE:LINE: ..."). INVALID_ARGUMENT, reason ZONE_CONTENT, for what one of
 * BIND, Knot and NSD does not load, or a validator cannot make out: no SOA or NS at the apex, two
 * SOAs, an SOA elsewhere; a server at the apex that is in the zone and has no address there; CNAME
 * or DNAME with company, anything below a DNAME, NS at a wildcard, DS at the apex; a DNSKEY
 * elsewhere, but for what a delegation hides; rdata that rdatacheck.h refuses; and an RRset that no
 * message holds. misplaced: what is let be, to be told; NULL: nobody is. Pure. */
enum keyd_status zonecheck(const struct zone *zone, const char *path,
                           struct zonecheck_misplaced *misplaced,
                           struct keyd_error *err) KEYD_CHECKED;

#endif
