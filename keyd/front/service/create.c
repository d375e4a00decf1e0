/* SPDX-License-Identifier: BSD-2-Clause
 *
 * CreateKey. Key and alias appear together or not at all, whichever process dies when:
 *
 *   1. the catalog gets a pending entry with the key's id, alias and digest     (on disk)
 *   2. keyd-hsm makes the key                                                   (in its journal)
 *   3. the entry becomes final                                                  (on disk)
 *   4. the keyring shows the key
 *
 * What is pending is shown to nobody. A crash after 1 or 2 leaves it pending; when keyd-hsm has
 * listed its keys, create_settle makes it final or drops it. All of this but the judging of the
 * request and the waiting for keyd-hsm happens on the worker, one step at a time, so the list of
 * creations that are under way needs no lock.
 *
 * Idempotency. With a request_id the key id is derived from principal, request_id and the number of
 * the try; the next number is for an id that keyd-hsm calls spent (an earlier try of it was
 * abandoned). The digest of the request tells the same request from another one.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/log.h"
#include "keyd/base/memory.h"
#include "keyd/base/text.h"
#include "keyd/front/service/access.h"
#include "keyd/front/service/state.h"
#include "keyd/v1/keyd.pb-c.h"

#define CREATIONS_MAX  64  /* under way on one token: it makes a key at a time, RSA takes seconds */
#define ATTEMPTS_MAX   8   /* ids of one request that may be spent by abandoned tries */
#define REQUEST_ID_MAX 64  /* characters, keyd.proto */
#define NAMES_MAX      400 /* bytes of the tokens' names in a message */

struct creation {
    struct pool_request request; /* first: the pool gives it back */
    struct worker_job job;
    struct service *service;
    struct call *call;
    const Keyd__V1__CreateKeyRequest *asked;
    struct catalog_entry entry;
    unsigned token;
    unsigned attempt;
    Keyd__Hsm__V1__CreateKey body;
    bool listed_under_way;
    bool resumed; /* the entry was pending already: an earlier try may yet have made the key */
    struct creation *next; /* among those under way */
    /* keyd-hsm's answer, carried from the reader to the worker */
    struct keyring_key *made; /* *owned*; also the key that stands under the id already */
    bool failed;
    struct keyd_error err;
};

/* ---- Judging the request ------------------------------------------------------------------- */

static bool request_id_is_valid(const char *text)
{
    size_t length =
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-");
    return length <= REQUEST_ID_MAX && text[length] == '\0';
}

static enum keyd_status judge_kind(const Keyd__V1__CreateKeyRequest *asked, struct keyd_error *err)
{
    if (asked->key_spec == KEYD__V1__KEY_SPEC__KEY_SPEC_UNSPECIFIED)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "KEY_SPEC",
                         "key_spec is missing; ECC_NIST_P256 is the usual one");
    if (key_spec_find(asked->key_spec) == NULL)
        return keyd_fail(err, KEYD_UNIMPLEMENTED, "KEY_SPEC", "this keyd does not know key_spec %d",
                         (int)asked->key_spec);
    switch (asked->key_usage) {
    case KEYD__V1__KEY_USAGE__KEY_USAGE_UNSPECIFIED:
    case KEYD__V1__KEY_USAGE__SIGN_VERIFY:
        return KEYD_OK;
    case KEYD__V1__KEY_USAGE__DNSSEC_KSK:
        return keyd_fail(err, KEYD_UNIMPLEMENTED, "KEY_USAGE",
                         "this keyd makes no keys for DNSSEC_KSK yet; use SIGN_VERIFY");
    default:
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "KEY_USAGE", "key_usage %d is unknown",
                         (int)asked->key_usage);
    }
}

static enum keyd_status judge_names(const Keyd__V1__CreateKeyRequest *asked, struct keyd_error *err)
{
    if (strlen(asked->description) > DESCRIPTION_MAX)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "DESCRIPTION",
                         "description has %zu bytes, at most %d are kept",
                         strlen(asked->description), DESCRIPTION_MAX);
    if (asked->alias[0] != '\0' && !alias_is_valid(asked->alias))
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "ALIAS",
                         "alias \"%.*s\" is not alias/NAME with NAME of 1 to %d of "
                         "[A-Za-z0-9_-], and no UUID",
                         text_cut(asked->alias, 100), asked->alias, NAME_MAX_LENGTH);
    if (!request_id_is_valid(asked->request_id))
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "REQUEST_ID",
                         "request_id has at most %d characters, each of [A-Za-z0-9._:-]",
                         REQUEST_ID_MAX);
    return KEYD_OK;
}

/* "main, second", as many as fit. */
static void list_tokens(const struct service *service, char text[NAMES_MAX])
{
    static const char rest[] = ", ...";
    size_t used = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < service->config.token_count; i++) {
        const char *name = service_token_name(service, i);
        if (used + strlen(", ") + strlen(name) + sizeof rest > NAMES_MAX) {
            memcpy(text + used, rest, sizeof rest);
            return;
        }
        used += (size_t)snprintf(text + used, NAMES_MAX - used, "%s%s", i > 0 ? ", " : "", name);
    }
}

static enum keyd_status find_token(const struct service *service, const char *name, unsigned *token,
                                   struct keyd_error *err)
{
    unsigned count = service->config.token_count;
    char there[NAMES_MAX];
    *token = service->config.default_token;
    if (name[0] == '\0' && *token < count)
        return KEYD_OK;
    list_tokens(service, there);
    if (name[0] == '\0')
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "TOKEN",
                         "name a token: keyd.conf has several (%s) and no default_token", there);
    if (!name_is_valid(name))
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "TOKEN",
                         "token \"%.*s\" is not 1 to %d of [A-Za-z0-9_-]", text_cut(name, 100),
                         name, NAME_MAX_LENGTH);
    for (*token = 0; *token < count; ++*token)
        if (strcmp(service_token_name(service, *token), name) == 0)
            return KEYD_OK;
    return keyd_fail(err, KEYD_NOT_FOUND, "TOKEN_NOT_FOUND", "there is no token %s; keyd has %s",
                     name, there);
}

static void digest_text(EVP_MD_CTX *ctx, const char *text)
{
    EVP_DigestUpdate(ctx, text, strlen(text) + 1); /* with its NUL, which no text contains */
}

/* SHA-256 over principal and all fields but request_id, each with its end marked, so that no two
 * requests give the same bytes. An unspecified usage is SIGN_VERIFY. */
static enum keyd_status digest_request(const struct call *call,
                                       const Keyd__V1__CreateKeyRequest *asked,
                                       uint8_t digest[REQUEST_DIGEST_SIZE], struct keyd_error *err)
{
    char numbers[32];
    snprintf(numbers, sizeof numbers, "%d %d", (int)asked->key_spec,
             (int)KEYD__V1__KEY_USAGE__SIGN_VERIFY);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
    if (good) {
        digest_text(ctx, "keyd.v1 CreateKey");
        digest_text(ctx, call->identity->principal);
        digest_text(ctx, numbers);
        digest_text(ctx, asked->description);
        digest_text(ctx, asked->alias);
        digest_text(ctx, asked->token);
        good = EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
    }
    EVP_MD_CTX_free(ctx);
    return good ? KEYD_OK : keyd_fail_openssl(err, "hashing the request");
}

/* ---- The end of a creation ----------------------------------------------------------------- */

static void enter(struct creation *creation)
{
    creation->listed_under_way = true;
    creation->next = creation->service->creations_first;
    creation->service->creations_first = creation;
}

static void leave(struct creation *creation)
{
    struct creation **at = &creation->service->creations_first;
    if (!creation->listed_under_way)
        return;
    while (*at != creation)
        at = &(*at)->next;
    *at = creation->next;
    creation->listed_under_way = false;
}

static bool is_under_way(const struct service *service, const struct keyid *id)
{
    const struct creation *at = service->creations_first;
    while (at != NULL && keyid_compare(&at->entry.id, id) != 0)
        at = at->next;
    return at != NULL;
}

static void end(struct creation *creation)
{
    leave(creation);
    keyring_key_put(creation->made);
    atomic_fetch_sub(&creation->service->creations[creation->token], 1);
    free(creation);
}

static void end_with_error(struct creation *creation, const struct keyd_error *err)
{
    call_fail(creation->call, err);
    end(creation);
}

/* `made` is the key that the caller gets. */
static void end_with_key(struct creation *creation, const char *what)
{
    char call_id[KEYID_TEXT];
    struct call *call = creation->call;
    keyid_format(&call->call_id, call_id);
    log_info("%s key=%s spec=%s token=%s alias=%s principal=%s call=%s", what, creation->made->text,
             key_spec_name(creation->made->spec),
             service_token_name(creation->service, creation->made->token),
             creation->entry.alias[0] != '\0' ? creation->entry.alias : "-",
             call->identity->principal, call_id);
    Keyd__V1__CreateKeyResponse answer;
    keyd__v1__create_key_response__init(&answer);
    answer.key_metadata = keys_metadata(creation->service, creation->made);
    Keyd__V1__KeyMetadata *metadata = answer.key_metadata;
    call_succeed(call, &answer.base);
    protobuf_c_message_free_unpacked(&metadata->base, NULL);
    end(creation);
}

static void drop_entry(struct service *service, const struct keyid *id)
{
    struct keyd_error err;
    if (catalog_is_pending(service->catalog, id) &&
        catalog_drop(service->catalog, id, &err) != KEYD_OK)
        log_error("a creation that came to nothing stays in the catalog: %s", err.message);
}

/* Takes the pending entry away, if no other creation of the same request holds it. */
static void give_up_entry(struct creation *creation)
{
    leave(creation);
    if (!is_under_way(creation->service, &creation->entry.id))
        drop_entry(creation->service, &creation->entry.id);
}

/* ---- The same request again ---------------------------------------------------------------- */

static bool same_digest(const struct creation *creation, const uint8_t *digest)
{
    return memcmp(creation->entry.request_digest, digest, REQUEST_DIGEST_SIZE) == 0;
}

static enum keyd_status reused(const struct creation *creation, struct keyd_error *err)
{
    return keyd_fail(err, KEYD_ALREADY_EXISTS, "REQUEST_ID_REUSED",
                     "request_id %s was used before with other fields; a new request needs a new "
                     "request_id",
                     creation->asked->request_id);
}

/* Brings the catalog in line with a key that stands: also when the catalog was lost. */
static enum keyd_status make_final(struct creation *creation, struct keyd_error *err)
{
    struct catalog *catalog = creation->service->catalog;
    struct catalog_entry there;
    if (catalog_find(catalog, &creation->entry.id, &there))
        return catalog_finalise(catalog, &creation->entry.id, err);
    creation->entry.pending = false;
    return catalog_add(catalog, &creation->entry, err);
}

enum earlier { EARLIER_NONE, EARLIER_KEY, EARLIER_PENDING, EARLIER_REFUSED };

/* What is known of one try of this request. EARLIER_KEY: `made` is set. */
static enum earlier look_up_try(struct creation *creation, unsigned attempt)
{
    struct service *service = creation->service;
    struct catalog_entry there;
    struct keyid id =
        keyid_derive(creation->call->identity->principal, creation->asked->request_id, attempt);
    struct keyring_key *key = keyring_find(service->keyring, &id);
    bool known = catalog_find(service->catalog, &id, &there);
    creation->entry.id = id;
    creation->attempt = attempt;
    if (key == NULL && !known)
        return EARLIER_NONE;
    bool same = key != NULL ? key->has_request_digest && same_digest(creation, key->request_digest)
                            : same_digest(creation, there.request_digest);
    if (key != NULL && same) {
        creation->made = key;
        return EARLIER_KEY;
    }
    keyring_key_put(key);
    if (same && there.pending)
        return EARLIER_PENDING;
    if (same)
        keyd_fail(&creation->err, KEYD_UNAVAILABLE, "TOKEN_AWAY",
                  "this request has made a key on token %s, which has not listed its keys since "
                  "keyd started",
                  there.token);
    else
        reused(creation, &creation->err);
    return EARLIER_REFUSED;
}

/* What is known of this request's tries from `first` on. EARLIER_NONE: `attempt` is the first. */
static enum earlier look_up_request(struct creation *creation, unsigned first)
{
    enum earlier earlier = EARLIER_NONE;
    for (unsigned attempt = first; earlier == EARLIER_NONE && attempt < ATTEMPTS_MAX; attempt++)
        earlier = look_up_try(creation, attempt);
    if (earlier == EARLIER_NONE)
        creation->attempt = first;
    return earlier;
}

/* ---- The steps ----------------------------------------------------------------------------- */

static void take_answer(struct worker_job *job);

/* From the reader. */
static void answered(struct pool_request *request, const Keyd__Hsm__V1__Answer *answer,
                     const struct keyd_error *failed)
{
    struct creation *creation = (struct creation *)request;
    creation->failed = failed != NULL;
    if (failed != NULL)
        creation->err = *failed;
    if (answer != NULL && answer->body_case == KEYD__HSM__V1__ANSWER__BODY_KEY) {
        struct keyd_error err;
        if (keyring_key_new(creation->token, answer->key, &creation->made, &err) != KEYD_OK ||
            keyid_compare(&creation->made->id, &creation->entry.id) != 0) {
            keyring_key_put(creation->made);
            creation->made = NULL;
        }
    }
    creation->job.run = take_answer;
    worker_post(creation->service->worker, &creation->job);
}

static void ask_token(struct creation *creation)
{
    struct call *call = creation->call;
    Keyd__Hsm__V1__Request *message = &creation->request.message;
    Keyd__Hsm__V1__CreateKey *body = &creation->body;
    keyd__hsm__v1__create_key__init(body);
    body->key_id = (ProtobufCBinaryData){.len = KEYID_SIZE, .data = creation->entry.id.bytes};
    body->key_spec = creation->asked->key_spec;
    body->key_usage = KEYD__V1__KEY_USAGE__SIGN_VERIFY;
    body->request_digest =
        (ProtobufCBinaryData){.len = REQUEST_DIGEST_SIZE, .data = creation->entry.request_digest};
    keyd__hsm__v1__request__init(message);
    message->call_id = (ProtobufCBinaryData){.len = KEYID_SIZE, .data = call->call_id.bytes};
    message->principal = (char *)call->identity->principal;
    message->deadline = (uint64_t)call->deadline;
    message->body_case = KEYD__HSM__V1__REQUEST__BODY_CREATE_KEY;
    message->create_key = body;
    creation->request.token = creation->token;
    creation->request.cancelled = &call->cancelled;
    creation->request.patient = true;
    creation->request.done = answered;
    struct pool *pool = creation->service->pool;
    pool_send(pool, &creation->request);
    pool_flush(pool);
}

/* Reserves id and alias, then asks the token. */
static void reserve_and_ask(struct creation *creation)
{
    struct service *service = creation->service;
    struct keyd_error err;
    if (creation->asked->request_id[0] == '\0')
        creation->entry.id = keyid_random();
    else
        creation->entry.id = keyid_derive(creation->call->identity->principal,
                                          creation->asked->request_id, creation->attempt);
    creation->entry.pending = true;
    enum keyd_status status = catalog_add(service->catalog, &creation->entry, &err);
    struct catalog_entry holder;
    if (status == KEYD_ALREADY_EXISTS && creation->entry.alias[0] != '\0' &&
        catalog_find_alias(service->catalog, creation->entry.alias, &holder) && holder.pending &&
        !is_under_way(service, &holder.id))
        status = keyd_fail(&err, KEYD_UNAVAILABLE, "ALIAS_PENDING",
                           "%s is held by a creation that is not settled; the keyd-hsm of token %s "
                           "settles it when it starts: if it is READY, restart it, and try again",
                           holder.alias, holder.token);
    if (status != KEYD_OK) {
        end_with_error(creation, &err);
        return;
    }
    enter(creation);
    ask_token(creation);
}

/* From the request's `first` try on: what came before it is spent. */
static void go_on_from(struct creation *creation, unsigned first)
{
    bool named = creation->asked->request_id[0] != '\0';
    creation->attempt = first;
    switch (named ? look_up_request(creation, first) : EARLIER_NONE) {
    case EARLIER_REFUSED:
        end_with_error(creation, &creation->err);
        return;
    case EARLIER_PENDING:
        creation->resumed = true;
        enter(creation);
        ask_token(creation);
        return;
    case EARLIER_KEY:
        if (make_final(creation, &creation->err) != KEYD_OK)
            end_with_error(creation, &creation->err);
        else
            end_with_key(creation, "CreateKey again");
        return;
    case EARLIER_NONE:
        reserve_and_ask(creation);
        return;
    }
}

static void begin(struct worker_job *job)
{
    go_on_from((struct creation *)((char *)job - offsetof(struct creation, job)), 0);
}

/* The key is there. */
static void take_key(struct creation *creation)
{
    struct keyd_error err;
    if (!creation->made->has_request_digest ||
        !same_digest(creation, creation->made->request_digest)) {
        give_up_entry(creation);
        reused(creation, &err);
        end_with_error(creation, &err);
        return;
    }
    if (make_final(creation, &err) != KEYD_OK) {
        keyd_wrap(&err, "the key %s was made, but is not usable before this is repaired",
                  creation->made->text);
        log_error("%s", err.message);
        end_with_error(creation, &err);
        return;
    }
    atomic_fetch_add(&creation->made->references, 1);
    keyring_add(creation->service->keyring, creation->made);
    end_with_key(creation, "CreateKey");
}

/* Whether keyd-hsm has said that no key is made: all that it answers but CREATION_OPEN (maker.h).
 * Where it has broken off, or could not be understood, its journal decides: at its next start, or
 * when the same request comes again. */
static bool surely_not_made(const struct creation *creation)
{
    if (!creation->request.sent)
        return !creation->resumed;
    switch (creation->err.status) {
    case KEYD_UNAVAILABLE:
        return strcmp(creation->err.reason, "TOKEN_FAULTY") == 0;
    default:
        return strcmp(creation->err.reason, "WALL_PROTOCOL") != 0;
    }
}

static void take_refusal(struct creation *creation)
{
    bool spent = creation->err.status == KEYD_ALREADY_EXISTS &&
                 strcmp(creation->err.reason, "KEY_ID_SPENT") == 0;
    if (spent) {
        leave(creation);
        drop_entry(creation->service, &creation->entry.id); /* nobody will get a key of this id */
    } else if (surely_not_made(creation)) {
        give_up_entry(creation);
    }
    if (!spent) {
        end_with_error(creation, &creation->err);
        return;
    }
    if (creation->attempt + 1 < ATTEMPTS_MAX) {
        go_on_from(creation, creation->attempt + 1);
        return;
    }
    struct keyd_error last = creation->err;
    keyd_fail(
        &creation->err, KEYD_FAILED_PRECONDITION, "KEY_ID_SPENT",
        "all %d ids of this request are taken; send it with a new request_id. Of the last: %s",
        ATTEMPTS_MAX, last.message);
    end_with_error(creation, &creation->err);
}

static void take_answer(struct worker_job *job)
{
    struct creation *creation = (struct creation *)((char *)job - offsetof(struct creation, job));
    if (creation->made != NULL) {
        take_key(creation);
        return;
    }
    if (!creation->failed)
        keyd_fail(&creation->err, KEYD_INTERNAL, "WALL_PROTOCOL",
                  "keyd-hsm did not answer with the key that it was asked for");
    take_refusal(creation);
}

/* ---- The door ------------------------------------------------------------------------------ */

void create_create(struct service *service, struct call *call)
{
    const Keyd__V1__CreateKeyRequest *asked = (const void *)call->request;
    struct keyd_error err;
    struct catalog_entry entry = {.pending = true};
    unsigned token;
    enum keyd_status status = access_check(call->identity, ACCESS_CREATE_KEY, NULL, &err);
    if (status == KEYD_OK)
        status = judge_kind(asked, &err);
    if (status == KEYD_OK)
        status = judge_names(asked, &err);
    if (status == KEYD_OK)
        status = find_token(service, asked->token, &token, &err);
    if (status == KEYD_OK)
        status = digest_request(call, asked, entry.request_digest, &err);
    if (status == KEYD_OK && atomic_fetch_add(&service->creations[token], 1) >= CREATIONS_MAX) {
        atomic_fetch_sub(&service->creations[token], 1);
        status = keyd_fail(&err, KEYD_RESOURCE_EXHAUSTED, "CREATIONS_BUSY",
                           "%d keys are being made on token %s already; try again later",
                           CREATIONS_MAX, service_token_name(service, token));
    }
    if (status != KEYD_OK) {
        call_fail(call, &err);
        return;
    }
    snprintf(entry.token, sizeof entry.token, "%s", service_token_name(service, token));
    snprintf(entry.alias, sizeof entry.alias, "%s", asked->alias);
    snprintf(entry.description, sizeof entry.description, "%s", asked->description);
    struct creation *creation = memory_zeroed(1, sizeof *creation);
    creation->service = service;
    creation->call = call;
    creation->asked = asked;
    creation->entry = entry;
    creation->token = token;
    creation->job.run = begin;
    worker_post(service->worker, &creation->job);
}

static const struct keyring_key *key_in(struct keyring_key *const *keys, size_t count,
                                        const struct keyid *id)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = keyid_compare(&keys[middle]->id, id);
        if (order == 0)
            return keys[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void settle_one(struct service *service, const struct keyid *id,
                       const struct keyring_key *key)
{
    struct catalog_entry entry;
    struct keyd_error err;
    char text[KEYID_TEXT];
    keyid_format(id, text);
    if (!catalog_find(service->catalog, id, &entry))
        return;
    bool ours = key != NULL && key->has_request_digest &&
                memcmp(key->request_digest, entry.request_digest, REQUEST_DIGEST_SIZE) == 0;
    if (!ours && is_under_way(service, id))
        return;
    enum keyd_status status = ours ? catalog_finalise(service->catalog, id, &err)
                                   : catalog_drop(service->catalog, id, &err);
    if (status != KEYD_OK)
        log_error("an interrupted creation of key=%s is not settled: %s", text, err.message);
    else
        log_notice("an interrupted creation is settled: key=%s token=%s alias=%s %s", text,
                   entry.token, entry.alias[0] != '\0' ? entry.alias : "-",
                   ours ? "is there and usable" : "was not made; the alias is free again");
}

void create_settle(struct service *service, unsigned token, struct keyring_key *const *keys,
                   size_t count)
{
    const char *name = service_token_name(service, token);
    size_t all = catalog_pending(service->catalog, name, NULL, 0);
    if (all == 0)
        return;
    struct keyid *ids = memory_zeroed(all, sizeof *ids);
    size_t n = catalog_pending(service->catalog, name, ids, all);
    for (size_t i = 0; i < n; i++)
        settle_one(service, &ids[i], key_in(keys, count, &ids[i]));
    free(ids);
}
