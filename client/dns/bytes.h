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

/* All zero is an empty one. data is *owned*: bytes_free. */
struct bytes {
    uint8_t *data;
    size_t length; /* bytes in use */
    size_t size;   /* bytes there are */
    bool failed;   /* out of memory: length stays where it was, further adds do nothing */
};

void bytes_add(struct bytes *bytes, const void *data, size_t length);
void bytes_u8(struct bytes *bytes, unsigned value);
void bytes_u16(struct bytes *bytes, unsigned value);
void bytes_u32(struct bytes *bytes, uint32_t value);

/* Room for so many bytes behind those in use, to be written to and then counted in with bytes_used;
 * NULL when it has failed. */
uint8_t *bytes_room(struct bytes *bytes, size_t length);
void bytes_used(struct bytes *bytes, size_t length);

/* A number as decimal text, and text as it is. */
void bytes_decimal(struct bytes *bytes, uint32_t value);
void bytes_text(struct bytes *bytes, const char *text);

/* Text without its NUL, as printf makes it; at most BYTES_FORMAT_MAX - 1 characters at once. */
#define BYTES_FORMAT_MAX 2048
void bytes_format(struct bytes *bytes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Empties it and keeps the memory for the next use. */
void bytes_reset(struct bytes *bytes);
void bytes_free(struct bytes *bytes); /* takes one that is all zero */

/* Reads from memory that it does not own. After a read that runs over, `failed` stays set and all
 * reads give 0 or NULL. */
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

struct cursor cursor_over(const void *data, size_t length);
size_t cursor_left(const struct cursor *cursor);
const uint8_t *cursor_take(struct cursor *cursor, size_t length); /* *borrowed* */
uint8_t cursor_u8(struct cursor *cursor);
uint16_t cursor_u16(struct cursor *cursor);
uint32_t cursor_u32(struct cursor *cursor);

#endif
