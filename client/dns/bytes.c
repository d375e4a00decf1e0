/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool make_room(struct bytes *bytes, size_t length)
{
    if (bytes->failed)
        return false;
    if (bytes->size - bytes->length >= length)
        return true;
    size_t size = bytes->size > 0 ? bytes->size : 256;
    while (size - bytes->length < length) {
        if (size > SIZE_MAX / 2) {
            bytes->failed = true;
            return false;
        }
        size *= 2;
    }
    uint8_t *data = realloc(bytes->data, size);
    if (data == NULL) {
        bytes->failed = true;
        return false;
    }
    bytes->data = data;
    bytes->size = size;
    return true;
}

void bytes_add(struct bytes *bytes, const void *data, size_t length)
{
    if (length == 0 || !make_room(bytes, length))
        return;
    memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

void bytes_u8(struct bytes *bytes, unsigned value)
{
    uint8_t byte = (uint8_t)value;
    bytes_add(bytes, &byte, 1);
}

void bytes_u16(struct bytes *bytes, unsigned value)
{
    uint8_t wire[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    bytes_add(bytes, wire, sizeof wire);
}

void bytes_u32(struct bytes *bytes, uint32_t value)
{
    uint8_t wire[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                       (uint8_t)value};
    bytes_add(bytes, wire, sizeof wire);
}

uint8_t *bytes_room(struct bytes *bytes, size_t length)
{
    return make_room(bytes, length) ? bytes->data + bytes->length : NULL;
}

void bytes_used(struct bytes *bytes, size_t length)
{
    bytes->length += length;
}

void bytes_decimal(struct bytes *bytes, uint32_t value)
{
    char digits[10];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    bytes_add(bytes, digits + at, sizeof digits - at);
}

void bytes_text(struct bytes *bytes, const char *text)
{
    bytes_add(bytes, text, strlen(text));
}

void bytes_format(struct bytes *bytes, const char *format, ...)
{
    if (!make_room(bytes, BYTES_FORMAT_MAX))
        return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf((char *)bytes->data + bytes->length, BYTES_FORMAT_MAX, format, args);
    va_end(args);
    if (n < 0 || n >= BYTES_FORMAT_MAX)
        bytes->failed = true;
    else
        bytes->length += (size_t)n;
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

struct cursor cursor_over(const void *data, size_t length)
{
    return (struct cursor){.at = data, .end = (const uint8_t *)data + length};
}

size_t cursor_left(const struct cursor *cursor)
{
    return cursor->failed ? 0 : (size_t)(cursor->end - cursor->at);
}

const uint8_t *cursor_take(struct cursor *cursor, size_t length)
{
    if (cursor->failed || (size_t)(cursor->end - cursor->at) < length) {
        cursor->failed = true;
        return NULL;
    }
    const uint8_t *taken = cursor->at;
    cursor->at += length;
    return taken;
}

uint8_t cursor_u8(struct cursor *cursor)
{
    const uint8_t *at = cursor_take(cursor, 1);
    return at != NULL ? at[0] : 0;
}

uint16_t cursor_u16(struct cursor *cursor)
{
    const uint8_t *at = cursor_take(cursor, 2);
    return at != NULL ? (uint16_t)(at[0] * 256U + at[1]) : 0;
}

uint32_t cursor_u32(struct cursor *cursor)
{
    const uint8_t *at = cursor_take(cursor, 4);
    return at != NULL ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]
                      : 0;
}
