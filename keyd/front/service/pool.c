/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Locks, in this order. A token's `send` lock belongs to whoever packs and sends; its `state` lock
 * guards the queue, the table of what is in flight and the state, and is never held across a system
 * call of the sending or receiving of data. The completing side takes `state` alone, so answers are
 * not held up by a packet that is being sent. `done` is called with no lock held.
 *
 * A tag is the connection's generation and a slot of the table: an answer to a connection that is
 * gone, or to nothing, is seen at once. The slot of a request whose deadline passed in flight stays
 * taken until its answer comes, so that keyd-hsm's bound on what is in flight is kept.
 */
#include "keyd/front/service/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/log.h"
#include "keyd/base/memory.h"
#include "keyd/base/text.h"
#include "keyd/wall/packet.h"

#define NS_PER_MS        1000000LL
#define BACKOFF_FIRST_NS (20 * NS_PER_MS)
#define BACKOFF_LAST_NS  (500 * NS_PER_MS)
#define GREETING_MAX_NS  (10000 * NS_PER_MS) /* from connecting to the last key listed */
#define TICK_NS          (50 * NS_PER_MS)    /* how exactly deadlines are kept */
#define SLOT_BITS        16
#define OWN_SLOT         0xffffu /* the slot of Hello and ListKeys */
#define PACKETS_AT_ONCE  16      /* from one token before the next one's turn */

_Static_assert(WALL_IN_FLIGHT_MAX < OWN_SLOT, "slots fit their part of the tag");

TAILQ_HEAD(request_list, pool_request);

enum phase {
    PHASE_DOWN,     /* no connection; connects at `next_try` */
    PHASE_GREETING, /* Hello is out */
    PHASE_LISTING,  /* ListKeys is out */
    PHASE_SETTLING, /* all is listed; pool_token_up is awaited */
    PHASE_UP,
};

struct token {
    struct pool *pool;
    unsigned number;
    const char *name;
    struct sockaddr_un address;
    uid_t hsm_uid;

    pthread_mutex_t send;
    struct wall_packet packet; /* what is being sent; kept while the socket is full */

    pthread_mutex_t state; /* guards all below but for the reader's own */
    enum phase phase;
    uint64_t generation; /* of the connection */
    int fd;              /* written by the reader with both locks */
    struct request_list queue;
    size_t queued;
    struct pool_request *slots[WALL_IN_FLIGHT_MAX];
    uint16_t free_slots[WALL_IN_FLIGHT_MAX];
    size_t free_count;
    bool starved;            /* requests wait for a free slot: an answer makes the reader send */
    int64_t away_since;      /* monotonic; while not up */
    int64_t away_since_wall; /* milliseconds since 1970 */
    struct pool_status facts;
    bool settled;

    /* The reader's own. */
    int64_t next_try;
    int64_t backoff;
    int64_t greeting_until;
    struct keyring_key **keys;
    size_t key_count;
    size_t key_size;
    char last_trouble[KEYD_MESSAGE_MAX]; /* as logged, so that it is logged once */
};

struct pool {
    struct token *tokens;
    unsigned count;
    pool_listed *listed;
    void *context;
    int epoll;
    int bell;
    pthread_t reader;
    bool running;
    atomic_bool stopping;
    atomic_bool ticking; /* the reader looks after deadlines by itself */
    struct wall_packet incoming;
};

static struct pool_request abandoned; /* in a slot whose request is gone */

static enum phase phase_of(struct token *token)
{
    pthread_mutex_lock(&token->state);
    enum phase phase = token->phase;
    pthread_mutex_unlock(&token->state);
    return phase;
}

/* ---- Ending requests ----------------------------------------------------------------------- */

static void fail(struct pool_request *request, const struct keyd_error *err)
{
    request->done(request, NULL, err);
}

static void fail_all(struct request_list *list, const struct keyd_error *err)
{
    struct pool_request *request;
    while ((request = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, request, link);
        fail(request, err);
    }
}

static void away_text(const struct token *token, char text[CLOCK_TEXT_MAX])
{
    clock_format(token->away_since_wall, text);
}

/* Ends those that were found to be over, each by its verdict. */
static void end_overdue(struct token *token, struct request_list *list)
{
    struct pool_request *request;
    while ((request = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, request, link);
        struct keyd_error err;
        if (request->verdict == KEYD_CANCELLED)
            keyd_fail(&err, KEYD_CANCELLED, "CANCELLED", "the caller has gone away");
        else if (request->sent)
            keyd_fail(&err, KEYD_DEADLINE_EXCEEDED, "DEADLINE",
                      "token %s did not answer within the call's deadline", token->name);
        else
            keyd_fail(&err, KEYD_DEADLINE_EXCEEDED, "DEADLINE",
                      "token %s was away or busy until the call's deadline", token->name);
        fail(request, &err);
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

/* ---- Sending ------------------------------------------------------------------------------- */

static uint64_t tag_of(const struct token *token, unsigned slot)
{
    return token->generation << SLOT_BITS | slot;
}

/* Packs what waits, as much as fits; both locks are held. */
static void fill_packet(struct token *token, struct request_list *over)
{
    struct pool_request *request;
    int64_t now = clock_monotonic_ns();
    while (token->phase == PHASE_UP && token->free_count > 0 &&
           (request = TAILQ_FIRST(&token->queue)) != NULL) {
        bool ended = is_over(request, now);
        unsigned slot = token->free_slots[token->free_count - 1];
        request->message.tag = tag_of(token, slot);
        if (!ended && !wall_packet_add(&token->packet, &request->message.base))
            return;
        TAILQ_REMOVE(&token->queue, request, link);
        token->queued--;
        if (ended) {
            TAILQ_INSERT_TAIL(over, request, link);
            continue;
        }
        token->free_count--;
        token->slots[slot] = request;
        request->sent = true;
    }
    token->starved = token->free_count == 0 && token->queued > 0;
}

static void want_events(struct token *token, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = token};
    epoll_ctl(token->pool->epoll, EPOLL_CTL_MOD, token->fd, &event);
}

/* Sends the packet at hand; false: not now. The send lock is held. A broken connection is the
 * reader's to clear away: it sees the hang-up. */
static bool send_packet(struct token *token)
{
    ssize_t n;
    do {
        n = send(token->fd, token->packet.data, token->packet.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
        want_events(token, EPOLLIN | EPOLLOUT);
        return false;
    }
    if (n < 0)
        shutdown(token->fd, SHUT_RDWR);
    wall_packet_reset(&token->packet);
    return n >= 0;
}

static void flush(struct token *token)
{
    struct request_list over = TAILQ_HEAD_INITIALIZER(over);
    pthread_mutex_lock(&token->send);
    for (;;) {
        if (token->packet.length == 0) {
            pthread_mutex_lock(&token->state);
            fill_packet(token, &over);
            pthread_mutex_unlock(&token->state);
        }
        if (token->packet.length == 0 || token->fd < 0 || !send_packet(token))
            break;
    }
    pthread_mutex_unlock(&token->send);
    end_overdue(token, &over);
}

void pool_flush(struct pool *pool)
{
    for (unsigned i = 0; i < pool->count; i++) {
        struct token *token = &pool->tokens[i];
        pthread_mutex_lock(&token->state);
        bool some = token->queued > 0 && token->phase == PHASE_UP;
        pthread_mutex_unlock(&token->state);
        if (some)
            flush(token);
    }
}

static void ring(struct pool *pool)
{
    ssize_t n = write(pool->bell, &(uint64_t){1}, sizeof(uint64_t));
    (void)n; /* it only fails when the bell has rung 2^64 times already */
}

/* Whether a token takes a request now; the state lock is held. */
static enum keyd_status judge_sending(struct token *token, struct keyd_error *err)
{
    if (atomic_load(&token->pool->stopping))
        return keyd_fail(err, KEYD_UNAVAILABLE, "SHUTTING_DOWN", "keyd is shutting down");
    if (token->phase == PHASE_UP && token->facts.state == KEYD__V1__TOKEN_STATE__LOGIN_NEEDED)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "LOGIN_NEEDED", "token %s: %s", token->name,
                         token->facts.message);
    if (token->phase == PHASE_UP && token->facts.state == KEYD__V1__TOKEN_STATE__FAULTY)
        return keyd_fail(err, KEYD_UNAVAILABLE, "TOKEN_FAULTY", "token %s: %s", token->name,
                         token->facts.message);
    if (token->phase != PHASE_UP && clock_monotonic_ns() - token->away_since >= POOL_PATIENCE_NS) {
        char since[CLOCK_TEXT_MAX];
        away_text(token, since);
        return keyd_fail(err, KEYD_UNAVAILABLE, "TOKEN_AWAY",
                         "token %s has been away since %s (%s); see whether its keyd-hsm runs",
                         token->name, since, token->facts.message);
    }
    if (token->queued >= POOL_QUEUE_MAX)
        return keyd_fail(err, KEYD_RESOURCE_EXHAUSTED, "TOKEN_BUSY",
                         "%zu calls wait for token %s already; try again later", token->queued,
                         token->name);
    return KEYD_OK;
}

void pool_send(struct pool *pool, struct pool_request *request)
{
    struct token *token = &pool->tokens[request->token];
    struct keyd_error err;
    request->sent = false;
    request->verdict = KEYD_OK;
    pthread_mutex_lock(&token->state);
    enum keyd_status status = judge_sending(token, &err);
    if (status == KEYD_OK) {
        TAILQ_INSERT_TAIL(&token->queue, request, link);
        token->queued++;
    }
    pthread_mutex_unlock(&token->state);
    if (status != KEYD_OK)
        fail(request, &err);
    else if (!atomic_exchange(&pool->ticking, true))
        ring(pool);
}

/* ---- The connection: the reader only ------------------------------------------------------- */

static void set_away_message(struct token *token, const char *message)
{
    pthread_mutex_lock(&token->state);
    if (token->phase != PHASE_UP) {
        token->facts.state = KEYD__V1__TOKEN_STATE__AWAY;
        snprintf(token->facts.message, sizeof token->facts.message, "%s", message);
        token->settled = true;
    }
    pthread_mutex_unlock(&token->state);
    if (strcmp(token->last_trouble, message) == 0)
        return;
    snprintf(token->last_trouble, sizeof token->last_trouble, "%s", message);
    log_warning("token=%s away: %s", token->name, message);
}

static void forget_listing(struct token *token)
{
    for (size_t i = 0; i < token->key_count; i++)
        keyring_key_put(token->keys[i]);
    free(token->keys);
    token->keys = NULL;
    token->key_count = token->key_size = 0;
}

/* Takes all out of the table; the state lock is held. */
static void empty_table(struct token *token, struct request_list *lost)
{
    token->free_count = 0;
    for (unsigned slot = 0; slot < WALL_IN_FLIGHT_MAX; slot++) {
        if (token->slots[slot] != NULL && token->slots[slot] != &abandoned)
            TAILQ_INSERT_TAIL(lost, token->slots[slot], link);
        token->slots[slot] = NULL;
        token->free_slots[token->free_count++] = (uint16_t)(WALL_IN_FLIGHT_MAX - 1 - slot);
    }
}

static void close_connection(struct token *token, struct request_list *lost)
{
    pthread_mutex_lock(&token->send);
    pthread_mutex_lock(&token->state);
    if (token->phase == PHASE_UP) {
        token->away_since = clock_monotonic_ns();
        token->away_since_wall = clock_now();
        token->backoff = BACKOFF_FIRST_NS;
        token->last_trouble[0] = '\0';
    }
    token->phase = PHASE_DOWN;
    token->facts.state = KEYD__V1__TOKEN_STATE__AWAY;
    token->generation++;
    if (token->fd >= 0)
        close(token->fd);
    token->fd = -1;
    wall_packet_reset(&token->packet);
    empty_table(token, lost);
    pthread_mutex_unlock(&token->state);
    pthread_mutex_unlock(&token->send);
    forget_listing(token);
}

/* Ends a connection and sets the time of the next try. */
static void hang_up(struct token *token, const char *why)
{
    struct request_list lost = TAILQ_HEAD_INITIALIZER(lost);
    close_connection(token, &lost);
    token->next_try = clock_monotonic_ns() + token->backoff;
    token->backoff = token->backoff * 2 < BACKOFF_LAST_NS ? token->backoff * 2 : BACKOFF_LAST_NS;
    set_away_message(token, why);
    struct keyd_error err;
    keyd_fail(&err, KEYD_UNAVAILABLE, "TOKEN_RESTARTED",
              "the keyd-hsm of token %s went away while it had this call; it is safe to try again",
              token->name);
    fail_all(&lost, &err);
}

/* Sends one of the reader's own requests, alone in its packet. */
static bool send_own(struct token *token, Keyd__Hsm__V1__Request *request)
{
    uint8_t no_call[KEYID_SIZE] = {0};
    request->tag = tag_of(token, OWN_SLOT);
    request->call_id = (ProtobufCBinaryData){.len = sizeof no_call, .data = no_call};
    request->principal = (char *)"keyd";
    request->deadline = (uint64_t)token->greeting_until;
    pthread_mutex_lock(&token->send);
    wall_packet_reset(&token->packet);
    bool sent = wall_packet_add(&token->packet, &request->base) && send_packet(token);
    pthread_mutex_unlock(&token->send);
    return sent;
}

static bool send_hello(struct token *token)
{
    Keyd__Hsm__V1__Request request;
    Keyd__Hsm__V1__Hello hello;
    keyd__hsm__v1__request__init(&request);
    keyd__hsm__v1__hello__init(&hello);
    hello.wall_version = WALL_VERSION;
    request.body_case = KEYD__HSM__V1__REQUEST__BODY_HELLO;
    request.hello = &hello;
    return send_own(token, &request);
}

static bool send_list_keys(struct token *token)
{
    Keyd__Hsm__V1__Request request;
    Keyd__Hsm__V1__ListKeys list;
    keyd__hsm__v1__request__init(&request);
    keyd__hsm__v1__list_keys__init(&list);
    if (token->key_count > 0)
        list.after = (ProtobufCBinaryData){.len = KEYID_SIZE,
                                           .data = token->keys[token->key_count - 1]->id.bytes};
    request.body_case = KEYD__HSM__V1__REQUEST__BODY_LIST_KEYS;
    request.list_keys = &list;
    return send_own(token, &request);
}

/* A connected socket to a keyd-hsm of the right uid, or -1 and why not. */
static int open_connection(struct token *token, bool *separate_uid, char why[KEYD_MESSAGE_MAX])
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (fd < 0 || connect(fd, (struct sockaddr *)&token->address, sizeof token->address) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        snprintf(why, KEYD_MESSAGE_MAX, "%s: %s", token->address.sun_path, strerrordesc_np(errno));
    } else if (token->hsm_uid != POOL_ANY_UID && peer.uid != token->hsm_uid) {
        snprintf(why, KEYD_MESSAGE_MAX,
                 "%s belongs to uid %u, not to uid %u as hsm_user in keyd.conf says",
                 token->address.sun_path, (unsigned)peer.uid, (unsigned)token->hsm_uid);
    } else {
        *separate_uid = peer.uid != geteuid();
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static void try_to_connect(struct token *token)
{
    char why[KEYD_MESSAGE_MAX];
    bool separate_uid = false;
    int fd = open_connection(token, &separate_uid, why);
    if (fd < 0) {
        hang_up(token, why);
        return;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = token};
    bool added = epoll_ctl(token->pool->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
    pthread_mutex_lock(&token->send);
    pthread_mutex_lock(&token->state);
    token->fd = fd;
    token->phase = PHASE_GREETING;
    token->facts.separate_uid = separate_uid;
    pthread_mutex_unlock(&token->state);
    pthread_mutex_unlock(&token->send);
    token->greeting_until = clock_monotonic_ns() + GREETING_MAX_NS;
    if (!added || !send_hello(token))
        hang_up(token, "keyd-hsm hung up at once");
}

/* ---- Answers: the reader only -------------------------------------------------------------- */

static void copy_fact(char *to, size_t size, const char *from)
{
    bool good = strlen(from) < size && text_is_utf8(from, strlen(from));
    snprintf(to, size, "%s", good ? from : "");
}

static Keyd__V1__TokenState state_of(Keyd__Hsm__V1__Welcome__State state)
{
    switch (state) {
    case KEYD__HSM__V1__WELCOME__STATE__READY:
        return KEYD__V1__TOKEN_STATE__READY;
    case KEYD__HSM__V1__WELCOME__STATE__LOGIN_NEEDED:
        return KEYD__V1__TOKEN_STATE__LOGIN_NEEDED;
    default:
        return KEYD__V1__TOKEN_STATE__FAULTY;
    }
}

static bool take_welcome(struct token *token, const Keyd__Hsm__V1__Answer *answer)
{
    char why[KEYD_MESSAGE_MAX];
    const Keyd__Hsm__V1__Welcome *welcome =
        answer->body_case == KEYD__HSM__V1__ANSWER__BODY_WELCOME ? answer->welcome : NULL;
    if (answer->status != KEYD_OK || welcome == NULL)
        snprintf(why, sizeof why, "keyd-hsm refused the connection: %.500s",
                 text_is_utf8(answer->message, strlen(answer->message)) ? answer->message : "");
    else if (welcome->wall_version != WALL_VERSION)
        snprintf(why, sizeof why,
                 "keyd-hsm speaks version %u of the wall, keyd version %u; "
                 "install both from one build",
                 welcome->wall_version, WALL_VERSION);
    else if (strcmp(welcome->token, token->name) != 0)
        snprintf(why, sizeof why,
                 "the keyd-hsm at %s serves another token, %.63s; correct `tokens` in keyd.conf",
                 token->address.sun_path, welcome->token);
    else
        why[0] = '\0';
    if (why[0] != '\0') {
        hang_up(token, why);
        return false;
    }
    pthread_mutex_lock(&token->state);
    struct pool_status *facts = &token->facts;
    facts->state = state_of(welcome->state);
    copy_fact(facts->message, sizeof facts->message, welcome->state_message);
    if (facts->state == KEYD__V1__TOKEN_STATE__READY)
        facts->message[0] = '\0';
    copy_fact(facts->label, sizeof facts->label, welcome->label);
    copy_fact(facts->serial, sizeof facts->serial, welcome->serial);
    copy_fact(facts->manufacturer, sizeof facts->manufacturer, welcome->manufacturer);
    copy_fact(facts->model, sizeof facts->model, welcome->model);
    token->phase = PHASE_LISTING;
    pthread_mutex_unlock(&token->state);
    if (send_list_keys(token))
        return true;
    hang_up(token, "keyd-hsm hung up");
    return false;
}

static enum keyd_status keep_key(struct token *token, const Keyd__Hsm__V1__Key *from,
                                 struct keyd_error *err)
{
    struct keyring_key *key;
    enum keyd_status status = keyring_key_new(token->number, from, &key, err);
    if (status != KEYD_OK)
        return status;
    bool in_order = token->key_count == 0 ||
                    keyid_compare(&token->keys[token->key_count - 1]->id, &key->id) < 0;
    if (!in_order || token->key_count == POOL_KEYS_MAX) {
        keyring_key_put(key);
        return keyd_fail(err, KEYD_DATA_LOSS, "WALL_PROTOCOL", "keyd-hsm sent %s",
                         in_order ? "too many keys" : "keys out of order");
    }
    if (token->key_count == token->key_size) {
        token->key_size = token->key_size > 0 ? 2 * token->key_size : 64;
        token->keys = memory_grown(token->keys, token->key_size, sizeof(struct keyring_key *));
    }
    token->keys[token->key_count++] = key;
    return KEYD_OK;
}

static enum keyd_status keep_page(struct token *token, const Keyd__Hsm__V1__Answer *answer,
                                  struct keyd_error *err)
{
    if (answer->status != KEYD_OK || answer->body_case != KEYD__HSM__V1__ANSWER__BODY_KEY_PAGE)
        return keyd_fail(err, KEYD_DATA_LOSS, "WALL_PROTOCOL", "keyd-hsm does not list its keys");
    const Keyd__Hsm__V1__KeyPage *page = answer->key_page;
    if (page->more && page->n_keys == 0)
        return keyd_fail(err, KEYD_DATA_LOSS, "WALL_PROTOCOL", "keyd-hsm's list has no end");
    enum keyd_status status = KEYD_OK;
    for (size_t i = 0; status == KEYD_OK && i < page->n_keys; i++)
        status = keep_key(token, page->keys[i], err);
    return status;
}

static bool take_page(struct token *token, const Keyd__Hsm__V1__Answer *answer)
{
    struct keyd_error err;
    if (keep_page(token, answer, &err) != KEYD_OK) {
        hang_up(token, err.message);
        return false;
    }
    if (answer->key_page->more) {
        if (send_list_keys(token))
            return true;
        hang_up(token, "keyd-hsm hung up");
        return false;
    }
    struct keyring_key **keys = token->keys;
    size_t count = token->key_count;
    token->keys = NULL;
    token->key_count = token->key_size = 0;
    pthread_mutex_lock(&token->state);
    token->phase = PHASE_SETTLING;
    uint64_t generation = token->generation;
    pthread_mutex_unlock(&token->state);
    token->pool->listed(token->pool->context, token->number, generation, keys, count);
    return true;
}

/* keyd-hsm's own refusal, as the caller gets it. */
static void error_of(const Keyd__Hsm__V1__Answer *answer, struct keyd_error *err)
{
    static const char words[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    size_t length = strlen(answer->reason);
    bool good = answer->status <= KEYD_UNAUTHENTICATED && length < KEYD_REASON_MAX &&
                strspn(answer->reason, words) == length &&
                text_is_utf8(answer->message, strlen(answer->message));
    if (good)
        keyd_fail(err, (enum keyd_status)answer->status, answer->reason, "%s", answer->message);
    else
        keyd_fail(err, KEYD_INTERNAL, "WALL_PROTOCOL", "keyd-hsm gave an error that is none");
}

/* The request that an answer is for; NULL when its caller is gone. False: there is none such. */
static bool take_slot(struct token *token, uint64_t tag, struct pool_request **request)
{
    bool good = false;
    unsigned slot = (unsigned)(tag & OWN_SLOT);
    pthread_mutex_lock(&token->state);
    if (slot < WALL_IN_FLIGHT_MAX && tag == tag_of(token, slot) && token->slots[slot] != NULL) {
        good = true;
        *request = token->slots[slot] != &abandoned ? token->slots[slot] : NULL;
        token->slots[slot] = NULL;
        token->free_slots[token->free_count++] = (uint16_t)slot;
    }
    pthread_mutex_unlock(&token->state);
    return good;
}

static bool take_answer(struct token *token, const Keyd__Hsm__V1__Answer *answer)
{
    struct pool_request *request;
    if (!take_slot(token, answer->tag, &request)) {
        hang_up(token, "keyd-hsm answered what nobody asked");
        return false;
    }
    if (request == NULL)
        return true;
    if (answer->status == KEYD_OK) {
        request->done(request, answer, NULL);
        return true;
    }
    struct keyd_error err;
    error_of(answer, &err);
    request->done(request, answer, &err);
    return true;
}

/* False: the connection is no more. */
static bool take_frame(struct token *token, const Keyd__Hsm__V1__Answer *answer)
{
    bool own = answer->tag == tag_of(token, OWN_SLOT);
    enum phase phase = phase_of(token);
    if (phase == PHASE_GREETING && own)
        return take_welcome(token, answer);
    if (phase == PHASE_LISTING && own)
        return take_page(token, answer);
    if (phase == PHASE_UP)
        return take_answer(token, answer);
    hang_up(token, "keyd-hsm speaks out of turn");
    return false;
}

static bool take_packet(struct token *token, size_t size)
{
    struct wall_cursor cursor = {.at = token->pool->incoming.data, .left = size};
    const uint8_t *frame;
    size_t length;
    int more;
    while ((more = wall_cursor_next(&cursor, &frame, &length)) == 1) {
        ProtobufCMessage *message = wall_unpack(&keyd__hsm__v1__answer__descriptor, frame, length);
        if (message == NULL)
            break;
        bool good = take_frame(token, (const Keyd__Hsm__V1__Answer *)message);
        protobuf_c_message_free_unpacked(message, NULL);
        if (!good)
            return false;
    }
    if (more == 0)
        return true;
    hang_up(token, "keyd-hsm sent what is no answer");
    return false;
}

static void receive(struct token *token)
{
    for (int i = 0; i < PACKETS_AT_ONCE; i++) {
        ssize_t n = recv(token->fd, token->pool->incoming.data, sizeof token->pool->incoming.data,
                         MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0 || (size_t)n > sizeof token->pool->incoming.data) {
            hang_up(token, n > 0 ? "keyd-hsm sent a packet that is too large"
                                 : "the connection to keyd-hsm broke");
            return;
        }
        if (!take_packet(token, (size_t)n))
            return;
    }
}

/* ---- The reader ---------------------------------------------------------------------------- */

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
    for (unsigned slot = 0; slot < WALL_IN_FLIGHT_MAX; slot++) {
        request = token->slots[slot];
        if (request == NULL || request == &abandoned || !is_over(request, now))
            continue;
        token->slots[slot] = &abandoned;
        TAILQ_INSERT_TAIL(over, request, link);
    }
    return true;
}

static void look_after_deadlines(struct pool *pool, int64_t now)
{
    atomic_store(&pool->ticking, false);
    for (unsigned i = 0; i < pool->count; i++) {
        struct token *token = &pool->tokens[i];
        struct request_list over = TAILQ_HEAD_INITIALIZER(over);
        pthread_mutex_lock(&token->state);
        if (collect_overdue(token, now, &over))
            atomic_store(&pool->ticking, true);
        pthread_mutex_unlock(&token->state);
        end_overdue(token, &over);
    }
}

static void look_after_connection(struct token *token, int64_t now)
{
    enum phase phase = phase_of(token);
    if (phase == PHASE_DOWN && token->next_try <= now)
        try_to_connect(token);
    else if ((phase == PHASE_GREETING || phase == PHASE_LISTING) && token->greeting_until <= now)
        hang_up(token, "keyd-hsm does not greet");
}

/* Answers have made room for what waited. All else is left to pool_flush, which comes when a whole
 * batch is queued. */
static void feed(struct token *token)
{
    pthread_mutex_lock(&token->state);
    bool starved = token->starved;
    pthread_mutex_unlock(&token->state);
    if (starved)
        flush(token);
}

/* Milliseconds until something is due. */
static int wait_time(struct pool *pool, int64_t now, int64_t next_tick)
{
    int64_t due = atomic_load(&pool->ticking) ? next_tick : INT64_MAX;
    for (unsigned i = 0; i < pool->count; i++) {
        struct token *token = &pool->tokens[i];
        enum phase phase = phase_of(token);
        if (phase == PHASE_DOWN && token->next_try < due)
            due = token->next_try;
        if ((phase == PHASE_GREETING || phase == PHASE_LISTING) && token->greeting_until < due)
            due = token->greeting_until;
    }
    if (due == INT64_MAX)
        return -1;
    return due <= now ? 0 : (int)((due - now + NS_PER_MS - 1) / NS_PER_MS);
}

static void take_event(struct pool *pool, const struct epoll_event *event)
{
    struct token *token = event->data.ptr;
    if (token == NULL) {
        uint64_t rung;
        ssize_t n = read(pool->bell, &rung, sizeof rung);
        (void)n;
        return;
    }
    if (token->fd < 0)
        return;
    if (event->events & EPOLLOUT) {
        want_events(token, EPOLLIN);
        flush(token);
    }
    if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        receive(token);
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
            look_after_connection(&pool->tokens[i], now);
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

/* ---- The door ------------------------------------------------------------------------------ */

static enum keyd_status token_init(struct pool *pool, unsigned number,
                                   const struct pool_token_config *config, struct keyd_error *err)
{
    struct token *token = &pool->tokens[number];
    token->pool = pool;
    token->number = number;
    token->name = config->name;
    token->hsm_uid = config->hsm_uid;
    token->fd = -1;
    token->generation = 1;
    token->backoff = BACKOFF_FIRST_NS;
    token->away_since = clock_monotonic_ns();
    token->away_since_wall = clock_now();
    token->facts.state = KEYD__V1__TOKEN_STATE__AWAY;
    snprintf(token->facts.message, sizeof token->facts.message, "not connected yet");
    pthread_mutex_init(&token->send, NULL);
    pthread_mutex_init(&token->state, NULL);
    TAILQ_INIT(&token->queue);
    struct request_list none = TAILQ_HEAD_INITIALIZER(none);
    empty_table(token, &none);
    token->address.sun_family = AF_UNIX;
    if (strlen(config->socket) >= sizeof token->address.sun_path)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "SOCKET_PATH",
                         "%s: longer than the %zu bytes that a socket's path may have",
                         config->socket, sizeof token->address.sun_path - 1);
    snprintf(token->address.sun_path, sizeof token->address.sun_path, "%s", config->socket);
    return KEYD_OK;
}

static enum keyd_status start_reader(struct pool *pool, struct keyd_error *err)
{
    pool->epoll = epoll_create1(EPOLL_CLOEXEC);
    pool->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (pool->epoll < 0 || pool->bell < 0 ||
        epoll_ctl(pool->epoll, EPOLL_CTL_ADD, pool->bell, &event) != 0)
        return keyd_fail_errno(err, errno, "making the wall's epoll");
    int failed = pthread_create(&pool->reader, NULL, read_answers, pool);
    if (failed != 0)
        return keyd_fail_errno(err, failed, "starting the wall's reader");
    pool->running = true;
    return KEYD_OK;
}

enum keyd_status pool_open(const struct pool_token_config *tokens, unsigned count,
                           pool_listed *listed, void *context, struct pool **pool,
                           struct keyd_error *err)
{
    struct pool *made = memory_zeroed(1, sizeof *made);
    made->tokens = memory_zeroed(count, sizeof *made->tokens);
    made->count = count;
    made->listed = listed;
    made->context = context;
    made->epoll = made->bell = -1;
    enum keyd_status status = KEYD_OK;
    for (unsigned i = 0; i < count; i++) {
        enum keyd_status one = token_init(made, i, &tokens[i], err);
        if (status == KEYD_OK)
            status = one;
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
    for (unsigned i = 0; i < pool->count; i++) {
        struct token *token = &pool->tokens[i];
        struct request_list lost = TAILQ_HEAD_INITIALIZER(lost);
        close_connection(token, &lost);
        pthread_mutex_lock(&token->state);
        TAILQ_CONCAT(&lost, &token->queue, link);
        token->queued = 0;
        pthread_mutex_unlock(&token->state);
        fail_all(&lost, &err);
    }
}

void pool_free(struct pool *pool)
{
    if (pool == NULL)
        return;
    pool_stop(pool);
    for (unsigned i = 0; i < pool->count; i++) {
        pthread_mutex_destroy(&pool->tokens[i].send);
        pthread_mutex_destroy(&pool->tokens[i].state);
    }
    if (pool->epoll >= 0)
        close(pool->epoll);
    if (pool->bell >= 0)
        close(pool->bell);
    free(pool->tokens);
    free(pool);
}

/* What waited for a token that turns out not to serve. */
static void refuse_waiting(struct token *token, struct request_list *refused,
                           struct keyd_error *err)
{
    if (judge_sending(token, err) == KEYD_OK)
        return;
    TAILQ_CONCAT(refused, &token->queue, link);
    token->queued = 0;
}

void pool_token_up(struct pool *pool, unsigned number, uint64_t generation)
{
    struct token *token = &pool->tokens[number];
    struct request_list refused = TAILQ_HEAD_INITIALIZER(refused);
    struct keyd_error err;
    pthread_mutex_lock(&token->state);
    bool up = token->phase == PHASE_SETTLING && token->generation == generation;
    if (up) {
        token->phase = PHASE_UP;
        token->settled = true;
        if (token->facts.state != KEYD__V1__TOKEN_STATE__READY)
            refuse_waiting(token, &refused, &err);
    }
    struct pool_status facts = token->facts;
    pthread_mutex_unlock(&token->state);
    if (!up)
        return;
    fail_all(&refused, &err);
    if (facts.state == KEYD__V1__TOKEN_STATE__READY)
        log_notice("token=%s ready: label \"%s\", serial %s, %s", token->name, facts.label,
                   facts.serial, facts.separate_uid ? "another uid" : "no wall: one uid");
    else
        log_error("token=%s does not serve: %s", token->name, facts.message);
    flush(token);
}

void pool_status(struct pool *pool, unsigned number, struct pool_status *status)
{
    struct token *token = &pool->tokens[number];
    pthread_mutex_lock(&token->state);
    *status = token->facts;
    if (token->phase != PHASE_UP)
        status->state = KEYD__V1__TOKEN_STATE__AWAY;
    if (status->state == KEYD__V1__TOKEN_STATE__AWAY) {
        char since[CLOCK_TEXT_MAX];
        away_text(token, since);
        snprintf(status->message, sizeof status->message, "away since %s: %.600s", since,
                 token->facts.message);
    }
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
