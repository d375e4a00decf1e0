/* SPDX-License-Identifier: BSD-2-Clause
 * Names: text, limits, and the order of RFC 4034, 6.1. */
#include <string.h>

#include "client/dns/dname.h"
#include "tests/cmocka.h"
#include "tests/dnssec/lab.h"

static const char *why(const char *text)
{
    struct dname name;
    return dname_parse(text, strlen(text), NULL, &name);
}

static void expect_text(const char *text, const char *printed)
{
    char out[DNAME_TEXT];
    struct dname name = lab_name(text);
    dname_format(name.wire, out);
    assert_string_equal(out, printed);
    struct dname again = lab_name(out);
    assert_int_equal(again.length, name.length);
    assert_memory_equal(again.wire, name.wire, name.length);
}

static void reads_and_prints(void **state)
{
    (void)state;
    expect_text(".", ".");
    expect_text("Example.org", "Example.org.");
    expect_text("*.a_b-c/d.org.", "*.a_b-c/d.org.");
    expect_text("a\\.b.org", "a\\046b.org.");
    expect_text("q\\\"q.\\064.org", "q\\034q.\\064.org.");
    expect_text("\\000\\255 ;(.org", "\\000\\255\\032\\059\\040.org.");
}

static void is_relative_to_an_origin(void **state)
{
    (void)state;
    char out[DNAME_TEXT];
    struct dname origin = lab_name("example.org");
    struct dname name;
    assert_null(dname_parse("www", 3, origin.wire, &name));
    dname_format(name.wire, out);
    assert_string_equal(out, "www.example.org.");
    assert_null(dname_parse("@", 1, origin.wire, &name));
    assert_true(dname_equal(name.wire, origin.wire));
    assert_null(dname_parse("\\@", 2, origin.wire, &name));
    dname_format(name.wire, out);
    assert_string_equal(out, "\\064.example.org.");
}

static void refuses_what_is_no_name(void **state)
{
    (void)state;
    assert_string_equal(why(""), "an empty name");
    assert_string_equal(why("a..b"), "an empty label");
    assert_string_equal(why(".a"), "an empty label");
    assert_string_equal(why("a\\"), "a backslash at the end");
    assert_string_equal(why("a\\25"), "\\ and a digit must be followed by two more digits");
    assert_string_equal(why("a\\256"), "\\DDD is more than 255");
}

static void keeps_the_limits(void **state)
{
    (void)state;
    char text[300];
    memset(text, 'a', sizeof text);
    text[64] = '\0';
    assert_string_equal(why(text), "a label of more than 63 bytes");
    text[63] = '\0';
    assert_null(why(text));

    memset(text, 'a', sizeof text);
    text[63] = text[127] = text[191] = '.';
    text[253] = '\0'; /* 3 * 64 + 1 + 61 + 1 bytes are 255 */
    assert_null(why(text));
    text[253] = 'a';
    text[254] = '\0';
    assert_string_equal(why(text), "a name of more than 255 bytes");
}

/* RFC 4034, 6.1 */
static const char *const ordered[] = {"example",         "a.example",      "yljkjljk.a.example",
                                      "Z.a.example",     "zABC.a.EXAMPLE", "z.example",
                                      "\\001.z.example", "*.z.example",    "\\200.z.example"};

/* How the keys of two names below "example" compare: memcmp, then the lengths. */
static int compare_keys(const char *left, const char *right)
{
    uint8_t a[DNAME_KEY_MAX];
    uint8_t b[DNAME_KEY_MAX];
    size_t a_length = dname_key(lab_name(left).wire, 1, a);
    size_t b_length = dname_key(lab_name(right).wire, 1, b);
    int difference = memcmp(a, b, a_length < b_length ? a_length : b_length);
    if (difference == 0)
        return (a_length > b_length) - (a_length < b_length);
    return (difference > 0) - (difference < 0);
}

static void orders_as_the_rfc_does(void **state)
{
    (void)state;
    size_t count = sizeof ordered / sizeof ordered[0];
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++)
            assert_int_equal(compare_keys(ordered[i], ordered[j]), (i > j) - (i < j));
    }
}

static void a_zero_byte_sorts_first_and_ends_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"a.example",       "\\000.a.example", "a\\000.example",
                                        "a\\000b.example", "a\\001.example",  "ab.example"};
    for (size_t i = 0; i + 1 < sizeof names / sizeof names[0]; i++)
        assert_int_equal(compare_keys(names[i], names[i + 1]), -1);
}

static void knows_what_is_below(void **state)
{
    (void)state;
    struct dname apex = lab_name("Example.org");
    assert_true(dname_is_in(lab_name("example.org").wire, apex.wire));
    assert_true(dname_is_in(lab_name("a.b.EXAMPLE.org").wire, apex.wire));
    assert_false(dname_is_in(lab_name("badexample.org").wire, apex.wire));
    assert_false(dname_is_in(lab_name("org").wire, apex.wire));
    assert_true(dname_is_in(apex.wire, lab_name(".").wire));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_prints),
        cmocka_unit_test(is_relative_to_an_origin),
        cmocka_unit_test(refuses_what_is_no_name),
        cmocka_unit_test(keeps_the_limits),
        cmocka_unit_test(orders_as_the_rfc_does),
        cmocka_unit_test(a_zero_byte_sorts_first_and_ends_nothing),
        cmocka_unit_test(knows_what_is_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
