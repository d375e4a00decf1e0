/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What each RPC of keyd.v1.KeyService does, without gRPC and without sockets to clients: the table
 * of handlers, and what they stand on (keyring, catalog, pool, worker).
 */
#ifndef KEYD_FRONT_SERVICE_SERVICE_H
#define KEYD_FRONT_SERVICE_SERVICE_H

#include "keyd/base/error.h"
#include "keyd/front/service/call.h"
#include "keyd/front/service/pool.h"

struct service;

struct service_config {
    const struct pool_token_config *tokens; /* *borrowed*, outlives the service */
    unsigned token_count;                   /* 1 to POOL_TOKENS_MAX */
    unsigned default_token;                 /* index; token_count: there is none */
    const char *catalog;                    /* path of the file; its folder is made, 0700 */
};

/* A handler never blocks: it finishes the call at once, or leaves it to another thread. The request
 * has the type that the service's descriptor gives for the method. */
typedef void service_handler(struct service *service, struct call *call);

struct service_method {
    const char *name; /* as in the proto file */
    service_handler *handler;
};

extern const struct service_method service_methods[]; /* ends with a NULL name */

/* Opens the catalog and starts the worker. Blocks on the disk. *config is copied, what it points to
 * is borrowed. No call may come before service_start. */
enum keyd_status service_open(const struct service_config *config, struct service **service,
                              struct keyd_error *err) KEYD_CHECKED;

/* Connects to the tokens. Only now, and after whatever else may refuse to start: a keyd-hsm has one
 * front, and takes a new one for its only one. */
enum keyd_status service_start(struct service *service, struct keyd_error *err) KEYD_CHECKED;

/* Waits until each token is up or is known to be away, at most `max_ms`; so that a keyd that has
 * just said READY=1 knows its keys. */
void service_wait(struct service *service, int max_ms);

/* Sends what the handlers have queued for the tokens; called when a batch of calls was taken. */
void service_flush(struct service *service);

/* Finishes every call that is still open (UNAVAILABLE, SHUTTING_DOWN) and all that come later. */
void service_stop(struct service *service);

/* After service_stop, and after the last handler has returned. Takes NULL. */
void service_close(struct service *service);

#endif
