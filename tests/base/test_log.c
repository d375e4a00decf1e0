/* SPDX-License-Identifier: BSD-2-Clause
 * What a flood leaves in the log. */
#include "keyd/base/log.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_flood_does_not_fill_the_log)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
