/* SPDX-License-Identifier: BSD-2-Clause
 * Where a record was, in the words of a message. */
#include <stdlib.h>
#include <string.h>

#include "client/dns/place.h"
#include "keyd/base/text.h"
#include "tests/cmocka.h"

static void expect_text(const struct place *place, const char *wanted)
{
    char text[PLACE_TEXT];
    assert_string_equal(place_text(place, text), wanted);
}

static void says_what_is_known(void **state)
{
    (void)state;
    struct place_files files = {0};
    const struct place_file *file = place_files_add(&files, "zone", NULL, 0);
    expect_text(&(struct place){0}, "the zone");
    expect_text(&(struct place){.file = file}, "zone");
    expect_text(&(struct place){.file = file, .line = 3}, "zone:3");
    expect_text(&(struct place){.file = file, .line = 3, .column = 7}, "zone:3:7");
    place_files_free(&files);
}

static void says_how_a_file_was_included(void **state)
{
    (void)state;
    struct keyd_error err;
    struct place_files files = {0};
    const struct place_file *outer = place_files_add(&files, "outer", NULL, 0);
    const struct place_file *inner = place_files_add(&files, "inner", outer, 5);
    const struct place place = {
        .file = place_files_add(&files, "innermost", inner, 8), .line = 3, .column = 7};
    const struct place in_outer = {.file = outer, .line = 9, .column = 1};
    assert_int_equal(place_outer_line(&place), 5);
    assert_int_equal(place_outer_line(&in_outer), 9);
    assert_int_equal(place_fail(&place, &err, KEYD_INVALID_ARGUMENT, "WHY", "%d bad", 2),
                     KEYD_INVALID_ARGUMENT);
    assert_string_equal(err.message, "innermost:3:7: 2 bad (included from inner:8, from outer:5)");
    assert_string_equal(err.reason, "WHY");
    assert_int_equal(place_fail(&in_outer, &err, KEYD_DATA_LOSS, NULL, "bad"), KEYD_DATA_LOSS);
    assert_string_equal(err.message, "outer:9:1: bad");
    place_files_free(&files);
}

/* The end of a long name says more than its beginning, and the message must not fall off. */
static void a_long_name_is_cut_at_its_beginning(void **state)
{
    (void)state;
    char path[2006];
    struct keyd_error err;
    struct place_files files = {0};
    for (size_t i = 0; i < 1000; i++)
        memcpy(path + 2 * i, "\u00e4", 2);
    memcpy(path + 2000, "/zone", 6);
    char *name = place_name(path);
    assert_int_equal(strlen(name), PLACE_NAME_MAX - 1); /* 280 would begin within a character */
    assert_true(text_is_utf8(name, strlen(name)));
    const struct place_file *file = place_files_add(&files, name, NULL, 0);
    const struct place place = {.file = place_files_add(&files, name, file, UINT32_MAX),
                                .line = UINT32_MAX,
                                .column = UINT32_MAX};
    free(name);
    (void)place_fail(&place, &err, KEYD_INVALID_ARGUMENT, "WHY", "bad");
    assert_non_null(strstr(err.message, "\u00e4/zone:4294967295:4294967295: bad (included from"));
    assert_non_null(strstr(err.message, "\u00e4/zone:4294967295)"));
    place_files_free(&files);
}

static void expect_name(const char *path, const char *wanted)
{
    char *name = place_name(path);
    assert_string_equal(name, wanted);
    free(name);
}

static void a_name_moves_no_cursor(void **state)
{
    (void)state;
    expect_name("a/b \u00e4", "a/b \u00e4");
    expect_name("a\n\x1b[2J\x7f", "a??[2J?");
    expect_name("a\xc2\x85"
                "b",
                "a??b");           /* NEL, a control character of two bytes */
    expect_name("\xff\xc3", "??"); /* no UTF-8 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_known),
        cmocka_unit_test(says_how_a_file_was_included),
        cmocka_unit_test(a_long_name_is_cut_at_its_beginning),
        cmocka_unit_test(a_name_moves_no_cursor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
