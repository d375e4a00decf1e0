/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One RPC as a handler sees it: who calls, what was asked, until when, and how to answer. It knows
 * neither sockets nor gRPC: keyd/front/rpc fills it in, a test can as well.
 */
#ifndef KEYD_FRONT_SERVICE_CALL_H
#define KEYD_FRONT_SERVICE_CALL_H

#include <protobuf-c/protobuf-c.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "keyd/base/error.h"
#include "keyd/base/keyid.h"

/* Who calls. Lives as long as the server. */
struct identity {
    uid_t uid;
    char principal[24]; /* "uid:1000": in journals, in derived key ids, in the log */
};

#define USAGE_TOKENS_MAX 64 /* POOL_TOKENS_MAX */

/* What a user has under way. Lives as long as the server; any thread. */
struct usage {
    unsigned calls_max;
    atomic_uint calls;                        /* the one that is being judged is among them */
    atomic_uint signatures[USAGE_TOKENS_MAX]; /* those of them that wait for each token */
};

#define CALL_SCRATCH 640 /* bytes; a Sign's whole state, see sign.c's static assertion */

struct call {
    const struct identity *identity; /* *borrowed*, outlives the call */
    struct usage *usage;             /* of the same user; likewise */
    const char *method;              /* "Sign"; static */
    struct keyid call_id;            /* keyd's own name for this call */
    int64_t deadline;                /* CLOCK_MONOTONIC, nanoseconds */
    const ProtobufCMessage *request; /* *borrowed* until the call is finished; text is UTF-8 */
    atomic_bool cancelled; /* the caller went away: an answer is still due, nobody reads it */

    /* Set by whoever made the call; used through call_succeed and call_fail. */
    void (*succeed)(struct call *call, const ProtobufCMessage *answer);
    void (*fail)(struct call *call, const struct keyd_error *err);

    /* The handler's own memory for this call, so that Sign needs no allocation. */
    alignas(max_align_t) uint8_t scratch[CALL_SCRATCH];
};

/* Each call is finished exactly once, by one of these, from any thread; afterwards the call and its
 * request are gone. answer and err are *borrowed* for the time of the function. Neither blocks. */
static inline void call_succeed(struct call *call, const ProtobufCMessage *answer)
{
    call->succeed(call, answer);
}

static inline void call_fail(struct call *call, const struct keyd_error *err)
{
    call->fail(call, err);
}

#endif
