/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/zonemd.h"

#include <stdlib.h>
#include <string.h>

#include "client/dns/dname.h"

static bool grow(struct zonemd_name *name)
{
    if (name->count < name->room)
        return true;
    size_t room = name->room > 0 ? name->room * 2 : 16;
    struct zonemd_entry *entries = reallocarray(name->entries, room, sizeof *entries);
    if (entries == NULL)
        return false;
    name->entries = entries;
    name->room = room;
    return true;
}

static void set_owner(struct zonemd_name *name, const uint8_t *owner)
{
    name->owner_length = dname_length(owner);
    memcpy(name->owner, owner, name->owner_length);
    dname_lower(name->owner);
}

/* A record as RFC 4034, 6.2 has it, with the TTL that it is published with. */
static void add_record(struct zonemd_name *name, const struct rrset *set, const struct rdata *rdata)
{
    struct bytes *records = &name->records;
    struct zonemd_entry *entry = &name->entries[name->count++];
    entry->type = set->type;
    entry->at = records->length;
    bytes_add(records, name->owner, name->owner_length);
    bytes_u16(records, set->type);
    bytes_u16(records, 1); /* class IN */
    bytes_u32(records, set->ttl);
    bytes_u16(records, rdata->length);
    entry->rdata = records->length;
    bytes_add(records, rdata->canonical, rdata->length);
    entry->end = records->length;
}

void zonemd_name_add(struct zonemd_name *name, const struct rrset *set)
{
    if (name->count == 0)
        set_owner(name, set->owner);
    for (size_t i = 0; i < set->count; i++) {
        struct rdata rdata = rrset_rdata(set, i);
        name->failed = name->failed || !grow(name);
        if (name->failed)
            return;
        add_record(name, set, &rdata);
    }
}

static int compare(const void *left, const void *right, void *context)
{
    const struct zonemd_entry *a = left;
    const struct zonemd_entry *b = right;
    const uint8_t *records = context;
    if (a->type != b->type)
        return (int)a->type - (int)b->type;
    size_t a_length = a->end - a->rdata;
    size_t b_length = b->end - b->rdata;
    size_t shorter = a_length < b_length ? a_length : b_length;
    int difference = memcmp(records + a->rdata, records + b->rdata, shorter);
    return difference != 0 ? difference : (a_length > b_length) - (a_length < b_length);
}

void zonemd_name_take(struct zonemd_name *name, struct bytes *digested)
{
    if (name->failed || name->records.failed) {
        digested->failed = true;
        return;
    }
    if (name->count > 1)
        qsort_r(name->entries, name->count, sizeof *name->entries, compare, name->records.data);
    for (size_t i = 0; i < name->count; i++) {
        const struct zonemd_entry *entry = &name->entries[i];
        bytes_add(digested, name->records.data + entry->at, entry->end - entry->at);
    }
    name->count = 0;
    bytes_reset(&name->records);
}

void zonemd_name_free(struct zonemd_name *name)
{
    bytes_free(&name->records);
    free(name->entries);
    *name = (struct zonemd_name){0};
}

void zonemd_rdata(uint32_t serial, const uint8_t digest[ZONEMD_DIGEST], struct bytes *rdata)
{
    bytes_u32(rdata, serial);
    bytes_u8(rdata, ZONEMD_SIMPLE);
    bytes_u8(rdata, ZONEMD_SHA384);
    bytes_add(rdata, digest, ZONEMD_DIGEST);
}
