/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The mirror holds one row per key, found by id, and an index of those that have an alias, found by
 * name; both are sorted arrays. A write goes to the disk first, then into the mirror.
 */
#include "keyd/front/service/catalog.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/memory.h"
#include "keyd/front/service/store.h"

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
    struct store *store;
    pthread_rwlock_t lock; /* of the two lists; the worker, who alone changes them, reads without */
    struct list by_id;     /* *owns* the rows */
    struct list by_alias;
};

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

/* ---- Opening ------------------------------------------------------------------------------- */

static bool take_entry(void *context, const struct catalog_entry *entry)
{
    struct catalog *catalog = context;
    if (row_of(catalog, &entry->id) != NULL)
        return false;
    mirror_add(catalog, entry);
    return true;
}

enum keyd_status catalog_open(const char *path, struct catalog **catalog, struct keyd_error *err)
{
    struct catalog *made = memory_zeroed(1, sizeof *made);
    pthread_rwlock_init(&made->lock, NULL);
    enum keyd_status status = store_open(path, take_entry, made, &made->store, err);
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
    store_close(catalog->store);
    for (size_t i = 0; i < catalog->by_id.count; i++)
        row_free(catalog->by_id.rows[i]);
    free(catalog->by_id.rows);
    free(catalog->by_alias.rows);
    pthread_rwlock_destroy(&catalog->lock);
    free(catalog);
}

/* ---- Writing ------------------------------------------------------------------------------- */

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
        status = store_add(catalog->store, entry, err);
    if (status == KEYD_OK)
        mirror_add(catalog, entry);
    return status;
}

enum keyd_status catalog_finalise(struct catalog *catalog, const struct keyid *id,
                                  struct keyd_error *err)
{
    struct row *row = row_of(catalog, id);
    if (row == NULL)
        return keyd_fail(err, KEYD_NOT_FOUND, "KEY_NOT_FOUND", "the catalog has no such key");
    if (!row->pending)
        return KEYD_OK;
    enum keyd_status status = store_finalise(catalog->store, id, err);
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
    enum keyd_status status = store_drop(catalog->store, id, err);
    if (status == KEYD_OK)
        mirror_remove(catalog, row);
    return status;
}
