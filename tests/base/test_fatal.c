/* SPDX-License-Identifier: BSD-2-Clause
 * What is still done when a signal ends a program. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keyd/base/fatal.h"
#include "tests/cmocka.h"

static int told; /* the writing end of a pipe */

static void say(char what)
{
    if (write(told, &what, 1) != 1)
        _exit(99);
}

static void first(void)
{
    say('1');
}

static void second(void)
{
    say('2');
}

/* What a child says that `before` sets up, and that then has both actions and gets the signal.
 * *status is that of waitpid. */
static void end_by(int number, void (*before)(int number), char said[8], int *status)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0};
        setrlimit(RLIMIT_CORE, &no_core);
        told = ends[1];
        before(number);
        fatal_do(first);
        fatal_do(second);
        fatal_do(first);
        raise(number);
        say('.');
        _exit(0);
    }
    close(ends[1]);
    ssize_t length = read(ends[0], said, 7);
    assert_true(length >= 0);
    for (ssize_t more;
         length < 7 && (more = read(ends[0], said + length, (size_t)(7 - length))) > 0;)
        length += more;
    said[length] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, status, 0), child);
}

static void leave(int number)
{
    signal(number, SIG_DFL);
}

static void ignore(int number)
{
    signal(number, SIG_IGN);
}

static void shout(int number)
{
    (void)number;
    say('!');
}

static void handle(int number)
{
    signal(number, shout);
}

static void each_action_runs_once_and_the_signal_ends_the_program(void **state)
{
    (void)state;
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char said[8];
        int status;
        end_by(numbers[i], leave, said, &status);
        assert_string_equal(said, "12");
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), numbers[i]);
    }
}

static char folder[] = "/tmp/keyd-fatal.XXXXXX";

static void make_file(const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", folder, name);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

/* In the child; files "1" to "8" are pending in the end, "kept" and "ninth" are not. */
static void leave_files(int number)
{
    char path[PATH_MAX];
    (void)number;
    make_file("kept", path);
    int kept = fatal_remove(path);
    for (int i = 1; i < FATAL_FILES; i++) {
        make_file((char[]){(char)('0' + i), '\0'}, path);
        fatal_remove(path);
    }
    make_file("ninth", path);
    if (fatal_remove(path) != -1)
        say('x');
    fatal_keep(-1);
    fatal_keep(kept);
    make_file("8", path);
    fatal_remove(path);
}

static void half_written_files_are_removed(void **state)
{
    (void)state;
    char said[8];
    int status;
    char path[PATH_MAX];
    assert_non_null(mkdtemp(folder));
    end_by(SIGTERM, leave_files, said, &status);
    assert_string_equal(said, "12");
    for (int i = 1; i <= FATAL_FILES; i++) {
        snprintf(path, sizeof path, "%s/%d", folder, i);
        assert_int_not_equal(access(path, F_OK), 0);
    }
    snprintf(path, sizeof path, "%s/kept", folder);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%s/ninth", folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void a_signal_that_was_ignored_or_handled_stays_so(void **state)
{
    (void)state;
    char said[8];
    int status;
    end_by(SIGHUP, ignore, said, &status);
    assert_string_equal(said, ".");
    assert_true(WIFEXITED(status));
    end_by(SIGINT, handle, said, &status);
    assert_string_equal(said, "!.");
    assert_true(WIFEXITED(status));
}

/* As a write to a log that nobody reads. */
static void an_end_in_so_many_seconds_is_held_up_by_nothing(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, NULL);
        signal(SIGALRM, SIG_IGN);
        fatal_within(1);
        for (;;)
            pause();
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGALRM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_action_runs_once_and_the_signal_ends_the_program),
        cmocka_unit_test(half_written_files_are_removed),
        cmocka_unit_test(a_signal_that_was_ignored_or_handled_stays_so),
        cmocka_unit_test(an_end_in_so_many_seconds_is_held_up_by_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
