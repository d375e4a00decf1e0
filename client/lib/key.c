/* SPDX-License-Identifier: BSD-2-Clause
 * Keys: the four calls about them, and what they give. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/lib/call.h"
#include "keyd/base/algorithm.h"
#include "keyd/base/clock.h"
#include "keyd/base/keyid.h"
#include "keyd/v1/keyd.pb-c.h"

#define NS_PER_MS 1000000

/* Between two tries of a CreateKey that found keyd away. */
#define RETRY_FIRST_MS 50
#define RETRY_MAX_MS   500

/* What the caller gets, and behind it the message that its strings are in. */
struct held_key {
    struct keyd_key key;
    ProtobufCMessage *message; /* *owned*; NULL when a list owns it */
    char *words[];             /* what signing_algorithms and aliases point to */
};

struct held_list {
    struct keyd_key_list list;
    ProtobufCMessage *message;
};

struct held_public_key {
    struct keyd_public_key key;
    ProtobufCMessage *message;
    char *algorithms[];
};

void keyd_key_free(struct keyd_key *key)
{
    struct held_key *held = (struct held_key *)key;
    if (held == NULL)
        return;
    protobuf_c_message_free_unpacked(held->message, NULL);
    free(held);
}

/* `list` takes n + 1 words. */
static char **name_algorithms(char **list, const signing_algorithm *algorithms, size_t n)
{
    for (size_t i = 0; i < n; i++)
        list[i] = (char *)algorithm_name(algorithms[i]);
    list[n] = NULL;
    return list;
}

static struct keyd_key *hold_key(const Keyd__V1__KeyMetadata *from, ProtobufCMessage *message)
{
    size_t words = from->n_signing_algorithms + 1 + from->n_aliases + 1;
    struct held_key *held = calloc(1, sizeof *held + words * sizeof held->words[0]);
    if (held == NULL)
        return NULL;
    held->message = message;
    char **aliases = held->words + from->n_signing_algorithms + 1;
    if (from->n_aliases > 0)
        memcpy(aliases, from->aliases, from->n_aliases * sizeof aliases[0]);
    held->key = (struct keyd_key){
        .key_id = from->key_id,
        .key_spec = (char *)key_spec_name(from->key_spec),
        .key_usage = (char *)key_usage_name(from->key_usage),
        .key_state = (char *)key_state_name(from->key_state),
        .state_reason = from->state_reason,
        .description = from->description,
        .token = from->token,
        .creator = from->creator,
        .default_signing_algorithm = (char *)algorithm_name(from->default_signing_algorithm),
        .signing_algorithms =
            name_algorithms(held->words, from->signing_algorithms, from->n_signing_algorithms),
        .aliases = aliases,
        .creation_time_ms = from->creation_time,
    };
    return &held->key;
}

static enum keyd_status give_key(const Keyd__V1__KeyMetadata *from, ProtobufCMessage *message,
                                 struct keyd_key **key, struct keyd_error *err)
{
    *key = hold_key(from, message);
    if (*key != NULL)
        return KEYD_OK;
    protobuf_c_message_free_unpacked(message, NULL);
    return keyd_fail_errno(err, ENOMEM, "a key");
}

static char *word(const char *text)
{
    return (char *)(text != NULL ? text : "");
}

static enum keyd_status fill_create(const struct keyd_create_key_request *from,
                                    Keyd__V1__CreateKeyRequest *to, struct keyd_error *err)
{
    if (from->key_spec == NULL || !key_spec_parse(from->key_spec, &to->key_spec))
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "KEY_SPEC",
                         "key spec '%s': give one as ECC_NIST_P256", word(from->key_spec));
    if (from->key_usage != NULL && !key_usage_parse(from->key_usage, &to->key_usage))
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "KEY_USAGE",
                         "key usage '%s': give one as SIGN_VERIFY", from->key_usage);
    to->description = word(from->description);
    to->alias = word(from->alias);
    to->token = word(from->token);
    return KEYD_OK;
}

static int64_t left_ms(int64_t until_ns)
{
    return (until_ns - clock_monotonic_ns()) / NS_PER_MS;
}

/* keyd, or the token's keyd-hsm, may be on its way back: the request, or its answer, was lost with
 * the one before. A token that is away for longer, or faulty, says so by other reasons. */
static bool is_restarting(const struct keyd_error *err)
{
    static const char *const reasons[] = {"TOKEN_RESTARTED", "CONNECTION_CLOSED",
                                          "CONNECTION_REFUSED", "SOCKET_MISSING"};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(err->reason, reasons[i]) == 0)
            return true;
    return false;
}

/* Sends the request again while what was lost with it comes back; the request id makes that safe.
 */
static enum keyd_status create_until(struct keyd_client *client,
                                     const Keyd__V1__CreateKeyRequest *request, int timeout_ms,
                                     ProtobufCMessage **answer, struct keyd_error *err)
{
    int64_t until_ns = clock_monotonic_ns() + (int64_t)timeout_ms * NS_PER_MS;
    int64_t patience_ns = INT64_MAX; /* until the first failure */
    int pause_ms = RETRY_FIRST_MS;
    for (;;) {
        enum keyd_status status =
            call_wait(client, METHOD_CREATE_KEY, &request->base, timeout_ms, answer, err);
        if (status != KEYD_UNAVAILABLE || !is_restarting(err))
            return status;
        int64_t now_ns = clock_monotonic_ns();
        if (patience_ns == INT64_MAX)
            patience_ns = now_ns + (int64_t)KEYD_RESTART_MAX_MS * NS_PER_MS;
        if (now_ns >= patience_ns || left_ms(until_ns) <= pause_ms)
            return status;
        nanosleep(&(struct timespec){.tv_nsec = (long)pause_ms * NS_PER_MS}, NULL);
        pause_ms = pause_ms * 2 < RETRY_MAX_MS ? pause_ms * 2 : RETRY_MAX_MS - 1;
        timeout_ms = left_ms(until_ns) > 1 ? (int)left_ms(until_ns) : 1;
    }
}

/* Whether the key was made is not known now; the request id is the way to find out. */
static enum keyd_status add_request_id(const char *request_id, struct keyd_error *err)
{
    struct keyd_error was = *err;
    return keyd_fail(err, was.status, was.reason,
                     "%s; the same request under request id %s makes one key, however often it is "
                     "sent",
                     was.message, request_id);
}

enum keyd_status keyd_create_key(struct keyd_client *client,
                                 const struct keyd_create_key_request *request, int timeout_ms,
                                 struct keyd_key **key, struct keyd_error *err)
{
    Keyd__V1__CreateKeyRequest message;
    keyd__v1__create_key_request__init(&message);
    struct keyd_error local;
    if (err == NULL)
        err = &local;
    enum keyd_status status = fill_create(request, &message, err);
    if (status == KEYD_OK)
        status = call_timeout(&timeout_ms, err);
    if (status != KEYD_OK)
        return status;
    char made_up[KEYID_TEXT];
    message.request_id = (char *)request->request_id;
    if (message.request_id == NULL || message.request_id[0] == '\0') {
        struct keyid id = keyid_random();
        keyid_format(&id, made_up);
        message.request_id = made_up;
    }

    ProtobufCMessage *answer;
    status = create_until(client, &message, timeout_ms, &answer, err);
    if (status == KEYD_UNAVAILABLE || status == KEYD_DEADLINE_EXCEEDED)
        return add_request_id(message.request_id, err);
    if (status != KEYD_OK)
        return status;
    return give_key(((Keyd__V1__CreateKeyResponse *)answer)->key_metadata, answer, key, err);
}

static enum keyd_status check_key_id(const char *key_id, struct keyd_error *err)
{
    if (key_id != NULL && key_id[0] != '\0')
        return KEYD_OK;
    return keyd_fail(err, KEYD_INVALID_ARGUMENT, "KEY_ID",
                     "the key id is missing: give a UUID or alias/NAME");
}

enum keyd_status keyd_describe_key(struct keyd_client *client, const char *key_id, int timeout_ms,
                                   struct keyd_key **key, struct keyd_error *err)
{
    enum keyd_status status = check_key_id(key_id, err);
    if (status != KEYD_OK)
        return status;
    Keyd__V1__DescribeKeyRequest message;
    keyd__v1__describe_key_request__init(&message);
    message.key_id = (char *)key_id;
    ProtobufCMessage *answer;
    status = call_wait(client, METHOD_DESCRIBE_KEY, &message.base, timeout_ms, &answer, err);
    if (status != KEYD_OK)
        return status;
    return give_key(((Keyd__V1__DescribeKeyResponse *)answer)->key_metadata, answer, key, err);
}

void keyd_key_list_free(struct keyd_key_list *list)
{
    struct held_list *held = (struct held_list *)list;
    if (held == NULL)
        return;
    for (size_t i = 0; i < list->count; i++)
        keyd_key_free(list->keys[i]);
    free(list->keys);
    protobuf_c_message_free_unpacked(held->message, NULL);
    free(held);
}

/* Takes the message in any case. */
static struct keyd_key_list *hold_list(Keyd__V1__ListKeysResponse *message)
{
    struct held_list *held = calloc(1, sizeof *held);
    if (held == NULL) {
        protobuf_c_message_free_unpacked(&message->base, NULL);
        return NULL;
    }
    struct keyd_key_list *list = &held->list;
    held->message = &message->base;
    list->next_marker = message->truncated ? message->next_marker : NULL;
    list->keys = calloc(message->n_keys + 1, sizeof(struct keyd_key *));
    for (size_t i = 0; list->keys != NULL && i < message->n_keys; i++) {
        list->keys[i] = hold_key(message->keys[i], NULL);
        if (list->keys[i] == NULL)
            break;
        list->count++;
    }
    if (list->keys != NULL && list->count == message->n_keys)
        return list;
    keyd_key_list_free(list);
    return NULL;
}

enum keyd_status keyd_list_keys(struct keyd_client *client, unsigned limit, const char *marker,
                                int timeout_ms, struct keyd_key_list **list, struct keyd_error *err)
{
    Keyd__V1__ListKeysRequest message;
    keyd__v1__list_keys_request__init(&message);
    message.limit = limit;
    message.marker = word(marker);
    ProtobufCMessage *answer;
    enum keyd_status status =
        call_wait(client, METHOD_LIST_KEYS, &message.base, timeout_ms, &answer, err);
    if (status != KEYD_OK)
        return status;
    *list = hold_list((Keyd__V1__ListKeysResponse *)answer);
    return *list != NULL ? KEYD_OK : keyd_fail_errno(err, ENOMEM, "a list of keys");
}

void keyd_public_key_free(struct keyd_public_key *key)
{
    struct held_public_key *held = (struct held_public_key *)key;
    if (held == NULL)
        return;
    protobuf_c_message_free_unpacked(held->message, NULL);
    free(held);
}

/* Takes the message in any case. */
static struct keyd_public_key *hold_public_key(Keyd__V1__GetPublicKeyResponse *from)
{
    struct held_public_key *held =
        calloc(1, sizeof *held + (from->n_signing_algorithms + 1) * sizeof held->algorithms[0]);
    if (held == NULL) {
        protobuf_c_message_free_unpacked(&from->base, NULL);
        return NULL;
    }
    held->message = &from->base;
    held->key = (struct keyd_public_key){
        .key_id = from->key_id,
        .key_spec = (char *)key_spec_name(from->key_spec),
        .key_usage = (char *)key_usage_name(from->key_usage),
        .signing_algorithms =
            name_algorithms(held->algorithms, from->signing_algorithms, from->n_signing_algorithms),
        .der = from->public_key.data,
        .der_length = from->public_key.len,
    };
    return &held->key;
}

enum keyd_status keyd_get_public_key(struct keyd_client *client, const char *key_id, int timeout_ms,
                                     struct keyd_public_key **key, struct keyd_error *err)
{
    enum keyd_status status = check_key_id(key_id, err);
    if (status != KEYD_OK)
        return status;
    Keyd__V1__GetPublicKeyRequest message;
    keyd__v1__get_public_key_request__init(&message);
    message.key_id = (char *)key_id;
    ProtobufCMessage *answer;
    status = call_wait(client, METHOD_GET_PUBLIC_KEY, &message.base, timeout_ms, &answer, err);
    if (status != KEYD_OK)
        return status;
    *key = hold_public_key((Keyd__V1__GetPublicKeyResponse *)answer);
    return *key != NULL ? KEYD_OK : keyd_fail_errno(err, ENOMEM, "a public key");
}
