/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/serial.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

static const char *const names[] = {
    [SERIAL_KEEP] = "keep",
    [SERIAL_INCREMENT] = "increment",
    [SERIAL_UNIXTIME] = "unixtime",
    [SERIAL_DATE] = "date",
};

const char *serial_policy_name(enum serial_policy policy)
{
    return names[policy];
}

bool serial_policy_parse(const char *name, enum serial_policy *policy)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *policy = (enum serial_policy)i;
            return true;
        }
    }
    return false;
}

bool serial_is_newer(uint32_t a, uint32_t b)
{
    uint32_t distance = a - b;
    return distance != 0 && distance < UINT32_C(0x80000000);
}

static uint32_t after(uint32_t serial)
{
    return serial + 1 != 0 ? serial + 1 : 1;
}

static uint32_t date_serial(int64_t now)
{
    time_t seconds = (time_t)now;
    struct tm tm;
    gmtime_r(&seconds, &tm);
    unsigned day = ((unsigned)tm.tm_year + 1900) * 10000 + ((unsigned)tm.tm_mon + 1) * 100 +
                   (unsigned)tm.tm_mday;
    return (uint32_t)day * 100;
}

uint32_t serial_wanted(const struct serial_source *source)
{
    switch (source->policy) {
    case SERIAL_KEEP:
        return source->file;
    case SERIAL_INCREMENT:
        if (source->have_last && !serial_is_newer(source->file, source->last))
            return after(source->last);
        return after(source->file);
    case SERIAL_UNIXTIME:
        return (uint32_t)source->now;
    case SERIAL_DATE:
        return date_serial(source->now);
    }
    return source->file;
}

uint32_t serial_choose(const struct serial_source *source)
{
    uint32_t wanted = serial_wanted(source);
    if (!source->have_last || serial_is_newer(wanted, source->last))
        return wanted;
    return after(source->last);
}
