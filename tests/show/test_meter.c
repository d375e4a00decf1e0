/* SPDX-License-Identifier: BSD-2-Clause
 * The line that shows how far a job is. That it comes and goes on a terminal is tested with
 * keyd-dnssec (tests/dnssec/test_progress.py). */
#include <stdio.h>
#include <string.h>

#include "client/show/meter.h"
#include "tests/cmocka.h"

static void expect(struct meter_view view, size_t columns, const char *wanted)
{
    char line[METER_LINE];
    meter_format(&view, columns, line);
    assert_string_equal(line, wanted);
    assert_true(columns == 0 || strlen(line) < columns);
}

static const struct meter_view signing = {
    .step = "Signing", .unit = "names", .done = 86016, .total = 200003, .elapsed_ms = 6200};

static void the_line_says_how_far_it_is_and_how_long_it_takes(void **state)
{
    (void)state;
    expect(signing, 80,
           "Signing 43%  [#######-----------]  86,016 of 200,003 names, 6 s, about 8 s left");
    expect(signing, 200,
           "Signing 43%  [############------------------]  86,016 of 200,003 names, 6 s, about 8 s "
           "left");
}

static void a_narrow_terminal_leaves_out_what_is_least_wanted(void **state)
{
    (void)state;
    static const struct {
        size_t columns;
        const char *wanted;
    } rows[] = {
        {71, "Signing 43%  [###------]  86,016 of 200,003 names, 6 s, about 8 s left"},
        {70, "Signing 43%  [###-----]  86,016 of 200,003 names, 6 s, about 8 s left"},
        {69, "Signing 43%  86,016 of 200,003 names, 6 s, about 8 s left"},
        {58, "Signing 43%  86,016 of 200,003 names, 6 s, about 8 s left"},
        {57, "Signing 43%  86,016 of 200,003 names, about 8 s left"},
        {53, "Signing 43%  86,016 of 200,003 names, about 8 s left"},
        {52, "Signing 43%  [########------------]  about 8 s left"},
        {29, "Signing 43%  about 8 s left"},
        {28, "Signing 43%  about 8 s left"},
        {27, "Signing 43%  [####-------]"},
        {23, "Signing 43%"},
        {12, "Signing 43%"},
        {11, "Signing 43"},
        {2, "S"},
        {1, ""},
        {0, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect(signing, rows[i].columns, rows[i].wanted);
}

static void no_width_is_ever_passed(void **state)
{
    (void)state;
    const struct meter_view huge = {.step = "Signing",
                                    .unit = "names",
                                    .done = SIZE_MAX / 3,
                                    .total = SIZE_MAX,
                                    .elapsed_ms = INT64_MAX};
    char line[METER_LINE];
    for (size_t columns = 1; columns < 300; columns++) {
        meter_format(&signing, columns, line);
        assert_true(strlen(line) < columns);
        meter_format(&huge, columns, line);
        assert_true(strlen(line) < columns);
    }
}

static void what_is_not_known_is_not_said(void **state)
{
    (void)state;
    expect((struct meter_view){.step = "Making the keys", .elapsed_ms = 4999}, 80,
           "Making the keys  4 s");
    expect((struct meter_view){.step = "Reading", .done = 1234567, .elapsed_ms = 3000}, 80,
           "Reading  1.2 MB, 3 s");
    expect(
        (struct meter_view){
            .step = "Signing", .unit = "names", .total = 200003, .elapsed_ms = 3000},
        80, "Signing 0%  [------------------------------]  0 of 200,003 names, 3 s");
    expect(
        (struct meter_view){
            .step = "Signing", .unit = "names", .done = 1, .total = 200003, .elapsed_ms = 999},
        80, "Signing 0%  [------------------------------]  1 of 200,003 names, 0 s");
}

static void a_whole_is_100_percent_and_less_is_not(void **state)
{
    (void)state;
    struct meter_view view = {.step = "S", .unit = "n", .done = 999, .total = 1000};
    expect(view, 24, "S 99%  999 of 1,000 n");
    view.done = 1000;
    expect(view, 28, "S 100%  1,000 of 1,000 n");
    view.done = 1001; /* the file grew */
    expect(view, 28, "S 100%  1,001 of 1,000 n");
}

static void bytes_and_times_have_units(void **state)
{
    (void)state;
    static const struct {
        size_t done;
        size_t total;
        int64_t elapsed_ms;
        const char *wanted;
    } rows[] = {
        {500, 0, 59999, "R  0 kB, 59 s"},
        {999499, 0, 60000, "R  999 kB, 1 min 0 s"},
        {999950, 0, 3599000, "R  1.0 MB, 59 min 59 s"},
        {12345678, 0, 3600000, "R  12.3 MB, 1 h 0 min"},
        {12345678901, 0, 7265000, "R  12.3 GB, 2 h 1 min"},
        {1000000, 100400000, 1000, "R 0%  1.0 MB of 100.4 MB, 1 s, about 99 s left"},
        {1000000, 101000000, 1000, "R 0%  1.0 MB of 101.0 MB, 1 s, about 2 min left"},
        {1000000, 361000000, 30000, "R 0%  1.0 MB of 361.0 MB, 30 s, about 3 h left"},
        {1000000, 1000001, 1000, "R 99%  1.0 MB of 1.0 MB, 1 s, about 1 s left"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect((struct meter_view){.step = "R",
                                   .done = rows[i].done,
                                   .total = rows[i].total,
                                   .elapsed_ms = rows[i].elapsed_ms},
               strlen(rows[i].wanted) + 1, rows[i].wanted);
}

static void nothing_is_counted_where_nobody_looks(void **state)
{
    (void)state;
    meter_open(true);
    assert_null(meter_step("Signing", "names"));
    progress_expect(NULL, 5);
    progress_add(NULL, 5);
    progress_restart(NULL);
    meter_hold();
    meter_go_on();
    meter_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_says_how_far_it_is_and_how_long_it_takes),
        cmocka_unit_test(a_narrow_terminal_leaves_out_what_is_least_wanted),
        cmocka_unit_test(no_width_is_ever_passed),
        cmocka_unit_test(what_is_not_known_is_not_said),
        cmocka_unit_test(a_whole_is_100_percent_and_less_is_not),
        cmocka_unit_test(bytes_and_times_have_units),
        cmocka_unit_test(nothing_is_counted_where_nobody_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
