/* SPDX-License-Identifier: BSD-2-Clause
 * Every answer that PKCS #11 knows, from each function that keyd-hsm calls, by tests/mock: the
 * caller gets an error that names it, or the process ends to be started afresh. There is never a
 * signature, and the next call is well. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyd/hsm/ckr.h"
#include "tests/cmocka.h"
#include "tests/hsm/lab.h"
#include "tests/hsm/scene.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define TEXT(name)   #name, name

/* PKCS #11 2.40, 5.1. Afresh: session, login, handles or the library itself are lost by it, or the
 * token has broken off (5.1.1 to 5.1.6); what only the next C_Initialize can mend. */
enum meaning { ANSWERED, AFRESH };

static const struct code {
    const char *name;
    CK_RV rv;
    enum meaning meaning;
} codes[] = {
    {TEXT(CKR_CANCEL), ANSWERED},
    {TEXT(CKR_HOST_MEMORY), ANSWERED},
    {TEXT(CKR_SLOT_ID_INVALID), AFRESH},
    {TEXT(CKR_GENERAL_ERROR), ANSWERED},
    {TEXT(CKR_FUNCTION_FAILED), ANSWERED},
    {TEXT(CKR_ARGUMENTS_BAD), ANSWERED},
    {TEXT(CKR_NO_EVENT), ANSWERED},
    {TEXT(CKR_NEED_TO_CREATE_THREADS), ANSWERED},
    {TEXT(CKR_CANT_LOCK), ANSWERED},
    {TEXT(CKR_ATTRIBUTE_READ_ONLY), ANSWERED},
    {TEXT(CKR_ATTRIBUTE_SENSITIVE), ANSWERED},
    {TEXT(CKR_ATTRIBUTE_TYPE_INVALID), ANSWERED},
    {TEXT(CKR_ATTRIBUTE_VALUE_INVALID), ANSWERED},
    {TEXT(CKR_ACTION_PROHIBITED), ANSWERED},
    {TEXT(CKR_DATA_INVALID), ANSWERED},
    {TEXT(CKR_DATA_LEN_RANGE), ANSWERED},
    {TEXT(CKR_DEVICE_ERROR), AFRESH},
    {TEXT(CKR_DEVICE_MEMORY), ANSWERED},
    {TEXT(CKR_DEVICE_REMOVED), AFRESH},
    {TEXT(CKR_ENCRYPTED_DATA_INVALID), ANSWERED},
    {TEXT(CKR_ENCRYPTED_DATA_LEN_RANGE), ANSWERED},
    {TEXT(CKR_FUNCTION_CANCELED), ANSWERED},
    {TEXT(CKR_FUNCTION_NOT_PARALLEL), ANSWERED},
    {TEXT(CKR_FUNCTION_NOT_SUPPORTED), ANSWERED},
    {TEXT(CKR_KEY_HANDLE_INVALID), AFRESH},
    {TEXT(CKR_KEY_SIZE_RANGE), ANSWERED},
    {TEXT(CKR_KEY_TYPE_INCONSISTENT), ANSWERED},
    {TEXT(CKR_KEY_NOT_NEEDED), ANSWERED},
    {TEXT(CKR_KEY_CHANGED), ANSWERED},
    {TEXT(CKR_KEY_NEEDED), ANSWERED},
    {TEXT(CKR_KEY_INDIGESTIBLE), ANSWERED},
    {TEXT(CKR_KEY_FUNCTION_NOT_PERMITTED), ANSWERED},
    {TEXT(CKR_KEY_NOT_WRAPPABLE), ANSWERED},
    {TEXT(CKR_KEY_UNEXTRACTABLE), ANSWERED},
    {TEXT(CKR_MECHANISM_INVALID), ANSWERED},
    {TEXT(CKR_MECHANISM_PARAM_INVALID), ANSWERED},
    {TEXT(CKR_OBJECT_HANDLE_INVALID), AFRESH},
    {TEXT(CKR_OPERATION_ACTIVE), AFRESH},
    {TEXT(CKR_OPERATION_NOT_INITIALIZED), AFRESH},
    {TEXT(CKR_PIN_INCORRECT), ANSWERED},
    {TEXT(CKR_PIN_INVALID), ANSWERED},
    {TEXT(CKR_PIN_LEN_RANGE), ANSWERED},
    {TEXT(CKR_PIN_EXPIRED), ANSWERED},
    {TEXT(CKR_PIN_LOCKED), ANSWERED},
    {TEXT(CKR_SESSION_CLOSED), AFRESH},
    {TEXT(CKR_SESSION_COUNT), ANSWERED},
    {TEXT(CKR_SESSION_HANDLE_INVALID), AFRESH},
    {TEXT(CKR_SESSION_PARALLEL_NOT_SUPPORTED), ANSWERED},
    {TEXT(CKR_SESSION_READ_ONLY), ANSWERED},
    {TEXT(CKR_SESSION_EXISTS), ANSWERED},
    {TEXT(CKR_SESSION_READ_ONLY_EXISTS), ANSWERED},
    {TEXT(CKR_SESSION_READ_WRITE_SO_EXISTS), ANSWERED},
    {TEXT(CKR_SIGNATURE_INVALID), ANSWERED},
    {TEXT(CKR_SIGNATURE_LEN_RANGE), ANSWERED},
    {TEXT(CKR_TEMPLATE_INCOMPLETE), ANSWERED},
    {TEXT(CKR_TEMPLATE_INCONSISTENT), ANSWERED},
    {TEXT(CKR_TOKEN_NOT_PRESENT), AFRESH},
    {TEXT(CKR_TOKEN_NOT_RECOGNIZED), AFRESH},
    {TEXT(CKR_TOKEN_WRITE_PROTECTED), ANSWERED},
    {TEXT(CKR_UNWRAPPING_KEY_HANDLE_INVALID), ANSWERED},
    {TEXT(CKR_UNWRAPPING_KEY_SIZE_RANGE), ANSWERED},
    {TEXT(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT), ANSWERED},
    {TEXT(CKR_USER_ALREADY_LOGGED_IN), ANSWERED},
    {TEXT(CKR_USER_NOT_LOGGED_IN), AFRESH},
    {TEXT(CKR_USER_PIN_NOT_INITIALIZED), ANSWERED},
    {TEXT(CKR_USER_TYPE_INVALID), ANSWERED},
    {TEXT(CKR_USER_ANOTHER_ALREADY_LOGGED_IN), ANSWERED},
    {TEXT(CKR_USER_TOO_MANY_TYPES), ANSWERED},
    {TEXT(CKR_WRAPPED_KEY_INVALID), ANSWERED},
    {TEXT(CKR_WRAPPED_KEY_LEN_RANGE), ANSWERED},
    {TEXT(CKR_WRAPPING_KEY_HANDLE_INVALID), ANSWERED},
    {TEXT(CKR_WRAPPING_KEY_SIZE_RANGE), ANSWERED},
    {TEXT(CKR_WRAPPING_KEY_TYPE_INCONSISTENT), ANSWERED},
    {TEXT(CKR_RANDOM_SEED_NOT_SUPPORTED), ANSWERED},
    {TEXT(CKR_RANDOM_NO_RNG), ANSWERED},
    {TEXT(CKR_DOMAIN_PARAMS_INVALID), ANSWERED},
    {TEXT(CKR_CURVE_NOT_SUPPORTED), ANSWERED},
    {TEXT(CKR_BUFFER_TOO_SMALL), ANSWERED},
    {TEXT(CKR_SAVED_STATE_INVALID), ANSWERED},
    {TEXT(CKR_INFORMATION_SENSITIVE), ANSWERED},
    {TEXT(CKR_STATE_UNSAVEABLE), ANSWERED},
    {TEXT(CKR_CRYPTOKI_NOT_INITIALIZED), AFRESH},
    {TEXT(CKR_CRYPTOKI_ALREADY_INITIALIZED), ANSWERED},
    {TEXT(CKR_MUTEX_BAD), AFRESH},
    {TEXT(CKR_MUTEX_NOT_LOCKED), AFRESH},
    {TEXT(CKR_NEW_PIN_MODE), ANSWERED},
    {TEXT(CKR_NEXT_OTP), ANSWERED},
    {TEXT(CKR_EXCEEDED_MAX_ITERATIONS), ANSWERED},
    {TEXT(CKR_FIPS_SELF_TEST_FAILED), AFRESH},
    {TEXT(CKR_LIBRARY_LOAD_FAILED), ANSWERED},
    {TEXT(CKR_PIN_TOO_WEAK), ANSWERED},
    {TEXT(CKR_PUBLIC_KEY_INVALID), ANSWERED},
    {TEXT(CKR_FUNCTION_REJECTED), ANSWERED},
    {"CKR_TOKEN_RESOURCE_EXCEEDED", 0x201, ANSWERED}, /* PKCS #11 3.0 from here on */
    {"CKR_OPERATION_CANCEL_FAILED", 0x202, AFRESH},
    {"CKR_KEY_EXHAUSTED", 0x203, ANSWERED},
    {"an unknown CK_RV", 0x7fff, ANSWERED},
    {"CKR_VENDOR_DEFINED", CKR_VENDOR_DEFINED | 17, ANSWERED},
};

/* ---- The table ------------------------------------------------------------------------------- */

static void each_answer_has_its_name_and_meaning(void **state)
{
    (void)state;
    assert_string_equal(ckr_name(CKR_OK), "CKR_OK");
    for (size_t i = 0; i < COUNT(codes); i++) {
        struct keyd_error err;
        char text[100];
        assert_string_equal(ckr_name(codes[i].rv), codes[i].name);
        if (ckr_is_gone(codes[i].rv) != (codes[i].meaning == AFRESH))
            fail_msg("%s", codes[i].name);
        assert_true(ckr_fail(&err, codes[i].rv, "C_Sign") != KEYD_OK);
        snprintf(text, sizeof text, "C_Sign: %s (0x%lx): ", codes[i].name, codes[i].rv);
        assert_memory_equal(err.message, text, strlen(text));
        assert_true(strlen(err.message) > strlen(text));
        assert_int_equal(strcmp(err.reason, REASON_TOKEN_GONE) == 0, codes[i].meaning == AFRESH);
    }
}

/* A token without memory for a signature is not a full one. */
static void only_a_creation_finds_the_token_full(void **state)
{
    (void)state;
    static const char *const reads[] = {"C_Sign", "C_FindObjects", "C_GetAttributeValue",
                                        "C_OpenSession"};
    struct keyd_error err;
    assert_int_equal(ckr_fail(&err, CKR_DEVICE_MEMORY, "C_GenerateKeyPair"),
                     KEYD_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(err.message, "the token is full: make room"));
    for (size_t i = 0; i < COUNT(reads); i++) {
        assert_int_equal(ckr_fail(&err, CKR_DEVICE_MEMORY, reads[i]), KEYD_RESOURCE_EXHAUSTED);
        assert_null(strstr(err.message, "full"));
        assert_non_null(strstr(err.message, "the token has no memory free for it: try again"));
    }
}

/* ---- keyd-hsm on the mock -------------------------------------------------------------------- */

static struct {
    pid_t pid;
    int fd;
    struct keyid key;
} hsm;

static void configure(const char *faults)
{
    char variables[1024];
    snprintf(variables, sizeof variables,
             "- {name: KEYD_MOCK_TOKENS, value: %s}\n- {name: KEYD_MOCK_PIN, value: '%s'}\n"
             "- {name: KEYD_MOCK_STATE, value: %s}\n- {name: KEYD_MOCK_FAULTS_FILE, value: %s}\n"
             "- {name: KEYD_MOCK_FAULTS, value: '%s'}\n",
             LAB_LABEL "=MOCK1", LAB_PIN, lab_path("mock-state"), lab_path("faults"), faults);
    lab_config("main", KEYD_TESTS "/mock.so", "signers: 1\n", variables);
}

/* This is the mock's one rule from now on. */
static void set_weather(const char *rule)
{
    static int changes;
    char text[200];
    char name[64];
    snprintf(text, sizeof text, "%s", rule);
    /* The mock looks at inode, size and time: a line of another length each time is another file.
     */
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, "%*s#\n", ++changes % 64 + 1, "");
    snprintf(name, sizeof name, "faults.%d", changes % 2);
    lab_write(name, text, 0600);
    char from[128];
    snprintf(from, sizeof from, "%s", lab_path(name));
    assert_int_equal(rename(from, lab_path("faults")), 0);
}

/* From now on `function` answers with rv, after some calls that go well; NULL: all is well. */
static void weather_after(const char *function, CK_RV rv, int well)
{
    char rule[120];
    snprintf(rule, sizeof rule, "# none");
    if (function != NULL)
        snprintf(rule, sizeof rule, "%s rv 0x%lx after=%d", function, rv, well);
    set_weather(rule);
}

static void weather(const char *function, CK_RV rv)
{
    weather_after(function, rv, 0);
}

static void begin(void)
{
    weather(NULL, 0);
    hsm.pid = lab_start("main", NULL);
    hsm.fd = greet(READY, "");
}

static int open_mock(void **state)
{
    if (lab_open(state) != 0)
        return 1;
    configure("");
    begin();
    hsm.key = make_key(hsm.fd);
    return 0;
}

static int close_mock(void **state)
{
    end(hsm.pid, hsm.fd);
    return lab_close(state);
}

static lab_answer *ask_to_sign(void)
{
    return lab_sign(hsm.fd, &hsm.key, scene_digest, sizeof scene_digest);
}

static lab_answer *ask_to_create(void)
{
    struct keyid id = keyid_random();
    return lab_create(hsm.fd, &id);
}

/* The process ended by this answer, and its log says by which. */
static void expect_end(const char *function, const struct code *code)
{
    char line[160];
    close(hsm.fd);
    assert_int_equal(lab_wait(hsm.pid), 1);
    snprintf(line, sizeof line, "error: %s: %s", function, code->name);
    if (lab_count("main.log", line) != 1)
        fail_msg("no line '%s'", line);
    unlink(lab_path("main.log"));
    begin();
}

static void expect_words(const char *function, const struct code *code, const lab_answer *answer)
{
    char words[100];
    snprintf(words, sizeof words, "%s: %s", function, code->name);
    if (answer->status == KEYD_OK || answer->body_case != KEYD__HSM__V1__ANSWER__BODY__NOT_SET ||
        strstr(answer->message, words) == NULL)
        fail_msg("%s: status %d '%s'", words, (int)answer->status, answer->message);
}

/* `exception`, but for 0, means AFRESH where the function says it. */
static void sweep(const char *function, lab_answer *(*ask)(void), CK_RV exception)
{
    for (size_t i = 0; i < COUNT(codes); i++) {
        weather(function, codes[i].rv);
        lab_answer *answer = ask();
        bool afresh = codes[i].meaning == AFRESH || codes[i].rv == exception;
        if ((answer == NULL) != afresh)
            fail_msg("%s: %s: %s", function, codes[i].name,
                     answer != NULL ? answer->message : "the process ended");
        if (afresh) {
            expect_end(function, &codes[i]);
        } else {
            expect_words(function, &codes[i], answer);
            lab_free(answer);
            weather(NULL, 0);
        }
        must_sign(hsm.fd, &hsm.key);
    }
}

static void from_sign_init(void **state)
{
    (void)state;
    sweep("C_SignInit", ask_to_sign, 0);
}

static void from_sign(void **state)
{
    (void)state;
    sweep("C_Sign", ask_to_sign, CKR_BUFFER_TOO_SMALL); /* it leaves the operation open */
}

static void from_generate_key_pair(void **state)
{
    (void)state;
    sweep("C_GenerateKeyPair", ask_to_create, 0);
}

static void from_get_attribute_value(void **state)
{
    (void)state;
    sweep("C_GetAttributeValue", ask_to_create, 0);
}

static void from_find_objects_init(void **state)
{
    (void)state;
    sweep("C_FindObjectsInit", ask_to_create, 0);
}

static void from_find_objects(void **state)
{
    (void)state;
    sweep("C_FindObjects", ask_to_create, 0);
}

/* ---- At the start ---------------------------------------------------------------------------- */

/* The token is in a state that names the answer (`said`: by whom), no call reaches it, and without
 * the answer the next start is well. */
static void start_with(const char *function, int well, const char *said, const struct code *code)
{
    char words[128];
    lab_forget("state-main");
    unlink(lab_path("mock-state"));
    weather_after(function, code->rv, well);
    pid_t pid = lab_start("main", NULL);
    int fd = lab_connect("main");
    lab_answer *welcome = lab_hello(fd);
    snprintf(words, sizeof words, "%s: %s", said, code->name);
    if (welcome->welcome->state == READY || strstr(welcome->welcome->state_message, words) == NULL)
        fail_msg("%s: state %d '%s'", words, (int)welcome->welcome->state,
                 welcome->welcome->state_message);
    lab_free(welcome);
    struct keyid id = keyid_random();
    lab_answer *answer = lab_sign(fd, &id, scene_digest, sizeof scene_digest);
    assert_true(answer->status == KEYD_UNAVAILABLE || answer->status == KEYD_FAILED_PRECONDITION);
    assert_non_null(strstr(answer->message, words));
    lab_free(answer);
    end(pid, fd);
}

static void from_login(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(codes); i++)
        if (codes[i].rv != CKR_USER_ALREADY_LOGGED_IN && codes[i].rv != CKR_PIN_LOCKED)
            start_with("C_Login", 0, "C_Login", &codes[i]);
}

/* A slot that is empty by now is not an error of the module's; and the number of a vendor's own
 * does not go through libp11. */
static bool is_another_matter(const char *function, int well, CK_RV rv)
{
    bool of_libp11 = strncmp(function, "C_Get", 5) == 0 && well > 0 &&
                     strcmp(function, "C_GetMechanismList") != 0 &&
                     (strcmp(function, "C_GetTokenInfo") != 0 || well == 1) &&
                     (strcmp(function, "C_GetSlotList") != 0 || well == 2);
    return (rv == CKR_TOKEN_NOT_PRESENT && strcmp(function, "C_GetTokenInfo") == 0 && well < 2) ||
           (rv > CKR_VENDOR_DEFINED && of_libp11);
}

static void from_what_a_start_asks(void **state)
{
    (void)state;
    /* libp11 asks all of it again, and names no function: then it is one of these. */
    static const char listing[] = "C_GetSlotList, C_GetSlotInfo or C_GetTokenInfo";
    static const struct {
        const char *function;
        int well; /* calls before */
        const char *said;
    } asked[] = {{"C_Initialize", 0, NULL},
                 {"C_GetInfo", 0, NULL},
                 {"C_GetInfo", 1, "C_Initialize or C_GetInfo"},
                 {"C_GetSlotList", 0, NULL},
                 {"C_GetSlotList", 1, NULL},
                 {"C_GetSlotList", 2, listing},
                 {"C_GetSlotInfo", 0, NULL},
                 {"C_GetSlotInfo", 1, listing},
                 {"C_GetTokenInfo", 0, NULL},
                 {"C_GetTokenInfo", 1, listing},
                 {"C_GetTokenInfo", 2, NULL},
                 {"C_GetTokenInfo", 3, NULL},
                 {"C_GetMechanismList", 0, NULL},
                 {"C_GetMechanismList", 1, NULL},
                 {"C_GetMechanismInfo", 0, NULL},
                 {"C_OpenSession", 0, NULL},
                 {"C_FindObjectsInit", 0, NULL},
                 {"C_FindObjects", 0, NULL}};
    static const CK_RV answers[] = {CKR_HOST_MEMORY,
                                    CKR_GENERAL_ERROR,
                                    CKR_FUNCTION_FAILED,
                                    CKR_ARGUMENTS_BAD,
                                    CKR_CANT_LOCK,
                                    CKR_DEVICE_ERROR,
                                    CKR_DEVICE_MEMORY,
                                    CKR_DEVICE_REMOVED,
                                    CKR_TOKEN_NOT_PRESENT,
                                    CKR_SESSION_COUNT,
                                    CKR_CRYPTOKI_NOT_INITIALIZED,
                                    CKR_VENDOR_DEFINED | 17};
    for (size_t f = 0; f < COUNT(asked); f++)
        for (size_t i = 0; i < COUNT(codes); i++)
            for (size_t a = 0; a < COUNT(answers); a++)
                if (codes[i].rv == answers[a] &&
                    !is_another_matter(asked[f].function, asked[f].well, answers[a]))
                    start_with(asked[f].function, asked[f].well,
                               asked[f].said != NULL ? asked[f].said : asked[f].function,
                               &codes[i]);
}

/* ---- Of the keys, at the start --------------------------------------------------------------- */

/* A start asks for the private halves' ids, then the public ones', then what each private half is
 * like. What the token does not tell of a key is no verdict on it. */
static void of_a_key(void **state)
{
    (void)state;
    static const CK_RV answers[] = {
        CKR_HOST_MEMORY,        CKR_GENERAL_ERROR,     CKR_FUNCTION_FAILED,   CKR_DEVICE_MEMORY,
        CKR_DEVICE_ERROR,       CKR_FUNCTION_CANCELED, CKR_FUNCTION_REJECTED, 0x7fff,
        CKR_VENDOR_DEFINED | 17};
    end(hsm.pid, hsm.fd);
    for (size_t i = 0; i < COUNT(codes); i++)
        for (int well = 0; well < 3; well++)
            for (size_t a = 0; a < COUNT(answers); a++) {
                char words[100];
                if (codes[i].rv != answers[a])
                    continue;
                weather_after("C_GetAttributeValue", codes[i].rv, well);
                snprintf(words, sizeof words, "C_GetAttributeValue: %s", codes[i].name);
                hsm.pid = lab_start("main", NULL);
                hsm.fd = greet(FAULTY, words);
                expect_error(ask_to_sign(), KEYD_UNAVAILABLE, "TOKEN_FAULTY");
                end(hsm.pid, hsm.fd);
            }
    /* It is tried again by itself, and nothing was lost. */
    hsm.pid = lab_start("main", NULL);
    close(greet(FAULTY, "the token does not say whether it has the key"));
    assert_int_equal(lab_wait(hsm.pid), 1);
    begin();
    expect_keys(hsm.fd, 1, true);
    must_sign(hsm.fd, &hsm.key);
    assert_int_equal(lab_count("main.log", "key unusable"), 0);
}

/* Other tools' keys may be as they like. */
static void of_another_tools_key(void **state)
{
    (void)state;
    char *journal = lab_read("state-main/journal");
    make_key(hsm.fd);
    end(hsm.pid, hsm.fd);
    lab_write("state-main/journal", journal, 0600); /* by which that one is nobody's */
    free(journal);
    set_weather("C_GetAttributeValue rv CKR_FUNCTION_FAILED after=1 times=1");
    hsm.pid = lab_start("main", NULL);
    hsm.fd = greet(READY, "");
    must_sign(hsm.fd, &hsm.key);
    assert_int_equal(lab_count("main.log",
                               "1 of the token's keys could not be looked at and stay "
                               "untouched; all of the journal's are there without them: "
                               "C_GetAttributeValue: CKR_FUNCTION_FAILED"),
                     1);
}

/* Absent attributes are told as before: the key is not as it was made. */
static void of_a_key_without_the_attribute(void **state)
{
    (void)state;
    static const char *const rules[] = {"C_GetAttributeValue rv CKR_ATTRIBUTE_TYPE_INVALID",
                                        "C_GetAttributeValue rv "
                                        "CKR_ATTRIBUTE_SENSITIVE",
                                        "C_GetAttributeValue rv CKR_ATTRIBUTE_TYPE_INVALID after=2",
                                        "token no-attribute CKA_ID"};
    for (size_t i = 0; i < COUNT(rules); i++) {
        end(hsm.pid, hsm.fd);
        set_weather(rules[i]);
        hsm.pid = lab_start("main", NULL);
        hsm.fd = greet(READY, "");
        expect_keys(hsm.fd, 1, false);
        expect_error(ask_to_sign(), KEYD_FAILED_PRECONDITION, "KEY_UNUSABLE");
    }
    assert_int_equal(lab_count("main.log", "1 private and 1 public keys on the token have no "
                                           "CKA_ID and stay untouched"),
                     2);
}

/* ---- Without faults -------------------------------------------------------------------------- */

static void a_start_without_faults_is_well(void **state)
{
    (void)state;
    lab_forget("state-main");
    unlink(lab_path("mock-state"));
    begin();
    hsm.key = make_key(hsm.fd);
    must_sign(hsm.fd, &hsm.key);
    end(hsm.pid, hsm.fd);
}

static int configure_mock(void **state)
{
    if (lab_open(state) != 0)
        return 1;
    configure("");
    return 0;
}

int main(void)
{
#define STARTING(test) cmocka_unit_test_setup_teardown(test, configure_mock, lab_close)
#define ON_MOCK(test)  cmocka_unit_test_setup_teardown(test, open_mock, close_mock)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_has_its_name_and_meaning),
        cmocka_unit_test(only_a_creation_finds_the_token_full),
        ON_MOCK(from_sign_init),
        ON_MOCK(from_sign),
        ON_MOCK(from_generate_key_pair),
        ON_MOCK(from_get_attribute_value),
        ON_MOCK(from_find_objects_init),
        ON_MOCK(from_find_objects),
        ON_MOCK(of_a_key),
        ON_MOCK(of_another_tools_key),
        ON_MOCK(of_a_key_without_the_attribute),
        STARTING(a_start_without_faults_is_well),
        STARTING(from_login),
        STARTING(from_what_a_start_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
