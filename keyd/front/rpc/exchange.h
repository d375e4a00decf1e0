/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One gRPC call's life: posted, taken, judged, handed to its handler, answered, freed. For the
 * files of this folder.
 */
#ifndef KEYD_FRONT_RPC_EXCHANGE_H
#define KEYD_FRONT_RPC_EXCHANGE_H

#include <grpc/grpc.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "keyd/front/service/service.h"

#define REQUEST_MAX (128 * 1024) /* bytes as received, keyd.proto */

/* What every event of the completion queue carries as its tag; called on the queue's thread. */
struct event {
    void (*ready)(struct event *event, bool ok);
};

/* A method of the service, with both of its descriptions. */
struct method {
    const char *name; /* "Sign" */
    char path[96];    /* "/keyd.v1.KeyService/Sign" */
    const ProtobufCMessageDescriptor *input;
    service_handler *handler;
};

/* One grpc_server and whom it is for. */
struct reception {
    grpc_server *grpc;
    grpc_completion_queue *queue;
    struct service *service;
    struct identity identity;
    bool strangers; /* for everybody who is not permitted */
    struct usage usage;
    atomic_size_t unread;   /* bytes of answers that gRPC has and the callers have not taken */
    atomic_uint *exchanges; /* all that are not freed, posted ones too; of the whole server */
    const struct method *methods;
    void *registered[16]; /* by method */
    unsigned method_count;
};

/* Posts one request for a method (NULL: for calls of any other method). Does nothing when the
 * server is shutting down. The queue's thread, or before it runs. */
void exchange_post(struct reception *reception, const struct method *method);

#endif
