/* SPDX-License-Identifier: BSD-2-Clause
 * Which PIN is tried, and when: the real program on the mock module, which counts C_Login. (Wrong
 * PIN files, and SoftHSM: test_trouble.c.) */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyd/hsm/login.h"
#include "tests/cmocka.h"
#include "tests/hsm/desk.h"

#define WRONG "86420975"
#define OTHER "11111111"

/* A token that says nothing of wrong PINs. */
#define SILENT "token no-flags COUNT_LOW,FINAL_TRY,LOCKED\n"

/* ---- By itself ------------------------------------------------------------------------------- */

static void where_the_token_counts_only_the_last_good_pin_is_tried(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    desk_pin(WRONG);
    pid_t first = desk_start(LOGIN_NEEDED, "CKR_PIN_INCORRECT", 1);
    close(greet(LOGIN_NEEDED, "the token counts wrong PINs: write the right PIN to"));
    close(greet(LOGIN_NEEDED, "/pin, then say `keyd-hsm admin login --config"));
    lab_stop(first);
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

/* ---- A try without an end -------------------------------------------------------------------- */

static void fresh_desk(const char *pin)
{
    desk_token(LAB_PIN);
    lab_forget("state-main");
    desk_pin(pin);
}

/* One start, ended by the fault in its try. */
static void crash_in_the_try(void)
{
    int tries = desk_count("C_Login");
    assert_int_equal(lab_wait(lab_start("main", NULL)), 128 + SIGKILL);
    assert_int_equal(desk_count("C_Login"), tries + 1);
}

static void an_unknown_pin_has_one_such_try(void **state)
{
    (void)state;
    static const char *const answers[] = {"0x80000042", "CKR_DEVICE_ERROR", "CKR_GENERAL_ERROR",
                                          "CKR_FUNCTION_FAILED", "CKR_ARGUMENTS_BAD"};
    static const char *const pins[] = {WRONG, LAB_PIN}; /* who is to know which one it is? */
    for (size_t i = 0; i < 2 * sizeof answers / sizeof answers[0]; i++) {
        char faults[128];
        fresh_desk(pins[i % 2]);
        snprintf(faults, sizeof faults, SILENT "C_Login rv-late %s\n", answers[i / 2]);
        desk_faults(faults);
        desk_visit(FAULTY, i < 2 ? "CKR_VENDOR_DEFINED" : answers[i / 2], 1);
        for (int start = 0; start < 2; start++)
            desk_visit(LOGIN_NEEDED, "the last login with the PIN from", 0);
        desk_faults(SILENT);
        pid_t pid = desk_start(LOGIN_NEEDED, "whether the token counted it nobody knows", 0);
        assert_int_equal(desk_login(&pid, NULL), i % 2 == 0 ? 1 : 0);
        lab_stop(pid);
        desk_visit(i % 2 == 0 ? LOGIN_NEEDED : READY, i % 2 == 0 ? "refused the PIN" : "", i % 2);
    }
}

static void a_crash_or_hang_in_the_try_is_one(void **state)
{
    (void)state;
    static const char *const faults[] = {SILENT "C_Login kill after\n", "C_Login kill before\n"};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        fresh_desk(WRONG);
        desk_faults(faults[i]);
        crash_in_the_try();
        desk_visit(LOGIN_NEEDED, "never came to an end", 0);
        desk_visit(LOGIN_NEEDED, "never came to an end", 0);
    }
    fresh_desk(WRONG);
    lab_edit("main", "pin_file: ../pin\n", "pin_file: ../pin\nmodule_call_limit: 1\n");
    desk_faults(SILENT "C_Login hang after\n");
    int tries = desk_count("C_Login");
    assert_int_equal(lab_wait(lab_start("main", NULL)), 1);
    assert_int_equal(desk_count("C_Login"), tries + 1);
    pid_t pid = lab_start("main", NULL);
    close(greet(FAULTY, "the last start ended in"));
    assert_int_equal(lab_wait(pid), 1);
    desk_visit(LOGIN_NEEDED, "never came to an end", 0);
}

static void a_record_of_version_2_has_it_too(void **state)
{
    (void)state;
    fresh_desk(WRONG);
    desk_faults(SILENT "C_Login kill before ever=1\n");
    crash_in_the_try();
    desk_edit_record("\"v\": 3", "\"v\": 2");
    desk_edit_record("\"unsettled\"", "\"unknown\"");
    desk_visit(LOGIN_NEEDED, "never came to an end", 0);
}

static void it_is_kept_for_each_pin(void **state)
{
    (void)state;
    fresh_desk(WRONG);
    desk_faults(SILENT "C_Login rv-late CKR_DEVICE_ERROR\n");
    desk_visit(FAULTY, "CKR_DEVICE_ERROR", 1);
    desk_pin(OTHER);
    desk_visit(FAULTY, "CKR_DEVICE_ERROR", 1);
    desk_faults(SILENT);
    desk_visit(LOGIN_NEEDED, "never came to an end", 0);
    desk_pin(WRONG);
    desk_visit(LOGIN_NEEDED, "never came to an end", 0);
    desk_pin(LAB_PIN);
    desk_visit(READY, "", 1);
    desk_pin(WRONG);
    desk_visit(LOGIN_NEEDED, "never came to an end", 0);
}

static void the_good_pin_has_two_in_a_row(void **state)
{
    (void)state;
    static const char hiccup[] = "C_Login rv CKR_DEVICE_ERROR\n";
    fresh_desk(LAB_PIN);
    desk_visit(READY, "", 1);
    for (int round = 0; round < 2; round++) { /* one that ends, and all are forgotten */
        desk_faults(hiccup);
        for (int i = 1; i < LOGIN_UNSETTLED_MAX; i++)
            desk_visit(FAULTY, "CKR_DEVICE_ERROR", 1);
        desk_faults("");
        desk_visit(READY, "", 1);
    }
    desk_faults(hiccup);
    for (int i = 0; i < LOGIN_UNSETTLED_MAX; i++)
        desk_visit(FAULTY, "CKR_DEVICE_ERROR", 1);
    desk_visit(LOGIN_NEEDED, "the last 2 logins with the PIN from", 0);
    /* A word is for one try. */
    pid_t pid = desk_start(LOGIN_NEEDED, "never came to an end", 0);
    int tries = desk_count("C_Login");
    assert_int_equal(desk_login(&pid, NULL), 1);
    desk_heard("CKR_DEVICE_ERROR");
    assert_int_equal(lab_wait(pid), 1);
    assert_int_equal(desk_count("C_Login"), tries + 1);
    desk_faults("");
    pid = desk_start(LOGIN_NEEDED, "the last 3 logins with the PIN from", 0);
    assert_int_equal(desk_login(&pid, NULL), 0);
    lab_stop(pid);
    desk_visit(READY, "", 1);
}

static void a_kill_in_the_try_of_the_good_pin_needs_nobody(void **state)
{
    (void)state;
    fresh_desk(LAB_PIN);
    static const char *const faults[] = {"C_Login kill before\n", "C_Login kill after\n"};
    desk_visit(READY, "", 1);
    for (size_t i = 0; i < 2 * sizeof faults / sizeof faults[0]; i++) {
        desk_faults(faults[i % 2]);
        crash_in_the_try();
        desk_faults("");
        desk_visit(READY, "", 1);
    }
}

/* It was good, and is wrong by now; the token has three tries and says nothing. Whatever ends them,
 * one is left when keyd-hsm needs a person. */
static void a_silent_token_is_not_locked_by_a_pin_that_was_good(void **state)
{
    (void)state;
    fresh_desk(LAB_PIN);
    desk_visit(READY, "", 1);
    lab_edit("main", "KEYD_MOCK_PIN, value: '" LAB_PIN "'", "KEYD_MOCK_PIN, value: '" OTHER "'");
    desk_faults(SILENT "C_Login kill after\n");
    for (int i = 0; i < LOGIN_UNSETTLED_MAX; i++)
        crash_in_the_try();
    for (int start = 0; start < 3; start++)
        desk_visit(LOGIN_NEEDED, "the last 2 logins with the PIN from", 0);
    desk_faults("");
    desk_visit(LOGIN_NEEDED, "one more wrong PIN locks it", 0); /* and not: is locked */
}

/* ---- Locked ---------------------------------------------------------------------------------- */

/* The very try that locks it may be answered so, and the flags may be silent. */
static void a_token_that_answers_locked_is_asked_once(void **state)
{
    (void)state;
    static const char *const pins[] = {WRONG, LAB_PIN};
    for (size_t i = 0; i < sizeof pins / sizeof pins[0]; i++) {
        fresh_desk(pins[i]);
        desk_faults(SILENT "C_Login rv-late CKR_PIN_LOCKED\n");
        pid_t pid = desk_start(LOGIN_NEEDED, "CKR_PIN_LOCKED (0xa4): the user PIN is locked", 1);
        close(greet(LOGIN_NEEDED, "or wait where it unlocks itself (a TPM does), then say "
                                  "`keyd-hsm admin login --config"));
        lab_stop(pid);
        for (int start = 0; start < 2; start++)
            desk_visit(LOGIN_NEEDED, "said at the last try that its user PIN is locked", 0);
        pid = desk_start(LOGIN_NEEDED, "user PIN is locked", 0);
        int tries = desk_count("C_Login");
        assert_int_equal(desk_login(&pid, NULL), 1); /* too early */
        desk_heard("the user PIN is locked now");
        assert_int_equal(desk_count("C_Login"), tries + 1);
        desk_faults(SILENT);
        assert_int_equal(desk_login(&pid, NULL), i == 0 ? 1 : 0);
        lab_stop(pid);
        desk_visit(i == 0 ? LOGIN_NEEDED : READY, i == 0 ? "refused the PIN" : "", (int)i);
    }
}

static void a_final_try_that_locked_says_so(void **state)
{
    (void)state;
    fresh_desk(WRONG);
    pid_t pid = desk_start(LOGIN_NEEDED, "CKR_PIN_INCORRECT", 1);
    assert_int_equal(desk_login(&pid, NULL), 1);
    assert_int_equal(desk_login(&pid, NULL), 3);
    assert_int_equal(desk_count("C_Login"), 2);
    assert_int_equal(desk_login(&pid, "--final-try"), 1);
    desk_heard("the user PIN is locked now");
    desk_heard("keyd-hsm admin login --config");
    assert_int_equal(desk_count("C_Login"), 3);
    assert_int_equal(desk_login(&pid, "--final-try"), 3);
    desk_heard("the token says that its user PIN is locked");
    assert_int_equal(desk_count("C_Login"), 3);
    lab_stop(pid);
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
    desk_heard("one more wrong PIN locks the token");
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
    assert_int_equal(lab_wait(command), 1); /* it was tried, by the one that crashed */
    lab_stop(pid);
    assert_int_equal(lab_count("main.log", "that PIN is taken for refused"), 1);
    /* A word that leads to no try is another matter, from then on too. */
    desk_faults("token flags FINAL_TRY\n");
    pid = desk_start(LOGIN_NEEDED, "one more wrong PIN locks it", 0);
    assert_int_equal(desk_login(&pid, NULL), 3);
    lab_stop(pid);
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
        {"C_Login rv CKR_PIN_LOCKED", "the user PIN is locked now", 1},
        {"C_Login rv-late CKR_DEVICE_ERROR", "C_Login: CKR_DEVICE_ERROR", 1},
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
    /* The last one left the token faulty: nobody stands there for another try. */
    assert_int_equal(lab_wait(pid), 1);
    desk_visit(LOGIN_NEEDED, "at a start nobody stands there", 0);
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
    assert_int_equal(lab_wait(pid), 0);
    assert_int_equal(lab_count("main.log", "asked to end"), 1);
    pid = desk_start(LOGIN_NEEDED, "own pad", 0);
    assert_int_equal(lab_wait(command), 1);
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
        TEST(an_unknown_pin_has_one_such_try),
        TEST(a_crash_or_hang_in_the_try_is_one),
        TEST(a_record_of_version_2_has_it_too),
        TEST(it_is_kept_for_each_pin),
        TEST(the_good_pin_has_two_in_a_row),
        TEST(a_kill_in_the_try_of_the_good_pin_needs_nobody),
        TEST(a_silent_token_is_not_locked_by_a_pin_that_was_good),
        TEST(a_token_that_answers_locked_is_asked_once),
        TEST(a_final_try_that_locked_says_so),
        TEST(a_permit_is_for_one_try),
        TEST(a_refused_pin_that_has_become_right_is_good_from_then_on),
        TEST(the_final_try_wants_a_word_of_its_own),
        TEST(a_locked_token_is_never_tried),
        TEST(a_crash_inside_the_try_uses_the_permit_up),
        TEST(a_pad_is_asked_only_when_somebody_stands_there),
        TEST(what_goes_wrong_at_the_pad_is_for_a_person_too),
        TEST(the_wait_at_a_pad_can_be_ended),
        TEST(a_pin_that_only_the_pad_takes_is_taken_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
