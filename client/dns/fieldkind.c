/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What many types have in their rdata, each kind from text, to text, and on the wire; and at the
 * end the table of all kinds. A field that runs to the end takes all tokens or bytes that are left.
 */
#include "client/dns/fieldkind.h"

#include <arpa/inet.h>
#include <string.h>

#include "client/dns/algorithm.h"
#include "client/dns/dname.h"
#include "client/dns/keyflags.h"
#include "client/dns/location.h"
#include "client/dns/oddfield.h"
#include "client/dns/rrtype.h"
#include "client/dns/sigtime.h"
#include "client/dns/svcparam.h"
#include "client/dns/ttl.h"
#include "client/dns/typeset.h"
#include "keyd/base/encode.h"

/* ---- Numbers -------------------------------------------------------------------------------- */

static void format_u8(struct cursor *wire, struct bytes *text)
{
    bytes_decimal(text, cursor_u8(wire));
}

static void format_u16(struct cursor *wire, struct bytes *text)
{
    bytes_decimal(text, cursor_u16(wire));
}

static void format_u32(struct cursor *wire, struct bytes *text)
{
    bytes_decimal(text, cursor_u32(wire));
}

static bool parse_ttl(struct fields *fields)
{
    uint32_t ttl;
    const struct token *token = fields_token(fields, "seconds");
    if (token == NULL)
        return false;
    if (!ttl_parse(token->text, token->length, &ttl))
        return fields_wrong(fields, "expected seconds, as 3600 or 1h");
    fields->next++;
    return fields_put_u32(fields, ttl);
}

static bool parse_algorithm(struct fields *fields)
{
    uint8_t algorithm;
    const struct token *token = fields_token(fields, "a DNSSEC algorithm");
    if (token == NULL)
        return false;
    if (!dnssec_algorithm_parse(token->text, token->length, &algorithm))
        return fields_wrong(fields, "expected a DNSSEC algorithm");
    fields->next++;
    return fields_put_u8(fields, algorithm);
}

static bool parse_digest_type(struct fields *fields)
{
    uint8_t type;
    const struct token *token = fields_token(fields, "the type of a digest");
    if (token == NULL)
        return false;
    if (!dnssec_digest_parse(token->text, token->length, &type))
        return fields_wrong(fields, "expected the type of a digest");
    fields->next++;
    return fields_put_u8(fields, type);
}

/* DSYNC's: RFC 9859, 2.1 */
static bool parse_scheme(struct fields *fields)
{
    if (fields_left(fields) == 0 || !fields_is(fields, "NOTIFY"))
        return fields_u8(fields);
    fields->next++;
    return fields_put_u8(fields, 1);
}

/* ---- Addresses and names -------------------------------------------------------------------- */

static void format_ipv4(struct cursor *wire, struct bytes *text)
{
    const uint8_t *address = cursor_take(wire, 4);
    for (size_t i = 0; address != NULL && i < 4; i++) {
        if (i > 0)
            bytes_u8(text, '.');
        bytes_decimal(text, address[i]);
    }
}

static void format_ipv6(struct cursor *wire, struct bytes *text)
{
    char printed[INET6_ADDRSTRLEN];
    const uint8_t *address = cursor_take(wire, 16);
    if (address != NULL && inet_ntop(AF_INET6, address, printed, sizeof printed) != NULL)
        bytes_text(text, printed);
}

static void check_name(struct cursor *wire)
{
    dname_take(wire);
}

static void format_name(struct cursor *wire, struct bytes *text)
{
    const uint8_t *name = dname_take(wire);
    char *at = name != NULL ? (char *)bytes_room(text, DNAME_TEXT) : NULL;
    if (at != NULL)
        bytes_used(text, dname_format(name, at));
}

/* ---- Counted bytes, and those to the end ---------------------------------------------------- */

static const uint8_t *take_counted(struct cursor *wire, size_t *length)
{
    *length = cursor_u8(wire);
    return cursor_take(wire, *length);
}

static void check_counted(struct cursor *wire)
{
    cursor_take(wire, cursor_u8(wire));
}

static const uint8_t *take_rest(struct cursor *wire, size_t *length)
{
    *length = cursor_left(wire);
    return cursor_take(wire, *length);
}

static void check_rest(struct cursor *wire)
{
    cursor_take(wire, cursor_left(wire));
}

static void check_some(struct cursor *wire)
{
    if (cursor_left(wire) == 0)
        wire->failed = true;
    check_rest(wire);
}

static bool is_there(struct cursor wire)
{
    return cursor_left(&wire) > 0;
}

/* ---- Texts ---------------------------------------------------------------------------------- */

static void format_quoted(const uint8_t *data, size_t length, struct bytes *text)
{
    uint8_t *at = data != NULL ? bytes_room(text, 4 * length + 2) : NULL;
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

static void format_string(struct cursor *wire, struct bytes *text)
{
    size_t length;
    const uint8_t *data = take_counted(wire, &length);
    format_quoted(data, length, text);
}

static bool parse_strings(struct fields *fields)
{
    do {
        if (!fields_string(fields))
            return false;
    } while (fields_left(fields) > 0);
    return true;
}

static void check_strings(struct cursor *wire)
{
    do
        check_counted(wire);
    while (cursor_left(wire) > 0);
}

static void format_strings(struct cursor *wire, struct bytes *text)
{
    while (cursor_left(wire) > 0) {
        format_string(wire, text);
        if (cursor_left(wire) > 0)
            bytes_u8(text, ' ');
    }
}

static bool parse_text(struct fields *fields)
{
    return fields_text(fields, RDATA_MAX);
}

static void format_text(struct cursor *wire, struct bytes *text)
{
    size_t length;
    const uint8_t *data = take_rest(wire, &length);
    format_quoted(data, length, text);
}

/* A CAA property's name: RFC 8659, 4.1. */
static bool is_tag(const void *text, size_t length)
{
    const uint8_t *c = text;
    for (size_t i = 0; i < length; i++) {
        if (!((c[i] >= 'a' && c[i] <= 'z') || (c[i] >= 'A' && c[i] <= 'Z') ||
              (c[i] >= '0' && c[i] <= '9')))
            return false;
    }
    return length > 0;
}

static bool parse_tag(struct fields *fields)
{
    const struct token *token = fields_token(fields, "a tag");
    if (token == NULL)
        return false;
    if (!is_tag(token->text, token->length))
        return fields_wrong(fields, "a tag has letters and digits only (RFC 8659, 4.1)");
    return fields_string(fields);
}

static void check_tag(struct cursor *wire)
{
    size_t length;
    const uint8_t *tag = take_counted(wire, &length);
    if (tag != NULL && !is_tag(tag, length))
        wire->failed = true;
}

static void format_tag(struct cursor *wire, struct bytes *text)
{
    size_t length;
    const uint8_t *tag = take_counted(wire, &length);
    if (tag != NULL)
        bytes_add(text, tag, length);
}

#define TAG_PLAIN 15 /* characters */

/* NSD refuses a tag with capitals, or of more than 15 characters. RFC 8659, 4.1 allows both. */
static bool tag_is_plain(struct cursor wire)
{
    size_t length;
    const uint8_t *tag = take_counted(&wire, &length);
    if (length > TAG_PLAIN)
        return false;
    for (size_t i = 0; tag != NULL && i < length; i++) {
        if (tag[i] >= 'A' && tag[i] <= 'Z')
            return false;
    }
    return tag != NULL;
}

/* ---- Hexadecimal, base32hex and base64 ------------------------------------------------------ */

static const char hex_expected[] = "hexadecimal digits";

/* All tokens that are left; "" is one in which nothing is. */
static bool parse_some(struct fields *fields, const char *expected, bool (*parse)(struct fields *))
{
    const uint8_t *start = fields->at;
    size_t first = fields->next;
    if (fields_token(fields, expected) == NULL || !parse(fields))
        return false;
    if (fields->at > start)
        return true;
    fields->next = first;
    return fields_wrong(fields, "there is nothing in it");
}

static bool parse_hex(struct fields *fields)
{
    return parse_some(fields, hex_expected, fields_hex);
}

static void format_hex(struct cursor *wire, struct bytes *text)
{
    size_t length;
    const uint8_t *data = take_rest(wire, &length);
    bytes_hex(text, data, length);
}

static bool parse_hex_counted(struct fields *fields)
{
    uint8_t *start = fields->at;
    const struct token *token = fields_token(fields, hex_expected);
    if (token == NULL || !fields_put_u8(fields, 0))
        return false;
    if (!fields_is(fields, "-") && !fields_hex_of(fields, token))
        return false;
    size_t length = (size_t)(fields->at - start - 1);
    if (length > 255)
        return fields_wrong(fields, "more than 255 bytes");
    *start = (uint8_t)length;
    fields->next++;
    return true;
}

static void format_hex_counted(struct cursor *wire, struct bytes *text)
{
    size_t length;
    const uint8_t *data = take_counted(wire, &length);
    if (length == 0)
        bytes_u8(text, '-');
    else if (data != NULL)
        bytes_hex(text, data, length);
}

static bool parse_base32(struct fields *fields)
{
    uint32_t bits = 0;
    unsigned held = 0;
    uint8_t *start = fields->at;
    const struct token *token = fields_token(fields, "base32hex");
    if (token == NULL || !fields_put_u8(fields, 0))
        return false;
    for (size_t i = 0; i < token->length; i++) {
        int value = digit_value(token->text[i], 32);
        if (value < 0)
            return fields_wrong(fields, "expected base32hex");
        bits = (bits << 5 | (uint32_t)value) & 0xffff;
        held += 5;
        if (held < 8)
            continue;
        held -= 8;
        if (!fields_put_u8(fields, bits >> held & 0xff))
            return false;
    }
    size_t length = (size_t)(fields->at - start - 1);
    if (length == 0 || length > 255 || held > 4 || (bits & ((1U << held) - 1)) != 0)
        return fields_wrong(fields, "expected base32hex of 1 to 255 bytes");
    *start = (uint8_t)length;
    fields->next++;
    return true;
}

static void format_base32(struct cursor *wire, struct bytes *text)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    unsigned bits = 0;
    unsigned held = 0;
    size_t length;
    const uint8_t *data = take_counted(wire, &length);
    for (size_t i = 0; data != NULL && i < length; i++) {
        bits = (bits << 8 | data[i]) & 0xffff;
        for (held += 8; held >= 5;) {
            held -= 5;
            bytes_u8(text, (unsigned)digits[bits >> held & 31]);
        }
    }
    if (held > 0)
        bytes_u8(text, (unsigned)digits[bits << (5 - held) & 31]);
}

static bool parse_base64(struct fields *fields)
{
    return parse_some(fields, "base64", fields_base64);
}

/* "-" says that there is none in DOA (draft-durand-doa-over-dns, 3.2). */
static bool parse_base64_or_dash(struct fields *fields)
{
    if (fields_left(fields) == 1 && fields_is(fields, "-"))
        fields->next++;
    return fields_base64(fields);
}

static void format_base64(struct cursor *wire, struct bytes *text)
{
    size_t length;
    const uint8_t *data = take_rest(wire, &length);
    uint8_t *at = data != NULL ? bytes_room(text, BASE64_TEXT(length)) : NULL;
    if (at == NULL)
        return;
    base64_encode(data, length, (char *)at);
    bytes_used(text, BASE64_TEXT(length) - 1);
}

/* ---- RR types, and sets of them: RFC 4034, 4.1.2 -------------------------------------------- */

static bool read_type(struct fields *fields, bool (*parse)(const char *, size_t, uint16_t *),
                      uint16_t *type)
{
    const struct token *token = fields_token(fields, "an RR type");
    if (token == NULL)
        return false;
    if (token->quoted || !parse(token->text, token->length, type))
        return fields_wrong(fields, "expected an RR type");
    fields->next++;
    return true;
}

static bool parse_type(struct fields *fields)
{
    uint16_t type;
    return read_type(fields, rrtype_parse_loosely, &type) && fields_put_u16(fields, type);
}

static void format_type(struct cursor *wire, struct bytes *text)
{
    rrtype_print(cursor_u16(wire), text);
}

/* One that may be in a set. */
static bool read_member(struct fields *fields, uint16_t *type)
{
    if (!read_type(fields, rrtype_parse, type))
        return false;
    if (*type != 0)
        return true;
    fields->next--;
    return fields_wrong(fields, "there is no type 0");
}

static bool parse_any_bitmap(struct fields *fields)
{
    struct typeset set = {0};
    struct bytes wire = {0};
    while (fields_left(fields) > 0) {
        uint16_t type;
        if (!read_member(fields, &type))
            return false;
        typeset_add(&set, type);
    }
    typeset_encode(&set, &wire);
    bool good = wire.failed ? fields_wrong(fields, "out of memory")
                            : fields_put(fields, wire.data, wire.length);
    bytes_free(&wire);
    return good;
}

/* A set of all types needs 8 KiB to be cleared: the one window that most have is done here. */
static bool parse_bitmap(struct fields *fields)
{
    uint8_t window[2 + 32] = {0};
    size_t first = fields->next;
    size_t used = 0;
    while (fields_left(fields) > 0) {
        uint16_t type;
        if (!read_member(fields, &type))
            return false;
        if (type > 255) {
            fields->next = first;
            return parse_any_bitmap(fields);
        }
        window[2 + type / 8] = (uint8_t)(window[2 + type / 8] | 0x80 >> type % 8);
        if (used < type / 8 + 1U)
            used = type / 8 + 1U;
    }
    window[1] = (uint8_t)used;
    return fields_put(fields, window, 2 + used);
}

static void check_bitmap(struct cursor *wire)
{
    size_t length;
    const uint8_t *bitmap = take_rest(wire, &length);
    if (!typeset_is_bitmap(bitmap, length))
        wire->failed = true;
}

static void format_bitmap(struct cursor *wire, struct bytes *text)
{
    for (const char *space = ""; cursor_left(wire) > 0;) {
        unsigned window = cursor_u8(wire);
        unsigned used = cursor_u8(wire);
        const uint8_t *bits = cursor_take(wire, used);
        for (unsigned i = 0; bits != NULL && i < 8 * used; i++) {
            if ((bits[i / 8] & 0x80 >> i % 8) == 0)
                continue;
            bytes_text(text, space);
            rrtype_print((uint16_t)(window << 8 | i), text);
            space = " ";
        }
    }
}

/* ---- All kinds, by their letters ------------------------------------------------------------ */

const struct field_kind field_kinds[128] = {
    /* Unsigned numbers of so many bytes */
    ['1'] = {fields_u8, format_u8, .size = 1},
    ['2'] = {fields_u16, format_u16, .size = 2},
    ['4'] = {fields_u32, format_u32, .size = 4},

    /* Numbers that are written otherwise, too */
    ['T'] = {parse_ttl, format_u32, .size = 4},              /* TTL */
    ['d'] = {sigtime_parse, sigtime_format, .size = 4},      /* YYYYMMDDHHMMSS */
    ['g'] = {parse_algorithm, format_u8, .size = 1},         /* of DNSSEC */
    ['D'] = {parse_digest_type, format_u8, .size = 1},       /* of a DS */
    ['y'] = {parse_type, format_type, .size = 2},            /* RR type */
    ['k'] = {keyflags_parse, format_u16, .size = 2},         /* a key's flags */
    ['K'] = {keyflags_parse_protocol, format_u8, .size = 1}, /* and its protocol */
    ['Z'] = {parse_scheme, format_u8, .size = 1},            /* DSYNC's scheme */
    ['c'] = {cert_type_parse, format_u16, .size = 2},        /* CERT's type */

    /* Names: of RFC 4034, 6.2; as they are; lowered before they are signed; A6's */
    ['N'] = {fields_name, format_name, check_name, .is_name = true, .lower = dname_lower,
             .lowered = LOWER_CANONICAL},
    ['n'] = {fields_name, format_name, check_name, .is_name = true},
    ['l'] = {fields_name, format_name, check_name, .is_name = true, .lower = dname_lower,
             .lowered = LOWER_SERVED},
    ['M'] = {fields_name, format_name, check_name, .is_name = true, .optional = true,
             .lower = dname_lower, .lowered = LOWER_CANONICAL | LOWER_SERVED},

    /* Character-strings (RFC 1035, 3.3) and texts without a length */
    ['s'] = {fields_string, format_string, check_counted},
    ['e'] = {fields_string, format_string, check_counted, .optional = true},
    ['S'] = {parse_strings, format_strings, check_strings}, /* one or more, to the end */
    ['t'] = {parse_tag, format_tag, check_tag, .is_plain = tag_is_plain}, /* CAA's tag, bare */
    ['q'] = {parse_text, format_text, check_rest}, /* to the end: CAA's value, URI's target */

    /* Bytes: to the end, at least one; behind a length byte, "-" for none */
    ['h'] = {parse_hex, format_hex, check_some},
    ['H'] = {parse_hex_counted, format_hex_counted, check_counted},
    ['x'] = {parse_base32, format_base32, check_counted}, /* NSEC3's next owner */
    ['b'] = {parse_base64, format_base64, check_some},

    /* A key, or DOA's data. Knot, NSD or BIND refuse a KEY or IPSECKEY without it. */
    ['B'] = {parse_base64_or_dash, format_base64, check_rest, .optional = true,
             .is_plain = is_there},

    /* Sets of types: NSEC's (RFC 4034, 4.1.2), and NXT's (RFC 2535, 5.2) */
    ['m'] = {parse_bitmap, format_bitmap, check_bitmap, .optional = true},
    ['o'] = {nxt_bitmap_parse, NULL, nxt_bitmap_check},

    /* Addresses */
    ['a'] = {fields_ipv4, format_ipv4, .size = 4},
    ['A'] = {fields_ipv6, format_ipv6, .size = 16},
    ['6'] = {a6_parse, NULL, a6_check},                           /* A6: what is before its name */
    ['p'] = {apl_parse, apl_format, apl_check, .optional = true}, /* prefixes, to the end */
    ['u'] = {eui48_parse, eui48_format, .size = 6},
    ['U'] = {eui64_parse, eui64_format, .size = 8},
    ['f'] = {locator_parse, locator_format, .size = 8}, /* NID, L64 */
    ['P'] = {nsap_parse, NULL, check_some},
    ['z'] = {atm_parse, NULL, atm_check},

    /* Types with a grammar of their own: all of it, or much */
    ['L'] = {location_parse, location_format, location_check, .is_plain = location_is_plain},
    ['v'] = {svcparam_parse, svcparam_format, svcparam_check, .optional = true,
             .is_plain = svcparam_is_plain},
    ['i'] = {gateway_parse, gateway_format, gateway_check, .is_plain = gateway_is_plain,
             .lower = gateway_lower, .lowered = LOWER_SERVED}, /* IPSECKEY */
    ['r'] = {relay_parse, NULL, relay_check},                  /* AMTRELAY */
    ['I'] = {hip_parse, NULL, hip_check},
    ['w'] = {services_parse, NULL, services_check}, /* WKS: protocol and ports */
};
