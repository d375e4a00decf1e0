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
 * empty or longer. A symbolic link is followed, and what it leads to is judged. *secret is *owned*.
 * Blocks on the disk. */
enum keyd_status keyd_secret_read(const char *path, size_t max, struct keyd_secret **secret,
                                  struct keyd_error *err) KEYD_CHECKED;

/* The same for a file that systemd gives a service (systemd.exec(5), LoadCredential=): it may also
 * be root's with mode 0440. There the mask of an ACL, which lets the service's user read it, stands
 * in the place of the group's bits. */
enum keyd_status keyd_secret_read_credential(const char *path, size_t max,
                                             struct keyd_secret **secret,
                                             struct keyd_error *err) KEYD_CHECKED;

/* The same from an open descriptor, *borrowed*: a pipe or stream socket, read until its other end
 * is closed, for `limit_ms` at most (DEADLINE_EXCEEDED, SECRET_LATE); or a regular file, judged as
 * by keyd_secret_read and read from its beginning, wherever it stands (one that has no name any
 * more, as a memfd, may have any mode). name: for messages, as "descriptor 5". */
enum keyd_status keyd_secret_take(int fd, const char *name, size_t max, int limit_ms,
                                  struct keyd_secret **secret, struct keyd_error *err) KEYD_CHECKED;

#endif
