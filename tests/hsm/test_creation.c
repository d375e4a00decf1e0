/* SPDX-License-Identifier: BSD-2-Clause
 * A creation that is cut short, at every step: the next start has the key and it is usable, or
 * there is nothing of it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cmocka.h"
#include "tests/hsm/lab.h"
#include "tests/hsm/scene.h"

static void killed_creation(const char *kill_where, struct keyid *id)
{
    shim("", kill_where);
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    *id = keyid_random();
    assert_null(lab_create(fd, id));
    close(fd);
    assert_int_equal(lab_wait(pid), 128 + SIGKILL);
    assert_int_equal(lab_count("state-main/journal", "key.creating"), 1);
    assert_int_equal(lab_count("state-main/journal", "key.created"), 0);
}

static void killed_before_the_key_is_made_it_is_gone(void **state)
{
    (void)state;
    struct keyid id;
    killed_creation("- {name: KEYD_SHIM_KILL, value: before}\n", &id);
    plain();
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    expect_keys(fd, 0, true);
    assert_int_equal(lab_count("state-main/journal", "key.abandoned"), 1);
    assert_int_equal(lab_count("main.log", "key abandoned, 0 objects"), 1);
    expect_error(lab_create(fd, &id), KEYD_ALREADY_EXISTS, "KEY_ID_SPENT");
    expect_error(lab_sign(fd, &id, scene_digest, sizeof scene_digest), KEYD_NOT_FOUND,
                 "KEY_NOT_FOUND");
    make_key(fd);
    end(pid, fd);
}

static void killed_after_the_key_is_made_it_is_usable(void **state)
{
    (void)state;
    struct keyid id;
    killed_creation("- {name: KEYD_SHIM_KILL, value: after}\n", &id);
    plain();
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    must_sign(fd, &id);
    expect_keys(fd, 1, true);
    assert_int_equal(lab_count("state-main/journal", "\"settled\":true"), 1);
    assert_int_equal(lab_count("main.log", "the key is there and usable"), 1);
    lab_answer *again = lab_create(fd, &id);
    assert_string_equal(again->reason, "KEY_EXISTS");
    lab_free(again);
    end(pid, fd);
}

static void what_is_left_of_half_a_key_is_removed(void **state)
{
    (void)state;
    struct keyid id;
    killed_creation("- {name: KEYD_SHIM_KILL, value: after}\n", &id);
    /* The proof of the pair fails at the next start: neither half may stay. */
    shim("", "- {name: KEYD_SHIM_FAIL, value: C_SignInit=0x6}\n");
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    expect_keys(fd, 0, true);
    assert_int_equal(lab_count("main.log", "key abandoned, 2 objects"), 1);
    end(pid, fd);
    plain();
    pid = lab_start("main", NULL);
    fd = greet(READY, "");
    expect_error(lab_create(fd, &id), KEYD_ALREADY_EXISTS, "KEY_ID_SPENT");
    end(pid, fd);
    /* Nothing of it is on the token: its journal may be begun afresh. */
    lab_forget("state-main");
    pid = lab_start("main", NULL);
    end(pid, greet(READY, ""));
}

static void a_token_that_refuses_to_make_keys_abandons_the_id(void **state)
{
    (void)state;
    shim("", "- {name: KEYD_SHIM_FAIL, value: C_GenerateKeyPair=0x31}\n");
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    struct keyid id = keyid_random();
    expect_error(lab_create(fd, &id), KEYD_RESOURCE_EXHAUSTED, "TOKEN_MEMORY");
    expect_error(lab_create(fd, &id), KEYD_ALREADY_EXISTS, "KEY_ID_SPENT");
    end(pid, fd);
}

static void a_module_without_copyable_makes_keys_too(void **state)
{
    (void)state;
    shim("", "- {name: KEYD_SHIM_NO_COPYABLE, value: '1'}\n");
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    struct keyid id = make_key(fd);
    must_sign(fd, &id);
    end(pid, fd);
    plain();
    pid = lab_start("main", NULL);
    fd = greet(READY, "");
    must_sign(fd, &id);
    expect_keys(fd, 1, true);
    end(pid, fd);
}

/* Between the two records, at every step: the next start has the key, or nothing of it. */
static void a_token_that_goes_during_a_creation_is_settled(void **state)
{
    (void)state;
    static const struct {
        const char *fail;
        bool made;
    } steps[] = {{"C_GenerateKeyPair=0x32", false},
                 {"C_SignInit=0x32", true},
                 {"C_Sign=0x101", true},
                 {"C_SignInit=0x6,C_DestroyObject=0x32", true}};
    struct keyid id;
    size_t there = 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        char variables[100];
        snprintf(variables, sizeof variables, "- {name: KEYD_SHIM_FAIL, value: '%s'}\n",
                 steps[i].fail);
        shim("", variables);
        pid_t pid = lab_start("main", NULL);
        int fd = greet(READY, "");
        id = keyid_random();
        assert_null(lab_create(fd, &id));
        close(fd);
        assert_int_equal(lab_wait(pid), 1);
        plain();
        pid = lab_start("main", NULL);
        fd = greet(READY, "");
        there += steps[i].made;
        expect_keys(fd, there, true);
        if (steps[i].made)
            must_sign(fd, &id);
        else
            expect_error(lab_create(fd, &id), KEYD_ALREADY_EXISTS, "KEY_ID_SPENT");
        end(pid, fd);
    }
}

static void remains_that_cannot_be_removed_stay_open(void **state)
{
    (void)state;
    shim("", "- {name: KEYD_SHIM_FAIL, value: 'C_SignInit=0x31,C_DestroyObject=0x6'}\n");
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    struct keyid id = keyid_random();
    for (int i = 0; i < 2; i++) /* not TOKEN_MEMORY: that would say that there is no key */
        expect_error(lab_create(fd, &id), KEYD_UNAVAILABLE, "CREATION_OPEN");
    expect_keys(fd, 0, true);
    end(pid, fd);
    assert_int_equal(lab_count("main.log", "The next start tries again"), 2);
    plain();
    pid = lab_start("main", NULL);
    fd = greet(READY, "");
    must_sign(fd, &id);
    end(pid, fd);
}

static void a_disk_that_is_full_before_the_first_record_makes_nothing(void **state)
{
    (void)state;
    plain();
    pid_t pid = lab_start("main", NULL);
    end(pid, greet(READY, ""));
    shim("", "- {name: KEYD_SHIM_FULL, value: C_FindObjectsInit}\n");
    pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    struct keyid id = keyid_random();
    expect_error(lab_create(fd, &id), KEYD_RESOURCE_EXHAUSTED, "JOURNAL_FULL");
    end(pid, fd);
    plain();
    pid = lab_start("main", NULL);
    fd = greet(READY, "");
    assert_int_equal(lab_count("state-main/journal", "key.creating"), 0);
    lab_answer *made = lab_create(fd, &id);
    assert_string_equal(made->message, "");
    lab_free(made);
    end(pid, fd);
}

static void a_disk_that_is_full_at_the_second_record_keeps_the_key(void **state)
{
    (void)state;
    shim("", "- {name: KEYD_SHIM_FULL, value: C_GenerateKeyPair}\n");
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    struct keyid id = keyid_random();
    for (int i = 0; i < 2; i++)
        expect_error(lab_create(fd, &id), KEYD_UNAVAILABLE, "CREATION_OPEN");
    expect_keys(fd, 0, true);
    end(pid, fd);
    plain();
    pid = lab_start("main", NULL);
    fd = greet(READY, "");
    must_sign(fd, &id);
    expect_error(lab_create(fd, &id), KEYD_ALREADY_EXISTS, "KEY_EXISTS");
    end(pid, fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_open, lab_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(killed_before_the_key_is_made_it_is_gone),
        TEST(killed_after_the_key_is_made_it_is_usable),
        TEST(what_is_left_of_half_a_key_is_removed),
        TEST(a_token_that_refuses_to_make_keys_abandons_the_id),
        TEST(a_module_without_copyable_makes_keys_too),
        TEST(a_token_that_goes_during_a_creation_is_settled),
        TEST(remains_that_cannot_be_removed_stay_open),
        TEST(a_disk_that_is_full_before_the_first_record_makes_nothing),
        TEST(a_disk_that_is_full_at_the_second_record_keeps_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
