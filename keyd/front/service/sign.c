/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sign: judged by memory alone, sent to the token's keyd-hsm as one frame, finished by whoever
 * takes the answer. No thread waits, and nothing is allocated here.
 */
#include <string.h>

#include "keyd/base/log.h"
#include "keyd/front/service/access.h"
#include "keyd/front/service/state.h"
#include "keyd/v1/keyd.pb-c.h"

#define SIGNATURE_MAX 1024 /* bytes; RSA-4096 has 512 */

struct signing {
    struct pool_request request; /* first: the pool gives it back */
    struct call *call;
    Keyd__Hsm__V1__Sign sign;
    char key_text[KEYID_TEXT];
    struct keyid key_id;
};

_Static_assert(USAGE_TOKENS_MAX == POOL_TOKENS_MAX, "a place for each token");
_Static_assert(sizeof(struct signing) <= CALL_SCRATCH, "a Sign needs no allocation");

/* A token that hangs keeps the calls that it has got. So that these are never all that a user may
 * have under way, a token gets at most as many as are left for the others. */
static enum keyd_status take_room(const struct service *service, struct call *call, unsigned token,
                                  struct keyd_error *err)
{
    struct usage *usage = call->usage;
    unsigned calls = atomic_load(&usage->calls);
    unsigned left = calls < usage->calls_max ? usage->calls_max - calls : 0;
    unsigned mine = atomic_fetch_add(&usage->signatures[token], 1);
    if (mine <= left || service->config.token_count == 1)
        return KEYD_OK;
    atomic_fetch_sub(&usage->signatures[token], 1);
    return keyd_fail(err, KEYD_RESOURCE_EXHAUSTED, "TOKEN_SHARE",
                     "%u calls of %s wait for token %s already, and the %u that are left are kept "
                     "for other tokens; wait for some of them",
                     mine, call->identity->principal, service_token_name(service, token), left);
}

static void give_room_back(const struct signing *signing)
{
    atomic_fetch_sub(&signing->call->usage->signatures[signing->request.token], 1);
}

static void answered(struct pool_request *request, const Keyd__Hsm__V1__Answer *answer,
                     const struct keyd_error *failed)
{
    struct signing *signing = (struct signing *)request;
    struct keyd_error err;
    give_room_back(signing);
    if (failed != NULL) {
        call_fail(signing->call, failed);
        return;
    }
    if (answer->body_case != KEYD__HSM__V1__ANSWER__BODY_SIGNATURE ||
        answer->signature->signature.len == 0 || answer->signature->signature.len > SIGNATURE_MAX) {
        keyd_fail(&err, KEYD_INTERNAL, "WALL_PROTOCOL", "keyd-hsm answered with no signature");
        call_fail(signing->call, &err);
        return;
    }
    Keyd__V1__SignResponse response;
    keyd__v1__sign_response__init(&response);
    response.key_id = signing->key_text;
    response.signature = answer->signature->signature;
    response.signing_algorithm = signing->sign.signing_algorithm;
    call_succeed(signing->call, &response.base);
}

static enum keyd_status judge(struct call *call, const Keyd__V1__SignRequest *request,
                              const struct keyring_key *key, signing_algorithm *algorithm,
                              struct keyd_error *err)
{
    enum keyd_status status = access_check(call->identity, ACCESS_SIGN, key, err);
    if (status != KEYD_OK)
        return status;
    if (key->unusable[0] != '\0')
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "KEY_UNUSABLE",
                         "the key %s cannot sign: %s", key->text, key->unusable);
    if (key->usage != KEYD__V1__KEY_USAGE__SIGN_VERIFY)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "KEY_USAGE",
                         "key %s is for %s: this Sign is for keys for SIGN_VERIFY", key->text,
                         key_usage_name(key->usage));
    if (request->message_type != KEYD__V1__MESSAGE_TYPE__RAW &&
        request->message_type != KEYD__V1__MESSAGE_TYPE__DIGEST)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "MESSAGE_TYPE",
                         "message_type %d is neither RAW nor DIGEST", (int)request->message_type);
    return sign_check(key->spec, algorithm, request->message_type, request->message.len, err);
}

static void send_to_token(struct service *service, struct call *call,
                          const Keyd__V1__SignRequest *request, const struct keyring_key *key,
                          signing_algorithm algorithm)
{
    struct signing *signing = (struct signing *)call->scratch;
    Keyd__Hsm__V1__Sign *sign = &signing->sign;
    Keyd__Hsm__V1__Request *message = &signing->request.message;
    signing->call = call;
    signing->key_id = key->id;
    memcpy(signing->key_text, key->text, KEYID_TEXT);
    keyd__hsm__v1__sign__init(sign);
    sign->key_id = (ProtobufCBinaryData){.len = KEYID_SIZE, .data = signing->key_id.bytes};
    sign->signing_algorithm = algorithm;
    sign->message_type = request->message_type;
    sign->message = request->message;
    keyd__hsm__v1__request__init(message);
    message->call_id = (ProtobufCBinaryData){.len = KEYID_SIZE, .data = call->call_id.bytes};
    message->principal = (char *)call->identity->principal;
    message->deadline = (uint64_t)call->deadline;
    message->body_case = KEYD__HSM__V1__REQUEST__BODY_SIGN;
    message->sign = sign;
    signing->request.token = key->token;
    signing->request.cancelled = &call->cancelled;
    signing->request.patient = false;
    signing->request.done = answered;
    pool_send(service->pool, &signing->request);
}

void sign_sign(struct service *service, struct call *call)
{
    const Keyd__V1__SignRequest *request = (const void *)call->request;
    signing_algorithm algorithm = request->signing_algorithm;
    struct keyring_key *key = NULL;
    struct keyd_error err;
    enum keyd_status status = keys_find(service, request->key_id, &key, &err);
    if (status == KEYD_OK)
        status = judge(call, request, key, &algorithm, &err);
    if (status == KEYD_OK)
        status = take_room(service, call, key->token, &err);
    if (status == KEYD_OK)
        send_to_token(service, call, request, key, algorithm);
    else
        call_fail(call, &err);
    keyring_key_put(key);
}
