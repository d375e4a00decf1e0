/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What --message names: fileb://FILE, fileb://- for standard input, or the text itself.
 */
#ifndef CLIENT_CTL_MESSAGE_H
#define CLIENT_CTL_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "keyd/base/error.h"

/* Reads it, 1 to KEYD_MESSAGE_SIZE_MAX bytes; *data is *owned* (free). INVALID_ARGUMENT when it is
 * empty, longer, or written as file://; else what keeps a file from being read. */
enum keyd_status message_read(const char *text, uint8_t **data, size_t *length,
                              struct keyd_error *err) KEYD_CHECKED;

#endif
