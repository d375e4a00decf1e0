/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A set of RR types and its form on the wire, NSEC's type bitmap (RFC 4034, 4.1.2).
 */
#ifndef DNS_TYPESET_H
#define DNS_TYPESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/bytes.h"

struct typeset {
    uint8_t bits[8192]; /* all zero, with `windows`, is the empty set */
    size_t windows;     /* one more than the last window (256 types) with a type in it */
};

/* Empties it, at the cost of what is in it. */
void typeset_reset(struct typeset *set);

void typeset_add(struct typeset *set, uint16_t type);

/* Appends the bitmap: windows in order, empty ones and trailing zeros left out. */
void typeset_encode(const struct typeset *set, struct bytes *wire);

/* Whether a bitmap is one that typeset_encode could have written. */
bool typeset_is_bitmap(const uint8_t *data, size_t length);

#endif
