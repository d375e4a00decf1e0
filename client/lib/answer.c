/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/lib/answer.h"

#include "keyd/base/keyid.h"
#include "keyd/base/message.h"
#include "keyd/v1/keyd.pb-c.h"

/* An answer of many empty sub-messages unpacks to far more memory than it has bytes. */
#define UNPACK_MEMORY_MAX (4 * (size_t)ANSWER_SIZE_MAX)

typedef const char *check_answer(const ProtobufCMessage *answer);

static bool is_key_id(const char *text)
{
    struct keyid id;
    return keyid_parse(text, &id);
}

static const char *check_key(const Keyd__V1__KeyMetadata *key)
{
    if (key == NULL)
        return "it has no key in it";
    return is_key_id(key->key_id) ? NULL : "its key id is no UUID";
}

static const char *check_create_key(const ProtobufCMessage *answer)
{
    return check_key(((const Keyd__V1__CreateKeyResponse *)answer)->key_metadata);
}

static const char *check_describe_key(const ProtobufCMessage *answer)
{
    return check_key(((const Keyd__V1__DescribeKeyResponse *)answer)->key_metadata);
}

static const char *check_list_keys(const ProtobufCMessage *answer)
{
    const Keyd__V1__ListKeysResponse *list = (const Keyd__V1__ListKeysResponse *)answer;
    if (list->n_keys > LIST_KEYS_MAX)
        return "it has more than 1,000 keys";
    if (list->truncated && list->next_marker[0] == '\0')
        return "it says that there is more, but not from where";
    for (size_t i = 0; i < list->n_keys; i++) {
        const char *what = check_key(list->keys[i]);
        if (what != NULL)
            return what;
    }
    return NULL;
}

static const char *check_get_public_key(const ProtobufCMessage *answer)
{
    const Keyd__V1__GetPublicKeyResponse *key = (const Keyd__V1__GetPublicKeyResponse *)answer;
    if (!is_key_id(key->key_id))
        return "its key id is no UUID";
    return key->public_key.len > 0 ? NULL : "its public key is empty";
}

static const char *check_sign(const ProtobufCMessage *answer)
{
    const Keyd__V1__SignResponse *sign = (const Keyd__V1__SignResponse *)answer;
    if (!is_key_id(sign->key_id))
        return "its key id is no UUID";
    return sign->signature.len > 0 ? NULL : "its signature is empty";
}

static const char *check_list_tokens(const ProtobufCMessage *answer)
{
    const Keyd__V1__ListTokensResponse *list = (const Keyd__V1__ListTokensResponse *)answer;
    return list->principal[0] != '\0' ? NULL : "it does not say who the caller is";
}

static const struct method_row {
    const char *path;
    const ProtobufCMessageDescriptor *answer;
    check_answer *check;
} methods[METHOD_COUNT] = {
    [METHOD_CREATE_KEY] = {"/keyd.v1.KeyService/CreateKey",
                           &keyd__v1__create_key_response__descriptor, check_create_key},
    [METHOD_DESCRIBE_KEY] = {"/keyd.v1.KeyService/DescribeKey",
                             &keyd__v1__describe_key_response__descriptor, check_describe_key},
    [METHOD_LIST_KEYS] = {"/keyd.v1.KeyService/ListKeys", &keyd__v1__list_keys_response__descriptor,
                          check_list_keys},
    [METHOD_GET_PUBLIC_KEY] = {"/keyd.v1.KeyService/GetPublicKey",
                               &keyd__v1__get_public_key_response__descriptor,
                               check_get_public_key},
    [METHOD_SIGN] = {"/keyd.v1.KeyService/Sign", &keyd__v1__sign_response__descriptor, check_sign},
    [METHOD_LIST_TOKENS] = {"/keyd.v1.KeyService/ListTokens",
                            &keyd__v1__list_tokens_response__descriptor, check_list_tokens},
};

const char *method_path(enum method method)
{
    return methods[method].path;
}

enum keyd_status answer_read(enum method method, const uint8_t *data, size_t size,
                             ProtobufCMessage **answer, struct keyd_error *err)
{
    const struct method_row *row = &methods[method];
    ProtobufCMessage *made;
    enum keyd_status status =
        message_unpack(row->answer, data, size, UNPACK_MEMORY_MAX, &made, err);
    if (status != KEYD_OK)
        return status;
    const char *what = row->check(made);
    if (what != NULL) {
        protobuf_c_message_free_unpacked(made, NULL);
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, NULL, "%s", what);
    }
    *answer = made;
    return KEYD_OK;
}
