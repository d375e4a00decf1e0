/* SPDX-License-Identifier: BSD-2-Clause
 * What keyd says of itself and its tokens. */
#include <errno.h>
#include <stdlib.h>

#include "client/lib/call.h"
#include "keyd/v1/keyd.pb-c.h"

struct held_service {
    struct keyd_service service;
    ProtobufCMessage *message;           /* that the strings are in */
    struct keyd_limitation *limitations; /* of all tokens, one after the other */
    struct keyd_token tokens[];
};

void keyd_service_free(struct keyd_service *service)
{
    struct held_service *held = (struct held_service *)service;
    if (held == NULL)
        return;
    protobuf_c_message_free_unpacked(held->message, NULL);
    free(held->limitations);
    free(held);
}

static const char *state_name(Keyd__V1__TokenState state)
{
    const ProtobufCEnumValue *found =
        protobuf_c_enum_descriptor_get_value(&keyd__v1__token_state__descriptor, (int)state);
    return found != NULL && found->value != 0 ? found->name : "UNKNOWN";
}

/* limitations: room for all of this token's. */
static void fill_token(const Keyd__V1__TokenMetadata *from, struct keyd_limitation *limitations,
                       struct keyd_token *to)
{
    for (size_t i = 0; i < from->n_limitations; i++)
        limitations[i] =
            (struct keyd_limitation){from->limitations[i]->name, from->limitations[i]->description};
    *to = (struct keyd_token){
        .token = from->token,
        .state = (char *)state_name(from->state),
        .state_message = from->state_message,
        .label = from->label,
        .serial = from->serial,
        .manufacturer = from->manufacturer,
        .model = from->model,
        .keys = from->keys,
        .separate_uid = from->separate_uid,
        .module = from->module,
        .session_limit = from->session_limit,
        .free_sessions = from->free_sessions,
        .limitations = limitations,
        .limitation_count = from->n_limitations,
    };
}

static size_t count_limitations(const Keyd__V1__ListTokensResponse *from)
{
    size_t count = 0;
    for (size_t i = 0; i < from->n_tokens; i++)
        count += from->tokens[i]->n_limitations;
    return count;
}

enum keyd_status keyd_describe_service(struct keyd_client *client, int timeout_ms,
                                       struct keyd_service **service, struct keyd_error *err)
{
    Keyd__V1__ListTokensRequest message;
    keyd__v1__list_tokens_request__init(&message);
    ProtobufCMessage *answer;
    enum keyd_status status =
        call_wait(client, METHOD_LIST_TOKENS, &message.base, timeout_ms, &answer, err);
    if (status != KEYD_OK)
        return status;
    const Keyd__V1__ListTokensResponse *from = (const Keyd__V1__ListTokensResponse *)answer;
    struct held_service *held =
        calloc(1, sizeof *held + from->n_tokens * sizeof(struct keyd_token));
    struct keyd_limitation *limitations = calloc(count_limitations(from) + 1, sizeof *limitations);
    if (held == NULL || limitations == NULL) {
        free(held);
        free(limitations);
        protobuf_c_message_free_unpacked(answer, NULL);
        return keyd_fail_errno(err, ENOMEM, "keyd's tokens");
    }
    held->message = answer;
    held->limitations = limitations;
    held->service = (struct keyd_service){
        .server_version = from->server_version,
        .default_token = from->default_token,
        .principal = from->principal,
        .tokens = held->tokens,
        .token_count = from->n_tokens,
    };
    for (size_t i = 0; i < from->n_tokens; i++) {
        fill_token(from->tokens[i], limitations, &held->tokens[i]);
        limitations += from->tokens[i]->n_limitations;
    }
    *service = &held->service;
    return KEYD_OK;
}
