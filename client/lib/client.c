/* SPDX-License-Identifier: BSD-2-Clause
 * Connects and disconnects: the channel with its settings, the queue, the thread. */
#include "client/lib/client.h"

#include <errno.h>
#include <grpc/grpc_security.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/lib/call.h"

/* gRPC raises both to 100 ms. A call does not wait for it, see call.h: this is for a channel that
 * nobody uses meanwhile. */
#define BACKOFF_FIRST_MS 50
#define BACKOFF_MAX_MS   500

#define METADATA_SIZE_MAX                                                                          \
    (16 << 10) /* bytes of an answer's metadata: twice what keyd sends at most */

#define TARGET_PREFIX "unix:"
#define TARGET_MAX    (sizeof TARGET_PREFIX + 3 * SOCKET_PATH_MAX)

const char *keyd_version(void)
{
    return KEYD_VERSION;
}

/* The target is a URI (RFC 3986): what may mean something in one is written as %XX. */
static void make_target(const char *path, char target[TARGET_MAX])
{
    static const char digits[] = "0123456789ABCDEF";
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    memcpy(target, TARGET_PREFIX, sizeof TARGET_PREFIX);
    char *at = target + sizeof TARGET_PREFIX - 1;
    for (; *path != '\0'; path++) {
        unsigned char c = (unsigned char)*path;
        if (strchr(plain, c) != NULL) {
            *at++ = (char)c;
            continue;
        }
        *at++ = '%';
        *at++ = digits[c >> 4];
        *at++ = digits[c & 15];
    }
    *at = '\0';
}

static grpc_arg number(const char *key, int value)
{
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)key, .value.integer = value};
}

static grpc_channel *make_channel(const char *path)
{
    char target[TARGET_MAX];
    make_target(path, target);
    grpc_arg list[] = {
        {.type = GRPC_ARG_STRING,
         .key = (char *)GRPC_ARG_PRIMARY_USER_AGENT_STRING,
         .value.string = (char *)"libkeyd/" KEYD_VERSION},
        number(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
        number(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
        number(GRPC_ARG_ENABLE_RETRIES, 0),
        number(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, BACKOFF_FIRST_MS),
        number(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, BACKOFF_MAX_MS),
        number(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, CONNECT_TIMEOUT_MS),
        number(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, REQUEST_SIZE_MAX),
        number(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, ANSWER_SIZE_MAX),
        number(GRPC_ARG_MAX_METADATA_SIZE, METADATA_SIZE_MAX),
        /* Two clients of one process share neither a connection nor its troubles. */
        number(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
        /* What a local socket has no use for. */
        number(GRPC_ARG_HTTP2_BDP_PROBE, 0),
        number(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0),
        number(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
        number(GRPC_ARG_ENABLE_CENSUS, 0),
        number(GRPC_ARG_ENABLE_CHANNELZ, 0),
    };
    grpc_channel_args args = {.num_args = sizeof list / sizeof list[0], .args = list};
    grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
    grpc_channel *channel = grpc_channel_create(target, credentials, &args);
    grpc_channel_credentials_release(credentials);
    return channel;
}

static void *run(void *context)
{
    struct keyd_client *client = context;
    for (;;) {
        grpc_event event =
            grpc_completion_queue_next(client->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN)
            return NULL;
        if (event.type == GRPC_OP_COMPLETE)
            call_event(event.tag);
    }
}

/* gRPC's threads and ours take no signal that the program handles: they are born with all blocked.
 */
static int start_quietly(struct keyd_client *client)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    grpc_init();
    client->channel = make_channel(client->path);
    client->queue = grpc_completion_queue_create_for_next(NULL);
    for (int i = 0; i < METHOD_COUNT; i++)
        client->methods[i] =
            grpc_channel_register_call(client->channel, method_path((enum method)i), NULL, NULL);
    int errnum = pthread_create(&client->thread, NULL, run, client);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return errnum;
}

/* The process that started gRPC; 0: none. gRPC does not live on in a forked child, not even with a
 * new channel. */
static _Atomic pid_t grpc_process;

static bool is_forked(void)
{
    pid_t started = grpc_process;
    return started != 0 && started != getpid();
}

static void free_rest(struct keyd_client *client)
{
    grpc_completion_queue_destroy(client->queue);
    grpc_shutdown();
    pthread_cond_destroy(&client->idle);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

enum keyd_status keyd_connect(const char *socket, struct keyd_client **client,
                              struct keyd_error *err)
{
    if (is_forked())
        return keyd_fail(
            err, KEYD_FAILED_PRECONDITION, "FORKED",
            "this process was forked from one that uses libkeyd: fork before the first "
            "keyd_connect, or exec after it");
    struct keyd_client *made = calloc(1, sizeof *made);
    if (made == NULL)
        return keyd_fail_errno(err, ENOMEM, "keyd_connect");
    enum keyd_status status = socket_find(socket, made->path, err);
    if (status != KEYD_OK) {
        free(made);
        return status;
    }
    made->pid = getpid();
    grpc_process = made->pid;
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->idle, NULL);
    int errnum = start_quietly(made);
    if (errnum != 0) {
        status = keyd_fail_errno(err, errnum, "keyd_connect: a thread");
        grpc_channel_destroy(made->channel);
        grpc_completion_queue_shutdown(made->queue);
        run(made); /* ends at once: the queue is empty */
        free_rest(made);
        return status;
    }
    *client = made;
    return KEYD_OK;
}

void keyd_disconnect(struct keyd_client *client)
{
    if (client == NULL || client->pid != getpid()) /* a forked child has none of its threads */
        return;
    pthread_mutex_lock(&client->lock);
    client->closing = true;
    call_cancel_all(client);
    grpc_channel_destroy(client->channel); /* wakes the calls that wait for a connection */
    while (client->calls != NULL)
        pthread_cond_wait(&client->idle, &client->lock);
    pthread_mutex_unlock(&client->lock);

    grpc_completion_queue_shutdown(client->queue);
    pthread_join(client->thread, NULL);
    free_rest(client);
}
