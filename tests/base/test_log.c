/* SPDX-License-Identifier: BSD-2-Clause
 * What a flood leaves in the log. */
#include "keyd/base/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "tests/cmocka.h"

static void a_flood_does_not_fill_the_log(void **state)
{
    (void)state;
    static struct log_limit limit = {.kind = "lines of this test"};
    unsigned fit = 0;
    int64_t begin = clock_monotonic_ns() / 1000000000;
    for (int i = 0; i < 10000; i++)
        fit += log_fits(&limit);
    int64_t seconds = clock_monotonic_ns() / 1000000000 - begin + 1;
    assert_true(fit >= LOG_LINES_A_SECOND);
    assert_true(fit <= LOG_LINES_A_SECOND * seconds);
}

/* What both kinds of lines look like, to whoever reads standard error. */
static void log_and_read(const char *journal, char *lines, size_t size)
{
    static const char *const parts[] = {"it crashed in ", "C_Sign"};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int before = dup(STDERR_FILENO);
    if (journal != NULL)
        setenv("JOURNAL_STREAM", journal, 1);
    else
        unsetenv("JOURNAL_STREAM");
    clock_fix(1795508999042);
    log_open("keyd-hsm", "main", LOG_LEVEL_INFO);
    dup2(ends[1], STDERR_FILENO);
    log_warning("%s in %s", "it hangs", "C_Sign\n");
    log_in_handler(LOG_LEVEL_ERROR, parts, 2);
    log_in_handler(LOG_LEVEL_DEBUG, parts, 2);
    dup2(before, STDERR_FILENO);
    clock_fix(-1);
    ssize_t length = read(ends[0], lines, size - 1);
    assert_true(length > 0);
    lines[length] = '\0';
    close(before);
    close(ends[0]);
    close(ends[1]);
}

static void a_line_says_when_who_and_how_bad(void **state)
{
    (void)state;
    char lines[512];
    log_and_read(NULL, lines, sizeof lines);
    assert_string_equal(lines,
                        "2026-11-24T08:29:59.042Z keyd-hsm[main] warning: it hangs in C_Sign\\x0a\n"
                        "2026-11-24T08:29:59.042Z keyd-hsm[main] error: it crashed in C_Sign\n");
    log_and_read("8:1", lines, sizeof lines);
    assert_string_equal(lines, "<4>it hangs in C_Sign\\x0a\n<3>it crashed in C_Sign\n");
    unsetenv("JOURNAL_STREAM");
}

/* Nothing that stands behind it is written over, and the line feed is there. */
static void a_line_from_a_handler_has_an_end(void **state)
{
    (void)state;
    static char endless[2 * LOG_LINE_MAX];
    static char lines[3 * LOG_LINE_MAX];
    const char *const parts[] = {endless, "and more"};
    int ends[2];
    for (size_t i = 0; i + 1 < sizeof endless; i++)
        endless[i] = 'x';
    assert_int_equal(pipe(ends), 0);
    int before = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    log_in_handler(LOG_LEVEL_ERROR, parts, 2);
    dup2(before, STDERR_FILENO);
    ssize_t length = read(ends[0], lines, sizeof lines - 1);
    assert_int_equal(length, LOG_LINE_MAX);
    assert_int_equal(lines[length - 1], '\n');
    assert_int_equal(lines[length - 2], 'x');
    close(before);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_flood_does_not_fill_the_log),
                                       cmocka_unit_test(a_line_says_when_who_and_how_bad),
                                       cmocka_unit_test(a_line_from_a_handler_has_an_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
