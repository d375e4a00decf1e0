/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/fields.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/dns/dname.h"

bool fields_wrong(struct fields *fields, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(fields->why, RDATA_WHY_MAX, format, args);
    va_end(args);
    return false;
}

bool fields_is(const struct fields *fields, const char *word)
{
    if (fields->next == fields->count)
        return false;
    const struct token *token = &fields->tokens[fields->next];
    return token->length == strlen(word) && strncasecmp(token->text, word, token->length) == 0;
}

bool fields_put(struct fields *fields, const void *data, size_t length)
{
    if ((size_t)(fields->end - fields->at) < length)
        return fields_wrong(fields, "rdata of more than %d bytes", RDATA_MAX);
    memcpy(fields->at, data, length);
    fields->at += length;
    return true;
}

bool fields_put_u8(struct fields *fields, unsigned value)
{
    uint8_t byte = (uint8_t)value;
    return fields_put(fields, &byte, 1);
}

bool fields_put_u16(struct fields *fields, unsigned value)
{
    uint8_t wire[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    return fields_put(fields, wire, sizeof wire);
}

bool fields_put_u32(struct fields *fields, uint32_t value)
{
    uint8_t wire[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                       (uint8_t)value};
    return fields_put(fields, wire, sizeof wire);
}

bool fields_value(struct fields *fields, uint32_t max, uint32_t *value)
{
    const struct token *token = fields_token(fields, "a number");
    if (token == NULL)
        return false;
    uint64_t number = 0;
    for (size_t i = 0; i < token->length; i++) {
        unsigned digit = (unsigned)(token->text[i] - '0');
        if (digit > 9)
            return fields_wrong(fields, "expected a number, 0 to %u", max);
        number = number * 10 + digit;
        if (number > max)
            return fields_wrong(fields, "a number above %u", max);
    }
    if (token->length == 0)
        return fields_wrong(fields, "expected a number, 0 to %u", max);
    *value = (uint32_t)number;
    fields->next++;
    return true;
}

bool fields_u8(struct fields *fields)
{
    uint32_t value;
    return fields_value(fields, UINT8_MAX, &value) && fields_put_u8(fields, value);
}

bool fields_u16(struct fields *fields)
{
    uint32_t value;
    return fields_value(fields, UINT16_MAX, &value) && fields_put_u16(fields, value);
}

bool fields_u32(struct fields *fields)
{
    uint32_t value;
    return fields_value(fields, UINT32_MAX, &value) && fields_put_u32(fields, value);
}

bool ipv4_parse(const char *text, size_t length, uint8_t address[4])
{
    const char *end = text + length;
    for (size_t part = 0; part < 4; part++) {
        unsigned value = 0;
        const char *start = text;
        while (text < end && *text >= '0' && *text <= '9' && text - start < 4)
            value = value * 10 + (unsigned)(*text++ - '0');
        if (text == start || value > 255 || (*start == '0' && text - start > 1))
            return false;
        address[part] = (uint8_t)value;
        if (part < 3 && (text == end || *text++ != '.'))
            return false;
    }
    return text == end;
}

static bool ipv6_parse(const struct token *token, uint8_t address[16])
{
    char text[INET6_ADDRSTRLEN];
    if (token->length >= sizeof text)
        return false;
    memcpy(text, token->text, token->length);
    text[token->length] = '\0';
    return inet_pton(AF_INET6, text, address) == 1;
}

bool fields_ipv4(struct fields *fields)
{
    uint8_t address[4];
    const struct token *token = fields_token(fields, "an IPv4 address");
    if (token == NULL)
        return false;
    if (!ipv4_parse(token->text, token->length, address))
        return fields_wrong(fields, "expected an IPv4 address");
    fields->next++;
    return fields_put(fields, address, sizeof address);
}

bool fields_ipv6(struct fields *fields)
{
    uint8_t address[16];
    const struct token *token = fields_token(fields, "an IPv6 address");
    if (token == NULL)
        return false;
    if (!ipv6_parse(token, address))
        return fields_wrong(fields, "expected an IPv6 address");
    fields->next++;
    return fields_put(fields, address, sizeof address);
}

const char *token_name(const struct token *token, const uint8_t *origin, struct dname *name)
{
    if (token->quoted && token->length == 1 && token->text[0] == '@')
        return "\"@\" is the origin for some servers and a name for others: write @ or \\@";
    return dname_parse(token->text, token->length, origin, name);
}

bool fields_name(struct fields *fields)
{
    const struct token *token = fields_token(fields, "a name");
    if (token == NULL)
        return false;
    if ((size_t)(fields->end - fields->at) < sizeof(struct dname))
        return fields_wrong(fields, "rdata of more than %d bytes", RDATA_MAX);
    struct dname *name = (struct dname *)fields->at;
    const char *why = token_name(token, fields->origin, name);
    if (why != NULL)
        return fields_wrong(fields, "%s", why);
    fields->next++;
    fields->at += name->length;
    return true;
}

static const char too_long[] = "a text that is too long";

const char *text_unescape(const char *text, size_t length, uint8_t *data, size_t size, size_t *used)
{
    size_t n = 0;
    for (size_t i = 0; i < length;) {
        unsigned byte = (uint8_t)text[i++];
        if (byte == '\\') {
            if (i == length)
                return "a backslash at the end";
            byte = (uint8_t)text[i++];
            if (byte >= '0' && byte <= '9') {
                if (i + 2 > length || digit_value(text[i], 10) < 0 ||
                    digit_value(text[i + 1], 10) < 0)
                    return "\\ and a digit must be \\DDD, 000 to 255";
                byte = (byte - '0') * 100 + (unsigned)(text[i] - '0') * 10 +
                       (unsigned)(text[i + 1] - '0');
                i += 2;
            }
            if (byte > 255)
                return "\\ and a digit must be \\DDD, 000 to 255";
        }
        if (n == size)
            return too_long;
        data[n++] = (uint8_t)byte;
    }
    *used = n;
    return NULL;
}

bool fields_text(struct fields *fields, size_t max)
{
    const struct token *token = fields_token(fields, "a text");
    if (token == NULL)
        return false;
    size_t room = (size_t)(fields->end - fields->at);
    size_t limit = max < room ? max : room;
    size_t used = token->length;
    const char *why = NULL;
    if (token->escaped)
        why = text_unescape(token->text, token->length, fields->at, limit, &used);
    else if (used <= limit)
        memcpy(fields->at, token->text, used);
    else
        why = too_long;
    if (why == too_long && room < max)
        return fields_wrong(fields, "rdata of more than %d bytes", RDATA_MAX);
    if (why == too_long)
        return fields_wrong(fields, "a text of more than %zu bytes", max);
    if (why != NULL)
        return fields_wrong(fields, "%s", why);
    fields->at += used;
    fields->next++;
    return true;
}

bool fields_string(struct fields *fields)
{
    uint8_t *start = fields->at;
    if (!fields_put_u8(fields, 0) || !fields_text(fields, 255))
        return false;
    *start = (uint8_t)(fields->at - start - 1);
    return true;
}

int digit_value(char c, int base)
{
    int value = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'z' ? c - 'a' + 10
                : c >= 'A' && c <= 'Z' ? c - 'A' + 10
                                       : 99;
    return value < base ? value : -1;
}

/* A byte may be cut between two tokens: *high is its first half, or -1. */
static bool add_hex(struct fields *fields, const struct token *token, int *high)
{
    for (size_t i = 0; i < token->length; i++) {
        int value = digit_value(token->text[i], 16);
        if (value < 0)
            return fields_wrong(fields, "expected hexadecimal digits");
        if (*high >= 0 && !fields_put_u8(fields, (unsigned)(*high * 16 + value)))
            return false;
        *high = *high >= 0 ? -1 : value;
    }
    return true;
}

bool fields_hex_of(struct fields *fields, const struct token *token)
{
    int high = -1;
    if (!add_hex(fields, token, &high))
        return false;
    return high < 0 || fields_wrong(fields, "an odd number of hexadecimal digits");
}

bool fields_hex(struct fields *fields)
{
    int high = -1;
    for (; fields->next < fields->count; fields->next++) {
        if (!add_hex(fields, &fields->tokens[fields->next], &high))
            return false;
    }
    if (high < 0)
        return true;
    fields->next--;
    return fields_wrong(fields, "an odd number of hexadecimal digits");
}

/* The value of a digit of base64 and 1; 65: the padding; 0: none of them. */
static const uint8_t base64_digits[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
    ['='] = 65,
};

/* A group of four digits that goes over from one token to the next. */
struct group {
    uint32_t bits;
    unsigned digits;
    unsigned padding;
};

/* The whole groups at a token's beginning, four digits at a time; returns how many digits. */
static size_t add_groups(struct fields *fields, const struct token *token)
{
    const uint8_t *text = (const uint8_t *)token->text;
    size_t i = 0;
    uint8_t *at = fields->at;
    for (; i + 4 <= token->length && fields->end - at >= 3; i += 4) {
        uint32_t a = base64_digits[text[i]] - 1U;
        uint32_t b = base64_digits[text[i + 1]] - 1U;
        uint32_t c = base64_digits[text[i + 2]] - 1U;
        uint32_t d = base64_digits[text[i + 3]] - 1U;
        if ((a | b | c | d) >= 64)
            break;
        uint32_t bits = a << 18 | b << 12 | c << 6 | d;
        *at++ = (uint8_t)(bits >> 16);
        *at++ = (uint8_t)(bits >> 8);
        *at++ = (uint8_t)bits;
    }
    fields->at = at;
    return i;
}

static bool add_digit(struct fields *fields, struct group *group, char digit)
{
    unsigned value = base64_digits[(uint8_t)digit] - 1U;
    if (value > 64 || (value != 64 && group->padding > 0) || (value == 64 && group->digits < 2))
        return fields_wrong(fields, "expected base64");
    if (value == 64) {
        group->padding++;
        value = 0;
    }
    group->bits = group->bits << 6 | value;
    if (++group->digits < 4)
        return true;
    uint8_t bytes[3] = {(uint8_t)(group->bits >> 16), (uint8_t)(group->bits >> 8),
                        (uint8_t)group->bits};
    size_t used = 3 - group->padding;
    for (size_t i = used; i < 3; i++) {
        if (bytes[i] != 0)
            return fields_wrong(fields, "base64 with bits beyond its last byte");
    }
    group->bits = 0;
    group->digits = 0;
    return fields_put(fields, bytes, used);
}

static bool add_base64(struct fields *fields, const struct token *token, struct group *group)
{
    size_t i = group->digits == 0 && group->padding == 0 ? add_groups(fields, token) : 0;
    for (; i < token->length; i++) {
        if (group->digits == 0 && group->padding > 0)
            return fields_wrong(fields, "base64 goes on behind its padding");
        if (!add_digit(fields, group, token->text[i]))
            return false;
    }
    return true;
}

bool fields_base64_of(struct fields *fields, const struct token *token)
{
    struct group group = {0};
    if (!add_base64(fields, token, &group))
        return false;
    return group.digits == 0 || fields_wrong(fields, "base64 that is cut off");
}

bool fields_base64(struct fields *fields)
{
    struct group group = {0};
    for (; fields->next < fields->count; fields->next++) {
        if (!add_base64(fields, &fields->tokens[fields->next], &group))
            return false;
    }
    if (group.digits == 0)
        return true;
    fields->next--;
    return fields_wrong(fields, "base64 that is cut off");
}
