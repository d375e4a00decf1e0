/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/wall/packet.h"

#include <stdlib.h>

#define LENGTH_FIELD 4

/* A frame of many empty sub-messages unpacks to far more memory than it has bytes. */
#define UNPACK_MEMORY_MAX (16 * (size_t)WALL_FRAME_MAX)

void wall_packet_reset(struct wall_packet *packet)
{
    packet->length = 0;
    packet->frames = 0;
}

size_t wall_frame_size(const ProtobufCMessage *message)
{
    return LENGTH_FIELD + protobuf_c_message_get_packed_size(message);
}

bool wall_packet_add(struct wall_packet *packet, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    if (size == 0 || size > WALL_FRAME_MAX ||
        LENGTH_FIELD + size > sizeof packet->data - packet->length)
        return false;
    uint8_t *at = packet->data + packet->length;
    for (int i = 0; i < LENGTH_FIELD; i++)
        at[i] = (uint8_t)(size >> (8 * i));
    protobuf_c_message_pack(message, at + LENGTH_FIELD);
    packet->length += LENGTH_FIELD + size;
    packet->frames++;
    return true;
}

int wall_cursor_next(struct wall_cursor *cursor, const uint8_t **frame, size_t *size)
{
    if (cursor->left == 0)
        return 0;
    if (cursor->left < LENGTH_FIELD)
        return -1;
    size_t length = 0;
    for (int i = 0; i < LENGTH_FIELD; i++)
        length |= (size_t)cursor->at[i] << (8 * i);
    if (length == 0 || length > WALL_FRAME_MAX || length > cursor->left - LENGTH_FIELD)
        return -1;
    *frame = cursor->at + LENGTH_FIELD;
    *size = length;
    cursor->at += LENGTH_FIELD + length;
    cursor->left -= LENGTH_FIELD + length;
    return 1;
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

ProtobufCMessage *wall_unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *frame,
                              size_t size)
{
    size_t budget = UNPACK_MEMORY_MAX;
    ProtobufCAllocator allocator = {
        .alloc = bounded_alloc, .free = bounded_free, .allocator_data = &budget};
    return protobuf_c_message_unpack(descriptor, &allocator, size, frame);
}
