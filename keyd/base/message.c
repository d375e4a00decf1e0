/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/base/message.h"

#include <stdbool.h>
#include <stdlib.h>

#include "keyd/base/text.h"

/* Wire types (protobuf's encoding); groups are none of proto3's. */
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* Reads over a message's fields; once something is wrong it stays so. */
struct wire {
    const uint8_t *at;
    size_t left;
    bool broken;
};

static uint64_t take_varint(struct wire *wire)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && wire->left > 0; shift += 7) {
        uint8_t byte = *wire->at++;
        wire->left--;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    wire->broken = true;
    return 0;
}

static struct wire take_bytes(struct wire *wire, uint64_t size)
{
    if (wire->broken || size > wire->left) {
        wire->broken = true;
        return (struct wire){.broken = true};
    }
    struct wire taken = {.at = wire->at, .left = (size_t)size};
    wire->at += size;
    wire->left -= (size_t)size;
    return taken;
}

/* A field's value where it has bytes of its own; the others are stepped over. */
static struct wire take_value(struct wire *wire, unsigned type)
{
    switch (type) {
    case WIRE_VARINT:
        take_varint(wire);
        break;
    case WIRE_64:
        take_bytes(wire, 8);
        break;
    case WIRE_32:
        take_bytes(wire, 4);
        break;
    case WIRE_BYTES:
        return take_bytes(wire, take_varint(wire));
    default:
        wire->broken = true;
    }
    return (struct wire){.broken = true};
}

/* One message on its way; those within it are looked at after it, so that nothing recurs. */
struct level {
    const ProtobufCMessageDescriptor *descriptor;
    struct wire wire;
};

static enum keyd_status fail_text(const ProtobufCFieldDescriptor *field, struct keyd_error *err)
{
    return keyd_fail(err, KEYD_INVALID_ARGUMENT, "TEXT", "%s is not UTF-8 text without NUL",
                     field->name);
}

/* Walks all fields. False in *sound: these bytes are no such message. */
static enum keyd_status check(const ProtobufCMessageDescriptor *descriptor, struct wire whole,
                              bool *sound, struct keyd_error *err)
{
    struct level levels[MESSAGE_DEPTH_MAX] = {{descriptor, whole}};
    size_t depth = 1;
    *sound = false;
    while (depth > 0) {
        struct level *level = &levels[depth - 1];
        if (level->wire.left == 0) {
            depth--;
            continue;
        }
        uint64_t key = take_varint(&level->wire);
        const ProtobufCFieldDescriptor *field =
            key >> 3 <= UINT32_MAX
                ? protobuf_c_message_descriptor_get_field(level->descriptor, (unsigned)(key >> 3))
                : NULL;
        struct wire value = take_value(&level->wire, (unsigned)(key & 7));
        if (level->wire.broken)
            return KEYD_OK;
        if (field == NULL || value.broken)
            continue;
        if (field->type == PROTOBUF_C_TYPE_STRING &&
            !text_is_utf8((const char *)value.at, value.left))
            return fail_text(field, err);
        if (field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (depth == MESSAGE_DEPTH_MAX)
            return KEYD_OK;
        levels[depth++] = (struct level){field->descriptor, value};
    }
    *sound = true;
    return KEYD_OK;
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

enum keyd_status message_unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data,
                                size_t size, size_t memory_max, ProtobufCMessage **message,
                                struct keyd_error *err)
{
    bool sound;
    enum keyd_status status =
        check(descriptor, (struct wire){.at = data, .left = size}, &sound, err);
    if (status != KEYD_OK)
        return status;
    size_t budget = memory_max;
    ProtobufCAllocator allocator = {
        .alloc = bounded_alloc, .free = bounded_free, .allocator_data = &budget};
    ProtobufCMessage *made =
        sound ? protobuf_c_message_unpack(descriptor, &allocator, size, data) : NULL;
    if (made == NULL)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "MESSAGE",
                         "%zu bytes are no %s, or a far too large one", size, descriptor->name);
    *message = made;
    return KEYD_OK;
}
