/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The journal: every change to a key, on disk before it counts. One file of JSON lines, only ever
 * appended to, each record chained to the one before by a hash, so that nothing can be taken out or
 * changed unseen. It knows how records are written and chained, not what they mean: that is the
 * register's part.
 *
 * A record is one line, compact, keys sorted, at most JOURNAL_LINE_MAX bytes:
 *   v      1, the format's version
 *   seq    1, 2, 3, ...
 *   time   RFC 3339, UTC, as clock_format writes it
 *   token  the token's serial number, the same in all records
 *   prev   SHA-256, hexadecimal, of the whole line before with its line feed; for the first
 *          record of 32 zero bytes
 *   type   "journal.opened" (always the first and only the first), or one of the register's types
 *
 * and the type's own fields. Unknown fields are left alone; an unknown version or type is refused.
 *
 * A last line without its line feed was never acknowledged to anybody and is cut off. Any other
 * break is refused, and the file is left as it is.
 *
 * One process holds a journal (flock). One thread at a time may use it.
 */
#ifndef KEYD_HSM_JOURNAL_H
#define KEYD_HSM_JOURNAL_H

#include <jansson.h>

#include "keyd/base/error.h"

#define JOURNAL_LINE_MAX 65536 /* bytes with the line feed: a record is some hundreds */

/* The reasons of what only a person can mend; keyd-hsm then stays and says so. */
#define REASON_JOURNAL_BROKEN "JOURNAL_BROKEN" /* DATA_LOSS */
#define REASON_JOURNAL_NEWER  "JOURNAL_NEWER"  /* FAILED_PRECONDITION */
/* What has its name is no regular file; FAILED_PRECONDITION. */
#define REASON_JOURNAL_ODD "JOURNAL_ODD"
/* Somebody else changed it while it was open; DATA_LOSS. */
#define REASON_JOURNAL_TOUCHED "JOURNAL_TOUCHED"
/* Another process holds it; FAILED_PRECONDITION. */
#define REASON_JOURNAL_LOCKED "JOURNAL_LOCKED"

struct journal;

/* Takes one record, *borrowed*. What it refuses is refused with the file and the line before its
 * message; it is not called for "journal.opened". */
typedef enum keyd_status (*journal_visitor)(void *context, const json_t *record,
                                            struct keyd_error *err);

/* Opens the file, makes it (0600) when it is missing, takes the lock, checks the chain, and gives
 * each record to `visit` in order. *journal is *owned*: journal_close. Blocks on the disk. */
enum keyd_status journal_open(const char *path, journal_visitor visit, void *context,
                              struct journal **journal, struct keyd_error *err) KEYD_CHECKED;

/* Closes and unlocks; takes NULL. */
void journal_close(struct journal *journal);

/* The serial number of the token that it belongs to; NULL: it has no record yet. *Borrowed*. */
const char *journal_token(const struct journal *journal);

/* Writes the first record, journal.opened. Only while there is none. */
enum keyd_status journal_begin(struct journal *journal, const char *token,
                               struct keyd_error *err) KEYD_CHECKED;

/* Appends a record of this type with these fields (an object, *given away*, also on failure; NULL
 * is INTERNAL) and returns it whole in *record (*owned*: json_decref; NULL: not wanted). On disk
 * when this returns KEYD_OK; else it is not in the file: what could not be written whole is taken
 * back, and where even that fails the process ends. RESOURCE_EXHAUSTED, JOURNAL_FULL: the disk is
 * full; DATA_LOSS, JOURNAL_TOUCHED. Blocks: fdatasync. */
enum keyd_status journal_append(struct journal *journal, const char *type, json_t *fields,
                                json_t **record, struct keyd_error *err) KEYD_CHECKED;

#endif
