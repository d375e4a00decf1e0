/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the handlers share. For the files of this folder only; the door is service.h.
 */
#ifndef KEYD_FRONT_SERVICE_STATE_H
#define KEYD_FRONT_SERVICE_STATE_H

#include "keyd/front/service/catalog.h"
#include "keyd/front/service/keyring.h"
#include "keyd/front/service/pool.h"
#include "keyd/front/service/service.h"
#include "keyd/front/service/worker.h"

struct creation;

struct service {
    struct service_config config;
    struct keyring *keyring;
    struct catalog *catalog;
    struct worker *worker;
    struct pool *pool;
    atomic_uint creations[POOL_TOKENS_MAX]; /* under way on each token; bounded by CREATIONS_MAX */
    struct creation
        *creations_first; /* those that hold an entry of the catalog; the worker's own */
};

static inline const char *service_token_name(const struct service *service, unsigned token)
{
    return service->config.tokens[token].name;
}

/* ---- keys.c -------------------------------------------------------------------------------- */

/* The key that a request names, by id or alias; *owned*: keyring_key_put. INVALID_ARGUMENT KEY_ID;
 * NOT_FOUND KEY_NOT_FOUND; UNAVAILABLE TOKEN_AWAY when it may be on a token that has not been seen
 * since keyd started. Memory only. */
enum keyd_status keys_find(struct service *service, const char *name, struct keyring_key **key,
                           struct keyd_error *err) KEYD_CHECKED;

/* What the API says of a key. *Owned*: protobuf_c_message_free_unpacked. */
Keyd__V1__KeyMetadata *keys_metadata(struct service *service, const struct keyring_key *key);

service_handler keys_describe, keys_list, keys_get_public, keys_list_tokens;

/* ---- sign.c -------------------------------------------------------------------------------- */

service_handler sign_sign;

/* ---- create.c ------------------------------------------------------------------------------ */

service_handler create_create;

/* Settles the pending creations of a token by its listing, on the worker. keys: *borrowed*. */
void create_settle(struct service *service, unsigned token, struct keyring_key *const *keys,
                   size_t count);

#endif
