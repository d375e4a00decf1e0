/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From bytes that somebody else made to a protobuf-c message, with no trust in them. protobuf-c
 * bounds no memory, judges no UTF-8, and cuts a string at an embedded NUL without a word; so the
 * bytes are walked first. All who unpack come through here: the front, keyd-hsm, libkeyd.
 */
#ifndef KEYD_BASE_MESSAGE_H
#define KEYD_BASE_MESSAGE_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "keyd/base/error.h"

#define MESSAGE_DEPTH_MAX 4 /* messages within messages; our schemas have three */

/* Unpacks one message into at most memory_max bytes. INVALID_ARGUMENT, with reason
 *   TEXT     a string, in it or in a message within it, is not UTF-8 (RFC 3629) without a NUL
 *   MESSAGE  the bytes are no such message, or it would take more memory than that
 * *message is *owned*: protobuf_c_message_free_unpacked(m, NULL). Numbers, enums and lengths are
 * the caller's to judge; unknown fields are skipped. Any thread. */
enum keyd_status message_unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data,
                                size_t size, size_t memory_max, ProtobufCMessage **message,
                                struct keyd_error *err) KEYD_CHECKED;

#endif
