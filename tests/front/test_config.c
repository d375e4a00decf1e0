/* SPDX-License-Identifier: BSD-2-Clause
 * What an operator reads who mistyped keyd.conf: every error, each with file, line and field. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyd/base/file.h"
#include "keyd/front/config.h"
#include "tests/cmocka.h"

static char folder[] = "/tmp/keyd-config.XXXXXX";
static char path[64];
static struct config_faults faults;

#define HEAD  "socket: keyd.sock\ncatalog: c.sqlite\n" /* lines 1 and 2 */
#define ALLOW "allow:\n- uid: 7\n"                     /* 3 and 4 */
#define TOKEN "tokens:\n- name: main\n  socket: main.sock\n"

static enum keyd_status load(const char *text, struct config **config)
{
    assert_int_equal(file_replace(path, text, strlen(text), 0600, NULL), KEYD_OK);
    return config_load(path, config, &faults);
}

/* The whole list of complaints, each without the file's path. */
static void expect(const char *text, unsigned count, const char *const *messages)
{
    struct config *config;
    assert_int_equal(load(text, &config), KEYD_INVALID_ARGUMENT);
    for (unsigned i = 0; i < count && i < faults.count; i++) {
        assert_memory_equal(faults.list[i].message, path, strlen(path));
        assert_string_equal(faults.list[i].message + strlen(path), messages[i]);
    }
    assert_int_equal(faults.count, count);
}

#define EXPECT(text, ...)                                                                          \
    expect(text, sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *),                     \
           (const char *[]){__VA_ARGS__})

static void a_good_file(void **state)
{
    (void)state;
    struct config *config;
    char expected[80];
    assert_int_equal(load(HEAD "allow:\n- uid: 7\n- user: root\n" TOKEN
                               "- name: second\n  socket: /abs.sock\n  hsm_user: root\n"
                               "default_token: second\nlog_level: debug\ncalls_in_flight: 5\n",
                          &config),
                     KEYD_OK);
    snprintf(expected, sizeof expected, "%s/keyd.sock", folder);
    assert_string_equal(config->socket, expected);
    snprintf(expected, sizeof expected, "%s/main.sock", folder);
    assert_string_equal(config->tokens[0].socket, expected);
    assert_string_equal(config->tokens[1].socket, "/abs.sock");
    assert_int_equal(config->tokens[0].hsm_uid, POOL_ANY_UID);
    assert_int_equal(config->tokens[1].hsm_uid, 0);
    assert_int_equal(config->uid_count, 2);
    assert_int_equal(config->uids[1], 0);
    assert_int_equal(config->default_token, 1);
    assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(config->calls_in_flight, 5);
    config_free(config);
}

static void defaults(void **state)
{
    (void)state;
    struct config *config;
    assert_int_equal(load(HEAD ALLOW TOKEN, &config), KEYD_OK);
    assert_int_equal(config->default_token, 0);
    assert_int_equal(config->calls_in_flight, CONFIG_CALLS_IN_FLIGHT);
    assert_int_equal(config->log_level, LOG_LEVEL_INFO);
    config_free(config);
    assert_int_equal(load(HEAD ALLOW TOKEN "- name: b\n  socket: b.sock\n", &config), KEYD_OK);
    assert_int_equal(config->default_token, config->token_count);
    config_free(config);
}

static void all_that_is_missing(void **state)
{
    (void)state;
    EXPECT("log_level: info\n", ":1: socket: is missing: give the path of a socket",
           ":1: catalog: is missing: give the path of a file that keyd may write",
           ":1: allow: is missing or empty: nobody could use this keyd",
           ":1: tokens: is missing or empty: keyd needs a token to serve");
}

static void who_is_allowed(void **state)
{
    (void)state;
    EXPECT(HEAD "allow:\n- uid: 7\n- uid: 7\n- user: no-such-user\n- {}\n- uid: 4294967295\n" TOKEN,
           ":5: allow[1].uid: uid 7 is listed twice",
           ":6: allow[2].user: 'no-such-user': there is no such user on this host",
           ":7: allow[3]: give one of user: NAME and uid: NUMBER",
           ":8: allow[4].uid: is 4294967295; it must be 0 to 4294967294");
}

static void who_is_allowed_is_not_guessed_at(void **state)
{
    (void)state;
    EXPECT(HEAD "allow:\n- uid: 1000abc\n- uid: 0x10\n- uid: 1,5\n- uid: 1000:1000\n- uid: 010\n"
                "- uid: -1\n- user: 010\n- uid: \"0\\n\"\n- uid: 18446744073709551616\n" TOKEN,
           ":4: allow[0].uid: '1000abc' is no number: digits only, 0 to 4294967294",
           ":5: allow[1].uid: '0x10' is no number: digits only, 0 to 4294967294",
           ":6: allow[2].uid: '1,5' is no number: digits only, 0 to 4294967294",
           ":7: allow[3].uid: '1000:1000' is no number: digits only, 0 to 4294967294",
           ":8: allow[4].uid: '010' is no number: no zero in front, 0 to 4294967294",
           ":9: allow[5].uid: '-1' is no number: digits only, 0 to 4294967294",
           ":10: allow[6].user: '010': there is no such user on this host",
           ":11: allow[7].uid: '0?' is no number: digits only, 0 to 4294967294",
           ":12: allow[8].uid: is 18446744073709551616; it must be 0 to 4294967294");
}

static void what_does_not_fit_is_not_missing(void **state)
{
    (void)state;
    EXPECT("socket: ''\ncatalog:\nallow:\n- user: [root]\n- root\n- usr: root\n"
           "tokens:\n- main\n- {socket: {}, hsm_user: x y}\n- {name: [b]}\ndefault_token: b\n",
           ":1: socket: is empty", ":2: catalog: is empty",
           ":4: allow[0].user: is a list; one value is expected",
           ":5: allow[1]: is one value; fields are expected (NAME: VALUE)",
           ":6: allow[2].usr: there is no such field",
           ":8: tokens[0]: is one value; fields are expected (NAME: VALUE)",
           ":9: tokens[1].socket: is a mapping; one value is expected",
           ":10: tokens[2].name: is a list; one value is expected",
           ":6: allow[2]: give one of user: NAME and uid: NUMBER", ":9: tokens[1].name: is missing",
           ":9: tokens[1].hsm_user: 'x y': there is no such user on this host",
           ":10: tokens[2].socket: is missing: give the path of a socket");
    EXPECT("socket: s\ncatalog: c\nallow: root\ntokens: main\ndefault_token: main\n",
           ":3: allow: is one value; a list is expected",
           ":4: tokens: is one value; a list is expected");
    EXPECT(HEAD ALLOW TOKEN "socket: other\n", ":8: socket: is there twice, first in line 1");
}

static void which_tokens(void **state)
{
    (void)state;
    char again[160];
    snprintf(again, sizeof again,
             ":9: tokens[1].socket: %s/main.sock is the socket of tokens[0] already: one keyd-hsm "
             "serves one token",
             folder);
    EXPECT(HEAD ALLOW TOKEN "- name: main\n  socket: main.sock\n"
                            "- name: 'a b'\n  socket: c.sock\n  hsm_user: no-such-user\n"
                            "- name: d\ndefault_token: e\n",
           ":8: tokens[1].name: 'main' is the name of tokens[0] already", again,
           ":10: tokens[2].name: 'a b': a token's name is 1 to 63 of [A-Za-z0-9_-]",
           ":12: tokens[2].hsm_user: 'no-such-user': there is no such user on this host",
           ":13: tokens[3].socket: is missing: give the path of a socket",
           ":14: default_token: 'e' is none of `tokens`");
}

/* However they are spelt, and whether they are there or not. */
static void sockets_differ(void **state)
{
    (void)state;
    char twice[160], own[160];
    snprintf(
        twice, sizeof twice,
        ":9: tokens[1].socket: %s/./main.sock is the socket of tokens[0] already: one keyd-hsm "
        "serves one token",
        folder);
    snprintf(own, sizeof own, ":11: tokens[2].socket: %s/new/../keyd.sock is keyd's own socket",
             folder);
    EXPECT(HEAD ALLOW TOKEN "- name: b\n  socket: ./main.sock\n"
                            "- name: c\n  socket: new/../keyd.sock\n",
           twice, own);
}

static void a_socket_is_not_the_catalog(void **state)
{
    (void)state;
    char own[160], tokens[160];
    snprintf(own, sizeof own, ":2: catalog: %s/./c is what `socket` names: give each its own path",
             folder);
    snprintf(tokens, sizeof tokens,
             ":7: tokens[0].socket: %s/c is keyd's catalog, and no socket of a keyd-hsm", folder);
    EXPECT("socket: c\ncatalog: ./c\n" ALLOW TOKEN, own);
    EXPECT("socket: s\ncatalog: ./c\n" ALLOW "tokens:\n- name: main\n  socket: c\n", tokens);
}

#define NULL_IS_SAID                                                                               \
    ": is null, which is no value: give one, or leave the field out; a text that reads so "        \
    "stands in quotes"

static void null_is_no_value(void **state)
{
    (void)state;
    EXPECT("socket: ~\ncatalog: null\n" ALLOW TOKEN, ":1: socket" NULL_IS_SAID,
           ":2: catalog" NULL_IS_SAID);
}

static void numbers_and_words(void **state)
{
    (void)state;
    EXPECT(HEAD ALLOW TOKEN "log_level: loud\ncalls_in_flight: 0\n",
           ":8: log_level: 'loud': give error, warning, notice, info or debug",
           ":9: calls_in_flight: is 0; it must be 1 to 4096");
    EXPECT(HEAD ALLOW TOKEN "calls_in_flight: 10k\n",
           ":8: calls_in_flight: '10k' is no number: digits only, 1 to 4096");
}

static void what_is_no_field(void **state)
{
    (void)state;
    EXPECT(HEAD ALLOW TOKEN "sockets: x\n", ":8: sockets: there is no such field");
}

static void a_socket_path_at_its_limit(void **state)
{
    (void)state;
    char text[512], name[108];
    struct config *config;
    memset(name, 'x', sizeof name);
    name[0] = '/';
    name[107] = '\0';
    snprintf(text, sizeof text, "socket: %s\ncatalog: c\n" ALLOW TOKEN, name);
    assert_int_equal(load(text, &config), KEYD_OK);
    config_free(config);
    snprintf(text, sizeof text, "socket: %sx\ncatalog: c\n" ALLOW TOKEN, name);
    assert_int_equal(load(text, &config), KEYD_INVALID_ARGUMENT);
    assert_non_null(strstr(faults.list[0].message, ":1: socket: "));
}

static void more_than_64_are_too_many(void **state)
{
    (void)state;
    char text[4096] = HEAD "allow:\n";
    size_t used = strlen(text);
    for (int i = 0; i <= CONFIG_UIDS_MAX; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "- uid: %d\n", i);
    snprintf(text + used, sizeof text - used, TOKEN);
    EXPECT(text, ":3: allow: has 65 entries, at most 64 are possible");
}

static void a_file_that_is_not_there(void **state)
{
    (void)state;
    struct config *config;
    assert_int_equal(config_load("/nonexistent/keyd.conf", &config, &faults), KEYD_NOT_FOUND);
    assert_int_equal(faults.count, 1);
}

static int make_folder(void **state)
{
    (void)state;
    bool made = mkdtemp(folder) != NULL;
    snprintf(path, sizeof path, "%s/keyd.conf", folder);
    return made ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file),
        cmocka_unit_test(defaults),
        cmocka_unit_test(all_that_is_missing),
        cmocka_unit_test(who_is_allowed),
        cmocka_unit_test(who_is_allowed_is_not_guessed_at),
        cmocka_unit_test(what_does_not_fit_is_not_missing),
        cmocka_unit_test(which_tokens),
        cmocka_unit_test(sockets_differ),
        cmocka_unit_test(a_socket_is_not_the_catalog),
        cmocka_unit_test(null_is_no_value),
        cmocka_unit_test(numbers_and_words),
        cmocka_unit_test(what_is_no_field),
        cmocka_unit_test(a_socket_path_at_its_limit),
        cmocka_unit_test(more_than_64_are_too_many),
        cmocka_unit_test(a_file_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
