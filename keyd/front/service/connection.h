/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The life of a token's connection: connect, greet, list the keys, take answers, hang up, wait, try
 * again. All of it is the reader's, and blocks nowhere; connection_close may also be called when
 * the reader has ended. For the files of this folder.
 *
 * keyd-hsm is not trusted further than it must be: whatever is out of turn, out of order, too large
 * or no message ends the connection, and each of its texts is judged before it is told to anybody.
 */
#ifndef KEYD_FRONT_SERVICE_CONNECTION_H
#define KEYD_FRONT_SERVICE_CONNECTION_H

#include "keyd/front/service/token.h"

/* When connection_look_after has something to do (CLOCK_MONOTONIC, nanoseconds): the next try to
 * connect, or the end of the patience with a keyd-hsm that does not greet. INT64_MAX: never. */
int64_t connection_due(struct token *token);
void connection_look_after(struct token *token, int64_t now);

/* Sends and receives what epoll says can be. incoming: the reader's, to receive into. */
void connection_take_events(struct token *token, uint32_t events, struct wall_packet *incoming);

/* The token is DOWN without a socket. What was in flight is moved to `lost`, what waits stays. */
void connection_close(struct token *token, struct request_list *lost);

#endif
