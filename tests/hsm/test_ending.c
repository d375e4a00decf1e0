/* SPDX-License-Identifier: BSD-2-Clause
 * SIGTERM and SIGINT end keyd-hsm within ENDING_LIMIT_MS, wherever its threads are: in a module
 * that does not come back, at a log that nobody reads. And the start after it knows nothing wrong.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/hsm/ending.h"
#include "tests/cmocka.h"
#include "tests/hsm/desk.h"

#define READY        KEYD__HSM__V1__WELCOME__STATE__READY
#define LOGIN_NEEDED KEYD__HSM__V1__WELCOME__STATE__LOGIN_NEEDED

/* For a busy machine. */
#define SLACK_MS 900

/* The mock as a token whose calls may last much longer than an end. */
static int open_desk(void **state)
{
    if (lab_open(state) != 0)
        return -1;
    desk_token(LAB_PIN);
    lab_edit("main", "log_level", "module_call_limit: 60\nlog_level");
    return 0;
}

static void nap_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Waits until keyd-hsm is in this function of the module. */
static void await(const char *function, int calls)
{
    for (int i = 0; i < 1000 && desk_count(function) < calls; i++)
        nap_ms(10);
    assert_int_equal(desk_count(function), calls);
}

/* The signal, and how long the end takes; its exit status must be this. */
static int64_t end_ms(pid_t pid, int number, int status)
{
    int64_t from = clock_monotonic_ns();
    assert_int_equal(kill(pid, number), 0);
    assert_int_equal(lab_wait(pid), status);
    return (clock_monotonic_ns() - from) / 1000000;
}

static void one_that_starts_is_ended(void **state)
{
    (void)state;
    static const char *const functions[] = {"C_Initialize", "C_OpenSession"};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        char words[80];
        snprintf(words, sizeof words, "%s hang", functions[i]);
        desk_faults(words);
        int calls = desk_count(functions[i]);
        pid_t pid = lab_start("main", NULL);
        await(functions[i], calls + 1);
        assert_in_range(end_ms(pid, i == 0 ? SIGTERM : SIGINT, 0), 0, ENDING_LIMIT_MS + SLACK_MS);
        assert_int_equal(lab_count("main.log", "asked to end"), i + 1);
        snprintf(words, sizeof words, "warning: %s has not come back: the module is left as it is",
                 functions[i]);
        assert_int_equal(lab_count("main.log", words), 1);
        assert_false(lab_exists("state-main/last-words"));
    }
    /* Its module is not to be blamed. */
    desk_faults("");
    desk_visit(READY, "", 1);
}

/* A try of the PIN is brought to its end where that can be, so that nothing is left open. */
static void a_login_under_way_comes_to_its_end(void **state)
{
    (void)state;
    desk_faults("C_Login slow 2000");
    pid_t pid = lab_start("main", NULL);
    await("C_Login", 1);
    assert_in_range(end_ms(pid, SIGTERM, 0), 500, 3500);
    assert_int_equal(lab_count("main.log", "logged in to the token"), 1);
    assert_int_equal(lab_count("main.log", "faulty"), 0);
    assert_int_equal(lab_count("main.log", "listening on"), 0);
    desk_faults("");
    desk_visit(READY, "", 1);
}

static void no_login_is_begun_by_one_that_ends(void **state)
{
    (void)state;
    desk_faults("C_OpenSession slow 1500");
    pid_t pid = lab_start("main", NULL);
    await("C_OpenSession", 1);
    assert_in_range(end_ms(pid, SIGTERM, 0), 500, 3500);
    assert_int_equal(desk_count("C_Login"), 0);
    assert_false(lab_exists("state-main/login"));
    desk_faults("");
    desk_visit(READY, "", 1);
}

/* What it says of a PIN is what a kill would have it say. */
static void a_login_that_hangs_is_one_without_an_end(void **state)
{
    (void)state;
    desk_faults("C_Login hang");
    pid_t pid = lab_start("main", NULL);
    await("C_Login", 1);
    assert_in_range(end_ms(pid, SIGTERM, 0), 0, ENDING_LIMIT_MS + SLACK_MS);
    assert_int_equal(lab_count("main.log", "this try of the PIN came to no end: see that"), 1);
    desk_faults("");
    desk_visit(LOGIN_NEEDED,
               "never came to an end (keyd-hsm ended, or was asked to, before the token had said "
               "yes or no), and whether the token counted it nobody knows",
               0);
}

/* The one who waits for a start may have less patience than the watchdog. */
static void a_trial_that_hangs_is_done_without_once(void **state)
{
    (void)state;
    desk_faults("session_pair hang");
    pid_t pid = lab_start("main", NULL);
    await("session_pair", 1);
    assert_in_range(end_ms(pid, SIGTERM, 0), 0, ENDING_LIMIT_MS + SLACK_MS);
    assert_true(lab_exists("state-main/last-words"));
    desk_faults("");
    desk_visit(READY, "", 1);
    assert_int_equal(lab_count("main.log",
                               "when it tried to learn what new keys are like: keyd-hsm was asked "
                               "to end, and the module had not come back from C_GenerateKeyPair. "
                               "This one does not try"),
                     1);
    assert_int_equal(desk_count("session_pair"), 1);
    desk_visit(READY, "", 1);
    assert_int_equal(desk_count("session_pair"), 2);
}

static void a_trial_that_comes_to_its_end_leaves_nothing(void **state)
{
    (void)state;
    desk_faults("session_pair slow 1500");
    pid_t pid = lab_start("main", NULL);
    await("session_pair", 1);
    assert_in_range(end_ms(pid, SIGTERM, 0), 500, 3500);
    assert_false(lab_exists("state-main/last-words"));
    desk_faults("");
    desk_visit(READY, "", 1);
    assert_int_equal(desk_count("session_pair"), 2);
}

static void one_that_signs_is_ended(void **state)
{
    (void)state;
    desk_faults("C_Sign hang after=1"); /* the one that proves the new key */
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    struct keyid id = make_key(fd);
    lab_request request;
    Keyd__Hsm__V1__Sign sign = KEYD__HSM__V1__SIGN__INIT;
    lab_envelope(&request);
    sign.key_id = (ProtobufCBinaryData){KEYID_SIZE, id.bytes};
    sign.signing_algorithm = KEYD__V1__SIGNING_ALGORITHM__ECDSA_SHA_256;
    sign.message_type = KEYD__V1__MESSAGE_TYPE__DIGEST;
    sign.message = (ProtobufCBinaryData){sizeof scene_digest, (uint8_t *)(uintptr_t)scene_digest};
    request.body_case = KEYD__HSM__V1__REQUEST__BODY_SIGN;
    request.sign = &sign;
    int signs = desk_count("C_Sign");
    lab_send(fd, &request);
    await("C_Sign", signs + 1);
    assert_in_range(end_ms(pid, SIGTERM, 0), 0, ENDING_LIMIT_MS + SLACK_MS);
    assert_int_equal(lab_count("main.log", "a module call still runs"), 1);
    close(fd);
}

static void a_log_that_nobody_reads_does_not_hold_it_up(void **state)
{
    (void)state;
    static const char filling[4096];
    int log[2];
    desk_faults("C_Initialize hang");
    assert_int_equal(pipe2(log, O_CLOEXEC), 0);
    pid_t pid = lab_start_logging_to("main", log[1]);
    await("C_Initialize", 1);
    assert_int_equal(fcntl(log[1], F_SETFL, O_NONBLOCK), 0);
    while (write(log[1], filling, sizeof filling) > 0)
        continue;
    assert_int_equal(fcntl(log[1], F_SETFL, 0), 0);
    assert_in_range(end_ms(pid, SIGTERM, 128 + SIGALRM), 0, ENDING_LIMIT_MS + SLACK_MS);
    close(log[0]);
    close(log[1]);
}

/* The state folder is keyd-hsm's, and what does not belong there must not stop it. */
static void what_is_no_file_is_not_waited_for(void **state)
{
    (void)state;
    desk_visit(READY, "", 1);
    assert_int_equal(mkfifo(lab_path("state-main/last-words"), 0600), 0);
    desk_visit(READY, "", 1);
    assert_false(lab_exists("state-main/last-words"));
    assert_int_equal(unlink(lab_path("state-main/journal")), 0);
    assert_int_equal(mkfifo(lab_path("state-main/journal"), 0600), 0);
    pid_t pid = lab_start("main", NULL);
    nap_ms(500);
    assert_in_range(end_ms(pid, SIGTERM, 0), 0, ENDING_LIMIT_MS + SLACK_MS);
    assert_int_equal(unlink(lab_path("state-main/journal")), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_desk, lab_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_that_starts_is_ended),
        TEST(a_login_under_way_comes_to_its_end),
        TEST(no_login_is_begun_by_one_that_ends),
        TEST(a_login_that_hangs_is_one_without_an_end),
        TEST(a_trial_that_hangs_is_done_without_once),
        TEST(a_trial_that_comes_to_its_end_leaves_nothing),
        TEST(one_that_signs_is_ended),
        TEST(a_log_that_nobody_reads_does_not_hold_it_up),
        TEST(what_is_no_file_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
