/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The rdata of LOC (RFC 1876). Pure functions but for the memory of struct bytes; any thread.
 */
#ifndef DNS_LOCATION_H
#define DNS_LOCATION_H

#include <stdbool.h>

#include "client/dns/bytes.h"
#include "client/dns/fields.h"

bool location_parse(struct fields *fields); /* fields.h */

/* Presentation form of what location_check passed and location_is_plain. */
void location_format(struct cursor *wire, struct bytes *text);

/* Whether it is of version 0, the one that has a text, and no size is 0 with a power of ten. */
bool location_is_plain(struct cursor wire);

/* 16 bytes of another version, or sizes as mantissa and power with digits below 10, latitude and
 * longitude on the globe; else the cursor has failed. */
void location_check(struct cursor *wire);

#endif
