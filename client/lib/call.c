/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/lib/call.h"

#include <errno.h>
#include <grpc/byte_buffer_reader.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/lib/client.h"
#include "keyd/base/clock.h"
#include "keyd/base/text.h"

/* For so long one look at the socket stands for all calls: many fail together when keyd ends. */
#define PROBE_KEEP_NS (10 * INT64_C(1000000))

#define CALL_ID_KEY "keyd-call-id"
#define REASON_KEY  "keyd-reason"
#define CALL_ID_MAX 64 /* bytes with the NUL; a UUID has 37 */

struct call {
    struct keyd_client *client;
    struct call *next;
    struct call *previous;
    enum method method;
    int timeout_ms;
    gpr_timespec deadline;
    call_done *done;
    void *context;

    grpc_byte_buffer *request;
    grpc_call *grpc; /* NULL while the call waits for a connection */

    /* gRPC writes the answer here. */
    grpc_metadata_array initial;
    grpc_metadata_array trailing;
    grpc_byte_buffer *answer;
    grpc_status_code status;
    grpc_slice details;
};

static void call_free(struct call *call)
{
    grpc_byte_buffer_destroy(call->request);
    if (call->answer != NULL)
        grpc_byte_buffer_destroy(call->answer);
    grpc_metadata_array_destroy(&call->initial);
    grpc_metadata_array_destroy(&call->trailing);
    grpc_slice_unref(call->details);
    if (call->grpc != NULL)
        grpc_call_unref(call->grpc);
    free(call);
}

static struct call *call_new(struct keyd_client *client, enum method method,
                             const ProtobufCMessage *request, size_t size)
{
    struct call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return NULL;
    call->client = client;
    call->method = method;
    call->details = grpc_empty_slice();
    grpc_metadata_array_init(&call->initial);
    grpc_metadata_array_init(&call->trailing);
    grpc_slice slice = grpc_slice_malloc(size);
    protobuf_c_message_pack(request, GRPC_SLICE_START_PTR(slice));
    call->request = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return call;
}

/* With the lock held, as the next two. */
static void link_call(struct call *call)
{
    call->next = call->client->calls;
    if (call->next != NULL)
        call->next->previous = call;
    call->client->calls = call;
}

static void unlink_call(struct call *call)
{
    struct keyd_client *client = call->client;
    if (call->next != NULL)
        call->next->previous = call->previous;
    if (call->previous != NULL)
        call->previous->next = call->next;
    else
        client->calls = call->next;
    if (client->calls == NULL)
        pthread_cond_signal(&client->idle);
}

static int probe(struct keyd_client *client)
{
    int64_t now = clock_monotonic_ns();
    if (client->probed_ns == 0 || now - client->probed_ns > PROBE_KEEP_NS) {
        client->probed_errnum = socket_probe(client->path);
        client->probed_ns = now;
    }
    return client->probed_errnum;
}

void call_cancel_all(struct keyd_client *client)
{
    for (struct call *call = client->calls; call != NULL; call = call->next)
        if (call->grpc != NULL)
            grpc_call_cancel(call->grpc, NULL);
}

/* Hands the call to gRPC: one batch, one event. With the lock held. */
static bool send_call(struct call *call)
{
    struct keyd_client *client = call->client;
    call->grpc = grpc_channel_create_registered_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
                                                     client->queue, client->methods[call->method],
                                                     call->deadline, NULL);
    const grpc_op ops[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = call->request},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
         .data.recv_initial_metadata.recv_initial_metadata = &call->initial},
        {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &call->answer},
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
         .data.recv_status_on_client = {.trailing_metadata = &call->trailing,
                                        .status = &call->status,
                                        .status_details = &call->details}},
    };
    return grpc_call_start_batch(call->grpc, ops, sizeof ops / sizeof ops[0], call, NULL) ==
           GRPC_CALL_OK;
}

static gpr_timespec earlier(gpr_timespec a, gpr_timespec b)
{
    return gpr_time_cmp(a, b) < 0 ? a : b;
}

static gpr_timespec in_ms(int ms)
{
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN));
}

static enum keyd_status fail_closing(const struct keyd_client *client, struct keyd_error *err)
{
    return keyd_fail(err, KEYD_CANCELLED, "DISCONNECTING",
                     "the client of keyd on %s was disconnected meanwhile", client->path);
}

static enum keyd_status fail_batch(struct keyd_error *err)
{
    return keyd_fail(err, KEYD_INTERNAL, "GRPC", "gRPC took no call; this is a fault of libkeyd's");
}

/* The first step of a call: to gRPC, or to wait for a connection that is being made. With the lock
 * held and the call linked. */
static enum keyd_status begin(struct call *call, struct keyd_error *err)
{
    struct keyd_client *client = call->client;
    if (grpc_channel_check_connectivity_state(client->channel, 0) != GRPC_CHANNEL_TRANSIENT_FAILURE)
        return send_call(call) ? KEYD_OK : fail_batch(err);

    int errnum = probe(client);
    if (errnum != 0)
        return socket_explain(client->path, errnum, err);
    grpc_channel_reset_connect_backoff(client->channel);
    grpc_channel_watch_connectivity_state(client->channel, GRPC_CHANNEL_TRANSIENT_FAILURE,
                                          earlier(call->deadline, in_ms(CONNECT_TIMEOUT_MS)),
                                          client->queue, call);
    return KEYD_OK;
}

/* Control characters of ASCII, and those of Latin-1 (U+0080 to U+009F) as UTF-8 has them. */
static bool is_control(const uint8_t *text, size_t left)
{
    return text[0] < 0x20 || text[0] == 0x7f ||
           (text[0] == 0xc2 && left > 1 && text[1] >= 0x80 && text[1] < 0xa0);
}

/* A copy without what has no place in a message: control characters, broken UTF-8. */
static void copy_text(char *to, size_t size, grpc_slice from)
{
    const uint8_t *text = GRPC_SLICE_START_PTR(from);
    size_t length = GRPC_SLICE_LENGTH(from);
    bool sound = text_is_utf8((const char *)text, length);
    if (length > size - 1) {
        length = size - 1;
        while (sound && (text[length] & 0xc0) == 0x80)
            length--;
    }
    for (size_t i = 0; i < length; i++) {
        bool bad = is_control(text + i, length - i) || (!sound && text[i] > 0x7f);
        if (bad && sound && text[i] == 0xc2)
            i++;
        *to++ = bad ? '?' : (char)text[i];
    }
    *to = '\0';
}

/* The value of a trailing metadata, empty when there is none or it is of other characters. */
static void find_metadata(const grpc_metadata_array *list, const char *key, const char *characters,
                          char *value, size_t size)
{
    value[0] = '\0';
    for (size_t i = 0; i < list->count; i++) {
        if (grpc_slice_str_cmp(list->metadata[i].key, key) != 0)
            continue;
        if (GRPC_SLICE_LENGTH(list->metadata[i].value) < size)
            copy_text(value, size, list->metadata[i].value);
        if (value[strspn(value, characters)] != '\0')
            value[0] = '\0';
        return;
    }
}

static void find_call_id(const struct call *call, char call_id[CALL_ID_MAX])
{
    find_metadata(&call->trailing, CALL_ID_KEY, "0123456789abcdef-", call_id, CALL_ID_MAX);
}

/* keyd itself has answered that it did not do it. */
static enum keyd_status explain_refusal(enum keyd_status status, const char *reason,
                                        const char *details, const char *call_id,
                                        struct keyd_error *err)
{
    char whoami[48] = "";
    if (status == KEYD_PERMISSION_DENIED && strcmp(reason, "UID_NOT_ALLOWED") == 0)
        snprintf(whoami, sizeof whoami, "; this process runs as uid %u", (unsigned)geteuid());
    bool named = call_id[0] == '\0' || strstr(details, call_id) != NULL;
    return keyd_fail(err, status, reason, "%s%s%s%s%s", details, whoami, named ? "" : " (call ",
                     named ? "" : call_id, named ? "" : ")");
}

static enum keyd_status explain_deadline(struct call *call, struct keyd_error *err)
{
    struct keyd_client *client = call->client;
    pthread_mutex_lock(&client->lock);
    bool connected = client->closing || grpc_channel_check_connectivity_state(client->channel, 0) ==
                                            GRPC_CHANNEL_READY;
    pthread_mutex_unlock(&client->lock);
    if (!connected)
        return keyd_fail(err, KEYD_UNAVAILABLE, "NO_GRPC",
                         "%s takes connections, but none came to speak gRPC within %d ms: is it "
                         "keyd's socket, and is keyd well? systemctl status keyd",
                         client->path, call->timeout_ms);
    return keyd_fail(err, KEYD_DEADLINE_EXCEEDED, NULL,
                     "keyd on %s did not answer within %d ms: it, or the token, is busy or hangs; "
                     "keydctl status shows it, a longer timeout may help",
                     client->path, call->timeout_ms);
}

/* No word from keyd: the connection was lost, or never made, or the other end is not keyd. */
static enum keyd_status explain_transport(struct call *call, enum keyd_status status,
                                          const char *details, struct keyd_error *err)
{
    struct keyd_client *client = call->client;
    if (status == KEYD_DEADLINE_EXCEEDED)
        return explain_deadline(call, err);
    pthread_mutex_lock(&client->lock);
    bool closing = client->closing;
    int errnum = probe(client);
    pthread_mutex_unlock(&client->lock);
    if (closing)
        return fail_closing(client, err);
    if (status == KEYD_UNAVAILABLE || status == KEYD_CANCELLED)
        return socket_explain(client->path, errnum, err);
    return keyd_fail(err, status, "NO_CALL_ID",
                     "%s answered as keyd never does, %s: %s; is it keyd that listens there?",
                     client->path, keyd_status_name(status), details);
}

static enum keyd_status explain(struct call *call, struct keyd_error *err)
{
    char details[KEYD_MESSAGE_MAX];
    char call_id[CALL_ID_MAX];
    char reason[KEYD_REASON_MAX];
    copy_text(details, sizeof details, call->details);
    find_call_id(call, call_id);
    find_metadata(&call->trailing, REASON_KEY, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", reason,
                  sizeof reason);
    enum keyd_status status = call->status > 0 && call->status <= (int)KEYD_UNAUTHENTICATED
                                  ? (enum keyd_status)call->status
                                  : KEYD_UNKNOWN;
    if (call_id[0] != '\0' || reason[0] != '\0')
        return explain_refusal(status, reason, details, call_id, err);
    return explain_transport(call, status, details, err);
}

static enum keyd_status fail_answer(const struct call *call, const char *what,
                                    struct keyd_error *err)
{
    char call_id[CALL_ID_MAX];
    find_call_id(call, call_id);
    return keyd_fail(
        err, KEYD_INTERNAL, "BAD_ANSWER",
        "the answer of keyd on %s is not to be used: %s; is this libkeyd (" KEYD_VERSION
        ") as new as keyd? (call %s)",
        call->client->path, what, call_id[0] != '\0' ? call_id : "unknown");
}

/* The answer's bytes in one piece, *owned*. */
static grpc_slice gather(grpc_byte_buffer *buffer)
{
    grpc_byte_buffer_reader reader;
    if (!grpc_byte_buffer_reader_init(&reader, buffer))
        return grpc_empty_slice();
    grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    return all;
}

static enum keyd_status judge(struct call *call, ProtobufCMessage **answer, struct keyd_error *err)
{
    if (call->status != GRPC_STATUS_OK)
        return explain(call, err);
    if (call->answer == NULL)
        return fail_answer(call, "it has no message", err);
    struct keyd_error why;
    grpc_slice bytes = gather(call->answer);
    enum keyd_status status = answer_read(call->method, GRPC_SLICE_START_PTR(bytes),
                                          GRPC_SLICE_LENGTH(bytes), answer, &why);
    grpc_slice_unref(bytes);
    return status == KEYD_OK ? KEYD_OK : fail_answer(call, why.message, err);
}

static void finish(struct call *call, enum keyd_status status, ProtobufCMessage *answer,
                   const struct keyd_error *err)
{
    struct keyd_client *client = call->client;
    call->done(call->context, status, answer, status != KEYD_OK ? err : NULL);
    pthread_mutex_lock(&client->lock);
    unlink_call(call);
    pthread_mutex_unlock(&client->lock);
    call_free(call);
}

/* The connection stands, or does not come: gRPC says which. */
static void resume(struct call *call)
{
    struct keyd_client *client = call->client;
    struct keyd_error err;
    enum keyd_status status = KEYD_OK;
    pthread_mutex_lock(&client->lock);
    if (client->closing)
        status = fail_closing(client, &err);
    else if (!send_call(call))
        status = fail_batch(&err);
    pthread_mutex_unlock(&client->lock);
    if (status != KEYD_OK)
        finish(call, status, NULL, &err);
}

void call_event(struct call *call)
{
    if (call->grpc == NULL) {
        resume(call);
        return;
    }
    struct keyd_error err;
    ProtobufCMessage *answer = NULL;
    enum keyd_status status = judge(call, &answer, &err);
    finish(call, status, answer, &err);
}

enum keyd_status call_timeout(int *timeout_ms, struct keyd_error *err)
{
    if (*timeout_ms < 0)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "TIMEOUT",
                         "a timeout of %d ms: give 1 to %d, or 0 for %d", *timeout_ms,
                         KEYD_TIMEOUT_MAX_MS, KEYD_DEFAULT_TIMEOUT_MS);
    if (*timeout_ms == 0)
        *timeout_ms = KEYD_DEFAULT_TIMEOUT_MS;
    else if (*timeout_ms > KEYD_TIMEOUT_MAX_MS)
        *timeout_ms = KEYD_TIMEOUT_MAX_MS;
    return KEYD_OK;
}

static enum keyd_status check_call(const struct keyd_client *client, size_t size, int *timeout_ms,
                                   struct keyd_error *err)
{
    if (client->pid != getpid())
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "FORKED",
                         "this client belongs to process %d, which forked this one: libkeyd works "
                         "in neither after that; fork before keyd_connect, or exec after it",
                         (int)client->pid);
    if (size > REQUEST_SIZE_MAX)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "REQUEST_LENGTH",
                         "the request has %zu bytes; keyd takes at most %u", size,
                         REQUEST_SIZE_MAX);
    return call_timeout(timeout_ms, err);
}

enum keyd_status call_start(struct keyd_client *client, enum method method,
                            const ProtobufCMessage *request, int timeout_ms, call_done *done,
                            void *context, struct keyd_error *err)
{
    size_t size = protobuf_c_message_get_packed_size(request);
    enum keyd_status status = check_call(client, size, &timeout_ms, err);
    if (status != KEYD_OK)
        return status;
    struct call *call = call_new(client, method, request, size);
    if (call == NULL)
        return keyd_fail_errno(err, ENOMEM, "a call to keyd");
    call->timeout_ms = timeout_ms;
    call->deadline = in_ms(timeout_ms);
    call->done = done;
    call->context = context;

    pthread_mutex_lock(&client->lock);
    link_call(call);
    status = client->closing ? fail_closing(client, err) : begin(call, err);
    if (status != KEYD_OK)
        unlink_call(call);
    pthread_mutex_unlock(&client->lock);
    if (status != KEYD_OK)
        call_free(call);
    return status;
}

struct waiter {
    sem_t done;
    enum keyd_status status;
    ProtobufCMessage *answer;
    struct keyd_error *err;
};

static void wake(void *context, enum keyd_status status, ProtobufCMessage *answer,
                 const struct keyd_error *err)
{
    struct waiter *waiter = context;
    waiter->status = status;
    waiter->answer = answer;
    if (status != KEYD_OK && waiter->err != NULL)
        *waiter->err = *err;
    sem_post(&waiter->done);
}

enum keyd_status call_wait(struct keyd_client *client, enum method method,
                           const ProtobufCMessage *request, int timeout_ms,
                           ProtobufCMessage **answer, struct keyd_error *err)
{
    struct waiter waiter = {.err = err};
    sem_init(&waiter.done, 0, 0);
    enum keyd_status status = call_start(client, method, request, timeout_ms, wake, &waiter, err);
    if (status == KEYD_OK) {
        while (sem_wait(&waiter.done) != 0)
            continue;
        status = waiter.status;
        *answer = waiter.answer;
    }
    sem_destroy(&waiter.done);
    return status;
}
