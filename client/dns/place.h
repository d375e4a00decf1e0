/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where a record was written, for messages: the file, also one that was included by another, the
 * line and the column. Pure but for the memory of the files; what is there never changes, so that
 * any thread may read it while another adds files.
 */
#ifndef DNS_PLACE_H
#define DNS_PLACE_H

#include <stddef.h>

#include "keyd/base/error.h"

/* A file, or a server: where records come from. */
struct place_file {
    const char *name;                /* of place_name's making */
    const struct place_file *parent; /* the file whose $INCLUDE names it; NULL: none does */
    unsigned line;                   /* of that $INCLUDE */
    struct place_file *next;         /* the list that owns them */
};

/* All that one zone came from. All zero: none. *Owns* them: place_files_free. */
struct place_files {
    struct place_file *last;
};

struct place {
    const struct place_file *file; /* *borrowed*; NULL: not known */
    unsigned line;                 /* from 1; 0: not known, or there are no lines */
    unsigned column;               /* in bytes, from 1; 0: not known */
};

/* A path as it is shown: one line of UTF-8 without control characters, and no more than
 * PLACE_NAME_MAX bytes, the last ones. *Owned*: free. NULL when there is no memory. */
#define PLACE_NAME_MAX 280
char *place_name(const char *path);

/* The name is copied. NULL when there is no memory. */
const struct place_file *place_files_add(struct place_files *files, const char *name,
                                         const struct place_file *parent, unsigned line);
void place_files_free(struct place_files *files);

/* The line in the file that is included by none: of the record, or of the $INCLUDE that led to it.
 */
unsigned place_outer_line(const struct place *place);

/* "FILE:LINE:COLUMN", as much of it as is known, and nothing of how the file was included. Returns
 * text. */
#define PLACE_TEXT (PLACE_NAME_MAX + 24) /* bytes with the NUL */
const char *place_text(const struct place *place, char text[PLACE_TEXT]);

/* Appends " (included from FILE:LINE, from FILE:LINE)" to a text; nothing to that of a file that is
 * included by none. */
void place_append_includes(const struct place_file *file, char *text, size_t size);

/* keyd_fail with "FILE:LINE:COLUMN: " before the message, and the includes behind it. */
enum keyd_status place_fail(const struct place *place, struct keyd_error *err,
                            enum keyd_status status, const char *reason, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
