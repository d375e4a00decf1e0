/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/front/fake_hsm.h"

#include <openssl/ec.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/status.h"
#include "keyd/wall/packet.h"

static void must(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    abort();
}

/* ---- Keys ---------------------------------------------------------------------------------- */

static size_t place_of(const struct fake_hsm *fake, const struct keyid *id)
{
    size_t place = 0;
    while (place < fake->key_count && keyid_compare(&fake->keys[place].id, id) < 0)
        place++;
    return place;
}

static struct fake_key *find(struct fake_hsm *fake, const ProtobufCBinaryData *wanted)
{
    struct keyid id;
    if (wanted->len != KEYID_SIZE)
        return NULL;
    memcpy(id.bytes, wanted->data, KEYID_SIZE);
    size_t place = place_of(fake, &id);
    bool is = place < fake->key_count && keyid_compare(&fake->keys[place].id, &id) == 0;
    return is ? &fake->keys[place] : NULL;
}

static struct fake_key *add(struct fake_hsm *fake, const struct keyid *id)
{
    must(fake->key_count < FAKE_KEYS_MAX, "too many keys");
    size_t place = place_of(fake, id);
    struct fake_key *key = &fake->keys[place];
    memmove(key + 1, key, (fake->key_count - place) * sizeof *key);
    memset(key, 0, sizeof *key);
    key->id = *id;
    key->pair = EVP_EC_gen("P-256");
    must(key->pair != NULL, "EVP_EC_gen");
    uint8_t *at = key->spki;
    key->spki_size = (size_t)i2d_PUBKEY(key->pair, &at);
    fake->key_count++;
    return key;
}

struct keyid fake_hsm_add_key(struct fake_hsm *fake)
{
    struct keyid id = keyid_random();
    snprintf(add(fake, &id)->creator, sizeof fake->keys[0].creator, "uid:0");
    return id;
}

/* ---- Answers ------------------------------------------------------------------------------- */

struct reply {
    struct fake_hsm *fake;
    struct wall_packet packet;
};

static void send_packet(struct reply *reply)
{
    if (reply->packet.frames > 0)
        send(reply->fake->connection, reply->packet.data, reply->packet.length, MSG_NOSIGNAL);
    wall_packet_reset(&reply->packet);
}

static void put(struct reply *reply, Keyd__Hsm__V1__Answer *answer, uint64_t tag)
{
    answer->tag = tag;
    if (wall_packet_add(&reply->packet, &answer->base))
        return;
    send_packet(reply);
    must(wall_packet_add(&reply->packet, &answer->base), "an answer too large for a packet");
}

static void refuse(struct reply *reply, uint64_t tag, enum keyd_status status, const char *reason)
{
    Keyd__Hsm__V1__Answer answer = KEYD__HSM__V1__ANSWER__INIT;
    answer.status = status;
    answer.reason = (char *)reason;
    answer.message = (char *)"the fake says no";
    put(reply, &answer, tag);
}

static void fill_key(Keyd__Hsm__V1__Key *to, struct fake_key *from)
{
    keyd__hsm__v1__key__init(to);
    to->key_id = (ProtobufCBinaryData){.len = KEYID_SIZE, .data = from->id.bytes};
    to->key_spec = KEYD__V1__KEY_SPEC__ECC_NIST_P256;
    to->key_usage = KEYD__V1__KEY_USAGE__SIGN_VERIFY;
    to->creation_time = 1767225600000;
    to->public_key = (ProtobufCBinaryData){.len = from->spki_size, .data = from->spki};
    to->request_digest = (ProtobufCBinaryData){.len = sizeof from->digest, .data = from->digest};
    to->creator = from->creator;
}

static void welcome(struct reply *reply, const Keyd__Hsm__V1__Request *request)
{
    struct fake_hsm *fake = reply->fake;
    Keyd__Hsm__V1__Answer answer = KEYD__HSM__V1__ANSWER__INIT;
    Keyd__Hsm__V1__Welcome body = KEYD__HSM__V1__WELCOME__INIT;
    body.wall_version = WALL_VERSION;
    body.token = (char *)fake->token;
    body.state = fake->state != 0 ? fake->state : KEYD__HSM__V1__WELCOME__STATE__READY;
    body.state_message = (char *)(fake->state_message != NULL ? fake->state_message : "");
    body.label = (char *)"fake label";
    body.serial = (char *)"0123456789abcdef";
    body.manufacturer = (char *)"keyd's tests";
    body.model = (char *)"fake";
    body.module = (char *)"A module 1.0 (keyd's tests)";
    body.session_limit = 8;
    body.free_sessions = 3;
    answer.body_case = KEYD__HSM__V1__ANSWER__BODY_WELCOME;
    answer.welcome = &body;
    put(reply, &answer, request->tag);
}

static void list_keys(struct reply *reply, const Keyd__Hsm__V1__Request *request)
{
    struct fake_hsm *fake = reply->fake;
    unsigned page_size = fake->page > 0 ? fake->page : 100;
    Keyd__Hsm__V1__Answer answer = KEYD__HSM__V1__ANSWER__INIT;
    Keyd__Hsm__V1__KeyPage page = KEYD__HSM__V1__KEY_PAGE__INIT;
    Keyd__Hsm__V1__Key *rows = calloc(page_size, sizeof *rows);
    Keyd__Hsm__V1__Key **keys = calloc(page_size, sizeof *keys);
    size_t place = 0;
    if (request->list_keys->after.len == KEYID_SIZE) {
        struct keyid after;
        memcpy(after.bytes, request->list_keys->after.data, KEYID_SIZE);
        place = place_of(fake, &after) + 1;
    }
    for (; place < fake->key_count && page.n_keys < page_size; place++) {
        keys[page.n_keys] = &rows[page.n_keys];
        fill_key(keys[page.n_keys++], &fake->keys[place]);
    }
    page.keys = keys;
    page.more = place < fake->key_count;
    answer.body_case = KEYD__HSM__V1__ANSWER__BODY_KEY_PAGE;
    answer.key_page = &page;
    put(reply, &answer, request->tag);
    free(keys);
    free(rows);
}

/* False: hang up. */
static bool create_key(struct reply *reply, const Keyd__Hsm__V1__Request *request)
{
    struct fake_hsm *fake = reply->fake;
    const Keyd__Hsm__V1__CreateKey *body = request->create_key;
    Keyd__Hsm__V1__Answer answer = KEYD__HSM__V1__ANSWER__INIT;
    Keyd__Hsm__V1__Key out;
    if (fake->fault == FAKE_DIE_BEFORE_CREATE)
        return false;
    if (fake->fault == FAKE_SPENT && atomic_fetch_sub(&fake->spent, 1) > 0) {
        refuse(reply, request->tag, KEYD_ALREADY_EXISTS, "KEY_ID_SPENT");
        return true;
    }
    if (fake->fault == FAKE_NO_KEY || fake->fault == FAKE_OPEN) {
        bool open = fake->fault == FAKE_OPEN;
        refuse(reply, request->tag, open ? KEYD_UNAVAILABLE : KEYD_INTERNAL,
               open ? "CREATION_OPEN" : "TOKEN_FAILED");
        return true;
    }
    struct fake_key *key = find(fake, &body->key_id);
    if (key != NULL) {
        answer.status = KEYD_ALREADY_EXISTS;
        answer.reason = (char *)"KEY_EXISTS";
        answer.message = (char *)"the key stands";
    } else {
        struct keyid id;
        memcpy(id.bytes, body->key_id.data, KEYID_SIZE);
        key = add(fake, &id);
        memcpy(key->digest, body->request_digest.data, sizeof key->digest);
        snprintf(key->creator, sizeof key->creator, "%s", request->principal);
    }
    if (fake->fault == FAKE_DIE_AFTER_CREATE)
        return false;
    fill_key(&out, key);
    answer.body_case = KEYD__HSM__V1__ANSWER__BODY_KEY;
    answer.key = &out;
    put(reply, &answer, request->tag);
    return true;
}

static void sign(struct reply *reply, const Keyd__Hsm__V1__Request *request)
{
    const Keyd__Hsm__V1__Sign *body = request->sign;
    struct fake_key *key = find(reply->fake, &body->key_id);
    if (key == NULL) {
        refuse(reply, request->tag, KEYD_NOT_FOUND, "KEY_NOT_FOUND");
        return;
    }
    uint8_t digest[32], signature[128];
    size_t length = sizeof signature;
    unsigned size = sizeof digest;
    if (body->message_type == KEYD__V1__MESSAGE_TYPE__DIGEST)
        memcpy(digest, body->message.data, sizeof digest);
    else
        EVP_Digest(body->message.data, body->message.len, digest, &size, EVP_sha256(), NULL);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->pair, NULL);
    must(ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
             EVP_PKEY_sign(ctx, signature, &length, digest, sizeof digest) == 1,
         "signing");
    EVP_PKEY_CTX_free(ctx);
    Keyd__Hsm__V1__Answer answer = KEYD__HSM__V1__ANSWER__INIT;
    Keyd__Hsm__V1__Signature out = KEYD__HSM__V1__SIGNATURE__INIT;
    out.signature = (ProtobufCBinaryData){.len = length, .data = signature};
    answer.body_case = KEYD__HSM__V1__ANSWER__BODY_SIGNATURE;
    answer.signature = &out;
    put(reply, &answer, request->tag);
    reply->fake->signatures++;
}

static bool answer_request(struct reply *reply, const Keyd__Hsm__V1__Request *request)
{
    switch (request->body_case) {
    case KEYD__HSM__V1__REQUEST__BODY_HELLO:
        welcome(reply, request);
        return true;
    case KEYD__HSM__V1__REQUEST__BODY_LIST_KEYS:
        list_keys(reply, request);
        return true;
    case KEYD__HSM__V1__REQUEST__BODY_CREATE_KEY:
        return reply->fake->fault == FAKE_SILENT || create_key(reply, request);
    case KEYD__HSM__V1__REQUEST__BODY_SIGN:
        if (reply->fake->fault != FAKE_SILENT)
            sign(reply, request);
        return true;
    default:
        return false;
    }
}

/* ---- The connection ------------------------------------------------------------------------ */

static bool take_packet(struct fake_hsm *fake)
{
    static _Thread_local struct wall_packet incoming;
    static _Thread_local struct reply reply;
    reply.fake = fake;
    wall_packet_reset(&reply.packet);
    ssize_t n = recv(fake->connection, incoming.data, sizeof incoming.data, 0);
    if (n <= 0)
        return false;
    fake->packets++;
    struct wall_cursor cursor = {.at = incoming.data, .left = (size_t)n};
    const uint8_t *frame;
    size_t size;
    bool alive = true;
    while (alive && wall_cursor_next(&cursor, &frame, &size) == 1) {
        ProtobufCMessage *message = wall_unpack(&keyd__hsm__v1__request__descriptor, frame, size);
        must(message != NULL, "the front sent what is no request");
        fake->frames++;
        alive = answer_request(&reply, (Keyd__Hsm__V1__Request *)message);
        protobuf_c_message_free_unpacked(message, NULL);
    }
    if (fake->fault == FAKE_GARBAGE && fake->frames > 2)
        send(fake->connection, "garbage", 7, MSG_NOSIGNAL);
    else if (alive)
        send_packet(&reply);
    return alive;
}

static void hang_up(struct fake_hsm *fake)
{
    if (fake->connection >= 0)
        close(fake->connection);
    fake->connection = -1;
}

/* Once it is greeted. */
static void beat(struct fake_hsm *fake)
{
    struct reply reply = {.fake = fake};
    Keyd__Hsm__V1__Answer answer = KEYD__HSM__V1__ANSWER__INIT;
    Keyd__Hsm__V1__Beat body = KEYD__HSM__V1__BEAT__INIT;
    if (fake->connection < 0 || fake->frames == 0)
        return;
    answer.body_case = KEYD__HSM__V1__ANSWER__BODY_BEAT;
    answer.beat = &body;
    put(&reply, &answer, 0);
    send_packet(&reply);
}

static void *serve(void *argument)
{
    struct fake_hsm *fake = argument;
    int64_t next_beat = 0;
    for (;;) {
        bool busy = fake->connection >= 0;
        if (fake->fault == FAKE_FROZEN) {
            struct pollfd stop = {.fd = fake->stop[0], .events = POLLIN};
            if (poll(&stop, 1, 10) > 0)
                break;
            continue;
        }
        if (clock_monotonic_ns() >= next_beat) {
            beat(fake);
            next_beat = clock_monotonic_ns() + WALL_BEAT_MS * 1000000LL;
        }
        struct pollfd fds[2] = {{.fd = fake->stop[0], .events = POLLIN},
                                {.fd = busy ? fake->connection : fake->listener, .events = POLLIN}};
        if (poll(fds, 2, 10) == 0)
            continue;
        if (fds[0].revents != 0)
            break;
        if (fake->fault == FAKE_FROZEN)
            continue;
        if (!busy) {
            fake->connection = accept(fake->listener, NULL, NULL);
            fake->connections++;
        } else if (!take_packet(fake)) {
            hang_up(fake);
        }
    }
    hang_up(fake);
    return NULL;
}

void fake_hsm_up(struct fake_hsm *fake)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", fake->socket);
    unlink(fake->socket);
    fake->connection = -1;
    fake->packets = fake->frames = 0;
    fake->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    must(bind(fake->listener, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    must(listen(fake->listener, 4) == 0, "listen");
    must(pipe(fake->stop) == 0, "pipe");
    must(pthread_create(&fake->thread, NULL, serve, fake) == 0, "pthread_create");
    fake->running = true;
}

void fake_hsm_down(struct fake_hsm *fake)
{
    if (!fake->running)
        return;
    must(write(fake->stop[1], "", 1) == 1, "write");
    pthread_join(fake->thread, NULL);
    close(fake->stop[0]);
    close(fake->stop[1]);
    close(fake->listener);
    unlink(fake->socket);
    fake->running = false;
}

void fake_hsm_free(struct fake_hsm *fake)
{
    fake_hsm_down(fake);
    for (size_t i = 0; i < fake->key_count; i++)
        EVP_PKEY_free(fake->keys[i].pair);
    fake->key_count = 0;
}
