/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rdata from text: a walk along a type's layout over tokens. A field that runs to the end takes all
 * tokens that are left. */
#include "client/dns/rdata.h"

#include <arpa/inet.h>
#include <string.h>

#include "client/dns/algorithm.h"
#include "client/dns/dname.h"
#include "client/dns/fields.h"
#include "client/dns/keyflags.h"
#include "client/dns/location.h"
#include "client/dns/oddfield.h"
#include "client/dns/rrtype.h"
#include "client/dns/svcparam.h"
#include "client/dns/ttl.h"
#include "client/dns/typeset.h"

static bool parse_tag(struct fields *fields)
{
    const struct token *token = fields_token(fields);
    if (token == NULL)
        return false;
    if (!rdata_is_tag(token->text, token->length))
        return fields_wrong(fields, "a tag has letters and digits only (RFC 8659, 4.1)");
    return fields_string(fields);
}

/* A character-string that need not be there. */
static bool parse_optional(struct fields *fields)
{
    return fields_left(fields) == 0 || fields_string(fields);
}

static bool parse_strings(struct fields *fields)
{
    do {
        if (!fields_string(fields))
            return false;
    } while (fields_left(fields) > 0);
    return true;
}

static bool parse_hex_counted(struct fields *fields)
{
    uint8_t *start = fields->at;
    const struct token *token = fields_token(fields);
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

static bool parse_base32(struct fields *fields)
{
    uint32_t bits = 0;
    unsigned held = 0;
    uint8_t *start = fields->at;
    const struct token *token = fields_token(fields);
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

/* Base64 to the end where there may be none: "-" says so in DOA (draft-durand-doa-over-dns, 3.2).
 */
static bool parse_base64_or_none(struct fields *fields)
{
    if (fields_left(fields) == 1 && fields_is(fields, "-"))
        fields->next++;
    return fields_base64(fields);
}

/* Digits of which each is known to be one. */
static unsigned digits_at(const char *text, size_t count)
{
    unsigned value = 0;
    for (size_t i = 0; i < count; i++)
        value = value * 10 + (unsigned)(text[i] - '0');
    return value;
}

/* Days from 1970-01-01 on, for years from 1970 to 9999; false when there is no such date. Years are
 * counted from March on, so that the leap day is the last one. */
static bool days_of(unsigned year, unsigned month, unsigned day, int64_t *days)
{
    static const uint8_t lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > lengths[month - 1] ||
        (month == 2 && day == 29 && !leap))
        return false;
    unsigned from_march = (month + 9) % 12;
    year -= month <= 2 ? 1 : 0;
    *days = (int64_t)365 * year + year / 4 - year / 100 + year / 400 + (153 * from_march + 2) / 5 +
            day - 1 - 719468;
    return true;
}

/* YYYYMMDDHHMMSS, or seconds (RFC 4034, 3.2), modulo 2^32 (3.1.5). */
static bool parse_time(struct fields *fields)
{
    int64_t days;
    const struct token *token = fields_token(fields);
    if (token == NULL)
        return false;
    if (token->length != 14)
        return fields_number(fields, 4);
    const char *text = token->text;
    for (size_t i = 0; i < 14; i++) {
        if (text[i] < '0' || text[i] > '9')
            return fields_wrong(fields, "expected a time as YYYYMMDDHHMMSS");
    }
    unsigned hour = digits_at(text + 8, 2);
    unsigned minute = digits_at(text + 10, 2);
    unsigned second = digits_at(text + 12, 2);
    if (!days_of(digits_at(text, 4), digits_at(text + 4, 2), digits_at(text + 6, 2), &days) ||
        hour > 23 || minute > 59 || second > 59)
        return fields_wrong(fields, "there is no such time");
    int64_t seconds = days * 86400 + hour * 3600 + minute * 60 + second;
    fields->next++;
    return fields_put_u16(fields, (unsigned)(seconds >> 16) & 0xffff) &&
           fields_put_u16(fields, (unsigned)(seconds & 0xffff));
}

static bool parse_type(struct fields *fields, uint16_t *type)
{
    const struct token *token = fields_token(fields);
    if (token == NULL)
        return false;
    if (token->quoted || !rrtype_parse(token->text, token->length, type))
        return fields_wrong(fields, "expected an RR type");
    fields->next++;
    return true;
}

static bool refuse_type_0(struct fields *fields)
{
    fields->next--;
    return fields_wrong(fields, "there is no type 0");
}

/* A set of all types needs 8 KiB to be cleared: the one window that most have is done here. */
static bool parse_bitmap(struct fields *fields)
{
    uint8_t window[2 + 32] = {0};
    size_t first = fields->next;
    size_t used = 0;
    uint16_t type = 0;
    while (fields_left(fields) > 0) {
        if (!parse_type(fields, &type))
            return false;
        if (type == 0)
            return refuse_type_0(fields);
        if (type > 255)
            break;
        window[2 + type / 8] = (uint8_t)(window[2 + type / 8] | 0x80 >> type % 8);
        if (used < type / 8 + 1U)
            used = type / 8 + 1U;
    }
    if (type <= 255) {
        window[1] = (uint8_t)used;
        return used == 0 || fields_put(fields, window, 2 + used);
    }
    struct typeset set = {0};
    struct bytes wire = {0};
    for (fields->next = first; fields_left(fields) > 0;) {
        if (!parse_type(fields, &type))
            return false;
        if (type == 0)
            return refuse_type_0(fields);
        typeset_add(&set, type);
    }
    typeset_encode(&set, &wire);
    bool good = wire.failed ? fields_wrong(fields, "out of memory")
                            : fields_put(fields, wire.data, wire.length);
    bytes_free(&wire);
    return good;
}

static bool parse_algorithm(struct fields *fields)
{
    uint8_t algorithm;
    const struct token *token = fields_token(fields);
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
    const struct token *token = fields_token(fields);
    if (token == NULL)
        return false;
    if (!dnssec_digest_parse(token->text, token->length, &type))
        return fields_wrong(fields, "expected the type of a digest");
    fields->next++;
    return fields_put_u8(fields, type);
}

static bool parse_ttl(struct fields *fields)
{
    uint32_t ttl;
    const struct token *token = fields_token(fields);
    if (token == NULL)
        return false;
    if (!ttl_parse(token->text, token->length, &ttl))
        return fields_wrong(fields, "expected seconds, as 3600 or 1h");
    fields->next++;
    return fields_put_u16(fields, ttl >> 16) && fields_put_u16(fields, ttl & 0xffff);
}

/* "" is a word in which nothing is. */
static bool parse_some(struct fields *fields, bool (*parse)(struct fields *))
{
    const uint8_t *start = fields->at;
    size_t first = fields->next;
    if (fields_token(fields) == NULL || !parse(fields))
        return false;
    if (fields->at > start)
        return true;
    fields->next = first;
    return fields_wrong(fields, "there is nothing in it");
}

static bool parse_field(struct fields *fields, char field)
{
    uint16_t type;
    switch (field) {
    case 'a':
        return fields_address(fields, AF_INET);
    case 'A':
        return fields_address(fields, AF_INET6);
    case 'N':
    case 'n':
    case 'l':
        return fields_name(fields);
    case 'M':
        return fields_left(fields) == 0 || fields_name(fields);
    case '1':
    case '2':
    case '4':
        return fields_number(fields, (size_t)(field - '0'));
    case 'T':
        return parse_ttl(fields);
    case 'd':
        return parse_time(fields);
    case 'g':
        return parse_algorithm(fields);
    case 'D':
        return parse_digest_type(fields);
    case 'y':
        return parse_type(fields, &type) && fields_put_u16(fields, type);
    case 's':
        return fields_string(fields);
    case 'e':
        return parse_optional(fields);
    case 't':
        return parse_tag(fields);
    case 'q':
        return fields_text(fields, RDATA_MAX);
    case 'H':
        return parse_hex_counted(fields);
    case 'x':
        return parse_base32(fields);
    case 'h':
        return parse_some(fields, fields_hex);
    case 'b':
        return parse_some(fields, fields_base64);
    case 'B':
        return parse_base64_or_none(fields);
    case 'm':
        return parse_bitmap(fields);
    case 'S':
        return parse_strings(fields);
    case 'k':
        return keyflags_parse(fields);
    case 'K':
        return keyflags_parse_protocol(fields);
    case 'v':
        return svcparam_parse(fields);
    case 'L':
        return location_parse(fields);
    default:
        return oddfield_parse(fields, field);
    }
}

/* What a field is, for people; NULL: more than one thing. */
static const char *name_of(char field)
{
    static const struct {
        const char *fields;
        const char *name;
    } names[] = {
        {"a", "an IPv4 address"},
        {"A", "an IPv6 address"},
        {"Nn", "a name"},
        {"124", "a number"},
        {"T", "seconds"},
        {"d", "a time as YYYYMMDDHHMMSS"},
        {"g", "a DNSSEC algorithm"},
        {"D", "the type of a digest"},
        {"y", "an RR type"},
        {"sSq", "a text"},
        {"t", "a tag"},
        {"hH", "hexadecimal digits"},
        {"bB", "base64"},
        {"x", "base32hex"},
        {"L", "a location, as 42 21 54 N 71 06 18 W -24m"},
        {"c", "the type of a certificate"},
        {"uUfP", "hexadecimal digits"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strchr(names[i].fields, field) != NULL)
            return names[i].name;
    }
    return NULL;
}

/* Says what was expected where the tokens came to an end. */
static bool missing(struct fields *fields, char field)
{
    const char *name = fields->ended ? name_of(field) : NULL;
    return name != NULL ? fields_wrong(fields, "the rdata ends, expected %s", name) : false;
}

static bool parse_layout(struct fields *fields, const char *layout)
{
    for (; *layout != '\0'; layout++) {
        if (!parse_field(fields, *layout))
            return missing(fields, *layout);
    }
    return fields->next == fields->count ? true
                                         : fields_wrong(fields, "there is more than belongs here");
}

/* \# LENGTH HEX (RFC 3597, 5) */
static bool parse_generic(struct fields *fields, uint16_t type)
{
    uint32_t wanted;
    const uint8_t *start = fields->at;
    fields->next = 1;
    if (fields->count < 2)
        return fields_wrong(fields, "\\# must be followed by a length");
    if (!fields_value(fields, RDATA_MAX, &wanted) || !fields_hex(fields))
        return false;
    size_t length = (size_t)(fields->at - start);
    if (length != wanted)
        return fields_wrong(fields, "\\# announces %u bytes and %zu follow", wanted, length);
    fields->next = fields->count > 2 ? 2 : 1;
    return rdata_check(type, start, length)
               ? true
               : fields_wrong(fields, "these bytes are no rdata of this type");
}

/* Digests: where in the rdata their type stands, and how long those of a known type are; 0: any
 * length. BIND refuses others. */
static const struct digest {
    uint16_t type;
    uint8_t type_at;
    uint8_t digest_at;
    uint8_t lengths[5]; /* by their type */
} digests[] = {
    {TYPE_DS, 3, 4, {0, 20, 32, 32, 48}},   /* RFC 4034, 5.1.3; 4509; 5933; 6605 */
    {TYPE_CDS, 3, 4, {0, 20, 32, 32, 48}},  /* its delete has type 0: RFC 8078, 4 */
    {TYPE_TA, 3, 4, {0, 20, 32, 32, 48}},   /* as DS */
    {TYPE_DLV, 3, 4, {0, 20, 32, 32, 48}},  /* RFC 4431 */
    {TYPE_SSHFP, 1, 2, {0, 20, 32, 0, 0}},  /* RFC 4255, 3.1.2; 6594 */
    {TYPE_ZONEMD, 5, 6, {0, 48, 64, 0, 0}}, /* RFC 8976, 2.2.3 */
};

/* A digest by a scheme of somebody's own is as long as he likes: RFC 8976, appendix A.3, has one.
 */
static bool is_private_zonemd(uint16_t type, const uint8_t *rdata)
{
    return type == TYPE_ZONEMD && rdata[4] >= 240;
}

bool rdata_digest_fits(uint16_t type, const uint8_t *rdata, size_t length, unsigned *digest_type,
                       unsigned *wanted, size_t *has)
{
    for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++) {
        const struct digest *digest = &digests[i];
        if (digest->type != type || is_private_zonemd(type, rdata))
            continue;
        *digest_type = rdata[digest->type_at];
        *has = length - digest->digest_at;
        *wanted = *digest_type < sizeof digest->lengths ? digest->lengths[*digest_type] : 0;
        return *wanted == 0 || *wanted == *has;
    }
    return true;
}

static bool check_digest(struct fields *fields, uint16_t type, const uint8_t *rdata)
{
    unsigned digest_type;
    unsigned wanted;
    size_t has;
    if (rdata_digest_fits(type, rdata, (size_t)(fields->at - rdata), &digest_type, &wanted, &has))
        return true;
    fields->next = fields->count;
    return fields_wrong(fields, "a digest of type %u has %u bytes, this one %zu", digest_type,
                        wanted, has);
}

bool rdata_parse(uint16_t type, const struct token *tokens, size_t count, const uint8_t *origin,
                 uint8_t rdata[RDATA_MAX], size_t *length, size_t *culprit, char why[RDATA_WHY_MAX])
{
    if (type == TYPE_A && count == 1 && ipv4_parse(tokens[0].text, tokens[0].length, rdata)) {
        *length = 4; /* what most zones are full of takes no walk */
        return true;
    }
    struct fields fields = {.tokens = tokens,
                            .count = count,
                            .origin = origin,
                            .at = rdata,
                            .end = rdata + RDATA_MAX,
                            .why = why};
    const struct rrtype_row *row = rrtype_find(type);
    bool good;
    if (count > 0 && !tokens[0].quoted && tokens[0].length == 2 &&
        memcmp(tokens[0].text, "\\#", 2) == 0)
        good = parse_generic(&fields, type);
    else if (row == NULL || row->layout == NULL)
        good = fields_wrong(&fields, "this type can only be written as \\# (RFC 3597)");
    else
        good = parse_layout(&fields, row->layout);
    if (good)
        good = check_digest(&fields, type, rdata);
    *length = (size_t)(fields.at - rdata);
    *culprit = fields.next;
    return good;
}
