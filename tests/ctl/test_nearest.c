/* SPDX-License-Identifier: BSD-2-Clause
 * What does not depend on any keyd: what is near a mistyped word. */
#include <string.h>

#include "client/ctl/command.h"
#include "tests/cmocka.h"

static void the_nearest_word_is_found_or_none(void **state)
{
    (void)state;
    static const char *const names[] = {"create-key", "list-keys", "sign", NULL};
    assert_string_equal(nearest("creat-key", names), "create-key");
    assert_string_equal(nearest("listkeys", names), "list-keys");
    assert_string_equal(nearest("list", names), "list-keys");
    assert_string_equal(nearest("sgin", names), "sign");
    assert_null(nearest("restart", names));
    assert_null(nearest("", names));
    char word[4096];
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_null(nearest(word, names));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_word_is_found_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
