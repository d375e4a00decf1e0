/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/typeset.h"

#include <string.h>

#define WINDOW 32 /* bytes: 256 types */

void typeset_reset(struct typeset *set)
{
    memset(set->bits, 0, set->windows * WINDOW);
    set->windows = 0;
}

void typeset_add(struct typeset *set, uint16_t type)
{
    size_t window = type / (8 * WINDOW);
    if (set->windows <= window)
        set->windows = window + 1;
    set->bits[type / 8] = (uint8_t)(set->bits[type / 8] | 0x80 >> (type % 8));
}

void typeset_encode(const struct typeset *set, struct bytes *wire)
{
    for (size_t window = 0; window < set->windows; window++) {
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

bool typeset_is_bitmap(const uint8_t *data, size_t length)
{
    struct cursor wire = cursor_over(data, length);
    int last = -1;
    while (cursor_left(&wire) > 0) {
        uint8_t window = cursor_u8(&wire);
        uint8_t used = cursor_u8(&wire);
        const uint8_t *bits = cursor_take(&wire, used);
        if (bits == NULL || window <= last || used == 0 || used > WINDOW || bits[used - 1] == 0)
            return false;
        last = window;
    }
    return !wire.failed;
}
