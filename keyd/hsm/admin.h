/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The admin socket: what an operator on the host asks of a running keyd-hsm, in every state of the
 * token (proto/keyd/hsm/v1/admin.proto). Root and keyd-hsm's own user are heard, nobody else.
 *
 * It belongs to the main thread, which polls for it: a peer that is silent, slow or wrong holds up
 * nobody, since it is read once, when its packet is there, and has ADMIN_PATIENCE_MS for it. What
 * somebody asked who is gone by then is not done.
 */
#ifndef KEYD_HSM_ADMIN_H
#define KEYD_HSM_ADMIN_H

#include <poll.h>

#include "keyd/hsm/token.h"
#include "keyd/hsm/v1/admin.pb-c.h"

/* Bytes of a packet: an answer has one message of KEYD_MESSAGE_MAX, a request far less. */
#define ADMIN_PACKET_MAX 4096

#define ADMIN_PATIENCE_MS 5000 /* from accept until the request is there */
#define ADMIN_PEERS       4    /* at once; others wait in the socket */
#define ADMIN_EVENTS      (1 + ADMIN_PEERS)

/* How long a start afresh may take, in seconds: a supervisor's pause, a module, a login. */
#define ADMIN_RESTART_S 30

struct admin;

/* Binds config->admin_socket and listens, so that who comes early waits. NULL, with a line in the
 * log, when that cannot be: the token is served all the same. *Owned* for the life of the process.
 */
struct admin *admin_open(const struct hsm_config *config);

/* What the main thread polls for: fills in at most ADMIN_EVENTS; their number. *wait_ms is lowered
 * to what the first silent peer has left. `admin` may be NULL here and below. */
size_t admin_events(struct admin *admin, struct pollfd events[ADMIN_EVENTS], int *wait_ms);

/* Takes what came, of the events that admin_events gave. True when keyd-hsm is to end, to be
 * started afresh: the answer that says so is on its way. Blocks: disk, for a login. */
bool admin_take(struct admin *admin, const struct token *token,
                const struct pollfd events[ADMIN_EVENTS], size_t count);

#endif
