/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/front/service/token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "keyd/base/clock.h"

#define SEAT_BITS 16

_Static_assert(WALL_IN_FLIGHT_MAX < TOKEN_OWN_SEAT && TOKEN_OWN_SEAT < 1 << SEAT_BITS,
               "seats fit their part of the tag");

static struct pool_request abandoned; /* in a seat whose request is gone */

enum token_phase token_phase(struct token *token)
{
    pthread_mutex_lock(&token->state);
    enum token_phase phase = token->phase;
    pthread_mutex_unlock(&token->state);
    return phase;
}

void token_away_text(const struct token *token, char text[CLOCK_TEXT_MAX])
{
    clock_format(token->away_since_wall, text);
}

const char *token_away_why(const struct token *token)
{
    if (token->phase == PHASE_SILENT)
        return "keyd-hsm is connected and says nothing, not even that it runs: it is stopped, "
               "frozen or stuck in the kernel";
    return token->status.message;
}

enum keyd_status token_init(struct token *token, unsigned number,
                            const struct pool_token_config *config, struct token_audience audience,
                            const atomic_bool *stopping, struct keyd_error *err)
{
    token->number = number;
    token->name = config->name;
    token->hsm_uid = config->hsm_uid;
    token->audience = audience;
    token->stopping = stopping;
    token->epoll = -1;
    token->fd = -1;
    token->generation = 1;
    token->backoff = TOKEN_BACKOFF_FIRST_NS;
    token->away_since = clock_monotonic_ns();
    token->away_since_wall = clock_now();
    token->status.state = KEYD__V1__TOKEN_STATE__AWAY;
    snprintf(token->status.message, sizeof token->status.message, "not connected yet");
    pthread_mutex_init(&token->send, NULL);
    pthread_mutex_init(&token->state, NULL);
    TAILQ_INIT(&token->queue);
    struct request_list none = TAILQ_HEAD_INITIALIZER(none);
    token_empty_table(token, &none);
    token->address.sun_family = AF_UNIX;
    if (strlen(config->socket) >= sizeof token->address.sun_path)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "SOCKET_PATH",
                         "%s: longer than the %zu bytes that a socket's path may have",
                         config->socket, sizeof token->address.sun_path - 1);
    snprintf(token->address.sun_path, sizeof token->address.sun_path, "%s", config->socket);
    return KEYD_OK;
}

void token_free(struct token *token)
{
    pthread_mutex_destroy(&token->send);
    pthread_mutex_destroy(&token->state);
}

/* ---- Ending requests ----------------------------------------------------------------------- */

void requests_fail(struct request_list *list, const struct keyd_error *err)
{
    struct pool_request *request;
    while ((request = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, request, link);
        request->done(request, NULL, err);
    }
}

static void tell_unanswered(struct token *token, struct keyd_error *err)
{
    pthread_mutex_lock(&token->state);
    const char *why = token->phase == PHASE_SILENT ? token_away_why(token) : "";
    pthread_mutex_unlock(&token->state);
    keyd_fail(err, KEYD_DEADLINE_EXCEEDED, "DEADLINE",
              "token %s did not answer within the call's deadline%s%s", token->name,
              why[0] != '\0' ? ": " : "", why);
}

/* Ends those that were found to be over, each by its verdict. */
static void end_by_verdict(struct token *token, struct request_list *list)
{
    struct pool_request *request;
    while ((request = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, request, link);
        struct keyd_error err;
        if (request->verdict == KEYD_CANCELLED)
            keyd_fail(&err, KEYD_CANCELLED, "CANCELLED", "the caller has gone away");
        else if (request->sent)
            tell_unanswered(token, &err);
        else
            keyd_fail(&err, KEYD_DEADLINE_EXCEEDED, "DEADLINE",
                      "token %s was away or busy until the call's deadline", token->name);
        request->done(request, NULL, &err);
    }
}

static bool is_over(struct pool_request *request, int64_t now)
{
    if (request->cancelled != NULL && !request->sent && atomic_load(request->cancelled))
        request->verdict = KEYD_CANCELLED;
    else if ((int64_t)request->message.deadline <= now && !(request->sent && request->patient))
        request->verdict = KEYD_DEADLINE_EXCEEDED;
    else
        return false;
    return true;
}

/* Takes out what is over, of the queue and of the table; the state lock is held. */
static bool collect_overdue(struct token *token, int64_t now, struct request_list *over)
{
    struct pool_request *request, *next;
    bool some = token->queued > 0;
    for (request = TAILQ_FIRST(&token->queue); request != NULL; request = next) {
        next = TAILQ_NEXT(request, link);
        if (!is_over(request, now))
            continue;
        TAILQ_REMOVE(&token->queue, request, link);
        token->queued--;
        TAILQ_INSERT_TAIL(over, request, link);
    }
    if (token->free_count == WALL_IN_FLIGHT_MAX)
        return some;
    for (unsigned seat = 0; seat < WALL_IN_FLIGHT_MAX; seat++) {
        request = token->seats[seat];
        if (request == NULL || request == &abandoned || !is_over(request, now))
            continue;
        token->seats[seat] = &abandoned;
        TAILQ_INSERT_TAIL(over, request, link);
    }
    return true;
}

bool token_end_overdue(struct token *token, int64_t now)
{
    struct request_list over = TAILQ_HEAD_INITIALIZER(over);
    pthread_mutex_lock(&token->state);
    bool some = collect_overdue(token, now, &over);
    pthread_mutex_unlock(&token->state);
    end_by_verdict(token, &over);
    return some;
}

/* ---- The table ----------------------------------------------------------------------------- */

uint64_t token_tag(const struct token *token, unsigned seat)
{
    return token->generation << SEAT_BITS | seat;
}

bool token_take_seat(struct token *token, uint64_t tag, struct pool_request **request)
{
    bool good = false;
    unsigned seat = (unsigned)(tag & TOKEN_OWN_SEAT);
    pthread_mutex_lock(&token->state);
    if (seat < WALL_IN_FLIGHT_MAX && tag == token_tag(token, seat) && token->seats[seat] != NULL) {
        good = true;
        *request = token->seats[seat] != &abandoned ? token->seats[seat] : NULL;
        token->seats[seat] = NULL;
        token->free_seats[token->free_count++] = (uint16_t)seat;
    }
    pthread_mutex_unlock(&token->state);
    return good;
}

void token_empty_table(struct token *token, struct request_list *lost)
{
    token->free_count = 0;
    for (unsigned seat = 0; seat < WALL_IN_FLIGHT_MAX; seat++) {
        if (token->seats[seat] != NULL && token->seats[seat] != &abandoned)
            TAILQ_INSERT_TAIL(lost, token->seats[seat], link);
        token->seats[seat] = NULL;
        token->free_seats[token->free_count++] = (uint16_t)(WALL_IN_FLIGHT_MAX - 1 - seat);
    }
}

/* ---- Taking -------------------------------------------------------------------------------- */

/* Whether a token takes a request now; the state lock is held. */
static enum keyd_status judge_sending(struct token *token, struct keyd_error *err)
{
    if (atomic_load(token->stopping))
        return keyd_fail(err, KEYD_UNAVAILABLE, "SHUTTING_DOWN", "keyd is shutting down");
    if (token->phase == PHASE_UP && token->status.state == KEYD__V1__TOKEN_STATE__LOGIN_NEEDED)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "LOGIN_NEEDED", "token %s: %s", token->name,
                         token->status.message);
    if (token->phase == PHASE_UP && token->status.state == KEYD__V1__TOKEN_STATE__FAULTY)
        return keyd_fail(err, KEYD_UNAVAILABLE, "TOKEN_FAULTY", "token %s: %s", token->name,
                         token->status.message);
    if (token->phase != PHASE_UP && clock_monotonic_ns() - token->away_since >= POOL_PATIENCE_NS) {
        char since[CLOCK_TEXT_MAX];
        token_away_text(token, since);
        return keyd_fail(
            err, KEYD_UNAVAILABLE, "TOKEN_AWAY",
            "token %s has been away since %s (%s); see whether its keyd-hsm runs, and its log",
            token->name, since, token_away_why(token));
    }
    if (token->queued >= POOL_QUEUE_MAX)
        return keyd_fail(err, KEYD_RESOURCE_EXHAUSTED, "TOKEN_BUSY",
                         "%zu calls wait for token %s already; try again later", token->queued,
                         token->name);
    return KEYD_OK;
}

enum keyd_status token_take(struct token *token, struct pool_request *request,
                            struct keyd_error *err)
{
    request->sent = false;
    request->verdict = KEYD_OK;
    pthread_mutex_lock(&token->state);
    enum keyd_status status = judge_sending(token, err);
    if (status == KEYD_OK) {
        TAILQ_INSERT_TAIL(&token->queue, request, link);
        token->queued++;
    }
    pthread_mutex_unlock(&token->state);
    return status;
}

void token_empty_queue(struct token *token, struct request_list *list)
{
    TAILQ_CONCAT(list, &token->queue, link);
    token->queued = 0;
}

bool token_come_up(struct token *token, uint64_t generation, struct pool_status *status)
{
    struct request_list refused = TAILQ_HEAD_INITIALIZER(refused);
    struct keyd_error err;
    pthread_mutex_lock(&token->state);
    bool up = token->phase == PHASE_SETTLING && token->generation == generation;
    if (up) {
        token->phase = PHASE_UP;
        token->settled = true;
        if (token->status.state != KEYD__V1__TOKEN_STATE__READY &&
            judge_sending(token, &err) != KEYD_OK)
            token_empty_queue(token, &refused);
    }
    *status = token->status;
    pthread_mutex_unlock(&token->state);
    requests_fail(&refused, &err);
    return up;
}

/* ---- Sending ------------------------------------------------------------------------------- */

/* Packs what waits, as much as fits; both locks are held. */
static void fill_packet(struct token *token, struct request_list *over)
{
    struct pool_request *request;
    int64_t now = clock_monotonic_ns();
    while (token->phase == PHASE_UP && token->free_count > 0 &&
           (request = TAILQ_FIRST(&token->queue)) != NULL) {
        bool ended = is_over(request, now);
        unsigned seat = token->free_seats[token->free_count - 1];
        request->message.tag = token_tag(token, seat);
        if (!ended && !wall_packet_add(&token->packet, &request->message.base))
            return;
        TAILQ_REMOVE(&token->queue, request, link);
        token->queued--;
        if (ended) {
            TAILQ_INSERT_TAIL(over, request, link);
            continue;
        }
        token->free_count--;
        token->seats[seat] = request;
        request->sent = true;
    }
    token->starved = token->free_count == 0 && token->queued > 0;
}

void token_want_events(struct token *token, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = token};
    epoll_ctl(token->epoll, EPOLL_CTL_MOD, token->fd, &event);
}

bool token_send_packet(struct token *token)
{
    ssize_t n;
    do {
        n = send(token->fd, token->packet.data, token->packet.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
        token_want_events(token, EPOLLIN | EPOLLOUT);
        return false;
    }
    if (n < 0)
        shutdown(token->fd, SHUT_RDWR);
    wall_packet_reset(&token->packet);
    return n >= 0;
}

void token_flush(struct token *token)
{
    struct request_list over = TAILQ_HEAD_INITIALIZER(over);
    pthread_mutex_lock(&token->send);
    for (;;) {
        if (token->packet.length == 0) {
            pthread_mutex_lock(&token->state);
            fill_packet(token, &over);
            pthread_mutex_unlock(&token->state);
        }
        if (token->packet.length == 0 || token->fd < 0 || !token_send_packet(token))
            break;
    }
    pthread_mutex_unlock(&token->send);
    end_by_verdict(token, &over);
}
