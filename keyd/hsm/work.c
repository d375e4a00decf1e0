/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/work.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/log.h"
#include "keyd/hsm/ckr.h"
#include "keyd/hsm/login.h"
#include "keyd/hsm/signature.h"

#define CALL_ID_SIZE 16

/* Bytes of keys in a KeyPage: "as many as fit a frame with ease". A key has some 300. */
#define PAGE_SIZE     (WALL_FRAME_MAX / 2)
#define PAGE_KEYS_MAX 256

typedef Keyd__Hsm__V1__Key wall_key;

/* ---- Answers --------------------------------------------------------------------------------- */

static void set_error(wall_answer *answer, struct keyd_error *err)
{
    answer->status = err->status;
    answer->reason = err->reason;
    answer->message = err->message;
}

static void fill_key(wall_key *to, const struct register_key *key)
{
    keyd__hsm__v1__key__init(to);
    to->key_id = (ProtobufCBinaryData){KEYID_SIZE, (uint8_t *)key->id.bytes};
    to->key_spec = key->spec;
    to->key_usage = key->usage;
    to->creation_time = key->creation_time;
    to->public_key =
        (ProtobufCBinaryData){key->public_key_size, (uint8_t *)(uintptr_t)key->public_key};
    to->creator = (char *)key->creator;
    to->request_digest = (ProtobufCBinaryData){REQUEST_DIGEST_SIZE, (uint8_t *)key->request_digest};
    to->unusable = (char *)(uintptr_t)(key->unusable != NULL ? key->unusable : "");
}

/* Nothing of what this process holds can be trusted any more. The front sees its connection end. */
static void end_if_gone(const struct keyd_error *err)
{
    if (strcmp(err->reason, REASON_TOKEN_GONE) != 0)
        return;
    log_error("%s: keyd-hsm ends, to be started afresh", err->message);
    _exit(1);
}

/* ---- Judging --------------------------------------------------------------------------------- */

static enum keyd_status bad_request(struct keyd_error *err, const char *field, size_t has,
                                    size_t wants)
{
    return keyd_fail(err, KEYD_INVALID_ARGUMENT, "REQUEST", "%s has %zu bytes, not %zu", field, has,
                     wants);
}

static enum keyd_status check_envelope(const wall_request *request, struct keyd_error *err)
{
    if (request->call_id.len != CALL_ID_SIZE)
        return bad_request(err, "call_id", request->call_id.len, CALL_ID_SIZE);
    if (strlen(request->principal) > PRINCIPAL_MAX)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "REQUEST",
                         "principal has %zu bytes; at most %d are taken",
                         strlen(request->principal), PRINCIPAL_MAX);
    return KEYD_OK;
}

static enum keyd_status check_state(const struct token *token, struct keyd_error *err)
{
    if (token->state == TOKEN_READY)
        return KEYD_OK;
    bool login = token->state == TOKEN_LOGIN_NEEDED;
    return keyd_fail(err, login ? KEYD_FAILED_PRECONDITION : KEYD_UNAVAILABLE,
                     login ? REASON_LOGIN_NEEDED : "TOKEN_FAULTY", "token %s: %s",
                     token->config->name, token->state_message);
}

static enum keyd_status check_deadline(const wall_request *request, struct keyd_error *err)
{
    if ((uint64_t)clock_monotonic_ns() < request->deadline)
        return KEYD_OK;
    return keyd_fail(err, KEYD_DEADLINE_EXCEEDED, NULL,
                     "the call's deadline passed before the token was asked");
}

static void call_text(const wall_request *request, char text[KEYID_TEXT])
{
    struct keyid id = {{0}};
    if (request->call_id.len == CALL_ID_SIZE)
        memcpy(id.bytes, request->call_id.data, CALL_ID_SIZE);
    keyid_format(&id, text);
}

/* ---- Hello ----------------------------------------------------------------------------------- */

static Keyd__Hsm__V1__Welcome__State wall_state(enum token_state state)
{
    switch (state) {
    case TOKEN_READY:
        return KEYD__HSM__V1__WELCOME__STATE__READY;
    case TOKEN_LOGIN_NEEDED:
        return KEYD__HSM__V1__WELCOME__STATE__LOGIN_NEEDED;
    case TOKEN_FAULTY:
        break;
    }
    return KEYD__HSM__V1__WELCOME__STATE__FAULTY;
}

/* The limitations as the wall has them; what is pointed to is *borrowed*. */
struct told_limitations {
    Keyd__Hsm__V1__Limitation bodies[LIMITATIONS_MAX];
    Keyd__Hsm__V1__Limitation *pointers[LIMITATIONS_MAX];
};

static void fill_welcome(Keyd__Hsm__V1__Welcome *welcome, struct told_limitations *told,
                         struct token *token)
{
    welcome->wall_version = WALL_VERSION;
    welcome->token = (char *)token->config->name;
    welcome->state = wall_state(token->state);
    welcome->state_message = token->state_message;
    welcome->label = token->module.label;
    welcome->serial = token->module.serial;
    welcome->manufacturer = token->module.manufacturer;
    welcome->model = token->module.model;
    welcome->module = token->module.name;
    welcome->session_limit = (uint32_t)token->room.limit;
    welcome->free_sessions = (uint32_t)token->room.free_sessions;
    for (size_t i = 0; i < token->limitations.count; i++) {
        keyd__hsm__v1__limitation__init(&told->bodies[i]);
        told->bodies[i].name = token->limitations.list[i].name;
        told->bodies[i].description = token->limitations.list[i].text;
        told->pointers[i] = &told->bodies[i];
    }
    welcome->limitations = told->pointers;
    welcome->n_limitations = token->limitations.count;
}

static void hello(struct worker *worker, struct link_item *item, const wall_request *request)
{
    struct token *token = worker->token;
    struct keyd_error err;
    wall_answer answer = KEYD__HSM__V1__ANSWER__INIT;
    struct told_limitations limitations;
    Keyd__Hsm__V1__Welcome welcome = KEYD__HSM__V1__WELCOME__INIT;
    answer.tag = request->tag;
    if (request->hello->wall_version != WALL_VERSION) {
        keyd_fail(&err, KEYD_FAILED_PRECONDITION, "WALL_VERSION",
                  "keyd speaks version %u of the wall and keyd-hsm version %u: install both from "
                  "one release",
                  request->hello->wall_version, WALL_VERSION);
        set_error(&answer, &err);
    } else {
        fill_welcome(&welcome, &limitations, token);
        answer.body_case = KEYD__HSM__V1__ANSWER__BODY_WELCOME;
        answer.welcome = &welcome;
        link_greeted(item);
    }
    link_answer(worker->link, worker->own, item, &answer, true);
}

/* ---- Sign ------------------------------------------------------------------------------------ */

static enum keyd_status find_key(struct worker *worker, const Keyd__Hsm__V1__Sign *sign,
                                 struct register_key *key, struct keyd_error *err)
{
    struct keyid id;
    char text[KEYID_TEXT];
    if (sign->key_id.len != KEYID_SIZE)
        return bad_request(err, "key_id", sign->key_id.len, KEYID_SIZE);
    memcpy(id.bytes, sign->key_id.data, KEYID_SIZE);
    bool found = register_find(worker->token->keys, &id, key);
    if (found && key->state == REGISTER_CREATED && key->handle != CK_INVALID_HANDLE)
        return KEYD_OK;
    keyid_format(&id, text);
    if (!found || key->state != REGISTER_CREATED)
        return keyd_fail(err, KEYD_NOT_FOUND, "KEY_NOT_FOUND", "the token %s has no key %s",
                         worker->token->config->name, text);
    return keyd_fail(err, KEYD_FAILED_PRECONDITION, "KEY_UNUSABLE", "the key %s cannot sign: %s",
                     text,
                     key->unusable != NULL ? key->unusable : "the token was not asked for it");
}

/* What the token is to sign, *borrowed* from the request or from `digest`: a message that came RAW
 * is hashed here, but for an algorithm of which the token hashes. */
static enum keyd_status to_sign(const Keyd__Hsm__V1__Sign *sign,
                                const struct algorithm_row *algorithm,
                                uint8_t digest[EVP_MAX_MD_SIZE], const uint8_t **data, size_t *size,
                                struct keyd_error *err)
{
    *data = sign->message.data;
    *size = sign->message.len;
    if (sign->message_type == KEYD__V1__MESSAGE_TYPE__DIGEST || algorithm->hash == NULL)
        return KEYD_OK;
    *data = digest;
    if (EVP_Q_digest(NULL, algorithm->hash, NULL, sign->message.data, sign->message.len, digest,
                     size) != 1)
        return keyd_fail_openssl(err, "%s", algorithm->hash);
    return KEYD_OK;
}

static enum keyd_status sign(struct worker *worker, const wall_request *request,
                             uint8_t signature[SIGNATURE_MAX], size_t *size, struct keyd_error *err)
{
    const Keyd__Hsm__V1__Sign *asked = request->sign;
    struct register_key key;
    uint8_t digest[EVP_MAX_MD_SIZE];
    const uint8_t *data = NULL;
    size_t data_size = 0;
    signing_algorithm algorithm = asked->signing_algorithm;
    enum keyd_status status = check_envelope(request, err);
    if (status == KEYD_OK)
        status = check_state(worker->token, err);
    if (status == KEYD_OK)
        status = find_key(worker, asked, &key, err);
    if (status == KEYD_OK && key.usage != KEYD__V1__KEY_USAGE__SIGN_VERIFY)
        status = keyd_fail(err, KEYD_UNIMPLEMENTED, "KEY_USAGE",
                           "this keyd-hsm does not sign with keys of usage %s",
                           key_usage_name(key.usage));
    if (status == KEYD_OK)
        status = sign_check(key.spec, &algorithm, asked->message_type, asked->message.len, err);
    if (status == KEYD_OK)
        status = to_sign(asked, algorithm_find(algorithm), digest, &data, &data_size, err);
    if (status == KEYD_OK)
        status = check_deadline(request, err);
    if (status == KEYD_OK)
        status = signature_make(worker->session, key.handle, key.spec, algorithm, data, data_size,
                                signature, size, err);
    return status;
}

static void log_sign(const struct worker *worker, const wall_request *request,
                     enum keyd_status status)
{
    static struct log_limit refusals = {.kind = "refused signatures"};
    bool tell = status != KEYD_OK && log_fits(&refusals);
    enum log_level level = tell ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
    if (worker->token->config->log_level < level)
        return;
    char call[KEYID_TEXT];
    char key[KEYID_TEXT] = "";
    struct keyid id;
    call_text(request, call);
    if (request->sign->key_id.len == KEYID_SIZE) {
        memcpy(id.bytes, request->sign->key_id.data, KEYID_SIZE);
        keyid_format(&id, key);
    }
    bool raw = request->sign->message_type == KEYD__V1__MESSAGE_TYPE__RAW;
    log_line(level, "sign %s %s of %zu bytes key=%s call=%s by=%s", keyd_status_name(status),
             raw ? "RAW" : "DIGEST", request->sign->message.len, key, call, request->principal);
}

static void answer_sign(struct worker *worker, struct link_item *item, const wall_request *request)
{
    struct keyd_error err;
    uint8_t bytes[SIGNATURE_MAX];
    Keyd__Hsm__V1__Signature signature = KEYD__HSM__V1__SIGNATURE__INIT;
    wall_answer answer = KEYD__HSM__V1__ANSWER__INIT;
    answer.tag = request->tag;
    size_t size = 0;
    enum keyd_status status = sign(worker, request, bytes, &size, &err);
    log_sign(worker, request, status);
    if (status == KEYD_OK) {
        signature.signature = (ProtobufCBinaryData){size, bytes};
        answer.body_case = KEYD__HSM__V1__ANSWER__BODY_SIGNATURE;
        answer.signature = &signature;
    } else {
        end_if_gone(&err);
        set_error(&answer, &err);
    }
    link_answer(worker->link, worker->own, item, &answer, false);
}

static void answer_unknown(struct worker *worker, struct link_item *item,
                           const wall_request *request)
{
    struct keyd_error err;
    wall_answer answer = KEYD__HSM__V1__ANSWER__INIT;
    answer.tag = request->tag;
    keyd_fail(&err, KEYD_UNIMPLEMENTED, "REQUEST", "keyd-hsm does not know this request");
    set_error(&answer, &err);
    link_answer(worker->link, worker->own, item, &answer, false);
}

static wall_request *unpack(const struct link_item *item)
{
    return (wall_request *)wall_unpack(&keyd__hsm__v1__request__descriptor, item->frame,
                                       item->size);
}

void work_sign(struct worker *worker, struct link_item *item)
{
    wall_request *request = unpack(item);
    bool is_hello = request != NULL && request->body_case == KEYD__HSM__V1__REQUEST__BODY_HELLO;
    if (request == NULL)
        link_reject(worker->link, item, "a frame is no request");
    else if (item->first != is_hello)
        link_reject(worker->link, item,
                    is_hello ? "it said Hello twice" : "its first frame is not Hello");
    else if (!item->first && !link_is_greeted(item))
        link_reject(worker->link, item, "it went on before it was welcome");
    else if (is_hello)
        hello(worker, item, request);
    else if (request->body_case == KEYD__HSM__V1__REQUEST__BODY_SIGN)
        answer_sign(worker, item, request);
    else if (request->body_case == KEYD__HSM__V1__REQUEST__BODY__NOT_SET)
        answer_unknown(worker, item, request);
    else
        link_pass(worker->link, item);
    if (request != NULL)
        keyd__hsm__v1__request__free_unpacked(request, NULL);
}

/* ---- CreateKey ------------------------------------------------------------------------------- */

static enum keyd_status read_create(const wall_request *request, struct register_key *wanted,
                                    struct keyd_error *err)
{
    const Keyd__Hsm__V1__CreateKey *asked = request->create_key;
    *wanted = (struct register_key){.spec = asked->key_spec, .usage = asked->key_usage};
    if (asked->key_id.len != KEYID_SIZE)
        return bad_request(err, "key_id", asked->key_id.len, KEYID_SIZE);
    if (asked->request_digest.len != REQUEST_DIGEST_SIZE)
        return bad_request(err, "request_digest", asked->request_digest.len, REQUEST_DIGEST_SIZE);
    memcpy(wanted->id.bytes, asked->key_id.data, KEYID_SIZE);
    memcpy(wanted->request_digest, asked->request_digest.data, REQUEST_DIGEST_SIZE);
    memcpy(wanted->creator, request->principal, strlen(request->principal) + 1);
    if (wanted->usage == KEYD__V1__KEY_USAGE__KEY_USAGE_UNSPECIFIED)
        wanted->usage = KEYD__V1__KEY_USAGE__SIGN_VERIFY;
    if (wanted->usage != KEYD__V1__KEY_USAGE__SIGN_VERIFY)
        return keyd_fail(err, KEYD_UNIMPLEMENTED, "KEY_USAGE",
                         "this keyd-hsm does not make keys of usage %s (%d)",
                         key_usage_name(wanted->usage), (int)wanted->usage);
    return KEYD_OK;
}

static enum keyd_status create(struct worker *worker, const wall_request *request,
                               struct register_key *made, struct keyd_error *err)
{
    struct register_key wanted;
    char call[KEYID_TEXT];
    call_text(request, call);
    enum keyd_status status = check_envelope(request, err);
    if (status == KEYD_OK)
        status = check_state(worker->token, err);
    if (status == KEYD_OK)
        status = read_create(request, &wanted, err);
    if (status == KEYD_OK)
        status = check_deadline(request, err);
    if (status == KEYD_OK)
        status = maker_create(&worker->token->maker, &wanted, call, made, err);
    if (status != KEYD_OK && status != KEYD_ALREADY_EXISTS)
        log_warning("no key made: %s %s call=%s", keyd_status_name(status), err->message, call);
    return status;
}

static void answer_create(struct worker *worker, struct link_item *item,
                          const wall_request *request)
{
    struct keyd_error err = {0};
    struct register_key made;
    wall_key body;
    wall_answer answer = KEYD__HSM__V1__ANSWER__INIT;
    answer.tag = request->tag;
    enum keyd_status status = create(worker, request, &made, &err);
    if (status != KEYD_OK) {
        end_if_gone(&err);
        set_error(&answer, &err);
    }
    if (status == KEYD_OK || strcmp(err.reason, "KEY_EXISTS") == 0) {
        fill_key(&body, &made);
        answer.body_case = KEYD__HSM__V1__ANSWER__BODY_KEY;
        answer.key = &body;
    }
    link_answer(worker->link, worker->own, item, &answer, true);
}

/* ---- ListKeys -------------------------------------------------------------------------------- */

struct page {
    size_t count;
    bool more;
    struct register_key keys[PAGE_KEYS_MAX];
    wall_key bodies[PAGE_KEYS_MAX];
    wall_key *pointers[PAGE_KEYS_MAX];
};

static void fill_page(struct page *page, struct key_register *keys, const struct keyid *after)
{
    size_t size = 0;
    struct register_key key;
    while ((page->more = register_next(keys, after, REGISTER_CREATED, &key))) {
        if (page->count == PAGE_KEYS_MAX)
            return;
        page->keys[page->count] = key;
        wall_key *body = &page->bodies[page->count];
        fill_key(body, &page->keys[page->count]);
        size += wall_frame_size(&body->base);
        if (size > PAGE_SIZE && page->count > 0)
            return;
        page->pointers[page->count] = body;
        after = &page->keys[page->count++].id;
    }
}

static void answer_list(struct worker *worker, struct link_item *item, const wall_request *request)
{
    const Keyd__Hsm__V1__ListKeys *asked = request->list_keys;
    struct keyd_error err;
    struct keyid after;
    Keyd__Hsm__V1__KeyPage body = KEYD__HSM__V1__KEY_PAGE__INIT;
    wall_answer answer = KEYD__HSM__V1__ANSWER__INIT;
    answer.tag = request->tag;
    struct page *page = calloc(1, sizeof *page);
    enum keyd_status status = check_envelope(request, &err);
    if (status == KEYD_OK && asked->after.len != 0 && asked->after.len != KEYID_SIZE)
        status = bad_request(&err, "after", asked->after.len, KEYID_SIZE);
    if (status == KEYD_OK && page == NULL)
        status = keyd_fail(&err, KEYD_RESOURCE_EXHAUSTED, NULL, "no memory for a page of keys");
    if (status != KEYD_OK) {
        set_error(&answer, &err);
    } else {
        if (asked->after.len == KEYID_SIZE)
            memcpy(after.bytes, asked->after.data, KEYID_SIZE);
        fill_page(page, worker->token->keys, asked->after.len != 0 ? &after : NULL);
        body.keys = page->pointers;
        body.n_keys = page->count;
        body.more = page->more;
        answer.body_case = KEYD__HSM__V1__ANSWER__BODY_KEY_PAGE;
        answer.key_page = &body;
    }
    link_answer(worker->link, worker->own, item, &answer, true);
    free(page);
}

void work_manage(struct worker *worker, struct link_item *item)
{
    wall_request *request = unpack(item);
    if (request == NULL) {
        link_reject(worker->link, item, "a frame is no request");
        return;
    }
    if (request->body_case == KEYD__HSM__V1__REQUEST__BODY_CREATE_KEY)
        answer_create(worker, item, request);
    else if (request->body_case == KEYD__HSM__V1__REQUEST__BODY_LIST_KEYS)
        answer_list(worker, item, request);
    else
        answer_unknown(worker, item, request);
    keyd__hsm__v1__request__free_unpacked(request, NULL);
}
