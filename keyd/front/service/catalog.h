/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The front's own small memory on disk: aliases, descriptions, and creations that are under way.
 * SQLite, one file, one process at a time. It names no key material; its loss loses names, not
 * keys.
 *
 * A key's entry is born *pending*, before keyd-hsm is asked to make the key, and becomes *final* in
 * one transaction when the key is there: so key and alias appear together. What is still pending
 * after a crash is settled by what keyd-hsm lists (create.c). Pending entries hold their alias, and
 * show no key.
 *
 * All of it is mirrored in memory: what reads never touches the disk and may be called from any
 * thread. What writes blocks until the disk has it (WAL, synchronous=FULL) and belongs on the
 * worker, one at a time.
 */
#ifndef KEYD_FRONT_SERVICE_CATALOG_H
#define KEYD_FRONT_SERVICE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

#include "keyd/base/error.h"
#include "keyd/base/keyid.h"

#define DESCRIPTION_MAX        1024 /* bytes of UTF-8, keyd.proto */
#define CATALOG_SCHEMA_VERSION 1
#define CATALOG_DIGEST_SIZE    32

struct catalog;

struct catalog_entry {
    struct keyid id;
    char token[NAME_MAX_LENGTH + 1];
    uint8_t request_digest[CATALOG_DIGEST_SIZE];
    char alias[ALIAS_TEXT]; /* "alias/NAME"; empty: none */
    char description[DESCRIPTION_MAX + 1];
    bool pending;
};

/* Opens or makes the file, and reads it whole. A file that is no catalog, is damaged, or is of a
 * newer keyd is refused and left as it is: FAILED_PRECONDITION CATALOG_NEWER, DATA_LOSS
 * CATALOG_CORRUPT; UNAVAILABLE CATALOG_IN_USE when another process has it. */
enum keyd_status catalog_open(const char *path, struct catalog **catalog,
                              struct keyd_error *err) KEYD_CHECKED;
void catalog_close(struct catalog *catalog); /* takes NULL */

/* ---- Reading: memory only, any thread ------------------------------------------------------ */

/* The entry that holds an alias, final or pending. */
bool catalog_find_alias(struct catalog *catalog, const char *alias, struct catalog_entry *entry);
bool catalog_find(struct catalog *catalog, const struct keyid *id, struct catalog_entry *entry);

/* The key id that a *final* alias names; for Sign, which needs no more. */
bool catalog_resolve(struct catalog *catalog, const char *alias, struct keyid *id);

/* At most `max` pending entries of one token; returns how many there are in all. */
size_t catalog_pending(struct catalog *catalog, const char *token, struct keyid *ids, size_t max);
bool catalog_is_pending(struct catalog *catalog, const struct keyid *id);

/* ---- Writing: the worker only, blocks on the disk ------------------------------------------ */

/* Adds an entry with its alias, pending or final as it says. ALREADY_EXISTS, reason ALIAS_TAKEN
 * (the message names the key that has it) or KEY_EXISTS. Nothing or all of it is done. */
enum keyd_status catalog_add(struct catalog *catalog, const struct catalog_entry *entry,
                             struct keyd_error *err) KEYD_CHECKED;

/* A pending entry becomes final. One that is final already stays so; NOT_FOUND when there is none.
 */
enum keyd_status catalog_finalise(struct catalog *catalog, const struct keyid *id,
                                  struct keyd_error *err) KEYD_CHECKED;

/* Takes a pending entry and its alias away. One that is not there is fine; a final one is
 * FAILED_PRECONDITION. */
enum keyd_status catalog_drop(struct catalog *catalog, const struct keyid *id,
                              struct keyd_error *err) KEYD_CHECKED;

#endif
