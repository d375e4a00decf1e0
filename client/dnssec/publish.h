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
 */
#ifndef DNSSEC_PUBLISH_H
#define DNSSEC_PUBLISH_H

#include <limits.h>
#include <stdbool.h>

#include "client/dns/zone.h"

struct publication {
    char target[PATH_MAX]; /* with symbolic links followed */
    char fresh[PATH_MAX];  /* where the new one can be read: beside it, or in memory */
    int fd;                /* of the new one: holds its lock or its memory */
    bool rehearsal;
};

/* Whether a file could be written there: its folder exists and may be written. For telling early.
 * FAILED_PRECONDITION when it is a folder itself, anything but a plain file, or a link to nothing.
 */
enum keyd_status publish_check(const char *path, struct keyd_error *err) KEYD_CHECKED;

/* Writes and syncs the zone beside `path`. Afterwards publish_commit or publish_drop is due.
 * ABORTED, ZONE_BUSY, when another run is at it; FAILED_PRECONDITION, OWNER, when the new file
 * could not be read by those who could read the old one. One at a time in a process. */
enum keyd_status publish_write(const char *path, const struct zone *zone,
                               struct publication *publication,
                               struct keyd_error *err) KEYD_CHECKED;

/* The same for a dry run: into memory, so that nothing on disk is touched. publish_drop is due. */
enum keyd_status publish_rehearse(const char *path, const struct zone *zone,
                                  struct publication *publication,
                                  struct keyd_error *err) KEYD_CHECKED;

enum keyd_status publish_commit(struct publication *publication,
                                struct keyd_error *err) KEYD_CHECKED;
void publish_drop(struct publication *publication);

#endif
