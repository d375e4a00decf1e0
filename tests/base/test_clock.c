/* SPDX-License-Identifier: BSD-2-Clause
 * Times as text, against libc's. */
#include <stdio.h>
#include <time.h>

#include "keyd/base/clock.h"
#include "tests/cmocka.h"

static void as_libc(int64_t seconds, int ms)
{
    char mine[CLOCK_TEXT_MAX];
    char libc[64];
    struct tm tm;
    time_t when = (time_t)seconds;
    assert_non_null(gmtime_r(&when, &tm));
    size_t n = strftime(libc, sizeof libc, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(libc + n, sizeof libc - n, ".%03dZ", ms);
    clock_format(seconds * 1000 + ms, mine);
    assert_string_equal(mine, libc);
    int64_t back;
    assert_true(clock_parse(mine, &back));
    assert_int_equal(back, seconds * 1000 + ms);
}

/* Each day of the years 1200 to 2800: all that leap years can be. */
static void every_day(void **state)
{
    (void)state;
    for (int64_t day = -281000; day < 304000; day++)
        as_libc(day * 86400 + day % 86400, (int)((day % 1000 + 1000) % 1000));
}

static void what_is_far_or_negative(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_MAX];
    as_libc(0, 0);
    as_libc(-1, 999);
    as_libc(253402300799, 999);
    clock_format(INT64_MAX, text);
    assert_string_equal(text, "292278994-08-17T07:12:55.807Z");
    clock_format(INT64_MIN, text);
    assert_string_equal(text, "-292275055-05-16T16:47:04.192Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day),
        cmocka_unit_test(what_is_far_or_negative),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
