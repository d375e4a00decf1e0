/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A zone file as it is read: a window over the file that moves on, so that no file is held in
 * memory whole, and where in the file something stands, for messages. Blocks on the file. One
 * thread.
 */
#ifndef DNS_ZONETEXT_H
#define DNS_ZONETEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "client/dns/rdata.h"
#include "keyd/base/error.h"
#include "keyd/base/progress.h"

/* Bytes of one record with its comments. The longest rdata, a bitmap of all types by their names or
 * 65,535 escaped bytes, needs less than 1 MiB. */
#define ZONETEXT_ENTRY_MAX ((size_t)4 << 20)

struct zonetext;

struct entry {
    const struct token *tokens; /* *borrowed* until the next entry is asked for */
    size_t count;               /* 1 or more */
    unsigned line;              /* of the first token, from 1 */
    unsigned column;            /* in bytes, from 1 */
    bool blank_owner;           /* began with white space: it belongs to the last owner */
};

/* Opens a file, whatever its name: "-" is one, too. NOT_FOUND and others by errno;
 * INVALID_ARGUMENT, ZONE_FILE, for a folder. *text is *owned*: zonetext_close. */
enum keyd_status zonetext_open(const char *path, struct zonetext **text,
                               struct keyd_error *err) KEYD_CHECKED;

/* Reads from an open descriptor, which is *borrowed*; name is for messages. */
enum keyd_status zonetext_open_fd(int fd, const char *name, struct zonetext **text,
                                  struct keyd_error *err) KEYD_CHECKED;

/* Reads bytes in memory, *borrowed*, with LEXER_PADDING bytes behind them, the first a NUL. */
enum keyd_status zonetext_open_bytes(const char *bytes, size_t length, const char *name,
                                     struct zonetext **text, struct keyd_error *err) KEYD_CHECKED;
void zonetext_close(struct zonetext *text); /* takes NULL */

/* Counts there, from here on, the bytes that are read; those of a regular file are expected. NULL:
 * nobody looks. *Borrowed*. */
void zonetext_watch(struct zonetext *text, struct progress *progress);

/* *more is false at the end. INVALID_ARGUMENT, ZONE_FILE, "FILE:LINE:COLUMN: what" for text that is
 * none; ABORTED, ZONE_FILE_CHANGED, when the file became shorter, longer, or was written to. */
enum keyd_status zonetext_next(struct zonetext *text, struct entry *entry, bool *more,
                               struct keyd_error *err) KEYD_CHECKED;

/* Fails as zonetext_next does, at a byte of the last entry; any other pointer stands for its
 * beginning. Columns count bytes, from 1. */
enum keyd_status zonetext_fail(const struct zonetext *text, const char *at, struct keyd_error *err,
                               const char *format, ...) __attribute__((format(printf, 4, 5)));

const char *zonetext_name(const struct zonetext *text); /* for messages: one line, safe to print */
const char *zonetext_path(const struct zonetext *text); /* "" where it has none */
const struct stat *zonetext_stat(const struct zonetext *text); /* as it was when it was opened */

#endif
