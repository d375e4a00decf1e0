/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The wall's framing, for both of its sides: one SOCK_SEQPACKET packet holds one or more frames,
 * each a 4-byte little-endian length and one packed protobuf message (proto/keyd/hsm/v1/hsm.proto).
 *
 * Packing several frames into a packet is what makes the wall cheap: one system call and one
 * wake-up for a batch. The receiver must take any mix, from one frame a packet to a full one.
 */
#ifndef KEYD_WALL_PACKET_H
#define KEYD_WALL_PACKET_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keyd/base/error.h"

#define WALL_VERSION 2u

/* How often keyd-hsm says that it runs; and how long a front that hears nothing at all, a whole
 * number of these, takes it for busy. A host under load keeps a thread waiting for a second; what
 * is longer than five is told to whoever asks. */
#define WALL_BEAT_MS    1000
#define WALL_SILENCE_MS 5000

/* Bytes of one frame's message: a Sign of SIGN_MESSAGE_MAX and what is around it; also a KeyPage.
 */
#define WALL_FRAME_MAX (68 * 1024)

/* Bytes of one packet. Linux's default wmem_max (212,992) bounds a SEQPACKET packet; half of it
 * lets one be sent while the one before is still unread. */
#define WALL_PACKET_MAX (96 * 1024)

/* Requests that a front may have out on one connection; keyd-hsm answers RESOURCE_EXHAUSTED beyond
 * it. Each may hold a frame in memory on both sides. */
#define WALL_IN_FLIGHT_MAX 1024

/* A packet in the making. Plain memory; *owned* by whoever declares it, one thread at a time. */
struct wall_packet {
    size_t length;
    size_t frames;
    uint8_t data[WALL_PACKET_MAX];
};

/* Empties it; call before the first use. */
void wall_packet_reset(struct wall_packet *packet);

/* Bytes that a message takes as a frame, its length field with it. */
size_t wall_frame_size(const ProtobufCMessage *message);

/* Appends one message as a frame. False when it does not fit into what is left: send the packet,
 * reset it, add again. A message larger than WALL_FRAME_MAX never fits: check with wall_frame_size
 * before. */
bool wall_packet_add(struct wall_packet *packet, const ProtobufCMessage *message);

/* Walks a received packet. */
struct wall_cursor {
    const uint8_t *at; /* *borrowed* from the packet */
    size_t left;
};

/* The next frame's bytes: 1 and *frame, *size (*borrowed*); 0 at the end; -1 when the framing is
 * broken (a length of 0, over WALL_FRAME_MAX, or past the end): disconnect the peer. */
int wall_cursor_next(struct wall_cursor *cursor, const uint8_t **frame, size_t *size);

/* Unpacks one frame by message_unpack (keyd/base/message.h), with memory for 16 times
 * WALL_FRAME_MAX. NULL when the bytes are no such message. Free with
 * protobuf_c_message_free_unpacked(m, NULL). Enums and lengths are the receiver's to judge. */
ProtobufCMessage *wall_unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *frame,
                              size_t size);

#endif
