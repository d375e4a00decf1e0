/* SPDX-License-Identifier: BSD-2-Clause
 * Putting a file in its place, and the reload command. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

#define NEW "a.example.org.\t1\tIN\tA\t192.0.2.1\n"

/* A whole new file, up to its commit. */
static enum keyd_status write_new(const char *path, bool rehearsal, struct publication *publication,
                                  struct keyd_error *err)
{
    enum keyd_status status = publish_begin(path, rehearsal, publication, err);
    if (status != KEYD_OK)
        return status;
    status = publish_add(publication, NEW, strlen(NEW), err);
    if (status == KEYD_OK)
        status = publish_end(publication, err);
    if (status != KEYD_OK)
        publish_drop(publication);
    return status;
}

static void the_old_one_stands_until_commit(void **state)
{
    (void)state;
    struct publication publication;
    struct stat st;
    const char *path = lab_file("p.signed", "old");
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(write_new(path, false, &publication, NULL), KEYD_OK);
    expect_content(path, "old");
    publish_drop(&publication);
    expect_content(path, "old");
    assert_int_not_equal(access(publication.fresh, F_OK), 0);

    lab_file("p.signed.new", "left by a killed run");
    assert_int_equal(write_new(path, false, &publication, NULL), KEYD_OK);
    assert_int_equal(publish_commit(&publication, NULL), KEYD_OK);
    expect_content(path, NEW);
    assert_int_not_equal(access(publication.fresh, F_OK), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
}

static void follows_a_link(void **state)
{
    (void)state;
    struct publication publication;
    const char *real = lab_file("real.signed", "old");
    const char *link = lab_path("link.signed");
    struct stat st;
    assert_int_equal(symlink(real, link), 0);
    assert_int_equal(write_new(link, false, &publication, NULL), KEYD_OK);
    assert_int_equal(publish_commit(&publication, NULL), KEYD_OK);
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    expect_content(real, NEW);
}

/* The name server is another user: what it could read, it can read again. */
static void owner_and_group_are_handed_down(void **state)
{
    (void)state;
    struct publication publication;
    struct stat st;
    if (geteuid() != 0)
        skip();
    const char *path = lab_file("owned.signed", "old");
    assert_int_equal(chown(path, 12345, 23456), 0);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(write_new(path, false, &publication, NULL), KEYD_OK);
    assert_int_equal(publish_commit(&publication, NULL), KEYD_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 12345);
    assert_int_equal(st.st_gid, 23456);
    assert_int_equal(st.st_mode & 07777, 0640);
}

/* In a child of another uid: 0 when a file of root's with that mode is replaced or refused as it
 * should be. */
static int replace_as_nobody(const char *path, enum keyd_status wanted)
{
    struct publication publication;
    struct keyd_error err = {.message = ""};
    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
        return 2;
    if (publish_check(path, NULL) != wanted)
        return 5;
    enum keyd_status status = write_new(path, false, &publication, &err);
    if (status == KEYD_OK)
        publish_drop(&publication);
    else if (strcmp(err.reason, "OWNER") != 0)
        return 3;
    return status == wanted ? 0 : 4;
}

static void a_file_that_nobody_could_read_is_refused(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        enum keyd_status wanted;
    } rows[] = {{0644, KEYD_OK}, {0640, KEYD_FAILED_PRECONDITION}};
    if (geteuid() != 0)
        skip();
    const char *path = lab_file("roots.signed", "old");
    const char *folder = lab_path(".");
    assert_int_equal(chmod(folder, 0777), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int how = 0;
        assert_int_equal(chmod(path, rows[i].mode), 0);
        pid_t pid = fork();
        if (pid == 0)
            _exit(replace_as_nobody(path, rows[i].wanted));
        assert_int_equal(waitpid(pid, &how, 0), pid);
        assert_int_equal(how, 0);
        expect_content(path, "old");
    }
    assert_int_equal(chmod(folder, 0700), 0);
}

static void two_runs_do_not_take_each_others_file(void **state)
{
    (void)state;
    struct publication one;
    struct publication two;
    struct keyd_error err;
    const char *path = lab_path("two.signed");
    assert_int_equal(write_new(path, false, &one, NULL), KEYD_OK);
    assert_int_equal(write_new(path, false, &two, &err), KEYD_ABORTED);
    assert_string_equal(err.reason, "ZONE_BUSY");
    assert_int_equal(publish_commit(&one, NULL), KEYD_OK);
    expect_content(path, NEW);
    assert_int_equal(write_new(path, false, &two, &err), KEYD_OK);
    publish_drop(&two);
}

static void a_rehearsal_touches_no_disk(void **state)
{
    (void)state;
    struct publication publication;
    const char *path = lab_file("dry.signed", "old");
    const char *fresh = lab_file("dry.signed.new", "of a run that is at work");
    assert_int_equal(write_new(path, true, &publication, NULL), KEYD_OK);
    expect_content(publication.fresh, NEW);
    publish_drop(&publication);
    expect_content(path, "old");
    expect_content(fresh, "of a run that is at work");
}

static void tells_early_where_nothing_can_be_written(void **state)
{
    (void)state;
    struct keyd_error err;
    assert_int_equal(publish_check(lab_path("new.signed"), NULL), KEYD_OK);
    assert_int_equal(publish_check(lab_path("."), &err), KEYD_FAILED_PRECONDITION);
    assert_int_equal(publish_check(lab_path("none/x.signed"), &err), KEYD_NOT_FOUND);
    const char *link = lab_path("to-nothing.signed");
    assert_int_equal(symlink("nothing", link), 0);
    assert_int_equal(publish_check(link, &err), KEYD_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "is a link to nothing"));
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
        cmocka_unit_test(owner_and_group_are_handed_down),
        cmocka_unit_test(a_file_that_nobody_could_read_is_refused),
        cmocka_unit_test(two_runs_do_not_take_each_others_file),
        cmocka_unit_test(a_rehearsal_touches_no_disk),
        cmocka_unit_test(tells_early_where_nothing_can_be_written),
        cmocka_unit_test(reload_tells_how_it_went),
        cmocka_unit_test(reload_does_not_wait_for_what_is_left_behind),
        cmocka_unit_test(a_stuck_reload_is_killed),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
