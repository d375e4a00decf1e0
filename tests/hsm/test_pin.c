/* SPDX-License-Identifier: BSD-2-Clause
 * Where the PIN comes from: the real program on the mock module. (Files: test_trouble.c.) */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cmocka.h"
#include "tests/hsm/desk.h"

#define DESCRIPTOR 37

/* The token, with this in the place of `pin_file`. */
static void token_with(const char *source)
{
    desk_token(LAB_PIN);
    lab_edit("main", "pin_file: ../pin\n", source);
}

/* Children find `fd` as DESCRIPTOR until it is taken away; fd is closed. */
static void give(int fd)
{
    assert_true(fd >= 0);
    assert_int_equal(dup2(fd, DESCRIPTOR), DESCRIPTOR);
    close(fd);
}

static void take_away(void)
{
    close(DESCRIPTOR);
}

static int pipe_with(const char *text)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
    close(ends[1]);
    return ends[0];
}

/* ---- A descriptor ---------------------------------------------------------------------------- */

static void a_pipe_gives_it_to_one_start(void **state)
{
    (void)state;
    token_with("pin_descriptor: 37\n");
    give(pipe_with(LAB_PIN "\n"));
    desk_visit(READY, "", 1);
    desk_visit(LOGIN_NEEDED, "descriptor 37 must hold 1 to 255 bytes", 0);
    take_away();
    desk_visit(LOGIN_NEEDED, "descriptor 37 is not open", 0);
}

static void an_open_file_gives_it_to_each_start(void **state)
{
    (void)state;
    token_with("pin_descriptor: 37\n");
    give(open(lab_path("pin"), O_RDONLY | O_CLOEXEC));
    desk_visit(READY, "", 1);
    desk_visit(READY, "", 1);
    assert_int_equal(chmod(lab_path("pin"), 0644), 0);
    desk_visit(LOGIN_NEEDED, "descriptor 37 has mode 0644, so others can read it", 0);
    take_away();
}

static void it_is_closed_once_it_is_read(void **state)
{
    (void)state;
    char path[64];
    if (geteuid() != 0)
        skip(); /* what keyd-hsm has open is for root to see */
    token_with("pin_descriptor: 37\n");
    give(open(lab_path("pin"), O_RDONLY | O_CLOEXEC));
    pid_t pid = desk_start(READY, "", 1);
    char target[16] = "";
    snprintf(path, sizeof path, "/proc/%d/fd/0", (int)pid);
    assert_true(readlink(path, target, sizeof target) > 0);
    snprintf(path, sizeof path, "/proc/%d/fd/37", (int)pid);
    assert_int_equal(readlink(path, target, sizeof target), -1);
    lab_stop(pid);
    take_away();
}

static void standard_input_may_be_it(void **state)
{
    (void)state;
    token_with("pin_descriptor: 0\n");
    int saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 100);
    int fd = pipe_with(LAB_PIN);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
    pid_t pid = lab_start("main", NULL);
    close(greet(READY, ""));
    char path[64];
    char target[16] = "";
    snprintf(path, sizeof path, "/proc/%d/fd/0", (int)pid);
    if (readlink(path, target, sizeof target - 1) >= 0)
        assert_string_equal(target, "/dev/null"); /* nothing else becomes standard input */
    lab_stop(pid);
    assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
    close(saved);
}

static void what_is_open_by_chance_is_not_it(void **state)
{
    (void)state;
    /* Whatever keyd-hsm opens for itself takes the lowest numbers. */
    token_with("pin_descriptor: 5\n");
    desk_visit(LOGIN_NEEDED, "descriptor 5 is not open", 0);
}

static void what_holds_no_pin_is_refused(void **state)
{
    (void)state;
    token_with("pin_descriptor: 37\n");
    give(open("/dev/zero", O_RDONLY | O_CLOEXEC));
    desk_visit(LOGIN_NEEDED, "descriptor 37 is neither a pipe nor a socket nor a regular file", 0);
    give(pipe_with(""));
    desk_visit(LOGIN_NEEDED, "descriptor 37 must hold 1 to 255 bytes", 0);
    char longest[257];
    memset(longest, '7', sizeof longest);
    longest[256] = '\0';
    give(pipe_with(longest));
    desk_visit(LOGIN_NEEDED, "descriptor 37 must hold 1 to 255 bytes", 0);
    take_away();
    assert_int_equal(lab_count("main.log", "7777"), 0);
}

/* Each way of writing it by mistake that is certainly none costs no try. */
static void what_can_be_no_pin_is_not_tried(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        const char *words;
    } cases[] = {
        {LAB_PIN "\n\n", sizeof LAB_PIN + 1, "/pin has more than one line. No PIN does"},
        {LAB_PIN "\n# main", sizeof LAB_PIN + 6, "/pin has more than one line"},
        {LAB_PIN "\r\r\n", sizeof LAB_PIN + 2, "/pin has more than one line"},
        {"\xef\xbb\xbf" LAB_PIN "\n", sizeof LAB_PIN + 3, "/pin begins with a byte order mark"},
        {LAB_PIN "\0", sizeof LAB_PIN, "/pin has a NUL byte in it"},
        {"\xff\xfe"
         "2\0"
         "7\0",
         6, "/pin has a NUL byte in it"}, /* UTF-16 */
    };
    desk_token(LAB_PIN);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = open(lab_path("pin"), O_WRONLY | O_TRUNC | O_CLOEXEC);
        assert_int_equal(write(fd, cases[i].text, cases[i].size), cases[i].size);
        close(fd);
        pid_t pid = desk_start(LOGIN_NEEDED, cases[i].words, 0);
        close(greet(LOGIN_NEEDED, "alone and as plain text; keyd-hsm notices"));
        lab_stop(pid);
    }
    assert_int_equal(lab_count("main.log", LAB_PIN), 0);
    desk_pin(LAB_PIN);
    desk_visit(READY, "", 1);
    token_with("pin_descriptor: 37\n");
    give(pipe_with(LAB_PIN "\n\n"));
    desk_visit(LOGIN_NEEDED, "descriptor 37 has more than one line", 0);
    take_away();
}

/* It may be meant, so it is tried; but who reads of the refusal hears of it. */
static void a_blank_at_an_end_is_tried_and_told(void **state)
{
    (void)state;
    static const char hint[] = " (it begins or ends with a blank, which counts as part of it)";
    static const char *const pins[] = {LAB_PIN " ", " " LAB_PIN, LAB_PIN "\t"};
    for (size_t i = 0; i < sizeof pins / sizeof pins[0]; i++) {
        desk_token(LAB_PIN);
        lab_forget("state-main");
        desk_pin(pins[i]);
        desk_visit(LOGIN_NEEDED, hint, 1);
        desk_visit(LOGIN_NEEDED, hint, 0);
        desk_token(pins[i]); /* where it is meant: */
        lab_forget("state-main");
        desk_visit(READY, "", 1);
    }
    desk_token(LAB_PIN);
    lab_forget("state-main");
    desk_pin("86420975");
    pid_t pid = lab_start("main", NULL);
    int fd = greet(LOGIN_NEEDED, "the PIN is wrong. It was tried once");
    end(pid, fd);
}

static void a_refused_one_says_how_another_comes_in(void **state)
{
    (void)state;
    token_with("pin_descriptor: 37\n");
    give(pipe_with("86420975\n"));
    desk_visit(LOGIN_NEEDED, "start keyd-hsm again with the right PIN on descriptor 37", 1);
    give(pipe_with("86420975\n"));
    desk_visit(LOGIN_NEEDED, "refused the PIN from descriptor 37 before", 0);
    take_away();
}

static void systemds_socket_is_no_pin(void **state)
{
    (void)state;
    int ends[2];
    token_with("pin_descriptor: 3\n");
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    pid_t pid = lab_start_with_socket("main", ends[0], "1");
    assert_int_equal(lab_wait(pid), 2);
    assert_int_equal(lab_count("main.log", ": pin_descriptor: 3 is a socket that systemd gave"), 1);
    close(ends[0]);
    close(ends[1]);
}

/* ---- A credential ---------------------------------------------------------------------------- */

static void a_credential_is_read_and_watched(void **state)
{
    (void)state;
    token_with("pin_credential: hsm.pin\n");
    unsetenv("CREDENTIALS_DIRECTORY");
    desk_visit(LOGIN_NEEDED, "the credential hsm.pin: CREDENTIALS_DIRECTORY is not set", 0);
    assert_int_equal(mkdir(lab_path("credentials"), 0700), 0);
    setenv("CREDENTIALS_DIRECTORY", lab_path("credentials"), 1);
    pid_t pid = desk_start(LOGIN_NEEDED, "credentials/hsm.pin: No such file", 0);
    lab_write("credentials/hsm.pin", LAB_PIN "\n", 0400);
    assert_int_equal(lab_wait(pid), 1);
    desk_visit(READY, "", 1);
    lab_write("credentials/hsm.pin", LAB_PIN "\n", 0644);
    desk_visit(LOGIN_NEEDED,
               "has mode 0644, so others can read it: a credential has mode 0400, or is root's "
               "with 0440",
               0);
    if (geteuid() == 0) { /* as systemd shows it to a service with a User= */
        lab_write("credentials/hsm.pin", LAB_PIN "\n", 0440);
        desk_visit(READY, "", 1);
    }
    lab_write("credentials/hsm.pin", "86420975\n", 0400);
    desk_visit(LOGIN_NEEDED, "where LoadCredential= of the unit takes hsm.pin from", 1);
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void without_a_source_it_says_what_to_set(void **state)
{
    (void)state;
    token_with("");
    desk_visit(LOGIN_NEEDED, "none of `pin_file`, `pin_credential` and `pin_descriptor`", 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_open, lab_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pipe_gives_it_to_one_start),
        TEST(an_open_file_gives_it_to_each_start),
        TEST(it_is_closed_once_it_is_read),
        TEST(standard_input_may_be_it),
        TEST(what_is_open_by_chance_is_not_it),
        TEST(what_holds_no_pin_is_refused),
        TEST(what_can_be_no_pin_is_not_tried),
        TEST(a_blank_at_an_end_is_tried_and_told),
        TEST(a_refused_one_says_how_another_comes_in),
        TEST(systemds_socket_is_no_pin),
        TEST(a_credential_is_read_and_watched),
        TEST(without_a_source_it_says_what_to_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
