/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From a request's bytes to its protobuf-c struct, without trust in the bytes.
 */
#ifndef KEYD_FRONT_RPC_DECODE_H
#define KEYD_FRONT_RPC_DECODE_H

#include <protobuf-c/protobuf-c.h>

#include "keyd/base/error.h"

#define REQUEST_MAX (128 * 1024) /* bytes as received, keyd.proto */

/* Unpacks one request, with bounded memory. Text has to be UTF-8 without a NUL (protobuf-c cuts it
 * there and says nothing): INVALID_ARGUMENT with reason TEXT, and the field's name. What is no such
 * message, or unpacks to more than it is worth: INVALID_ARGUMENT, MESSAGE. *message is *owned*:
 * protobuf_c_message_free_unpacked(m, NULL). Requests hold no messages within messages; unknown
 * fields are ignored. Any thread. */
enum keyd_status decode(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data,
                        size_t size, ProtobufCMessage **message,
                        struct keyd_error *err) KEYD_CHECKED;

#endif
