/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Walks along a type's layout: over tokens, and over the wire. What a field is made of is its
 * kind's business (fieldkind.h). */
#include "client/dns/rdata.h"

#include <string.h>

#include "client/dns/fieldkind.h"
#include "client/dns/rrtype.h"

/* ---- From text ------------------------------------------------------------------------------ */

static bool parse_layout(struct fields *fields, const char *layout)
{
    for (; *layout != '\0'; layout++) {
        const struct field_kind *kind = field_kind(*layout);
        bool none = kind->optional && fields_left(fields) == 0;
        if (!none && !kind->parse(fields))
            return false;
    }
    return fields->next == fields->count || fields_wrong(fields, "there is more than belongs here");
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
    return rdata_check(type, start, length) ||
           fields_wrong(fields, "these bytes are no rdata of this type");
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

/* ---- To text -------------------------------------------------------------------------------- */

static void format_generic(const uint8_t *rdata, size_t length, struct bytes *text)
{
    bytes_format(text, "\\# %zu%s", length, length > 0 ? " " : "");
    bytes_hex(text, rdata, length);
}

static bool has_own_form(const struct rrtype_row *row, const uint8_t *rdata, size_t length)
{
    if (row == NULL || row->layout == NULL || row->rare || length == 0)
        return false;
    return row->type != TYPE_SPF || length == 1U + rdata[0]; /* NSD 4.6 keeps one string only */
}

/* False: some server reads one of the fields otherwise, or not at all. */
static bool format_layout(const char *layout, struct cursor wire, struct bytes *text)
{
    for (const char *letter = layout; *letter != '\0'; letter++) {
        const struct field_kind *kind = field_kind(*letter);
        if (kind->is_plain != NULL && !kind->is_plain(wire))
            return false;
        if (kind->optional && cursor_left(&wire) == 0)
            continue;
        if (letter != layout)
            bytes_u8(text, ' ');
        kind->format(&wire, text);
    }
    return true;
}

void rdata_format(uint16_t type, const uint8_t *rdata, size_t length, struct bytes *text)
{
    const struct rrtype_row *row = rrtype_find(type);
    const size_t before = text->length;
    if (has_own_form(row, rdata, length) &&
        format_layout(row->layout, cursor_over(rdata, length), text))
        return;
    bytes_cut(text, before);
    format_generic(rdata, length, text);
}

/* ---- On the wire ---------------------------------------------------------------------------- */

bool rdata_check(uint16_t type, const uint8_t *rdata, size_t length)
{
    const struct rrtype_row *row = rrtype_find(type);
    if (row == NULL || row->layout == NULL)
        return true;
    struct cursor wire = cursor_over(rdata, length);
    for (const char *letter = row->layout; *letter != '\0' && !wire.failed; letter++)
        field_check(field_kind(*letter), &wire);
    return !wire.failed && wire.at == wire.end;
}

/* Whether a field of the type is lowered when `when` says (LOWER_...). */
static bool has_lower(const struct rrtype_row *row, unsigned when)
{
    if (row == NULL || row->layout == NULL)
        return false;
    for (const char *letter = row->layout; *letter != '\0'; letter++) {
        if ((field_kind(*letter)->lowered & when) != 0)
            return true;
    }
    return false;
}

static bool lower_fields(unsigned when, uint16_t type, uint8_t *rdata, size_t length)
{
    const struct rrtype_row *row = rrtype_find(type);
    if (!has_lower(row, when))
        return false;
    bool changed = false;
    struct cursor wire = cursor_over(rdata, length);
    for (const char *letter = row->layout; *letter != '\0'; letter++) {
        const struct field_kind *kind = field_kind(*letter);
        size_t start = (size_t)(wire.at - rdata);
        field_check(kind, &wire);
        if (wire.failed)
            break;
        if ((kind->lowered & when) != 0 && wire.at > rdata + start)
            changed = kind->lower(rdata + start) || changed;
    }
    return changed;
}

bool rdata_canonical(uint16_t type, uint8_t *rdata, size_t length)
{
    return lower_fields(LOWER_CANONICAL, type, rdata, length);
}

bool rdata_lower(uint16_t type, uint8_t *rdata, size_t length)
{
    return lower_fields(LOWER_SERVED, type, rdata, length);
}

bool rdata_has_lower(uint16_t type)
{
    return has_lower(rrtype_find(type), LOWER_SERVED);
}
