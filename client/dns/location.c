/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/location.h"

#include <stdio.h>
#include <string.h>

#include "client/dns/fields.h"

#define LOCATION_LENGTH  16 /* bytes; Knot knows no other */
#define LOCATION_VERSION 0  /* the one that has a meaning */

#define EQUATOR     0x80000000U /* thousandths of a second of arc, and so much off */
#define DEGREE      3600000U    /* thousandths of a second of arc */
#define ALTITUDE_0  10000000    /* cm below the reference: 100,000 m */
#define SIZE_MAX_CM 9000000000  /* RFC 1876, 2: 9e9 cm */

/* Digits with up to `places` behind a point, as an integer of the smallest unit. */
static bool decimal(const char *text, size_t length, unsigned places, int64_t *value)
{
    const char *end = text + length;
    size_t digits = 0;
    *value = 0;
    for (; text < end && *text >= '0' && *text <= '9' && digits < 11; text++, digits++)
        *value = *value * 10 + (*text - '0');
    if (digits == 0 || digits > 10)
        return false;
    if (text < end && *text++ != '.')
        return false;
    for (; places > 0; places--) {
        *value *= 10;
        if (text < end && *text >= '0' && *text <= '9')
            *value += *text++ - '0';
        else if (text < end)
            return false;
    }
    return text == end;
}

static bool is_letter(const struct fields *fields, char letter)
{
    return fields_left(fields) > 0 && fields->tokens[fields->next].length == 1 &&
           fields->tokens[fields->next].text[0] == letter;
}

static const char expected[] = "a location, as 42 21 54 N 71 06 18 W -24m";

/* DEGREES [MINUTES [SECONDS]] N|S, or E|W */
static bool read_angle(struct fields *fields, int64_t max_degrees, char plus, char minus)
{
    static const int64_t units[] = {DEGREE, 60000, 1};
    const int64_t limits[] = {max_degrees, 59, 59999};
    int64_t total = 0;
    size_t parts = 0;
    for (; !is_letter(fields, plus) && !is_letter(fields, minus); parts++) {
        int64_t value;
        const struct token *token = fields_token(fields, expected);
        if (token == NULL)
            return false;
        if (parts == 3 || !decimal(token->text, token->length, parts == 2 ? 3 : 0, &value) ||
            memchr(token->text, '.', parts < 2 ? token->length : 0) != NULL)
            return fields_wrong(fields, "expected degrees, minutes, seconds, and %c or %c", plus,
                                minus);
        if (value > limits[parts])
            return fields_wrong(fields, "more than a degree, minute or second can be");
        total += value * units[parts];
        fields->next++;
    }
    if (parts == 0)
        return fields_wrong(fields, "expected degrees before this");
    if (total > max_degrees * DEGREE)
        return fields_wrong(fields, "more than %d degrees", (int)max_degrees);
    bool positive = is_letter(fields, plus);
    uint32_t angle = positive ? EQUATOR + (uint32_t)total : EQUATOR - (uint32_t)total;
    fields->next++;
    return fields_put_u32(fields, angle);
}

/* Metres with up to two places and "m", in centimetres. */
static bool read_metres(struct fields *fields, int64_t *cm)
{
    const struct token *token = fields_token(fields, expected);
    if (token == NULL)
        return false;
    const char *text = token->text;
    size_t length = token->length;
    bool negative = length > 0 && text[0] == '-';
    if (negative || (length > 0 && text[0] == '+')) {
        text++;
        length--;
    }
    if (length > 0 && text[length - 1] == 'm')
        length--;
    if (!decimal(text, length, 2, cm))
        return fields_wrong(fields, "expected metres, as 10.25m");
    if (negative)
        *cm = -*cm;
    return true;
}

/* The first digit and the power of ten (RFC 1876, 2): 0x12 is 1e2 cm. */
static bool put_size(struct fields *fields, int64_t cm)
{
    unsigned power = 0;
    if (cm < 0 || cm > SIZE_MAX_CM)
        return fields_wrong(fields, "expected 0 to 90000000 metres");
    for (; cm >= 10; cm /= 10)
        power++;
    return fields_put_u8(fields, (unsigned)cm << 4 | power);
}

/* Version, size, and both precisions come first on the wire and last in the text. */
bool location_parse(struct fields *fields)
{
    static const uint8_t defaults[] = {0, 0x12, 0x16, 0x13}; /* 1 m, 10,000 m, 10 m */
    uint8_t *start = fields->at;
    int64_t cm;
    if (!fields_put(fields, defaults, sizeof defaults) || !read_angle(fields, 90, 'N', 'S') ||
        !read_angle(fields, 180, 'E', 'W') || !read_metres(fields, &cm))
        return false;
    cm += ALTITUDE_0;
    if (cm < 0 || cm > UINT32_MAX)
        return fields_wrong(fields, "expected -100000.00m to 42849672.95m");
    fields->next++;
    if (!fields_put_u32(fields, (uint32_t)cm))
        return false;
    uint8_t *end = fields->at;
    fields->at = start + 1;
    for (size_t i = 0; i < 3 && fields_left(fields) > 0; i++, fields->next++) {
        if (!read_metres(fields, &cm) || !put_size(fields, cm))
            return false;
    }
    fields->at = end;
    return true;
}

static void format_angle(uint32_t wire, char plus, char minus, struct bytes *text)
{
    uint32_t angle = wire >= EQUATOR ? wire - EQUATOR : EQUATOR - wire;
    bytes_format(text, "%u %u %u.%03u %c ", angle / DEGREE, angle / 60000 % 60, angle / 1000 % 60,
                 angle % 1000, wire >= EQUATOR ? plus : minus);
}

static void format_size(uint8_t size, struct bytes *text)
{
    int64_t cm = size >> 4;
    for (unsigned power = size & 15; power > 0; power--)
        cm *= 10;
    bytes_format(text, " %lld.%02lldm", (long long)cm / 100, (long long)cm % 100);
}

void location_format(struct cursor *wire, struct bytes *text)
{
    cursor_u8(wire);
    uint8_t sizes[3];
    for (size_t i = 0; i < 3; i++)
        sizes[i] = cursor_u8(wire);
    format_angle(cursor_u32(wire), 'N', 'S', text);
    format_angle(cursor_u32(wire), 'E', 'W', text);
    int64_t cm = (int64_t)cursor_u32(wire) - ALTITUDE_0;
    int64_t size = cm < 0 ? -cm : cm;
    bytes_format(text, "%s%lld.%02lldm", cm < 0 ? "-" : "", (long long)size / 100,
                 (long long)size % 100);
    for (size_t i = 0; i < 3; i++)
        format_size(sizes[i], text);
}

/* Nothing, to a power of ten: the power has no place in the text. */
static bool is_odd_zero(uint8_t size)
{
    return size > 0 && size >> 4 == 0;
}

bool location_is_plain(struct cursor wire)
{
    const uint8_t *at = cursor_take(&wire, 4);
    return at != NULL && at[0] == LOCATION_VERSION && !is_odd_zero(at[1]) && !is_odd_zero(at[2]) &&
           !is_odd_zero(at[3]);
}

static bool angle_is_good(uint32_t wire, uint32_t degrees)
{
    return wire >= EQUATOR - degrees * DEGREE && wire <= EQUATOR + degrees * DEGREE;
}

void location_check(struct cursor *wire)
{
    bool good = true;
    if (cursor_u8(wire) != LOCATION_VERSION) {
        cursor_take(wire, LOCATION_LENGTH - 1);
        return;
    }
    for (size_t i = 0; i < 3; i++) {
        uint8_t size = cursor_u8(wire);
        good = good && (size >> 4) <= 9 && (size & 15) <= 9;
    }
    good = angle_is_good(cursor_u32(wire), 90) && good;
    good = angle_is_good(cursor_u32(wire), 180) && good;
    cursor_u32(wire);
    if (!good)
        wire->failed = true;
}
