/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t fixed_ms = -1;

int64_t clock_now(void)
{
    if (fixed_ms >= 0)
        return fixed_ms;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void clock_fix(int64_t now_ms)
{
    fixed_ms = now_ms;
}

int64_t clock_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void clock_format(int64_t ms, char text[CLOCK_TEXT_MAX])
{
    int64_t fraction = ms % 1000;
    time_t seconds = (time_t)(ms / 1000);
    if (fraction < 0) {
        fraction += 1000;
        seconds--;
    }
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t n = strftime(text, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, CLOCK_TEXT_MAX - n, ".%03dZ", (int)fraction);
}

bool clock_parse(const char *text, int64_t *ms)
{
    struct tm tm = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest == NULL)
        return false;
    int fraction = 0;
    int used = 0;
    if (*rest == '.') {
        if (sscanf(rest, ".%3d%n", &fraction, &used) != 1 || used != 4 || fraction < 0)
            return false;
        rest += used;
    }
    if (strcmp(rest, "Z") != 0)
        return false;
    *ms = (int64_t)timegm(&tm) * 1000 + fraction;
    return true;
}
