/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rdata from text: a walk along a type's layout over tokens. A field that runs to the end takes all
 * tokens that are left. */
#include "client/dns/rdata.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/dns/algorithm.h"
#include "client/dns/dname.h"
#include "client/dns/rare.h"
#include "client/dns/rrtype.h"
#include "client/dns/ttl.h"
#include "client/dns/typeset.h"
#include "keyd/base/encode.h"

struct parse {
    const struct token *tokens;
    size_t count;
    size_t next;
    const uint8_t *origin;
    struct bytes *wire;
    char *why;
};

static bool wrong(struct parse *parse, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool wrong(struct parse *parse, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(parse->why, RDATA_WHY_MAX, format, args);
    va_end(args);
    return false;
}

/* A copy with a NUL of a token that can only be short; false when it is not. */
static bool copy_token(const struct token *token, char *text, size_t size)
{
    if (token->length >= size)
        return false;
    memcpy(text, token->text, token->length);
    text[token->length] = '\0';
    return true;
}

static bool parse_number(struct parse *parse, const struct token *token, size_t bytes)
{
    uint64_t max = ((uint64_t)1 << (8 * bytes)) - 1;
    uint64_t value = 0;
    for (size_t i = 0; i < token->length; i++) {
        if (token->text[i] < '0' || token->text[i] > '9')
            return wrong(parse, "expected a number");
        value = value * 10 + (uint64_t)(token->text[i] - '0');
        if (value > max)
            return wrong(parse, "a number above %llu", (unsigned long long)max);
    }
    if (token->length == 0)
        return wrong(parse, "expected a number");
    for (size_t i = bytes; i-- > 0;)
        bytes_u8(parse->wire, (unsigned)(value >> (8 * i)) & 0xff);
    return true;
}

static bool parse_address(struct parse *parse, const struct token *token, int family, size_t size)
{
    uint8_t address[16];
    char text[INET6_ADDRSTRLEN];
    if (!copy_token(token, text, sizeof text) || inet_pton(family, text, address) != 1)
        return wrong(parse, "expected an IPv%d address", family == AF_INET ? 4 : 6);
    bytes_add(parse->wire, address, size);
    return true;
}

static bool parse_name(struct parse *parse, const struct token *token)
{
    struct dname name;
    const char *why = token->quoted ? "a name in quotes"
                                    : dname_parse(token->text, token->length, parse->origin, &name);
    if (why != NULL)
        return wrong(parse, "%s", why);
    bytes_add(parse->wire, name.wire, name.length);
    return true;
}

/* The bytes that a string's characters and escapes stand for. */
static bool parse_text(struct parse *parse, const struct token *token, size_t max)
{
    size_t start = parse->wire->length;
    for (size_t i = 0; i < token->length;) {
        unsigned byte = (uint8_t)token->text[i++];
        if (byte == '\\') {
            char digits[4];
            struct token rest = {.text = token->text + i, .length = 3};
            if (i == token->length)
                return wrong(parse, "a backslash at the end");
            byte = (uint8_t)token->text[i++];
            if (byte >= '0' && byte <= '9') {
                if (i + 2 > token->length || !copy_token(&rest, digits, sizeof digits) ||
                    strspn(digits, "0123456789") != 3 || sscanf(digits, "%u", &byte) != 1 ||
                    byte > 255)
                    return wrong(parse, "\\ and a digit must be \\DDD, 000 to 255");
                i += 2;
            }
        }
        bytes_u8(parse->wire, byte);
    }
    if (!parse->wire->failed && parse->wire->length - start > max)
        return wrong(parse, "a text of more than %zu bytes", max);
    return true;
}

static bool parse_string(struct parse *parse, const struct token *token)
{
    size_t start = parse->wire->length;
    bytes_u8(parse->wire, 0);
    if (!parse_text(parse, token, 255))
        return false;
    if (!parse->wire->failed)
        parse->wire->data[start] = (uint8_t)(parse->wire->length - start - 1);
    return true;
}

static bool parse_tag(struct parse *parse, const struct token *token)
{
    return rdata_is_tag(token->text, token->length)
               ? parse_string(parse, token)
               : wrong(parse, "a tag has letters and digits only (RFC 8659, 4.1)");
}

static int digit_value(char c, int base)
{
    int value = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'v' ? c - 'a' + 10
                : c >= 'A' && c <= 'V' ? c - 'A' + 10
                                       : 99;
    return value < base ? value : -1;
}

/* Hexadecimal in any number of tokens, a byte may be cut between two. */
static bool parse_hex(struct parse *parse, const struct token *tokens, size_t count)
{
    int high = -1;
    for (size_t t = 0; t < count; t++) {
        for (size_t i = 0; i < tokens[t].length; i++) {
            int value = digit_value(tokens[t].text[i], 16);
            if (value < 0)
                return wrong(parse, "expected hexadecimal digits");
            if (high >= 0)
                bytes_u8(parse->wire, (unsigned)(high * 16 + value));
            high = high >= 0 ? -1 : value;
        }
    }
    return high < 0 ? true : wrong(parse, "an odd number of hexadecimal digits");
}

static bool parse_hex_counted(struct parse *parse, const struct token *token)
{
    size_t start = parse->wire->length;
    bytes_u8(parse->wire, 0);
    bool none = token->length == 1 && token->text[0] == '-';
    if (!none && !parse_hex(parse, token, 1))
        return false;
    size_t length = parse->wire->length - start - 1;
    if (length > 255)
        return wrong(parse, "more than 255 bytes");
    if (!parse->wire->failed)
        parse->wire->data[start] = (uint8_t)length;
    return true;
}

static bool parse_base32(struct parse *parse, const struct token *token)
{
    uint64_t bits = 0;
    unsigned held = 0;
    size_t start = parse->wire->length;
    bytes_u8(parse->wire, 0);
    for (size_t i = 0; i < token->length; i++) {
        int value = digit_value(token->text[i], 32);
        if (value < 0)
            return wrong(parse, "expected base32hex");
        bits = (bits << 5 | (uint64_t)value) & 0xffff;
        held += 5;
        if (held >= 8) {
            held -= 8;
            bytes_u8(parse->wire, (unsigned)(bits >> held) & 0xff);
        }
    }
    size_t length = parse->wire->length - start - 1;
    if (length == 0 || length > 255)
        return wrong(parse, "expected base32hex of 1 to 255 bytes");
    if (!parse->wire->failed)
        parse->wire->data[start] = (uint8_t)length;
    return true;
}

static bool parse_base64(struct parse *parse, const struct token *tokens, size_t count)
{
    struct bytes text = {0};
    for (size_t i = 0; i < count; i++)
        bytes_add(&text, tokens[i].text, tokens[i].length);
    bytes_u8(&text, 0);
    struct bytes decoded = {0};
    for (size_t i = 0; i < text.length; i++)
        bytes_u8(&decoded, 0);
    size_t length = 0;
    bool good = !text.failed && !decoded.failed &&
                strlen((const char *)text.data) + 1 == text.length &&
                base64_decode((const char *)text.data, decoded.data, decoded.length, &length);
    if (good)
        bytes_add(parse->wire, decoded.data, length);
    bytes_free(&decoded);
    bytes_free(&text);
    return good ? true : wrong(parse, "expected base64");
}

/* Days since 1970-01-01 and so on by timegm, which takes a 31st of April: so format and compare. */
static bool parse_time(struct parse *parse, const struct token *token)
{
    char text[16];
    char again[16];
    struct tm tm = {0};
    if (token->length != 14)
        return parse_number(parse, token, 4);
    if (!copy_token(token, text, sizeof text) || strptime(text, "%Y%m%d%H%M%S", &tm) == NULL)
        return wrong(parse, "expected a time as YYYYMMDDHHMMSS");
    time_t seconds = timegm(&tm);
    gmtime_r(&seconds, &tm);
    if (strftime(again, sizeof again, "%Y%m%d%H%M%S", &tm) != 14 || strcmp(text, again) != 0)
        return wrong(parse, "there is no such time");
    bytes_u32(parse->wire, (uint32_t)seconds);
    return true;
}

static bool parse_bitmap(struct parse *parse, const struct token *tokens, size_t count)
{
    struct typeset set = {0};
    for (size_t i = 0; i < count; i++) {
        uint16_t type;
        if (!rrtype_parse(tokens[i].text, tokens[i].length, &type))
            return wrong(parse, "expected an RR type");
        typeset_add(&set, type);
    }
    typeset_encode(&set, parse->wire);
    return true;
}

static bool parse_one(struct parse *parse, char field, const struct token *token)
{
    uint32_t ttl;
    uint16_t type;
    uint8_t algorithm;
    switch (field) {
    case 'a':
        return parse_address(parse, token, AF_INET, 4);
    case 'A':
        return parse_address(parse, token, AF_INET6, 16);
    case 'N':
    case 'n':
        return parse_name(parse, token);
    case '1':
    case '2':
    case '4':
        return parse_number(parse, token, (size_t)(field - '0'));
    case 'T':
        if (!ttl_parse(token->text, token->length, &ttl))
            return wrong(parse, "expected seconds, as 3600 or 1h");
        bytes_u32(parse->wire, ttl);
        return true;
    case 'd':
        return parse_time(parse, token);
    case 'g':
        if (!dnssec_algorithm_parse(token->text, token->length, &algorithm))
            return wrong(parse, "expected a DNSSEC algorithm");
        bytes_u8(parse->wire, algorithm);
        return true;
    case 'y':
        if (!rrtype_parse(token->text, token->length, &type))
            return wrong(parse, "expected an RR type");
        bytes_u16(parse->wire, type);
        return true;
    case 's':
        return parse_string(parse, token);
    case 't':
        return parse_tag(parse, token);
    case 'q':
        return parse_text(parse, token, RDATA_MAX);
    case 'H':
        return parse_hex_counted(parse, token);
    case 'x':
        return parse_base32(parse, token);
    default:
        return wrong(parse, "this field cannot be read");
    }
}

static bool parse_rest(struct parse *parse, char field, const struct token *tokens, size_t count)
{
    if (field == 'h')
        return parse_hex(parse, tokens, count);
    if (field == 'b')
        return parse_base64(parse, tokens, count);
    if (field == 'm')
        return parse_bitmap(parse, tokens, count);
    for (size_t i = 0; i < count; i++) {
        parse->next = (size_t)(tokens - parse->tokens) + i;
        if (!parse_string(parse, &tokens[i]))
            return false;
    }
    return true;
}

static bool parse_layout(struct parse *parse, const char *layout)
{
    for (; *layout != '\0'; layout++) {
        size_t left = parse->count - parse->next;
        if (strchr("hbmS", *layout) != NULL) {
            if (left == 0 && *layout != 'm')
                return wrong(parse, "the rdata ends too early");
            if (!parse_rest(parse, *layout, parse->tokens + parse->next, left))
                return false;
            parse->next = parse->count;
            continue;
        }
        if (left == 0)
            return wrong(parse, "the rdata ends too early");
        if (!parse_one(parse, *layout, &parse->tokens[parse->next]))
            return false;
        parse->next++;
    }
    return parse->next == parse->count ? true : wrong(parse, "there is more than belongs here");
}

/* \# LENGTH HEX (RFC 3597, 5) */
static bool parse_generic(struct parse *parse, uint16_t type)
{
    struct bytes number = {0};
    struct parse length = {.wire = &number, .why = parse->why};
    parse->next = 1;
    if (parse->count < 2)
        return wrong(parse, "\\# must be followed by a length");
    bool good = parse_number(&length, &parse->tokens[1], 2) && !number.failed;
    size_t wanted = good ? (size_t)(number.data[0] << 8 | number.data[1]) : 0;
    bytes_free(&number);
    if (!good)
        return false;
    size_t start = parse->wire->length;
    parse->next = 2;
    if (!parse_hex(parse, parse->tokens + 2, parse->count - 2))
        return false;
    if (parse->wire->failed)
        return true;
    if (parse->wire->length - start != wanted)
        return wrong(parse, "\\# announces %zu bytes and %zu follow", wanted,
                     parse->wire->length - start);
    if (!rdata_check(type, parse->wire->data + start, wanted))
        return wrong(parse, "these bytes are no rdata of this type");
    return true;
}

/* DS and its kin: a digest of a known type has that type's length (servers refuse others). */
static bool check_digest(struct parse *parse, uint16_t type, size_t start)
{
    static const size_t lengths[] = {0, 20, 32, 32, 48}; /* IANA's digest types 1 to 4 */
    bool is_ds = type == TYPE_DS || type == TYPE_CDS;
    if (!is_ds || parse->wire->failed || parse->wire->length - start < 4)
        return true;
    size_t digest_type = parse->wire->data[start + 3];
    size_t length = parse->wire->length - start - 4;
    if (digest_type == 0 || digest_type >= sizeof lengths / sizeof lengths[0] ||
        length == lengths[digest_type])
        return true;
    return wrong(parse, "a digest of type %zu has %zu bytes, this one %zu", digest_type,
                 lengths[digest_type], length);
}

bool rdata_parse(uint16_t type, const struct token *tokens, size_t count, const uint8_t *origin,
                 struct bytes *wire, size_t *culprit, char why[RDATA_WHY_MAX])
{
    const struct rrtype_row *row = rrtype_find(type);
    struct parse parse = {
        .tokens = tokens, .count = count, .origin = origin, .wire = wire, .why = why};
    size_t start = wire->length;
    bool good;
    if (count > 0 && !tokens[0].quoted && tokens[0].length == 2 &&
        memcmp(tokens[0].text, "\\#", 2) == 0)
        good = parse_generic(&parse, type);
    else if (row == NULL)
        good = wrong(&parse, "a type without a name must be written as \\# (RFC 3597)");
    else if (row->layout != NULL)
        good = parse_layout(&parse, row->layout);
    else
        good = rare_parse(row->name, tokens, count, origin, wire, why);
    if (good)
        good = check_digest(&parse, type, start);
    if (good && wire->failed)
        good = wrong(&parse, "out of memory");
    if (good && wire->length - start > RDATA_MAX)
        good = wrong(&parse, "rdata of more than 65535 bytes");
    *culprit = row != NULL && row->layout != NULL ? parse.next : count;
    return good;
}
