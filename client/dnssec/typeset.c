/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/typeset.h"

#include <string.h>

#define WINDOW 32 /* bytes: 256 types */

void typeset_add(struct typeset *set, uint16_t type)
{
    set->bits[type / 8] = (uint8_t)(set->bits[type / 8] | 0x80 >> (type % 8));
}

bool typeset_has(const struct typeset *set, uint16_t type)
{
    return (set->bits[type / 8] & 0x80 >> (type % 8)) != 0;
}

void typeset_encode(const struct typeset *set, struct bytes *wire)
{
    for (size_t window = 0; window < sizeof set->bits / WINDOW; window++) {
        const uint8_t *bits = set->bits + window * WINDOW;
        size_t used = WINDOW;
        while (used > 0 && bits[used - 1] == 0)
            used--;
        if (used == 0)
            continue;
        bytes_u8(wire, (unsigned)window);
        bytes_u8(wire, (unsigned)used);
        bytes_add(wire, bits, used);
    }
}

bool typeset_decode(struct typeset *set, const uint8_t *data, size_t length)
{
    struct cursor wire = cursor_over(data, length);
    int last = -1;
    while (cursor_left(&wire) > 0) {
        uint8_t window = cursor_u8(&wire);
        uint8_t used = cursor_u8(&wire);
        const uint8_t *bits = cursor_take(&wire, used);
        if (bits == NULL || window <= last || used == 0 || used > WINDOW || bits[used - 1] == 0)
            return false;
        memcpy(set->bits + (size_t)window * WINDOW, bits, used);
        last = window;
    }
    return !wire.failed;
}
