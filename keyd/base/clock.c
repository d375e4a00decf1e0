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

/* So many digits, and what stands behind them. */
static bool take(const char **text, size_t digits, const char *behind, int *number)
{
    *number = 0;
    for (; digits > 0; digits--, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        *number = *number * 10 + (**text - '0');
    }
    if (**text == '\0' || strchr(behind, **text) == NULL)
        return false;
    (*text)++;
    return true;
}

/* A day or an hour that there is not becomes another one by timegm. */
static bool to_seconds(const struct tm *tm, time_t *seconds)
{
    struct tm made = *tm;
    *seconds = timegm(&made);
    return made.tm_year == tm->tm_year && made.tm_mon == tm->tm_mon &&
           made.tm_mday == tm->tm_mday && made.tm_hour == tm->tm_hour &&
           made.tm_min == tm->tm_min && made.tm_sec == tm->tm_sec;
}

bool clock_parse(const char *text, int64_t *ms)
{
    struct tm tm = {0};
    time_t seconds;
    int fraction = 0;
    if (!take(&text, 4, "-", &tm.tm_year) || !take(&text, 2, "-", &tm.tm_mon) ||
        !take(&text, 2, "T", &tm.tm_mday) || !take(&text, 2, ":", &tm.tm_hour) ||
        !take(&text, 2, ":", &tm.tm_min) || !take(&text, 2, ".Z", &tm.tm_sec) ||
        (text[-1] == '.' && !take(&text, 3, "Z", &fraction)) || *text != '\0')
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    if (!to_seconds(&tm, &seconds))
        return false;
    *ms = (int64_t)seconds * 1000 + fraction;
    return true;
}
