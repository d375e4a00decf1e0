/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/front/rpc/decode.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/text.h"

/* Memory that one request may unpack to: its bytes once more, its struct, and unknown fields at
 * some 40 bytes each. */
#define UNPACK_MEMORY_MAX (4 * (size_t)REQUEST_MAX)

/* Wire types (protobuf's encoding). */
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* Reads over a message's fields; once something is wrong it stays so. */
struct cursor {
    const uint8_t *at;
    size_t left;
    bool broken;
};

static uint64_t take_varint(struct cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && cursor->left > 0; shift += 7) {
        uint8_t byte = *cursor->at++;
        cursor->left--;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    cursor->broken = true;
    return 0;
}

static const uint8_t *take_bytes(struct cursor *cursor, uint64_t size)
{
    const uint8_t *bytes = cursor->at;
    if (cursor->broken || size > cursor->left) {
        cursor->broken = true;
        return NULL;
    }
    cursor->at += size;
    cursor->left -= size;
    return bytes;
}

static enum keyd_status check_text(const ProtobufCFieldDescriptor *field, const uint8_t *bytes,
                                   size_t size, struct keyd_error *err)
{
    if (field == NULL || field->type != PROTOBUF_C_TYPE_STRING ||
        text_is_utf8((const char *)bytes, size))
        return KEYD_OK;
    return keyd_fail(err, KEYD_INVALID_ARGUMENT, "TEXT", "%s is not UTF-8 text without NUL",
                     field->name);
}

static enum keyd_status check_field(const ProtobufCMessageDescriptor *descriptor,
                                    struct cursor *cursor, struct keyd_error *err)
{
    uint64_t key = take_varint(cursor);
    uint64_t size = 0;
    switch (key & 7) {
    case WIRE_VARINT:
        take_varint(cursor);
        return KEYD_OK;
    case WIRE_64:
        take_bytes(cursor, 8);
        return KEYD_OK;
    case WIRE_32:
        take_bytes(cursor, 4);
        return KEYD_OK;
    case WIRE_BYTES:
        size = take_varint(cursor);
        break;
    default: /* groups are none of proto3's */
        cursor->broken = true;
        return KEYD_OK;
    }
    const uint8_t *bytes = take_bytes(cursor, size);
    if (bytes == NULL)
        return KEYD_OK;
    return check_text(protobuf_c_message_descriptor_get_field(descriptor, (unsigned)(key >> 3)),
                      bytes, (size_t)size, err);
}

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

enum keyd_status decode(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data,
                        size_t size, ProtobufCMessage **message, struct keyd_error *err)
{
    struct cursor cursor = {.at = data, .left = size};
    enum keyd_status status = KEYD_OK;
    while (status == KEYD_OK && cursor.left > 0 && !cursor.broken)
        status = check_field(descriptor, &cursor, err);
    if (status != KEYD_OK)
        return status;
    size_t budget = UNPACK_MEMORY_MAX;
    ProtobufCAllocator allocator = {
        .alloc = bounded_alloc, .free = bounded_free, .allocator_data = &budget};
    *message = cursor.broken ? NULL : protobuf_c_message_unpack(descriptor, &allocator, size, data);
    if (*message == NULL)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "MESSAGE", "the request is no %s",
                         descriptor->name);
    return KEYD_OK;
}
