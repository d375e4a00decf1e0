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
    unsigned limit;
    struct token *tokens;
    unsigned tokens_count;
};

static const cyaml_schema_field_t token_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct token, name, 1, 63),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t token_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct token, token_fields),
};
static const cyaml_schema_field_t sample_fields[] = {
    CYAML_FIELD_STRING_PTR("socket", CYAML_FLAG_POINTER, struct sample, socket, 1, 100),
    CYAML_FIELD_UINT("limit", CYAML_FLAG_OPTIONAL, struct sample, limit),
    CYAML_FIELD_SEQUENCE("tokens", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct sample, tokens,
                         &token_schema, 0, 8),
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

static char said[2048];

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
    return yaml_load(path, &schema, data, listen, folder);
}

/* The complaints are these, each without the file's name. */
static struct sample *expect_all(const char *text, const char *const *tails, size_t count)
{
    void *data;
    char all[2048] = "";
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

static void loads_a_good_file(void **state)
{
    (void)state;
    void *data;
    assert_int_equal(load(file_with("socket: /a\nlimit: 7\ntokens:\n- name: x\n"), &data), KEYD_OK);
    assert_string_equal(said, "");
    struct sample *sample = data;
    assert_string_equal(sample->socket, "/a");
    assert_int_equal(sample->limit, 7);
    assert_string_equal(sample->tokens[0].name, "x");
    yaml_free(&schema, data);
}

static void names_line_and_field(void **state)
{
    (void)state;
    expect("socket: /a\nlimit: abc\n", ":2: limit: Invalid uint64_t value: 'abc'");
    expect("socket: /a\ntokens:\n- name: x\n- name: [\n",
           ":4: tokens[1].name: Expecting STRING, got event: SEQUENCE_START");
    expect("socket: /a\ntokens:\n- name: x\n  nam: x\n", ":4: tokens[0]: Unexpected key: nam");
    expect("", ": the file is empty");
}

static void says_all_that_is_wrong_at_once(void **state)
{
    (void)state;
    static const char *const all[] = {
        ":1: Unexpected key: sokcet", ":3: limit: Invalid uint64_t value: 'many'",
        ":5: tokens[0]: Unexpected key: nam", ":7: Unexpected key: colour"};
    struct sample *rest = expect_all("sokcet: /a\nsocket: /b\nlimit: many\ntokens:\n- nam: x\n"
                                     "  name: y\ncolour: {red: [1, 2]}\n",
                                     all, 4);
    /* What is left is there to be judged. */
    assert_string_equal(rest->socket, "/b");
    assert_int_equal(rest->tokens_count, 1);
    assert_string_equal(rest->tokens[0].name, "y");
    yaml_free(&schema, rest);
}

static void what_lacks_a_part_is_left_out_whole(void **state)
{
    (void)state;
    static const char *const all[] = {":4: tokens[1].name: is missing", ":5: Unexpected key: x"};
    struct sample *rest = expect_all("socket: /a\ntokens:\n- name: x\n- {}\nx: y\n", all, 2);
    assert_int_equal(rest->tokens_count, 0);
    yaml_free(&schema, rest);
    static const char *const no_socket[] = {":1: limit: Invalid uint64_t value: 'x'",
                                            ":1: socket: is missing"};
    assert_null(expect_all("limit: x\n", no_socket, 2));
    void *data;
    assert_int_equal(load(file_with("limit: [\n"), &data), KEYD_INVALID_ARGUMENT);
    assert_null(data);
    assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
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
    assert_int_equal(lines, YAML_FAULTS_MAX + 1);
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
        cmocka_unit_test(names_line_and_field),
        cmocka_unit_test(says_all_that_is_wrong_at_once),
        cmocka_unit_test(what_lacks_a_part_is_left_out_whole),
        cmocka_unit_test(no_more_is_said_than_anybody_reads),
        cmocka_unit_test(names_the_line_of_a_check_of_our_own),
        cmocka_unit_test(a_missing_file_is_not_found),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
