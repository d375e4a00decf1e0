/* SPDX-License-Identifier: BSD-2-Clause
 * Putting a file in its place, and the reload command. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/dnssec/publish.h"
#include "client/dnssec/reload.h"
#include "keyd/base/clock.h"
#include "keyd/base/file.h"
#include "tests/cmocka.h"
#include "tests/dnssec/lab.h"

static void expect_content(const char *path, const char *wanted)
{
    char *data = NULL;
    size_t size = 0;
    assert_int_equal(file_read(path, 1000, &data, &size, NULL), KEYD_OK);
    assert_string_equal(data, wanted);
    free(data);
}

static void the_old_one_stands_until_commit(void **state)
{
    (void)state;
    struct publication publication;
    struct stat st;
    const char *path = lab_file("p.signed", "old");
    assert_int_equal(chmod(path, 0640), 0);
    struct zone *zone = lab_zone("example.org", "a 1 A 192.0.2.1\n");
    assert_int_equal(publish_write(path, zone, &publication, NULL), KEYD_OK);
    expect_content(path, "old");
    publish_drop(&publication);
    expect_content(path, "old");
    assert_int_not_equal(access(publication.fresh, F_OK), 0);

    lab_file("p.signed.new", "left by a killed run");
    assert_int_equal(publish_write(path, zone, &publication, NULL), KEYD_OK);
    assert_int_equal(publish_commit(&publication, NULL), KEYD_OK);
    expect_content(path, "a.example.org.\t1\tIN\tA\t192.0.2.1\n");
    assert_int_not_equal(access(publication.fresh, F_OK), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    zone_free(zone);
}

static void follows_a_link(void **state)
{
    (void)state;
    struct publication publication;
    const char *real = lab_file("real.signed", "old");
    const char *link = lab_path("link.signed");
    struct stat st;
    assert_int_equal(symlink(real, link), 0);
    struct zone *zone = lab_zone("example.org", "a 1 A 192.0.2.1\n");
    assert_int_equal(publish_write(link, zone, &publication, NULL), KEYD_OK);
    assert_int_equal(publish_commit(&publication, NULL), KEYD_OK);
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    expect_content(real, "a.example.org.\t1\tIN\tA\t192.0.2.1\n");
    zone_free(zone);
}

static void tells_early_where_nothing_can_be_written(void **state)
{
    (void)state;
    struct keyd_error err;
    assert_int_equal(publish_check(lab_path("new.signed"), NULL), KEYD_OK);
    assert_int_equal(publish_check(lab_path("."), &err), KEYD_FAILED_PRECONDITION);
    assert_int_equal(publish_check(lab_path("none/x.signed"), &err), KEYD_NOT_FOUND);
}

static void reload_tells_how_it_went(void **state)
{
    (void)state;
    struct keyd_error err;
    assert_int_equal(reload_run("exit 0", 5000, NULL), KEYD_OK);
    assert_int_equal(reload_run("echo no server; echo here >&2; exit 7", 5000, &err),
                     KEYD_INTERNAL);
    assert_string_equal(err.reason, "RELOAD");
    assert_string_equal(err.message, "'echo no server; echo here >&2; exit 7' gave exit status 7: "
                                     "no server here");
    assert_int_equal(reload_run("kill -9 $$", 5000, &err), KEYD_INTERNAL);
    assert_string_equal(err.message, "'kill -9 $$' was ended by signal 9");
}

static void reload_does_not_wait_for_what_is_left_behind(void **state)
{
    (void)state;
    int64_t start = clock_monotonic_ns();
    assert_int_equal(reload_run("sleep 3 &", 5000, NULL), KEYD_OK);
    assert_true(clock_monotonic_ns() - start < INT64_C(2000000000));
}

static void a_stuck_reload_is_killed(void **state)
{
    (void)state;
    struct keyd_error err;
    assert_int_equal(reload_run("sleep 30", 100, &err), KEYD_INTERNAL);
    assert_non_null(strstr(err.message, "was killed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_old_one_stands_until_commit),
        cmocka_unit_test(follows_a_link),
        cmocka_unit_test(tells_early_where_nothing_can_be_written),
        cmocka_unit_test(reload_tells_how_it_went),
        cmocka_unit_test(reload_does_not_wait_for_what_is_left_behind),
        cmocka_unit_test(a_stuck_reload_is_killed),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
