/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Zone files: from text to a zone. What is read is RFC 1035, 5.1 with $TTL (RFC 2308, 4), unknown
 * types (RFC 3597), and BIND's $GENERATE (generate.h).
 *
 * Where servers differ: a relative $INCLUDE is looked for in the folder of the file that names it
 * (as Knot has it; of standard input: in the current folder), also one that is called "-", which
 * never stands for standard input there (as BIND has it). An included file begins with the
 * origin, the owner and the TTLs that stand at its $INCLUDE; behind it origin and owner are what
 * they were, while $TTL stays (as BIND has it). A relative $ORIGIN is below the one before (as BIND
 * has it). A record without TTL and without $TTL above it has that of the record before (RFC
 * 1035, 5.1), a first SOA its own MINIMUM (as BIND has it).
 */
#ifndef DNS_ZONEFILE_H
#define DNS_ZONEFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "client/dns/zone.h"
#include "keyd/base/progress.h"

#define ZONEFILE_NO_TTL      UINT32_MAX
#define ZONEFILE_INCLUDE_MAX 20 /* files open at once, one in another: more is a mistake */

/* *zone is finished and *owned*: zone_free. INVALID_ARGUMENT, reason ZONE_FILE, "FILE:LINE:COLUMN:
 * what", with "(included from FILE:LINE)" behind it where that is so, for what cannot be read:
 * text, another class, a TTL out of range, a name outside of the zone, an $INCLUDE of a file that
 * is being read. ABORTED, ZONE_FILE_CHANGED, when a file changes while it is read. NOT_FOUND and
 * others by errno. path "-" is standard input. Blocks on the disk. */
enum keyd_status zonefile_load(const char *path, const uint8_t *apex, struct zone **zone,
                               struct keyd_error *err) KEYD_CHECKED;

/* The same where a record without a TTL, and without $TTL above it, gets this one: a K*.key file.
 */
enum keyd_status zonefile_load_with_ttl(const char *path, const uint8_t *apex, uint32_t default_ttl,
                                        struct zone **zone, struct keyd_error *err) KEYD_CHECKED;

/* Gives the records to the sink as they stand in the file; none of them is held. The errors of
 * zonefile_load. */
enum keyd_status zonefile_read(const char *path, const uint8_t *apex, zone_sink sink, void *context,
                               struct keyd_error *err) KEYD_CHECKED;

struct zonefile_options {
    uint32_t default_ttl; /* of a record without one and without $TTL above it, in seconds;
                             ZONEFILE_NO_TTL: that is an error */
    bool drop_outside;    /* records outside of the zone are left out; else they are an error */
    bool from_fd;         /* read `fd`, which is *borrowed*, to its end; the path is for messages */
    int fd;
    const char *bytes; /* not NULL: read these instead, *borrowed*, with LEXER_PADDING bytes
                          (lexer.h) behind them, the first a NUL */
    size_t length;     /* of them, without the padding */
    bool plain;        /* each record says all of itself: directives, and records without a TTL, are
                          errors, as is a first one without an owner */
    /* One line, each: a record that is left out (the first ten, and how many there were). NULL: not
     * told. */
    void (*notice)(void *context, const char *message);
    void *notice_context;
    /* Asked of each file that is opened, also of included ones: NULL, or why it must not be read
     * (static). NULL: all may. */
    const char *(*refuse)(const void *context, const struct stat *st);
    const void *refuse_context;
    struct progress *progress; /* of bytes, included files among them; NULL: nobody looks */
    struct place_files *files; /* takes the files that places point to, *borrowed*; NULL: places
                                  have no file */
};

/* zonefile_read and zonefile_load with options. */
enum keyd_status zonefile_read_with(const char *path, const uint8_t *apex,
                                    const struct zonefile_options *options, zone_sink sink,
                                    void *context, struct keyd_error *err) KEYD_CHECKED;
enum keyd_status zonefile_load_with(const char *path, const uint8_t *apex,
                                    const struct zonefile_options *options, struct zone **zone,
                                    struct keyd_error *err) KEYD_CHECKED;

#endif
