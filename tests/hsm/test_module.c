/* SPDX-License-Identifier: BSD-2-Clause
 * A module that says what cannot be: text that is no UTF-8, a list without an end or longer than it
 * is, no list of functions. The real program on the mock module. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cmocka.h"
#include "tests/hsm/desk.h"

#define MEMORY_MAX_KB (512 * 1024) /* of keyd-hsm, at any time; a sanitizer keeps half of that */

/* The tokens as the environment has them: YAML takes no such bytes. */
static void tokens(const char *list, const char *field)
{
    char line[200];
    desk_token(LAB_PIN);
    lab_edit("main", "- {name: KEYD_MOCK_TOKENS, value: " LAB_LABEL "=DESK0001}\n", "");
    snprintf(line, sizeof line, "%s\n", field);
    lab_edit("main", "label: " LAB_LABEL "\n", line);
    lab_forget("state-main");
    setenv("KEYD_MOCK_TOKENS", list, 1);
}

static int close_tokens(void **state)
{
    unsetenv("KEYD_MOCK_TOKENS");
    return lab_close(state);
}

/* ---- Text ------------------------------------------------------------------------------------ */

/* What a front gets of the token, and that it works. */
static void serves_as(const char *label, const char *serial)
{
    pid_t pid = lab_start("main", NULL);
    int fd = lab_connect("main");
    lab_answer *welcome = lab_hello(fd);
    assert_string_equal(welcome->welcome->state_message, "");
    assert_string_equal(welcome->welcome->label, label);
    assert_string_equal(welcome->welcome->serial, serial);
    lab_free(welcome);
    struct keyid id = make_key(fd);
    must_sign(fd, &id);
    end(pid, fd);
}

static void a_name_that_is_no_utf8_is_shown_as_far_as_it_is(void **state)
{
    (void)state;
    tokens("m\xfcller=S1", "serial: S1");
    serves_as("m?ller", "S1");
    tokens("m\xfcller=S1", "label: m?ller"); /* as it was shown */
    serves_as("m?ller", "S1");
    tokens("main=S\xfc"
           "1",
           "label: main"); /* goes into the login record and the journal */
    serves_as("main", "S?1");
    serves_as("main", "S?1");
    tokens("m\xc3\xbcller=S1", "label: m\xc3\xbcller");
    serves_as("m\xc3\xbcller", "S1");
}

static void a_neighbours_name_keeps_no_message_back(void **state)
{
    (void)state;
    tokens("m\xfcller=S1,main=S2,main=S3", "label: main");
    pid_t pid = lab_start("main", NULL);
    end(pid, greet(FAULTY, "2 tokens fit: give `serial`. Tokens there: 'm?ller' (serial S1), "
                           "'main' (serial S2), 'main' (serial S3)"));
    tokens("m\xfcller=S1", "label: main");
    pid = lab_start("main", NULL);
    end(pid, greet(FAULTY, "no token with label 'main'. Tokens there: 'm?ller' (serial S1)"));
}

/* Of many tokens those are listed that a message has room for, whole. */
static void a_long_list_of_tokens_is_cut_between_them(void **state)
{
    (void)state;
    char list[1024] = "";
    for (int i = 0; i < 15; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used,
                 "%s\xc3\xa4\xc3\xb6\xc3\xbc of a long name, %d=S%d", i > 0 ? "," : "", i, i);
    }
    for (char *comma = strstr(list, ", "); comma != NULL; comma = strstr(comma, ", "))
        *comma = ' ';
    tokens(list, "label: main");
    pid_t pid = lab_start("main", NULL);
    close(greet(FAULTY, "of a long name  8' (serial S8)"));
    end(pid, greet(FAULTY, "), and more"));
}

static void what_else_the_token_says_of_itself_too(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    desk_faults("token odd-text\n");
    pid_t pid = lab_start("main", NULL);
    int fd = lab_connect("main");
    lab_answer *welcome = lab_hello(fd);
    assert_int_equal(welcome->welcome->state, READY);
    assert_string_equal(welcome->welcome->model, "m?ller");
    assert_string_equal(welcome->welcome->manufacturer, "k?se");
    lab_free(welcome);
    end(pid, fd);
}

/* ---- Numbers --------------------------------------------------------------------------------- */

static long peak_kb(pid_t pid)
{
    char line[200];
    long kb = 0;
    snprintf(line, sizeof line, "/proc/%d/status", (int)pid);
    FILE *file = fopen(line, "r");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    fclose(file);
    return kb;
}

static void a_listing_without_an_end_is_ended(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    desk_faults("C_FindObjects endless\n");
    pid_t pid = lab_start("main", NULL);
    int fd = greet(FAULTY, "C_FindObjects: the module lists more than 1048576 objects");
    if (geteuid() == 0)
        assert_in_range(peak_kb(pid), 1, MEMORY_MAX_KB);
    close(fd);
    desk_faults("");
    assert_int_equal(lab_wait(pid), 1);
    pid = lab_start("main", NULL);
    fd = greet(READY, "");
    struct keyid id = make_key(fd);
    /* Later too it is an answer, and the signers go on. */
    desk_faults("C_FindObjects endless\n");
    struct keyid other = keyid_random();
    expect_error(lab_create(fd, &other), KEYD_INTERNAL, "TOKEN_FAILED");
    must_sign(fd, &id);
    end(pid, fd);
}

static void a_list_that_is_longer_than_it_is_is_not_read(void **state)
{
    (void)state;
    static const char *const functions[] = {"C_GetMechanismList", "C_GetSlotList"};
    desk_token(LAB_PIN);
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        char words[100];
        snprintf(words, sizeof words, "%s exaggerate\n", functions[i]);
        desk_faults(words);
        snprintf(words, sizeof words, "%s: the module gives 10000", functions[i]);
        pid_t pid = lab_start("main", NULL);
        end(pid, greet(FAULTY, words));
    }
    desk_faults("");
    desk_visit(READY, "", 1);
}

/* ---- Functions ------------------------------------------------------------------------------- */

static void what_gives_no_functions_says_why(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    desk_faults("C_GetFunctionList rv CKR_HOST_MEMORY\n");
    pid_t pid = lab_start("main", NULL);
    end(pid, greet(FAULTY, "mock.so: C_GetFunctionList: CKR_HOST_MEMORY (0x2)"));
    desk_faults("C_GetInfo hang\n");
    lab_edit("main", "pin_file: ../pin\n", "pin_file: ../pin\nmodule_call_limit: 1\n");
    assert_int_equal(lab_wait(lab_start("main", NULL)), 1);
    assert_int_equal(lab_count("main.log", "has not come back from C_GetInfo within"), 1);
    unlink(lab_path("state-main/last-words"));
    desk_faults("C_GetSlotInfo hang\n");
    assert_int_equal(lab_wait(lab_start("main", NULL)), 1);
    assert_int_equal(lab_count("main.log", "has not come back from C_GetSlotInfo within"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_open, close_tokens)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_name_that_is_no_utf8_is_shown_as_far_as_it_is),
        TEST(a_neighbours_name_keeps_no_message_back),
        TEST(a_long_list_of_tokens_is_cut_between_them),
        TEST(what_else_the_token_says_of_itself_too),
        TEST(a_listing_without_an_end_is_ended),
        TEST(a_list_that_is_longer_than_it_is_is_not_read),
        TEST(what_gives_no_functions_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
