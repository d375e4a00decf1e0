/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/rare.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/dns/rrtype.h"

/* "OWNER TTL CLASS TYPE rdata", the only form that ldns reads a single record from. */
static ldns_rr *read_record(const char *line, const uint8_t *origin, const char **why)
{
    ldns_rdf *at = NULL;
    ldns_rr *rr = NULL;
    size_t length = 1;
    for (const uint8_t *label = origin; label != NULL && *label != 0; label += 1 + *label)
        length += 1 + (size_t)*label;
    static const uint8_t root[1] = {0};
    at = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, length, origin != NULL ? origin : root);
    if (at == NULL) {
        *why = "out of memory";
        return NULL;
    }
    ldns_status status = ldns_rr_new_frm_str(&rr, line, 0, at, NULL);
    ldns_rdf_deep_free(at);
    if (status != LDNS_STATUS_OK) {
        *why = ldns_get_errorstr_by_id(status);
        return NULL;
    }
    return rr;
}

/* Appends the rdata of a record of ldns', without its length. */
static bool rdata_of(const ldns_rr *rr, struct bytes *wire)
{
    ldns_buffer *buffer = ldns_buffer_new(LDNS_MAX_PACKETLEN);
    bool good = buffer != NULL && ldns_rr_rdata2buffer_wire(buffer, rr) == LDNS_STATUS_OK;
    if (good)
        bytes_add(wire, ldns_buffer_begin(buffer), ldns_buffer_position(buffer));
    ldns_buffer_free(buffer);
    return good;
}

static bool text_to_wire(const char *line, const uint8_t *origin, struct bytes *wire,
                         const char **why)
{
    *why = "ldns cannot write it to the wire";
    ldns_rr *rr = read_record(line, origin, why);
    bool good = rr != NULL && rdata_of(rr, wire);
    ldns_rr_free(rr);
    return good;
}

static bool has_backslash(const struct token *token)
{
    return memchr(token->text, '\\', token->length) != NULL;
}

bool rare_parse(const char *type_name, const struct token *tokens, size_t count,
                const uint8_t *origin, struct bytes *wire, char why[RDATA_WHY_MAX])
{
    struct bytes line = {0};
    bytes_format(&line, ". 0 IN %s", type_name);
    for (size_t i = 0; i < count; i++) {
        if (has_backslash(&tokens[i])) {
            bytes_free(&line);
            snprintf(why, RDATA_WHY_MAX,
                     "a backslash in %s cannot be read yet: write the record as \\# (RFC 3597)",
                     type_name);
            return false;
        }
        const char *quote = tokens[i].quoted ? "\"" : "";
        bytes_format(&line, " %s", quote);
        bytes_add(&line, tokens[i].text, tokens[i].length);
        bytes_format(&line, "%s", quote);
    }
    bytes_u8(&line, '\0');

    size_t start = wire->length;
    const char *detail = "out of memory";
    bool good = !line.failed && memchr(line.data, '\0', line.length) == line.data + line.length - 1;
    if (good)
        good = text_to_wire((const char *)line.data, origin, wire, &detail);
    bytes_free(&line);
    if (!good) {
        snprintf(why, RDATA_WHY_MAX, "%s: %s", type_name, detail);
        return false;
    }
    struct bytes text = {0};
    const struct rrtype_row *row = NULL;
    uint16_t type = 0;
    if (rrtype_parse(type_name, strlen(type_name), &type))
        row = rrtype_find(type);
    good = row != NULL && !wire->failed &&
           rare_format(type_name, type, wire->data + start, wire->length - start, &text);
    bytes_free(&text);
    if (!good)
        snprintf(why, RDATA_WHY_MAX,
                 "%s in this form cannot be read surely: write the record as \\# (RFC 3597)",
                 type_name);
    return good;
}

static char *print_record(uint16_t type, const uint8_t *rdata, size_t length)
{
    struct bytes wire = {0};
    bytes_u8(&wire, 0);
    bytes_u16(&wire, type);
    bytes_u16(&wire, LDNS_RR_CLASS_IN);
    bytes_u32(&wire, 0);
    bytes_u16(&wire, (unsigned)length);
    bytes_add(&wire, rdata, length);
    ldns_rr *rr = NULL;
    size_t at = 0;
    char *line = NULL;
    if (!wire.failed &&
        ldns_wire2rr(&rr, wire.data, wire.length, &at, LDNS_SECTION_ANSWER) == LDNS_STATUS_OK)
        line = ldns_rr2str(rr);
    ldns_rr_free(rr);
    bytes_free(&wire);
    return line;
}

bool rare_format(const char *type_name, uint16_t type, const uint8_t *rdata, size_t length,
                 struct bytes *text)
{
    char *line = print_record(type, rdata, length);
    if (line == NULL)
        return false;
    line[strcspn(line, "\n;")] = '\0';
    struct bytes again = {0};
    const char *why;
    char head[64];
    snprintf(head, sizeof head, ".\t0\tIN\t%s\t", type_name);
    bool good = strncmp(line, head, strlen(head)) == 0 && strchr(line, '\\') == NULL &&
                text_to_wire(line, NULL, &again, &why) && again.length == length &&
                (length == 0 || memcmp(again.data, rdata, length) == 0);
    if (good)
        bytes_add(text, line + strlen(head), strlen(line + strlen(head)));
    bytes_free(&again);
    free(line);
    return good;
}
