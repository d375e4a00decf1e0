/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The way to each keyd-hsm: one connection per token, kept up by itself.
 *
 * Requests are queued by pool_send and go out in packets of several by pool_flush; one reader
 * thread takes the answers of all tokens, finishes the requests, keeps their deadlines, and
 * connects again with back-off when a keyd-hsm was away. A token counts as up after Hello and
 * Welcome, after all of its keys were listed, and after whoever was told of the listing says
 * pool_token_up.
 *
 * Requests that come while a token has been away for less than POOL_PATIENCE_NS wait for it within
 * their own deadlines.
 */
#ifndef KEYD_FRONT_SERVICE_POOL_H
#define KEYD_FRONT_SERVICE_POOL_H

#include <stdatomic.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "keyd/front/service/facts.h"
#include "keyd/front/service/keyring.h"
#include "keyd/hsm/v1/hsm.pb-c.h"
#include "keyd/v1/keyd.pb-c.h"

#define POOL_PATIENCE_NS 5000000000LL /* a restart of keyd-hsm with its login takes less */
#define POOL_QUEUE_MAX   1024         /* requests waiting for one token, beyond those in flight */
#define POOL_KEYS_MAX    100000       /* keys of one token */
#define POOL_TOKENS_MAX  64
#define POOL_ANY_UID     ((uid_t)-1)

struct pool;

/* One request on its way; embedded by its owner. From pool_send until `done` it belongs to the
 * pool, with all that `message` points to. */
struct pool_request {
    Keyd__Hsm__V1__Request message; /* all but the tag */
    unsigned token;
    const atomic_bool *cancelled; /* not sent any more once true; NULL: never */
    bool patient; /* once sent, the answer is waited for beyond the deadline: what is made must be
                     known of */

    /* Called exactly once, from the reader, from pool_flush or from pool_send; must not block; may
     * call pool_send. One of:
     *   answer, no err     success, with the body that fits the request
     *   answer and err     keyd-hsm said no; the answer may have a body
     *   err alone          it was not answered: never sent (`sent` is false), or lost on the way
     * Both are *borrowed*. */
    void (*done)(struct pool_request *request, const Keyd__Hsm__V1__Answer *answer,
                 const struct keyd_error *err);

    bool sent; /* it was handed to the wall: keyd-hsm may have acted on it */

    /* The pool's. */
    TAILQ_ENTRY(pool_request) link;
    enum keyd_status verdict;
};

struct pool_token_config {
    const char *name;   /* *borrowed*, outlives the pool */
    const char *socket; /* *borrowed*, likewise */
    uid_t hsm_uid;      /* a keyd-hsm of another uid is refused; POOL_ANY_UID: any */
};

/* A token's keyd-hsm has listed its keys (in the order of their ids). complete: it is READY, so
 * what the list does not have is not there; one in trouble lists what its journal tells it, if it
 * has one. Called from the reader; must not block. keys is *given away*, array and references. The
 * token stays down until pool_token_up with this generation. */
typedef void pool_listed(void *context, unsigned token, uint64_t generation, bool complete,
                         struct keyring_key **keys, size_t count);

struct pool_status {
    Keyd__V1__TokenState state;
    char message[KEYD_MESSAGE_MAX]; /* empty when READY */
    bool separate_uid;
};

/* tokens is *borrowed* for the call; what it points to as said above. *pool is set before the first
 * call of `listed`, which may come before this returns. */
enum keyd_status pool_open(const struct pool_token_config *tokens, unsigned count,
                           pool_listed *listed, void *context, struct pool **pool,
                           struct keyd_error *err) KEYD_CHECKED;

/* Fails all that is waiting or in flight (UNAVAILABLE, SHUTTING_DOWN), and all that is sent from
 * now on; ends the reader. pool_free after the last user is gone. Both take NULL. */
void pool_stop(struct pool *pool);
void pool_free(struct pool *pool);

/* Queues one request; any thread, does not block. May call `done` before it returns:
 *   UNAVAILABLE TOKEN_AWAY           away for too long already
 *   FAILED_PRECONDITION LOGIN_NEEDED, UNAVAILABLE TOKEN_FAULTY    with keyd-hsm's own words
 *   RESOURCE_EXHAUSTED TOKEN_BUSY    the queue is full
 * Later: UNAVAILABLE TOKEN_RESTARTED (the connection broke with the request in flight),
 * DEADLINE_EXCEEDED, CANCELLED, or keyd-hsm's own answer. */
void pool_send(struct pool *pool, struct pool_request *request);

/* Sends what pool_send has queued, as few packets as it takes; any thread, does not block. */
void pool_flush(struct pool *pool);

void pool_token_up(struct pool *pool, unsigned token, uint64_t generation);

/* How a token is, and what its keyd-hsm said of it last; any thread. */
void pool_status(struct pool *pool, unsigned token, struct pool_status *status);
void pool_facts(struct pool *pool, unsigned token, struct token_facts *facts);

/* Whether the token has been up, or said why it is not: nothing is gained by waiting longer. */
bool pool_settled(struct pool *pool, unsigned token);

#endif
