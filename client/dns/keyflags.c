/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/keyflags.h"

#include <string.h>
#include <strings.h>

struct named {
    const char *name; /* NULL after the last */
    uint16_t value;
};

static const struct named flags[] = {
    {"NOCONF", 0x4000}, {"NOAUTH", 0x8000}, {"NOKEY", 0xc000},  {"FLAG2", 0x2000},
    {"EXTEND", 0x1000}, {"FLAG4", 0x0800},  {"FLAG5", 0x0400},  {"USER", 0},
    {"ZONE", 0x0100},   {"HOST", 0x0200},   {"NTYP3", 0x0300},  {"FLAG8", 0x0080},
    {"FLAG9", 0x0040},  {"FLAG10", 0x0020}, {"FLAG11", 0x0010}, {"SIG0", 0},
    {"SIG1", 1},        {"SIG2", 2},        {"SIG3", 3},        {"SIG4", 4},
    {"SIG5", 5},        {"SIG6", 6},        {"SIG7", 7},        {"SIG8", 8},
    {"SIG9", 9},        {"SIG10", 10},      {"SIG11", 11},      {"SIG12", 12},
    {"SIG13", 13},      {"SIG14", 14},      {"SIG15", 15},      {"KSK", 1}, /* RFC 3757: SEP */
    {NULL, 0},
};

static const struct named protocols[] = {
    {"NONE", 0}, {"TLS", 1}, {"EMAIL", 2}, {"DNSSEC", 3}, {"IPSEC", 4}, {"ALL", 255}, {NULL, 0},
};

static const struct named *find(const struct named *table, const char *name, size_t length)
{
    for (; table->name != NULL; table++) {
        if (strlen(table->name) == length && strncasecmp(table->name, name, length) == 0)
            return table;
    }
    return NULL;
}

static bool is_number(const struct token *token)
{
    return token->length > 0 && token->text[0] >= '0' && token->text[0] <= '9';
}

bool keyflags_parse(struct fields *fields)
{
    static const char expected[] = "a number or names of flags, as 256, ZONE or NOCONF|ZONE";
    const struct token *token = fields_token(fields, expected);
    if (token == NULL)
        return false;
    if (token->quoted || is_number(token))
        return fields_u16(fields);
    unsigned value = 0;
    const char *end = token->text + token->length;
    for (const char *at = token->text; at <= end;) {
        const char *bar = memchr(at, '|', (size_t)(end - at));
        size_t length = (size_t)((bar != NULL ? bar : end) - at);
        const struct named *flag = find(flags, at, length);
        if (flag == NULL)
            return fields_wrong(fields, "expected %s", expected);
        value |= flag->value;
        at += length + 1;
    }
    fields->next++;
    return fields_put_u16(fields, value);
}

bool keyflags_parse_protocol(struct fields *fields)
{
    static const char expected[] = "a number or the name of a protocol, as 3 or DNSSEC";
    const struct token *token = fields_token(fields, expected);
    if (token == NULL)
        return false;
    if (token->quoted || is_number(token))
        return fields_u8(fields);
    const struct named *protocol = find(protocols, token->text, token->length);
    if (protocol == NULL)
        return fields_wrong(fields, "expected %s", expected);
    fields->next++;
    return fields_put_u8(fields, protocol->value);
}
