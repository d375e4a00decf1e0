/* SPDX-License-Identifier: BSD-2-Clause
 * Dates, tables and lines as people see them, and how programs end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/show/show.h"
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
    expect(NOW + 14 * DAY - SECOND, "2026-12-08 08:31:01 UTC (in 14 days)");
    expect(0, "never");
    expect(NOW - 47 * 3600 * SECOND, "2026-11-22 09:31:02 UTC (47 hours ago)");
}

static void dates_that_are_none_do_not_fail(void **state)
{
    (void)state;
    expect(INT64_MAX, "9223372036854775807 ms since 1970");
    expect(INT64_MIN, "-9223372036854775808 ms since 1970");
}

static void json_has_the_moment_or_null(void **state)
{
    (void)state;
    json_t *never = when_json(0);
    json_t *now = when_json(NOW);
    assert_true(json_is_null(never));
    assert_string_equal(json_string_value(now), "2026-11-24T08:31:02.412Z");
    json_decref(never);
    json_decref(now);
}

/* What a function prints to standard output. Until the next call. */
static const char *output_of(void (*print)(void))
{
    static char text[4096];
    FILE *file = tmpfile();
    int kept = dup(STDOUT_FILENO);
    assert_non_null(file);
    fflush(stdout);
    assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
    print();
    fflush(stdout);
    assert_true(dup2(kept, STDOUT_FILENO) >= 0);
    close(kept);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

#define TEN "123456789 "

static void print_lines(void)
{
    print_wrapped(3, TEN TEN TEN TEN TEN TEN TEN TEN TEN "1234567 90");
    print_wrapped(2, TEN TEN TEN TEN TEN TEN TEN TEN TEN "12345678 0");
    print_wrapped(0, "a \033[31m b");
    print_wrapped(5, "");
}

static void lines_are_broken_at_a_hundred_columns(void **state)
{
    (void)state;
    assert_string_equal(output_of(print_lines),
                        "   " TEN TEN TEN TEN TEN TEN TEN TEN TEN "1234567\n"
                        "   90\n"
                        "  " TEN TEN TEN TEN TEN TEN TEN TEN TEN "12345678\n"
                        "  0\n"
                        "a \\x1b[31m b\n"
                        "\n");
}

static void print_a_table(void)
{
    static const char *const head[] = {"NAME", "WHAT"};
    static const char *const cells[] = {"\303\251t\303\251", "", "long name", "b"};
    static const struct pair pairs[] = {{"a", "1"}, {"bcd", ""}};
    print_table(head, 2, cells, 2);
    print_pairs(pairs, 2);
    print_fields("x", "", "y\n", NULL);
}

static void columns_are_aligned(void **state)
{
    (void)state;
    assert_string_equal(output_of(print_a_table), "NAME       WHAT\n"
                                                  "\303\251t\303\251        -\n"
                                                  "long name  b\n"
                                                  "a    1\n"
                                                  "bcd  -\n"
                                                  "x\t-\ty\\x0a\n");
}

static void programs_end_as_they_promise(void **state)
{
    (void)state;
    static const struct {
        struct keyd_error err;
        enum exit_status wanted;
    } rows[] = {
        {{.status = KEYD_FAILED_PRECONDITION}, EXIT_REFUSED},
        {{.status = KEYD_PERMISSION_DENIED}, EXIT_REFUSED},
        {{.status = KEYD_INVALID_ARGUMENT, .reason = "USAGE"}, EXIT_USAGE},
        {{.status = KEYD_INVALID_ARGUMENT, .reason = "ZONE_FILE"}, EXIT_FAILED},
        {{.status = KEYD_UNAVAILABLE}, EXIT_FAILED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(exit_status_of(&rows[i].err), rows[i].wanted);
}

static int open_output(void **state)
{
    (void)state;
    output_open("test");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_say_how_far_away_they_are),
        cmocka_unit_test(dates_that_are_none_do_not_fail),
        cmocka_unit_test(json_has_the_moment_or_null),
        cmocka_unit_test(lines_are_broken_at_a_hundred_columns),
        cmocka_unit_test(columns_are_aligned),
        cmocka_unit_test(programs_end_as_they_promise),
    };
    return cmocka_run_group_tests(tests, open_output, NULL);
}
