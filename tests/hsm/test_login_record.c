/* SPDX-License-Identifier: BSD-2-Clause
 * The record of logins on disk: what an older keyd-hsm has left, what cannot be read, and what
 * cannot be written. The real program on the mock module, which counts C_Login. */
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/hsm/login.h"
#include "tests/cmocka.h"
#include "tests/hsm/desk.h"

#define WRONG "86420975"
#define OTHER "11111111"

/* A token that says nothing of wrong PINs. */
#define SILENT "token no-flags COUNT_LOW,FINAL_TRY,LOCKED\n"

static void older_records_still_count(void **state)
{
    (void)state;
    static const char *const versions[] = {"\"v\": 1", "\"v\": 2"};
    desk_token(LAB_PIN);
    desk_pin(WRONG);
    desk_visit(LOGIN_NEEDED, "CKR_PIN_INCORRECT", 1);
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        desk_edit_record("\"v\": 3", versions[i]);
        desk_visit(LOGIN_NEEDED, "refused the PIN from", 0);
        desk_edit_record(versions[i], "\"v\": 3");
    }
    desk_edit_record("\"v\": 3", "\"v\": 4");
    pid_t pid = desk_start(LOGIN_NEEDED, "is damaged or from a newer version", 0);
    /* No word lifts that: it may say more than we know. */
    assert_int_equal(desk_say_login(NULL), 3);
    desk_heard("is damaged or from a newer version");
    lab_stop(pid);
}

static void be_token(const char *from, const char *to)
{
    char was[80];
    char is[80];
    snprintf(was, sizeof was, "label: %s\n", from);
    snprintf(is, sizeof is, "label: %s\n", to);
    lab_edit("main", was, is);
}

static void another_token_in_between_makes_nothing_forgotten(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    lab_edit("main", LAB_LABEL "=DESK0001", "'" LAB_LABEL "=DESK0001,other=DESK0002'");
    desk_faults(SILENT);
    desk_pin(WRONG);
    desk_visit(LOGIN_NEEDED, "CKR_PIN_INCORRECT", 1);
    be_token(LAB_LABEL, "other");
    desk_visit(LOGIN_NEEDED, "CKR_PIN_INCORRECT", 1);
    desk_visit(LOGIN_NEEDED, "refused the PIN from", 0);
    desk_pin(LAB_PIN);
    desk_visit(READY, "", 1);
    assert_int_equal(unlink(lab_path("state-main/journal")), 0); /* that is another matter */
    be_token("other", LAB_LABEL);
    desk_pin(WRONG);
    desk_visit(LOGIN_NEEDED, "refused the PIN from", 0);
    be_token(LAB_LABEL, "other");
    desk_visit(LOGIN_NEEDED, "refused the PIN from", 0);
    /* What was good there is so still. */
    desk_pin(LAB_PIN);
    desk_faults("token flags COUNT_LOW\n");
    desk_visit(READY, "", 1);
    assert_int_equal(unlink(lab_path("state-main/journal")), 0);
    be_token("other", LAB_LABEL);
    desk_visit(LOGIN_NEEDED, "no good login with the PIN from", 0);
}

static void a_record_that_cannot_be_read_says_no(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    assert_int_equal(mkdir(lab_path("state-main"), 0700), 0);
    assert_int_equal(mkdir(lab_path("state-main/login"), 0700), 0);
    desk_visit(LOGIN_NEEDED, "the record of logins cannot be read, and nothing is tried", 0);
    desk_visit(LOGIN_NEEDED, "state-main/login is no regular file. Move it away", 0);
    assert_int_equal(rmdir(lab_path("state-main/login")), 0);
    assert_int_equal(mkfifo(lab_path("state-main/login"), 0600), 0); /* nobody writes to it */
    desk_visit(LOGIN_NEEDED, "state-main/login is no regular file. Move it away", 0);
    assert_int_equal(unlink(lab_path("state-main/login")), 0);
    desk_visit(READY, "", 1);
}

/* The state folder on a disk of one page, which is used up. */
static void a_try_that_has_no_room_on_disk_is_not_made(void **state)
{
    (void)state;
    static char page[4096 + 1];
    memset(page, 'x', sizeof page - 1);
    desk_token(LAB_PIN);
    assert_int_equal(mkdir(lab_path("state-main"), 0700), 0);
    if (mount("disk", lab_path("state-main"), "tmpfs", 0, "size=4096,mode=0700") != 0)
        skip(); /* for root, and not in every container */
    lab_write("state-main/page", page, 0600);
    pid_t pid = desk_start(FAULTY, "/login: No space left on device. Make room on that disk", 0);
    close(greet(FAULTY, "keyd-hsm tries again by itself"));
    assert_int_equal(lab_wait(pid), 1);
    assert_int_equal(umount2(lab_path("state-main"), MNT_DETACH), 0);
    desk_visit(READY, "", 1);
}

/* A folder in the record's place: nothing can be written there. */
static void take_record_away(void)
{
    char from[128];
    snprintf(from, sizeof from, "%s", lab_path("state-main/login"));
    assert_int_equal(rename(from, lab_path("state-main/login.away")), 0);
    assert_int_equal(mkdir(from, 0700), 0);
}

static void put_record_back(void)
{
    char to[128];
    snprintf(to, sizeof to, "%s", lab_path("state-main/login"));
    assert_int_equal(rmdir(to), 0);
    assert_int_equal(rename(lab_path("state-main/login.away"), to), 0);
}

/* Starts with a PIN that was good and is wrong by now; what the token says of it cannot be written
 * down. */
static pid_t start_unwritten(void)
{
    desk_token(LAB_PIN);
    desk_visit(READY, "", 1);
    lab_edit("main", "KEYD_MOCK_PIN, value: '" LAB_PIN "'", "KEYD_MOCK_PIN, value: '" OTHER "'");
    desk_faults(SILENT "C_Login slow 1500\n");
    int tries = desk_count("C_Login");
    pid_t pid = lab_start("main", NULL);
    for (int i = 0; desk_count("C_Login") == tries && i < 500; i++)
        usleep(10000);
    take_record_away();
    close(greet(LOGIN_NEEDED, "leave keyd-hsm running until its log says that the login record is "
                              "on disk; it goes on trying: the login record cannot be written"));
    close(greet(LOGIN_NEEDED, "/login: Is a directory"));
    close(greet(LOGIN_NEEDED, ". C_Login: CKR_PIN_INCORRECT"));
    assert_int_equal(desk_count("C_Login"), tries + 1);
    desk_faults(SILENT);
    return pid;
}

static void a_refusal_that_cannot_be_written_is_written_later(void **state)
{
    (void)state;
    pid_t pid = start_unwritten();
    desk_pin(WRONG); /* no start could try it: there is no room on disk for the try */
    usleep(2500000);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    assert_int_equal(desk_say_login(NULL), 1);
    desk_heard("the login record cannot be written");
    put_record_back();
    assert_int_equal(lab_wait(pid), 1);
    assert_int_equal(lab_count("main.log", "the login record is on disk now"), 1);
    desk_pin(LAB_PIN);
    for (int start = 0; start < 2; start++)
        desk_visit(LOGIN_NEEDED, "the token has refused the PIN from", 0);
}

static int unmount_and_close(void **state)
{
    umount2(lab_path("state-main"), MNT_DETACH); /* where the test failed */
    return lab_close(state);
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
                 "\"permit\": \"once\",\n  \"permit_until\": \"%s\",\n  \"v\": 3", time);
        desk_edit_record("\"v\": 3", permit);
        desk_faults("token flags COUNT_LOW\nC_Login rv CKR_PIN_INCORRECT\n");
        pid =
            desk_start(LOGIN_NEEDED, cases[i].logins == 1 ? "CKR_PIN_INCORRECT" : "refused the PIN",
                       cases[i].logins);
        lab_stop(pid);
        if (cases[i].logins == 0)
            desk_edit_record(permit, "\"v\": 3");
    }
    assert_int_equal(lab_count("state-main/login", "permit"), 0);
    desk_edit_record("\"v\": 3", "\"permit\": \"always\", \"v\": 3");
    desk_visit(LOGIN_NEEDED, "is damaged", 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_open, lab_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(older_records_still_count),
        TEST(another_token_in_between_makes_nothing_forgotten),
        TEST(a_record_that_cannot_be_read_says_no),
        cmocka_unit_test_setup_teardown(a_try_that_has_no_room_on_disk_is_not_made, lab_open,
                                        unmount_and_close),
        TEST(a_refusal_that_cannot_be_written_is_written_later),
        TEST(a_permit_counts_for_its_time_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
