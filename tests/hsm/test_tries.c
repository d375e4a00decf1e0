/* SPDX-License-Identifier: BSD-2-Clause
 * The record of logins by itself: what it keeps of tokens and PINs, and for how long. (What follows
 * from it: test_login.c.) */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyd/base/file.h"
#include "keyd/hsm/tries.h"
#include "tests/cmocka.h"

static char folder[] = "/tmp/keyd-tries.XXXXXX";
static char path[64];
static struct tries tries;

static void read_as(const char *serial)
{
    struct keyd_error err;
    if (tries_read(&tries, path, serial, &err) != KEYD_OK)
        fail_msg("%s", err.message);
    assert_string_equal(tries.now.serial, serial);
}

/* Writes it and reads it again. */
static void keep(void)
{
    struct keyd_error err;
    char serial[TOKEN_SERIAL_TEXT];
    snprintf(serial, sizeof serial, "%s", tries.now.serial);
    if (tries_write(&tries, &err) != KEYD_OK)
        fail_msg("%s", err.message);
    read_as(serial);
}

static struct pin_hash pin(unsigned number)
{
    struct pin_hash hash = {{(uint8_t)(number >> 8), (uint8_t)number, 7}};
    return hash;
}

static void refuse(unsigned number)
{
    struct pin_hash hash = pin(number);
    tries_begin(&tries, &hash);
    tries_refused(&tries);
}

static bool is_refused(unsigned number)
{
    struct pin_hash hash = pin(number);
    return tries_is_refused(&tries, &hash);
}

static size_t unsettled(unsigned number)
{
    struct pin_hash hash = pin(number);
    return tries_unsettled(&tries, &hash);
}

static void each_token_has_its_own(void **state)
{
    (void)state;
    char serial[TOKEN_SERIAL_TEXT];
    uint8_t salt[TRIES_SALT];
    read_as("first");
    memcpy(salt, tries.now.salt, sizeof salt);
    refuse(1);
    struct pin_hash good = pin(2);
    tries_begin(&tries, &good);
    tries_good(&tries);
    struct pin_hash open = pin(3);
    tries_begin(&tries, &open);
    keep();
    for (unsigned i = 0; i < TRIES_FORMER_MAX; i++) {
        snprintf(serial, sizeof serial, "other%u", i);
        read_as(serial);
        assert_false(is_refused(1));
        assert_memory_not_equal(tries.now.salt, salt, sizeof salt);
        refuse(100 + i);
        keep();
    }
    assert_int_equal(tries.former_count, TRIES_FORMER_MAX);
    read_as("first");
    assert_memory_equal(tries.now.salt, salt, sizeof salt);
    assert_true(is_refused(1));
    assert_true(tries_is_good(&tries, &good));
    assert_int_equal(unsettled(3), 1);
    assert_int_equal(tries.now.trying, TRYING_PIN);
    assert_int_equal(tries.now.last, OUTCOME_GOOD);
    assert_false(is_refused(100));
    keep();
    /* One more, and what was away the longest goes: that is the first of the others now. */
    read_as("one more");
    keep();
    read_as("other0");
    assert_false(is_refused(100));
    read_as("other1");
    assert_true(is_refused(101));
    read_as("first");
    assert_true(is_refused(1));
}

static void a_permit_is_for_the_token_that_was_there(void **state)
{
    (void)state;
    assert_int_equal(tries_permit(path, "first", PERMIT_ONCE, NULL), KEYD_OK);
    read_as("first");
    assert_int_equal(tries.now.permit, PERMIT_ONCE);
    read_as("second");
    assert_int_equal(tries.now.permit, PERMIT_NONE);
    keep();
    read_as("first");
    assert_int_equal(tries.now.permit, PERMIT_NONE);
}

static void lists_let_the_oldest_go(void **state)
{
    (void)state;
    read_as("first");
    for (unsigned i = 0; i <= TRIES_PINS_MAX; i++)
        refuse(i);
    keep();
    assert_false(is_refused(0));
    assert_true(is_refused(1));
    assert_true(is_refused(TRIES_PINS_MAX));
    for (unsigned i = 0; i <= TRIES_PINS_MAX; i++) {
        struct pin_hash hash = pin(i);
        tries_begin(&tries, &hash);
    }
    keep();
    assert_int_equal(unsettled(0), 0);
    assert_int_equal(unsettled(1), 1);
}

static void unsettled_tries_of_a_pin_add_up_until_one_is_settled(void **state)
{
    (void)state;
    struct pin_hash one = pin(1);
    struct pin_hash two = pin(2);
    read_as("first");
    for (unsigned i = 1; i <= 3; i++) {
        tries_begin(&tries, &one);
        keep();
        assert_int_equal(unsettled(1), i);
        tries_begin(&tries, &two);
        tries_void(&tries); /* as if it had not been */
        keep();
        assert_int_equal(unsettled(2), 0);
    }
    tries_begin(&tries, &two);
    tries_good(&tries);
    keep();
    assert_int_equal(unsettled(1), 3);
    tries_begin(&tries, &one);
    tries_locked(&tries);
    keep();
    assert_int_equal(unsettled(1), 0);
    assert_true(is_refused(1));
    assert_true(tries_is_locked(&tries, &one));
    refuse(2);
    assert_false(tries_is_locked(&tries, &one));
    tries_begin(&tries, &two);
    tries_locked(&tries);
    assert_true(tries_is_locked(&tries, &two));
    assert_false(tries_is_locked(&tries, &one)); /* refused it was */
    tries_begin(&tries, NULL);
    keep();
    assert_int_equal(tries.now.trying, TRYING_PAD);
    assert_int_equal(unsettled(1), 0);
}

/* The largest there can be is read as well. */
static void a_full_record_fits(void **state)
{
    (void)state;
    struct stat st;
    for (unsigned token = 0; token <= TRIES_FORMER_MAX; token++) {
        char serial[TOKEN_SERIAL_TEXT];
        snprintf(serial, sizeof serial, "token%u", token);
        read_as(serial);
        for (unsigned i = 0; i < TRIES_PINS_MAX; i++) {
            struct pin_hash open = pin(1000 + i);
            refuse(i);
            tries_begin(&tries, &open);
        }
        keep();
    }
    assert_int_equal(stat(path, &st), 0);
    assert_in_range(st.st_size, 100000, 220000);
    read_as("token0");
    assert_true(is_refused(0));
    assert_int_equal(unsettled(1000 + TRIES_PINS_MAX - 1), 1);
}

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SALT "0123456789abcdef0123456789abcdef"

static void what_is_damaged_is_not_read(void **state)
{
    (void)state;
    static const char whole[] = "{\"v\":3,\"token\":\"first\",\"salt\":\"" SALT
                                "\",\"refused\":[],\"last\":\"none\",\"former\":[]}";
    static const char *const texts[] = {
        "",
        "[]",
        "{\"v\":3}",
        "{\"v\":3,\"token\":\"first\",\"salt\":\"" SALT
        "\",\"refused\":[],\"last\":\"none\",\"unsettled\":\"" HASH "\"}",
        "{\"v\":3,\"token\":\"first\",\"salt\":\"" SALT
        "\",\"refused\":[],\"last\":\"none\",\"unsettled\":[\"" SALT "\"]}",
        "{\"v\":3,\"token\":\"first\",\"salt\":\"" SALT
        "\",\"refused\":[],\"last\":\"none\",\"former\":{}}",
        "{\"v\":3,\"token\":\"first\",\"salt\":\"" SALT
        "\",\"refused\":[],\"last\":\"none\",\"former\":[{}]}",
        "{\"v\":3,\"token\":\"first\",\"salt\":\"" SALT
        "\",\"refused\":[],\"last\":\"none\",\"former\":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]"
        "}",
    };
    assert_int_equal(file_replace(path, whole, strlen(whole), 0600, NULL), KEYD_OK);
    read_as("first");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct keyd_error err;
        assert_int_equal(file_replace(path, texts[i], strlen(texts[i]), 0600, NULL), KEYD_OK);
        assert_int_equal(tries_read(&tries, path, "first", &err), KEYD_FAILED_PRECONDITION);
        assert_string_equal(err.reason, "TRIES");
        assert_non_null(strstr(err.message, "is damaged or from a newer version"));
    }
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/login", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int remove_record(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, remove_record)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_token_has_its_own),  TEST(a_permit_is_for_the_token_that_was_there),
        TEST(lists_let_the_oldest_go), TEST(unsettled_tries_of_a_pin_add_up_until_one_is_settled),
        TEST(a_full_record_fits),      TEST(what_is_damaged_is_not_read),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
