/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Zone files: from text to records. What is read is RFC 1035, 5.1 with $TTL (RFC 2308, 4) and
 * unknown types (RFC 3597); $INCLUDE and $GENERATE are refused with a way around. Back to text:
 * zoneprint.h.
 */
#ifndef DNS_ZONEFILE_H
#define DNS_ZONEFILE_H

#include "client/dns/zone.h"

/* *zone is finished and *owned*: zone_free. INVALID_ARGUMENT, reason ZONE_FILE, "FILE:LINE: what"
 * for text that cannot be read, another class, a TTL out of range, a name outside of the zone.
 * Blocks on the disk. */
enum keyd_status zonefile_load(const char *path, const uint8_t *apex, struct zone **zone,
                               struct keyd_error *err) KEYD_CHECKED;

/* The same where a record without a TTL, and without $TTL above it, gets this one: a K*.key file.
 */
enum keyd_status zonefile_load_with_ttl(const char *path, const uint8_t *apex, uint32_t default_ttl,
                                        struct zone **zone, struct keyd_error *err) KEYD_CHECKED;

/* One record as it was read; all of it is *borrowed* for the call. The owner is the apex or below
 * it and the rdata is well formed. */
struct zonefile_record {
    const uint8_t *owner;
    uint16_t type;
    uint32_t ttl; /* seconds */
    const uint8_t *rdata;
    size_t length; /* bytes of it */
    unsigned line;
};

/* An error of the sink ends the reading and comes back. */
typedef enum keyd_status (*zonefile_sink)(void *context, const struct zonefile_record *record,
                                          struct keyd_error *err);

/* Gives the records to the sink as they stand in the file; none of them is held. The errors of
 * zonefile_load. */
enum keyd_status zonefile_read(const char *path, const uint8_t *apex, zonefile_sink sink,
                               void *context, struct keyd_error *err) KEYD_CHECKED;

#endif
