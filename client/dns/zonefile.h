/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Zone files: from text to a zone and back. What is read is RFC 1035, 5.1 with $TTL (RFC 2308, 4),
 * unknown types (RFC 3597), and BIND's $GENERATE (generate.h). What is written is one record a
 * line, absolute, in canonical order but for the SOA, which comes first, and RRSIGs, which follow
 * what they sign.
 *
 * Where servers differ: a relative $INCLUDE is looked for in the folder of the file that names it
 * (as Knot has it; of standard input: in the current folder). An included file begins with the
 * origin, the owner and the TTLs that stand at its $INCLUDE; behind it origin and owner are what
 * they were, while $TTL stays (as BIND has it). A relative $ORIGIN is below the one before (as BIND
 * has it). A record without TTL and without $TTL above it has that of the record before (RFC
 * 1035, 5.1), a first SOA its own MINIMUM (as BIND has it).
 */
#ifndef DNS_ZONEFILE_H
#define DNS_ZONEFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "client/dns/zone.h"

#define ZONEFILE_NO_TTL      UINT32_MAX
#define ZONEFILE_INCLUDE_MAX 20 /* files open at once, one in another: more is a mistake */

struct zonefile_options {
    uint32_t default_ttl; /* of a record without one and without $TTL above it, in seconds;
                             ZONEFILE_NO_TTL: that is an error */
    bool drop_outside;    /* records outside of the zone are left out; else they are an error */
    /* One line, each: a record that is left out (the first ten, and how many there were). NULL: not
     * told. */
    void (*notice)(void *context, const char *message);
    void *context;
};

/* Reads a file, or standard input for "-". *zone is finished and *owned*: zone_free. options: NULL
 * for none. INVALID_ARGUMENT, reason ZONE_FILE, "FILE:LINE:COLUMN: what", with "(included from
 * FILE:LINE)" behind it where that is so, for what cannot be read: text, another class, a TTL out
 * of range, a name outside of the zone, an $INCLUDE of a file that is being read. ABORTED,
 * ZONE_FILE_CHANGED, when a file changes while it is read. NOT_FOUND and others by errno. The lines
 * of records from included files are 0. Blocks on the disk. */
enum keyd_status zonefile_read(const char *path, const uint8_t *apex,
                               const struct zonefile_options *options, struct zone **zone,
                               struct keyd_error *err) KEYD_CHECKED;

/* The same from an open descriptor, which is *borrowed* and read to its end; name is for messages.
 */
enum keyd_status zonefile_read_fd(int fd, const char *name, const uint8_t *apex,
                                  const struct zonefile_options *options, struct zone **zone,
                                  struct keyd_error *err) KEYD_CHECKED;

/* zonefile_read without options. */
enum keyd_status zonefile_load(const char *path, const uint8_t *apex, struct zone **zone,
                               struct keyd_error *err) KEYD_CHECKED;

/* And with a default TTL: a K*.key file. */
enum keyd_status zonefile_load_with_ttl(const char *path, const uint8_t *apex, uint32_t default_ttl,
                                        struct zone **zone, struct keyd_error *err) KEYD_CHECKED;

/* path is for messages. The caller flushes, syncs and closes. */
enum keyd_status zonefile_write(const struct zone *zone, FILE *file, const char *path,
                                struct keyd_error *err) KEYD_CHECKED;

#endif
