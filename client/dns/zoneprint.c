/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/zoneprint.h"

#include "client/dns/rdata.h"

void owner_text(const uint8_t *owner, struct owner_text *text)
{
    text->length = dname_format(owner, text->text);
}

void print_record(struct bytes *out, const struct owner_text *owner, uint32_t ttl, uint16_t type,
                  const uint8_t *rdata, size_t length)
{
    bytes_add(out, owner->text, owner->length);
    bytes_add(out, "\t", 1);
    bytes_decimal(out, ttl);
    bytes_add(out, "\tIN\t", 4);
    rdata_format_type(type, out);
    bytes_u8(out, '\t');
    rdata_format(type, rdata, length, out);
    bytes_u8(out, '\n');
}

void print_set(struct bytes *out, const struct owner_text *owner, const struct rrset *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct rdata rdata = rrset_rdata(set, i);
        print_record(out, owner, set->ttl, set->type, rdata.data, rdata.length);
    }
}
