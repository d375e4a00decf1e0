/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A signed zone on its way to its place: first a file beside it (FILE.new), where it can be judged,
 * then in one step the file itself. Until then the last good one stands, whatever happens; a signal
 * that ends the program takes the half-written file with it. FILE.new is locked while it is at
 * work: two runs that were given the same file do not take each other's.
 *
 * The name server reads the file as another user. A file that is replaced hands its owner, group
 * and mode down to the new one (access control lists it does not); a first one is 0644 of whoever
 * runs this, whatever the umask.
 *
 * The path "-" is standard output: the zone is made in memory and is written when it is committed,
 * so that nobody reads on it what was not judged.
 */
#ifndef DNSSEC_PUBLISH_H
#define DNSSEC_PUBLISH_H

#include <limits.h>
#include <stdbool.h>

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "keyd/base/error.h"

struct publication {
    char target[PATH_MAX]; /* with symbolic links followed */
    char fresh[PATH_MAX];  /* where the new one can be read: beside it, or in memory */
    int fd;                /* of the new one: holds its lock or its memory */
    int pending;           /* of fatal_remove */
    mode_t mode;           /* that it will have */
    off_t written;         /* bytes so far */
    off_t started;         /* of them, on their way to the disk */
    bool rehearsal;
    bool to_output; /* in memory first, then to standard output */
};

/* Whether a file could be written there: its folder exists and may be written. For telling early.
 * FAILED_PRECONDITION when it is a folder itself, anything but a plain file, or a link to nothing,
 * or standard output is closed; OWNER as publish_begin. Nothing is changed. */
enum keyd_status publish_check(const char *path, struct keyd_error *err) KEYD_CHECKED;

/* Whether a file there would be in this folder. */
bool publish_is_in(const char *path, const char *folder);

/* Whether a signed zone at this place would take a file's, or that of its own way there (FILE.new).
 */
bool publish_would_replace(const char *path, const struct stat *st);

/* Begins a new file beside `path`; for a rehearsal, a dry run, in memory, so that nothing on disk
 * is touched. ABORTED, ZONE_BUSY, when another run is at it; FAILED_PRECONDITION, OWNER, when the
 * new file could not be read by those who could read the old one. Afterwards publish_end and
 * publish_commit are due, or publish_drop after an error of any of them but publish_commit, which
 * drops by itself. One at a time in a process. */
enum keyd_status publish_begin(const char *path, bool rehearsal, struct publication *publication,
                               struct keyd_error *err) KEYD_CHECKED;

/* Writes on, and over what was written. For a struct sign_output whose context is the publication.
 * Any thread. */
enum keyd_status publish_add(void *publication, const void *data, size_t length,
                             struct keyd_error *err) KEYD_CHECKED;
enum keyd_status publish_patch(void *publication, size_t at, const void *data, size_t length,
                               struct keyd_error *err) KEYD_CHECKED;

/* All is written: puts it on the disk. It can be read from publication->fresh. */
enum keyd_status publish_end(struct publication *publication, struct keyd_error *err) KEYD_CHECKED;

/* Not of a rehearsal. */
enum keyd_status publish_commit(struct publication *publication,
                                struct keyd_error *err) KEYD_CHECKED;
void publish_drop(struct publication *publication);

#endif
