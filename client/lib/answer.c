/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/lib/answer.h"

#include <stdlib.h>

#include "keyd/base/keyid.h"
#include "keyd/v1/keyd.pb-c.h"

/* An answer of many empty sub-messages unpacks to far more memory than it has bytes. */
#define UNPACK_MEMORY_MAX (4 * (size_t)ANSWER_SIZE_MAX)

#define MESSAGE_DEPTH_MAX 2 /* keyd.proto nests no deeper than a list of keys */

enum { WIRE_VARINT = 0, WIRE_64_BIT = 1, WIRE_BYTES = 2, WIRE_32_BIT = 5 };

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

/* Bytes of the character that begins with `first`, 0 when none does; *lowest: the smallest code
 * point that needs so many. */
static size_t character_length(uint8_t first, uint32_t *lowest)
{
    if (first < 0x80) {
        *lowest = 1;
        return 1;
    }
    if (first >= 0xc0 && first < 0xe0) {
        *lowest = 0x80;
        return 2;
    }
    if (first >= 0xe0 && first < 0xf0) {
        *lowest = 0x800;
        return 3;
    }
    *lowest = 0x10000;
    return first >= 0xf0 && first < 0xf8 ? 4 : 0;
}

bool text_is_sound(const uint8_t *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        uint32_t lowest;
        size_t bytes = character_length(text[i], &lowest);
        if (bytes == 0 || bytes > length - i)
            return false;
        uint32_t point = bytes == 1 ? text[i] : text[i] & (0x7fu >> bytes);
        for (size_t k = 1; k < bytes; k++) {
            if ((text[i + k] & 0xc0) != 0x80)
                return false;
            point = point << 6 | (text[i + k] & 0x3f);
        }
        if (point < lowest || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return false;
        i += bytes;
    }
    return true;
}

struct wire {
    const uint8_t *at;
    size_t left;
};

static bool wire_skip(struct wire *wire, uint64_t bytes)
{
    if (bytes > wire->left)
        return false;
    wire->at += bytes;
    wire->left -= (size_t)bytes;
    return true;
}

static bool wire_varint(struct wire *wire, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && wire->left > 0; shift += 7) {
        uint8_t byte = *wire->at;
        wire->at++;
        wire->left--;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool strings_are_sound(const ProtobufCMessageDescriptor *message, struct wire wire,
                              int depth);

static bool wire_bytes(const ProtobufCFieldDescriptor *field, struct wire *wire, int depth)
{
    uint64_t length;
    if (!wire_varint(wire, &length) || length > wire->left)
        return false;
    struct wire value = {wire->at, (size_t)length};
    if (field != NULL && field->type == PROTOBUF_C_TYPE_STRING &&
        !text_is_sound(value.at, value.left))
        return false;
    if (field != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE &&
        !strings_are_sound(field->descriptor, value, depth + 1))
        return false;
    return wire_skip(wire, length);
}

/* protobuf-c keeps no length of a string and judges no UTF-8: that must be looked at before it
 * unpacks. The depth is the schema's, whatever the input says. */
static bool strings_are_sound(const ProtobufCMessageDescriptor *message, struct wire wire,
                              int depth)
{
    if (depth > MESSAGE_DEPTH_MAX)
        return false;
    while (wire.left > 0) {
        uint64_t tag;
        uint64_t ignored;
        if (!wire_varint(&wire, &tag) || tag >> 3 > UINT32_MAX)
            return false;
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(message, (unsigned)(tag >> 3));
        bool sound = false;
        switch (tag & 7) {
        case WIRE_VARINT:
            sound = wire_varint(&wire, &ignored);
            break;
        case WIRE_64_BIT:
            sound = wire_skip(&wire, 8);
            break;
        case WIRE_BYTES:
            sound = wire_bytes(field, &wire, depth);
            break;
        case WIRE_32_BIT:
            sound = wire_skip(&wire, 4);
            break;
        default:
            break;
        }
        if (!sound)
            return false;
    }
    return true;
}

/* protobuf-c asks an allocator; this one counts and says no. What it gave is plain malloc's, so the
 * message may be freed without it. */
static void *bounded_alloc(void *budget, size_t size)
{
    size_t *left = budget;
    if (size > *left)
        return NULL;
    *left -= size;
    return malloc(size);
}

static void bounded_free(void *budget, void *memory)
{
    (void)budget;
    free(memory);
}

ProtobufCMessage *answer_read(enum method method, const uint8_t *data, size_t size,
                              const char **what)
{
    const struct method_row *row = &methods[method];
    if (!strings_are_sound(row->answer, (struct wire){data, size}, 0)) {
        *what = "it is malformed, or a text in it is not UTF-8";
        return NULL;
    }
    size_t budget = UNPACK_MEMORY_MAX;
    ProtobufCAllocator allocator = {
        .alloc = bounded_alloc, .free = bounded_free, .allocator_data = &budget};
    ProtobufCMessage *answer = protobuf_c_message_unpack(row->answer, &allocator, size, data);
    if (answer == NULL) {
        *what = "it is malformed, or far too large once unpacked";
        return NULL;
    }
    *what = row->check(answer);
    if (*what != NULL) {
        protobuf_c_message_free_unpacked(answer, NULL);
        return NULL;
    }
    return answer;
}
