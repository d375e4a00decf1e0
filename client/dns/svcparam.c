/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/svcparam.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/dns/dname.h"
#include "keyd/base/encode.h"
#include "keyd/base/text.h"

/* RFC 9460, 14.3.2; a key without a name here is keyNNNNN. */
enum {
    KEY_MANDATORY = 0,
    KEY_ALPN = 1,
    KEY_NO_DEFAULT_ALPN = 2,
    KEY_PORT = 3,
    KEY_IPV4HINT = 4,
    KEY_ECH = 5,
    KEY_IPV6HINT = 6,
    KEY_DOHPATH = 7,
    KEY_NAMED_IN_OUTPUT = 7, /* those from here on are read by name and written by number */
    KEY_OHTTP = 8,
};

static const char *const names[] = {"mandatory", "alpn",     "no-default-alpn", "port", "ipv4hint",
                                    "ech",       "ipv6hint", "dohpath",         "ohttp"};
#define NAMES (sizeof names / sizeof names[0])

struct param {
    unsigned key;
    size_t token;
    bool by_number; /* keyNNNNN: the value is the wire's */
    const char *value;
    size_t length;
};

static bool key_parse(const char *text, size_t length, unsigned *key, bool *by_number)
{
    for (unsigned i = 0; i < NAMES; i++) {
        if (strlen(names[i]) == length && memcmp(names[i], text, length) == 0) {
            *key = i;
            *by_number = false;
            return true;
        }
    }
    if (length < 4 || length > 8 || memcmp(text, "key", 3) != 0 || (text[3] == '0' && length > 4))
        return false;
    *key = 0;
    *by_number = true;
    for (size_t i = 3; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *key = *key * 10 + (unsigned)(text[i] - '0');
    }
    return *key <= UINT16_MAX;
}

static void key_format(unsigned key, struct bytes *text)
{
    if (key < KEY_NAMED_IN_OUTPUT)
        bytes_format(text, "%s", names[key]);
    else
        bytes_format(text, "key%u", key);
}

/* KEY, KEY=VALUE or, which are two tokens, KEY="VALUE" */
static bool split(struct fields *fields, struct param *param)
{
    const struct token *token = &fields->tokens[fields->next];
    const char *equals = token->quoted ? NULL : memchr(token->text, '=', token->length);
    size_t name = equals != NULL ? (size_t)(equals - token->text) : token->length;
    param->token = fields->next;
    if (token->quoted || token->glued ||
        !key_parse(token->text, name, &param->key, &param->by_number))
        return fields_wrong(fields, "expected a parameter as alpn=h2, port=443 or key65000=text");
    if (param->by_number && param->key < KEY_NAMED_IN_OUTPUT)
        return fields_wrong(fields,
                            "some servers take this value as text and others as wire bytes: "
                            "write %s=",
                            names[param->key]);
    param->value = equals != NULL ? equals + 1 : "";
    param->length = equals != NULL ? token->length - name - 1 : 0;
    fields->next++;
    if (equals == NULL || param->length > 0 || fields_left(fields) == 0 || !token[1].quoted ||
        !token[1].glued)
        return true;
    param->value = token[1].text;
    param->length = token[1].length;
    fields->next++;
    return true;
}

/* One item of a list (RFC 9460, A.1): up to a comma that has no backslash; escapes undone. */
static const uint8_t *next_item(const uint8_t *at, const uint8_t *end, uint8_t item[256],
                                size_t *length)
{
    *length = 0;
    while (at < end && *at != ',') {
        if (*at == '\\') {
            if (++at == end || (*at != ',' && *at != '\\'))
                return NULL;
        }
        if (*length == 255)
            return NULL;
        item[(*length)++] = *at++;
    }
    return at;
}

/* Calls `add` with each item of a comma-separated value. */
static bool each_item(struct fields *fields, const uint8_t *value, size_t length,
                      bool (*add)(struct fields *, const uint8_t *item, size_t length))
{
    const uint8_t *end = value + length;
    for (const uint8_t *at = value;; at++) {
        uint8_t item[256];
        size_t size;
        at = next_item(at, end, item, &size);
        if (at == NULL)
            return fields_wrong(fields, "an item of more than 255 bytes, or \\ not before , or \\");
        if (size == 0)
            return fields_wrong(fields, "an empty item in the list");
        if (!add(fields, item, size))
            return false;
        if (at == end)
            return true;
    }
}

static bool add_protocol(struct fields *fields, const uint8_t *item, size_t length)
{
    return fields_put_u8(fields, (unsigned)length) && fields_put(fields, item, length);
}

static bool add_key(struct fields *fields, const uint8_t *item, size_t length)
{
    unsigned key;
    bool by_number;
    if (!key_parse((const char *)item, length, &key, &by_number))
        return fields_wrong(fields, "mandatory: expected names of parameters");
    return fields_put_u16(fields, key);
}

static bool add_address(struct fields *fields, const uint8_t *item, size_t length, int family)
{
    char text[INET6_ADDRSTRLEN] = "";
    uint8_t address[16];
    if (length < sizeof text)
        memcpy(text, item, length);
    if (length >= sizeof text || inet_pton(family, text, address) != 1)
        return fields_wrong(fields, "expected IPv%d addresses with commas between them",
                            family == AF_INET ? 4 : 6);
    return fields_put(fields, address, family == AF_INET ? 4 : 16);
}

static bool add_ipv4(struct fields *fields, const uint8_t *item, size_t length)
{
    return add_address(fields, item, length, AF_INET);
}

static bool add_ipv6(struct fields *fields, const uint8_t *item, size_t length)
{
    return add_address(fields, item, length, AF_INET6);
}

static int compare_u16(const void *a, const void *b)
{
    return memcmp(a, b, 2);
}

static bool put_mandatory(struct fields *fields, const uint8_t *value, size_t length)
{
    uint8_t *start = fields->at;
    if (!each_item(fields, value, length, add_key))
        return false;
    qsort(start, (size_t)(fields->at - start) / 2, 2, compare_u16);
    return true;
}

static bool put_port(struct fields *fields, const uint8_t *value, size_t length)
{
    unsigned port = 0;
    for (size_t i = 0; i < length; i++) {
        if (value[i] < '0' || value[i] > '9' || port > UINT16_MAX)
            port = UINT16_MAX + 1;
        else
            port = port * 10 + (unsigned)(value[i] - '0');
    }
    if (length == 0 || port > UINT16_MAX)
        return fields_wrong(fields, "expected a port, 0 to 65535");
    return fields_put_u16(fields, port);
}

static bool put_known(struct fields *fields, unsigned key, const uint8_t *value, size_t length)
{
    struct token token = {.text = (const char *)value, .length = length};
    switch (key) {
    case KEY_MANDATORY:
        return put_mandatory(fields, value, length);
    case KEY_ALPN:
        return each_item(fields, value, length, add_protocol);
    case KEY_PORT:
        return put_port(fields, value, length);
    case KEY_IPV4HINT:
        return each_item(fields, value, length, add_ipv4);
    case KEY_IPV6HINT:
        return each_item(fields, value, length, add_ipv6);
    case KEY_ECH:
        return fields_base64_of(fields, &token);
    default:
        return fields_put(fields, value, length);
    }
}

/* Key, length, value. */
static bool put_param(struct fields *fields, const struct param *param, uint8_t *scratch)
{
    size_t used = 0;
    const char *why = text_unescape(param->value, param->length, scratch, RDATA_MAX, &used);
    uint8_t *start = fields->at;
    if (why != NULL)
        return fields_wrong(fields, "%s", why);
    if (!fields_put_u16(fields, param->key) || !fields_put_u16(fields, 0) ||
        !(param->by_number ? fields_put(fields, scratch, used)
                           : put_known(fields, param->key, scratch, used)))
        return false;
    size_t length = (size_t)(fields->at - start - 4);
    start[2] = (uint8_t)(length >> 8);
    start[3] = (uint8_t)length;
    return true;
}

static int compare_params(const void *a, const void *b)
{
    const struct param *left = a;
    const struct param *right = b;
    return left->key != right->key ? (left->key < right->key ? -1 : 1)
                                   : (left->token < right->token ? -1 : 1);
}

static bool read_params(struct fields *fields, struct param params[SVCPARAM_KEYS_MAX],
                        size_t *count)
{
    for (*count = 0; fields_left(fields) > 0; ++*count) {
        if (*count == SVCPARAM_KEYS_MAX)
            return fields_wrong(fields, "more than %d parameters", SVCPARAM_KEYS_MAX);
        if (!split(fields, &params[*count]))
            return false;
    }
    qsort(params, *count, sizeof *params, compare_params);
    for (size_t i = 1; i < *count; i++) {
        fields->next = params[i].token;
        if (params[i].key == params[i - 1].key)
            return fields_wrong(fields, "this parameter is there twice");
    }
    return true;
}

/* What is wrong with well formed parameters as a whole; NULL for nothing. */
static const char *judge(const uint8_t *data, size_t length);

bool svcparam_parse(struct fields *fields)
{
    struct param params[SVCPARAM_KEYS_MAX];
    size_t count;
    const uint8_t *start = fields->at;
    uint8_t *scratch = malloc(RDATA_MAX);
    if (scratch == NULL)
        return fields_wrong(fields, "out of memory");
    bool good = read_params(fields, params, &count);
    for (size_t i = 0; i < count && good; i++) {
        fields->next = params[i].token;
        good = put_param(fields, &params[i], scratch);
    }
    free(scratch);
    if (!good)
        return false;
    fields->next = fields->count;
    const char *why = judge(start, (size_t)(fields->at - start));
    return why == NULL || fields_wrong(fields, "%s", why);
}

/* ---- On the wire ---------------------------------------------------------------------------- */

static bool take_param(struct cursor *wire, unsigned *key, struct cursor *value)
{
    *key = cursor_u16(wire);
    size_t length = cursor_u16(wire);
    const uint8_t *data = cursor_take(wire, length);
    if (data == NULL)
        return false;
    *value = cursor_over(data, length);
    return true;
}

static bool has_key(const uint8_t *data, size_t length, unsigned wanted)
{
    struct cursor wire = cursor_over(data, length);
    struct cursor value;
    unsigned key;
    while (cursor_left(&wire) > 0 && take_param(&wire, &key, &value)) {
        if (key == wanted)
            return true;
    }
    return false;
}

static bool mandatory_is_good(struct cursor value, const uint8_t *data, size_t length)
{
    unsigned last = KEY_MANDATORY;
    if (cursor_left(&value) == 0 || cursor_left(&value) % 2 != 0)
        return false;
    while (cursor_left(&value) > 0) {
        unsigned key = cursor_u16(&value);
        if (key <= last || !has_key(data, length, key))
            return false;
        last = key;
    }
    return true;
}

static bool alpn_is_good(struct cursor value)
{
    if (cursor_left(&value) == 0)
        return false;
    while (cursor_left(&value) > 0) {
        size_t length = cursor_u8(&value);
        if (length == 0 || cursor_take(&value, length) == NULL)
            return false;
    }
    return true;
}

/* A path from the root that has the variable (RFC 9461, 5); BIND refuses others. */
static bool dohpath_is_good(struct cursor value)
{
    size_t size = cursor_left(&value);
    return size > 0 && value.at[0] == '/' && text_is_utf8((const char *)value.at, size) &&
           memmem(value.at, size, "{?dns}", 6) != NULL;
}

static const char *judge_value(unsigned key, struct cursor value, const uint8_t *data,
                               size_t length)
{
    size_t size = cursor_left(&value);
    switch (key) {
    case KEY_MANDATORY:
        return mandatory_is_good(value, data, length)
                   ? NULL
                   : "mandatory must name parameters that are there, each once (RFC 9460, 8)";
    case KEY_ALPN:
        return alpn_is_good(value) ? NULL : "alpn must list protocols (RFC 9460, 7.1.1)";
    case KEY_NO_DEFAULT_ALPN:
        if (!has_key(data, length, KEY_ALPN))
            return "no-default-alpn needs alpn beside it (RFC 9460, 7.1.1)";
        return size == 0 ? NULL : "no-default-alpn has no value (RFC 9460, 7.1.1)";
    case KEY_OHTTP:
        return size == 0 ? NULL : "ohttp has no value (RFC 9540, 4)";
    case KEY_PORT:
        return size == 2 ? NULL : "port must have 2 bytes (RFC 9460, 7.2)";
    case KEY_IPV4HINT:
        return size > 0 && size % 4 == 0 ? NULL : "ipv4hint must list addresses (RFC 9460, 7.3)";
    case KEY_IPV6HINT:
        return size > 0 && size % 16 == 0 ? NULL : "ipv6hint must list addresses (RFC 9460, 7.3)";
    case KEY_DOHPATH:
        return dohpath_is_good(value) ? NULL : "dohpath must be a /path with {?dns} (RFC 9461, 5)";
    case KEY_ECH:
        return size > 0 ? NULL : "ech must have a value (RFC 9460, 9)";
    default:
        return NULL;
    }
}

static const char *judge(const uint8_t *data, size_t length)
{
    struct cursor wire = cursor_over(data, length);
    struct cursor value;
    int last = -1;
    while (cursor_left(&wire) > 0) {
        unsigned key;
        if (!take_param(&wire, &key, &value))
            return "a parameter is cut off";
        if ((int)key <= last)
            return "parameters out of order (RFC 9460, 2.2)";
        const char *why = judge_value(key, value, data, length);
        if (why != NULL)
            return why;
        last = (int)key;
    }
    return NULL;
}

void svcparam_check(struct cursor *wire)
{
    size_t length = cursor_left(wire);
    const uint8_t *data = cursor_take(wire, length);
    if (data == NULL || (length > 0 && judge(data, length) != NULL))
        wire->failed = true;
}

/* ---- To text -------------------------------------------------------------------------------- */

/* Protocols whose bytes no reader could take for something else. */
static bool is_plain_list(struct cursor value)
{
    while (cursor_left(&value) > 0) {
        size_t length = cursor_u8(&value);
        const uint8_t *item = cursor_take(&value, length);
        for (size_t i = 0; item != NULL && i < length; i++) {
            if (item[i] <= ' ' || item[i] > '~' || strchr("\",;()\\", item[i]) != NULL)
                return false;
        }
    }
    return true;
}

bool svcparam_is_plain(struct cursor wire)
{
    struct cursor value;
    unsigned key;
    while (cursor_left(&wire) > 0 && take_param(&wire, &key, &value)) {
        if (key == KEY_ALPN && !is_plain_list(value))
            return false;
    }
    return true;
}

static void format_list(unsigned key, struct cursor *value, struct bytes *text)
{
    char printed[INET6_ADDRSTRLEN];
    for (const char *comma = "="; cursor_left(value) > 0; comma = ",") {
        bytes_format(text, "%s", comma);
        size_t length = key == KEY_ALPN       ? cursor_u8(value)
                        : key == KEY_IPV4HINT ? 4
                        : key == KEY_IPV6HINT ? 16
                                              : 2;
        const uint8_t *item = cursor_take(value, length);
        if (item == NULL)
            return;
        if (key == KEY_ALPN)
            bytes_add(text, item, length);
        else if (key == KEY_MANDATORY)
            key_format((unsigned)(item[0] << 8 | item[1]), text);
        else if (inet_ntop(length == 4 ? AF_INET : AF_INET6, item, printed, sizeof printed) != NULL)
            bytes_format(text, "%s", printed);
    }
}

static void format_value(const uint8_t *data, size_t length, struct bytes *text)
{
    bytes_format(text, "=\"");
    for (size_t i = 0; i < length; i++) {
        if (data[i] >= ' ' && data[i] <= '~' && data[i] != '"' && data[i] != '\\')
            bytes_u8(text, data[i]);
        else
            bytes_format(text, "\\%03u", data[i]);
    }
    bytes_u8(text, '"');
}

/* In pieces of a multiple of three bytes, which join without padding. */
static void format_ech(const uint8_t *data, size_t length, struct bytes *text)
{
    char piece[BASE64_TEXT(768)];
    bytes_u8(text, '=');
    for (size_t at = 0; at < length; at += 768) {
        base64_encode(data + at, length - at < 768 ? length - at : 768, piece);
        bytes_add(text, piece, strlen(piece));
    }
}

static void format_param(unsigned key, struct cursor *value, struct bytes *text)
{
    size_t length = cursor_left(value);
    key_format(key, text);
    if (key == KEY_PORT)
        bytes_format(text, "=%u", cursor_u16(value));
    else if (key == KEY_ECH)
        format_ech(value->at, length, text);
    else if (key < KEY_NAMED_IN_OUTPUT && key != KEY_NO_DEFAULT_ALPN)
        format_list(key, value, text);
    else if (length > 0)
        format_value(value->at, length, text);
}

void svcparam_format(struct cursor *wire, struct bytes *text)
{
    struct cursor value;
    unsigned key;
    for (const char *space = ""; cursor_left(wire) > 0; space = " ") {
        if (!take_param(wire, &key, &value))
            return;
        bytes_format(text, "%s", space);
        format_param(key, &value, text);
    }
}
