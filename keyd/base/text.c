/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/base/text.h"

#include <string.h>

/* Bytes of the character that begins here, 0 when none does: the table of RFC 3629, 4. */
static size_t character(const uint8_t *at, size_t left)
{
    uint8_t first = at[0];
    if (first < 0x80)
        return first != 0 ? 1 : 0;
    size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || size > left)
        return 0;
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return size;
}

bool text_is_utf8(const char *text, size_t length)
{
    const uint8_t *at = (const uint8_t *)text;
    while (length > 0) {
        size_t size = character(at, length);
        if (size == 0)
            return false;
        at += size;
        length -= size;
    }
    return true;
}

void text_repair(char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        size_t size = character((const uint8_t *)text, left);
        if (size == 0)
            *text = '?';
        size += size == 0;
        text += size;
        left -= size;
    }
}

int text_cut(const char *text, int max)
{
    size_t length = strnlen(text, (size_t)max + 1);
    if (length <= (size_t)max)
        return (int)length;
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

bool text_number(const char *text, uint64_t max, uint64_t *number)
{
    uint64_t value = 0;
    if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
        return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        unsigned digit = (unsigned)(*text - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (*text != '\0' || value > max)
        return false;
    *number = value;
    return true;
}
