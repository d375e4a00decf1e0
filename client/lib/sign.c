/* SPDX-License-Identifier: BSD-2-Clause
 * Sign, waited for or not. */
#include <errno.h>
#include <stdlib.h>

#include "client/lib/call.h"
#include "keyd/base/algorithm.h"
#include "keyd/v1/keyd.pb-c.h"

struct held_signature {
    struct keyd_signature signature;
    ProtobufCMessage *message; /* that the strings and bytes are in */
};

void keyd_signature_free(struct keyd_signature *signature)
{
    struct held_signature *held = (struct held_signature *)signature;
    if (held == NULL)
        return;
    protobuf_c_message_free_unpacked(held->message, NULL);
    free(held);
}

/* Takes the message in any case. */
static enum keyd_status hold_signature(ProtobufCMessage *message, struct keyd_signature **signature,
                                       struct keyd_error *err)
{
    const Keyd__V1__SignResponse *from = (const Keyd__V1__SignResponse *)message;
    struct held_signature *held = calloc(1, sizeof *held);
    if (held == NULL) {
        protobuf_c_message_free_unpacked(message, NULL);
        return keyd_fail_errno(err, ENOMEM, "a signature");
    }
    held->message = message;
    held->signature = (struct keyd_signature){
        .key_id = from->key_id,
        .signing_algorithm = (char *)algorithm_name(from->signing_algorithm),
        .bytes = from->signature.data,
        .length = from->signature.len,
    };
    *signature = &held->signature;
    return KEYD_OK;
}

/* Lengths are judged here as far as they do not depend on the key: the rest is keyd's to say. */
static enum keyd_status fill_sign(const struct keyd_sign_request *from, Keyd__V1__SignRequest *to,
                                  struct keyd_error *err)
{
    keyd__v1__sign_request__init(to);
    if (from->key_id == NULL || from->key_id[0] == '\0')
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "KEY_ID",
                         "the key id is missing: give a UUID or alias/NAME");
    if (from->message == NULL || from->message_length == 0 ||
        from->message_length > KEYD_MESSAGE_SIZE_MAX)
        return keyd_fail(
            err, KEYD_INVALID_ARGUMENT, "MESSAGE_LENGTH",
            "the message has %zu bytes; keyd signs 1 to %d. Longer ones: hash them and "
            "send the DIGEST",
            from->message_length, KEYD_MESSAGE_SIZE_MAX);
    if (from->signing_algorithm != NULL &&
        !algorithm_parse(from->signing_algorithm, &to->signing_algorithm))
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "SIGNING_ALGORITHM",
                         "signing algorithm '%s': give one as ECDSA_SHA_256, or none for the key's "
                         "default",
                         from->signing_algorithm);
    to->key_id = (char *)from->key_id;
    to->message.data = (uint8_t *)from->message;
    to->message.len = from->message_length;
    to->message_type =
        from->is_digest ? KEYD__V1__MESSAGE_TYPE__DIGEST : KEYD__V1__MESSAGE_TYPE__RAW;
    return KEYD_OK;
}

enum keyd_status keyd_sign(struct keyd_client *client, const struct keyd_sign_request *request,
                           int timeout_ms, struct keyd_signature **signature,
                           struct keyd_error *err)
{
    Keyd__V1__SignRequest message;
    enum keyd_status status = fill_sign(request, &message, err);
    if (status != KEYD_OK)
        return status;
    ProtobufCMessage *answer;
    status = call_wait(client, METHOD_SIGN, &message.base, timeout_ms, &answer, err);
    return status == KEYD_OK ? hold_signature(answer, signature, err) : status;
}

struct sign_call {
    keyd_sign_callback *callback;
    void *context;
};

static void sign_done(void *context, enum keyd_status status, ProtobufCMessage *answer,
                      const struct keyd_error *err)
{
    struct sign_call call = *(struct sign_call *)context;
    free(context);
    struct keyd_signature *signature = NULL;
    struct keyd_error local;
    if (status == KEYD_OK) {
        status = hold_signature(answer, &signature, &local);
        err = status == KEYD_OK ? NULL : &local;
    }
    call.callback(call.context, status, signature, err);
}

enum keyd_status keyd_sign_start(struct keyd_client *client,
                                 const struct keyd_sign_request *request, int timeout_ms,
                                 keyd_sign_callback *callback, void *context,
                                 struct keyd_error *err)
{
    Keyd__V1__SignRequest message;
    enum keyd_status status = fill_sign(request, &message, err);
    if (status != KEYD_OK)
        return status;
    struct sign_call *call = malloc(sizeof *call);
    if (call == NULL)
        return keyd_fail_errno(err, ENOMEM, "a signature");
    *call = (struct sign_call){callback, context};
    status = call_start(client, METHOD_SIGN, &message.base, timeout_ms, sign_done, call, err);
    if (status != KEYD_OK)
        free(call);
    return status;
}
