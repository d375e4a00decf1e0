/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The access socket: made, and taken away again; who connects to it.
 */
#ifndef KEYD_FRONT_RPC_LISTEN_H
#define KEYD_FRONT_RPC_LISTEN_H

#include <sys/stat.h>
#include <sys/types.h>

#include "keyd/base/error.h"

struct listener {
    int fd;
    const char *path; /* *borrowed* */
    dev_t device;     /* the socket that we made, so that another's is not taken away */
    ino_t inode;
};

/* Makes the socket, mode 0666 whatever the umask is: the check of the peer's uid is the gate, the
 * folder's mode is for operators who want less. Sets the umask for a moment: before clients come.
 * What a dead keyd left there is replaced. ALREADY_EXISTS, reason KEYD_RUNS, when somebody answers
 * on it; FAILED_PRECONDITION, NO_SOCKET, when something else has the name. */
enum keyd_status listener_open(struct listener *listener, const char *path,
                               struct keyd_error *err) KEYD_CHECKED;

/* Closes and removes it. */
void listener_close(struct listener *listener);

/* The next connection, non-blocking, with its peer's uid by SO_PEERCRED; -1 when there is none at
 * the moment (errno EAGAIN), or when it failed. */
int listener_accept(struct listener *listener, uid_t *uid);

#endif
