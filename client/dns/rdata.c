/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Two walks along a type's layout over the wire: format_field and check_field. A field that runs to
 * the end takes all bytes that are left. From text: rdata_parse.c. */
#include "client/dns/rdata.h"

#include <arpa/inet.h>
#include <string.h>

#include "client/dns/dname.h"
#include "client/dns/location.h"
#include "client/dns/oddfield.h"
#include "client/dns/rrtype.h"
#include "client/dns/svcparam.h"
#include "client/dns/typeset.h"
#include "keyd/base/encode.h"

static void check_field(char field, struct cursor *wire);

/* ---- To text -------------------------------------------------------------------------------- */

static void format_string(const uint8_t *data, size_t length, struct bytes *text)
{
    uint8_t *at = bytes_room(text, 4 * length + 2);
    if (at == NULL)
        return;
    const uint8_t *start = at;
    *at++ = '"';
    for (size_t i = 0; i < length; i++) {
        if (data[i] >= ' ' && data[i] <= '~' && data[i] != '"' && data[i] != '\\') {
            *at++ = data[i];
            continue;
        }
        *at++ = '\\';
        *at++ = (uint8_t)('0' + data[i] / 100);
        *at++ = (uint8_t)('0' + data[i] / 10 % 10);
        *at++ = (uint8_t)('0' + data[i] % 10);
    }
    *at++ = '"';
    bytes_used(text, (size_t)(at - start));
}

static void format_hex(const uint8_t *data, size_t length, struct bytes *text)
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t *at = bytes_room(text, 2 * length);
    if (at == NULL)
        return;
    for (size_t i = 0; i < length; i++) {
        *at++ = (uint8_t)digits[data[i] >> 4];
        *at++ = (uint8_t)digits[data[i] & 15];
    }
    bytes_used(text, 2 * length);
}

static void format_base64(const uint8_t *data, size_t length, struct bytes *text)
{
    uint8_t *at = bytes_room(text, BASE64_TEXT(length));
    if (at == NULL)
        return;
    base64_encode(data, length, (char *)at);
    bytes_used(text, BASE64_TEXT(length) - 1);
}

void rdata_format_type(uint16_t type, struct bytes *text)
{
    const struct rrtype_row *row = rrtype_find(type);
    const bool named = row != NULL && !row->rare;
    bytes_text(text, named ? row->name : "TYPE");
    if (!named)
        bytes_decimal(text, type);
}

static void format_base32(const uint8_t *data, size_t length, struct bytes *text)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    unsigned bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < length; i++) {
        bits = (bits << 8 | data[i]) & 0xffff;
        for (held += 8; held >= 5;) {
            held -= 5;
            bytes_u8(text, (unsigned)digits[bits >> held & 31]);
        }
    }
    if (held > 0)
        bytes_u8(text, (unsigned)digits[bits << (5 - held) & 31]);
}

static void format_bitmap(const uint8_t *data, size_t length, struct bytes *text)
{
    struct cursor wire = cursor_over(data, length);
    const char *space = "";
    while (cursor_left(&wire) > 0) {
        unsigned window = cursor_u8(&wire);
        unsigned used = cursor_u8(&wire);
        const uint8_t *bits = cursor_take(&wire, used);
        for (unsigned i = 0; bits != NULL && i < 8 * used; i++) {
            if ((bits[i / 8] & 0x80 >> i % 8) == 0)
                continue;
            bytes_text(text, space);
            rdata_format_type((uint16_t)(window << 8 | i), text);
            space = " ";
        }
    }
}

static void format_ipv4(const uint8_t *address, struct bytes *text)
{
    for (size_t i = 0; i < 4; i++) {
        if (i > 0)
            bytes_u8(text, '.');
        bytes_decimal(text, address[i]);
    }
}

static void format_ipv6(const uint8_t *address, struct bytes *text)
{
    char printed[INET6_ADDRSTRLEN];
    if (inet_ntop(AF_INET6, address, printed, sizeof printed) != NULL)
        bytes_text(text, printed);
}

static void add_two(struct bytes *text, unsigned value)
{
    bytes_u8(text, '0' + value / 10);
    bytes_u8(text, '0' + value % 10);
}

/* YYYYMMDDHHMMSS. The date is counted in years that begin in March, so that the leap day is last.
 */
static void format_time(uint32_t seconds, struct bytes *text)
{
    uint32_t days = seconds / 86400 + 719468; /* since the first of March of the year 0 */
    uint32_t era = days / 146097;             /* of 400 years */
    uint32_t day_of_era = days % 146097;
    uint32_t year =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day = day_of_era - (365 * year + year / 4 - year / 100);
    uint32_t month = (5 * day + 2) / 153; /* 0: March */
    day -= (153 * month + 2) / 5;
    month = month < 10 ? month + 3 : month - 9;
    bytes_decimal(text, era * 400 + year + (month <= 2 ? 1 : 0));
    add_two(text, month);
    add_two(text, day + 1);
    add_two(text, seconds / 3600 % 24);
    add_two(text, seconds / 60 % 60);
    add_two(text, seconds % 60);
}

static void format_counted(char field, struct cursor *wire, struct bytes *text)
{
    uint8_t length = cursor_u8(wire);
    const uint8_t *data = cursor_take(wire, length);
    if (data == NULL)
        return;
    if (field == 't')
        bytes_add(text, data, length);
    else if (field == 'x')
        format_base32(data, length, text);
    else if (field == 'H' && length == 0)
        bytes_u8(text, '-');
    else if (field == 'H')
        format_hex(data, length, text);
    else
        format_string(data, length, text);
}

static void format_rest(char field, struct cursor *wire, struct bytes *text)
{
    size_t length = cursor_left(wire);
    if (field == 'S') {
        while (cursor_left(wire) > 0) {
            format_counted('s', wire, text);
            if (cursor_left(wire) > 0)
                bytes_u8(text, ' ');
        }
        return;
    }
    const uint8_t *data = cursor_take(wire, length);
    if (data == NULL)
        return;
    if (field == 'h')
        format_hex(data, length, text);
    else if (field == 'b' || field == 'B')
        format_base64(data, length, text);
    else if (field == 'q')
        format_string(data, length, text);
    else
        format_bitmap(data, length, text);
}

static void format_name(struct cursor *wire, struct bytes *text)
{
    const uint8_t *name = dname_take(wire);
    char *at = name != NULL ? (char *)bytes_room(text, DNAME_TEXT) : NULL;
    if (at != NULL)
        bytes_used(text, dname_format(name, at));
}

static void format_field(char field, struct cursor *wire, struct bytes *text)
{
    const uint8_t *address;
    switch (field) {
    case 'a':
        address = cursor_take(wire, 4);
        if (address != NULL)
            format_ipv4(address, text);
        break;
    case 'A':
        address = cursor_take(wire, 16);
        if (address != NULL)
            format_ipv6(address, text);
        break;
    case 'N':
    case 'n':
    case 'l':
        format_name(wire, text);
        break;
    case '1':
    case 'g':
    case 'K':
    case 'D':
        bytes_decimal(text, cursor_u8(wire));
        break;
    case '2':
    case 'k':
        bytes_decimal(text, cursor_u16(wire));
        break;
    case '4':
    case 'T':
        bytes_decimal(text, cursor_u32(wire));
        break;
    case 'd':
        format_time(cursor_u32(wire), text);
        break;
    case 'y':
        rdata_format_type(cursor_u16(wire), text);
        break;
    case 's':
    case 't':
    case 'H':
    case 'x':
        format_counted(field, wire, text);
        break;
    case 'S':
    case 'h':
    case 'b':
    case 'B':
    case 'q':
    case 'm':
        format_rest(field, wire, text);
        break;
    case 'v':
        svcparam_format(wire, text);
        break;
    case 'L':
        location_format(wire, text);
        break;
    default:
        oddfield_format(field, wire, text);
    }
}

static void format_generic(const uint8_t *rdata, size_t length, struct bytes *text)
{
    bytes_format(text, "\\# %zu%s", length, length > 0 ? " " : "");
    format_hex(rdata, length, text);
}

static bool has_capitals(const uint8_t *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] >= 'A' && text[i] <= 'Z')
            return true;
    }
    return false;
}

/* Whether all servers read this field, and read it alike. A LOC has text for version 0 alone. NSD
 * refuses a CAA tag with capitals, which RFC 8659, 4.1 allows; Knot, NSD or BIND a KEY or IPSECKEY
 * without its key, and Knot an IPSECKEY with a key of algorithm 0. */
static bool is_understood(char field, struct cursor wire)
{
    switch (field) {
    case 't':
        return cursor_left(&wire) > 0 && !has_capitals(wire.at + 1, wire.at[0]);
    case 'B':
        return cursor_left(&wire) > 0;
    case 'i':
        return cursor_left(&wire) > 1 && wire.at[1] > 0;
    case 'v':
        return svcparam_is_plain(wire);
    case 'L':
        return cursor_left(&wire) > 0 && wire.at[0] == LOCATION_VERSION;
    default:
        return true;
    }
}

static bool has_own_form(const struct rrtype_row *row, const uint8_t *rdata, size_t length)
{
    if (row == NULL || row->layout == NULL || row->rare || length == 0)
        return false;
    if (row->type == TYPE_SPF && length > 1U + rdata[0])
        return false; /* NSD 4.6 keeps the first string only */
    if (strpbrk(row->layout, "LtBiv") == NULL)
        return true;
    struct cursor wire = cursor_over(rdata, length);
    for (const char *field = row->layout; *field != '\0'; field++) {
        if (!is_understood(*field, wire))
            return false;
        check_field(*field, &wire);
    }
    return true;
}

/* Whether a field is no word at all where nothing of it is left; others have one even then: "". */
static bool may_be_no_word(char field)
{
    return strchr("BemMpv", field) != NULL;
}

void rdata_format(uint16_t type, const uint8_t *rdata, size_t length, struct bytes *text)
{
    const struct rrtype_row *row = rrtype_find(type);
    if (!has_own_form(row, rdata, length)) {
        format_generic(rdata, length, text);
        return;
    }
    struct cursor wire = cursor_over(rdata, length);
    for (const char *field = row->layout; *field != '\0'; field++) {
        if (field != row->layout && (cursor_left(&wire) > 0 || !may_be_no_word(*field)))
            bytes_u8(text, ' ');
        format_field(*field, &wire, text);
    }
}

/* ---- On the wire ---------------------------------------------------------------------------- */

bool rdata_is_tag(const void *text, size_t length)
{
    const uint8_t *c = text;
    for (size_t i = 0; i < length; i++) {
        if (!((c[i] >= 'a' && c[i] <= 'z') || (c[i] >= 'A' && c[i] <= 'Z') ||
              (c[i] >= '0' && c[i] <= '9')))
            return false;
    }
    return length > 0;
}

/* Walks over one field. */
static void check_field(char field, struct cursor *wire)
{
    const uint8_t *tag;
    size_t left;
    switch (field) {
    case 'a':
        cursor_take(wire, 4);
        break;
    case 'A':
        cursor_take(wire, 16);
        break;
    case 'N':
    case 'n':
    case 'l':
        dname_take(wire);
        break;
    case '1':
    case 'g':
    case 'K':
    case 'D':
        cursor_u8(wire);
        break;
    case '2':
    case 'k':
    case 'y':
        cursor_u16(wire);
        break;
    case '4':
    case 'T':
    case 'd':
        cursor_u32(wire);
        break;
    case 'M':
        if (cursor_left(wire) > 0)
            dname_take(wire);
        break;
    case 's':
    case 'H':
    case 'x':
        cursor_take(wire, cursor_u8(wire));
        break;
    case 'e':
        if (cursor_left(wire) > 0)
            cursor_take(wire, cursor_u8(wire));
        break;
    case 't':
        left = cursor_u8(wire);
        tag = cursor_take(wire, left);
        if (tag != NULL && !rdata_is_tag(tag, left))
            wire->failed = true;
        break;
    case 'h':
    case 'b':
        left = cursor_left(wire);
        cursor_take(wire, left);
        if (left == 0)
            wire->failed = true;
        break;
    case 'S':
        do
            cursor_take(wire, cursor_u8(wire));
        while (cursor_left(wire) > 0);
        break;
    case 'm':
        left = cursor_left(wire);
        if (!typeset_is_bitmap(cursor_take(wire, left), left))
            wire->failed = true;
        break;
    case 'B':
    case 'q':
        cursor_take(wire, cursor_left(wire));
        break;
    case 'v':
        svcparam_check(wire);
        break;
    case 'L':
        location_check(wire);
        break;
    default:
        oddfield_check(field, wire);
    }
}

bool rdata_check(uint16_t type, const uint8_t *rdata, size_t length)
{
    const struct rrtype_row *row = rrtype_find(type);
    if (row == NULL || row->layout == NULL)
        return true;
    struct cursor wire = cursor_over(rdata, length);
    for (const char *field = row->layout; *field != '\0' && !wire.failed; field++)
        check_field(*field, &wire);
    return !wire.failed && wire.at == wire.end;
}

/* Where in a field its name begins; `size` when there is none. An IPSECKEY's gateway is behind its
 * form, 3 for a name, and the algorithm (RFC 4025, 2.1, 2.3). */
static size_t name_in(char field, const uint8_t *data, size_t size)
{
    if (field != 'i')
        return 0;
    return data[0] == 3 ? 2 : size;
}

/* Lower-cases the names in the fields with one of the letters. */
static bool lower_fields(const char *letters, uint16_t type, uint8_t *rdata, size_t length)
{
    const struct rrtype_row *row = rrtype_find(type);
    if (row == NULL || row->layout == NULL || strpbrk(row->layout, letters) == NULL)
        return false;
    bool changed = false;
    struct cursor wire = cursor_over(rdata, length);
    for (const char *field = row->layout; *field != '\0' && !wire.failed; field++) {
        size_t start = length - cursor_left(&wire);
        check_field(*field, &wire);
        if (strchr(letters, *field) == NULL || wire.failed)
            continue;
        uint8_t before[DNAME_MAX];
        size_t size = length - cursor_left(&wire) - start;
        size_t at = size > 0 ? name_in(*field, rdata + start, size) : 0;
        if (at == size)
            continue;
        memcpy(before, rdata + start + at, size - at);
        dname_lower(rdata + start + at);
        changed = changed || memcmp(before, rdata + start + at, size - at) != 0;
    }
    return changed;
}

bool rdata_canonical(uint16_t type, uint8_t *rdata, size_t length)
{
    return lower_fields("NM", type, rdata, length);
}

#define LOWERED "lMi"

bool rdata_lower(uint16_t type, uint8_t *rdata, size_t length)
{
    return lower_fields(LOWERED, type, rdata, length);
}

bool rdata_has_lower(uint16_t type)
{
    const struct rrtype_row *row = rrtype_find(type);
    return row != NULL && row->layout != NULL && strpbrk(row->layout, LOWERED) != NULL;
}
