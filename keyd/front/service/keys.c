/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is answered from memory: DescribeKey, GetPublicKey, ListKeys, ListTokens.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/memory.h"
#include "keyd/base/text.h"
#include "keyd/front/service/access.h"
#include "keyd/front/service/state.h"
#include "keyd/v1/keyd.pb-c.h"

#define LIST_DEFAULT 100
#define LIST_MAX     1000

/* Half of what a gRPC client takes if it is not told more. */
#define LIST_BYTES_MAX (2 * 1024 * 1024)

/* ---- Naming a key -------------------------------------------------------------------------- */

/* The id that a name stands for. Pending entries name no key. */
static enum keyd_status id_of(struct service *service, const char *name, struct keyid *id,
                              struct keyd_error *err)
{
    if (keyid_parse(name, id))
        return KEYD_OK;
    if (!alias_is_valid(name))
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "KEY_ID",
                         "key_id \"%.*s\" is neither a key id (a lower-case UUID) nor alias/NAME",
                         text_cut(name, 100), name);
    if (catalog_resolve(service->catalog, name, id))
        return KEYD_OK;
    return keyd_fail(err, KEYD_NOT_FOUND, "KEY_NOT_FOUND",
                     "there is no %s; ListKeys shows the keys and their aliases", name);
}

/* The first token that has not listed its keys since keyd started, of those that may have this one;
 * the number of tokens when there is none. */
static unsigned unseen_token(struct service *service, const struct keyid *id)
{
    struct catalog_entry entry;
    bool known = catalog_find(service->catalog, id, &entry);
    unsigned i = 0;
    for (; i < service->config.token_count; i++)
        if (!keyring_listed(service->keyring, i) &&
            (!known || strcmp(entry.token, service_token_name(service, i)) == 0))
            break;
    return i;
}

static enum keyd_status fail_unseen(struct service *service, const char *name, unsigned token,
                                    struct keyd_error *err)
{
    struct pool_status status;
    pool_status(service->pool, token, &status);
    return keyd_fail(err, KEYD_UNAVAILABLE, "TOKEN_AWAY",
                     "%s may be on token %s, which has not listed its keys since keyd started: %s",
                     name, service_token_name(service, token), status.message);
}

enum keyd_status keys_find(struct service *service, const char *name, struct keyring_key **key,
                           struct keyd_error *err)
{
    struct keyid id;
    enum keyd_status status = id_of(service, name, &id, err);
    if (status != KEYD_OK)
        return status;
    struct keyring_key *found = keyring_find(service->keyring, &id);
    if (found != NULL && !catalog_is_pending(service->catalog, &id)) {
        *key = found;
        return KEYD_OK;
    }
    keyring_key_put(found);
    unsigned unseen = unseen_token(service, &id);
    if (unseen < service->config.token_count)
        return fail_unseen(service, name, unseen, err);
    return keyd_fail(err, KEYD_NOT_FOUND, "KEY_NOT_FOUND", "no token holds the key %s", name);
}

/* ---- What the API says of a key ------------------------------------------------------------ */

static void tell_state(struct service *service, const struct keyring_key *key,
                       Keyd__V1__KeyMetadata *metadata)
{
    struct pool_status token;
    pool_status(service->pool, key->token, &token);
    metadata->key_state = KEYD__V1__KEY_STATE__UNAVAILABLE;
    if (key->unusable[0] != '\0')
        metadata->state_reason = memory_text(key->unusable);
    else if (token.state != KEYD__V1__TOKEN_STATE__READY)
        metadata->state_reason = memory_text(token.message);
    else
        metadata->key_state = KEYD__V1__KEY_STATE__ENABLED;
}

Keyd__V1__KeyMetadata *keys_metadata(struct service *service, const struct keyring_key *key)
{
    Keyd__V1__KeyMetadata *metadata = memory_zeroed(1, sizeof *metadata);
    keyd__v1__key_metadata__init(metadata);
    metadata->key_id = memory_text(key->text);
    metadata->key_spec = key->spec;
    metadata->key_usage = key->usage;
    metadata->creation_time = key->creation_time;
    metadata->token = memory_text(service_token_name(service, key->token));
    metadata->creator = memory_text(key->creator);
    metadata->default_signing_algorithm = key_spec_find(key->spec)->default_algorithm;
    metadata->signing_algorithms =
        memory_zeroed(ALGORITHMS_PER_SPEC_MAX, sizeof *metadata->signing_algorithms);
    metadata->n_signing_algorithms =
        algorithms_of(key->spec, metadata->signing_algorithms, ALGORITHMS_PER_SPEC_MAX);
    tell_state(service, key, metadata);
    struct catalog_entry entry;
    if (!catalog_find(service->catalog, &key->id, &entry))
        return metadata;
    metadata->description = memory_text(entry.description);
    if (entry.alias[0] != '\0') {
        metadata->aliases = memory_zeroed(1, sizeof *metadata->aliases);
        metadata->aliases[metadata->n_aliases++] = memory_text(entry.alias);
    }
    return metadata;
}

/* The key that a call names and may use so. On failure the call is finished. */
static struct keyring_key *key_for(struct service *service, struct call *call, const char *name,
                                   enum access_action action)
{
    struct keyd_error err;
    struct keyring_key *key = NULL;
    enum keyd_status status = keys_find(service, name, &key, &err);
    if (status == KEYD_OK)
        status = access_check(call->identity, action, key, &err);
    if (status == KEYD_OK)
        return key;
    keyring_key_put(key);
    call_fail(call, &err);
    return NULL;
}

void keys_describe(struct service *service, struct call *call)
{
    const Keyd__V1__DescribeKeyRequest *request = (const void *)call->request;
    struct keyring_key *key = key_for(service, call, request->key_id, ACCESS_DESCRIBE_KEY);
    if (key == NULL)
        return;
    Keyd__V1__DescribeKeyResponse answer;
    keyd__v1__describe_key_response__init(&answer);
    answer.key_metadata = keys_metadata(service, key);
    keyring_key_put(key);
    Keyd__V1__KeyMetadata *metadata = answer.key_metadata;
    call_succeed(call, &answer.base);
    protobuf_c_message_free_unpacked(&metadata->base, NULL);
}

void keys_get_public(struct service *service, struct call *call)
{
    const Keyd__V1__GetPublicKeyRequest *request = (const void *)call->request;
    struct keyring_key *key = key_for(service, call, request->key_id, ACCESS_GET_PUBLIC_KEY);
    if (key == NULL)
        return;
    signing_algorithm algorithms[ALGORITHMS_PER_SPEC_MAX];
    Keyd__V1__GetPublicKeyResponse answer;
    keyd__v1__get_public_key_response__init(&answer);
    answer.key_id = key->text;
    answer.public_key = (ProtobufCBinaryData){.len = key->public_key_size, .data = key->public_key};
    answer.key_spec = key->spec;
    answer.key_usage = key->usage;
    answer.signing_algorithms = algorithms;
    answer.n_signing_algorithms = algorithms_of(key->spec, algorithms, ALGORITHMS_PER_SPEC_MAX);
    call_succeed(call, &answer.base);
    keyring_key_put(key);
}

/* ---- Pages --------------------------------------------------------------------------------- */

static enum keyd_status judge_page(const Keyd__V1__ListKeysRequest *request, struct keyid *after,
                                   struct keyd_error *err)
{
    if (request->limit > LIST_MAX)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "LIMIT",
                         "limit %u: a page has at most %d keys (0 means %d)", request->limit,
                         LIST_MAX, LIST_DEFAULT);
    if (request->marker[0] != '\0' && !keyid_parse(request->marker, after))
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "MARKER",
                         "marker: give the next_marker of the page before, or none");
    return KEYD_OK;
}

struct page {
    Keyd__V1__KeyMetadata **keys;
    size_t count;
    size_t limit;
    size_t bytes;
    bool truncated;
};

/* Adds a key to the page if it may be shown; false: the page is full before it. */
static bool page_add(struct service *service, const struct call *call, struct page *page,
                     const struct keyring_key *key)
{
    if (catalog_is_pending(service->catalog, &key->id) ||
        access_check(call->identity, ACCESS_LIST_KEYS, key, NULL) != KEYD_OK)
        return true;
    if (page->count == page->limit || page->bytes >= LIST_BYTES_MAX) {
        page->truncated = true;
        return false;
    }
    Keyd__V1__KeyMetadata *metadata = keys_metadata(service, key);
    page->bytes += protobuf_c_message_get_packed_size(&metadata->base);
    page->keys[page->count++] = metadata;
    return true;
}

static void page_fill(struct service *service, const struct call *call, struct page *page,
                      const struct keyid *after)
{
    struct keyring_key *found[64];
    struct keyid last;
    bool more = true;
    while (more) {
        size_t n = keyring_page(service->keyring, after, found, 64);
        more = n == 64;
        for (size_t i = 0; i < n; i++) {
            if (!page->truncated && !page_add(service, call, page, found[i]))
                more = false;
            last = found[i]->id;
            keyring_key_put(found[i]);
        }
        after = &last;
    }
}

void keys_list(struct service *service, struct call *call)
{
    const Keyd__V1__ListKeysRequest *request = (const void *)call->request;
    struct keyid after;
    struct keyd_error err;
    if (judge_page(request, &after, &err) != KEYD_OK) {
        call_fail(call, &err);
        return;
    }
    struct page page = {.limit = request->limit > 0 ? request->limit : LIST_DEFAULT};
    page.keys = memory_zeroed(page.limit, sizeof(Keyd__V1__KeyMetadata *));
    page_fill(service, call, &page, request->marker[0] != '\0' ? &after : NULL);
    Keyd__V1__ListKeysResponse answer;
    keyd__v1__list_keys_response__init(&answer);
    answer.keys = page.keys;
    answer.n_keys = page.count;
    answer.truncated = page.truncated;
    if (page.truncated)
        answer.next_marker = page.keys[page.count - 1]->key_id;
    call_succeed(call, &answer.base);
    for (size_t i = 0; i < page.count; i++)
        protobuf_c_message_free_unpacked(&page.keys[i]->base, NULL);
    free(page.keys);
}

/* ---- Tokens -------------------------------------------------------------------------------- */

/* One answer's row, and what it points to. */
struct token_row {
    Keyd__V1__TokenMetadata metadata;
    struct pool_status status;
    struct token_facts facts;
    Keyd__V1__TokenLimitation limitations[FACTS_LIMITATIONS_MAX];
    Keyd__V1__TokenLimitation *pointers[FACTS_LIMITATIONS_MAX];
};

static void tell_limitations(struct token_row *row)
{
    for (size_t i = 0; i < row->facts.limitation_count; i++) {
        keyd__v1__token_limitation__init(&row->limitations[i]);
        row->limitations[i].name = row->facts.limitations[i].name;
        row->limitations[i].description = row->facts.limitations[i].description;
        row->pointers[i] = &row->limitations[i];
    }
    row->metadata.limitations = row->pointers;
    row->metadata.n_limitations = row->facts.limitation_count;
}

static void tell_token(struct service *service, unsigned number, struct token_row *row)
{
    Keyd__V1__TokenMetadata *metadata = &row->metadata;
    struct pool_status *status = &row->status;
    struct token_facts *facts = &row->facts;
    pool_status(service->pool, number, status);
    pool_facts(service->pool, number, facts);
    keyd__v1__token_metadata__init(metadata);
    metadata->token = (char *)service_token_name(service, number);
    metadata->state = status->state;
    metadata->state_message = status->message;
    metadata->label = facts->label;
    metadata->serial = facts->serial;
    metadata->manufacturer = facts->manufacturer;
    metadata->model = facts->model;
    metadata->module = facts->module;
    metadata->session_limit = facts->session_limit;
    metadata->free_sessions = facts->free_sessions;
    metadata->keys = keyring_count(service->keyring, number);
    metadata->separate_uid = status->separate_uid;
    tell_limitations(row);
}

void keys_list_tokens(struct service *service, struct call *call)
{
    struct keyd_error err;
    if (access_check(call->identity, ACCESS_LIST_TOKENS, NULL, &err) != KEYD_OK) {
        call_fail(call, &err);
        return;
    }
    unsigned count = service->config.token_count;
    struct token_row *rows = memory_zeroed(count, sizeof *rows);
    Keyd__V1__TokenMetadata **tokens = memory_zeroed(count, sizeof(Keyd__V1__TokenMetadata *));
    for (unsigned i = 0; i < count; i++) {
        tell_token(service, i, &rows[i]);
        tokens[i] = &rows[i].metadata;
    }
    Keyd__V1__ListTokensResponse answer;
    keyd__v1__list_tokens_response__init(&answer);
    answer.tokens = tokens;
    answer.n_tokens = count;
    answer.server_version = (char *)KEYD_VERSION;
    answer.principal = (char *)call->identity->principal;
    if (service->config.default_token < count)
        answer.default_token = (char *)service_token_name(service, service->config.default_token);
    call_succeed(call, &answer.base);
    free(tokens);
    free(rows);
}
