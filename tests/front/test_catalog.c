/* SPDX-License-Identifier: BSD-2-Clause
 * The catalog: what is pending, what is final, what comes back after a crash, and which files are
 * refused and left as they are. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyd/base/file.h"
#include "keyd/front/service/catalog.h"
#include "tests/cmocka.h"

static char folder[] = "/tmp/keyd-catalog.XXXXXX";
static char path[64];

static struct catalog *opened(void)
{
    struct keyd_error err = {0};
    struct catalog *catalog = NULL;
    if (catalog_open(path, &catalog, &err) != KEYD_OK)
        fail_msg("%s", err.message);
    return catalog;
}

static struct catalog_entry entry_of(const char *alias)
{
    struct catalog_entry entry = {
        .id = keyid_random(), .token = "main", .description = "for tests", .pending = true};
    memset(entry.request_digest, 7, sizeof entry.request_digest);
    snprintf(entry.alias, sizeof entry.alias, "%s", alias);
    return entry;
}

static void must(enum keyd_status status)
{
    assert_int_equal(status, KEYD_OK);
}

static void a_pending_alias_names_no_key_and_is_taken(void **state)
{
    (void)state;
    struct catalog *catalog = opened();
    struct catalog_entry first = entry_of("alias/a"), second = entry_of("alias/a");
    struct keyd_error err;
    struct keyid id;
    must(catalog_add(catalog, &first, &err));
    assert_false(catalog_resolve(catalog, "alias/a", &id));
    assert_true(catalog_is_pending(catalog, &first.id));
    assert_int_equal(catalog_add(catalog, &second, &err), KEYD_ALREADY_EXISTS);
    assert_string_equal(err.reason, "ALIAS_TAKEN");
    char text[KEYID_TEXT];
    keyid_format(&first.id, text);
    assert_non_null(strstr(err.message, text));
    must(catalog_finalise(catalog, &first.id, &err));
    assert_true(catalog_resolve(catalog, "alias/a", &id));
    assert_int_equal(keyid_compare(&id, &first.id), 0);
    assert_int_equal(catalog_drop(catalog, &first.id, &err), KEYD_FAILED_PRECONDITION);
    catalog_close(catalog);
}

static void a_dropped_alias_is_free_again(void **state)
{
    (void)state;
    struct catalog *catalog = opened();
    struct catalog_entry first = entry_of("alias/a"), second = entry_of("alias/a");
    must(catalog_add(catalog, &first, NULL));
    must(catalog_drop(catalog, &first.id, NULL));
    must(catalog_drop(catalog, &first.id, NULL));
    must(catalog_add(catalog, &second, NULL));
    assert_int_equal(catalog_finalise(catalog, &first.id, NULL), KEYD_NOT_FOUND);
    catalog_close(catalog);
}

static void all_of_it_comes_back(void **state)
{
    (void)state;
    struct catalog *catalog = opened();
    struct catalog_entry final = entry_of("alias/b"), pending = entry_of("alias/a"),
                         bare = entry_of(""), found;
    struct keyid ids[4];
    must(catalog_add(catalog, &final, NULL));
    must(catalog_finalise(catalog, &final.id, NULL));
    must(catalog_add(catalog, &pending, NULL));
    must(catalog_add(catalog, &bare, NULL));
    catalog_close(catalog);
    catalog = opened();
    assert_true(catalog_find_alias(catalog, "alias/b", &found));
    assert_false(found.pending);
    assert_string_equal(found.description, "for tests");
    assert_memory_equal(found.request_digest, final.request_digest, CATALOG_DIGEST_SIZE);
    assert_int_equal(catalog_pending(catalog, "main", ids, 4), 2);
    assert_int_equal(catalog_pending(catalog, "other", ids, 4), 0);
    assert_true(catalog_find(catalog, &bare.id, &found));
    assert_string_equal(found.alias, "");
    catalog_close(catalog);
}

static void it_has_one_owner(void **state)
{
    (void)state;
    struct catalog *catalog = opened(), *second;
    struct keyd_error err;
    assert_int_equal(catalog_open(path, &second, &err), KEYD_UNAVAILABLE);
    assert_string_equal(err.reason, "CATALOG_IN_USE");
    catalog_close(catalog);
}

/* Refused with this reason, and not a byte of the file is changed. */
static void refused(enum keyd_status status, const char *reason)
{
    char *before, *after;
    size_t size_before, size_after;
    struct keyd_error err;
    struct catalog *catalog;
    must(file_read(path, 1 << 20, &before, &size_before, NULL));
    assert_int_equal(catalog_open(path, &catalog, &err), status);
    assert_string_equal(err.reason, reason);
    assert_memory_equal(err.message, path, strlen(path));
    must(file_read(path, 1 << 20, &after, &size_after, NULL));
    assert_int_equal(size_before, size_after);
    assert_memory_equal(before, after, size_before);
    free(before);
    free(after);
}

static void sql(const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_newer_catalog_is_refused(void **state)
{
    (void)state;
    catalog_close(opened());
    sql("PRAGMA user_version = 2");
    refused(KEYD_FAILED_PRECONDITION, "CATALOG_NEWER");
}

static void somebody_elses_database_is_refused(void **state)
{
    (void)state;
    sql("CREATE TABLE theirs (x)");
    refused(KEYD_FAILED_PRECONDITION, "CATALOG_FOREIGN");
}

static void what_is_no_database_is_refused(void **state)
{
    (void)state;
    must(file_replace(path, "a text\n", 7, 0600, NULL));
    refused(KEYD_DATA_LOSS, "CATALOG_CORRUPT");
}

static void a_damaged_catalog_is_refused(void **state)
{
    (void)state;
    struct catalog *catalog = opened();
    for (int i = 0; i < 200; i++) {
        struct catalog_entry entry = entry_of("");
        must(catalog_add(catalog, &entry, NULL));
    }
    catalog_close(catalog);
    int fd = open(path, O_WRONLY);
    char noise[3000];
    memset(noise, 0xa5, sizeof noise);
    assert_int_equal(pwrite(fd, noise, sizeof noise, 4096 + 100), sizeof noise);
    assert_int_equal(pwrite(fd, noise, sizeof noise, 3 * 4096 + 100), sizeof noise);
    close(fd);
    refused(KEYD_DATA_LOSS, "CATALOG_CORRUPT");
}

static void a_row_that_keyd_did_not_write_is_refused(void **state)
{
    (void)state;
    catalog_close(opened());
    sql("INSERT INTO key VALUES (zeroblob(16), 'no name', '', zeroblob(32), 0)");
    struct keyd_error err;
    struct catalog *catalog;
    assert_int_equal(catalog_open(path, &catalog, &err), KEYD_DATA_LOSS);
    assert_string_equal(err.reason, "CATALOG_CORRUPT");
}

static void a_crash_while_it_was_made_leaves_room_for_a_new_one(void **state)
{
    (void)state;
    char half[80];
    snprintf(half, sizeof half, "%s.new", path);
    must(file_replace(half, "half of one", 11, 0600, NULL));
    must(file_replace(path, "", 0, 0600, NULL));
    catalog_close(opened());
    assert_int_equal(access(half, F_OK), -1);
}

static void copy(const char *from_tail, const char *to_tail)
{
    char from[80], to[80], *data;
    size_t size;
    snprintf(from, sizeof from, "%s%s", path, from_tail);
    snprintf(to, sizeof to, "%s%s", path, to_tail);
    must(file_read(from, 1 << 20, &data, &size, NULL));
    assert_true(size > 0);
    must(file_replace(to, data, size, 0600, NULL));
    free(data);
}

/* As kill -9 leaves it: what was written is still in the log alone. */
static void killed_after_adding(const struct catalog_entry *entry)
{
    struct catalog *catalog = opened();
    must(catalog_add(catalog, entry, NULL));
    copy("", ".kept");
    copy("-wal", "-wal.kept");
    catalog_close(catalog);
    copy(".kept", "");
    copy("-wal.kept", "-wal");
}

static void what_was_written_before_a_kill_is_there(void **state)
{
    (void)state;
    struct catalog_entry entry = entry_of("alias/a"), found;
    killed_after_adding(&entry);
    struct catalog *catalog = opened();
    assert_true(catalog_find_alias(catalog, "alias/a", &found));
    catalog_close(catalog);
}

static void the_log_of_a_catalog_that_was_moved_away_is_not_the_new_ones(void **state)
{
    (void)state;
    struct catalog_entry entry = entry_of("alias/a"), found;
    char kept[80];
    snprintf(kept, sizeof kept, "%s-wal.old", path);
    killed_after_adding(&entry);
    assert_int_equal(unlink(path), 0);
    struct catalog *catalog = opened();
    assert_false(catalog_find_alias(catalog, "alias/a", &found));
    must(catalog_add(catalog, &entry, NULL));
    catalog_close(catalog);
    catalog_close(opened());
    assert_int_equal(access(kept, F_OK), 0);
}

static void nothing_is_left_beside_it(void **state)
{
    (void)state;
    struct catalog_entry entry = entry_of("");
    for (int i = 0; i < 2; i++) {
        struct catalog *catalog = opened();
        entry.id = keyid_random();
        must(catalog_add(catalog, &entry, NULL));
        catalog_close(catalog);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(mkdir(folder, 0700), 0);
}

static void a_folder_without_permission_is_said(void **state)
{
    (void)state;
    struct keyd_error err;
    struct catalog *catalog;
    assert_int_equal(catalog_open("/nonexistent/catalog", &catalog, &err), KEYD_NOT_FOUND);
    assert_non_null(strstr(err.message, "/nonexistent/catalog"));
}

static int clean(void **state)
{
    (void)state;
    static const char *const tails[] = {"",     "-wal",     "-wal.kept", "-wal.old",
                                        "-shm", "-journal", ".new",      ".kept"};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, tails[i]);
        unlink(name);
    }
    return 0;
}

static int make_folder(void **state)
{
    (void)state;
    bool made = mkdtemp(folder) != NULL;
    snprintf(path, sizeof path, "%s/catalog.sqlite", folder);
    return made ? 0 : -1;
}

static int remove_folder(void **state)
{
    clean(state);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_pending_alias_names_no_key_and_is_taken, clean),
        cmocka_unit_test_teardown(a_dropped_alias_is_free_again, clean),
        cmocka_unit_test_teardown(all_of_it_comes_back, clean),
        cmocka_unit_test_teardown(it_has_one_owner, clean),
        cmocka_unit_test_teardown(a_newer_catalog_is_refused, clean),
        cmocka_unit_test_teardown(somebody_elses_database_is_refused, clean),
        cmocka_unit_test_teardown(what_is_no_database_is_refused, clean),
        cmocka_unit_test_teardown(a_damaged_catalog_is_refused, clean),
        cmocka_unit_test_teardown(a_row_that_keyd_did_not_write_is_refused, clean),
        cmocka_unit_test_teardown(a_crash_while_it_was_made_leaves_room_for_a_new_one, clean),
        cmocka_unit_test_teardown(what_was_written_before_a_kill_is_there, clean),
        cmocka_unit_test_teardown(the_log_of_a_catalog_that_was_moved_away_is_not_the_new_ones,
                                  clean),
        cmocka_unit_test_teardown(nothing_is_left_beside_it, clean),
        cmocka_unit_test_teardown(a_folder_without_permission_is_said, clean),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
