/* SPDX-License-Identifier: BSD-2-Clause
 * What a user reads who mistyped a configuration: file, line, field, what. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyd/base/file.h"
#include "keyd/base/yaml.h"
#include "tests/cmocka.h"

struct token {
    char *name;
};
struct sample {
    char *socket;
    char *limit;
    struct token *tokens;
    unsigned tokens_count;
};

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

static const cyaml_schema_field_t token_fields[] = {
    CYAML_FIELD_STRING_PTR("name", OPTIONAL, struct token, name, 2, 5),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t token_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct token, token_fields),
};
static const cyaml_schema_field_t sample_fields[] = {
    CYAML_FIELD_STRING_PTR("socket", OPTIONAL, struct sample, socket, 1, 100),
    CYAML_FIELD_STRING_PTR("limit", OPTIONAL, struct sample, limit, 0, 100),
    CYAML_FIELD_SEQUENCE("tokens", OPTIONAL, struct sample, tokens, &token_schema, 1, 3),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct sample, sample_fields),
};

static char folder[] = "/tmp/keyd-yaml.XXXXXX";

static const char *file_with(const char *text)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/keyd.conf", folder);
    assert_int_equal(file_replace(path, text, strlen(text), 0600, NULL), KEYD_OK);
    return path;
}

static char said[4096];
static struct yaml_faults faults;

static void listen(void *context, const struct keyd_error *fault)
{
    size_t used = strlen(said);
    assert_ptr_equal(context, folder);
    assert_string_equal(fault->reason,
                        fault->status == KEYD_NOT_FOUND ? "ENOENT" : "CONFIGURATION");
    snprintf(said + used, sizeof said - used, "%s\n", fault->message);
}

static enum keyd_status load(const char *path, void **data)
{
    said[0] = '\0';
    return yaml_load(path, &schema, data, &faults, listen, folder);
}

/* The complaints are these, each without the file's name. */
static struct sample *expect_all(const char *text, const char *const *tails, size_t count)
{
    void *data;
    char all[4096] = "";
    const char *path = file_with(text);
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s\n", path, tails[i]);
    }
    assert_int_equal(load(path, &data), KEYD_INVALID_ARGUMENT);
    assert_string_equal(said, all);
    return data;
}

static void expect(const char *text, const char *tail)
{
    yaml_free(&schema, expect_all(text, &tail, 1));
}

#define EXPECT(text, ...)                                                                          \
    expect_all(text, (const char *const[]){__VA_ARGS__},                                           \
               sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* Nothing of the file can be judged. */
static void expect_none(const char *text, const char *tail)
{
    assert_null(expect_all(text, &tail, 1));
}

static void loads_a_good_file(void **state)
{
    (void)state;
    void *data;
    assert_int_equal(load(file_with("socket: /a\nlimit: 7\ntokens:\n- name: xx\n"), &data),
                     KEYD_OK);
    assert_string_equal(said, "");
    struct sample *sample = data;
    assert_string_equal(sample->socket, "/a");
    assert_string_equal(sample->limit, "7");
    assert_string_equal(sample->tokens[0].name, "xx");
    yaml_free(&schema, data);
    assert_int_equal(load(file_with("%TAG ! tag:x,2000:\n---\n{}\n"), &data), KEYD_OK);
    yaml_free(&schema, data);
}

static void says_in_words_what_does_not_fit(void **state)
{
    (void)state;
    expect("socket: ''\n", ":1: socket: is empty");
    expect("socket:\n  - /a\n", ":1: socket: is a list; one value is expected");
    expect("socket: /a\nlimit: {}\n", ":2: limit: is a mapping; one value is expected");
    expect("tokens: x\n", ":1: tokens: is one value; a list is expected");
    expect("tokens:\n", ":1: tokens: is empty; a list is expected");
    expect("tokens: {}\n", ":1: tokens: is a mapping; a list is expected");
    expect("tokens: []\n", ":1: tokens: has 0 entries, at least 1 are needed");
    expect("tokens: [{}, {}, {}, {}]\n", ":1: tokens: has 4 entries, at most 3 are possible");
    expect("tokens:\n- name: x\n", ":2: tokens[0].name: has 1 bytes, at least 2 are needed");
    expect("tokens:\n- name: 'x12345'\n",
           ":2: tokens[0].name: has 6 bytes, at most 5 are possible");
    expect("tokens:\n- {}\n- x\n",
           ":3: tokens[1]: is one value; fields are expected (NAME: VALUE)");
    expect("tokens:\n- name: xx\n  nam: x\n", ":3: tokens[0].nam: there is no such field");
    expect("log.level: x\n", ":1: log.level: there is no such field");
    expect("\"a b c\\nd\": x\n", ":1: a b c?d: there is no such field");
}

#define NULL_IS_SAID                                                                               \
    ": is null, which is no value: give one, or leave the field out; a text that reads so "        \
    "stands in quotes"

static void null_is_no_value_and_no_text(void **state)
{
    (void)state;
    void *data;
    struct sample *rest = EXPECT(
        "socket: ~\nlimit: null\ntokens:\n- name: NULL\n- {name: Null}\n- name: !!null x\n",
        ":1: socket" NULL_IS_SAID, ":2: limit" NULL_IS_SAID, ":4: tokens[0].name" NULL_IS_SAID,
        ":5: tokens[1].name" NULL_IS_SAID, ":6: tokens[2].name" NULL_IS_SAID);
    assert_null(rest->socket);
    assert_null(rest->tokens[0].name);
    yaml_free(&schema, rest);
    assert_true(yaml_left_out(&faults, "socket"));
    expect("tokens: ~\n", ":1: tokens: is one value; a list is expected");
    assert_int_equal(
        load(file_with("socket: '~'\nlimit: \"null\"\ntokens:\n- name: nULL\n"), &data), KEYD_OK);
    struct sample *sample = data;
    assert_string_equal(sample->socket, "~");
    assert_string_equal(sample->limit, "null");
    yaml_free(&schema, data);
}

static void says_all_that_is_wrong_at_once(void **state)
{
    (void)state;
    struct sample *rest =
        EXPECT("sokcet: /a\nsocket: /b\nlimit: [many]\ntokens:\n- nam: x\n  name: yy\n- x\n"
               "- name: zz\ncolour: {red: [1, 2]}\n",
               ":1: sokcet: there is no such field", ":3: limit: is a list; one value is expected",
               ":5: tokens[0].nam: there is no such field",
               ":7: tokens[1]: is one value; fields are expected (NAME: VALUE)",
               ":9: colour: there is no such field");
    /* What is left is there to be judged, each entry in its place. */
    assert_string_equal(rest->socket, "/b");
    assert_null(rest->limit);
    assert_int_equal(rest->tokens_count, 3);
    assert_string_equal(rest->tokens[0].name, "yy");
    assert_null(rest->tokens[1].name);
    assert_string_equal(rest->tokens[2].name, "zz");
    yaml_free(&schema, rest);
    assert_true(yaml_left_out(&faults, "limit"));
    assert_true(yaml_left_out(&faults, "tokens[1]"));
    assert_true(yaml_left_out(&faults, "tokens[1].name"));
    assert_false(yaml_left_out(&faults, "tokens[0].name"));
    assert_false(yaml_left_out(&faults, "tokens"));
    assert_false(yaml_left_out(&faults, "socket"));
    assert_false(yaml_left_out(&faults, "limits"));
}

static void a_field_is_there_once(void **state)
{
    (void)state;
    struct sample *rest = EXPECT(
        "limit: []\nsocket: /a\nsocket: /b\nlimit: 7\ntokens:\n- name: xx\n  name: yy\n"
        "socket: /c\n",
        ":1: limit: is a list; one value is expected",
        ":3: socket: is there twice, first in line 2", ":4: limit: is there twice, first in line 1",
        ":7: tokens[0].name: is there twice, first in line 6",
        ":8: socket: is there twice, first in line 2");
    assert_string_equal(rest->socket, "/a");
    assert_string_equal(rest->tokens[0].name, "xx");
    yaml_free(&schema, rest);
}

static void what_is_no_configuration_is_not_judged(void **state)
{
    (void)state;
    expect_none("", ": the file is empty");
    expect_none("# nothing\n", ": the file is empty");
    expect_none("---\n", ": the file is empty");
    expect_none("- a\n", ":1: the file is a list; fields are expected (NAME: VALUE)");
    expect_none("socket: /a\n---\nlimit: 7\n",
                ":2: another document begins here; the file may have one");
    expect_none("socket: &x /a\nlimit: *x\n", ":2: an alias (*x) is not possible here");
    expect_none("tokens: &x [*x]\n", ":1: an alias (*x) is not possible here");
    expect_none("socket: /a\nlimit: \"7\\0m\"\n", ":2: there is a NUL in this text");
    expect_none("\"socket\\0\": /a\n", ":1: there is a NUL in this text");
    expect_none("? [a]\n: b\n", ":1: a list or a mapping cannot be the name of a field");
    expect_none("x: [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]\n",
                ":1: there are more than 16 lists and mappings in each other");
    expect("x: [[[[[[[[[[[[[[[]]]]]]]]]]]]]]]\n", ":1: x: there is no such field");
    expect_none("colour: x\nsocket: 'a\n", ":3: is no YAML: found unexpected end of stream, while "
                                           "scanning a quoted scalar (line 2)");
    expect_none(
        "a: &x 1\nb: &x 2\n",
        ":2: is no YAML: second occurrence, found duplicate anchor; first occurrence (line 1)");
    expect_none("socket: /a\nlimit: \xff\n", ":2: is no YAML: invalid leading UTF-8 octet");
}

static void no_more_is_said_than_anybody_reads(void **state)
{
    (void)state;
    char text[4096] = "socket: /a\n";
    size_t lines = 0;
    for (int i = 0; i < 2 * YAML_FAULTS_MAX; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "key%d: x\n", i);
    void *data;
    assert_int_equal(load(file_with(text), &data), KEYD_INVALID_ARGUMENT);
    assert_null(data);
    for (const char *at = said; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, YAML_FAULTS_MAX);
}

static void names_the_line_of_a_check_of_our_own(void **state)
{
    (void)state;
    struct keyd_error err;
    const char *path = file_with("socket: /a\ntokens:\n- name: x\n- name: y\n");
    yaml_complain(&err, path, "tokens[1].name", "'%s' is %s", "y", "taken");
    assert_string_equal(err.message + strlen(path), ":4: tokens[1].name: 'y' is taken");
    yaml_complain(&err, path, "tokens[1].socket", "is missing");
    assert_string_equal(err.message + strlen(path), ":4: tokens[1].socket: is missing");
    yaml_complain(&err, path, "limit", "is missing");
    assert_string_equal(err.message + strlen(path), ":1: limit: is missing");
}

/* A file whose `limit` is `text`: nothing is said for a number, or what is. */
static const char *number(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
    static struct keyd_error err;
    const char *path = file_with("socket: /a\nlimit: x\n");
    if (yaml_number(path, "limit", text, min, max, number, &err) == KEYD_OK)
        return "";
    assert_int_equal(err.status, KEYD_INVALID_ARGUMENT);
    assert_string_equal(err.reason, "CONFIGURATION");
    assert_memory_equal(err.message, path, strlen(path));
    return err.message + strlen(path);
}

static void a_number_has_digits_and_nothing_else(void **state)
{
    (void)state;
    uint64_t value = 0;
    assert_string_equal(number("1", 1, 64, &value), "");
    assert_int_equal(value, 1);
    assert_string_equal(number("64", 1, 64, &value), "");
    assert_int_equal(value, 64);
    assert_string_equal(number("0", 0, 64, &value), "");
    assert_int_equal(value, 0);
    static const char *const rubbish[] = {"",    "5m",  "4 or so", "0x10",    "3.5", "1e1",
                                          "-1",  "+1",  " 1",      "1 ",      "1,5", "1_0",
                                          "1:1", "ten", "1\n",     "\xd9\xa1"};
    for (size_t i = 0; i < sizeof rubbish / sizeof rubbish[0]; i++)
        assert_non_null(strstr(number(rubbish[i], 1, 64, &value), ":2: limit: '"));
    assert_string_equal(number("5m", 1, 64, &value),
                        ":2: limit: '5m' is no number: digits only, 1 to 64");
    assert_string_equal(number("1\n", 1, 64, &value),
                        ":2: limit: '1?' is no number: digits only, 1 to 64");
    assert_string_equal(number("010", 1, 64, &value),
                        ":2: limit: '010' is no number: no zero in front, 1 to 64");
    assert_string_equal(number("00", 0, 64, &value),
                        ":2: limit: '00' is no number: no zero in front, 0 to 64");
    assert_string_equal(number("0", 1, 64, &value), ":2: limit: is 0; it must be 1 to 64");
    assert_string_equal(number("65", 1, 64, &value), ":2: limit: is 65; it must be 1 to 64");
    assert_string_equal(number("18446744073709551617", 1, 64, &value),
                        ":2: limit: is 18446744073709551617; it must be 1 to 64");
    assert_int_equal(value, 0);
}

static void a_missing_file_is_not_found(void **state)
{
    (void)state;
    void *data;
    assert_int_equal(load("/nonexistent/keyd.conf", &data), KEYD_NOT_FOUND);
    assert_null(data);
    assert_non_null(strstr(said, "/nonexistent/keyd.conf"));
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(file_with(""));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_a_good_file),
        cmocka_unit_test(says_in_words_what_does_not_fit),
        cmocka_unit_test(null_is_no_value_and_no_text),
        cmocka_unit_test(says_all_that_is_wrong_at_once),
        cmocka_unit_test(a_field_is_there_once),
        cmocka_unit_test(what_is_no_configuration_is_not_judged),
        cmocka_unit_test(no_more_is_said_than_anybody_reads),
        cmocka_unit_test(names_the_line_of_a_check_of_our_own),
        cmocka_unit_test(a_number_has_digits_and_nothing_else),
        cmocka_unit_test(a_missing_file_is_not_found),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
