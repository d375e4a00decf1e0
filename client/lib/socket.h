/* SPDX-License-Identifier: BSD-2-Clause
 *
 * keyd's Unix socket as a path: where it is, whether somebody answers there, and how to say it when
 * nobody does. Knows nothing of gRPC.
 */
#ifndef CLIENT_LIB_SOCKET_H
#define CLIENT_LIB_SOCKET_H

#include <sys/un.h>

#include "keyd/base/error.h"

#define SOCKET_PATH_MAX sizeof(((struct sockaddr_un *)0)->sun_path) /* bytes with the NUL */

/* Which socket is meant: `socket`, else $KEYD_SOCKET, else the default. Made absolute and checked
 * to be a socket. NOT_FOUND (SOCKET_MISSING), PERMISSION_DENIED (SOCKET_PERMISSION),
 * INVALID_ARGUMENT (SOCKET_PATH). Blocks on stat(2) only. */
enum keyd_status socket_find(const char *socket, char path[SOCKET_PATH_MAX],
                             struct keyd_error *err) KEYD_CHECKED;

/* Connects and hangs up: 0 when somebody listens there, else errno. Never blocks. */
int socket_probe(const char *path);

/* Why a call could not reach keyd, given what socket_probe says now. UNAVAILABLE with reason
 * SOCKET_MISSING, CONNECTION_REFUSED or, when somebody listens, CONNECTION_CLOSED;
 * PERMISSION_DENIED with SOCKET_PERMISSION, since no repetition helps there. */
enum keyd_status socket_explain(const char *path, int errnum, struct keyd_error *err);

#endif
