/* SPDX-License-Identifier: BSD-2-Clause
 * Standard streams that are closed, and what is printed to them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keyd/base/streams.h"
#include "tests/cmocka.h"

/* The exit status of a child that does this. */
static int status_of(void (*work)(void))
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        work();
        _exit(99);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void use_closed_streams(void)
{
    char byte = 'x';
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    streams_hold("test");
    if (open("/dev/null", O_RDWR | O_CLOEXEC) <= STDERR_FILENO)
        _exit(1);
    if (read(STDIN_FILENO, &byte, 1) != -1 || write(STDOUT_FILENO, &byte, 1) != -1)
        _exit(2);
    if (write(STDERR_FILENO, &byte, 1) != 1 || streams_can_write())
        _exit(3);
    _exit(0);
}

static void no_file_gets_the_number_of_a_closed_one(void **state)
{
    (void)state;
    assert_int_equal(status_of(use_closed_streams), 0);
}

static void open_output(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
        _exit(98);
    close(fd);
}

static void use_open_streams(void)
{
    open_output("/dev/null", O_RDWR);
    streams_hold("test");
    if (!streams_can_write())
        _exit(1);
    puts("hello");
    exit(0);
}

static void print_to_full(void)
{
    open_output("/dev/full", O_RDWR);
    streams_hold("test");
    puts("hello");
}

static void print_and_end_well(void)
{
    print_to_full();
    exit(0);
}

static void print_and_refuse(void)
{
    print_to_full();
    exit(3);
}

/* What was written before is lost, though nothing is left to be written. */
static void print_early(void)
{
    print_to_full();
    fflush(stdout);
    exit(0);
}

static void print_nothing(void)
{
    close(STDOUT_FILENO);
    streams_hold("test");
    exit(0);
}

static void print_to_closed(void)
{
    close(STDOUT_FILENO);
    streams_hold("test");
    puts("hello");
    exit(0);
}

static void what_is_lost_is_no_success(void **state)
{
    (void)state;
    assert_int_equal(status_of(use_open_streams), 0);
    assert_int_equal(status_of(print_nothing), 0);
    assert_int_equal(status_of(print_and_end_well), 1);
    assert_int_equal(status_of(print_early), 1);
    assert_int_equal(status_of(print_to_closed), 1);
    assert_int_equal(status_of(print_and_refuse), 3);
}

static void print_and_say_why(void)
{
    const char *why = "";
    print_to_full();
    _exit(!streams_flush(&why) && strcmp(why, "No space left on device") == 0 ? 0 : 1);
}

static void why_is_known(void **state)
{
    (void)state;
    assert_int_equal(status_of(print_and_say_why), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_file_gets_the_number_of_a_closed_one),
        cmocka_unit_test(what_is_lost_is_no_success),
        cmocka_unit_test(why_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
