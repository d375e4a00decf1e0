/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One call to keyd: sent, waited for by the client's thread, judged. No gRPC type in this header:
 * what the calls are about (key.c, sign.c, service.c) stays apart from how they travel.
 *
 * A call that meets a connection which has failed asks the socket itself: nobody there, and it
 * fails at once; somebody there, and it has gRPC connect now instead of at the end of its back-off,
 * and goes on when it has.
 */
#ifndef CLIENT_LIB_CALL_H
#define CLIENT_LIB_CALL_H

#include <protobuf-c/protobuf-c.h>

#include "client/lib/answer.h"
#include "client/lib/keyd.h"

#define REQUEST_SIZE_MAX (128u << 10) /* bytes, packed: keyd refuses larger ones */

/* Called once, on the client's thread. On KEYD_OK answer is *given away* and err NULL; else answer
 * is NULL and err *borrowed*. */
typedef void call_done(void *context, enum keyd_status status, ProtobufCMessage *answer,
                       const struct keyd_error *err);

/* Sends and returns. On another status than KEYD_OK done is never called. timeout_ms as in keyd.h.
 * Any thread. */
enum keyd_status call_start(struct keyd_client *client, enum method method,
                            const ProtobufCMessage *request, int timeout_ms, call_done *done,
                            void *context, struct keyd_error *err) KEYD_CHECKED;

/* Sends and waits. *answer is *owned*: protobuf_c_message_free_unpacked with no allocator. Any
 * thread but the client's own. */
enum keyd_status call_wait(struct keyd_client *client, enum method method,
                           const ProtobufCMessage *request, int timeout_ms,
                           ProtobufCMessage **answer, struct keyd_error *err) KEYD_CHECKED;

/* What a timeout of keyd.h comes to, 1 to KEYD_TIMEOUT_MAX_MS; INVALID_ARGUMENT for a negative one.
 */
enum keyd_status call_timeout(int *timeout_ms, struct keyd_error *err) KEYD_CHECKED;

#endif
