/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/front/service/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/log.h"
#include "keyd/base/memory.h"
#include "keyd/base/text.h"

#define BACKOFF_LAST_NS 500000000LL
#define GREETING_MAX_NS 10000000000LL /* from connecting to the last key listed */
#define PACKETS_AT_ONCE 16            /* from one token before the next one's turn */
#define NO_GREETING     "keyd-hsm does not greet"
#define LOOK_NS         (WALL_BEAT_MS * 1000000LL)
#define QUIET_LOOKS_MAX (WALL_SILENCE_MS / WALL_BEAT_MS)

/* ---- Hanging up ---------------------------------------------------------------------------- */

static void set_away_message(struct token *token, const char *message)
{
    pthread_mutex_lock(&token->state);
    if (token->phase != PHASE_UP) {
        token->status.state = KEYD__V1__TOKEN_STATE__AWAY;
        snprintf(token->status.message, sizeof token->status.message, "%s", message);
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

void connection_close(struct token *token, struct request_list *lost)
{
    pthread_mutex_lock(&token->send);
    pthread_mutex_lock(&token->state);
    if (token->phase == PHASE_UP) {
        token->away_since = clock_monotonic_ns();
        token->away_since_wall = clock_now();
    }
    if (token->phase == PHASE_UP || token->phase == PHASE_SILENT) {
        token->backoff = TOKEN_BACKOFF_FIRST_NS;
        token->last_trouble[0] = '\0';
    }
    token->phase = PHASE_DOWN;
    token->status.state = KEYD__V1__TOKEN_STATE__AWAY;
    token->generation++;
    if (token->fd >= 0)
        close(token->fd);
    token->fd = -1;
    wall_packet_reset(&token->packet);
    token_empty_table(token, lost);
    pthread_mutex_unlock(&token->state);
    pthread_mutex_unlock(&token->send);
    forget_listing(token);
}

/* Ends a connection and sets the time of the next try. */
static void hang_up(struct token *token, const char *why)
{
    struct request_list lost = TAILQ_HEAD_INITIALIZER(lost);
    connection_close(token, &lost);
    token->next_try = clock_monotonic_ns() + token->backoff;
    token->backoff = token->backoff * 2 < BACKOFF_LAST_NS ? token->backoff * 2 : BACKOFF_LAST_NS;
    set_away_message(token, why);
    struct keyd_error err;
    keyd_fail(&err, KEYD_UNAVAILABLE, "TOKEN_RESTARTED",
              "the keyd-hsm of token %s went away while it had this call; it is safe to try again",
              token->name);
    requests_fail(&lost, &err);
}

/* ---- Silence -------------------------------------------------------------------------------- */

/* The connection is kept, and with it what was asked: each call ends at its deadline, or by its
 * answer when the process goes on. */
static void fall_silent(struct token *token)
{
    char since[CLOCK_TEXT_MAX];
    pthread_mutex_lock(&token->state);
    token->phase = PHASE_SILENT;
    token->away_since = token->heard_at;
    token->away_since_wall = clock_now() - (clock_monotonic_ns() - token->heard_at) / 1000000;
    const char *why = token_away_why(token);
    token_away_text(token, since);
    pthread_mutex_unlock(&token->state);
    log_warning("token=%s away since %s: %s", token->name, since, why);
}

/* Looks are counted, not time: a pause of this process is one look, and no keyd-hsm's silence. */
static void look_for_silence(struct token *token, int64_t now)
{
    token->next_look = now + LOOK_NS;
    if (++token->quiet_looks > QUIET_LOOKS_MAX)
        fall_silent(token);
}

static void hear(struct token *token)
{
    token->heard_at = clock_monotonic_ns();
    token->quiet_looks = 0;
    if (token_phase(token) != PHASE_SILENT)
        return;
    pthread_mutex_lock(&token->state);
    token->phase = PHASE_UP;
    pthread_mutex_unlock(&token->state);
    log_notice("token=%s is back: its keyd-hsm goes on", token->name);
    token_flush(token);
}

/* ---- Connecting ---------------------------------------------------------------------------- */

/* Sends one of the reader's own requests, alone in its packet. */
static bool send_own(struct token *token, Keyd__Hsm__V1__Request *request)
{
    uint8_t no_call[KEYID_SIZE] = {0};
    request->tag = token_tag(token, TOKEN_OWN_SEAT);
    request->call_id = (ProtobufCBinaryData){.len = sizeof no_call, .data = no_call};
    request->principal = (char *)"keyd";
    request->deadline = (uint64_t)token->greeting_until;
    pthread_mutex_lock(&token->send);
    wall_packet_reset(&token->packet);
    bool sent = wall_packet_add(&token->packet, &request->base) && token_send_packet(token);
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
        /* EAGAIN: nobody takes those who wait there, of whom we were the last ones. */
        if (errno == EAGAIN)
            snprintf(why, KEYD_MESSAGE_MAX, NO_GREETING);
        else
            snprintf(why, KEYD_MESSAGE_MAX, "%s: %s", token->address.sun_path,
                     strerrordesc_np(errno));
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
    bool added = epoll_ctl(token->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
    pthread_mutex_lock(&token->send);
    pthread_mutex_lock(&token->state);
    token->fd = fd;
    token->phase = PHASE_GREETING;
    token->status.separate_uid = separate_uid;
    pthread_mutex_unlock(&token->state);
    pthread_mutex_unlock(&token->send);
    token->greeting_until = clock_monotonic_ns() + GREETING_MAX_NS;
    if (!added || !send_hello(token))
        hang_up(token, "keyd-hsm hung up at once");
}

/* ---- Greeting and listing ------------------------------------------------------------------ */

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

static const char *text_or_nothing(const char *text)
{
    return text_is_utf8(text, strlen(text)) ? text : "(no text)";
}

static enum keyd_status judge_welcome(const struct token *token,
                                      const Keyd__Hsm__V1__Answer *answer, struct keyd_error *err)
{
    if (answer->status != KEYD_OK || answer->body_case != KEYD__HSM__V1__ANSWER__BODY_WELCOME)
        return keyd_fail(err, KEYD_UNAVAILABLE, NULL, "keyd-hsm refused the connection: %s",
                         text_or_nothing(answer->message));
    const Keyd__Hsm__V1__Welcome *welcome = answer->welcome;
    if (welcome->wall_version != WALL_VERSION)
        return keyd_fail(err, KEYD_UNAVAILABLE, NULL,
                         "keyd-hsm speaks version %u of the wall, keyd version %u; "
                         "install both from one build",
                         welcome->wall_version, WALL_VERSION);
    if (strcmp(welcome->token, token->name) != 0)
        return keyd_fail(
            err, KEYD_UNAVAILABLE, NULL,
            "the keyd-hsm at %s serves another token, %s; correct `tokens` in keyd.conf",
            token->address.sun_path, text_or_nothing(welcome->token));
    return KEYD_OK;
}

static bool take_welcome(struct token *token, const Keyd__Hsm__V1__Answer *answer)
{
    struct keyd_error err;
    if (judge_welcome(token, answer, &err) != KEYD_OK) {
        hang_up(token, err.message);
        return false;
    }
    const Keyd__Hsm__V1__Welcome *welcome = answer->welcome;
    pthread_mutex_lock(&token->state);
    struct pool_status *status = &token->status;
    status->state = state_of(welcome->state);
    facts_copy_text(status->message, sizeof status->message, welcome->state_message);
    if (status->state == KEYD__V1__TOKEN_STATE__READY)
        status->message[0] = '\0';
    facts_take(&token->facts, welcome);
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
    bool complete = token->status.state == KEYD__V1__TOKEN_STATE__READY;
    pthread_mutex_unlock(&token->state);
    token->audience.listed(token->audience.context, token->number, generation, complete, keys,
                           count);
    return true;
}

/* ---- Answers ------------------------------------------------------------------------------- */

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

static bool take_answer(struct token *token, const Keyd__Hsm__V1__Answer *answer)
{
    struct pool_request *request;
    if (!token_take_seat(token, answer->tag, &request)) {
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
    if (answer->body_case == KEYD__HSM__V1__ANSWER__BODY_BEAT)
        return true; /* hear() was all */
    bool own = answer->tag == token_tag(token, TOKEN_OWN_SEAT);
    enum token_phase phase = token_phase(token);
    if (phase == PHASE_GREETING && own)
        return take_welcome(token, answer);
    if (phase == PHASE_LISTING && own)
        return take_page(token, answer);
    if (phase == PHASE_UP)
        return take_answer(token, answer);
    hang_up(token, "keyd-hsm speaks out of turn");
    return false;
}

static bool take_packet(struct token *token, const struct wall_packet *incoming, size_t size)
{
    struct wall_cursor cursor = {.at = incoming->data, .left = size};
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

static void receive(struct token *token, struct wall_packet *incoming)
{
    for (int i = 0; i < PACKETS_AT_ONCE; i++) {
        ssize_t n =
            recv(token->fd, incoming->data, sizeof incoming->data, MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0 || (size_t)n > sizeof incoming->data) {
            hang_up(token, n > 0 ? "keyd-hsm sent a packet that is too large"
                                 : "the connection to keyd-hsm broke");
            return;
        }
        hear(token);
        if (!take_packet(token, incoming, (size_t)n))
            return;
    }
}

/* ---- The reader's part --------------------------------------------------------------------- */

int64_t connection_due(struct token *token)
{
    switch (token_phase(token)) {
    case PHASE_DOWN:
        return token->next_try;
    case PHASE_GREETING:
    case PHASE_LISTING:
        return token->greeting_until;
    case PHASE_UP:
        return token->next_look;
    default:
        return INT64_MAX;
    }
}

void connection_look_after(struct token *token, int64_t now)
{
    if (connection_due(token) > now)
        return;
    switch (token_phase(token)) {
    case PHASE_DOWN:
        try_to_connect(token);
        return;
    case PHASE_UP:
        look_for_silence(token, now);
        return;
    default:
        hang_up(token, NO_GREETING);
    }
}

void connection_take_events(struct token *token, uint32_t events, struct wall_packet *incoming)
{
    if (token->fd < 0)
        return;
    if (events & EPOLLOUT) {
        token_want_events(token, EPOLLIN);
        token_flush(token);
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        receive(token, incoming);
}
