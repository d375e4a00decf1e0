/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The Unix SOCK_SEQPACKET sockets that keyd-hsm listens on: one that systemd gave, or one that is
 * made on a path. Who may speak on them is for others to judge.
 */
#ifndef KEYD_HSM_LISTEN_H
#define KEYD_HSM_LISTEN_H

#include <sys/types.h>

#include "keyd/base/error.h"

#define LISTEN_SYSTEMD_FIRST 3 /* the first descriptor of LISTEN_FDS, sd_listen_fds(3) */

/* How many sockets systemd has given to this process; 0 when none. */
int listen_systemd_sockets(void);

/* The one socket that systemd gave, which listens already; *fd is *owned*. INVALID_ARGUMENT,
 * CONFIGURATION when there are several, or it is of another kind. */
enum keyd_status listen_take_systemd(int *fd, struct keyd_error *err) KEYD_CHECKED;

/* Makes a socket at `path` with this mode; *fd is *owned* and does not listen yet. A socket that
 * its process has left behind is replaced; one that a process still has, or whatever else stands
 * there, is ALREADY_EXISTS, SOCKET_IN_USE, and is not touched. field: of the configuration, for the
 * message. */
enum keyd_status listen_bind(const char *path, mode_t mode, const char *field, int *fd,
                             struct keyd_error *err) KEYD_CHECKED;

#endif
