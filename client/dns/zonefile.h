/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Zone files: from text to a zone and back. What is read is RFC 1035, 5.1 with $TTL (RFC 2308, 4)
 * and unknown types (RFC 3597); $INCLUDE and $GENERATE are refused with a way around. What is
 * written is one record a line, absolute, in canonical order but for the SOA, which comes first,
 * and RRSIGs, which follow what they sign.
 */
#ifndef DNS_ZONEFILE_H
#define DNS_ZONEFILE_H

#include <stdio.h>

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

/* path is for messages. The caller flushes, syncs and closes. */
enum keyd_status zonefile_write(const struct zone *zone, FILE *file, const char *path,
                                struct keyd_error *err) KEYD_CHECKED;

#endif
