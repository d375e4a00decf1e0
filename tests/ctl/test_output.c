/* SPDX-License-Identifier: BSD-2-Clause
 * What does not depend on any keyd: dates, and what is near a mistyped word. */
#include <string.h>

#include "client/ctl/command.h"
#include "client/ctl/output.h"
#include "tests/cmocka.h"

#define NOW    INT64_C(1795509062412) /* 2026-11-24 08:31:02.412 */
#define SECOND INT64_C(1000)
#define DAY    (86400 * SECOND)

static void expect(int64_t ms, const char *expected)
{
    char text[WHEN_MAX];
    when_text(ms, NOW, text);
    assert_string_equal(text, expected);
}

static void dates_say_how_far_away_they_are(void **state)
{
    (void)state;
    expect(NOW, "2026-11-24 08:31:02 UTC (now)");
    expect(NOW + SECOND, "2026-11-24 08:31:03 UTC (in 1 second)");
    expect(NOW - 300 * SECOND, "2026-11-24 08:26:02 UTC (5 minutes ago)");
    expect(NOW - 119 * SECOND, "2026-11-24 08:29:03 UTC (119 seconds ago)");
    expect(NOW + 3 * DAY, "2026-11-27 08:31:02 UTC (in 3 days)");
    expect(NOW - 47 * 3600 * SECOND, "2026-11-22 09:31:02 UTC (47 hours ago)");
}

static void dates_that_are_none_do_not_fail(void **state)
{
    (void)state;
    expect(INT64_MAX, "9223372036854775807 ms since 1970");
    expect(INT64_MIN, "-9223372036854775808 ms since 1970");
}

static void the_nearest_word_is_found_or_none(void **state)
{
    (void)state;
    static const char *const names[] = {"create-key", "list-keys", "sign", NULL};
    assert_string_equal(nearest("creat-key", names), "create-key");
    assert_string_equal(nearest("listkeys", names), "list-keys");
    assert_string_equal(nearest("list", names), "list-keys");
    assert_string_equal(nearest("sgin", names), "sign");
    assert_null(nearest("restart", names));
    assert_null(nearest("", names));
    char word[4096];
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_null(nearest(word, names));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_say_how_far_away_they_are),
        cmocka_unit_test(dates_that_are_none_do_not_fail),
        cmocka_unit_test(the_nearest_word_is_found_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
