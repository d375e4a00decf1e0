/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/zonefile.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"
#include "client/dns/ttl.h"
#include "client/dns/zonetext.h"

#define NO_TTL UINT32_MAX

struct reader {
    struct zonetext *text;
    const uint8_t *apex;
    zonefile_sink sink;
    void *context;
    struct dname origin;
    struct dname owner;
    uint32_t default_ttl; /* of $TTL; NO_TTL: none was given */
    uint32_t last_ttl;    /* of the record before */
    bool have_owner;
    struct bytes rdata;
};

/* What stands between the owner and the rdata. */
struct head {
    uint32_t ttl;
    uint16_t type;
    size_t next; /* index of the first token of the rdata */
};

static bool is_word(const struct token *token, const char *word)
{
    return !token->quoted && token->length == strlen(word) &&
           strncasecmp(token->text, word, token->length) == 0;
}

/* A token for a message: cut, so that a message stays a line. */
static int shown(const struct token *token)
{
    return token->length < 60 ? (int)token->length : 60;
}

static enum keyd_status read_name(struct reader *reader, const struct token *token,
                                  struct dname *name, struct keyd_error *err)
{
    const char *why = token->quoted
                          ? "a name in quotes"
                          : dname_parse(token->text, token->length, reader->origin.wire, name);
    if (why == NULL)
        return KEYD_OK;
    return zonetext_fail(reader->text, token->line, err, "'%.*s': %s", shown(token), token->text,
                         why);
}

static enum keyd_status read_ttl(struct reader *reader, const struct token *token, uint32_t *ttl,
                                 struct keyd_error *err)
{
    if (token->quoted || !ttl_parse(token->text, token->length, ttl) || *ttl > TTL_MAX)
        return zonetext_fail(reader->text, token->line, err,
                             "'%.*s' is no TTL: 0 to 2147483647 seconds, as 3600 or 1h",
                             shown(token), token->text);
    return KEYD_OK;
}

static enum keyd_status read_directive(struct reader *reader, const struct entry *entry,
                                       struct keyd_error *err)
{
    const struct token *name = &entry->tokens[0];
    bool is_origin = is_word(name, "$ORIGIN");
    if (is_word(name, "$INCLUDE") || is_word(name, "$GENERATE"))
        return zonetext_fail(reader->text, entry->line, err,
                             "%.*s is not read: make one plain file, as with "
                             "named-compilezone -i none -o FLAT ZONE FILE, and give that",
                             shown(name), name->text);
    if (!is_origin && !is_word(name, "$TTL"))
        return zonetext_fail(reader->text, entry->line, err, "unknown directive '%.*s'",
                             shown(name), name->text);
    if (entry->count != 2)
        return zonetext_fail(reader->text, entry->line, err, "%s needs one value, it has %zu",
                             is_origin ? "$ORIGIN" : "$TTL", entry->count - 1);
    if (!is_origin)
        return read_ttl(reader, &entry->tokens[1], &reader->default_ttl, err);
    struct dname origin;
    enum keyd_status status = read_name(reader, &entry->tokens[1], &origin, err);
    if (status == KEYD_OK)
        reader->origin = origin;
    return status;
}

static bool is_class(const struct token *token)
{
    return is_word(token, "CH") || is_word(token, "HS") || is_word(token, "CS") ||
           is_word(token, "ANY") || is_word(token, "NONE") ||
           (token->length > 5 && strncasecmp(token->text, "CLASS", 5) == 0 &&
            token->text[5] >= '0' && token->text[5] <= '9');
}

static bool is_number(const struct token *token)
{
    return !token->quoted && token->length > 0 && token->text[0] >= '0' && token->text[0] <= '9';
}

/* [TTL] [class] type, the first two in either order. */
static enum keyd_status read_head(struct reader *reader, const struct entry *entry, size_t first,
                                  struct head *head, struct keyd_error *err)
{
    bool have_class = false;
    *head = (struct head){.ttl = NO_TTL};
    for (size_t i = first; i < entry->count; i++) {
        const struct token *token = &entry->tokens[i];
        if (is_number(token) && head->ttl == NO_TTL) {
            enum keyd_status status = read_ttl(reader, token, &head->ttl, err);
            if (status != KEYD_OK)
                return status;
        } else if (!have_class && (is_word(token, "IN") || is_word(token, "CLASS1"))) {
            have_class = true;
        } else if (is_class(token)) {
            return zonetext_fail(reader->text, token->line, err,
                                 "class %.*s: only IN can be signed", shown(token), token->text);
        } else if (token->quoted || !rrtype_parse(token->text, token->length, &head->type)) {
            return zonetext_fail(reader->text, token->line, err,
                                 "'%.*s' is no RR type (a record is: name TTL class type data)",
                                 shown(token), token->text);
        } else {
            head->next = i + 1;
            return KEYD_OK;
        }
    }
    return zonetext_fail(reader->text, entry->line, err, "the record has no type");
}

static enum keyd_status settle_ttl(struct reader *reader, const struct entry *entry,
                                   struct head *head, struct keyd_error *err)
{
    if (head->ttl == NO_TTL)
        head->ttl = reader->default_ttl;
    if (head->ttl == NO_TTL)
        head->ttl = reader->last_ttl;
    if (head->ttl == NO_TTL && head->type == TYPE_SOA && reader->rdata.length >= 4) {
        struct cursor minimum = cursor_over(reader->rdata.data + reader->rdata.length - 4, 4);
        head->ttl = cursor_u32(&minimum);
    }
    if (head->ttl > TTL_MAX)
        return zonetext_fail(reader->text, entry->line, err,
                             "the record has no TTL and there is no $TTL above it");
    reader->last_ttl = head->ttl;
    return KEYD_OK;
}

/* NAME="VALUE" outside of SVCB and HTTPS. */
static enum keyd_status refuse_pairs(struct reader *reader, const struct entry *entry,
                                     const struct head *head, struct keyd_error *err)
{
    bool may = head->type == TYPE_SVCB || head->type == TYPE_HTTPS;
    for (size_t i = 0; i < entry->count; i++) {
        const struct token *token = &entry->tokens[i];
        if (token->pair && (!may || i < head->next))
            return zonetext_fail(reader->text, token->line, err,
                                 "'%.*s': quotes inside of a word: write \\\" or put the whole in "
                                 "quotes",
                                 shown(token), token->text);
    }
    return KEYD_OK;
}

static enum keyd_status read_rdata(struct reader *reader, const struct entry *entry,
                                   const struct head *head, struct keyd_error *err)
{
    char type[TYPE_TEXT];
    char why[RDATA_WHY_MAX];
    size_t culprit;
    size_t count = entry->count - head->next;
    const struct token *tokens = entry->tokens + head->next;
    rrtype_format(head->type, type);
    if (rrtype_is_meta(head->type))
        return zonetext_fail(reader->text, entry->line, err, "%s cannot be in a zone", type);
    bytes_reset(&reader->rdata);
    if (rdata_parse(head->type, tokens, count, reader->origin.wire, &reader->rdata, &culprit, why))
        return KEYD_OK;
    if (culprit >= count)
        return zonetext_fail(reader->text, entry->tokens[entry->count - 1].line, err, "%s: %s",
                             type, why);
    return zonetext_fail(reader->text, tokens[culprit].line, err, "%s: '%.*s': %s", type,
                         shown(&tokens[culprit]), tokens[culprit].text, why);
}

static enum keyd_status read_owner(struct reader *reader, const struct entry *entry,
                                   struct keyd_error *err)
{
    char owner[DNAME_TEXT];
    char apex[DNAME_TEXT];
    if (entry->blank_owner && !reader->have_owner)
        return zonetext_fail(reader->text, entry->line, err,
                             "the first record begins with white space: it has no name");
    if (entry->blank_owner)
        return KEYD_OK;
    enum keyd_status status = read_name(reader, &entry->tokens[0], &reader->owner, err);
    if (status != KEYD_OK)
        return status;
    reader->have_owner = true;
    if (dname_is_in(reader->owner.wire, reader->apex))
        return KEYD_OK;
    dname_format(reader->owner.wire, owner);
    dname_format(reader->apex, apex);
    return zonetext_fail(reader->text, entry->line, err, "%.256s is outside of the zone %.256s",
                         owner, apex);
}

static enum keyd_status read_record(struct reader *reader, const struct entry *entry,
                                    struct keyd_error *err)
{
    struct head head;
    enum keyd_status status = read_owner(reader, entry, err);
    if (status == KEYD_OK)
        status = read_head(reader, entry, entry->blank_owner ? 0 : 1, &head, err);
    if (status == KEYD_OK)
        status = refuse_pairs(reader, entry, &head, err);
    if (status == KEYD_OK)
        status = read_rdata(reader, entry, &head, err);
    if (status == KEYD_OK)
        status = settle_ttl(reader, entry, &head, err);
    if (status != KEYD_OK)
        return status;
    const struct zonefile_record record = {.owner = reader->owner.wire,
                                           .type = head.type,
                                           .ttl = head.ttl,
                                           .rdata = reader->rdata.data,
                                           .length = reader->rdata.length,
                                           .line = entry->line};
    return reader->sink(reader->context, &record, err);
}

static enum keyd_status read_all(struct reader *reader, struct keyd_error *err)
{
    struct entry entry;
    bool more;
    for (;;) {
        enum keyd_status status = zonetext_next(reader->text, &entry, &more, err);
        if (status != KEYD_OK)
            return status;
        if (!more)
            return KEYD_OK;
        bool directive = !entry.blank_owner && !entry.tokens[0].quoted &&
                         entry.tokens[0].length > 0 && entry.tokens[0].text[0] == '$';
        status = directive ? read_directive(reader, &entry, err) : read_record(reader, &entry, err);
        if (status != KEYD_OK)
            return status;
    }
}

static enum keyd_status read_file(const char *path, struct reader *reader, struct keyd_error *err)
{
    enum keyd_status status = zonetext_open(path, &reader->text, err);
    if (status != KEYD_OK)
        return status;
    reader->origin.length = (uint8_t)dname_length(reader->apex);
    memcpy(reader->origin.wire, reader->apex, reader->origin.length);
    status = read_all(reader, err);
    zonetext_close(reader->text);
    bytes_free(&reader->rdata);
    return status;
}

enum keyd_status zonefile_read(const char *path, const uint8_t *apex, zonefile_sink sink,
                               void *context, struct keyd_error *err)
{
    struct reader reader = {
        .apex = apex, .sink = sink, .context = context, .default_ttl = NO_TTL, .last_ttl = NO_TTL};
    return read_file(path, &reader, err);
}

static enum keyd_status add_to_zone(void *context, const struct zonefile_record *record,
                                    struct keyd_error *err)
{
    return zone_add(context, record->owner, record->type, record->ttl, record->rdata,
                    record->length, record->line, err);
}

enum keyd_status zonefile_load(const char *path, const uint8_t *apex, struct zone **zone,
                               struct keyd_error *err)
{
    return zonefile_load_with_ttl(path, apex, NO_TTL, zone, err);
}

enum keyd_status zonefile_load_with_ttl(const char *path, const uint8_t *apex, uint32_t default_ttl,
                                        struct zone **zone, struct keyd_error *err)
{
    struct zone *loaded = zone_new(apex);
    if (loaded == NULL)
        return keyd_fail_errno(err, ENOMEM, "%s", path);
    struct reader reader = {.apex = apex,
                            .sink = add_to_zone,
                            .context = loaded,
                            .default_ttl = default_ttl,
                            .last_ttl = NO_TTL};
    enum keyd_status status = read_file(path, &reader, err);
    if (status == KEYD_OK)
        status = zone_finish(loaded, err);
    if (status != KEYD_OK) {
        zone_free(loaded);
        return status;
    }
    *zone = loaded;
    return KEYD_OK;
}
