/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The client as its own files see it: a channel, a queue, the thread that empties it, and the calls
 * in flight. Who adds a call holds the lock and looks at `closing`; the thread alone removes one,
 * after its callback has returned.
 */
#ifndef CLIENT_LIB_CLIENT_H
#define CLIENT_LIB_CLIENT_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <sys/types.h>

#include "client/lib/answer.h"
#include "client/lib/keyd.h"
#include "client/lib/socket.h"

/* How long a connection may take, HTTP/2 settings included, in ms. gRPC calls this "minimum
 * reconnect back-off"; a busy host must not fail it. */
#define CONNECT_TIMEOUT_MS 2000

struct call;

struct keyd_client {
    pid_t pid; /* of the process that connected: no other may use it */
    char path[SOCKET_PATH_MAX];
    grpc_channel *channel;
    grpc_completion_queue *queue;
    void *methods[METHOD_COUNT]; /* gRPC's handles, the channel's */
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t idle; /* calls became NULL */
    struct call *calls;  /* in flight, doubly linked */
    bool closing;
    int64_t probed_ns; /* when the socket was last asked */
    int probed_errnum; /* and what it said */
};

/* An event of the queue: a call's answer is there, or the connection that it waits for. Only on
 * the client's thread. */
void call_event(struct call *call);

/* Cancels every call in flight. With the lock held. */
void call_cancel_all(struct keyd_client *client);

#endif
