/* SPDX-License-Identifier: BSD-2-Clause
 *
 * keyd's methods, and what an answer must be before the library looks at it. The socket's other end
 * may be anything: an answer is unpacked with bounded memory, its strings are UTF-8 without control
 * over their length (no embedded NUL), and what each answer cannot be without is there.
 */
#ifndef CLIENT_LIB_ANSWER_H
#define CLIENT_LIB_ANSWER_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "keyd/base/error.h"

enum method {
    METHOD_CREATE_KEY,
    METHOD_DESCRIBE_KEY,
    METHOD_LIST_KEYS,
    METHOD_GET_PUBLIC_KEY,
    METHOD_SIGN,
    METHOD_LIST_TOKENS,
    METHOD_COUNT
};

#define ANSWER_SIZE_MAX                                                                            \
    (4u << 20)             /* bytes: 1,000 keys, each with its longest description, twice          \
                            */
#define LIST_KEYS_MAX 1000 /* in one answer, as keyd.proto says */

/* "/keyd.v1.KeyService/Sign"; static. */
const char *method_path(enum method method);

/* Unpacks and judges an answer; *answer is *owned* by the caller (protobuf_c_message_free_unpacked
 * with no allocator). INVALID_ARGUMENT: it is not to be used, and the message says why. */
enum keyd_status answer_read(enum method method, const uint8_t *data, size_t size,
                             ProtobufCMessage **answer, struct keyd_error *err) KEYD_CHECKED;

#endif
