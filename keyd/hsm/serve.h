/* SPDX-License-Identifier: BSD-2-Clause
 *
 * keyd-hsm at work: the wall's socket, who may connect, the threads, and the end in order.
 *
 * Threads: main (accepts, says that it runs, the admin socket, watches the PIN file), one managing
 * thread, the signers; and the watchdog and the one that hears signals (ending.h), which are not
 * started here.
 */
#ifndef KEYD_HSM_SERVE_H
#define KEYD_HSM_SERVE_H

#include "keyd/hsm/admin.h"

/* Takes the socket where config->socket says, or the one that systemd gave (listen.h); *fd is
 * *owned*. Nobody is let in before serve. */
enum keyd_status serve_bind(const struct hsm_config *config, int *fd,
                            struct keyd_error *err) KEYD_CHECKED;

/* Serves until the end is asked for (ending.h; then it ends the process with status 0), or until a
 * start afresh is due (status 1): a faulty token after 5 s, a changed PIN file while the login is
 * needed, an operator's word. Returns only when it cannot begin. *Given away*: fd. admin: NULL
 * where there is none. */
enum keyd_status serve(struct token *token, int fd, struct admin *admin,
                       struct keyd_error *err) KEYD_CHECKED;

#endif
