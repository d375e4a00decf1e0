/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Small files, read whole and replaced whole. All of it blocks on the disk. Any thread.
 */
#ifndef KEYD_BASE_FILE_H
#define KEYD_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "keyd/base/error.h"

/* Reads a file of at most `max` bytes; *data is *owned* (free) and has a NUL after its *size bytes.
 */
enum keyd_status file_read(const char *path, size_t max, char **data, size_t *size,
                           struct keyd_error *err) KEYD_CHECKED;

/* Replaces `path` with these bytes: a temporary file beside it, fsync, rename, fsync of the folder.
 * Either the old or the new content stands, at every moment. On failure nothing is left behind, nor
 * by a signal that ends the program where that is taken (fatal_watch). */
enum keyd_status file_replace(const char *path, const void *data, size_t size, mode_t mode,
                              struct keyd_error *err) KEYD_CHECKED;

/* Makes a folder and what is missing above it, each with `mode` and made to last (fsync of the
 * folder above); one that exists is left as it is. */
enum keyd_status file_make_folder(const char *path, mode_t mode,
                                  struct keyd_error *err) KEYD_CHECKED;

/* Would these two paths be one file, whether it is there or not? Links, "." and ".." are followed
 * as far as there is something; a path that cannot be looked at is taken by its letters. False for
 * hard links to one file, where they are not there yet. */
bool file_is_same(const char *path, const char *other);

/* fsync of the folder that `path` stands in, so that a rename or unlink in it lasts. */
enum keyd_status file_sync_folder_of(const char *path, struct keyd_error *err) KEYD_CHECKED;

#endif
