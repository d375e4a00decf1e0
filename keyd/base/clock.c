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

/* ---- Text ------------------------------------------------------------------------------------ */

/* gmtime_r and snprintf take locks and memory: no choice where a process is crashing. */

#define MS_A_DAY           86400000
#define DAYS_A_YEAR        365
#define DAYS_4_YEARS       (4 * DAYS_A_YEAR + 1)
#define DAYS_A_CENTURY     (25 * DAYS_4_YEARS - 1)
#define DAYS_400_YEARS     (4 * DAYS_A_CENTURY + 1)
#define DAYS_TO_MARCH_2000 11017 /* from 1970-01-01 */

/* *value becomes what is left, from 0 to unit - 1. */
static int64_t take(int64_t *value, int64_t unit)
{
    int64_t count = *value / unit;
    *value %= unit;
    if (*value >= 0)
        return count;
    *value += unit;
    return count - 1;
}

/* As take, where the last of `most` units is a day longer. */
static int64_t take_up_to(int64_t *days, int64_t unit, int64_t most)
{
    int64_t count = *days / unit < most ? *days / unit : most - 1;
    *days -= count * unit;
    return count;
}

struct date {
    int64_t year;
    int64_t month;
    int64_t day;
};

/* Of the Gregorian calendar; in years that begin with March the leap day is the last one. */
static struct date date_of(int64_t days)
{
    static const int month_begins[] = {0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337};
    days -= DAYS_TO_MARCH_2000;
    int64_t year = 2000 + 400 * take(&days, DAYS_400_YEARS);
    year += 100 * take_up_to(&days, DAYS_A_CENTURY, 4);
    year += 4 * take(&days, DAYS_4_YEARS);
    year += take_up_to(&days, DAYS_A_YEAR, 4);
    int month = 11;
    while (month_begins[month] > days)
        month--;
    return (struct date){.year = year + (month >= 10),
                         .month = (month + 2) % 12 + 1,
                         .day = days - month_begins[month] + 1};
}

/* Adds at least `width` digits and what stands behind them. */
static char *add(char *at, int64_t number, int width, char behind)
{
    char digits[20];
    int count = 0;
    for (; number > 0 || count < width; number /= 10)
        digits[count++] = (char)('0' + number % 10);
    while (count > 0)
        *at++ = digits[--count];
    *at = behind;
    return at + 1;
}

void clock_format(int64_t ms, char text[CLOCK_TEXT_MAX])
{
    struct date date = date_of(take(&ms, MS_A_DAY));
    char *at = text;
    if (date.year < 0)
        *at++ = '-';
    at = add(at, date.year < 0 ? -date.year : date.year, 4, '-');
    at = add(at, date.month, 2, '-');
    at = add(at, date.day, 2, 'T');
    at = add(at, take(&ms, 3600000), 2, ':');
    at = add(at, take(&ms, 60000), 2, ':');
    at = add(at, take(&ms, 1000), 2, '.');
    at = add(at, ms, 3, 'Z');
    *at = '\0';
}

/* So many digits, and what stands behind them. */
static bool take_number(const char **text, size_t digits, const char *behind, int *number)
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
    if (!take_number(&text, 4, "-", &tm.tm_year) || !take_number(&text, 2, "-", &tm.tm_mon) ||
        !take_number(&text, 2, "T", &tm.tm_mday) || !take_number(&text, 2, ":", &tm.tm_hour) ||
        !take_number(&text, 2, ":", &tm.tm_min) || !take_number(&text, 2, ".Z", &tm.tm_sec) ||
        (text[-1] == '.' && !take_number(&text, 3, "Z", &fraction)) || *text != '\0')
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    if (!to_seconds(&tm, &seconds))
        return false;
    *ms = (int64_t)seconds * 1000 + fraction;
    return true;
}
