/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fields of a record's rdata, one after the other: tokens in, wire bytes out. What all kinds of
 * field (fieldkind.h) are read with, those with a grammar of their own (svcparam.h, location.h,
 * keyflags.h, oddfield.h) too.
 *
 * Each fields_... function reads the token at `next`, writes its bytes, and steps to the next
 * token. On false `why` says what is wrong and `next` is the token at fault (or their count).
 */
#ifndef DNS_FIELDS_H
#define DNS_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/dname.h"
#include "client/dns/rdata.h"

struct fields {
    const struct token *tokens;
    size_t count;
    size_t next;
    const uint8_t *origin;
    uint8_t *at; /* where the next byte of the rdata goes */
    uint8_t *end;
    char *why; /* RDATA_WHY_MAX characters */
};

bool fields_wrong(struct fields *fields, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline size_t fields_left(const struct fields *fields) /* tokens */
{
    return fields->count - fields->next;
}

/* The next token; NULL where none is left, and then it was said what was `expected`. */
static inline const struct token *fields_token(struct fields *fields, const char *expected)
{
    if (fields->next < fields->count)
        return &fields->tokens[fields->next];
    fields_wrong(fields, "the rdata ends, expected %s", expected);
    return NULL;
}

bool fields_is(const struct fields *fields, const char *word); /* the next token, in any case */

/* Writes bytes; false when that makes the rdata longer than rdata can be. */
bool fields_put(struct fields *fields, const void *data, size_t length);
bool fields_put_u8(struct fields *fields, unsigned value);
bool fields_put_u16(struct fields *fields, unsigned value);
bool fields_put_u32(struct fields *fields, uint32_t value);

/* A decimal number up to `max`, which is not written; and one of 1, 2 or 4 bytes, which is. */
bool fields_value(struct fields *fields, uint32_t max, uint32_t *value);
bool fields_u8(struct fields *fields);
bool fields_u16(struct fields *fields);
bool fields_u32(struct fields *fields);

bool fields_ipv4(struct fields *fields);
bool fields_ipv6(struct fields *fields);
bool fields_name(struct fields *fields);
bool fields_text(struct fields *fields, size_t max); /* escapes undone, no length */
bool fields_string(struct fields *fields);           /* a character-string, RFC 1035, 3.3 */
bool fields_hex(struct fields *fields);              /* of all tokens that are left */
bool fields_hex_of(struct fields *fields, const struct token *token); /* does not step */
bool fields_base64(struct fields *fields);                            /* of all that are left */
bool fields_base64_of(struct fields *fields, const struct token *token);

/* A name as a token has it (dname_parse). In quotes it is the same name, as BIND has it of owners
 * and NSD of all. */
const char *token_name(const struct token *token, const uint8_t *origin, struct dname *name);

/* The value of a base 36 digit, below `base`; else -1. */
int digit_value(char c, int base);

/* Undoes the escapes of a text (\X, \DDD): at most `size` bytes into `data`. NULL, or what is wrong
 * (static). */
const char *text_unescape(const char *text, size_t length, uint8_t *data, size_t size,
                          size_t *used);

/* "192.0.2.1", four numbers without leading zeros (RFC 1123, 2.1; inet_pton(3)). */
bool ipv4_parse(const char *text, size_t length, uint8_t address[4]);

#endif
