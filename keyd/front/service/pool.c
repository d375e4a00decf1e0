/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The door, and the reader: one thread that waits on the sockets of all tokens. What a token is
 * made of, and the locks, are in token.h; what happens on its socket is in connection.c.
 */
#include "keyd/front/service/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/log.h"
#include "keyd/base/memory.h"
#include "keyd/front/service/connection.h"
#include "keyd/front/service/token.h"

#define NS_PER_MS 1000000LL
#define TICK_NS   (50 * NS_PER_MS) /* how exactly deadlines are kept */

struct pool {
    struct token *tokens;
    unsigned count;
    int epoll; /* the bell (with NULL as its data) and the connections */
    int bell;  /* wakes the reader */
    pthread_t reader;
    bool running; /* the reader has been started */
    atomic_bool stopping;
    atomic_bool ticking;         /* the reader looks after deadlines by itself */
    struct wall_packet incoming; /* the reader's, to receive into */
};

/* ---- Requests ------------------------------------------------------------------------------ */

static void ring(struct pool *pool)
{
    ssize_t n = write(pool->bell, &(uint64_t){1}, sizeof(uint64_t));
    (void)n; /* it only fails when the bell has rung 2^64 times already */
}

void pool_send(struct pool *pool, struct pool_request *request)
{
    struct keyd_error err;
    if (token_take(&pool->tokens[request->token], request, &err) != KEYD_OK)
        request->done(request, NULL, &err);
    else if (!atomic_exchange(&pool->ticking, true))
        ring(pool);
}

void pool_flush(struct pool *pool)
{
    for (unsigned i = 0; i < pool->count; i++) {
        struct token *token = &pool->tokens[i];
        pthread_mutex_lock(&token->state);
        bool some = token->queued > 0 && token->phase == PHASE_UP;
        pthread_mutex_unlock(&token->state);
        if (some)
            token_flush(token);
    }
}

/* ---- How a token is ------------------------------------------------------------------------ */

void pool_token_up(struct pool *pool, unsigned number, uint64_t generation)
{
    struct token *token = &pool->tokens[number];
    struct pool_status status;
    struct token_facts facts;
    if (!token_come_up(token, generation, &status))
        return;
    pool_facts(pool, number, &facts);
    if (status.state == KEYD__V1__TOKEN_STATE__READY)
        log_notice("token=%s ready: label \"%s\", serial %s, %s", token->name, facts.label,
                   facts.serial, status.separate_uid ? "another uid" : "no wall: one uid");
    else
        log_error("token=%s does not serve: %s", token->name, status.message);
    token_flush(token);
}

void pool_status(struct pool *pool, unsigned number, struct pool_status *status)
{
    struct token *token = &pool->tokens[number];
    pthread_mutex_lock(&token->state);
    *status = token->status;
    if (token->phase != PHASE_UP)
        status->state = KEYD__V1__TOKEN_STATE__AWAY;
    if (status->state == KEYD__V1__TOKEN_STATE__AWAY) {
        struct keyd_error told; /* cuts at a character what is too long */
        char since[CLOCK_TEXT_MAX];
        token_away_text(token, since);
        keyd_fail(&told, KEYD_UNAVAILABLE, NULL,
                  "away since %s: %s. See whether its keyd-hsm runs, and its log", since,
                  token_away_why(token));
        memcpy(status->message, told.message, sizeof status->message);
    }
    pthread_mutex_unlock(&token->state);
}

void pool_facts(struct pool *pool, unsigned number, struct token_facts *facts)
{
    struct token *token = &pool->tokens[number];
    pthread_mutex_lock(&token->state);
    *facts = token->facts;
    pthread_mutex_unlock(&token->state);
}

bool pool_settled(struct pool *pool, unsigned number)
{
    struct token *token = &pool->tokens[number];
    pthread_mutex_lock(&token->state);
    bool settled = token->settled;
    pthread_mutex_unlock(&token->state);
    return settled;
}

/* ---- The reader ---------------------------------------------------------------------------- */

static void look_after_deadlines(struct pool *pool, int64_t now)
{
    atomic_store(&pool->ticking, false);
    for (unsigned i = 0; i < pool->count; i++)
        if (token_end_overdue(&pool->tokens[i], now))
            atomic_store(&pool->ticking, true);
}

/* Answers have made room for what waited. All else is left to pool_flush, which comes when a whole
 * batch is queued. */
static void feed(struct token *token)
{
    pthread_mutex_lock(&token->state);
    bool starved = token->starved;
    pthread_mutex_unlock(&token->state);
    if (starved)
        token_flush(token);
}

/* Milliseconds until something is due, for epoll_wait. */
static int wait_time(struct pool *pool, int64_t now, int64_t next_tick)
{
    int64_t due = atomic_load(&pool->ticking) ? next_tick : INT64_MAX;
    for (unsigned i = 0; i < pool->count; i++) {
        int64_t its = connection_due(&pool->tokens[i]);
        due = its < due ? its : due;
    }
    if (due == INT64_MAX)
        return -1;
    return due <= now ? 0 : (int)((due - now + NS_PER_MS - 1) / NS_PER_MS);
}

static void take_event(struct pool *pool, const struct epoll_event *event)
{
    struct token *token = event->data.ptr;
    if (token != NULL) {
        connection_take_events(token, event->events, &pool->incoming);
        return;
    }
    uint64_t rung;
    ssize_t n = read(pool->bell, &rung, sizeof rung);
    (void)n; /* it was rung: there is something to read */
}

static void *read_answers(void *argument)
{
    struct pool *pool = argument;
    int64_t next_tick = 0;
    while (!atomic_load(&pool->stopping)) {
        int64_t now = clock_monotonic_ns();
        if (now >= next_tick) {
            look_after_deadlines(pool, now);
            next_tick = now + TICK_NS;
        }
        for (unsigned i = 0; i < pool->count; i++)
            connection_look_after(&pool->tokens[i], now);
        struct epoll_event events[POOL_TOKENS_MAX + 1];
        int n = epoll_wait(pool->epoll, events, POOL_TOKENS_MAX + 1,
                           wait_time(pool, clock_monotonic_ns(), next_tick));
        for (int i = 0; i < n; i++)
            take_event(pool, &events[i]);
        for (unsigned i = 0; i < pool->count; i++)
            feed(&pool->tokens[i]);
    }
    return NULL;
}

static enum keyd_status start_reader(struct pool *pool, struct keyd_error *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    pool->epoll = epoll_create1(EPOLL_CLOEXEC);
    pool->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->epoll < 0 || pool->bell < 0 ||
        epoll_ctl(pool->epoll, EPOLL_CTL_ADD, pool->bell, &event) != 0)
        return keyd_fail_errno(err, errno, "making the wall's epoll");
    for (unsigned i = 0; i < pool->count; i++)
        pool->tokens[i].epoll = pool->epoll;
    int failed = pthread_create(&pool->reader, NULL, read_answers, pool);
    if (failed != 0)
        return keyd_fail_errno(err, failed, "starting the wall's reader");
    pool->running = true;
    return KEYD_OK;
}

/* ---- Opening and ending -------------------------------------------------------------------- */

enum keyd_status pool_open(const struct pool_token_config *tokens, unsigned count,
                           pool_listed *listed, void *context, struct pool **pool,
                           struct keyd_error *err)
{
    struct token_audience audience = {.listed = listed, .context = context};
    struct pool *made = memory_zeroed(1, sizeof *made);
    made->tokens = memory_zeroed(count, sizeof *made->tokens);
    made->count = count;
    made->epoll = made->bell = -1;
    enum keyd_status status = KEYD_OK;
    for (unsigned i = 0; i < count; i++) {
        enum keyd_status one =
            token_init(&made->tokens[i], i, &tokens[i], audience, &made->stopping, err);
        status = status == KEYD_OK ? one : status;
    }
    *pool = made; /* before the reader may tell of a listing */
    if (status == KEYD_OK)
        status = start_reader(made, err);
    if (status != KEYD_OK) {
        *pool = NULL;
        pool_free(made);
    }
    return status;
}

static void end_all(struct token *token, const struct keyd_error *err)
{
    struct request_list open = TAILQ_HEAD_INITIALIZER(open);
    connection_close(token, &open);
    pthread_mutex_lock(&token->state);
    token_empty_queue(token, &open);
    pthread_mutex_unlock(&token->state);
    requests_fail(&open, err);
}

void pool_stop(struct pool *pool)
{
    if (pool == NULL || atomic_exchange(&pool->stopping, true))
        return;
    if (pool->running) {
        ring(pool);
        pthread_join(pool->reader, NULL);
    }
    struct keyd_error err;
    keyd_fail(&err, KEYD_UNAVAILABLE, "SHUTTING_DOWN", "keyd is shutting down");
    for (unsigned i = 0; i < pool->count; i++)
        end_all(&pool->tokens[i], &err);
}

void pool_free(struct pool *pool)
{
    if (pool == NULL)
        return;
    pool_stop(pool);
    for (unsigned i = 0; i < pool->count; i++)
        token_free(&pool->tokens[i]);
    if (pool->epoll >= 0)
        close(pool->epoll);
    if (pool->bell >= 0)
        close(pool->bell);
    free(pool->tokens);
    free(pool);
}
