/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/front/service/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyd/base/file.h"
#include "keyd/base/log.h"
#include "keyd/base/memory.h"
#include "keyd/base/text.h"

#define APPLICATION_ID 0x6b657964 /* "keyd"; what file(1) and we tell the file by */

#define MOVE_IT_AWAY                                                                               \
    "Move it away, with what is named like it and ends in -wal; then put a backup in its place, "  \
    "or none: without it keyd starts with no aliases, and no key is lost"

struct store {
    char *path;
    sqlite3 *db;
};

static const char schema[] =
    "CREATE TABLE key (key_id BLOB PRIMARY KEY NOT NULL CHECK (length(key_id) = 16),"
    " token TEXT NOT NULL, description TEXT NOT NULL,"
    " request_digest BLOB NOT NULL CHECK (length(request_digest) = 32),"
    " pending INTEGER NOT NULL CHECK (pending IN (0, 1))) WITHOUT ROWID, STRICT;"
    "CREATE TABLE alias (name TEXT PRIMARY KEY NOT NULL,"
    " key_id BLOB NOT NULL REFERENCES key (key_id) ON DELETE CASCADE) WITHOUT ROWID, STRICT;";

/* ---- SQLite -------------------------------------------------------------------------------- */

static enum keyd_status sql_failed(const struct store *store, const char *doing,
                                   struct keyd_error *err)
{
    int code = sqlite3_errcode(store->db);
    const char *why = sqlite3_errmsg(store->db);
    if (sqlite3_extended_errcode(store->db) == SQLITE_IOERR_WRITE)
        code = SQLITE_FULL; /* which SQLite says of ENOSPC alone, not of a quota */
    switch (code) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return keyd_fail(err, KEYD_DATA_LOSS, "CATALOG_CORRUPT",
                         "%s: the catalog is damaged (%s); it was left as it is. " MOVE_IT_AWAY,
                         store->path, why);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return keyd_fail(
            err, KEYD_UNAVAILABLE, "CATALOG_IN_USE",
            "%s: another process has the catalog open: stop the other keyd, or give each a "
            "`catalog` of its own",
            store->path);
    case SQLITE_FULL:
        return keyd_fail(
            err, KEYD_RESOURCE_EXHAUSTED, "CATALOG_FULL",
            "%s: %s: the disk is full, or takes no more of this file; make room, then try "
            "again",
            store->path, doing);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return keyd_fail(err, KEYD_PERMISSION_DENIED, "CATALOG_NOT_WRITABLE",
                         "%s: %s: %s; keyd's user has to own file and folder", store->path, doing,
                         why);
    default:
        return keyd_fail(err, KEYD_INTERNAL, "CATALOG_FAILED", "%s: %s: %s", store->path, doing,
                         why);
    }
}

static enum keyd_status run(struct store *store, const char *sql, struct keyd_error *err)
{
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return sql_failed(store, "writing", err);
    return KEYD_OK;
}

/* The first column of the first row, as a number and as text. */
static enum keyd_status ask(struct store *store, const char *sql, int *number, char *text,
                            size_t size, struct keyd_error *err)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        enum keyd_status status = sql_failed(store, "reading", err);
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

static enum keyd_status connect(struct store *store, int flags, struct keyd_error *err)
{
    if (sqlite3_open_v2(store->path, &store->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return sql_failed(store, "opening", err);
    sqlite3_extended_result_codes(store->db, 0);
    return KEYD_OK;
}

static void disconnect(struct store *store)
{
    sqlite3_close(store->db);
    store->db = NULL;
}

/* Looks at a file that is there, without a right to write to it. */
static enum keyd_status judge_content(struct store *store, struct keyd_error *err)
{
    int version, application, ignored;
    char verdict[256];
    enum keyd_status status = ask(store, "PRAGMA application_id", &application, NULL, 0, err);
    if (status == KEYD_OK)
        status = ask(store, "PRAGMA user_version", &version, NULL, 0, err);
    if (status != KEYD_OK)
        return status;
    if (application != APPLICATION_ID)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "CATALOG_FOREIGN",
                         "%s: a database, but not keyd's; it was left as it is. Give `catalog` "
                         "another path",
                         store->path);
    if (version != CATALOG_SCHEMA_VERSION)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "CATALOG_NEWER",
                         "%s: the catalog has schema %d, this keyd (" KEYD_VERSION
                         ") reads schema %d; it was left as it is. Start the keyd that wrote it, "
                         "or a newer one",
                         store->path, version, CATALOG_SCHEMA_VERSION);
    status = ask(store, "PRAGMA integrity_check(1)", &ignored, verdict, sizeof verdict, err);
    if (status == KEYD_OK && strcmp(verdict, "ok") != 0)
        return keyd_fail(err, KEYD_DATA_LOSS, "CATALOG_CORRUPT",
                         "%s: the catalog is damaged (%.200s); it was left as it is. " MOVE_IT_AWAY,
                         store->path, verdict);
    return status;
}

static enum keyd_status judge(struct store *store, struct keyd_error *err)
{
    enum keyd_status status = connect(store, SQLITE_OPEN_READONLY, err);
    if (status == KEYD_OK)
        status = judge_content(store, err);
    disconnect(store);
    return status;
}

static enum keyd_status fill_new(struct store *store, struct keyd_error *err)
{
    char version[80];
    snprintf(version, sizeof version, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             APPLICATION_ID, CATALOG_SCHEMA_VERSION);
    enum keyd_status status = connect(store, SQLITE_OPEN_READWRITE, err);
    if (status == KEYD_OK)
        status = run(store, version, err);
    if (status == KEYD_OK)
        status = run(store, schema, err);
    disconnect(store);
    return status;
}

/* PATH with this tail; *owned*. */
static char *beside(const char *path, const char *tail)
{
    size_t size = strlen(path) + strlen(tail) + 1;
    char *name = memory_zeroed(1, size);
    snprintf(name, size, "%s%s", path, tail);
    return name;
}

/* The log of a catalog that is not here any more: SQLite would take it for the new one's, and write
 * what is in it over the new one. Nothing is deleted: it may be wanted with what was moved away. */
static enum keyd_status set_log_aside(const char *path, struct keyd_error *err)
{
    enum keyd_status status = KEYD_OK;
    char *log = beside(path, "-wal");
    char *aside = beside(path, "-wal.old");
    if (rename(log, aside) == 0)
        log_warning("%s belonged to a catalog that is gone: it is %s now", log, aside);
    else if (errno != ENOENT)
        status = keyd_fail_errno(err, errno, "%s: moving it away", log);
    free(log);
    free(aside);
    return status;
}

/* Makes the catalog beside its place and moves it there when it is whole, so that a crash never
 * leaves half of one. Only keyd's user may read it. */
static enum keyd_status make_new(struct store *store, struct keyd_error *err)
{
    char *final = store->path;
    char *made = beside(final, ".new");
    unlink(made);
    int fd = open(made, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        enum keyd_status failed = keyd_fail_errno(err, errno, "%s: making the catalog", made);
        free(made);
        return failed;
    }
    close(fd);
    store->path = made;
    enum keyd_status status = fill_new(store, err);
    store->path = final;
    if (status == KEYD_OK)
        status = set_log_aside(final, err);
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
static enum keyd_status take_over(struct store *store, struct keyd_error *err)
{
    enum keyd_status status = connect(store, SQLITE_OPEN_READWRITE, err);
    if (status != KEYD_OK)
        return status;
    status = run(store,
                 "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                 "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                 "PRAGMA trusted_schema = OFF; BEGIN IMMEDIATE; COMMIT",
                 err);
    if (status == KEYD_OK) { /* from judging it; who has it alone needs none */
        char *shared = beside(store->path, "-shm");
        unlink(shared);
        free(shared);
    }
    return status;
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

static enum keyd_status read_all(struct store *store, store_visitor *visit, void *context,
                                 struct keyd_error *err)
{
    static const char query[] = "SELECT key.key_id, token, description, request_digest, pending,"
                                " alias.name FROM key LEFT JOIN alias USING (key_id)";
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(store->db, query, -1, &statement, NULL) != SQLITE_OK)
        return sql_failed(store, "reading", err);
    int step;
    bool good = true;
    while (good && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        struct catalog_entry entry;
        good = read_row(statement, &entry) && visit(context, &entry);
    }
    enum keyd_status status = KEYD_OK;
    if (!good)
        status = keyd_fail(err, KEYD_DATA_LOSS, "CATALOG_CORRUPT",
                           "%s: the catalog has a row that keyd did not write; it was left as it "
                           "is. " MOVE_IT_AWAY,
                           store->path);
    else if (step != SQLITE_DONE)
        status = sql_failed(store, "reading", err);
    sqlite3_finalize(statement);
    return status;
}

enum keyd_status store_open(const char *path, store_visitor *visit, void *context,
                            struct store **store, struct keyd_error *err)
{
    struct store *made = memory_zeroed(1, sizeof *made);
    made->path = memory_text(path);
    enum keyd_status status = KEYD_OK;
    if (!is_there(path))
        status = make_new(made, err);
    if (status == KEYD_OK)
        status = judge(made, err);
    if (status == KEYD_OK)
        status = take_over(made, err);
    if (status == KEYD_OK)
        status = read_all(made, visit, context, err);
    if (status != KEYD_OK) {
        store_close(made);
        return status;
    }
    *store = made;
    return KEYD_OK;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    disconnect(store);
    free(store->path);
    free(store);
}

/* ---- Writing ------------------------------------------------------------------------------- */

/* Runs one statement whose parameters are bound, and finalises it. */
static enum keyd_status finish(struct store *store, sqlite3_stmt *statement, bool bound,
                               struct keyd_error *err)
{
    enum keyd_status status = KEYD_OK;
    if (!bound || sqlite3_step(statement) != SQLITE_DONE)
        status = sql_failed(store, "writing", err);
    sqlite3_finalize(statement);
    return status;
}

static enum keyd_status insert_key(struct store *store, const struct catalog_entry *entry,
                                   struct keyd_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool bound =
        sqlite3_prepare_v2(store->db, "INSERT INTO key VALUES (?1, ?2, ?3, ?4, ?5)", -1, &statement,
                           NULL) == SQLITE_OK &&
        sqlite3_bind_blob(statement, 1, entry->id.bytes, KEYID_SIZE, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_bind_text(statement, 2, entry->token, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_bind_text(statement, 3, entry->description, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_bind_blob(statement, 4, entry->request_digest, CATALOG_DIGEST_SIZE,
                          SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_bind_int(statement, 5, entry->pending) == SQLITE_OK;
    return finish(store, statement, bound, err);
}

static enum keyd_status insert_alias(struct store *store, const struct catalog_entry *entry,
                                     struct keyd_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool bound =
        sqlite3_prepare_v2(store->db, "INSERT INTO alias VALUES (?1, ?2)", -1, &statement, NULL) ==
            SQLITE_OK &&
        sqlite3_bind_text(statement, 1, entry->alias, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_bind_blob(statement, 2, entry->id.bytes, KEYID_SIZE, SQLITE_STATIC) == SQLITE_OK;
    return finish(store, statement, bound, err);
}

static enum keyd_status for_key(struct store *store, const char *sql, const struct keyid *id,
                                struct keyd_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool bound = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) == SQLITE_OK &&
                 sqlite3_bind_blob(statement, 1, id->bytes, KEYID_SIZE, SQLITE_STATIC) == SQLITE_OK;
    return finish(store, statement, bound, err);
}

enum keyd_status store_add(struct store *store, const struct catalog_entry *entry,
                           struct keyd_error *err)
{
    enum keyd_status status = run(store, "BEGIN IMMEDIATE", err);
    if (status != KEYD_OK)
        return status;
    status = insert_key(store, entry, err);
    if (status == KEYD_OK && entry->alias[0] != '\0')
        status = insert_alias(store, entry, err);
    if (status == KEYD_OK)
        status = run(store, "COMMIT", err);
    if (status != KEYD_OK)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

enum keyd_status store_finalise(struct store *store, const struct keyid *id, struct keyd_error *err)
{
    return for_key(store, "UPDATE key SET pending = 0 WHERE key_id = ?1", id, err);
}

enum keyd_status store_drop(struct store *store, const struct keyid *id, struct keyd_error *err)
{
    return for_key(store, "DELETE FROM key WHERE key_id = ?1 AND pending = 1", id, err);
}
