/* SPDX-License-Identifier: BSD-2-Clause
 * Errors, the clock, encodings, files and secrets: the small things that all stand on. */
#include "keyd/base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/encode.h"
#include "keyd/base/file.h"
#include "keyd/base/secret.h"
#include "tests/cmocka.h"

static char folder[] = "/tmp/keyd-base.XXXXXX";

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void errors_say_what_and_where(void **state)
{
    (void)state;
    struct keyd_error err;
    assert_int_equal(keyd_fail_errno(&err, ENOENT, "%s", "/a/b"), KEYD_NOT_FOUND);
    assert_string_equal(err.reason, "ENOENT");
    assert_string_equal(err.message, "/a/b: No such file or directory");
    assert_int_equal(keyd_wrap(&err, "token %s", "main"), KEYD_NOT_FOUND);
    assert_string_equal(err.message, "token main: /a/b: No such file or directory");
    assert_int_equal(keyd_fail(&err, KEYD_INTERNAL, err.reason, "again: %s", err.message),
                     KEYD_INTERNAL);
    assert_string_equal(err.reason, "ENOENT");
    assert_string_equal(err.message, "again: token main: /a/b: No such file or directory");
    assert_int_equal(keyd_fail(NULL, KEYD_UNAVAILABLE, "X", "y"), KEYD_UNAVAILABLE);
}

static void a_long_message_is_cut_at_a_character(void **state)
{
    (void)state;
    char text[KEYD_MESSAGE_MAX + 10];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    memcpy(text + KEYD_MESSAGE_MAX - 2, "\xc3\xa4", 2); /* half of it would fit */
    struct keyd_error err;
    keyd_fail(&err, KEYD_INTERNAL, NULL, "%s", text);
    assert_int_equal(strlen(err.message), KEYD_MESSAGE_MAX - 2);
    assert_int_equal(err.message[KEYD_MESSAGE_MAX - 3], 'a');
}

/* They go into protobuf strings and JSON, which take nothing else. */
static void a_message_is_utf8_whatever_went_into_it(void **state)
{
    (void)state;
    struct keyd_error err;
    keyd_fail(&err, KEYD_INTERNAL, NULL, "the token '%s'", "m\xfcller");
    assert_string_equal(err.message, "the token 'm?ller'");
    keyd_wrap(&err, "%s", "/etc/k\xe4se");
    assert_string_equal(err.message, "/etc/k?se: the token 'm?ller'");
    keyd_fail_errno(&err, ENOENT, "%s", "\xff");
    assert_string_equal(err.message, "?: No such file or directory");
}

static void time_is_rfc_3339_in_utc(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_MAX];
    int64_t ms;
    clock_format(1795509062412, text);
    assert_string_equal(text, "2026-11-24T08:31:02.412Z");
    assert_true(clock_parse(text, &ms));
    assert_int_equal(ms, 1795509062412);
    assert_true(clock_parse("2026-11-24T08:31:02Z", &ms));
    assert_int_equal(ms, 1795509062000);
    assert_false(clock_parse("2026-11-24T08:31:02", &ms));
    assert_false(clock_parse("2026-11-24T08:31:02.4Z", &ms));
    assert_false(clock_parse("yesterday", &ms));
    assert_true(clock_parse("2028-02-29T23:59:59Z", &ms));
    static const char *const never[] = {
        "2026-02-30T00:00:00Z", "2026-02-29T00:00:00Z",  "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",  "2026-04-31T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",  "2026-01-01T00:00:60Z",
        "2026-1-01T00:00:00Z",  " 2026-01-01T00:00:00Z", "2026-01-01 00:00:00Z",
        "+026-01-01T00:00:00Z", "2026-01-01T00:00:00",   "2026-01-01T00:00:00Zx",
        "2026-01-01T 0:00:00Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.+12Z",
        "20260-01-01T00:00:00Z"};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        if (clock_parse(never[i], &ms))
            fail_msg("read: %s", never[i]);
    }
}

static void encodings_go_both_ways(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        /* RFC 4648, 10 */
        {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
        {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char text[16];
        uint8_t data[16];
        size_t length = 99;
        base64_encode((const uint8_t *)pairs[i][0], strlen(pairs[i][0]), text);
        assert_string_equal(text, pairs[i][1]);
        assert_true(base64_decode(text, data, sizeof data, &length));
        assert_int_equal(length, strlen(pairs[i][0]));
        assert_memory_equal(data, pairs[i][0], length);
    }
    uint8_t data[3];
    size_t length;
    assert_true(base64_decode("Zm 9v\n", data, sizeof data, &length));
    assert_false(base64_decode("Zm9vYg==", data, sizeof data, &length)); /* does not fit */
    assert_false(base64_decode("Zm9", data, sizeof data, &length));
    assert_false(base64_decode("Zm9=", data, sizeof data, &length)); /* bits left over */
    assert_false(base64_decode("Z===", data, sizeof data, &length));
    assert_false(base64_decode("Zg==Zg==", data, sizeof data, &length));
    assert_true(hex_decode("00fFa0", data, 3));
    assert_memory_equal(data, "\x00\xff\xa0", 3);
    assert_false(hex_decode("00ff", data, 3));
    assert_false(hex_decode("00ffg0", data, 3));
}

static void a_file_is_replaced_whole(void **state)
{
    (void)state;
    struct keyd_error err;
    char *data;
    size_t size;
    const char *path = path_of("file");
    assert_int_equal(file_replace(path, "one", 3, 0640, &err), KEYD_OK);
    assert_int_equal(file_replace(path, "two!", 4, 0600, &err), KEYD_OK);
    assert_int_equal(file_read(path, 4, &data, &size, &err), KEYD_OK);
    assert_int_equal(size, 4);
    assert_string_equal(data, "two!");
    free(data);
    assert_int_equal(file_read(path, 3, &data, &size, &err), KEYD_INVALID_ARGUMENT);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    unlink(path);
    assert_int_equal(file_replace("/nonexistent/file", "x", 1, 0600, &err), KEYD_NOT_FOUND);
    assert_int_equal(file_make_folder(path_of("a/b"), 0700, &err), KEYD_OK);
    assert_int_equal(file_make_folder(path_of("a/b"), 0700, &err), KEYD_OK);
    rmdir(path_of("a/b"));
    rmdir(path_of("a"));
}

static void a_secret_comes_from_a_file_of_ones_own(void **state)
{
    (void)state;
    struct keyd_error err;
    struct keyd_secret *secret;
    const char *path = path_of("pin");
    assert_int_equal(file_replace(path, "1234\n", 5, 0600, &err), KEYD_OK);
    assert_int_equal(keyd_secret_read(path, 4, &secret, &err), KEYD_OK);
    assert_int_equal(secret->length, 4);
    assert_memory_equal(secret->data, "1234", 5);
    keyd_secret_free(secret);

    assert_int_equal(keyd_secret_read(path, 3, &secret, &err), KEYD_INVALID_ARGUMENT);
    assert_null(strstr(err.message, "1234"));
    chmod(path, 0640);
    assert_int_equal(keyd_secret_read(path, 4, &secret, &err), KEYD_FAILED_PRECONDITION);
    assert_string_equal(err.reason, "SECRET_FILE_MODE");
    assert_int_equal(file_replace(path, "\n", 1, 0600, &err), KEYD_OK);
    assert_int_equal(keyd_secret_read(path, 4, &secret, &err), KEYD_INVALID_ARGUMENT);
    unlink(path);
    assert_int_equal(keyd_secret_read(path, 4, &secret, &err), KEYD_NOT_FOUND);
    assert_int_equal(keyd_secret_read(folder, 4, &secret, &err), KEYD_FAILED_PRECONDITION);
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
        cmocka_unit_test(errors_say_what_and_where),
        cmocka_unit_test(a_long_message_is_cut_at_a_character),
        cmocka_unit_test(a_message_is_utf8_whatever_went_into_it),
        cmocka_unit_test(time_is_rfc_3339_in_utc),
        cmocka_unit_test(encodings_go_both_ways),
        cmocka_unit_test(a_file_is_replaced_whole),
        cmocka_unit_test(a_secret_comes_from_a_file_of_ones_own),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
