/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What of the mock outlives a process, and its counters. */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/mock/lab.h"

#include "tests/cmocka.h"

#define PROCESSES 4
#define CALLS     50

static CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0};

static void make_key(void)
{
    lab_make(lab_login(), LAB_P384, 7);
}

static void test_keys_survive(void **state)
{
    (void)state;
    uint8_t signature[96];
    CK_ULONG length = sizeof signature;
    CK_OBJECT_HANDLE handles[3];
    assert_int_equal(lab_in_child(make_key), 0);
    lab_again();
    CK_SESSION_HANDLE session = lab_login();
    assert_int_equal(lab_find(session, 7, handles, 3), 2);
    EVP_PKEY *public_half = lab_public(session, LAB_P384, handles[0]);
    LAB_OK(lab_sign(session, &ecdsa, handles[1], 48, signature, &length));
    assert_true(lab_verifies(public_half, 48, signature, length));
    EVP_PKEY_free(public_half);
    LAB_OK(lab->C_DestroyObject(session, handles[1]));
    lab_again();
    session = lab_login();
    assert_int_equal(lab_find(session, 7, handles, 3), 1);
}

static void test_session_objects_do_not(void **state)
{
    (void)state;
    CK_BBOOL no = CK_FALSE;
    CK_OBJECT_HANDLE handles[3];
    CK_OBJECT_HANDLE copy;
    CK_SESSION_HANDLE session = lab_login();
    struct lab_key key = lab_make(session, LAB_P256, 1);
    CK_ATTRIBUTE in_session = {CKA_TOKEN, &no, sizeof no};
    LAB_OK(lab->C_CopyObject(session, key.private_half, &in_session, 1, &copy));
    assert_int_equal(lab_find(session, 1, handles, 3), 3);
    lab_again();
    assert_int_equal(lab_find(lab_login(), 1, handles, 3), 2);
}

static void test_without_a_file(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE handles[2];
    unsetenv("KEYD_MOCK_STATE");
    lab_again();
    lab_make(lab_login(), LAB_P256, 1);
    lab_again();
    assert_int_equal(lab_find(lab_login(), 1, handles, 2), 0);
    assert_int_equal(access(lab_path("state"), F_OK), -1);
}

static void try_a_wrong_pin(void)
{
    (void)lab->C_Login(lab_session(0), CKU_USER, (unsigned char *)"1111", 4);
}

static void test_wrong_pins_survive(void **state)
{
    (void)state;
    lab_faults("C_Login kill before");
    assert_true(WIFSIGNALED(lab_in_child(try_a_wrong_pin)));
    lab_again();
    assert_int_equal(lab_token_flags() & CKF_USER_PIN_COUNT_LOW, 0);
    lab_faults("C_Login kill after");
    assert_true(WIFSIGNALED(lab_in_child(try_a_wrong_pin)));
    lab_again();
    assert_int_not_equal(lab_token_flags() & CKF_USER_PIN_COUNT_LOW, 0);
    lab_faults("");
    assert_int_equal(lab_in_child(try_a_wrong_pin), 0);
    assert_int_equal(lab_in_child(try_a_wrong_pin), 0);
    lab_again();
    assert_int_not_equal(lab_token_flags() & CKF_USER_PIN_LOCKED, 0);
}

/* lab_in_child has initialised by then. */
static void initialize_again(void)
{
    (void)lab->C_Finalize(NULL);
    (void)lab->C_Initialize(NULL);
}

static void test_a_foreign_file(void **state)
{
    static const char *const texts[] = {
        "",
        "mock-state 2\n",
        "mock-state 1\nobject 0009\nend\n",
        "mock-state 1\nobject 0001\n0 0200000000000000\n",
        "mock-state 1\nobject 0001\nzz\nend\n",
        "mock-state 1\nobject 0001\n0 0300000000000000\ned6f636b 00\nend\n",
        "mock-state 1\nobject 0001\n102 0g\nend\n",
    };
    (void)state;
    char foreign[128];
    snprintf(foreign, sizeof foreign, "%s", lab_path("foreign"));
    assert_int_equal(lab_in_child(initialize_again), 0);
    for (size_t i = 0; i < LAB_COUNT(texts); i++) {
        FILE *file = fopen(foreign, "we");
        assert_non_null(file);
        fputs(texts[i], file);
        fclose(file);
        setenv("KEYD_MOCK_STATE", foreign, 1);
        int status = lab_in_child(initialize_again);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
    }
}

static void call_often(void)
{
    CK_INFO info;
    for (unsigned i = 0; i < CALLS; i++)
        (void)lab->C_GetInfo(&info);
}

static void test_counts_of_many_processes(void **state)
{
    (void)state;
    pid_t pids[PROCESSES];
    assert_int_equal(lab_count("C_GetInfo"), 0);
    for (size_t i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            call_often();
            _exit(0);
        }
    }
    for (size_t i = 0; i < PROCESSES; i++)
        assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
    assert_int_equal(lab_count("C_GetInfo"), PROCESSES * CALLS);
    assert_int_equal(lab_count("C_Sign"), 0);
}

/* The fault of "load" happens in dlopen: only a new program sees that. */
static void load_in_a_new_program(void)
{
    execl("/proc/self/exe", "test_state", "load", (char *)NULL);
}

static void test_load(void **state)
{
    (void)state;
    assert_int_equal(lab_in_child(load_in_a_new_program), 0);
    setenv("KEYD_MOCK_FAULTS", "load crash", 1);
    int status = lab_in_child(load_in_a_new_program);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
    unsetenv("KEYD_MOCK_FAULTS");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "load") == 0) {
        signal(SIGSEGV, SIG_DFL); /* not a sanitizer's */
        return dlopen(KEYD_TESTS "/mock.so", RTLD_NOW) != NULL ? 0 : 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keys_survive, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_session_objects_do_not, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_without_a_file, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_wrong_pins_survive, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_a_foreign_file, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_counts_of_many_processes, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_load, lab_open, lab_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
