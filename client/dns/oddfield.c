/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/oddfield.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/dns/dname.h"
#include "client/dns/rrtype.h"

/* ---- CERT: RFC 4398, 2.1 -------------------------------------------------------------------- */

bool cert_type_parse(struct fields *fields)
{
    static const struct {
        const char *name;
        unsigned value;
    } types[] = {{"PKIX", 1}, {"SPKI", 2},   {"PGP", 3},     {"IPKIX", 4}, {"ISPKI", 5},
                 {"IPGP", 6}, {"ACPKIX", 7}, {"IACPKIX", 8}, {"URI", 253}, {"OID", 254}};
    if (fields_token(fields, "the type of a certificate") == NULL)
        return false;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (fields_is(fields, types[i].name)) {
            fields->next++;
            return fields_put_u16(fields, types[i].value);
        }
    }
    return fields_u16(fields);
}

/* ---- APL: RFC 3123 -------------------------------------------------------------------------- */

#define APL_NOT 0x80

static bool parse_prefix(struct fields *fields, const struct token *token, unsigned *family,
                         unsigned *prefix, uint8_t address[16])
{
    char text[INET6_ADDRSTRLEN];
    const char *colon = memchr(token->text, ':', token->length);
    const char *slash = memrchr(token->text, '/', token->length);
    size_t head = colon != NULL ? (size_t)(colon - token->text) : 0;
    bool negated = token->length > 0 && token->text[0] == '!';
    if (colon == NULL || slash == NULL || slash < colon || head != 1U + negated ||
        (colon[-1] != '1' && colon[-1] != '2') || (size_t)(slash - colon) > sizeof text)
        return fields_wrong(fields, "expected [!]1:IPV4/PREFIX or [!]2:IPV6/PREFIX");
    size_t size = (size_t)(slash - colon - 1);
    *family = (unsigned)(colon[-1] - '0');
    memcpy(text, colon + 1, size);
    text[size] = '\0';
    if (inet_pton(*family == 1 ? AF_INET : AF_INET6, text, address) != 1)
        return fields_wrong(fields, "expected an IPv%d address after the colon",
                            *family == 1 ? 4 : 6);
    const char *end = token->text + token->length;
    *prefix = 0;
    for (const char *c = slash + 1; c < end; c++)
        *prefix =
            *c >= '0' && *c <= '9' && *prefix < 1000 ? *prefix * 10 + (unsigned)(*c - '0') : 1000;
    if (slash + 1 == end || *prefix > (*family == 1 ? 32 : 128))
        return fields_wrong(fields, "expected a prefix of 0 to %d bits", *family == 1 ? 32 : 128);
    return true;
}

bool apl_parse(struct fields *fields)
{
    for (; fields_left(fields) > 0; fields->next++) {
        const struct token *token = &fields->tokens[fields->next];
        unsigned family = 0;
        unsigned prefix = 0;
        uint8_t address[16];
        if (!parse_prefix(fields, token, &family, &prefix, address))
            return false;
        size_t used = family == 1 ? 4 : 16;
        while (used > 0 && address[used - 1] == 0) /* RFC 3123, 4 */
            used--;
        unsigned flags = token->text[0] == '!' ? APL_NOT : 0;
        if (!fields_put_u16(fields, family) || !fields_put_u8(fields, prefix) ||
            !fields_put_u8(fields, flags | (unsigned)used) || !fields_put(fields, address, used))
            return false;
    }
    return true;
}

void apl_check(struct cursor *wire)
{
    while (cursor_left(wire) > 0) {
        unsigned family = cursor_u16(wire);
        unsigned prefix = cursor_u8(wire);
        unsigned length = cursor_u8(wire) & 0x7f;
        const uint8_t *address = cursor_take(wire, length);
        if (address == NULL || (family != 1 && family != 2) || prefix > (family == 1 ? 32 : 128) ||
            length > (family == 1 ? 4 : 16) || (length > 0 && address[length - 1] == 0))
            wire->failed = true;
    }
}

void apl_format(struct cursor *wire, struct bytes *text)
{
    for (const char *space = ""; cursor_left(wire) > 0; space = " ") {
        char printed[INET6_ADDRSTRLEN];
        uint8_t address[16] = {0};
        unsigned family = cursor_u16(wire);
        unsigned prefix = cursor_u8(wire);
        unsigned length = cursor_u8(wire);
        const uint8_t *data = cursor_take(wire, length & 0x7f);
        if (data == NULL || (length & 0x7f) > sizeof address)
            return;
        memcpy(address, data, length & 0x7f);
        inet_ntop(family == 1 ? AF_INET : AF_INET6, address, printed, sizeof printed);
        bytes_format(text, "%s%s%u:%s/%u", space, length & APL_NOT ? "!" : "", family, printed,
                     prefix);
    }
}

/* ---- IPSECKEY (RFC 4025) and AMTRELAY (RFC 8777): who answers, in one of four forms --------- */

enum { GATEWAY_NONE, GATEWAY_IPV4, GATEWAY_IPV6, GATEWAY_NAME };

static bool parse_no_gateway(struct fields *fields)
{
    static const char expected[] = ". for form 0, which is none";
    if (fields_token(fields, expected) == NULL)
        return false;
    if (!fields_is(fields, "."))
        return fields_wrong(fields, "expected %s", expected);
    fields->next++;
    return true;
}

static bool parse_gateway(struct fields *fields, uint32_t form)
{
    switch (form) {
    case GATEWAY_NONE:
        return parse_no_gateway(fields);
    case GATEWAY_IPV4:
        return fields_ipv4(fields);
    case GATEWAY_IPV6:
        return fields_ipv6(fields);
    default:
        return fields_name(fields);
    }
}

static void check_gateway(struct cursor *wire, unsigned form)
{
    switch (form) {
    case GATEWAY_NONE:
        break;
    case GATEWAY_IPV4:
        cursor_take(wire, 4);
        break;
    case GATEWAY_IPV6:
        cursor_take(wire, 16);
        break;
    case GATEWAY_NAME:
        dname_take(wire);
        break;
    default:
        wire->failed = true;
    }
}

static void format_gateway(struct cursor *wire, unsigned form, struct bytes *text)
{
    char printed[DNAME_TEXT] = ".";
    const uint8_t *data = NULL;
    if (form == GATEWAY_IPV4 || form == GATEWAY_IPV6)
        data = cursor_take(wire, form == GATEWAY_IPV4 ? 4 : 16);
    else if (form == GATEWAY_NAME)
        data = dname_take(wire);
    if (data != NULL && form == GATEWAY_NAME)
        dname_format(data, printed);
    else if (data != NULL)
        inet_ntop(form == GATEWAY_IPV4 ? AF_INET : AF_INET6, data, printed, sizeof printed);
    bytes_add(text, printed, strlen(printed));
}

bool gateway_parse(struct fields *fields)
{
    uint32_t form;
    return fields_value(fields, GATEWAY_NAME, &form) && fields_put_u8(fields, form) &&
           fields_u8(fields) && parse_gateway(fields, form);
}

void gateway_check(struct cursor *wire)
{
    unsigned form = cursor_u8(wire);
    cursor_u8(wire);
    check_gateway(wire, form);
}

void gateway_format(struct cursor *wire, struct bytes *text)
{
    unsigned form = cursor_u8(wire);
    bytes_format(text, "%u %u ", form, cursor_u8(wire));
    format_gateway(wire, form, text);
}

/* NSD undoes the escapes of a gateway's name twice. */
static bool is_once_escaped(struct cursor wire)
{
    for (size_t left = cursor_u8(&wire); left > 0; left = cursor_u8(&wire)) {
        for (; left > 0; left--) {
            uint8_t byte = cursor_u8(&wire);
            if (byte == '\0' || byte == '.' || byte == '\\')
                return false;
        }
    }
    return true;
}

/* Knot refuses a key of algorithm 0, which is none. */
bool gateway_is_plain(struct cursor wire)
{
    const unsigned form = cursor_u8(&wire);
    return cursor_u8(&wire) > 0 && (form != GATEWAY_NAME || is_once_escaped(wire));
}

bool gateway_lower(uint8_t *field)
{
    return field[0] == GATEWAY_NAME && dname_lower(field + 2);
}

bool relay_parse(struct fields *fields)
{
    uint32_t discovery;
    uint32_t form;
    return fields_value(fields, 1, &discovery) && fields_value(fields, GATEWAY_NAME, &form) &&
           fields_put_u8(fields, discovery << 7 | form) && parse_gateway(fields, form);
}

void relay_check(struct cursor *wire)
{
    check_gateway(wire, cursor_u8(wire) & 0x7f);
}

/* ---- HIP: RFC 8005, 5 ----------------------------------------------------------------------- */

bool hip_parse(struct fields *fields)
{
    uint32_t algorithm;
    uint8_t *start = fields->at;
    const uint8_t zeros[4] = {0};
    if (!fields_value(fields, 255, &algorithm) || !fields_put(fields, zeros, sizeof zeros))
        return false;
    const struct token *token = fields_token(fields, "a host identity tag in hexadecimal");
    if (token == NULL || !fields_hex_of(fields, token))
        return false;
    size_t tag = (size_t)(fields->at - start - 4);
    if (tag == 0 || tag > 255)
        return fields_wrong(fields, "expected a host identity tag of 1 to 255 bytes");
    fields->next++;
    token = fields_token(fields, "a public key in base64");
    if (token == NULL || !fields_base64_of(fields, token))
        return false;
    size_t key = (size_t)(fields->at - start - 4) - tag;
    if (key == 0)
        return fields_wrong(fields, "expected a public key in base64");
    fields->next++;
    start[0] = (uint8_t)tag;
    start[1] = (uint8_t)algorithm;
    start[2] = (uint8_t)(key >> 8);
    start[3] = (uint8_t)key;
    while (fields_left(fields) > 0) {
        if (!fields_name(fields))
            return false;
    }
    return true;
}

void hip_check(struct cursor *wire)
{
    size_t tag = cursor_u8(wire);
    cursor_u8(wire);
    size_t key = cursor_u16(wire);
    cursor_take(wire, tag);
    cursor_take(wire, key);
    if (tag == 0 || key == 0)
        wire->failed = true;
    while (cursor_left(wire) > 0)
        dname_take(wire);
}

/* ---- Hexadecimal with marks: EUI48, EUI64 (RFC 7043), NID, L64 (RFC 6742), NSAP (RFC 1706) -- */

static const char hex_expected[] = "hexadecimal digits";

/* `count` groups of one or two digits with - between; RFC 7043, 3.2, has two, BIND and NSD read
 * one, too. */
static bool parse_eui(struct fields *fields, size_t count)
{
    const struct token *token = fields_token(fields, hex_expected);
    if (token == NULL)
        return false;
    const char *at = token->text;
    const char *end = at + token->length;
    uint8_t bytes[8];
    for (size_t i = 0; i < count; i++) {
        const char *start = at;
        for (bytes[i] = 0; at < end && at < start + 2 && digit_value(*at, 16) >= 0; at++)
            bytes[i] = (uint8_t)(bytes[i] << 4 | digit_value(*at, 16));
        bool last = i + 1 == count;
        if (at == start || (last ? at != end : at == end || *at++ != '-'))
            return fields_wrong(
                fields, "expected %zu groups of two hexadecimal digits with - between", count);
    }
    fields->next++;
    return fields_put(fields, bytes, count);
}

bool eui48_parse(struct fields *fields)
{
    return parse_eui(fields, 6);
}

bool eui64_parse(struct fields *fields)
{
    return parse_eui(fields, 8);
}

/* Four groups of one to four digits, as in an IPv6 address (RFC 6742, 2.1.2 and 2.3.2). */
bool locator_parse(struct fields *fields)
{
    const struct token *token = fields_token(fields, hex_expected);
    if (token == NULL)
        return false;
    unsigned group = 0;
    size_t groups = 0;
    size_t digits = 0;
    for (size_t i = 0; i <= token->length; i++) {
        int value = i < token->length ? digit_value(token->text[i], 16) : -1;
        if (value >= 0) {
            group = (group << 4 | (unsigned)value) & 0xffff;
            digits++;
            continue;
        }
        bool ends = i == token->length || token->text[i] == ':';
        if (!ends || digits < 1 || digits > 4 || ++groups > 4)
            return fields_wrong(fields,
                                "expected four groups of hexadecimal digits with : between");
        if (!fields_put_u16(fields, group))
            return false;
        group = 0;
        digits = 0;
    }
    if (groups != 4)
        return fields_wrong(fields, "expected four groups of hexadecimal digits with : between");
    fields->next++;
    return true;
}

static void format_groups(struct cursor *wire, size_t count, size_t digits, char mark,
                          struct bytes *text)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            bytes_u8(text, (uint8_t)mark);
        for (size_t j = 0; j < digits; j += 2)
            bytes_format(text, "%02x", cursor_u8(wire));
    }
}

void eui48_format(struct cursor *wire, struct bytes *text)
{
    format_groups(wire, 6, 2, '-', text);
}

void eui64_format(struct cursor *wire, struct bytes *text)
{
    format_groups(wire, 8, 2, '-', text);
}

void locator_format(struct cursor *wire, struct bytes *text)
{
    format_groups(wire, 4, 4, ':', text);
}

/* Digits with dots wherever people put them. */
static bool hex_with_dots(struct fields *fields, const char *text, size_t length)
{
    size_t digits = 0;
    int high = 0;
    for (size_t i = 0; i < length; i++) {
        int value = digit_value(text[i], 16);
        if (text[i] == '.')
            continue;
        if (value < 0)
            return fields_wrong(fields, "expected hexadecimal digits and dots");
        if (digits++ % 2 == 1 && !fields_put_u8(fields, (unsigned)(high * 16 + value)))
            return false;
        high = value;
    }
    if (digits == 0 || digits % 2 != 0)
        return fields_wrong(fields, "expected an even number of hexadecimal digits");
    fields->next++;
    return true;
}

bool nsap_parse(struct fields *fields)
{
    const struct token *token = fields_token(fields, hex_expected);
    if (token == NULL)
        return false;
    if (token->length < 2 || strncasecmp(token->text, "0x", 2) != 0)
        return fields_wrong(fields, "expected 0x and hexadecimal digits (RFC 1706, 7)");
    return hex_with_dots(fields, token->text + 2, token->length - 2);
}

/* ATMA (AF-DANS-0152): an AESA in hexadecimal, or + and an E.164 number. */
bool atm_parse(struct fields *fields)
{
    const struct token *token = fields_token(fields, "an ATM address");
    if (token == NULL)
        return false;
    if (token->length == 0 || token->text[0] != '+')
        return fields_put_u8(fields, 0) && hex_with_dots(fields, token->text, token->length);
    if (!fields_put_u8(fields, 1))
        return false;
    size_t digits = 0;
    for (size_t i = 1; i < token->length; i++) {
        if (token->text[i] == '.')
            continue;
        if (digit_value(token->text[i], 10) < 0)
            return fields_wrong(fields, "expected digits after +");
        if (!fields_put(fields, token->text + i, 1))
            return false;
        digits++;
    }
    if (digits == 0)
        return fields_wrong(fields, "expected digits after +");
    fields->next++;
    return true;
}

void atm_check(struct cursor *wire)
{
    size_t length = cursor_left(wire);
    cursor_take(wire, length);
    if (length < 2)
        wire->failed = true;
}

/* ---- WKS: RFC 1035, 3.4.2 ------------------------------------------------------------------- */

#define PORTS_BYTES 8192
#define WORD_MAX    64 /* characters with the NUL; no protocol or service has so many */

/* With a NUL; a longer one is cut and is then no name of anything. */
static void copy_word(const struct token *token, char word[WORD_MAX])
{
    size_t length = token->length < WORD_MAX - 1 ? token->length : WORD_MAX - 1;
    memcpy(word, token->text, length);
    word[length] = '\0';
}

/* A number, or a name of protocols(5); those of tcp and udp need no such file. */
static bool parse_protocol(struct fields *fields, uint32_t *protocol)
{
    char name[WORD_MAX];
    char buffer[1024];
    struct protoent entry;
    struct protoent *found = NULL;
    const struct token *token = fields_token(fields, "a protocol, as tcp or 6");
    if (token == NULL)
        return false;
    if (token->length > 0 && digit_value(token->text[0], 10) >= 0)
        return fields_value(fields, 255, protocol) && fields_put_u8(fields, *protocol);
    if (fields_is(fields, "tcp") || fields_is(fields, "udp")) {
        *protocol = fields_is(fields, "tcp") ? IPPROTO_TCP : IPPROTO_UDP;
    } else {
        copy_word(token, name);
        if (getprotobyname_r(name, &entry, buffer, sizeof buffer, &found) != 0 || found == NULL)
            return fields_wrong(fields, "a protocol that is not known here: write its number");
        *protocol = (uint32_t)entry.p_proto & 0xff;
    }
    fields->next++;
    return fields_put_u8(fields, *protocol);
}

/* A number, or a name of services(5). */
static bool parse_service(struct fields *fields, uint32_t protocol, uint32_t *port)
{
    char name[WORD_MAX];
    char buffer[1024];
    struct servent entry;
    struct servent *found = NULL;
    const struct token *token = &fields->tokens[fields->next];
    if (token->length > 0 && digit_value(token->text[0], 10) >= 0)
        return fields_value(fields, UINT16_MAX, port);
    const char *of = protocol == IPPROTO_TCP ? "tcp" : protocol == IPPROTO_UDP ? "udp" : NULL;
    copy_word(token, name);
    if (of == NULL || getservbyname_r(name, of, &entry, buffer, sizeof buffer, &found) != 0 ||
        found == NULL)
        return fields_wrong(fields, "a service that is not known here: write its port");
    *port = ntohs((uint16_t)entry.s_port);
    fields->next++;
    return true;
}

bool services_parse(struct fields *fields)
{
    uint8_t ports[PORTS_BYTES] = {0};
    uint32_t protocol = 0;
    size_t used = 0;
    if (!parse_protocol(fields, &protocol))
        return false;
    while (fields_left(fields) > 0) {
        uint32_t port;
        if (!parse_service(fields, protocol, &port))
            return false;
        ports[port / 8] = (uint8_t)(ports[port / 8] | 0x80 >> port % 8);
        if (used < port / 8 + 1)
            used = port / 8 + 1;
    }
    return fields_put(fields, ports, used);
}

void services_check(struct cursor *wire)
{
    cursor_u8(wire);
    size_t length = cursor_left(wire);
    const uint8_t *ports = cursor_take(wire, length);
    if (length > PORTS_BYTES || (ports != NULL && length > 0 && ports[length - 1] == 0))
        wire->failed = true;
}

/* ---- NXT: RFC 2535, 5.2 --------------------------------------------------------------------- */

#define NXT_TYPES 128 /* and bit 0 is not set: it announced a form that never came */

bool nxt_bitmap_parse(struct fields *fields)
{
    uint8_t bits[NXT_TYPES / 8] = {0};
    size_t used = 0;
    do {
        uint16_t type;
        const struct token *token = fields_token(fields, "an RR type");
        if (token == NULL)
            return false;
        if (!rrtype_parse_loosely(token->text, token->length, &type) || type == 0 ||
            type >= NXT_TYPES)
            return fields_wrong(fields, "expected an RR type below %d (RFC 2535, 5.2)", NXT_TYPES);
        bits[type / 8] = (uint8_t)(bits[type / 8] | 0x80 >> type % 8);
        if (used < type / 8 + 1U)
            used = type / 8 + 1U;
        fields->next++;
    } while (fields_left(fields) > 0);
    return fields_put(fields, bits, used);
}

void nxt_bitmap_check(struct cursor *wire)
{
    size_t length = cursor_left(wire);
    const uint8_t *bits = cursor_take(wire, length);
    if (bits == NULL || length == 0 || length > NXT_TYPES / 8 || (bits[0] & 0x80) != 0 ||
        bits[length - 1] == 0)
        wire->failed = true;
}

/* ---- A6: RFC 2874, 3.1: what stands before its name ----------------------------------------- */

bool a6_parse(struct fields *fields)
{
    uint32_t prefix;
    if (!fields_value(fields, 128, &prefix) || !fields_put_u8(fields, prefix))
        return false;
    if (prefix < 128) {
        uint8_t *start = fields->at;
        if (!fields_ipv6(fields))
            return false;
        size_t whole = prefix / 8;
        start[whole] = (uint8_t)(start[whole] & 0xff >> prefix % 8);
        memmove(start, start + whole, 16 - whole);
        fields->at -= whole;
    }
    if (prefix > 0)
        return fields_token(fields, "a name") != NULL;
    return fields_left(fields) == 0 ||
           fields_wrong(fields, "there is no name behind a prefix of 0 (RFC 2874, 3.1)");
}

void a6_check(struct cursor *wire)
{
    unsigned prefix = cursor_u8(wire);
    if (prefix > 128)
        wire->failed = true;
    const uint8_t *suffix = prefix < 128 ? cursor_take(wire, 16 - prefix / 8) : NULL;
    if (suffix != NULL && (suffix[0] & ~(0xff >> prefix % 8)) != 0)
        wire->failed = true;
    if ((prefix > 0) != (cursor_left(wire) > 0))
        wire->failed = true;
}
