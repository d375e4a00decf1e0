/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A zone file as text (RFC 1035, 5.1): comments, parentheses, quotes and line ends, but nothing of
 * what the words mean. Gives one entry (a record or a directive) at a time.
 */
#ifndef DNS_ZONETEXT_H
#define DNS_ZONETEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "client/dns/rdata.h"
#include "keyd/base/error.h"

#define ZONETEXT_MAX ((size_t)1 << 30) /* bytes of a zone file: it is held in memory */

struct zonetext;

struct entry {
    const struct token *tokens; /* *borrowed* until the next entry is asked for */
    size_t count;               /* 1 or more */
    unsigned line;              /* of the first token, from 1 */
    bool blank_owner;           /* began with white space: it belongs to the last owner */
};

/* Reads the whole file. NOT_FOUND and others from file_read. *text is *owned*: zonetext_close. */
enum keyd_status zonetext_open(const char *path, struct zonetext **text,
                               struct keyd_error *err) KEYD_CHECKED;
void zonetext_close(struct zonetext *text); /* takes NULL */

/* *more is false at the end. INVALID_ARGUMENT, reason ZONE_FILE, message "FILE:LINE: ...". */
enum keyd_status zonetext_next(struct zonetext *text, struct entry *entry, bool *more,
                               struct keyd_error *err) KEYD_CHECKED;

/* Fails as zonetext_next does, at a line of the reader's choice. */
enum keyd_status zonetext_fail(const struct zonetext *text, unsigned line, struct keyd_error *err,
                               const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
