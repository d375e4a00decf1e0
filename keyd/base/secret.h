/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory for secrets (a PIN, a private key's text): pages of its own, locked into RAM, left out of
 * core dumps and of forked children, wiped when freed. Nothing prints one.
 */
#ifndef KEYD_BASE_SECRET_H
#define KEYD_BASE_SECRET_H

#include <stddef.h>

#include "keyd/base/error.h"

struct keyd_secret {
    size_t length; /* bytes in use */
    size_t size;   /* bytes there are */
    unsigned char *data;
};

/* A secret of `size` bytes, all zero, length 0. NULL when the memory cannot be had or locked (errno
 * says why; RLIMIT_MEMLOCK is the usual reason). *Owned* by the caller: keyd_secret_free. */
struct keyd_secret *keyd_secret_new(size_t size);

/* Wipes and frees; takes NULL. */
void keyd_secret_free(struct keyd_secret *secret);

/* Reads a whole file of 1 to `max` bytes into a secret, with no copy of it elsewhere in this
 * process: no stdio. One final line feed (or CR LF) is dropped. FAILED_PRECONDITION,
 * SECRET_FILE_MODE: group or others can read or write it, or it is no regular file;
 * SECRET_FILE_OWNER: it belongs neither to this process' user nor to root. INVALID_ARGUMENT: it is
 * empty or longer. A symbolic link is followed, and what it leads to is judged. Blocks on the disk.
 */
enum keyd_status keyd_secret_read(const char *path, size_t max, struct keyd_secret **secret,
                                  struct keyd_error *err) KEYD_CHECKED;

#endif
