/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/ttl.h"

#include <stdio.h>

static uint64_t unit_of(char c)
{
    switch (c) {
    case 's':
    case 'S':
        return 1;
    case 'm':
    case 'M':
        return 60;
    case 'h':
    case 'H':
        return 3600;
    case 'd':
    case 'D':
        return 86400;
    case 'w':
    case 'W':
        return 604800;
    default:
        return 0;
    }
}

bool ttl_parse(const char *text, size_t length, uint32_t *seconds)
{
    uint64_t total = 0;
    for (size_t i = 0; i < length;) {
        uint64_t value = 0;
        size_t digits = 0;
        for (; i < length && text[i] >= '0' && text[i] <= '9' && digits < 11; i++, digits++)
            value = value * 10 + (uint64_t)(text[i] - '0');
        if (digits == 0)
            return false;
        uint64_t unit = 1;
        if (i < length)
            unit = unit_of(text[i++]);
        if (unit == 0)
            return false;
        total += value * unit;
        if (total > UINT32_MAX)
            return false;
    }
    *seconds = (uint32_t)total;
    return length > 0;
}

void ttl_format(int64_t seconds, char text[TTL_TEXT])
{
    static const struct {
        int64_t size;
        const char *name;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    for (size_t i = 0; i < 4; i++) {
        int64_t whole = seconds / units[i].size;
        int64_t rest = seconds % units[i].size;
        if (whole == 0 && i < 3)
            continue;
        if (rest == 0 || i == 3) {
            snprintf(text, TTL_TEXT, "%lld %s%s", (long long)whole, units[i].name,
                     whole == 1 ? "" : "s");
            return;
        }
        if (rest % units[i + 1].size == 0) {
            int64_t second = rest / units[i + 1].size;
            snprintf(text, TTL_TEXT, "%lld %s%s %lld %s%s", (long long)whole, units[i].name,
                     whole == 1 ? "" : "s", (long long)second, units[i + 1].name,
                     second == 1 ? "" : "s");
            return;
        }
        snprintf(text, TTL_TEXT, "%lld seconds", (long long)seconds);
        return;
    }
}
