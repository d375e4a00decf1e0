/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/front/rpc/server.h"

#include <errno.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/log.h"
#include "keyd/base/memory.h"
#include "keyd/front/rpc/connections.h"
#include "keyd/front/rpc/exchange.h"
#include "keyd/front/rpc/listen.h"
#include "keyd/v1/keyd.pb-c.h"

#define METADATA_MAX       8192              /* bytes, keyd.proto */
#define ANSWER_MAX         (3 * 1024 * 1024) /* a page of ListKeys has 2 MiB and a key */
#define STREAMS_MAX        1024              /* concurrent calls on one connection */
#define POSTED_PER_METHOD  16                /* so that gRPC queues no calls of its own */
#define POSTED_UNKNOWN     4
#define IDLE_MS            300000 /* a connection without calls is closed; clients connect again */
#define STRANGER_AGE_MS    2000
#define STRANGER_GRACE_MS  1000
#define STRANGERS_A_SECOND 20   /* connections of uids that are not permitted; more are closed */
#define FILES_RESERVED     64   /* descriptors that connections do not get */
#define CONNECTIONS_EACH   1024 /* of one uid; and no more than half of the descriptors */
#define ACCEPTED_AT_ONCE   64   /* before the next look at whether keyd is told to stop */
#define EVENTS_AT_ONCE     256  /* taken before what they queued is sent to the tokens */
#define ARGUMENTS_MAX      24
#define GRPC_MEMORY_MAX    (256 * 1024 * 1024) /* bytes for each uid; 1,024 Signs of 64 KiB fit */

struct server {
    struct service *service;
    struct listener listener;
    grpc_completion_queue *queue;
    grpc_server_credentials *credentials;
    pthread_t thread;
    bool running;
    struct method methods[16];
    unsigned method_count;
    struct reception *receptions; /* the last one is for strangers */
    unsigned reception_count;
    atomic_uint exchanges;
    atomic_uint shut_down; /* receptions whose shutdown is complete */
    struct event shutdown_done;
    struct connections *connections; /* owners: the receptions, in their order */
    int64_t strangers_until;         /* the token bucket of strangers: full at this moment */
    int64_t complained_at;           /* of too many connections: one line a second */
};

/* ---- The methods --------------------------------------------------------------------------- */

static service_handler *handler_of(const char *name)
{
    for (const struct service_method *at = service_methods; at->name != NULL; at++)
        if (strcmp(at->name, name) == 0)
            return at->handler;
    return NULL;
}

/* Joins the generated description of the service with the handlers, by name. A method without a
 * handler is a mistake in this build. */
static enum keyd_status make_methods(struct server *server, struct keyd_error *err)
{
    const ProtobufCServiceDescriptor *service = &keyd__v1__key_service__descriptor;
    size_t room = sizeof server->methods / sizeof server->methods[0];
    for (unsigned i = 0; i < service->n_methods; i++) {
        const ProtobufCMethodDescriptor *described = &service->methods[i];
        service_handler *handler = handler_of(described->name);
        if (handler == NULL || i == room)
            return keyd_fail(err, KEYD_INTERNAL, "NO_HANDLER", "method %s has no handler",
                             described->name);
        struct method *method = &server->methods[server->method_count++];
        method->name = described->name;
        method->input = described->input;
        method->handler = handler;
        snprintf(method->path, sizeof method->path, "/%s/%s", service->name, described->name);
    }
    return KEYD_OK;
}

/* ---- One grpc_server ----------------------------------------------------------------------- */

static void set(grpc_channel_args *args, const char *key, int value)
{
    grpc_arg *arg = &args->args[args->num_args++];
    arg->type = GRPC_ARG_INTEGER;
    arg->key = (char *)key;
    arg->value.integer = value;
}

static void set_limits(grpc_channel_args *args, bool strangers)
{
    set(args, GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, REQUEST_MAX);
    set(args, GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, ANSWER_MAX);
    set(args, GRPC_ARG_MAX_METADATA_SIZE, METADATA_MAX);
    set(args, GRPC_ARG_MAX_CONCURRENT_STREAMS, strangers ? 1 : STREAMS_MAX);
    set(args, GRPC_ARG_MAX_CONNECTION_IDLE_MS, strangers ? STRANGER_AGE_MS : IDLE_MS);
    set(args, GRPC_ARG_MAX_CONNECTION_AGE_MS, strangers ? STRANGER_AGE_MS : INT_MAX);
    set(args, GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, strangers ? STRANGER_GRACE_MS : INT_MAX);
    set(args, GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 5000);
    /* The peer's kernel tells us when it dies: no pings from us, few from clients. */
    set(args, GRPC_ARG_KEEPALIVE_TIME_MS, INT_MAX);
    set(args, GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10000);
    set(args, GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2);
    set(args, GRPC_ARG_HTTP2_BDP_PROBE, 0);
    set(args, GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
    set(args, GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    set(args, GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM, GRPC_COMPRESS_NONE);
    set(args, GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1);
    set(args, GRPC_ARG_ALLOW_REUSEPORT, 0);
    set(args, GRPC_ARG_ENABLE_CHANNELZ, 0);
}

/* Memory of gRPC's own for one uid: requests that are not complete, calls. Beyond it gRPC ends some
 * of the uid's calls and connections, of its own choice. */
static void set_memory(grpc_channel_args *args, const char *principal)
{
    grpc_resource_quota *quota = grpc_resource_quota_create(principal);
    grpc_resource_quota_resize(quota, GRPC_MEMORY_MAX);
    grpc_arg *arg = &args->args[args->num_args++];
    arg->type = GRPC_ARG_POINTER;
    arg->key = (char *)GRPC_ARG_RESOURCE_QUOTA;
    arg->value.pointer.p = quota;
    arg->value.pointer.vtable = grpc_resource_quota_arg_vtable();
}

static enum keyd_status reception_open(struct server *server, struct reception *reception,
                                       struct keyd_error *err)
{
    grpc_arg list[ARGUMENTS_MAX];
    grpc_channel_args args = {.num_args = 0, .args = list};
    set_limits(&args, reception->strangers);
    set_memory(&args, reception->identity.principal);
    reception->queue = server->queue;
    reception->service = server->service;
    reception->exchanges = &server->exchanges;
    reception->methods = server->methods;
    reception->method_count = reception->strangers ? 0 : server->method_count;
    reception->grpc = grpc_server_create(&args, NULL);
    grpc_resource_quota_unref(args.args[args.num_args - 1].value.pointer.p);
    grpc_server_register_completion_queue(reception->grpc, server->queue, NULL);
    for (unsigned i = 0; i < reception->method_count; i++) {
        reception->registered[i] =
            grpc_server_register_method(reception->grpc, server->methods[i].path, NULL,
                                        GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
        if (reception->registered[i] == NULL)
            return keyd_fail(err, KEYD_INTERNAL, "GRPC", "gRPC does not take the method %s",
                             server->methods[i].path);
    }
    grpc_server_start(reception->grpc);
    for (unsigned i = 0; i < reception->method_count; i++)
        for (unsigned n = 0; n < POSTED_PER_METHOD; n++)
            exchange_post(reception, &server->methods[i]);
    for (unsigned n = 0; n < POSTED_UNKNOWN; n++)
        exchange_post(reception, NULL);
    return KEYD_OK;
}

/* ---- The queue's thread -------------------------------------------------------------------- */

static void take_event(const grpc_event *event)
{
    struct event *ours = event->tag;
    ours->ready(ours, event->success != 0);
}

/* Takes every event that is ready, sends what that has queued for the tokens in one go, then sleeps
 * until the next one. */
static void *serve_queue(void *argument)
{
    struct server *server = argument;
    gpr_timespec never = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    gpr_timespec now = gpr_time_0(GPR_CLOCK_MONOTONIC);
    grpc_event event = grpc_completion_queue_next(server->queue, never, NULL);
    while (event.type != GRPC_QUEUE_SHUTDOWN) {
        for (int taken = 0; event.type == GRPC_OP_COMPLETE && taken < EVENTS_AT_ONCE; taken++) {
            take_event(&event);
            event = grpc_completion_queue_next(server->queue, now, NULL);
        }
        service_flush(server->service);
        if (event.type == GRPC_QUEUE_TIMEOUT)
            event = grpc_completion_queue_next(server->queue, never, NULL);
    }
    return NULL;
}

/* ---- Opening ------------------------------------------------------------------------------- */

/* As many files as the system lets this process have, and how many of them are for connections. */
static int raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024 - FILES_RESERVED;
    limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > 2 * FILES_RESERVED ? (int)limit.rlim_cur - FILES_RESERVED
                                               : FILES_RESERVED;
}

static enum keyd_status open_receptions(struct server *server, const struct server_config *config,
                                        struct keyd_error *err)
{
    enum keyd_status status = KEYD_OK;
    server->receptions = memory_zeroed(config->uid_count + 1, sizeof *server->receptions);
    for (unsigned i = 0; status == KEYD_OK && i <= config->uid_count; i++) {
        struct reception *reception = &server->receptions[i];
        reception->strangers = i == config->uid_count;
        reception->usage.calls_max = config->calls_in_flight;
        reception->identity.uid = reception->strangers ? (uid_t)-1 : config->uids[i];
        snprintf(reception->identity.principal, sizeof reception->identity.principal,
                 reception->strangers ? "stranger" : "uid:%u", (unsigned)reception->identity.uid);
        server->reception_count++;
        status = reception_open(server, reception, err);
    }
    return status;
}

static void on_shutdown_done(struct event *event, bool ok);

enum keyd_status server_open(const struct server_config *config, struct service *service,
                             struct server **server, struct keyd_error *err)
{
    struct server *made = memory_zeroed(1, sizeof *made);
    made->service = service;
    made->listener.fd = -1;
    made->shutdown_done.ready = on_shutdown_done;
    int files = raise_file_limit();
    made->connections =
        connections_new(files, config->uid_count + 1,
                        (unsigned)(files / 2 < CONNECTIONS_EACH ? files / 2 : CONNECTIONS_EACH));
    grpc_init();
    made->queue = grpc_completion_queue_create_for_next(NULL);
    made->credentials = grpc_insecure_server_credentials_create();
    enum keyd_status status = make_methods(made, err);
    if (status == KEYD_OK)
        status = listener_open(&made->listener, config->socket, err);
    if (status == KEYD_OK)
        status = open_receptions(made, config, err);
    int failed = pthread_create(&made->thread, NULL, serve_queue, made);
    made->running = failed == 0;
    if (status == KEYD_OK && failed != 0)
        status = keyd_fail_errno(err, failed, "starting gRPC's thread");
    if (status != KEYD_OK) {
        server_close(made);
        return status;
    }
    *server = made;
    return KEYD_OK;
}

/* ---- Connections --------------------------------------------------------------------------- */

/* Lets STRANGERS_A_SECOND through, as many at once after a quiet second. */
static bool stranger_may_come(struct server *server)
{
    int64_t now = clock_monotonic_ns();
    int64_t cost = 1000000000LL / STRANGERS_A_SECOND;
    if (server->strangers_until < now)
        server->strangers_until = now;
    if (server->strangers_until - now > 1000000000LL - cost)
        return false;
    server->strangers_until += cost;
    return true;
}

static void complain(struct server *server, uid_t uid)
{
    int64_t now = clock_monotonic_ns();
    if (now - server->complained_at < 1000000000LL)
        return;
    server->complained_at = now;
    log_warning("too many connections: of uid:%u some are closed at once", (unsigned)uid);
}

static void admit(struct server *server, int fd, uid_t uid)
{
    unsigned i = 0;
    while (i < server->reception_count - 1 && server->receptions[i].identity.uid != uid)
        i++;
    struct reception *reception = &server->receptions[i];
    if (reception->strangers) {
        if (!stranger_may_come(server)) {
            close(fd);
            return;
        }
        log_notice("uid:%u connected and is not one of `allow`", (unsigned)uid);
    }
    if (!connections_add(server->connections, fd, i)) {
        complain(server, uid);
        close(fd);
        return;
    }
    grpc_server_add_channel_from_fd(reception->grpc, fd, server->credentials);
}

static void accept_some(struct server *server)
{
    for (int i = 0; i < ACCEPTED_AT_ONCE; i++) {
        uid_t uid;
        int fd = listener_accept(&server->listener, &uid);
        if (fd < 0)
            break;
        admit(server, fd, uid);
        errno = 0;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
        log_warning("no connection can be taken: %s", strerrordesc_np(errno));
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
}

void server_run(struct server *server, int stop_fd)
{
    struct pollfd fds[2] = {{.fd = stop_fd, .events = POLLIN},
                            {.fd = server->listener.fd, .events = POLLIN}};
    while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
        if (fds[0].revents != 0)
            return;
        if (fds[1].revents != 0)
            accept_some(server);
    }
    log_error("waiting for connections: %s", strerrordesc_np(errno));
}

/* ---- The end ------------------------------------------------------------------------------- */

static void on_shutdown_done(struct event *event, bool ok)
{
    (void)ok;
    struct server *server =
        (struct server *)((char *)event - offsetof(struct server, shutdown_done));
    atomic_fetch_add(&server->shut_down, 1);
}

/* No call is under way; those that were posted have come back. */
static bool calls_have_ended(struct server *server)
{
    return atomic_load(&server->exchanges) == 0;
}

static bool all_has_ended(struct server *server)
{
    return calls_have_ended(server) && atomic_load(&server->shut_down) >= server->reception_count;
}

/* The queue's thread does the work. */
static bool wait_until(struct server *server, bool (*ended)(struct server *server), int ms)
{
    int64_t until = clock_monotonic_ns() + ms * 1000000LL;
    while (!ended(server)) {
        if (clock_monotonic_ns() >= until)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return true;
}

/* A client that does nothing just now does not look at its connection either, for seconds: what has
 * no calls is closed without waiting for it. */
static void shut_down_receptions(struct server *server)
{
    for (unsigned i = 0; i < server->reception_count; i++)
        grpc_server_shutdown_and_notify(server->receptions[i].grpc, server->queue,
                                        &server->shutdown_done);
    bool ended = wait_until(server, calls_have_ended, SHUTDOWN_GRACE_MS);
    if (!ended)
        log_warning("calls are cancelled: they were still under way after %d ms",
                    SHUTDOWN_GRACE_MS);
    for (unsigned i = 0; i < server->reception_count; i++)
        grpc_server_cancel_all_calls(server->receptions[i].grpc);
    if (!ended)
        service_stop(server->service);
    if (wait_until(server, all_has_ended, SHUTDOWN_GRACE_MS))
        return;
    log_error("gRPC does not come to its end: keyd ends without it");
    _exit(1);
}

void server_close(struct server *server)
{
    if (server == NULL)
        return;
    listener_close(&server->listener);
    if (server->running)
        shut_down_receptions(server);
    grpc_completion_queue_shutdown(server->queue);
    if (server->running)
        pthread_join(server->thread, NULL);
    for (unsigned i = 0; i < server->reception_count; i++)
        if (server->receptions[i].grpc != NULL)
            grpc_server_destroy(server->receptions[i].grpc);
    grpc_completion_queue_destroy(server->queue);
    grpc_server_credentials_release(server->credentials);
    connections_free(server->connections);
    free(server->receptions);
    free(server);
    grpc_shutdown();
}
