/* SPDX-License-Identifier: BSD-2-Clause
 * What a journal takes, what it mends and what it refuses; and the register as its replay. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/encode.h"
#include "keyd/base/file.h"
#include "keyd/hsm/ckr.h"
#include "keyd/hsm/journal.h"
#include "keyd/hsm/register.h"
#include "tests/cmocka.h"

/* The journal's fdatasync, in libc's place: counted, and failed on demand. */
static int syncs;
static int syncs_to_fail;
int fdatasync(int fd)
{
    syncs++;
    if (syncs_to_fail == 0)
        return fsync(fd);
    syncs_to_fail--;
    errno = EIO;
    return -1;
}

static char folder[64];
static char path[128];
static struct key_register *keys;
static struct journal *journal;
static struct keyd_error err;

static void open_again(void)
{
    journal_close(journal);
    register_free(keys);
    journal = NULL;
    keys = register_new();
    assert_non_null(keys);
}

static enum keyd_status try_open(void)
{
    open_again();
    return journal_open(path, register_apply, keys, &journal, &err);
}

static void must_open(void)
{
    if (try_open() != KEYD_OK)
        fail_msg("%s", err.message);
}

static int fresh(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/keyd-journal.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/journal", folder);
    must_open();
    assert_null(journal_token(journal));
    assert_int_equal(journal_begin(journal, "serial-1", &err), KEYD_OK);
    return 0;
}

static int away(void **state)
{
    (void)state;
    journal_close(journal);
    register_free(keys);
    journal = NULL;
    keys = NULL;
    unlink(path);
    return rmdir(folder);
}

static void take(const char *type, json_t *fields)
{
    json_t *record = NULL;
    assert_int_equal(journal_append(journal, type, fields, &record, &err), KEYD_OK);
    assert_int_equal(register_apply(keys, record, &err), KEYD_OK);
    json_decref(record);
}

static struct register_key begin(uint8_t first)
{
    struct register_key key = {.id = {{first}},
                               .spec = KEYD__V1__KEY_SPEC__ECC_NIST_P256,
                               .usage = KEYD__V1__KEY_USAGE__SIGN_VERIFY,
                               .creator = "uid:1",
                               .request_digest = {7, first}};
    take(RECORD_KEY_CREATING, register_creating(&key, "ca110000-0000-0000-0000-000000000000"));
    return key;
}

static void finish(const struct register_key *key)
{
    take(RECORD_KEY_CREATED, register_created(&key->id, (const uint8_t *)"spki", 4, false));
}

/* Not inlined: gcc 12 takes *data for dangling. */
__attribute__((noinline)) static char *text(size_t *size)
{
    char *data = NULL;
    assert_int_equal(file_read(path, 1 << 20, &data, size, &err), KEYD_OK);
    return data;
}

/* Replaces the file's content behind the journal's back. */
static void put(const char *data, size_t size)
{
    open_again();
    assert_int_equal(file_replace(path, data, size, 0600, &err), KEYD_OK);
}

static void expect_refusal(enum keyd_status status, const char *reason, const char *message)
{
    size_t size = 0;
    size_t after = 0;
    char *before = text(&size);
    assert_int_equal(try_open(), status);
    assert_string_equal(err.reason, reason);
    if (strstr(err.message, message) == NULL)
        fail_msg("'%s' lacks '%s'", err.message, message);
    char *now = text(&after);
    assert_int_equal(size, after);
    assert_memory_equal(before, now, size);
    free(before);
    free(now);
}

/* ---- The journal ----------------------------------------------------------------------------- */

static void every_record_is_chained_to_the_one_before(void **state)
{
    (void)state;
    struct register_key key = begin(1);
    finish(&key);
    size_t size = 0;
    char *data = text(&size);
    unsigned char hash[32] = {0};
    char expected[65];
    char *line = data;
    assert_int_equal(EVP_Digest(hash, 32, hash, NULL, EVP_sha256(), NULL), 1);
    for (int seq = 1; seq <= 3; seq++) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        json_t *record = json_loadb(line, (size_t)(end - line), 0, NULL);
        hex_encode(hash, 32, expected);
        assert_string_equal(json_string_value(json_object_get(record, "prev")), expected);
        assert_int_equal(json_integer_value(json_object_get(record, "seq")), seq);
        assert_int_equal(json_integer_value(json_object_get(record, "v")), 1);
        assert_string_equal(json_string_value(json_object_get(record, "token")), "serial-1");
        json_decref(record);
        assert_int_equal(EVP_Digest(line, (size_t)(end + 1 - line), hash, NULL, EVP_sha256(), NULL),
                         1);
        line = end + 1;
    }
    assert_int_equal(*line, '\0');
    free(data);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_record_counts_once_it_is_on_disk(void **state)
{
    (void)state;
    int before = syncs;
    begin(1);
    assert_int_equal(syncs, before + 1);

    size_t whole = 0;
    free(text(&whole));
    syncs_to_fail = 1;
    struct register_key key = {.id = {{2}}, .spec = KEYD__V1__KEY_SPEC__ECC_NIST_P256};
    enum keyd_status status =
        journal_append(journal, RECORD_KEY_CREATING, register_creating(&key, "-"), NULL, &err);
    assert_int_equal(syncs_to_fail, 0);
    assert_int_not_equal(status, KEYD_OK);
    size_t now = 0;
    free(text(&now));
    assert_int_equal(now, whole);
}

static void a_torn_last_line_is_cut_off_and_the_chain_goes_on(void **state)
{
    (void)state;
    struct register_key key = begin(1);
    size_t whole = 0;
    free(text(&whole));
    finish(&key);
    size_t size = 0;
    char *data = text(&size);
    for (size_t cut = whole + 1; cut < size; cut += 23) {
        put(data, cut);
        must_open();
        assert_int_equal(register_count(keys, REGISTER_CREATED), 0);
        assert_int_equal(register_count(keys, REGISTER_CREATING), 1);
        size_t now = 0;
        free(text(&now));
        assert_int_equal(now, whole);
        finish(&key);
        must_open();
        assert_int_equal(register_count(keys, REGISTER_CREATED), 1);
    }
    free(data);
}

static void any_other_break_is_refused_and_the_file_left(void **state)
{
    (void)state;
    struct register_key key = begin(1);
    finish(&key);
    begin(2);
    size_t size = 0;
    char *data = text(&size);
    char *second = strchr(data, '\n') + 1;
    char *third = strchr(second, '\n') + 1;
    char saved = second[40];

    second[40] = (char)(saved ^ 1); /* somewhere in a value or a name */
    put(data, size);
    assert_int_equal(try_open(), KEYD_DATA_LOSS);
    second[40] = saved;

    char *creator = strstr(second, "uid:1"); /* still a fine record, but not the one of the chain */
    creator[4] = '2';
    put(data, size);
    expect_refusal(KEYD_DATA_LOSS, REASON_JOURNAL_BROKEN, "journal:3: the chain is broken");
    creator[4] = '1';

    memmove(second, third, size - (size_t)(third - data)); /* one record taken out */
    put(data, size - (size_t)(third - second));
    expect_refusal(KEYD_DATA_LOSS, REASON_JOURNAL_BROKEN, "journal:2: the record's number");
    free(data);

    put("no journal\n", 11);
    expect_refusal(KEYD_DATA_LOSS, REASON_JOURNAL_BROKEN, "journal:1: the line is no record");
    assert_non_null(strstr(err.message, "Put back the last good copy"));
}

/* A second record with a good chain, whatever else it says; more: fields, each with a comma before.
 */
static void append_by_hand(int version, const char *type, const char *more, const char *serial)
{
    size_t size = 0;
    char *data = text(&size);
    char line[512];
    char hash[65];
    unsigned char bytes[32];
    assert_int_equal(EVP_Digest(data, size, bytes, NULL, EVP_sha256(), NULL), 1);
    hex_encode(bytes, 32, hash);
    snprintf(line, sizeof line,
             "{\"v\":%d,\"seq\":2,\"time\":\"2026-01-01T00:00:00Z\",\"prev\":\"%s\","
             "\"token\":\"%s\",\"type\":\"%s\"%s}\n",
             version, hash, serial, type, more);
    char *joined = malloc(size + sizeof line);
    assert_non_null(joined);
    memcpy(joined, data, size);
    memcpy(joined + size, line, strlen(line));
    put(joined, size + strlen(line));
    free(joined);
    free(data);
}

static void a_newer_version_is_refused(void **state)
{
    (void)state;
    append_by_hand(2, "key.creating", "", "serial-1");
    expect_refusal(KEYD_FAILED_PRECONDITION, REASON_JOURNAL_NEWER, "from a newer version");
}

static void an_unknown_type_is_refused(void **state)
{
    (void)state;
    append_by_hand(1, "key.sold", "", "serial-1");
    expect_refusal(KEYD_FAILED_PRECONDITION, REASON_JOURNAL_NEWER, "record type 'key.sold'");
}

static void another_tokens_record_is_refused(void **state)
{
    (void)state;
    append_by_hand(1, "key.creating", "", "serial-2");
    expect_refusal(KEYD_DATA_LOSS, REASON_JOURNAL_BROKEN, "about another token (serial-2");
}

static void unknown_fields_are_left_alone(void **state)
{
    (void)state;
    append_by_hand(1, "key.creating",
                   ",\"key\":\"01000000-0000-0000-0000-000000000000\","
                   "\"spec\":\"ECC_NIST_P256\",\"usage\":\"SIGN_VERIFY\","
                   "\"creator\":\"uid:1\",\"colour\":\"blue\",\"request_digest\":"
                   "\"0700000000000000000000000000000000000000000000000000000000000000\"",
                   "serial-1");
    must_open();
    assert_int_equal(register_count(keys, REGISTER_CREATING), 1);
    struct register_key key = {.id = {{1}}};
    finish(&key);
    must_open();
    assert_int_equal(register_count(keys, REGISTER_CREATED), 1);
    assert_string_equal(journal_token(journal), "serial-1");
}

static void one_process_holds_it(void **state)
{
    (void)state;
    struct journal *second = NULL;
    assert_int_equal(journal_open(path, register_apply, keys, &second, &err),
                     KEYD_FAILED_PRECONDITION);
    assert_string_equal(err.reason, REASON_JOURNAL_LOCKED);
}

static void a_full_disk_takes_nothing_and_harms_nothing(void **state)
{
    (void)state;
    struct register_key key = begin(1);
    size_t size = 0;
    free(text(&size));
    struct rlimit was;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t room = 0; room < 200; room += 50) { /* nothing, or a part, can be written */
        struct rlimit full = {.rlim_cur = size + room, .rlim_max = was.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
        json_t *record = NULL;
        enum keyd_status status = journal_append(
            journal, RECORD_KEY_CREATED,
            register_created(&key.id, (const uint8_t *)"spki", 4, false), &record, &err);
        setrlimit(RLIMIT_FSIZE, &was);
        assert_int_equal(status, KEYD_RESOURCE_EXHAUSTED);
        assert_string_equal(err.reason, "JOURNAL_FULL");
        assert_null(record);
        size_t now = 0;
        free(text(&now));
        assert_int_equal(now, size);
    }
    finish(&key);
    must_open();
    assert_int_equal(register_count(keys, REGISTER_CREATED), 1);
}

static void what_others_do_to_an_open_journal_is_noticed(void **state)
{
    (void)state;
    size_t size = 0;
    char moved[160];
    struct register_key key = begin(1);
    json_t *fields = register_created(&key.id, (const uint8_t *)"spki", 4, false);
    snprintf(moved, sizeof moved, "%s.moved", path);
    for (int way = 0; way < 3; way++) {
        char *data = text(&size);
        if (way == 0) { /* restored from a backup, as a file of its own */
            assert_int_equal(file_replace(path, data, size, 0600, &err), KEYD_OK);
        } else if (way == 1) {
            assert_int_equal(rename(path, moved), 0);
        } else {
            FILE *file = fopen(path, "a");
            assert_non_null(file);
            fputs("a remark\n", file);
            fclose(file);
        }
        assert_int_equal(
            journal_append(journal, RECORD_KEY_CREATED, json_incref(fields), NULL, &err),
            KEYD_DATA_LOSS);
        assert_string_equal(err.reason, REASON_JOURNAL_TOUCHED);
        if (way == 1)
            assert_int_equal(rename(moved, path), 0);
        if (way == 2)
            assert_int_equal(truncate(path, (off_t)size), 0);
        free(data);
        must_open();
        assert_int_equal(register_count(keys, REGISTER_CREATING), 1);
    }
    json_decref(fields);
    finish(&key);
}

/* ---- The register ---------------------------------------------------------------------------- */

static void a_replay_gives_the_same_register(void **state)
{
    (void)state;
    struct keyd_error why;
    keyd_fail(&why, KEYD_FAILED_PRECONDITION, REASON_ALWAYS_AUTHENTICATE, "why not");
    clock_fix(1700000000123);
    struct register_key first = begin(9);
    finish(&first);
    struct register_key second = begin(3);
    finish(&second);
    begin(5);
    struct register_key spent = begin(4);
    take(RECORD_KEY_ABANDONED, register_abandoned(&spent.id, &why));
    clock_fix(-1);
    must_open();
    assert_true(register_always_authenticate(keys));

    struct register_key key;
    assert_true(register_find(keys, &first.id, &key));
    assert_int_equal(key.state, REGISTER_CREATED);
    assert_int_equal(key.spec, KEYD__V1__KEY_SPEC__ECC_NIST_P256);
    assert_int_equal(key.usage, KEYD__V1__KEY_USAGE__SIGN_VERIFY);
    assert_int_equal(key.creation_time, 1700000000123);
    assert_string_equal(key.creator, "uid:1");
    assert_memory_equal(key.request_digest, first.request_digest, REQUEST_DIGEST_SIZE);
    assert_int_equal(key.public_key_size, 4);
    assert_memory_equal(key.public_key, "spki", 4);
    assert_null(key.unusable);
    assert_true(register_find(keys, &spent.id, &key));
    assert_int_equal(key.state, REGISTER_ABANDONED);
    struct keyid unknown = {{77}};
    assert_false(register_find(keys, &unknown, &key));

    assert_true(register_next(keys, NULL, REGISTER_CREATED, &key));
    assert_int_equal(key.id.bytes[0], 3);
    assert_true(register_next(keys, &key.id, REGISTER_CREATED, &key));
    assert_int_equal(key.id.bytes[0], 9);
    assert_false(register_next(keys, &key.id, REGISTER_CREATED, &key));
    assert_true(register_next(keys, NULL, REGISTER_CREATING, &key));
    assert_int_equal(key.id.bytes[0], 5);
}

static void handles_and_unusable_keys_are_kept(void **state)
{
    (void)state;
    struct register_key key = begin(1);
    finish(&key);
    register_set_handle(keys, &key.id, 42);
    assert_true(register_find(keys, &key.id, &key));
    assert_int_equal(key.handle, 42);
    register_set_unusable(keys, &key.id, "the token has it no more");
    assert_true(register_find(keys, &key.id, &key));
    assert_string_equal(key.unusable, "the token has it no more");
    assert_int_equal(key.handle, 0);
}

static void what_cannot_follow_is_refused(void **state)
{
    (void)state;
    struct register_key key = begin(1);
    json_t *record = NULL;
    assert_int_equal(journal_append(journal, RECORD_KEY_CREATING, register_creating(&key, "call"),
                                    &record, &err),
                     KEYD_OK);
    assert_int_equal(register_apply(keys, record, &err), KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "created a second time"));
    json_decref(record);
    expect_refusal(KEYD_DATA_LOSS, REASON_JOURNAL_BROKEN, "journal:3: the key 01000000-");
}

static void many_keys_in_any_order(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    for (unsigned i = 0; i < MANY; i++) {
        char line[600];
        char id[KEYID_TEXT];
        struct keyid scattered = {{0}};
        uint32_t value = i * 2654435761u;
        memcpy(scattered.bytes, &value, sizeof value);
        keyid_format(&scattered, id);
        snprintf(line, sizeof line,
                 "{\"type\":\"key.creating\",\"key\":\"%s\",\"spec\":\"ECC_NIST_P256\","
                 "\"usage\":\"SIGN_VERIFY\",\"creator\":\"\",\"time\":\"2026-01-01T00:00:00Z\","
                 "\"request_digest\":\"%064d\"}",
                 id, 0);
        json_t *record = json_loads(line, 0, NULL);
        assert_int_equal(register_apply(keys, record, &err), KEYD_OK);
        json_decref(record);
    }
    struct register_key key;
    struct keyid last = {{0}};
    unsigned n = 0;
    for (bool more = register_next(keys, NULL, REGISTER_CREATING, &key); more;
         more = register_next(keys, &last, REGISTER_CREATING, &key)) {
        assert_true(n == 0 || keyid_compare(&last, &key.id) < 0);
        last = key.id;
        n++;
    }
    assert_int_equal(n, MANY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, away)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_record_is_chained_to_the_one_before),
        TEST(a_record_counts_once_it_is_on_disk),
        TEST(a_torn_last_line_is_cut_off_and_the_chain_goes_on),
        TEST(any_other_break_is_refused_and_the_file_left),
        TEST(a_newer_version_is_refused),
        TEST(an_unknown_type_is_refused),
        TEST(another_tokens_record_is_refused),
        TEST(unknown_fields_are_left_alone),
        TEST(one_process_holds_it),
        TEST(a_full_disk_takes_nothing_and_harms_nothing),
        TEST(what_others_do_to_an_open_journal_is_noticed),
        TEST(a_replay_gives_the_same_register),
        TEST(handles_and_unusable_keys_are_kept),
        TEST(what_cannot_follow_is_refused),
        TEST(many_keys_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
