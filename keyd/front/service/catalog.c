/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The mirror holds one row per key, found by id, and an index of those that have an alias, found by
 * name; both are sorted arrays. A write goes to the disk first, then into the mirror.
 */
#include "keyd/front/service/catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyd/base/file.h"
#include "keyd/base/memory.h"
#include "keyd/base/text.h"

#define APPLICATION_ID 0x6b657964 /* "keyd"; what file(1) and we tell the file by */

struct row {
    struct keyid id;
    char *token;
    char *alias; /* NULL: none */
    char *description;
    uint8_t request_digest[CATALOG_DIGEST_SIZE];
    bool pending;
};

struct list {
    struct row **rows;
    size_t count;
    size_t size;
};

struct catalog {
    char *path;
    sqlite3 *db;
    pthread_rwlock_t lock; /* of the two lists */
    struct list by_id;
    struct list by_alias;
};

static const char schema[] =
    "CREATE TABLE key (key_id BLOB PRIMARY KEY NOT NULL CHECK (length(key_id) = 16),"
    " token TEXT NOT NULL, description TEXT NOT NULL,"
    " request_digest BLOB NOT NULL CHECK (length(request_digest) = 32),"
    " pending INTEGER NOT NULL CHECK (pending IN (0, 1))) WITHOUT ROWID, STRICT;"
    "CREATE TABLE alias (name TEXT PRIMARY KEY NOT NULL,"
    " key_id BLOB NOT NULL REFERENCES key (key_id) ON DELETE CASCADE) WITHOUT ROWID, STRICT;";

/* ---- The mirror ---------------------------------------------------------------------------- */

typedef int comparison(const struct row *row, const void *wanted);

static int compare_id(const struct row *row, const void *wanted)
{
    return keyid_compare(&row->id, wanted);
}

static int compare_alias(const struct row *row, const void *wanted)
{
    return strcmp(row->alias, wanted);
}

/* The first place that is not less than what is wanted, and whether it is that. */
static size_t place_of(const struct list *list, comparison *compare, const void *wanted, bool *is)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(list->rows[middle], wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *is = low < list->count && compare(list->rows[low], wanted) == 0;
    return low;
}

static struct row *row_in(const struct list *list, comparison *compare, const void *wanted)
{
    bool is;
    size_t place = place_of(list, compare, wanted, &is);
    return is ? list->rows[place] : NULL;
}

static struct row *row_of(const struct catalog *catalog, const struct keyid *id)
{
    return row_in(&catalog->by_id, compare_id, id);
}

static void list_insert(struct list *list, size_t place, struct row *row)
{
    if (list->count == list->size) {
        list->size = list->size > 0 ? 2 * list->size : 64;
        list->rows = memory_grown(list->rows, list->size, sizeof(struct row *));
    }
    memmove(&list->rows[place + 1], &list->rows[place],
            (list->count - place) * sizeof(struct row *));
    list->rows[place] = row;
    list->count++;
}

static void list_remove(struct list *list, comparison *compare, const void *wanted)
{
    bool is;
    size_t place = place_of(list, compare, wanted, &is);
    if (!is)
        return;
    memmove(&list->rows[place], &list->rows[place + 1],
            (list->count - place - 1) * sizeof(struct row *));
    list->count--;
}

static void row_free(struct row *row)
{
    free(row->token);
    free(row->alias);
    free(row->description);
    free(row);
}

static void mirror_add(struct catalog *catalog, const struct catalog_entry *entry)
{
    struct row *row = memory_zeroed(1, sizeof *row);
    row->id = entry->id;
    row->token = memory_text(entry->token);
    row->alias = entry->alias[0] != '\0' ? memory_text(entry->alias) : NULL;
    row->description = memory_text(entry->description);
    memcpy(row->request_digest, entry->request_digest, sizeof row->request_digest);
    row->pending = entry->pending;
    bool is;
    pthread_rwlock_wrlock(&catalog->lock);
    list_insert(&catalog->by_id, place_of(&catalog->by_id, compare_id, &row->id, &is), row);
    if (row->alias != NULL)
        list_insert(&catalog->by_alias,
                    place_of(&catalog->by_alias, compare_alias, row->alias, &is), row);
    pthread_rwlock_unlock(&catalog->lock);
}

static void mirror_remove(struct catalog *catalog, struct row *row)
{
    pthread_rwlock_wrlock(&catalog->lock);
    if (row->alias != NULL)
        list_remove(&catalog->by_alias, compare_alias, row->alias);
    list_remove(&catalog->by_id, compare_id, &row->id);
    pthread_rwlock_unlock(&catalog->lock);
    row_free(row);
}

static void copy_out(const struct row *row, struct catalog_entry *entry)
{
    memset(entry, 0, sizeof *entry);
    entry->id = row->id;
    snprintf(entry->token, sizeof entry->token, "%s", row->token);
    snprintf(entry->alias, sizeof entry->alias, "%s", row->alias != NULL ? row->alias : "");
    snprintf(entry->description, sizeof entry->description, "%s", row->description);
    memcpy(entry->request_digest, row->request_digest, sizeof entry->request_digest);
    entry->pending = row->pending;
}

/* ---- Reading ------------------------------------------------------------------------------- */

bool catalog_find_alias(struct catalog *catalog, const char *alias, struct catalog_entry *entry)
{
    pthread_rwlock_rdlock(&catalog->lock);
    const struct row *row = row_in(&catalog->by_alias, compare_alias, alias);
    if (row != NULL)
        copy_out(row, entry);
    pthread_rwlock_unlock(&catalog->lock);
    return row != NULL;
}

bool catalog_find(struct catalog *catalog, const struct keyid *id, struct catalog_entry *entry)
{
    pthread_rwlock_rdlock(&catalog->lock);
    const struct row *row = row_of(catalog, id);
    if (row != NULL)
        copy_out(row, entry);
    pthread_rwlock_unlock(&catalog->lock);
    return row != NULL;
}

bool catalog_resolve(struct catalog *catalog, const char *alias, struct keyid *id)
{
    pthread_rwlock_rdlock(&catalog->lock);
    const struct row *row = row_in(&catalog->by_alias, compare_alias, alias);
    bool is = row != NULL && !row->pending;
    if (is)
        *id = row->id;
    pthread_rwlock_unlock(&catalog->lock);
    return is;
}

size_t catalog_pending(struct catalog *catalog, const char *token, struct keyid *ids, size_t max)
{
    size_t count = 0;
    pthread_rwlock_rdlock(&catalog->lock);
    for (size_t i = 0; i < catalog->by_id.count; i++) {
        const struct row *row = catalog->by_id.rows[i];
        if (!row->pending || strcmp(row->token, token) != 0)
            continue;
        if (count < max)
            ids[count] = row->id;
        count++;
    }
    pthread_rwlock_unlock(&catalog->lock);
    return count;
}

bool catalog_is_pending(struct catalog *catalog, const struct keyid *id)
{
    pthread_rwlock_rdlock(&catalog->lock);
    const struct row *row = row_of(catalog, id);
    bool pending = row != NULL && row->pending;
    pthread_rwlock_unlock(&catalog->lock);
    return pending;
}

/* ---- SQLite -------------------------------------------------------------------------------- */

static enum keyd_status sql_failed(const struct catalog *catalog, const char *doing,
                                   struct keyd_error *err)
{
    int code = sqlite3_errcode(catalog->db);
    const char *why = sqlite3_errmsg(catalog->db);
    switch (code) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return keyd_fail(err, KEYD_DATA_LOSS, "CATALOG_CORRUPT",
                         "%s: the catalog is damaged (%s); it was left as it is. Move it away, or "
                         "put a backup in its place: without it keyd starts with no aliases, and "
                         "no key is lost",
                         catalog->path, why);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return keyd_fail(err, KEYD_UNAVAILABLE, "CATALOG_IN_USE",
                         "%s: another process has the catalog open; is another keyd running",
                         catalog->path);
    case SQLITE_FULL:
        return keyd_fail(err, KEYD_RESOURCE_EXHAUSTED, "CATALOG_FULL",
                         "%s: %s: the disk is full; make room, then try again", catalog->path,
                         doing);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return keyd_fail(err, KEYD_PERMISSION_DENIED, "CATALOG_NOT_WRITABLE",
                         "%s: %s: %s; keyd's user has to own file and folder", catalog->path, doing,
                         why);
    default:
        return keyd_fail(err, KEYD_INTERNAL, "CATALOG_FAILED", "%s: %s: %s", catalog->path, doing,
                         why);
    }
}

static enum keyd_status run(struct catalog *catalog, const char *sql, struct keyd_error *err)
{
    if (sqlite3_exec(catalog->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return sql_failed(catalog, "writing", err);
    return KEYD_OK;
}

/* The first column of the first row, as a number and as text. */
static enum keyd_status ask(struct catalog *catalog, const char *sql, int *number, char *text,
                            size_t size, struct keyd_error *err)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(catalog->db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        enum keyd_status status = sql_failed(catalog, "reading", err);
        sqlite3_finalize(statement);
        return status;
    }
    *number = sqlite3_column_int(statement, 0);
    if (text != NULL) {
        const unsigned char *value = sqlite3_column_text(statement, 0);
        snprintf(text, size, "%s", value != NULL ? (const char *)value : "");
    }
    sqlite3_finalize(statement);
    return KEYD_OK;
}

/* ---- Opening ------------------------------------------------------------------------------- */

static enum keyd_status connect(struct catalog *catalog, int flags, struct keyd_error *err)
{
    if (sqlite3_open_v2(catalog->path, &catalog->db, flags | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        return sql_failed(catalog, "opening", err);
    sqlite3_extended_result_codes(catalog->db, 0);
    return KEYD_OK;
}

static void disconnect(struct catalog *catalog)
{
    sqlite3_close(catalog->db);
    catalog->db = NULL;
}

/* Looks at a file that is there, without a right to write to it. */
static enum keyd_status judge_content(struct catalog *catalog, struct keyd_error *err)
{
    int version, application, ignored;
    char verdict[256];
    enum keyd_status status = ask(catalog, "PRAGMA application_id", &application, NULL, 0, err);
    if (status == KEYD_OK)
        status = ask(catalog, "PRAGMA user_version", &version, NULL, 0, err);
    if (status != KEYD_OK)
        return status;
    if (application != APPLICATION_ID)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "CATALOG_FOREIGN",
                         "%s: a database, but not keyd's; it was left as it is. Give `catalog` "
                         "another path",
                         catalog->path);
    if (version != CATALOG_SCHEMA_VERSION)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "CATALOG_NEWER",
                         "%s: the catalog has schema %d, this keyd (" KEYD_VERSION
                         ") reads schema %d; it was left as it is. Start the keyd that wrote it, "
                         "or a newer one",
                         catalog->path, version, CATALOG_SCHEMA_VERSION);
    status = ask(catalog, "PRAGMA integrity_check(1)", &ignored, verdict, sizeof verdict, err);
    if (status == KEYD_OK && strcmp(verdict, "ok") != 0)
        return keyd_fail(err, KEYD_DATA_LOSS, "CATALOG_CORRUPT",
                         "%s: the catalog is damaged (%.200s); it was left as it is. Move it away, "
                         "or put a backup in its place: without it keyd starts with no aliases, "
                         "and no key is lost",
                         catalog->path, verdict);
    return status;
}

static enum keyd_status judge(struct catalog *catalog, struct keyd_error *err)
{
    enum keyd_status status = connect(catalog, SQLITE_OPEN_READONLY, err);
    if (status == KEYD_OK)
        status = judge_content(catalog, err);
    disconnect(catalog);
    return status;
}

static enum keyd_status fill_new(struct catalog *catalog, struct keyd_error *err)
{
    char version[80];
    snprintf(version, sizeof version, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             APPLICATION_ID, CATALOG_SCHEMA_VERSION);
    enum keyd_status status = connect(catalog, SQLITE_OPEN_READWRITE, err);
    if (status == KEYD_OK)
        status = run(catalog, version, err);
    if (status == KEYD_OK)
        status = run(catalog, schema, err);
    disconnect(catalog);
    return status;
}

/* Makes the catalog beside its place and moves it there when it is whole, so that a crash never
 * leaves half of one. Only keyd's user may read it. */
static enum keyd_status make_new(struct catalog *catalog, struct keyd_error *err)
{
    char *final = catalog->path;
    char *made = memory_zeroed(1, strlen(final) + sizeof ".new");
    memcpy(made, final, strlen(final));
    memcpy(made + strlen(final), ".new", sizeof ".new");
    unlink(made);
    int fd = open(made, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        enum keyd_status failed = keyd_fail_errno(err, errno, "%s: making the catalog", made);
        free(made);
        return failed;
    }
    close(fd);
    catalog->path = made;
    enum keyd_status status = fill_new(catalog, err);
    catalog->path = final;
    if (status == KEYD_OK && rename(made, final) != 0)
        status = keyd_fail_errno(err, errno, "%s: making the catalog", final);
    if (status == KEYD_OK)
        status = file_sync_folder_of(final, err);
    if (status != KEYD_OK)
        unlink(made);
    free(made);
    return status;
}

static bool is_there(const char *path)
{
    struct stat at;
    return stat(path, &at) != 0 ? errno != ENOENT : at.st_size > 0;
}

/* Takes the file for this process alone, and sets how it is written. */
static enum keyd_status take_over(struct catalog *catalog, struct keyd_error *err)
{
    enum keyd_status status = connect(catalog, SQLITE_OPEN_READWRITE, err);
    if (status != KEYD_OK)
        return status;
    return run(catalog,
               "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
               "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
               "PRAGMA trusted_schema = OFF; BEGIN IMMEDIATE; COMMIT",
               err);
}

static bool column_text(sqlite3_stmt *statement, int column, char *text, size_t size)
{
    const char *value = (const char *)sqlite3_column_text(statement, column);
    size_t length = (size_t)sqlite3_column_bytes(statement, column);
    if (value == NULL || length >= size || !text_is_utf8(value, length))
        return false;
    memcpy(text, value, length + 1);
    return true;
}

static bool read_row(sqlite3_stmt *statement, struct catalog_entry *entry)
{
    memset(entry, 0, sizeof *entry);
    if (sqlite3_column_bytes(statement, 0) != KEYID_SIZE ||
        sqlite3_column_bytes(statement, 3) != CATALOG_DIGEST_SIZE)
        return false;
    memcpy(entry->id.bytes, sqlite3_column_blob(statement, 0), KEYID_SIZE);
    memcpy(entry->request_digest, sqlite3_column_blob(statement, 3), CATALOG_DIGEST_SIZE);
    entry->pending = sqlite3_column_int(statement, 4) != 0;
    if (!column_text(statement, 1, entry->token, sizeof entry->token) ||
        !column_text(statement, 2, entry->description, sizeof entry->description) ||
        !name_is_valid(entry->token))
        return false;
    if (sqlite3_column_type(statement, 5) == SQLITE_NULL)
        return true;
    return column_text(statement, 5, entry->alias, sizeof entry->alias) &&
           alias_is_valid(entry->alias);
}

static enum keyd_status read_all(struct catalog *catalog, struct keyd_error *err)
{
    static const char query[] = "SELECT key.key_id, token, description, request_digest, pending,"
                                " alias.name FROM key LEFT JOIN alias USING (key_id)";
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(catalog->db, query, -1, &statement, NULL) != SQLITE_OK)
        return sql_failed(catalog, "reading", err);
    int step;
    bool good = true;
    while (good && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        struct catalog_entry entry;
        good = read_row(statement, &entry) && row_of(catalog, &entry.id) == NULL;
        if (good)
            mirror_add(catalog, &entry);
    }
    enum keyd_status status = KEYD_OK;
    if (!good)
        status = keyd_fail(err, KEYD_DATA_LOSS, "CATALOG_CORRUPT",
                           "%s: the catalog has a row that keyd did not write; put a backup in its "
                           "place, or move it away: no key is lost with it",
                           catalog->path);
    else if (step != SQLITE_DONE)
        status = sql_failed(catalog, "reading", err);
    sqlite3_finalize(statement);
    return status;
}

enum keyd_status catalog_open(const char *path, struct catalog **catalog, struct keyd_error *err)
{
    struct catalog *made = memory_zeroed(1, sizeof *made);
    made->path = memory_text(path);
    pthread_rwlock_init(&made->lock, NULL);
    enum keyd_status status = KEYD_OK;
    if (!is_there(path))
        status = make_new(made, err);
    if (status == KEYD_OK)
        status = judge(made, err);
    if (status == KEYD_OK)
        status = take_over(made, err);
    if (status == KEYD_OK)
        status = read_all(made, err);
    if (status != KEYD_OK) {
        catalog_close(made);
        return status;
    }
    *catalog = made;
    return KEYD_OK;
}

void catalog_close(struct catalog *catalog)
{
    if (catalog == NULL)
        return;
    disconnect(catalog);
    for (size_t i = 0; i < catalog->by_id.count; i++)
        row_free(catalog->by_id.rows[i]);
    free(catalog->by_id.rows);
    free(catalog->by_alias.rows);
    pthread_rwlock_destroy(&catalog->lock);
    free(catalog->path);
    free(catalog);
}

/* ---- Writing ------------------------------------------------------------------------------- */

/* Runs one statement whose parameters are bound, and finalises it. */
static enum keyd_status finish(struct catalog *catalog, sqlite3_stmt *statement, bool bound,
                               struct keyd_error *err)
{
    enum keyd_status status = KEYD_OK;
    if (!bound || sqlite3_step(statement) != SQLITE_DONE)
        status = sql_failed(catalog, "writing", err);
    sqlite3_finalize(statement);
    return status;
}

static enum keyd_status insert_key(struct catalog *catalog, const struct catalog_entry *entry,
                                   struct keyd_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool bound =
        sqlite3_prepare_v2(catalog->db, "INSERT INTO key VALUES (?1, ?2, ?3, ?4, ?5)", -1,
                           &statement, NULL) == SQLITE_OK &&
        sqlite3_bind_blob(statement, 1, entry->id.bytes, KEYID_SIZE, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_bind_text(statement, 2, entry->token, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_bind_text(statement, 3, entry->description, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_bind_blob(statement, 4, entry->request_digest, CATALOG_DIGEST_SIZE,
                          SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_bind_int(statement, 5, entry->pending) == SQLITE_OK;
    return finish(catalog, statement, bound, err);
}

static enum keyd_status insert_alias(struct catalog *catalog, const struct catalog_entry *entry,
                                     struct keyd_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool bound =
        sqlite3_prepare_v2(catalog->db, "INSERT INTO alias VALUES (?1, ?2)", -1, &statement,
                           NULL) == SQLITE_OK &&
        sqlite3_bind_text(statement, 1, entry->alias, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_bind_blob(statement, 2, entry->id.bytes, KEYID_SIZE, SQLITE_STATIC) == SQLITE_OK;
    return finish(catalog, statement, bound, err);
}

static enum keyd_status for_key(struct catalog *catalog, const char *sql, const struct keyid *id,
                                struct keyd_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool bound = sqlite3_prepare_v2(catalog->db, sql, -1, &statement, NULL) == SQLITE_OK &&
                 sqlite3_bind_blob(statement, 1, id->bytes, KEYID_SIZE, SQLITE_STATIC) == SQLITE_OK;
    return finish(catalog, statement, bound, err);
}

static enum keyd_status judge_new(struct catalog *catalog, const struct catalog_entry *entry,
                                  struct keyd_error *err)
{
    char text[KEYID_TEXT];
    if (row_of(catalog, &entry->id) != NULL) {
        keyid_format(&entry->id, text);
        return keyd_fail(err, KEYD_ALREADY_EXISTS, "KEY_EXISTS", "the catalog has key %s already",
                         text);
    }
    const struct row *holder = row_in(&catalog->by_alias, compare_alias, entry->alias);
    if (holder == NULL)
        return KEYD_OK;
    keyid_format(&holder->id, text);
    return keyd_fail(err, KEYD_ALREADY_EXISTS, "ALIAS_TAKEN",
                     "%s belongs to key %s%s; choose another alias, or use that key", entry->alias,
                     text, holder->pending ? " (which is being made)" : "");
}

enum keyd_status catalog_add(struct catalog *catalog, const struct catalog_entry *entry,
                             struct keyd_error *err)
{
    enum keyd_status status = judge_new(catalog, entry, err);
    if (status == KEYD_OK)
        status = run(catalog, "BEGIN IMMEDIATE", err);
    if (status != KEYD_OK)
        return status;
    status = insert_key(catalog, entry, err);
    if (status == KEYD_OK && entry->alias[0] != '\0')
        status = insert_alias(catalog, entry, err);
    if (status == KEYD_OK)
        status = run(catalog, "COMMIT", err);
    if (status != KEYD_OK) {
        sqlite3_exec(catalog->db, "ROLLBACK", NULL, NULL, NULL);
        return status;
    }
    mirror_add(catalog, entry);
    return KEYD_OK;
}

enum keyd_status catalog_finalise(struct catalog *catalog, const struct keyid *id,
                                  struct keyd_error *err)
{
    struct row *row = row_of(catalog, id);
    if (row == NULL)
        return keyd_fail(err, KEYD_NOT_FOUND, "KEY_NOT_FOUND", "the catalog has no such key");
    if (!row->pending)
        return KEYD_OK;
    enum keyd_status status =
        for_key(catalog, "UPDATE key SET pending = 0 WHERE key_id = ?1", id, err);
    if (status != KEYD_OK)
        return status;
    pthread_rwlock_wrlock(&catalog->lock);
    row->pending = false;
    pthread_rwlock_unlock(&catalog->lock);
    return KEYD_OK;
}

enum keyd_status catalog_drop(struct catalog *catalog, const struct keyid *id,
                              struct keyd_error *err)
{
    struct row *row = row_of(catalog, id);
    if (row == NULL)
        return KEYD_OK;
    if (!row->pending)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "KEY_FINAL",
                         "the key stands: its entry is not dropped");
    enum keyd_status status =
        for_key(catalog, "DELETE FROM key WHERE key_id = ?1 AND pending = 1", id, err);
    if (status == KEYD_OK)
        mirror_remove(catalog, row);
    return status;
}
