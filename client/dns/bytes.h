/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A growing row of bytes, written to in network order, with a sticky failure: add and add, and look
 * once at the end. And its counterpart, a cursor that reads and never runs over.
 */
#ifndef DNS_BYTES_H
#define DNS_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* All zero is an empty one. data is *owned*: bytes_free. */
struct bytes {
    uint8_t *data;
    size_t length; /* bytes in use */
    size_t size;   /* bytes there are */
    bool failed;   /* out of memory: length stays where it was, further adds do nothing */
};

/* Makes room for so many bytes. False when it has failed, now or before. */
bool bytes_grow(struct bytes *bytes, size_t length);

/* What follows is called for each field of each record of a zone: it is inline, and fast where
 * there is room. One that has failed never has room. */

static inline bool bytes_has_room(struct bytes *bytes, size_t length)
{
    return bytes->size - bytes->length >= length || bytes_grow(bytes, length);
}

static inline void bytes_add(struct bytes *bytes, const void *data, size_t length)
{
    if (length == 0 || !bytes_has_room(bytes, length))
        return;
    memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

static inline void bytes_u8(struct bytes *bytes, unsigned value)
{
    if (bytes_has_room(bytes, 1))
        bytes->data[bytes->length++] = (uint8_t)value;
}

static inline void bytes_u16(struct bytes *bytes, unsigned value)
{
    const uint8_t wire[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    bytes_add(bytes, wire, sizeof wire);
}

static inline void bytes_u32(struct bytes *bytes, uint32_t value)
{
    const uint8_t wire[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                             (uint8_t)value};
    bytes_add(bytes, wire, sizeof wire);
}

/* Room for so many bytes behind those in use, to be written to and then counted in with bytes_used;
 * NULL when it has failed. */
uint8_t *bytes_room(struct bytes *bytes, size_t length);
void bytes_used(struct bytes *bytes, size_t length);

/* A number as decimal text, bytes as hexadecimal digits, and text as it is. */
void bytes_decimal(struct bytes *bytes, uint32_t value);
void bytes_hex(struct bytes *bytes, const uint8_t *data, size_t length);
void bytes_text(struct bytes *bytes, const char *text);

/* Text without its NUL, as printf makes it; at most BYTES_FORMAT_MAX - 1 characters at once. */
#define BYTES_FORMAT_MAX 2048
void bytes_format(struct bytes *bytes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Takes back what is behind the first `length` bytes; of one that has failed, nothing. */
void bytes_cut(struct bytes *bytes, size_t length);

/* Empties it, a failed one too, and keeps the memory for the next use. */
void bytes_reset(struct bytes *bytes);
void bytes_free(struct bytes *bytes); /* takes one that is all zero */

/* Reads from memory that it does not own. After a read that runs over, `failed` stays set and all
 * reads give 0 or NULL. */
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static inline struct cursor cursor_over(const void *data, size_t length)
{
    return (struct cursor){.at = (const uint8_t *)data, .end = (const uint8_t *)data + length};
}

static inline size_t cursor_left(const struct cursor *cursor)
{
    return cursor->failed ? 0 : (size_t)(cursor->end - cursor->at);
}

static inline const uint8_t *cursor_take(struct cursor *cursor, size_t length) /* *borrowed* */
{
    if (cursor->failed || (size_t)(cursor->end - cursor->at) < length) {
        cursor->failed = true;
        return NULL;
    }
    const uint8_t *taken = cursor->at;
    cursor->at += length;
    return taken;
}

static inline uint8_t cursor_u8(struct cursor *cursor)
{
    const uint8_t *at = cursor_take(cursor, 1);
    return at != NULL ? at[0] : 0;
}

static inline uint16_t cursor_u16(struct cursor *cursor)
{
    const uint8_t *at = cursor_take(cursor, 2);
    return at != NULL ? (uint16_t)(at[0] * 256U + at[1]) : 0;
}

static inline uint32_t cursor_u32(struct cursor *cursor)
{
    const uint8_t *at = cursor_take(cursor, 4);
    return at != NULL ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]
                      : 0;
}

#endif
