/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hexadecimal and base64 (RFC 4648), and buffers that grow to a limit.
 */
#ifndef KEYD_BASE_ENCODE_H
#define KEYD_BASE_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of text with the NUL. */
#define HEX_TEXT(bytes)    ((bytes)*2 + 1)
#define BASE64_TEXT(bytes) (((bytes) + 2) / 3 * 4 + 1)

/* Lower case; text has HEX_TEXT(length) bytes. */
void hex_encode(const uint8_t *data, size_t length, char *text);

/* Either case; exactly `length` bytes, that is 2 * length digits, else false. */
bool hex_decode(const char *text, uint8_t *data, size_t length);

/* With padding, on one line; text has BASE64_TEXT(length) bytes. */
void base64_encode(const uint8_t *data, size_t length, char *text);

/* Strict but for white space, which is skipped. False when it is no base64 or gives more than
 * `size` bytes. */
bool base64_decode(const char *text, uint8_t *data, size_t size, size_t *length);

#endif
