/* SPDX-License-Identifier: BSD-2-Clause
 * Which PIN is tried, and when: the real program on the mock module, which counts C_Login. (Wrong
 * PIN files, and SoftHSM: test_trouble.c.) */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/hsm/login.h"
#include "tests/cmocka.h"
#include "tests/hsm/desk.h"

#define WRONG "86420975"
#define OTHER "11111111"

/* ---- By itself ------------------------------------------------------------------------------- */

static void where_the_token_counts_only_the_last_good_pin_is_tried(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    desk_pin(WRONG);
    desk_visit(LOGIN_NEEDED, "CKR_PIN_INCORRECT", 1);
    desk_visit(LOGIN_NEEDED, "refused the PIN from", 0);
    /* Neither another wrong one nor the right one: who is to know? */
    desk_pin(OTHER);
    desk_visit(LOGIN_NEEDED, "no good login with the PIN from", 0);
    desk_pin(LAB_PIN);
    pid_t pid = desk_start(LOGIN_NEEDED, "no good login with the PIN from", 0);
    assert_int_equal(desk_login(&pid, NULL), 0);
    desk_heard("logged in to the token main");
    lab_stop(pid);
    desk_visit(READY, "", 1);

    /* Now the token counts nothing: a new PIN is tried, once; then the good one again. */
    desk_pin(WRONG);
    desk_visit(LOGIN_NEEDED, "refused the PIN from", 0);
    desk_pin(OTHER);
    desk_visit(LOGIN_NEEDED, "CKR_PIN_INCORRECT", 1);
    desk_pin(LAB_PIN);
    desk_visit(READY, "", 1);
    assert_int_equal(lab_count("main.log", WRONG) + lab_count("main.log", OTHER), 0);
    assert_int_equal(lab_count("state-main/login", LAB_PIN), 0);
}

static void somebody_elses_wrong_pin_does_not_keep_the_good_one_out(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    desk_visit(READY, "", 1);
    desk_faults("token flags COUNT_LOW\n");
    desk_visit(READY, "", 1);
}

static void a_pin_that_the_token_did_not_look_at_is_not_good(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    desk_pin(WRONG);
    desk_faults("C_Login rv CKR_USER_ALREADY_LOGGED_IN\n");
    desk_visit(READY, "", 1);
    desk_faults("token flags COUNT_LOW\n");
    desk_visit(LOGIN_NEEDED, "no good login with the PIN from", 0);
}

/* Whose wrong PIN it counts by the next start: not that of a try that was none. */
static void a_pin_that_the_token_did_not_look_at_is_not_refused(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    desk_visit(READY, "", 1);
    desk_faults("C_Login rv CKR_USER_TOO_MANY_TYPES\n");
    desk_visit(FAULTY, "CKR_USER_TOO_MANY_TYPES", 1);
    desk_faults("token flags COUNT_LOW\n");
    desk_visit(READY, "", 1);
}

static void a_counting_token_without_a_record_is_not_tried(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    desk_faults("token flags COUNT_LOW\n");
    pid_t pid = desk_start(LOGIN_NEEDED, "no good login with the PIN from", 0);
    assert_int_equal(desk_login(&pid, NULL), 0);
    lab_stop(pid);
    desk_visit(READY, "", 1);
}

/* ---- An operator's word ---------------------------------------------------------------------- */

static void a_permit_is_for_one_try(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    desk_pin(WRONG);
    pid_t pid = desk_start(LOGIN_NEEDED, "CKR_PIN_INCORRECT", 1);
    assert_int_equal(desk_login(&pid, NULL), 1);
    desk_heard("CKR_PIN_INCORRECT");
    assert_int_equal(desk_count("C_Login"), 2);
    lab_stop(pid);
    desk_visit(LOGIN_NEEDED, "one more wrong PIN locks it", 0);
    assert_int_equal(lab_count("state-main/login", "permit"), 0);
}

static void a_refused_pin_that_has_become_right_is_good_from_then_on(void **state)
{
    (void)state;
    desk_token(OTHER);
    pid_t pid = desk_start(LOGIN_NEEDED, "CKR_PIN_INCORRECT", 1);
    desk_token(LAB_PIN); /* initialised anew */
    assert_int_equal(desk_login(&pid, NULL), 0);
    lab_stop(pid);
    desk_visit(READY, "", 1);
}

static void the_final_try_wants_a_word_of_its_own(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    desk_visit(READY, "", 1); /* not even the good PIN: */
    desk_faults("token flags COUNT_LOW,FINAL_TRY\n");
    pid_t pid = desk_start(LOGIN_NEEDED, "one more wrong PIN locks it", 0);
    int tries = desk_count("C_Login");
    assert_int_equal(desk_login(&pid, NULL), 3);
    desk_heard("with --final-try");
    assert_int_equal(desk_count("C_Login"), tries);
    assert_int_equal(lab_count("state-main/login", "permit"), 0);
    assert_int_equal(desk_login(&pid, "--final-try"), 0);
    assert_int_equal(desk_count("C_Login"), tries + 1);
    lab_stop(pid);
    desk_visit(LOGIN_NEEDED, "one more wrong PIN locks it", 0);
}

static void a_locked_token_is_never_tried(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    desk_faults("token flags LOCKED\n");
    pid_t pid = desk_start(LOGIN_NEEDED, "user PIN is locked", 0);
    assert_int_equal(desk_login(&pid, "--final-try"), 3);
    desk_heard("user PIN is locked");
    assert_int_equal(desk_count("C_Login"), 0);
    lab_stop(pid);
    desk_faults("");
    desk_visit(READY, "", 1);
}

static void a_crash_inside_the_try_uses_the_permit_up(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    desk_faults("token flags COUNT_LOW\n");
    pid_t pid = desk_start(LOGIN_NEEDED, "no good login", 0);
    desk_faults("token flags COUNT_LOW\nC_Login kill before ever=1\n");
    pid_t command = fork();
    if (command == 0)
        _exit(desk_say_login(NULL));
    assert_int_equal(lab_wait(pid), 1);
    assert_int_equal(lab_wait(lab_start("main", NULL)), 128 + SIGKILL);
    assert_int_equal(lab_count("state-main/login", "permit"), 0);
    assert_int_equal(lab_count("state-main/login", "trying"), 1);
    pid = desk_start(LOGIN_NEEDED, "refused the PIN from", 0);
    assert_int_equal(lab_wait(command), 3);
    lab_stop(pid);
    assert_int_equal(lab_count("main.log", "that PIN is taken for refused"), 1);
}

/* ---- The record ------------------------------------------------------------------------------ */

static void edit_record(const char *from, const char *to)
{
    char changed[8192];
    char *text = lab_read("state-main/login");
    const char *at = strstr(text, from);
    assert_non_null(at);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    free(text);
    lab_write("state-main/login", changed, 0600);
}

static void a_record_of_version_1_still_counts(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    desk_pin(WRONG);
    desk_visit(LOGIN_NEEDED, "CKR_PIN_INCORRECT", 1);
    edit_record("\"v\": 2", "\"v\": 1");
    desk_visit(LOGIN_NEEDED, "refused the PIN from", 0);
    edit_record("\"v\": 1", "\"v\": 3");
    pid_t pid = desk_start(LOGIN_NEEDED, "is damaged or from a newer version", 0);
    assert_int_equal(desk_say_login(NULL),
                     3); /* no word lifts that: it may say more than we know */
    desk_heard("is damaged or from a newer version");
    lab_stop(pid);
}

static void a_permit_counts_for_its_time_only(void **state)
{
    (void)state;
    static const struct {
        int64_t from_now_s;
        int logins;
    } cases[] = {{-1, 0}, {TRIES_PERMIT_S + 3600, 0}, {TRIES_PERMIT_S / 2, 1}};
    desk_token(LAB_PIN);
    desk_faults("token flags COUNT_LOW\n");
    desk_pin(WRONG);
    pid_t pid = desk_start(LOGIN_NEEDED, "no good login", 0);
    assert_int_equal(desk_login(&pid, NULL), 1);
    lab_stop(pid);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char time[CLOCK_TEXT_MAX];
        char permit[128];
        clock_format(clock_now() + cases[i].from_now_s * 1000, time);
        snprintf(permit, sizeof permit,
                 "\"permit\": \"once\",\n  \"permit_until\": \"%s\",\n  \"v\": 2", time);
        edit_record("\"v\": 2", permit);
        desk_faults("token flags COUNT_LOW\nC_Login rv CKR_PIN_INCORRECT\n");
        pid =
            desk_start(LOGIN_NEEDED, cases[i].logins == 1 ? "CKR_PIN_INCORRECT" : "refused the PIN",
                       cases[i].logins);
        lab_stop(pid);
        if (cases[i].logins == 0)
            edit_record(permit, "\"v\": 2");
    }
    assert_int_equal(lab_count("state-main/login", "permit"), 0);
    edit_record("\"v\": 2", "\"permit\": \"always\", \"v\": 2");
    desk_visit(LOGIN_NEEDED, "is damaged", 0);
}

/* ---- A pad of its own ------------------------------------------------------------------------ */

static void desk_with_a_pad(void)
{
    desk_token(LAB_PIN);
    lab_edit("main", "pin_file: ../pin\n", "");
    desk_faults("token protected-path\n");
}

static void a_pad_is_asked_only_when_somebody_stands_there(void **state)
{
    (void)state;
    desk_with_a_pad();
    for (int i = 0; i < 2; i++)
        desk_visit(LOGIN_NEEDED, "at its own pad, and at a start nobody stands there", 0);
    pid_t pid = desk_start(LOGIN_NEEDED, "own pad", 0);
    assert_int_equal(desk_login(&pid, NULL), 0);
    desk_heard("type the PIN at the token's pad, within 120 seconds");
    desk_heard("logged in");
    lab_stop(pid);
    desk_visit(LOGIN_NEEDED, "own pad", 0);
}

static void what_goes_wrong_at_the_pad_is_for_a_person_too(void **state)
{
    (void)state;
    static const struct {
        const char *fault;
        const char *message;
        int status;
    } cases[] = {
        {"C_Login rv CKR_PIN_INCORRECT", "at the token's pad: C_Login: CKR_PIN_INCORRECT", 1},
        {"C_Login rv CKR_FUNCTION_CANCELED", "at the token's pad: C_Login: CKR_FUNCTION_CANCELED",
         1},
        {"C_Login rv CKR_PIN_LOCKED", "user PIN is locked", 3},
    };
    desk_with_a_pad();
    pid_t pid = desk_start(LOGIN_NEEDED, "own pad", 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char faults[128];
        int tries = desk_count("C_Login");
        snprintf(faults, sizeof faults, "token protected-path\n%s\n", cases[i].fault);
        desk_faults(faults);
        assert_int_equal(desk_login(&pid, NULL), cases[i].status);
        desk_heard(cases[i].message);
        assert_int_equal(desk_count("C_Login"), tries + 1);
    }
    lab_stop(pid);
    desk_faults("token protected-path\ntoken flags FINAL_TRY\n");
    pid = desk_start(LOGIN_NEEDED, "one more wrong PIN locks it", 0);
    assert_int_equal(desk_login(&pid, "--final-try"), 0);
    lab_stop(pid);
}

static void the_wait_at_a_pad_can_be_ended(void **state)
{
    (void)state;
    desk_with_a_pad();
    pid_t pid = desk_start(LOGIN_NEEDED, "own pad", 0);
    desk_faults("token protected-path\nC_Login hang ever=1\n");
    pid_t command = fork();
    if (command == 0)
        _exit(desk_say_login(NULL));
    assert_int_equal(lab_wait(pid), 1);
    pid = lab_start("main", NULL);
    for (int i = 0; desk_count("C_Login") == 0 && i < 500; i++)
        usleep(10000);
    assert_int_equal(desk_count("C_Login"), 1);
    kill(pid, SIGTERM);
    assert_int_equal(lab_wait(pid), 128 + SIGTERM);
    pid = desk_start(LOGIN_NEEDED, "own pad", 0);
    assert_int_equal(lab_wait(command), 3);
    lab_stop(pid);
}

static void a_pin_that_only_the_pad_takes_is_taken_out(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    desk_faults("token protected-path\n");
    desk_visit(LOGIN_NEEDED, "takes its PIN at its own pad only: take the PIN's field out of", 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_open, lab_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(where_the_token_counts_only_the_last_good_pin_is_tried),
        TEST(somebody_elses_wrong_pin_does_not_keep_the_good_one_out),
        TEST(a_pin_that_the_token_did_not_look_at_is_not_good),
        TEST(a_pin_that_the_token_did_not_look_at_is_not_refused),
        TEST(a_counting_token_without_a_record_is_not_tried),
        TEST(a_permit_is_for_one_try),
        TEST(a_refused_pin_that_has_become_right_is_good_from_then_on),
        TEST(the_final_try_wants_a_word_of_its_own),
        TEST(a_locked_token_is_never_tried),
        TEST(a_crash_inside_the_try_uses_the_permit_up),
        TEST(a_record_of_version_1_still_counts),
        TEST(a_permit_counts_for_its_time_only),
        TEST(a_pad_is_asked_only_when_somebody_stands_there),
        TEST(what_goes_wrong_at_the_pad_is_for_a_person_too),
        TEST(the_wait_at_a_pad_can_be_ended),
        TEST(a_pin_that_only_the_pad_takes_is_taken_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
