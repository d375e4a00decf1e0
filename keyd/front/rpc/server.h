/* SPDX-License-Identifier: BSD-2-Clause
 *
 * gRPC: the service's methods, served on a Unix socket to the uids that the configuration lists.
 *
 * One grpc_server per permitted uid, all on one completion queue with one thread; the server that a
 * call arrived on says who calls. A further server is for everybody else and has one answer only.
 * gRPC types stay in this folder.
 */
#ifndef KEYD_FRONT_RPC_SERVER_H
#define KEYD_FRONT_RPC_SERVER_H

#include "keyd/base/error.h"
#include "keyd/front/service/service.h"

#define SERVER_UIDS_MAX 64 /* each costs a grpc_server with requests posted for every method */

#define DEADLINE_DEFAULT_NS 30000000000LL /* keyd.proto */
#define DEADLINE_MAX_NS     60000000000LL
#define SHUTDOWN_GRACE_MS   5000 /* for calls that are under way when keyd is told to stop */

struct server;

struct server_config {
    const char *socket;       /* *borrowed*, outlives the server */
    const uid_t *uids;        /* *borrowed* for server_open; all different */
    unsigned uid_count;       /* 1 to SERVER_UIDS_MAX */
    unsigned calls_in_flight; /* for each uid */
};

/* Makes the socket, starts gRPC and its thread; connections are taken by server_run. The service is
 * *borrowed* and must outlive the server. */
enum keyd_status server_open(const struct server_config *config, struct service *service,
                             struct server **server, struct keyd_error *err) KEYD_CHECKED;

/* Takes connections until stop_fd is readable. Blocks the calling thread. */
void server_run(struct server *server, int stop_fd);

/* No new connection or call; those under way have SHUTDOWN_GRACE_MS, then they are cancelled and
 * the service is stopped (service_stop). Ends gRPC and its thread, frees. Blocks. Takes NULL. */
void server_close(struct server *server);

#endif
