/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/wall/packet.h"

#include "keyd/base/message.h"

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

ProtobufCMessage *wall_unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *frame,
                              size_t size)
{
    ProtobufCMessage *message;
    enum keyd_status status =
        message_unpack(descriptor, frame, size, UNPACK_MEMORY_MAX, &message, NULL);
    return status == KEYD_OK ? message : NULL;
}
