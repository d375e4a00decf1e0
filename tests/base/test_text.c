/* SPDX-License-Identifier: BSD-2-Clause
 * Text that others sent. */
#include "keyd/base/text.h"

#include <stdio.h>
#include <string.h>

#include "tests/cmocka.h"

static void utf8_is_told_from_what_is_none(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "a",
                                       "\xc3\xa4",
                                       "\xe2\x82\xac",
                                       "\xf0\x9f\x98\x80",
                                       "\xed\x9f\xbf",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\xff",         "\xc3",         "\xc0\x80",
                                      "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                      "a\x80",        "\xe2\x82"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(text_is_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(text_is_utf8(bad[i], strlen(bad[i])));
    assert_false(text_is_utf8("a\0b", 3));
}

static void what_is_no_character_becomes_a_question_mark(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *repaired;
    } cases[] = {{"", ""},
                 {"m\xc3\xbcller", "m\xc3\xbcller"},
                 {"m\xfcller", "m?ller"},
                 {"\xff\xfe", "??"},
                 {"a\xe2\x82", "a??"},
                 {"\xe2\x82z\xe2\x82\xac", "??z\xe2\x82\xac"},
                 {"\xc0\x80", "??"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[16];
        snprintf(text, sizeof text, "%s", cases[i].text);
        text_repair(text);
        assert_string_equal(text, cases[i].repaired);
        assert_true(text_is_utf8(text, strlen(text)));
    }
}

static void text_is_cut_between_characters(void **state)
{
    (void)state;
    const char *text = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"; /* 1, 2, 3 and 4 bytes */
    static const int cut[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10, 10};
    for (int max = 0; max < (int)(sizeof cut / sizeof cut[0]); max++)
        assert_int_equal(text_cut(text, max), cut[max]);
}

static void a_number_is_digits_up_to_a_limit(void **state)
{
    (void)state;
    uint64_t number = 7;
    static const char *const bad[] = {
        "",   "x",  "1x", "x1", "-1", "+1", " 1",  "1 ",
        "01", "00", "1.", "1/", "1:", "0x", "1\n", "18446744073709551616"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(text_number(bad[i], UINT64_MAX, &number));
    assert_false(text_number("11", 10, &number));
    assert_int_equal(number, 7);
    assert_true(text_number("10", 10, &number));
    assert_int_equal(number, 10);
    assert_true(text_number("0", 0, &number));
    assert_int_equal(number, 0);
    assert_true(text_number("18446744073709551615", UINT64_MAX, &number));
    assert_true(number == UINT64_MAX);
    assert_false(text_number("18446744073709551620", UINT64_MAX, &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_told_from_what_is_none),
        cmocka_unit_test(what_is_no_character_becomes_a_question_mark),
        cmocka_unit_test(text_is_cut_between_characters),
        cmocka_unit_test(a_number_is_digits_up_to_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
