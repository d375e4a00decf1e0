/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A signed zone on its way to its place: first a file beside it (FILE.new), where it can be judged,
 * then in one step the file itself. Until then the last good one stands, whatever happens; a signal
 * that ends the program takes the half-written file with it.
 */
#ifndef DNSSEC_PUBLISH_H
#define DNSSEC_PUBLISH_H

#include <limits.h>

#include "client/dnssec/zone.h"

struct publication {
    char target[PATH_MAX]; /* with symbolic links followed */
    char fresh[PATH_MAX];  /* the file beside it */
};

/* Whether a file could be written there: its folder exists and may be written. For telling early.
 * FAILED_PRECONDITION when it is a folder itself or anything but a plain file. */
enum keyd_status publish_check(const char *path, struct keyd_error *err) KEYD_CHECKED;

/* Writes and syncs the zone beside `path`. Afterwards publish_commit or publish_drop is due. The
 * mode is that of the file to be replaced, else 0644. One at a time in a process. */
enum keyd_status publish_write(const char *path, const struct zone *zone,
                               struct publication *publication,
                               struct keyd_error *err) KEYD_CHECKED;

enum keyd_status publish_commit(struct publication *publication,
                                struct keyd_error *err) KEYD_CHECKED;
void publish_drop(struct publication *publication);

#endif
