/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DECIMAL_MAX 10 /* digits of 2^32 - 1 */

/* So that bytes_has_room, which does not look at `failed`, finds none. */
static bool fail(struct bytes *bytes)
{
    bytes->failed = true;
    bytes->size = bytes->length;
    return false;
}

bool bytes_grow(struct bytes *bytes, size_t length)
{
    if (bytes->failed)
        return false;
    if (bytes->size - bytes->length >= length)
        return true;
    size_t size = bytes->size > 0 ? bytes->size : 256;
    while (size - bytes->length < length) {
        if (size > SIZE_MAX / 2)
            return fail(bytes);
        size *= 2;
    }
    uint8_t *data = realloc(bytes->data, size);
    if (data == NULL)
        return fail(bytes);
    bytes->data = data;
    bytes->size = size;
    return true;
}

uint8_t *bytes_room(struct bytes *bytes, size_t length)
{
    return bytes_has_room(bytes, length) ? bytes->data + bytes->length : NULL;
}

void bytes_used(struct bytes *bytes, size_t length)
{
    bytes->length += length;
}

void bytes_decimal(struct bytes *bytes, uint32_t value)
{
    if (!bytes_has_room(bytes, DECIMAL_MAX))
        return;
    uint8_t *at = bytes->data + bytes->length;
    size_t digits = 1;
    for (uint32_t rest = value; rest >= 10; rest /= 10)
        digits++;
    for (size_t i = digits; i-- > 0; value /= 10)
        at[i] = (uint8_t)('0' + value % 10);
    bytes->length += digits;
}

void bytes_hex(struct bytes *bytes, const uint8_t *data, size_t length)
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t *at = bytes_room(bytes, 2 * length);
    if (at == NULL)
        return;
    for (size_t i = 0; i < length; i++) {
        *at++ = (uint8_t)digits[data[i] >> 4];
        *at++ = (uint8_t)digits[data[i] & 15];
    }
    bytes_used(bytes, 2 * length);
}

void bytes_text(struct bytes *bytes, const char *text)
{
    bytes_add(bytes, text, strlen(text));
}

void bytes_format(struct bytes *bytes, const char *format, ...)
{
    if (!bytes_has_room(bytes, BYTES_FORMAT_MAX))
        return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf((char *)bytes->data + bytes->length, BYTES_FORMAT_MAX, format, args);
    va_end(args);
    if (n < 0 || n >= BYTES_FORMAT_MAX)
        fail(bytes);
    else
        bytes->length += (size_t)n;
}

void bytes_cut(struct bytes *bytes, size_t length)
{
    if (!bytes->failed)
        bytes->length = length;
}

void bytes_reset(struct bytes *bytes)
{
    bytes->length = 0;
    bytes->failed = false;
}

void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}
