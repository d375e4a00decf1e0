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

static void expect(const char *text, const char *tail)
{
    struct keyd_error err;
    void *data;
    const char *path = file_with(text);
    assert_int_equal(yaml_load(path, &schema, &data, &err), KEYD_INVALID_ARGUMENT);
    assert_string_equal(err.reason, "CONFIGURATION");
    assert_memory_equal(err.message, path, strlen(path));
    assert_string_equal(err.message + strlen(path), tail);
}

static void loads_a_good_file(void **state)
{
    (void)state;
    struct keyd_error err;
    void *data;
    assert_int_equal(
        yaml_load(file_with("socket: /a\nlimit: 7\ntokens:\n- name: x\n"), &schema, &data, &err),
        KEYD_OK);
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
    expect("socket: /a\ntokens:\n- nam: x\n", ":3: tokens[0]: Unexpected key: nam");
    expect("", ": the file is empty");
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
    struct keyd_error err;
    void *data;
    assert_int_equal(yaml_load("/nonexistent/keyd.conf", &schema, &data, &err), KEYD_NOT_FOUND);
    assert_string_equal(err.reason, "ENOENT");
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
        cmocka_unit_test(names_the_line_of_a_check_of_our_own),
        cmocka_unit_test(a_missing_file_is_not_found),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
