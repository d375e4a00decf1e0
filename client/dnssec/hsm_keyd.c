/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The HSM behind keyd. The only file of this program that calls libkeyd. */
#include <stdio.h>
#include <string.h>

#include "client/dnssec/hsm.h"
#include "client/lib/keyd.h"

/* struct hsm is libkeyd's client under another name: it is never looked into. */
static struct keyd_client *client_of(struct hsm *hsm)
{
    return (struct keyd_client *)hsm;
}

static enum keyd_status open_client(const char *socket, struct hsm **hsm, struct keyd_error *err)
{
    struct keyd_client *client = NULL;
    enum keyd_status status = keyd_connect(socket, &client, err);
    if (status == KEYD_OK)
        *hsm = (struct hsm *)client;
    return status;
}

static void close_client(struct hsm *hsm)
{
    keyd_disconnect(client_of(hsm));
}

/* Takes over what is known of a key, then fetches its public half. */
static enum keyd_status take_key(struct hsm *hsm, const struct keyd_key *known, struct hsm_key *key,
                                 struct keyd_error *err)
{
    struct keyd_public_key *public = NULL;
    enum keyd_status status = keyd_get_public_key(client_of(hsm), known->key_id, 0, &public, err);
    if (status != KEYD_OK)
        return status;
    *key = (struct hsm_key){0};
    snprintf(key->key_id, sizeof key->key_id, "%s", known->key_id);
    snprintf(key->spec, sizeof key->spec, "%s", known->key_spec);
    snprintf(key->usage, sizeof key->usage, "%s", known->key_usage);
    snprintf(key->state, sizeof key->state, "%s", known->key_state);
    snprintf(key->state_reason, sizeof key->state_reason, "%s", known->state_reason);
    snprintf(key->token, sizeof key->token, "%s", known->token);
    if (public->der_length > sizeof key->spki) {
        status = keyd_fail(err, KEYD_INTERNAL, "PUBLIC_KEY", "a public key of %zu bytes",
                           public->der_length);
    } else {
        memcpy(key->spki, public->der, public->der_length);
        key->spki_length = public->der_length;
    }
    keyd_public_key_free(public);
    return status;
}

static enum keyd_status find(struct hsm *hsm, const char *key_id, struct hsm_key *key,
                             struct keyd_error *err)
{
    struct keyd_key *known = NULL;
    enum keyd_status status = keyd_describe_key(client_of(hsm), key_id, 0, &known, err);
    if (status == KEYD_OK)
        status = take_key(hsm, known, key, err);
    keyd_key_free(known);
    return status;
}

static enum keyd_status create(struct hsm *hsm, const struct hsm_new_key *wanted,
                               struct hsm_key *key, struct keyd_error *err)
{
    const struct keyd_create_key_request request = {.key_spec = wanted->spec,
                                                    .key_usage = "SIGN_VERIFY",
                                                    .description = wanted->description,
                                                    .alias = wanted->alias,
                                                    .token = wanted->token,
                                                    .request_id = wanted->request_id};
    struct keyd_key *made = NULL;
    enum keyd_status status =
        keyd_create_key(client_of(hsm), &request, KEYD_TIMEOUT_MAX_MS, &made, err);
    if (status == KEYD_OK)
        status = take_key(hsm, made, key, err);
    keyd_key_free(made);
    return status;
}

static enum keyd_status sign(struct hsm *hsm, const char *key_id, const char *signing_algorithm,
                             const uint8_t *message, size_t length,
                             uint8_t signature[DNSSEC_SIGNATURE_MAX], size_t *signature_length,
                             struct keyd_error *err)
{
    const struct keyd_sign_request request = {.key_id = key_id,
                                              .message = message,
                                              .message_length = length,
                                              .signing_algorithm = signing_algorithm};
    struct keyd_signature *made = NULL;
    enum keyd_status status = keyd_sign(client_of(hsm), &request, 0, &made, err);
    if (status != KEYD_OK)
        return status;
    if (made->length > DNSSEC_SIGNATURE_MAX) {
        status = keyd_fail(err, KEYD_DATA_LOSS, "SIGNATURE", "a signature of %zu bytes came back",
                           made->length);
    } else {
        memcpy(signature, made->bytes, made->length);
        *signature_length = made->length;
    }
    keyd_signature_free(made);
    return status;
}

const struct hsm_backend hsm_keyd = {
    .open = open_client, .close = close_client, .find = find, .create = create, .sign = sign};
