/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/base/encode.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void hex_encode(const uint8_t *data, size_t length, char *text)
{
    for (size_t i = 0; i < length; i++) {
        *text++ = hex_digits[data[i] >> 4];
        *text++ = hex_digits[data[i] & 15];
    }
    *text = '\0';
}

static int hex_value(char c)
{
    if (c >= 'A' && c <= 'F')
        c = (char)(c - 'A' + 'a');
    const char *at = c != '\0' ? strchr(hex_digits, c) : NULL;
    return at != NULL ? (int)(at - hex_digits) : -1;
}

bool hex_decode(const char *text, uint8_t *data, size_t length)
{
    if (strlen(text) != length * 2)
        return false;
    for (size_t i = 0; i < length; i++) {
        int high = hex_value(text[2 * i]);
        int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        data[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void base64_encode(const uint8_t *data, size_t length, char *text)
{
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t group = (uint32_t)data[i] << 16;
        if (left > 1)
            group |= (uint32_t)data[i + 1] << 8;
        if (left > 2)
            group |= data[i + 2];
        *text++ = base64_digits[group >> 18];
        *text++ = base64_digits[group >> 12 & 63];
        *text++ = left > 1 ? base64_digits[group >> 6 & 63] : '=';
        *text++ = left > 2 ? base64_digits[group & 63] : '=';
    }
    *text = '\0';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool base64_decode(const char *text, uint8_t *data, size_t size, size_t *length)
{
    uint32_t group = 0;
    size_t digits = 0;
    size_t padding = 0;
    size_t n = 0;
    for (; *text != '\0'; text++) {
        if (is_space(*text))
            continue;
        const char *at = strchr(base64_digits, *text);
        if (*text == '=')
            padding++;
        else if (at == NULL || padding > 0)
            return false;
        group = group << 6 | (at != NULL ? (uint32_t)(at - base64_digits) : 0);
        if (++digits % 4 != 0)
            continue;
        if (padding > 2 || (padding == 2 && (group & 0xffff) != 0) ||
            (padding == 1 && (group & 0xff) != 0))
            return false;
        size_t bytes = 3 - padding;
        if (n + bytes > size)
            return false;
        for (size_t i = 0; i < bytes; i++)
            data[n++] = (uint8_t)(group >> (16 - 8 * i));
        group = 0;
    }
    *length = n;
    return digits % 4 == 0 && (padding == 0 || n > 0);
}
