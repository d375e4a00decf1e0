/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/message.h"

#include <stdio.h>
#include <string.h>

#include "client/dns/fieldkind.h"
#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"

#define POINTER 0xc0 /* the two high bits of a label's length: 14 bits of place follow */

static uint16_t u16_at(const uint8_t *data)
{
    return (uint16_t)(data[0] << 8 | data[1]);
}

bool message_open(struct message *message, const uint8_t *data, size_t length)
{
    *message = (struct message){.data = data, .length = length, .at = MESSAGE_HEADER};
    if (length < MESSAGE_HEADER)
        return false;
    message->id = u16_at(data);
    message->flags = u16_at(data + 2);
    for (size_t i = 0; i < 4; i++)
        message->counts[i] = u16_at(data + 4 + 2 * i);
    return true;
}

/* A name at *at, which may be compressed and must end before `end`; *at goes behind it. A pointer
 * must lead to before the labels that it ends, so no walk is endless. */
static bool read_name(const struct message *message, size_t *at, size_t end, struct dname *name)
{
    const uint8_t *data = message->data;
    size_t place = *at;
    size_t first = place; /* of the labels that are being read */
    size_t used = 0;
    bool jumped = false;
    for (;;) {
        if (place >= end)
            return false;
        uint8_t length = data[place];
        if ((length & POINTER) == POINTER) {
            if (place + 2 > end)
                return false;
            size_t target = u16_at(data + place) & 0x3fff;
            if (!jumped)
                *at = place + 2;
            if (target >= first || target < MESSAGE_HEADER)
                return false;
            jumped = true;
            end = message->length;
            first = place = target;
            continue;
        }
        if (length > LABEL_MAX || place + 1 + length > end || used + 1 + length > DNAME_MAX)
            return false;
        memcpy(name->wire + used, data + place, 1 + (size_t)length);
        used += 1 + (size_t)length;
        place += 1 + (size_t)length;
        if (length == 0)
            break;
    }
    if (!jumped)
        *at = place;
    name->length = (uint8_t)used;
    return true;
}

static bool spoiled(struct message *message)
{
    message->at = message->length;
    return false;
}

bool message_question(struct message *message, struct message_question *question)
{
    size_t at = message->at;
    if (!read_name(message, &at, message->length, &question->name) || message->length - at < 4)
        return spoiled(message);
    question->type = u16_at(message->data + at);
    question->class = u16_at(message->data + at + 2);
    message->at = at + 4;
    return true;
}

bool message_record(struct message *message, struct message_record *record)
{
    size_t at = message->at;
    record->start = at;
    if (!read_name(message, &at, message->length, &record->owner))
        return spoiled(message);
    struct cursor fixed = cursor_over(message->data + at, message->length - at);
    record->type = cursor_u16(&fixed);
    record->class = cursor_u16(&fixed);
    record->ttl = cursor_u32(&fixed);
    record->length = cursor_u16(&fixed);
    record->rdata = at + 10;
    if (cursor_take(&fixed, record->length) == NULL)
        return spoiled(message);
    message->at = record->rdata + record->length;
    return true;
}

/* ---- Rdata ---------------------------------------------------------------------------------- */

/* RFC 3597, 4: those of RFC 1035, and those that were compressed before that was forbidden. */
static bool may_be_compressed(uint16_t type)
{
    static const uint8_t types[] = {2,  3,  4,  5,  6,  7,  8,  9,  12, 14,
                                    15, 17, 18, 21, 24, 26, 30, 33, 35};
    return type <= UINT8_MAX && memchr(types, type, sizeof types) != NULL;
}

static bool expand(const struct message *message, const struct message_record *record,
                   const char *layout, struct bytes *rdata)
{
    struct dname name;
    size_t at = record->rdata;
    size_t end = record->rdata + record->length;
    for (const char *letter = layout; *letter != '\0'; letter++) {
        const struct field_kind *kind = field_kind(*letter);
        if (kind->is_name) {
            if (!read_name(message, &at, end, &name))
                return false;
            bytes_add(rdata, name.wire, name.length);
            continue;
        }
        struct cursor field = cursor_over(message->data + at, end - at);
        field_check(kind, &field);
        if (field.failed)
            return false;
        bytes_add(rdata, message->data + at, (size_t)(field.at - (message->data + at)));
        at = (size_t)(field.at - message->data);
    }
    return at == end;
}

bool message_rdata(const struct message *message, const struct message_record *record,
                   struct bytes *rdata)
{
    const struct rrtype_row *row = rrtype_find(record->type);
    bytes_reset(rdata);
    if (bytes_room(rdata, 1) == NULL) /* so that no data is at a place too */
        return false;
    if (may_be_compressed(record->type) && row != NULL && row->layout != NULL) {
        if (!expand(message, record, row->layout, rdata))
            return false;
    } else {
        bytes_add(rdata, message->data + record->rdata, record->length);
    }
    return !rdata->failed && rdata->length <= RDATA_MAX &&
           rdata_check(record->type, rdata->data, rdata->length);
}

/* ---- Asking --------------------------------------------------------------------------------- */

void message_ask(struct bytes *query, uint16_t id, const uint8_t *name, uint16_t type)
{
    bytes_reset(query);
    bytes_u16(query, id);
    bytes_u16(query, 0);
    bytes_u16(query, 1);
    for (size_t i = 0; i < 3; i++)
        bytes_u16(query, 0);
    bytes_add(query, name, dname_length(name));
    bytes_u16(query, type);
    bytes_u16(query, CLASS_IN);
}

void rcode_format(unsigned rcode, char text[RCODE_TEXT])
{
    static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                        "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
                                        "NXRRSET", "NOTAUTH", "NOTZONE"};
    if (rcode < sizeof names / sizeof names[0])
        snprintf(text, RCODE_TEXT, "%s", names[rcode]);
    else
        snprintf(text, RCODE_TEXT, "RCODE%u", rcode & 0xffff);
}
