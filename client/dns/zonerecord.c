/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/zonerecord.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/dns/fields.h"
#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"
#include "client/dns/ttl.h"

#define NOTICES_MAX 10 /* records outside of the zone that are told one by one */

enum keyd_status record_fail(const struct record_reader *reader, const char *at,
                             struct keyd_error *err, const char *format, ...)
{
    char what[KEYD_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (!reader->generated)
        return zonetext_fail(reader->text, at, err, "%s", what);
    at = reader->generated_from != NULL ? reader->generated_from->text : NULL;
    return zonetext_fail(reader->text, at, err, "$GENERATE, at %u: %s", reader->generated_at, what);
}

const char *record_show(const struct token *token, char shown[RECORD_SHOWN])
{
    size_t n = 0;
    for (size_t i = 0; i < token->length; i++) {
        uint8_t byte = (uint8_t)token->text[i];
        if (n > RECORD_SHOWN - 9) {
            memcpy(shown + n, "...", 3);
            n += 3;
            break;
        }
        if (byte >= ' ' && byte <= '~')
            shown[n++] = (char)byte;
        else
            n += (size_t)snprintf(shown + n, 5, "\\%03u", byte);
    }
    shown[n] = '\0';
    return shown;
}

bool record_is_word(const struct token *token, const char *word)
{
    return !token->quoted && token->length == strlen(word) &&
           strncasecmp(token->text, word, token->length) == 0;
}

enum keyd_status record_name(const struct record_reader *reader, const struct token *token,
                             struct dname *name, struct keyd_error *err)
{
    char shown[RECORD_SHOWN];
    const char *why = token_name(token, reader->origin.wire, name);
    if (why == NULL)
        return KEYD_OK;
    return record_fail(reader, token->text, err, "'%s': %s", record_show(token, shown), why);
}

enum keyd_status record_ttl(const struct record_reader *reader, const struct token *token,
                            uint32_t *ttl, struct keyd_error *err)
{
    char shown[RECORD_SHOWN];
    if (!token->quoted && ttl_parse(token->text, token->length, ttl) && *ttl <= TTL_MAX)
        return KEYD_OK;
    return record_fail(reader, token->text, err,
                       "'%s' is no TTL: 0 to 2147483647 seconds, as 3600 or 1h",
                       record_show(token, shown));
}

/* ---- The head ------------------------------------------------------------------------------- */

static bool is_in(const struct token *token)
{
    if (token->length == 2)
        return !token->quoted && (token->text[0] | 0x20) == 'i' && (token->text[1] | 0x20) == 'n';
    size_t zeros = 5;
    if (token->length < 6 || token->quoted || strncasecmp(token->text, "CLASS", 5) != 0)
        return false;
    while (zeros < token->length && token->text[zeros] == '0')
        zeros++; /* CLASS01, as BIND and NSD read it */
    return zeros + 1 == token->length && token->text[zeros] == '1';
}

static bool is_class(const struct token *token)
{
    return record_is_word(token, "CH") || record_is_word(token, "HS") ||
           record_is_word(token, "CS") || record_is_word(token, "ANY") ||
           record_is_word(token, "NONE") ||
           (token->length > 5 && strncasecmp(token->text, "CLASS", 5) == 0 &&
            token->text[5] >= '0' && token->text[5] <= '9');
}

static bool is_number(const struct token *token)
{
    return !token->quoted && token->length > 0 && token->text[0] >= '0' && token->text[0] <= '9';
}

static enum keyd_status refuse_word(const struct record_reader *reader, const struct token *token,
                                    struct keyd_error *err)
{
    char shown[RECORD_SHOWN];
    record_show(token, shown);
    if (!token->quoted && is_class(token))
        return record_fail(reader, token->text, err, "class %s: only IN can be signed", shown);
    return record_fail(reader, token->text, err,
                       "'%s' is no RR type (a record is: name TTL class type data)", shown);
}

enum keyd_status record_head(const struct record_reader *reader, const struct entry *entry,
                             size_t first, struct record_head *head, struct keyd_error *err)
{
    bool have_class = false;
    *head = (struct record_head){.ttl = ZONEFILE_NO_TTL};
    for (size_t i = first; i < entry->count; i++) {
        const struct token *token = &entry->tokens[i];
        if (is_number(token) && head->ttl == ZONEFILE_NO_TTL) {
            enum keyd_status status = record_ttl(reader, token, &head->ttl, err);
            if (status != KEYD_OK)
                return status;
        } else if (!have_class && is_in(token)) {
            have_class = true;
        } else if (token->quoted || !rrtype_parse(token->text, token->length, &head->type)) {
            return refuse_word(reader, token, err);
        } else {
            head->next = i + 1;
            if (!rrtype_is_meta(head->type))
                return KEYD_OK;
            return record_fail(reader, token->text, err, "'%.*s' cannot be in a zone",
                               (int)token->length, token->text);
        }
    }
    const struct token *last = &entry->tokens[entry->count - 1];
    return record_fail(reader, last->text + last->length, err,
                       "the record has no type (a record is: name TTL class type data)");
}

/* ---- The owner ------------------------------------------------------------------------------ */

void record_new_origin(struct record_reader *reader)
{
    reader->owner_text_length = 0;
    reader->origin_inside = dname_is_in(reader->origin.wire, reader->apex);
}

static bool is_same_owner(const struct record_reader *reader, const struct token *token)
{
    return reader->owner_text_length > 0 && token->length == reader->owner_text_length &&
           !token->quoted && memcmp(token->text, reader->owner_text, token->length) == 0;
}

static enum keyd_status tell_outside(const struct record_reader *reader, const char *at,
                                     struct keyd_error *err)
{
    char owner[DNAME_TEXT];
    char apex[DNAME_TEXT];
    dname_format(reader->owner.wire, owner);
    dname_format(reader->apex, apex);
    return record_fail(reader, at, err, "%.256s is outside of the zone %.256s", owner, apex);
}

/* Refuses a record, at its owner (NULL: that of the record before), or tells of it. */
static enum keyd_status outside(const struct record_reader *reader, const char *at,
                                struct keyd_error *err)
{
    struct keyd_error notice;
    const struct zonefile_options *options = reader->options;
    if (!options->drop_outside)
        return tell_outside(reader, at, err);
    if (options->notice != NULL && reader->dropped < NOTICES_MAX) {
        (void)tell_outside(reader, at, &notice);
        (void)keyd_wrap(&notice, "dropped");
        place_append_includes(reader->place.file, notice.message, sizeof notice.message);
        options->notice(options->notice_context, notice.message);
    }
    return KEYD_OK;
}

enum keyd_status record_owner(struct record_reader *reader, const struct token *token,
                              struct keyd_error *err)
{
    if (!is_same_owner(reader, token)) {
        enum keyd_status status = record_name(reader, token, &reader->owner, err);
        if (status != KEYD_OK)
            return status;
        reader->have_owner = true;
        bool relative = token->length > 0 && token->text[token->length - 1] != '.';
        reader->outside =
            !(relative && reader->origin_inside) && !dname_is_in(reader->owner.wire, reader->apex);
        reader->owner_text_length = 0;
        if (token->length <= OWNER_TEXT_MAX && !token->quoted) {
            memcpy(reader->owner_text, token->text, token->length);
            reader->owner_text_length = token->length;
        }
    }
    return reader->outside ? outside(reader, token->text, err) : KEYD_OK;
}

/* ---- The data ------------------------------------------------------------------------------- */

static enum keyd_status settle_ttl(struct record_reader *reader, struct record_head *head,
                                   size_t length, const char *at, struct keyd_error *err)
{
    if (head->ttl == ZONEFILE_NO_TTL)
        head->ttl = reader->default_ttl;
    if (head->ttl == ZONEFILE_NO_TTL)
        head->ttl = reader->last_ttl;
    if (head->ttl == ZONEFILE_NO_TTL && head->type == TYPE_SOA && length >= 4) {
        struct cursor minimum = cursor_over(reader->rdata + length - 4, 4);
        head->ttl = cursor_u32(&minimum);
    }
    if (head->ttl > TTL_MAX)
        return record_fail(reader, at, err, "the record has no TTL and there is no $TTL above it");
    reader->last_ttl = head->ttl;
    return KEYD_OK;
}

static enum keyd_status refuse_rdata(const struct record_reader *reader, uint16_t type,
                                     const struct token *tokens, size_t count, size_t culprit,
                                     struct keyd_error *err)
{
    char number[TYPE_TEXT];
    char shown[RECORD_SHOWN];
    const struct rrtype_row *row = rrtype_find(type);
    rrtype_format(type, number);
    const char *name = row != NULL ? row->name : number;
    if (culprit < count)
        return record_fail(reader, tokens[culprit].text, err, "%s: '%s': %s", name,
                           record_show(&tokens[culprit], shown), reader->why);
    const struct token *last = tokens + count - 1;
    return record_fail(reader, last->text + last->length, err, "%s: %s", name, reader->why);
}

/* `tokens` are those of the rdata; the one before them is the type. */
static enum keyd_status read_rdata(struct record_reader *reader, uint16_t type,
                                   const struct token *tokens, size_t count, size_t *length,
                                   struct keyd_error *err)
{
    size_t culprit;
    if (rdata_parse(type, tokens, count, reader->origin.wire, reader->rdata, length, &culprit,
                    reader->why))
        return KEYD_OK;
    return refuse_rdata(reader, type, tokens, count, culprit, err);
}

enum keyd_status record_add(struct record_reader *reader, struct record_head *head,
                            const struct token *tokens, size_t count, struct keyd_error *err)
{
    size_t length = 0;
    enum keyd_status status = read_rdata(reader, head->type, tokens, count, &length, err);
    if (status == KEYD_OK)
        status = settle_ttl(reader, head, length, count > 0 ? tokens[0].text : NULL, err);
    if (status != KEYD_OK)
        return status;
    if (reader->outside) {
        reader->dropped++;
        return KEYD_OK;
    }
    const struct zone_record record = {.owner = reader->owner.wire,
                                       .rdata = reader->rdata,
                                       .length = length,
                                       .ttl = head->ttl,
                                       .type = head->type,
                                       .place = reader->place};
    return reader->sink(reader->context, &record, err);
}

enum keyd_status record_read(struct record_reader *reader, const struct entry *entry,
                             struct keyd_error *err)
{
    struct record_head head;
    enum keyd_status status = KEYD_OK;
    if (!entry->blank_owner)
        status = record_owner(reader, &entry->tokens[0], err);
    else if (!reader->have_owner)
        return record_fail(reader, NULL, err,
                           "the first record begins with white space: it has no name");
    else if (reader->outside)
        status = outside(reader, NULL, err);
    if (status == KEYD_OK)
        status = record_head(reader, entry, entry->blank_owner ? 0 : 1, &head, err);
    if (status == KEYD_OK && reader->options->plain && head.ttl == ZONEFILE_NO_TTL)
        status = record_fail(reader, NULL, err, "a record without a TTL");
    if (status != KEYD_OK)
        return status;
    return record_add(reader, &head, entry->tokens + head.next, entry->count - head.next, err);
}
