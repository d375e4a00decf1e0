/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SOA serials, which go in a circle (RFC 1982).
 */
#ifndef DNS_SERIAL_H
#define DNS_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

/* How the serial of a signed zone comes about. A value of the zone's state; its name is written. */
enum serial_policy {
    SERIAL_KEEP,      /* the unsigned zone's */
    SERIAL_INCREMENT, /* one above the unsigned zone's or the last one given out, whichever is newer
                       */
    SERIAL_UNIXTIME,  /* seconds since 1970 */
    SERIAL_DATE,      /* YYYYMMDD00, in UTC; later ones of a day count up */
};

const char *serial_policy_name(enum serial_policy policy); /* "keep"; static */
bool serial_policy_parse(const char *name, enum serial_policy *policy);

/* Whether a secondary that has b takes a as newer. */
bool serial_is_newer(uint32_t a, uint32_t b);

/* What a policy comes from. */
struct serial_source {
    enum serial_policy policy;
    uint32_t file; /* the unsigned zone's */
    bool have_last;
    uint32_t last; /* given out, signed or not */
    int64_t now;   /* seconds since 1970, up to 2106 */
};

/* What the policy asks for. */
uint32_t serial_wanted(const struct serial_source *source);

/* That, where it is newer than the last one, else the last one plus one. Never 0 behind another:
 * many servers take 0 for "none". */
uint32_t serial_choose(const struct serial_source *source);

#endif
