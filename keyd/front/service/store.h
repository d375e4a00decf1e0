/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The catalog's file: SQLite, its schema, and what is done before a file is trusted. For catalog.c
 * only, which knows what entries mean and keeps them in memory.
 *
 * One thread at a time. What writes blocks until the disk has it (WAL, synchronous=FULL): each
 * function's change is there whole after a crash, or not at all.
 */
#ifndef KEYD_FRONT_SERVICE_STORE_H
#define KEYD_FRONT_SERVICE_STORE_H

#include "keyd/front/service/catalog.h"

struct store;

/* Takes one entry of the file, *borrowed*. False: it cannot be right. */
typedef bool store_visitor(void *context, const struct catalog_entry *entry);

/* Opens or makes the file, takes it for this process alone, gives every entry to `visit`. Errors as
 * catalog_open's. *store is *owned*: store_close. */
enum keyd_status store_open(const char *path, store_visitor *visit, void *context,
                            struct store **store, struct keyd_error *err) KEYD_CHECKED;
void store_close(struct store *store); /* takes NULL */

/* The entry and its alias. Neither may be there. */
enum keyd_status store_add(struct store *store, const struct catalog_entry *entry,
                           struct keyd_error *err) KEYD_CHECKED;

/* The entry is pending no more. */
enum keyd_status store_finalise(struct store *store, const struct keyid *id,
                                struct keyd_error *err) KEYD_CHECKED;

/* A pending entry goes, with its alias. */
enum keyd_status store_drop(struct store *store, const struct keyid *id,
                            struct keyd_error *err) KEYD_CHECKED;

#endif
