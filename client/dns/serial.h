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
    SERIAL_KEEP, /* the zone file's, where that is above the last one published, else last + 1 */
};

const char *serial_policy_name(enum serial_policy policy); /* "keep"; static */
bool serial_policy_parse(const char *name, enum serial_policy *policy);

/* Whether a secondary that has b takes a as newer. */
bool serial_is_newer(uint32_t a, uint32_t b);

/* last: NULL when nothing was published yet, signed or not. */
uint32_t serial_choose(enum serial_policy policy, uint32_t file, const uint32_t *last);

#endif
