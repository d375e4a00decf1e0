/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A call has three events: it is there (`arrived`), it is over as its client sees it (`closed`),
 * its answer is out (`sent`). The first is followed by the other two, in any order; after both the
 * exchange is freed. All events come on the queue's thread; only the answer may be given from
 * another one, and whoever gives it does not touch the exchange afterwards.
 */
#include "keyd/front/rpc/exchange.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/clock.h"
#include "keyd/base/log.h"
#include "keyd/base/memory.h"
#include "keyd/base/message.h"
#include "keyd/front/rpc/server.h"

/* Bytes of answers that one uid may leave unread; a page of ListKeys has up to 2 MiB. */
#define UNREAD_MAX (64 * 1024 * 1024)

struct exchange {
    struct call call; /* what the handler sees */
    struct reception *reception;
    const struct method *method; /* NULL: one that keyd does not have */
    grpc_call *grpc;
    struct event arrived;
    struct event closed;
    struct event sent;
    bool is_closed;
    bool is_sent;
    bool is_counted;
    atomic_bool finished;
    gpr_timespec deadline;
    grpc_call_details details;
    grpc_metadata_array metadata;
    grpc_byte_buffer *payload;
    ProtobufCMessage *request;
    int cancelled; /* gRPC's word for it */
    grpc_metadata trailing[2];
    grpc_byte_buffer *answer;
    size_t answer_size;
    grpc_slice status_details;
};

/* Memory that one request may unpack to: its bytes once more, its struct, and unknown fields at
 * some 40 bytes each. */
#define UNPACK_MEMORY_MAX (4 * (size_t)REQUEST_MAX)

#define EXCHANGE_OF(event, member)                                                                 \
    ((struct exchange *)((char *)(event)-offsetof(struct exchange, member)))

static void exchange_free(struct exchange *exchange)
{
    struct reception *reception = exchange->reception;
    if (exchange->is_counted)
        atomic_fetch_sub(&reception->usage.calls, 1);
    atomic_fetch_sub(&reception->unread, exchange->answer_size);
    if (exchange->request != NULL)
        protobuf_c_message_free_unpacked(exchange->request, NULL);
    if (exchange->payload != NULL)
        grpc_byte_buffer_destroy(exchange->payload);
    if (exchange->answer != NULL)
        grpc_byte_buffer_destroy(exchange->answer);
    for (size_t i = 0; i < 2; i++)
        grpc_slice_unref(exchange->trailing[i].value);
    grpc_slice_unref(exchange->status_details);
    grpc_call_details_destroy(&exchange->details);
    grpc_metadata_array_destroy(&exchange->metadata);
    if (exchange->grpc != NULL)
        grpc_call_unref(exchange->grpc);
    atomic_uint *exchanges = reception->exchanges;
    free(exchange);
    atomic_fetch_sub(exchanges, 1);
}

/* ---- Answering: any thread ----------------------------------------------------------------- */

/* Status, message and body go out as one batch. Afterwards the exchange may be gone. */
static void finish(struct exchange *exchange, enum keyd_status status, size_t trailing_count)
{
    if (atomic_exchange(&exchange->finished, true)) {
        log_error("a call of %s was finished twice", exchange->call.method);
        abort();
    }
    grpc_op ops[3];
    size_t count = 0;
    memset(ops, 0, sizeof ops);
    ops[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
    if (exchange->answer != NULL) {
        ops[count].op = GRPC_OP_SEND_MESSAGE;
        ops[count++].data.send_message.send_message = exchange->answer;
    }
    struct grpc_op_send_status_from_server *end = &ops[count].data.send_status_from_server;
    ops[count++].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    end->trailing_metadata = exchange->trailing;
    end->trailing_metadata_count = trailing_count;
    end->status = (grpc_status_code)status;
    end->status_details = status != KEYD_OK ? &exchange->status_details : NULL;
    grpc_call_error failed =
        grpc_call_start_batch(exchange->grpc, ops, count, &exchange->sent, NULL);
    if (failed != GRPC_CALL_OK) {
        log_error("gRPC takes no answer: %s", grpc_call_error_to_string(failed));
        abort();
    }
}

static void set_call_id(struct exchange *exchange, const char *text)
{
    exchange->trailing[0].key = grpc_slice_from_static_string("keyd-call-id");
    exchange->trailing[0].value = grpc_slice_from_copied_string(text);
}

static void succeed(struct call *call, const ProtobufCMessage *answer)
{
    struct exchange *exchange = (struct exchange *)call;
    exchange->answer_size = protobuf_c_message_get_packed_size(answer);
    atomic_fetch_add(&exchange->reception->unread, exchange->answer_size);
    grpc_slice slice = grpc_slice_malloc(exchange->answer_size);
    protobuf_c_message_pack(answer, GRPC_SLICE_START_PTR(slice));
    exchange->answer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    char call_id[KEYID_TEXT];
    keyid_format(&call->call_id, call_id);
    log_debug("%s OK principal=%s call=%s", call->method, call->identity->principal, call_id);
    set_call_id(exchange, call_id);
    finish(exchange, KEYD_OK, 1);
}

static bool is_our_fault(enum keyd_status status)
{
    return status == KEYD_INTERNAL || status == KEYD_DATA_LOSS || status == KEYD_UNKNOWN;
}

/* A caller finds his call id in the log; a flood of such calls does not fill it. */
static enum log_level level_of(enum keyd_status status)
{
    static struct log_limit refusals = {.kind = "refused calls"};
    static struct log_limit faults = {.kind = "failed calls"};
    if (is_our_fault(status))
        return log_fits(&faults) ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG;
    return log_fits(&refusals) ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
}

static void fail(struct call *call, const struct keyd_error *err)
{
    struct exchange *exchange = (struct exchange *)call;
    char call_id[KEYID_TEXT];
    char message[KEYD_MESSAGE_MAX + sizeof " (call )" + KEYID_TEXT];
    keyid_format(&call->call_id, call_id);
    snprintf(message, sizeof message, "%s (call %s)", err->message, call_id);
    log_line(level_of(err->status), "%s %s reason=%s principal=%s: %s call=%s", call->method,
             keyd_status_name(err->status), err->reason, call->identity->principal, err->message,
             call_id);
    set_call_id(exchange, call_id);
    exchange->trailing[1].key = grpc_slice_from_static_string("keyd-reason");
    exchange->trailing[1].value = grpc_slice_from_copied_string(err->reason);
    exchange->status_details = grpc_slice_from_copied_string(message);
    finish(exchange, err->status, err->reason[0] != '\0' ? 2 : 1);
}

/* ---- Taking a call: the queue's thread ----------------------------------------------------- */

/* The deadline on our clock, capped. */
static int64_t deadline_of(gpr_timespec deadline)
{
    int64_t now = clock_monotonic_ns();
    gpr_timespec there = gpr_convert_clock_type(deadline, GPR_CLOCK_MONOTONIC);
    gpr_timespec here = gpr_now(GPR_CLOCK_MONOTONIC);
    gpr_timespec cap = gpr_time_add(here, gpr_time_from_nanos(DEADLINE_MAX_NS, GPR_TIMESPAN));
    if (gpr_time_cmp(there, gpr_inf_future(GPR_CLOCK_MONOTONIC)) == 0)
        return now + DEADLINE_DEFAULT_NS;
    if (gpr_time_cmp(there, cap) > 0)
        return now + DEADLINE_MAX_NS;
    gpr_timespec left = gpr_time_sub(there, here);
    return now + left.tv_sec * 1000000000LL + left.tv_nsec;
}

static enum keyd_status unpack(struct exchange *exchange, struct keyd_error *err)
{
    if (exchange->payload == NULL)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "MESSAGE", "the call came without a request");
    grpc_byte_buffer_reader reader;
    if (grpc_byte_buffer_length(exchange->payload) > REQUEST_MAX)
        return keyd_fail(err, KEYD_RESOURCE_EXHAUSTED, "MESSAGE_LENGTH",
                         "a request has at most %d bytes", REQUEST_MAX);
    if (grpc_byte_buffer_reader_init(&reader, exchange->payload) == 0)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "MESSAGE", "the request cannot be read");
    grpc_slice whole = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    enum keyd_status status =
        message_unpack(exchange->method->input, GRPC_SLICE_START_PTR(whole),
                       GRPC_SLICE_LENGTH(whole), UNPACK_MEMORY_MAX, &exchange->request, err);
    grpc_slice_unref(whole);
    exchange->call.request = exchange->request;
    return status;
}

static enum keyd_status judge(struct exchange *exchange, struct keyd_error *err)
{
    struct reception *reception = exchange->reception;
    if (reception->strangers)
        return keyd_fail(err, KEYD_PERMISSION_DENIED, "UID_NOT_ALLOWED",
                         "your uid may not use this keyd; whoever runs it lists the permitted "
                         "users under `allow:` in keyd.conf");
    if (exchange->method == NULL)
        return keyd_fail(err, KEYD_UNIMPLEMENTED, "NO_METHOD",
                         "this keyd (" KEYD_VERSION ") does not know that method");
    unsigned already = atomic_fetch_add(&reception->usage.calls, 1);
    exchange->is_counted = true;
    if (already >= reception->usage.calls_max)
        return keyd_fail(err, KEYD_RESOURCE_EXHAUSTED, "CALLS_IN_FLIGHT",
                         "%u calls of %s are under way already; wait for some of them", already,
                         reception->identity.principal);
    if (atomic_load(&reception->unread) > UNREAD_MAX)
        return keyd_fail(err, KEYD_RESOURCE_EXHAUSTED, "ANSWERS_UNREAD",
                         "%s has not read more than %d bytes of answers; read them first",
                         reception->identity.principal, UNREAD_MAX);
    if (exchange->call.deadline <= clock_monotonic_ns())
        return keyd_fail(err, KEYD_DEADLINE_EXCEEDED, "DEADLINE",
                         "the call's deadline had passed when it came");
    return unpack(exchange, err);
}

static void watch_for_close(struct exchange *exchange)
{
    grpc_op op;
    memset(&op, 0, sizeof op);
    op.op = GRPC_OP_RECV_CLOSE_ON_SERVER;
    op.data.recv_close_on_server.cancelled = &exchange->cancelled;
    grpc_call_error failed = grpc_call_start_batch(exchange->grpc, &op, 1, &exchange->closed, NULL);
    if (failed != GRPC_CALL_OK) {
        log_error("gRPC does not watch a call: %s", grpc_call_error_to_string(failed));
        abort();
    }
}

static void arrived(struct event *event, bool ok)
{
    struct exchange *exchange = EXCHANGE_OF(event, arrived);
    struct reception *reception = exchange->reception;
    if (!ok) {
        exchange_free(exchange); /* the server is shutting down */
        return;
    }
    exchange_post(reception, exchange->method);
    struct call *call = &exchange->call;
    call->call_id = keyid_random();
    call->deadline =
        deadline_of(exchange->method != NULL ? exchange->deadline : exchange->details.deadline);
    watch_for_close(exchange);
    struct keyd_error err;
    if (judge(exchange, &err) == KEYD_OK)
        exchange->method->handler(reception->service, call);
    else
        call_fail(call, &err);
}

static void closed(struct event *event, bool ok)
{
    (void)ok; /* RECV_CLOSE_ON_SERVER always succeeds */
    struct exchange *exchange = EXCHANGE_OF(event, closed);
    if (exchange->cancelled)
        atomic_store(&exchange->call.cancelled, true);
    exchange->is_closed = true;
    if (exchange->is_sent)
        exchange_free(exchange);
}

static void sent(struct event *event, bool ok)
{
    (void)ok; /* a caller who went away got no answer */
    struct exchange *exchange = EXCHANGE_OF(event, sent);
    exchange->is_sent = true;
    if (exchange->is_closed)
        exchange_free(exchange);
}

void exchange_post(struct reception *reception, const struct method *method)
{
    struct exchange *exchange = memory_zeroed(1, sizeof *exchange);
    exchange->reception = reception;
    exchange->method = method;
    exchange->arrived.ready = arrived;
    exchange->closed.ready = closed;
    exchange->sent.ready = sent;
    exchange->call.identity = &reception->identity;
    exchange->call.usage = &reception->usage;
    exchange->call.method = method != NULL ? method->name : "unknown method";
    exchange->call.succeed = succeed;
    exchange->call.fail = fail;
    exchange->trailing[0].value = exchange->trailing[1].value = grpc_empty_slice();
    exchange->status_details = grpc_empty_slice();
    grpc_call_details_init(&exchange->details);
    grpc_metadata_array_init(&exchange->metadata);
    atomic_fetch_add(reception->exchanges, 1);
    grpc_call_error failed;
    if (method != NULL)
        failed = grpc_server_request_registered_call(
            reception->grpc, reception->registered[method - reception->methods], &exchange->grpc,
            &exchange->deadline, &exchange->metadata, &exchange->payload, reception->queue,
            reception->queue, &exchange->arrived);
    else
        failed = grpc_server_request_call(reception->grpc, &exchange->grpc, &exchange->details,
                                          &exchange->metadata, reception->queue, reception->queue,
                                          &exchange->arrived);
    if (failed != GRPC_CALL_OK)
        exchange_free(exchange);
}
