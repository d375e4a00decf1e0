/* SPDX-License-Identifier: BSD-2-Clause
 * TSIG: keys from files, and MACs that dnspython 2.3.0 made with the same key and times. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/dns/message.h"
#include "client/dns/rrtype.h"
#include "client/dns/tsig.h"
#include "keyd/base/encode.h"
#include "tests/cmocka.h"
#include "tests/dnssec/lab.h"

#define TYPE_AXFR 252
#define NOW       1700000000
#define SECRET    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" /* the bytes 0 to 31 */
#define ID        0x1234

/* ---- Keys ----------------------------------------------------------------------------------- */

static const char *key_file(const char *text)
{
    const char *path = lab_file("key", text);
    assert_int_equal(chmod(path, 0600), 0);
    return path;
}

static struct tsig_key key_of(const char *algorithm)
{
    char text[256];
    struct tsig_key key;
    struct keyd_error err;
    snprintf(text, sizeof text, "key \"Key.example\" {\n\talgorithm %s;\n\tsecret \"%s\";\n};\n",
             algorithm, SECRET);
    assert_int_equal(tsig_key_read(key_file(text), &key, &err), KEYD_OK);
    return key;
}

static void reads_a_key(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "key \"Key.Example\" {\n\talgorithm hmac-sha256;\n\tsecret \"" SECRET "\";\n};\n",
        "# a word\n// two\n/* three\n */ key key.example. { secret " SECRET
        "; algorithm \"HMAC-SHA256.\"; }; # the end",
        "key key.example{algorithm hmac-sha256;secret \"AAEC "
        "AwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
        "\";};",
    };
    struct dname name = lab_name("key.example");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct tsig_key key;
        struct keyd_error err;
        assert_int_equal(tsig_key_read(key_file(texts[i]), &key, &err), KEYD_OK);
        assert_memory_equal(key.name.wire, name.wire, name.length);
        assert_string_equal(key.algorithm->name, "hmac-sha256");
        assert_int_equal(key.secret->length, 32);
        assert_int_equal(key.secret->data[31], 31);
        tsig_key_free(&key);
        assert_null(key.secret);
    }
}

static void refuses_what_is_no_key(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *why;
    } rows[] = {
        {"key a { algorithm hmac-md5; secret \"AAEC\"; };",
         ":1: algorithm hmac-md5 is not used here"},
        {"key a { algorithm hmac-sha1; secret \"AAEC\"; };", ":1: algorithm hmac-sha1 is not used"},
        {"key a {\n algorithm hmac-sha256-128; secret \"AAEC\"; };",
         ":2: algorithm hmac-sha256-128"},
        {"key a { algorithm hmac-sha256; };", "the key has no secret"},
        {"key a { secret \"AAEC\"; };", "the key has no algorithm"},
        {"key a { algorithm hmac-sha256; secret \"AA*C\"; };", "the secret is no base64"},
        {"key a { algorithm hmac-sha256; secret \"\"; };", "the secret is missing"},
        {"key a { algorithm hmac-sha256; secret \"AAEC; };", "the secret is missing, or its quote"},
        {"key a { algorithm hmac-sha256; secret \"AAEC\"; secret \"AAEC\"; };", "a second secret"},
        {"key a { algorithm hmac-sha256; secret \"AAEC\"; }", "';' was expected"},
        {"key a { algorithm hmac-sha256; secret \"AAEC\";", "or '}' was expected here"},
        {"key a { algorithm hmac-sha256; secret \"AAEC\"; \"\n; };", "a quote is not closed"},
        {"key a { algorithm hmac-sha256 secret \"AAEC\"; };", "';' was expected"},
        {"key a..b { algorithm hmac-sha256; secret \"AAEC\"; };", "no name: an empty label"},
        {"key a { algorithm hmac-sha256; secret \"AAEC\"; };\n\nkey b {};",
         ":3: there is more than"},
        {"AAECAwQF", ":1: 'key' was expected here"},
        {"/* key a", "'key' was expected here"},
        {"# key a", "'key' was expected here"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tsig_key key;
        struct keyd_error err;
        assert_int_equal(tsig_key_read(key_file(rows[i].text), &key, &err), KEYD_INVALID_ARGUMENT);
        if (strstr(err.message, rows[i].why) == NULL)
            fail_msg("no '%s' in: %s", rows[i].why, err.message);
        assert_null(strstr(err.message, "AAEC"));
    }
}

static void refuses_a_file_that_others_read(void **state)
{
    (void)state;
    struct tsig_key key;
    struct keyd_error err;
    const char *path = key_file("key a { algorithm hmac-sha256; secret \"AAEC\"; };");
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(tsig_key_read(path, &key, &err), KEYD_FAILED_PRECONDITION);
    assert_string_equal(err.reason, "SECRET_FILE_MODE");
}

/* ---- MACs ----------------------------------------------------------------------------------- */

#define QUESTION "076578616d706c65036f72670000fc0001"
#define TSIG_OF  "036b6579076578616d706c650000fa00ff00000000"

static size_t unhex(const char *hex, uint8_t *data)
{
    size_t length = strlen(hex) / 2;
    assert_true(hex_decode(hex, data, length));
    return length;
}

static void ask(struct tsig *tsig, struct bytes *query)
{
    struct keyd_error err;
    struct dname zone = lab_name("example.org");
    message_ask(query, ID, zone.wire, TYPE_AXFR);
    assert_int_equal(tsig_sign(tsig, query, NOW, &err), KEYD_OK);
}

static void signs_a_question(void **state)
{
    (void)state;
    static const struct {
        const char *algorithm;
        const char *wire;
    } rows[] = {
        {"hmac-sha224", "123400000001000000000001" QUESTION TSIG_OF
                        "00390b686d61632d7368613232340000006553f100012c"
                        "001ccdb73e5e2a68f357ac98683315af6518d3336b4105f554ad64a908ea123400000000"},
        {"hmac-sha256",
         "123400000001000000000001" QUESTION TSIG_OF
         "003d0b686d61632d7368613235360000006553f100012c"
         "00200c69f20f2958b7773d98415acfff740be1bea15e4a649e903b2a665a6794689c123400000000"},
        {"hmac-sha384", "123400000001000000000001" QUESTION TSIG_OF
                        "004d0b686d61632d7368613338340000006553f100012c"
                        "00301f3b87ecd75a854b8a4464c88b530f637d0bd8574a481a59e17ad302ddd1ac254c5881"
                        "2b286fe1cb116579e6"
                        "aa0e94b9123400000000"},
        {"hmac-sha512", "123400000001000000000001" QUESTION TSIG_OF
                        "005d0b686d61632d7368613531320000006553f100012c"
                        "0040e69dc82194987466bc599fa285679f72ee826bc0fe9e78569ba984e8db0f7cdffd2471"
                        "41aab0ed109235b422"
                        "a20ab259501c2aa897b5977f5c63c216e3f63437123400000000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t expected[512];
        struct bytes query = {0};
        struct tsig_key key = key_of(rows[i].algorithm);
        struct tsig *tsig = tsig_new(&key);
        ask(tsig, &query);
        assert_int_equal(query.length, unhex(rows[i].wire, expected));
        assert_memory_equal(query.data, expected, query.length);
        bytes_free(&query);
        tsig_free(tsig);
        tsig_key_free(&key);
    }
}

/* The answer to that question with hmac-sha256: an SOA, an NS without TSIG, the SOA again. */
#define SOA                                                                                        \
    "c00c0006000100000e10001e036e7331c00c0168c00c0000000700000002000000030000000400000005" TSIG_OF
static const char first_hex[] =
    "123484000001000100000001" QUESTION SOA "003d0b686d61632d7368613235360000006553f101012c00200df9"
    "bf4390f704f5eb8d3c8d8f40cb8b36366432c9724178e693727e4ba8e52f123400000000";
static const char middle_hex[] =
    "123484000001000100000000" QUESTION "c00c0002000100000e100006036e7331c00c";
static const char last_hex[] =
    "123484000001000100000001" QUESTION SOA "003d0b686d61632d7368613235360000006553f102012c002073bd"
    "76217b6b52faf1664bb37334cea76eee64bbd724ed56823ff878d9fde108123400000000";

/* Behind a question that was asked, so that an answer can be judged. */
struct asked {
    struct tsig_key key;
    struct tsig *tsig;
    struct bytes query;
};

static void begin(struct asked *it)
{
    *it = (struct asked){.key = key_of("hmac-sha256")};
    it->tsig = tsig_new(&it->key);
    assert_non_null(it->tsig);
    ask(it->tsig, &it->query);
}

static void forget(struct asked *it)
{
    tsig_free(it->tsig);
    tsig_key_free(&it->key);
    bytes_free(&it->query);
}

/* flip: a byte to change; -1: none. */
static enum keyd_status judge(struct asked *it, const char *hex, int flip, int64_t now,
                              struct keyd_error *err)
{
    uint8_t data[512];
    size_t length = unhex(hex, data);
    if (flip >= 0)
        data[flip] ^= 0x01;
    return tsig_check(it->tsig, data, length, now, err);
}

static void takes_an_answer_of_three(void **state)
{
    (void)state;
    struct keyd_error err;
    struct asked it;
    begin(&it);
    assert_false(tsig_is_settled(it.tsig));
    assert_int_equal(judge(&it, first_hex, -1, NOW, &err), KEYD_OK);
    assert_true(tsig_is_settled(it.tsig));
    assert_int_equal(judge(&it, middle_hex, -1, NOW, &err), KEYD_OK);
    assert_false(tsig_is_settled(it.tsig));
    assert_int_equal(judge(&it, last_hex, -1, NOW, &err), KEYD_OK);
    assert_true(tsig_is_settled(it.tsig));
    forget(&it);
}

static void sees_every_changed_byte(void **state)
{
    (void)state;
    for (int flip = 0; flip < (int)strlen(first_hex) / 2; flip++) {
        struct asked it;
        begin(&it);
        assert_int_equal(judge(&it, first_hex, flip, NOW, NULL),
                         flip < 2 ? KEYD_OK : KEYD_UNAUTHENTICATED);
        forget(&it);
    }
    for (int flip = 12; flip < (int)strlen(middle_hex) / 2; flip++) {
        struct asked it;
        begin(&it);
        assert_int_equal(judge(&it, first_hex, -1, NOW, NULL), KEYD_OK);
        enum keyd_status status = judge(&it, middle_hex, flip, NOW, NULL);
        if (status == KEYD_OK)
            status = judge(&it, last_hex, -1, NOW, NULL);
        assert_int_equal(status, KEYD_UNAUTHENTICATED);
        forget(&it);
    }
}

static void wants_the_time_to_be_now(void **state)
{
    (void)state;
    struct keyd_error err;
    struct asked it;
    begin(&it);
    assert_int_equal(judge(&it, first_hex, -1, NOW + 1 + TSIG_FUDGE, &err), KEYD_OK);
    forget(&it);
    begin(&it);
    assert_int_equal(judge(&it, first_hex, -1, NOW + 2 + TSIG_FUDGE, &err), KEYD_UNAUTHENTICATED);
    assert_non_null(strstr(err.message, "301 seconds from this host's time"));
    assert_int_equal(judge(&it, first_hex, -1, NOW - TSIG_FUDGE, &err), KEYD_UNAUTHENTICATED);
    forget(&it);
}

static void wants_the_order_kept_and_nothing_left_out(void **state)
{
    (void)state;
    struct keyd_error err;
    struct asked it;
    begin(&it);
    assert_int_equal(judge(&it, middle_hex, -1, NOW, &err), KEYD_UNAUTHENTICATED);
    assert_non_null(strstr(err.message, "the answer is not signed"));
    assert_int_equal(judge(&it, first_hex, -1, NOW, &err), KEYD_OK);
    assert_int_equal(judge(&it, last_hex, -1, NOW, &err), KEYD_UNAUTHENTICATED);
    forget(&it);
    begin(&it);
    assert_int_equal(judge(&it, last_hex, -1, NOW, &err), KEYD_UNAUTHENTICATED);
    forget(&it);
}

static void takes_99_unsigned_and_no_more(void **state)
{
    (void)state;
    struct keyd_error err;
    struct asked it;
    begin(&it);
    assert_int_equal(judge(&it, first_hex, -1, NOW, &err), KEYD_OK);
    for (int i = 0; i < TSIG_UNSIGNED_MAX; i++)
        assert_int_equal(judge(&it, middle_hex, -1, NOW, &err), KEYD_OK);
    assert_int_equal(judge(&it, middle_hex, -1, NOW, &err), KEYD_UNAUTHENTICATED);
    assert_non_null(strstr(err.message, "100 messages"));
    forget(&it);
}

/* The last ten bytes of the MAC cut off, and the lengths put right: RFC 8945, 5.2.2.1 would let it
 * pass. */
static void takes_no_truncated_mac(void **state)
{
    (void)state;
    struct keyd_error err;
    uint8_t data[512];
    struct asked it;
    begin(&it);
    size_t length = unhex(first_hex, data);
    memmove(data + length - 16, data + length - 6, 6);
    length -= 10;
    data[length - 6 - 22 - 1] = 22;
    data[length - 6 - 22 - 2 - 8 - 13 - 1] -= 10;
    assert_int_equal(tsig_check(it.tsig, data, length, NOW, &err), KEYD_UNAUTHENTICATED);
    assert_non_null(strstr(err.message, "a MAC of 22 bytes, not of 32"));
    forget(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_key),
        cmocka_unit_test(refuses_what_is_no_key),
        cmocka_unit_test(refuses_a_file_that_others_read),
        cmocka_unit_test(signs_a_question),
        cmocka_unit_test(takes_an_answer_of_three),
        cmocka_unit_test(sees_every_changed_byte),
        cmocka_unit_test(wants_the_time_to_be_now),
        cmocka_unit_test(wants_the_order_kept_and_nothing_left_out),
        cmocka_unit_test(takes_99_unsigned_and_no_more),
        cmocka_unit_test(takes_no_truncated_mac),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
