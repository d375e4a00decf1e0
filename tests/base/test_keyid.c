/* SPDX-License-Identifier: BSD-2-Clause
 * The names of keys, tokens and aliases. */
#include "keyd/base/keyid.h"

#include <string.h>

#include "tests/cmocka.h"

static void ids_are_lower_case_uuids(void **state)
{
    (void)state;
    struct keyid id = keyid_random();
    struct keyid back;
    char text[KEYID_TEXT];
    keyid_format(&id, text);
    assert_int_equal(strlen(text), 36);
    assert_int_equal(text[14], '4');
    assert_true(keyid_parse(text, &back));
    assert_int_equal(keyid_compare(&id, &back), 0);

    assert_true(keyid_parse("00112233-4455-4677-8899-aabbccddeeff", &back));
    assert_false(keyid_parse("00112233-4455-4677-8899-AABBCCDDEEFF", &back));
    assert_false(keyid_parse("00112233-4455-4677-8899-aabbccddeef", &back));
    assert_false(keyid_parse("00112233-4455-4677-8899-aabbccddeeff0", &back));
    assert_false(keyid_parse("0011223344554677-8899-aabbccddeeff----", &back));
    assert_false(keyid_parse("", &back));
}

static void the_same_request_gives_the_same_id(void **state)
{
    (void)state;
    struct keyid a = keyid_derive("uid:1000", "r1", 0);
    struct keyid same = keyid_derive("uid:1000", "r1", 0);
    struct keyid other_principal = keyid_derive("uid:100", "0r1", 0);
    struct keyid other_attempt = keyid_derive("uid:1000", "r1", 1);
    assert_int_equal(keyid_compare(&a, &same), 0);
    assert_int_not_equal(keyid_compare(&a, &other_principal), 0);
    assert_int_not_equal(keyid_compare(&a, &other_attempt), 0);
    char text[KEYID_TEXT];
    keyid_format(&a, text);
    assert_int_equal(text[14], '8');
}

static void names_have_63_characters_at_most(void **state)
{
    (void)state;
    char name[NAME_MAX_LENGTH + 2];
    memset(name, 'a', sizeof name);
    name[NAME_MAX_LENGTH] = '\0';
    assert_true(name_is_valid(name));
    name[NAME_MAX_LENGTH] = 'a';
    name[NAME_MAX_LENGTH + 1] = '\0';
    assert_false(name_is_valid(name));
    assert_true(name_is_valid("Main_1-a"));
    assert_false(name_is_valid(""));
    assert_false(name_is_valid("a.b"));
    assert_false(name_is_valid("a b"));
    assert_false(name_is_valid("\xc3\xa4"));
}

static void no_alias_looks_like_a_key_id(void **state)
{
    (void)state;
    assert_true(alias_is_valid("alias/a4lksk"));
    assert_false(alias_is_valid("a4lksk"));
    assert_false(alias_is_valid("alias/"));
    assert_false(alias_is_valid("alias/a/b"));
    assert_false(alias_is_valid("alias/00112233-4455-4677-8899-aabbccddeeff"));
    assert_false(alias_is_valid("alias/00112233-4455-4677-8899-AABBCCDDEEFF"));
    assert_true(alias_is_valid("alias/00112233-4455-4677-8899-aabbccddeefg"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_lower_case_uuids),
        cmocka_unit_test(the_same_request_gives_the_same_id),
        cmocka_unit_test(names_have_63_characters_at_most),
        cmocka_unit_test(no_alias_looks_like_a_key_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
