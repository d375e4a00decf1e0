/* SPDX-License-Identifier: BSD-2-Clause
 * Signatures that are kept: what was kept is found, and nothing that is not exactly that. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/dnssec/sigpage.h"
#include "keyd/base/file.h"
#include "tests/cmocka.h"
#include "tests/dnssec/keys.h"
#include "tests/dnssec/lab.h"

#define NAMES  12 /* in chunks of FOUR */
#define FOUR   4
#define BEGUN  1000
#define ENDING 9000

static const struct sigpage_times times = {.begun = BEGUN, .least = 5000};

struct books {
    struct keys *keys; /* both sign here: two ZSKs, of algorithms 13 and 15 */
    struct sigcache_seal *seal;
    char path[256];
};

static struct sigcache_seal *seal_of(const char *zone, const struct keys *keys, size_t first,
                                     size_t count)
{
    struct sigcache_seal *seal = NULL;
    struct dname name = lab_name(zone);
    assert_int_equal(sigcache_seal_new(name.wire, keys->dnskeys + first, keys->pkeys + first, count,
                                       &seal, NULL),
                     KEYD_OK);
    return seal;
}

/* The i-th set, as the ZSK signs it: keys are "b", "d", "f" ... */
static struct sigpage_set set_of(size_t i, size_t zsk)
{
    static uint8_t owner_keys[26][2];
    struct sigpage_set set = {
        .owner_key = owner_keys[i], .key_length = 2, .zsk = zsk, .latest = ENDING};
    owner_keys[i][0] = (uint8_t)('b' + 2 * i);
    memset(set.hash, (int)(16 * i + zsk), sizeof set.hash);
    return set;
}

static struct sigpage_signature signature_of(size_t i, size_t zsk)
{
    static uint8_t bytes[64];
    memset(bytes, (int)(100 + 2 * i + zsk), sizeof bytes);
    return (struct sigpage_signature){BEGUN, ENDING, bytes};
}

static void add_chunk(struct sigpage *page, struct sigcache_writer *writer)
{
    struct bytes out = {0};
    bytes_add(&out, "text", 4);
    assert_int_equal(sigpage_take(page, &out, NULL), KEYD_OK);
    assert_int_equal(sigpage_write(writer, out.data, out.length), 4);
    bytes_free(&out);
}

static struct sigpage *page_of(const struct sigcache_seal *seal, struct sigcache *cache)
{
    struct sigpage *page = NULL;
    assert_int_equal(sigpage_new(seal, cache, &times, &page, NULL), KEYD_OK);
    return page;
}

static struct sigcache_writer *begin_file(const struct books *books)
{
    struct sigcache_writer *writer = NULL;
    struct sigpage *page = page_of(books->seal, NULL);
    assert_int_equal(sigcache_begin(books->path, books->seal, &writer, NULL), KEYD_OK);
    for (size_t i = 0; i < NAMES; i++) {
        for (size_t zsk = 0; zsk < 2; zsk++) {
            struct sigpage_set set = set_of(i, zsk);
            struct sigpage_signature signature = signature_of(i, zsk);
            sigpage_keep(page, &set, &signature);
        }
        if (i % FOUR == FOUR - 1)
            add_chunk(page, writer);
    }
    add_chunk(page, writer); /* an empty one, as of a part without signatures */
    sigpage_free(page);
    return writer;
}

static struct books open_books(void)
{
    struct books books = {.keys = make_keys_of(13, 15)};
    snprintf(books.path, sizeof books.path, "%s", lab_path("signatures"));
    books.seal = seal_of("example.org", books.keys, 0, 2);
    assert_int_equal(sigcache_commit(begin_file(&books), NULL), KEYD_OK);
    return books;
}

static void close_books(struct books *books)
{
    unlink(books->path);
    sigcache_seal_free(books->seal);
    free_keys(books->keys);
}

/* How many of all signatures are found; each that is must be the right one. */
static size_t count_found(const struct books *books, struct sigcache *cache)
{
    size_t count = 0;
    struct sigpage *page = page_of(books->seal, cache);
    for (size_t i = 0; i < NAMES; i++) {
        for (size_t zsk = 0; zsk < 2; zsk++) {
            struct sigpage_set set = set_of(i, zsk);
            struct sigpage_signature found = {0};
            struct sigpage_signature wanted = signature_of(i, zsk);
            if (!sigpage_find(page, &set, &found))
                continue;
            assert_memory_equal(found.bytes, wanted.bytes, 64);
            assert_int_equal(found.inception, BEGUN);
            assert_int_equal(found.expiration, ENDING);
            count++;
        }
    }
    sigpage_free(page);
    return count;
}

static enum keyd_status open_with(const char *path, const struct sigcache_seal *seal,
                                  struct sigcache **cache, struct keyd_error *err)
{
    *cache = NULL;
    *err = (struct keyd_error){.message = "it opened"};
    return sigcache_open(path, seal, cache, err);
}

static void finds_what_was_kept(void **state)
{
    (void)state;
    struct books books = open_books();
    struct sigcache *cache;
    struct keyd_error err;
    struct stat st;
    assert_int_equal(open_with(books.path, books.seal, &cache, &err), KEYD_OK);
    assert_int_equal(count_found(&books, cache), 2 * NAMES);
    assert_false(sigcache_damaged(cache));
    assert_int_equal(stat(books.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    sigcache_close(cache);
    close_books(&books);
}

/* Not only in the order in which they were kept. */
static void finds_in_any_order(void **state)
{
    (void)state;
    struct books books = open_books();
    struct sigcache *cache;
    struct keyd_error err;
    struct sigpage_signature found;
    assert_int_equal(open_with(books.path, books.seal, &cache, &err), KEYD_OK);
    struct sigpage *page = page_of(books.seal, cache);
    for (size_t i = 0; i < 5 * NAMES; i++) {
        size_t zsk = i % 2;
        struct sigpage_set set = set_of(7 * i % NAMES, zsk);
        assert_true(sigpage_find(page, &set, &found));
        assert_memory_equal(found.bytes, signature_of(7 * i % NAMES, zsk).bytes, 64);
    }
    sigpage_free(page);
    sigcache_close(cache);
    close_books(&books);
}

static void finds_nothing_else(void **state)
{
    (void)state;
    struct books books = open_books();
    struct sigcache *cache;
    struct keyd_error err;
    struct sigpage_signature found = {.inception = 77};
    assert_int_equal(open_with(books.path, books.seal, &cache, &err), KEYD_OK);
    struct sigpage *page = page_of(books.seal, cache);
    struct sigpage_set set = set_of(5, 0);
    set.hash[SIGCACHE_HASH - 1] ^= 1; /* other content */
    assert_false(sigpage_find(page, &set, &found));
    set = set_of(5, 0);
    set.zsk = 1; /* by another key */
    assert_false(sigpage_find(page, &set, &found));
    set = set_of(5, 0);
    set.owner_key = (const uint8_t *)"a"; /* in front of all */
    set.key_length = 1;
    assert_false(sigpage_find(page, &set, &found));
    set.owner_key = (const uint8_t *)"zz"; /* behind all: the last chunk */
    set.key_length = 2;
    assert_false(sigpage_find(page, &set, &found));
    assert_int_equal(found.inception, 77);
    set = set_of(5, 0);
    assert_true(sigpage_find(page, &set, &found));
    assert_false(sigcache_damaged(cache));
    sigpage_free(page);
    sigcache_close(cache);
    close_books(&books);
}

static void only_what_is_still_good(void **state)
{
    (void)state;
    static const struct {
        struct sigpage_times times;
        uint32_t latest;
        bool good;
    } cases[] = {
        {{BEGUN, ENDING}, ENDING, true},
        {{BEGUN - 1, ENDING}, ENDING, false},     /* the clock went back */
        {{BEGUN, ENDING + 1}, ENDING + 9, false}, /* near its end */
        {{BEGUN, 5000}, ENDING - 1, false},       /* it was made when the clock was ahead */
    };
    struct books books = open_books();
    struct sigcache *cache;
    struct keyd_error err;
    assert_int_equal(open_with(books.path, books.seal, &cache, &err), KEYD_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sigpage *page = NULL;
        struct sigpage_set set = set_of(3, 1);
        struct sigpage_signature found = {.inception = 77};
        set.latest = cases[i].latest;
        assert_int_equal(sigpage_new(books.seal, cache, &cases[i].times, &page, NULL), KEYD_OK);
        assert_int_equal(sigpage_find(page, &set, &found), cases[i].good);
        assert_int_equal(found.inception, cases[i].good ? BEGUN : 77);
        sigpage_free(page);
    }
    sigcache_close(cache);
    close_books(&books);
}

/* ---- What is not believed ------------------------------------------------------------------- */

struct content {
    char *data;
    size_t size;
};

static struct content content_of(const struct books *books)
{
    struct content content;
    assert_int_equal(file_read(books->path, 1 << 20, &content.data, &content.size, NULL), KEYD_OK);
    return content;
}

/* Nothing of it is used, or the chunk that is damaged is not: and that is known. */
static void expect_noticed(const struct books *books, const void *data, size_t size)
{
    struct sigcache *cache;
    struct keyd_error err;
    const char *path = lab_path("bad");
    assert_int_equal(file_replace(path, data, size, 0600, NULL), KEYD_OK);
    enum keyd_status status = open_with(path, books->seal, &cache, &err);
    if (status == KEYD_OK) {
        assert_int_equal(count_found(books, cache), 2 * (NAMES - FOUR));
        assert_true(sigcache_damaged(cache));
        sigcache_close(cache);
        return;
    }
    assert_int_equal(status, KEYD_DATA_LOSS);
    assert_string_equal(err.reason, "SIGCACHE");
    assert_non_null(strstr(err.message, path));
}

static void every_flipped_byte_is_noticed(void **state)
{
    (void)state;
    struct books books = open_books();
    struct content content = content_of(&books);
    for (size_t i = 0; i < content.size; i++) {
        content.data[i] ^= (char)(i % 2 == 0 ? 0x01 : 0x80);
        expect_noticed(&books, content.data, content.size);
        content.data[i] ^= (char)(i % 2 == 0 ? 0x01 : 0x80);
    }
    free(content.data);
    close_books(&books);
}

static void every_end_too_early_is_noticed(void **state)
{
    (void)state;
    struct books books = open_books();
    struct content content = content_of(&books);
    for (size_t size = 0; size < content.size; size++)
        expect_noticed(&books, content.data, size);
    content.data = realloc(content.data, content.size + 1);
    content.data[content.size] = 0;
    expect_noticed(&books, content.data, content.size + 1);
    free(content.data);
    close_books(&books);
}

static void expect_useless(const char *path, struct sigcache_seal *seal, const char *why)
{
    struct sigcache *cache;
    struct keyd_error err;
    assert_int_equal(open_with(path, seal, &cache, &err), KEYD_DATA_LOSS);
    if (strstr(err.message, why) == NULL)
        fail_msg("'%s', not '%s'", err.message, why);
    sigcache_seal_free(seal);
}

static void of_another_zone_version_or_key(void **state)
{
    (void)state;
    struct books books = open_books();
    struct keys *others = make_keys_of(13, 15);
    struct keys swapped = {.dnskeys = {books.keys->dnskeys[1], books.keys->dnskeys[0]},
                           .pkeys = {books.keys->pkeys[1], books.keys->pkeys[0]}};
    /* The public halves are the zone's, the private ones are not. */
    struct keys forged = *others;
    memcpy(forged.dnskeys, books.keys->dnskeys, sizeof forged.dnskeys);
    expect_useless(books.path, seal_of("example.net", books.keys, 0, 2), "of another zone");
    expect_useless(books.path, seal_of("example.org", others, 0, 2), "of other ZSKs");
    expect_useless(books.path, seal_of("example.org", books.keys, 0, 1), "of other ZSKs");
    expect_useless(books.path, seal_of("example.org", &swapped, 0, 2), "of other ZSKs");
    expect_useless(books.path, seal_of("example.org", &forged, 0, 2), "did not write it");
    struct content content = content_of(&books);
    content.data[11] = 2;
    assert_int_equal(file_replace(books.path, content.data, content.size, 0600, NULL), KEYD_OK);
    expect_useless(books.path, seal_of("example.org", books.keys, 0, 2),
                   "of version 2, this program has version 1");
    free(content.data);
    free_keys(others);
    close_books(&books);
}

/* The name in another case is the same zone. */
static void of_the_zone_in_capitals(void **state)
{
    (void)state;
    struct books books = open_books();
    struct sigcache *cache;
    struct keyd_error err;
    struct sigcache_seal *seal = seal_of("EXAMPLE.org", books.keys, 0, 2);
    assert_int_equal(open_with(books.path, seal, &cache, &err), KEYD_OK);
    sigcache_close(cache);
    sigcache_seal_free(seal);
    close_books(&books);
}

/* All of this after it was opened and its HMAC was found good. */
static void what_changes_while_it_is_read(void **state)
{
    (void)state;
    struct books books = open_books();
    struct sigcache *cache;
    struct keyd_error err;
    assert_int_equal(open_with(books.path, books.seal, &cache, &err), KEYD_OK);
    int fd = open(books.path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "x", 1, 200), 1);
    assert_int_equal(count_found(&books, cache), 2 * (NAMES - FOUR));
    assert_true(sigcache_damaged(cache));
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(count_found(&books, cache), 0);
    close(fd);
    sigcache_close(cache);
    close_books(&books);
}

static void what_is_no_file(void **state)
{
    (void)state;
    struct books books = open_books();
    struct sigcache *cache;
    struct keyd_error err;
    const char *path = lab_path("nothing");
    assert_int_equal(open_with(path, books.seal, &cache, &err), KEYD_NOT_FOUND);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(open_with(path, books.seal, &cache, &err), KEYD_DATA_LOSS);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_not_equal(open_with(path, books.seal, &cache, &err), KEYD_OK);
    close_books(&books);
}

/* ---- What cannot be written ----------------------------------------------------------------- */

static void a_full_disk_leaves_the_old_one(void **state)
{
    (void)state;
    struct books books = open_books();
    struct content before = content_of(&books);
    struct keyd_error err = {.message = ""};
    struct rlimit old;
    struct rlimit small;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 100;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum keyd_status status = sigcache_commit(begin_file(&books), &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_not_equal(status, KEYD_OK);
    assert_non_null(strstr(err.message, "too large"));
    struct content after = content_of(&books);
    assert_int_equal(after.size, before.size);
    assert_memory_equal(after.data, before.data, before.size);
    free(before.data);
    free(after.data);
    close_books(&books);
}

static void a_dropped_one_leaves_nothing(void **state)
{
    (void)state;
    struct books books = open_books();
    struct sigcache_writer *writer = NULL;
    unlink(books.path);
    sigcache_drop(begin_file(&books));
    sigcache_drop(NULL);
    assert_int_not_equal(access(books.path, F_OK), 0);
    assert_int_not_equal(sigcache_begin("/nowhere/at/all/signatures", books.seal, &writer, NULL),
                         KEYD_OK);
    close_books(&books);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_kept),
        cmocka_unit_test(finds_in_any_order),
        cmocka_unit_test(finds_nothing_else),
        cmocka_unit_test(only_what_is_still_good),
        cmocka_unit_test(every_flipped_byte_is_noticed),
        cmocka_unit_test(every_end_too_early_is_noticed),
        cmocka_unit_test(of_another_zone_version_or_key),
        cmocka_unit_test(of_the_zone_in_capitals),
        cmocka_unit_test(what_changes_while_it_is_read),
        cmocka_unit_test(what_is_no_file),
        cmocka_unit_test(a_full_disk_leaves_the_old_one),
        cmocka_unit_test(a_dropped_one_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
