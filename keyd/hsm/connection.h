/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One front's connection: its socket, who is at the other end, how many of its requests are open,
 * and its answers until they leave. For the link, which has at most one that is current, and whose
 * items keep older ones alive. Knows no queue and no thread's role; what requests mean it knows
 * neither.
 *
 * Answers wait in one packet until it is worth a system call and a wake-up of the front: when as
 * many answers wait as requests do, here and in the socket, when the packet is full, or when the
 * first has waited CONNECTION_ANSWER_CAP_MS. One request in flight is so answered at once, 64 in a
 * few bursts.
 *
 * Any thread, but where it says otherwise. Whoever uses one holds a reference of it.
 */
#ifndef KEYD_HSM_CONNECTION_H
#define KEYD_HSM_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "keyd/base/log.h"
#include "keyd/hsm/v1/hsm.pb-c.h"
#include "keyd/wall/packet.h"

typedef Keyd__Hsm__V1__Request wall_request;
typedef Keyd__Hsm__V1__Answer wall_answer;

/* An answer that is ready waits no longer than this for company. */
#define CONNECTION_ANSWER_CAP_MS 1

/* A front that does not read its answers for so long is disconnected; it holds up all signers. */
#define CONNECTION_SEND_LIMIT_MS 10000

struct connection;

/* With one reference, the caller's. NULL: no memory; else fd is *given away*. */
struct connection *connection_new(int fd, uid_t uid, pid_t pid);

/* One reference more, and one less: the last one closes the socket and frees it all. */
void connection_hold(struct connection *connection);
void connection_release(struct connection *connection);

int connection_fd(const struct connection *connection); /* to poll and receive; *borrowed* */

/* Ends it both ways: whoever is in recv or send on it comes back, and nothing is sent any more. The
 * first call says why in the log. */
void connection_shut(struct connection *connection, enum log_level level, const char *why);
bool connection_is_closed(const struct connection *connection);

/* Hello was good. */
void connection_set_greeted(struct connection *connection);
bool connection_is_greeted(const struct connection *connection);

/* ---- Requests and answers -------------------------------------------------------------------- */

/* Counts a request in; *first: it is the connection's first. False when more are open than
 * WALL_IN_FLIGHT_MAX; it is to be answered all the same. */
bool connection_count_in(struct connection *connection, bool *first);

/* One of the requests is the managing thread's from now on: no burst waits for its answer. */
void connection_pass(struct connection *connection);

/* What is to be done about the answers that wait. */
enum due { DUE_NOT_YET, DUE_IF_NO_MORE /* requests lie in the socket */, DUE_NOW };

/* Adds a request's answer to what waits, and says what is due. *spare: an empty packet of the
 * caller's, which may change places with a full one; passed: as connection_pass was told; next_ns:
 * how long the caller's next request is likely to take. Where the packet is full it leaves first,
 * as by connection_flush. An answer that fits no packet shuts the connection. */
enum due connection_answer(struct connection *connection, struct wall_packet **spare,
                           const wall_answer *answer, bool passed, int64_t next_ns);

/* The same question again, when more requests may have come. */
enum due connection_judge(struct connection *connection, int64_t next_ns);

/* Sends what waits. Blocks while the front does not read, CONNECTION_SEND_LIMIT_MS at most: then,
 * and where it cannot be sent, the connection is shut. */
void connection_flush(struct connection *connection, struct wall_packet **spare);

/* Whether answers wait; or may come to wait while their signers are at work. */
bool connection_answers_wait(struct connection *connection);
bool connection_answers_are_due(struct connection *connection);

#endif
