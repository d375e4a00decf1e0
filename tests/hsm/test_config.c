/* SPDX-License-Identifier: BSD-2-Clause
 * What an operator reads who mistyped tokens.d/NAME.conf, and what keyd-hsm understands. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyd/base/file.h"
#include "keyd/hsm/config.h"
#include "tests/cmocka.h"

static char folder[] = "/tmp/keyd-config.XXXXXX";
static char complaints[4096];

static void collect(void *context, const char *message)
{
    size_t *count = context;
    size_t used = strlen(complaints);
    snprintf(complaints + used, sizeof complaints - used, "%s\n", message);
    (*count)++;
}

static const char *file_with(const char *name, const char *text)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(file_replace(path, text, strlen(text), 0600, NULL), KEYD_OK);
    return path;
}

static size_t load(const char *name, const char *text, struct hsm_config **config)
{
    size_t count = 0;
    complaints[0] = '\0';
    *config = NULL;
    const char *path = file_with(name, text);
    enum keyd_status status = config_load(path, config, collect, &count);
    unlink(path);
    assert_true((status == KEYD_OK) == (count == 0));
    assert_true((status == KEYD_OK) == (*config != NULL));
    return count;
}

#define REQUIRED                                                                                   \
    "module: /m.so\nlabel: t\npin_file: pin\nstate_folder: state\nsocket: s.sock\nfront: 0\n"

#define WITHOUT_PIN "module: /m.so\nlabel: t\nstate_folder: state\nsocket: s.sock\nfront: 0\n"

static void says(const char *line)
{
    if (strstr(complaints, line) == NULL)
        fail_msg("no '%s' in:\n%s", line, complaints);
}

static void a_good_file_and_its_defaults(void **state)
{
    (void)state;
    struct hsm_config *config;
    char path[128];
    assert_int_equal(load("main.conf", REQUIRED, &config), 0);
    assert_string_equal(config->name, "main");
    assert_string_equal(config->module, "/m.so");
    assert_string_equal(config->label, "t");
    assert_null(config->serial);
    snprintf(path, sizeof path, "%s/pin", folder);
    assert_string_equal(config->pin_file, path);
    assert_null(config->pin_credential);
    assert_int_equal(config->pin_descriptor, -1);
    snprintf(path, sizeof path, "%s/state/admin.sock", folder);
    assert_string_equal(config->admin_socket, path);
    assert_int_equal(config->front_uid, 0);
    assert_int_equal(config->signers, CONFIG_SIGNERS_DEFAULT);
    assert_int_equal(config->module_call_limit, 10);
    assert_int_equal(config->key_generation_limit, 120);
    assert_int_equal(config->environment_count, 0);
    assert_int_equal(config->log_level, LOG_LEVEL_INFO);
    config_free(config);
}

static void everything_that_can_be_set(void **state)
{
    (void)state;
    struct hsm_config *config;
    assert_int_equal(load("a_B-9.conf",
                          "module: m.so\nserial: 0123456789abcdef\npin_file: /p\n"
                          "state_folder: /s\nfront: root\nsigners: 64\nmodule_call_limit: 3600\n"
                          "key_generation_limit: 1\nlog_level: debug\n"
                          "environment:\n- {name: A_1, value: x}\n- {name: B, value: ''}\n",
                          &config),
                     0);
    assert_string_equal(config->name, "a_B-9");
    assert_null(config->socket);
    assert_null(config->label);
    assert_int_equal(config->signers, 64);
    assert_int_equal(config->environment_count, 2);
    assert_string_equal(config->environment[0].name, "A_1");
    assert_string_equal(config->environment[1].value, "");
    assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
    config_free(config);
}

static void all_that_is_wrong_is_said_at_once(void **state)
{
    (void)state;
    struct hsm_config *config;
    size_t count = load("main.conf",
                        "module: /m.so\n"
                        "pin_file: pin\n"
                        "state_folder: state\n"
                        "socket: s.sock\n"
                        "front: no such user\n"
                        "signers: 65\n"
                        "module_call_limit: 0\n"
                        "key_generation_limit: 3601\n"
                        "log_level: loud\n"
                        "environment:\n"
                        "- {name: 1A, value: x}\n"
                        "- {name: LD_PRELOAD, value: x}\n",
                        &config);
    assert_int_equal(count, 8);
    says("main.conf:1: label: is missing; name the token by label or serial");
    says("main.conf:5: front: 'no such user' is neither a user of this host nor a uid");
    says("main.conf:6: signers: is 65; it must be 1 to 64");
    says("main.conf:7: module_call_limit: is 0; it must be 1 to 3600");
    says("main.conf:8: key_generation_limit: is 3601; it must be 1 to 3600");
    says("main.conf:9: log_level: is 'loud'; it must be error, warning");
    says("main.conf:11: environment[0].name: '1A' is no name");
    says("main.conf:12: environment[1].name: 'LD_PRELOAD' has no effect");
}

/* Also what the schema finds, and after it what the rest of the file has wrong. */
static void what_does_not_fit_is_said_with_the_rest(void **state)
{
    (void)state;
    struct hsm_config *config;
    size_t count = load("main.conf",
                        "modul: /m.so\n"
                        "label: ''\n"
                        "pin_file: pin\n"
                        "state_folder: [state]\n"
                        "front: 0\n"
                        "front: 1\n"
                        "signers: many\n"
                        "log_level: loud\n"
                        "environment:\n"
                        "- {name: A}\n"
                        "- value: x\n"
                        "- B\n"
                        "- {name: LD_PRELOAD, value: x}\n",
                        &config);
    assert_int_equal(count, 11);
    says("main.conf:1: modul: there is no such field");
    says("main.conf:2: label: is empty"); /* and not missing as well */
    says("main.conf:4: state_folder: is a list; one value is expected");
    says("main.conf:6: front: is there twice, first in line 5");
    says("main.conf:7: signers: 'many' is no number: digits only, 1 to 64");
    says("main.conf:10: environment[0].value: is missing");
    says("main.conf:11: environment[1].name: is missing");
    says("main.conf:12: environment[2]: is one value; fields are expected (NAME: VALUE)");
    says("main.conf:13: environment[3].name: 'LD_PRELOAD' has no effect");
    says("main.conf:1: module: is missing");
    says("main.conf:8: log_level: is 'loud'");
}

static void a_number_is_not_guessed_at(void **state)
{
    (void)state;
    struct hsm_config *config;
    assert_int_equal(load("main.conf",
                          WITHOUT_PIN "module_call_limit: 5m\nkey_generation_limit: 010\n"
                                      "pin_descriptor: 3.5\nsigners: 1e1\n  or so\n",
                          &config),
                     4);
    says("main.conf:6: module_call_limit: '5m' is no number: digits only, 1 to 3600");
    says("main.conf:7: key_generation_limit: '010' is no number: no zero in front, 1 to 3600");
    says("main.conf:8: pin_descriptor: '3.5' is no number: digits only, 0 to 1023");
    says("main.conf:9: signers: '1e1 or so' is no number: digits only, 1 to 64");
    static const char *const nobody[] = {"00", "4294967295", "0x0", "1000abc", "0:0"};
    for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "module: /m.so\nlabel: t\nstate_folder: s\nfront: %s\n",
                 nobody[i]);
        assert_int_equal(load("main.conf", text, &config), 1);
        says("main.conf:4: front: '");
        says("' is neither a user of this host nor a uid");
    }
}

static void lengths_are_judged(void **state)
{
    (void)state;
    struct hsm_config *config;
    char text[1024];
    snprintf(text, sizeof text,
             "module: /m.so\nlabel: %033d\nserial: '%017d'\npin_file: p\nstate_folder: s\n"
             "socket: %0200d\nfront: 0\n",
             1, 1, 1);
    assert_int_equal(load("main.conf", text, &config), 3);
    says("main.conf:2: label: has 33 bytes");
    says("main.conf:3: serial: has 17 bytes");
    says("main.conf:6: socket: ");
}

static void blanks_that_no_token_can_have_are_said(void **state)
{
    (void)state;
    struct hsm_config *config;
    assert_int_equal(load("main.conf",
                          "module: /m.so\nlabel: 'my token  '\nserial: '1 '\npin_file: p\n"
                          "state_folder: s\nsocket: s.sock\nfront: 0\n",
                          &config),
                     2);
    says("main.conf:2: label: ends with a blank");
    says("main.conf:3: serial: ends with a blank");
}

static void the_pin_has_one_source_or_none(void **state)
{
    (void)state;
    struct hsm_config *config;
    assert_int_equal(load("main.conf", WITHOUT_PIN, &config), 0);
    assert_null(config->pin_file);
    config_free(config);
    assert_int_equal(load("main.conf", WITHOUT_PIN "pin_credential: main.pin\n", &config), 0);
    assert_string_equal(config->pin_credential, "main.pin");
    config_free(config);
    static const int good[] = {0, 3, CONFIG_DESCRIPTOR_MAX};
    static const int bad[] = {1, 2, CONFIG_DESCRIPTOR_MAX + 1};
    char text[256];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        snprintf(text, sizeof text, WITHOUT_PIN "pin_descriptor: %d\n", good[i]);
        assert_int_equal(load("main.conf", text, &config), 0);
        assert_int_equal(config->pin_descriptor, good[i]);
        config_free(config);
        snprintf(text, sizeof text, WITHOUT_PIN "pin_descriptor: %d\n", bad[i]);
        assert_int_equal(load("main.conf", text, &config), 1);
        says("main.conf:6: pin_descriptor: is ");
    }
    assert_int_equal(load("main.conf", REQUIRED "pin_credential: c\npin_descriptor: 3\n", &config),
                     2);
    says("main.conf:7: pin_credential: pin_file is there as well: the PIN has one source");
    says("main.conf:8: pin_descriptor: pin_file is there as well: the PIN has one source");
    assert_int_equal(
        load("main.conf", WITHOUT_PIN "pin_credential: c\npin_descriptor: 3\n", &config), 1);
    says("main.conf:7: pin_descriptor: pin_credential is there as well");
    static const char *const names[] = {"..", ".", "a/b", "/etc/passwd"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(text, sizeof text, WITHOUT_PIN "pin_credential: %s\n", names[i]);
        assert_int_equal(load("main.conf", text, &config), 1);
        says("is no name of a credential");
    }
}

static void the_admin_socket_may_be_elsewhere(void **state)
{
    (void)state;
    struct hsm_config *config;
    char text[512];
    assert_int_equal(load("main.conf", REQUIRED "admin_socket: /run/a.sock\n", &config), 0);
    assert_string_equal(config->admin_socket, "/run/a.sock");
    config_free(config);
    snprintf(text, sizeof text, REQUIRED "admin_socket: /%0107d\n", 1);
    assert_int_equal(load("main.conf", text, &config), 1);
    says("main.conf:7: admin_socket: '/0");
    snprintf(text, sizeof text,
             "module: /m.so\nlabel: t\nsocket: s.sock\nfront: 0\nstate_folder: /%0100d\n", 1);
    assert_int_equal(load("main.conf", text, &config), 1);
    says("admin_socket: '/0");
}

static void the_two_sockets_differ(void **state)
{
    (void)state;
    struct hsm_config *config;
    char link[64];
    char whole[160];
    assert_int_equal(load("main.conf", REQUIRED "admin_socket: s.sock\n", &config), 1);
    says("main.conf:7: admin_socket: '/tmp/keyd-config.");
    says("/s.sock' is what `socket` names: give each its own path");
    snprintf(link, sizeof link, "%s/link", folder);
    assert_int_equal(symlink(folder, link), 0);
    snprintf(whole, sizeof whole, REQUIRED "admin_socket: %s/link/new/../s.sock\n", folder);
    assert_int_equal(load("main.conf", whole, &config), 1);
    says("main.conf:7: admin_socket: ");
    assert_int_equal(unlink(link), 0);
    /* The default of the one, and the other. */
    assert_int_equal(load("main.conf",
                          "module: /m.so\nlabel: t\nstate_folder: state\nfront: 0\n"
                          "socket: ./state/admin.sock\n",
                          &config),
                     1);
    says("main.conf:5: socket: ");
    says("is the admin socket where `admin_socket` names no other: give each its own path");
    assert_int_equal(load("main.conf", REQUIRED "admin_socket: state/s.sock\n", &config), 0);
    config_free(config);
}

static void a_socket_is_none_of_the_state_folders_files(void **state)
{
    (void)state;
    struct hsm_config *config;
    static const char *const files[] = {"journal", "login", "last-words"};
    char text[256];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(text, sizeof text,
                 "module: /m.so\nlabel: t\nstate_folder: state\nfront: 0\nsocket: ./state/%s\n",
                 files[i]);
        assert_int_equal(load("main.conf", text, &config), 1);
        says("main.conf:5: socket: '/tmp/keyd-config.");
        snprintf(
            text, sizeof text,
            "is where keyd-hsm keeps its file `%s` (`state_folder`): give the socket a path of "
            "its own",
            files[i]);
        says(text);
        snprintf(text, sizeof text, REQUIRED "admin_socket: state/../state/%s\n", files[i]);
        assert_int_equal(load("main.conf", text, &config), 1);
        says("main.conf:7: admin_socket: '/tmp/keyd-config.");
    }
    assert_int_equal(load("main.conf", REQUIRED "admin_socket: state/journal.sock\n", &config), 0);
    config_free(config);
    assert_int_equal(load("main.conf", REQUIRED "admin_socket: journal\n", &config), 0);
    config_free(config);
}

static void null_is_no_value(void **state)
{
    (void)state;
    struct hsm_config *config;
    size_t count = load("main.conf",
                        "module: ~\nlabel: null\nserial: NULL\npin_file: ~\nstate_folder: ~\n"
                        "socket: ~\nfront: ~\nsigners: ~\nlog_level: Null\n"
                        "environment:\n- {name: ~, value: ~}\n",
                        &config);
    assert_int_equal(count, 11);
    says("main.conf:1: module: is null, which is no value");
    says("main.conf:2: label: is null");
    says("main.conf:5: state_folder: is null");
    says("main.conf:7: front: is null");
    says("main.conf:11: environment[0].name: is null");
    says("main.conf:11: environment[0].value: is null");
}

static void what_is_no_configuration(void **state)
{
    (void)state;
    struct hsm_config *config;
    assert_int_equal(load("main.conf", "module: /m.so\nlabel: t\n", &config), 2);
    says("main.conf:1: state_folder: is missing");
    says("main.conf:1: front: is missing");
    assert_int_equal(load("main.conf", REQUIRED "colour: blue\n", &config), 1);
    says("main.conf:7: colour: there is no such field");
    assert_int_equal(load("bad name.conf", REQUIRED, &config), 1);
    says("the file's name must be NAME.conf");
    assert_int_equal(load("main.yaml", REQUIRED, &config), 1);
    size_t count = 0;
    assert_int_equal(config_load("/nonexistent/main.conf", &config, collect, &count),
                     KEYD_NOT_FOUND);
    assert_int_equal(count, 1);
}

static void the_example_is_good_but_for_its_user(void **state)
{
    (void)state;
    size_t count = 0;
    struct hsm_config *config = NULL;
    complaints[0] = '\0';
    if (config_load(KEYD_SOURCE "/docs/examples"
                                "/tokens.d/main.conf",
                    &config, collect, &count) == KEYD_OK) {
        config_free(config); /* a machine that has the user keyd */
        return;
    }
    assert_int_equal(count, 1);
    says("front: 'keyd' is neither a user");
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_and_its_defaults),
        cmocka_unit_test(everything_that_can_be_set),
        cmocka_unit_test(all_that_is_wrong_is_said_at_once),
        cmocka_unit_test(what_does_not_fit_is_said_with_the_rest),
        cmocka_unit_test(a_number_is_not_guessed_at),
        cmocka_unit_test(lengths_are_judged),
        cmocka_unit_test(blanks_that_no_token_can_have_are_said),
        cmocka_unit_test(the_pin_has_one_source_or_none),
        cmocka_unit_test(the_admin_socket_may_be_elsewhere),
        cmocka_unit_test(the_two_sockets_differ),
        cmocka_unit_test(a_socket_is_none_of_the_state_folders_files),
        cmocka_unit_test(null_is_no_value),
        cmocka_unit_test(what_is_no_configuration),
        cmocka_unit_test(the_example_is_good_but_for_its_user),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
