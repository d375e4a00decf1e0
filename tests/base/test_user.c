/* SPDX-License-Identifier: BSD-2-Clause
 * A user by name or uid; a typing error is nobody. */
#include "keyd/base/user.h"

#include <stddef.h>

#include "tests/cmocka.h"

static void a_user_by_name_or_uid(void **state)
{
    (void)state;
    uid_t uid = 7;
    assert_true(user_find("root", &uid));
    assert_int_equal(uid, 0);
    assert_true(user_find("54321", &uid)); /* whether or not somebody has it */
    assert_int_equal(uid, 54321);
    assert_true(user_find("0", &uid));
    assert_int_equal(uid, 0);
    assert_true(user_find("4294967294", &uid));
    assert_true(uid == USER_UID_MAX);
}

static void nobody(void **state)
{
    (void)state;
    uid_t uid = 7;
    static const char *const none[] = {
        "",          "no-such-user", "00",  "0root",      "1000abc",
        "1000:1000", "-1",           "+0",  "4294967295", "4294967296",
        "0 ",        " 0",           "0x0", "0.0",        "99999999999999999999"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(user_find(none[i], &uid));
    assert_int_equal(uid, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_by_name_or_uid),
        cmocka_unit_test(nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
