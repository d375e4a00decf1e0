/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A finished zone, looked at: names, sets and records. */
#include "client/dns/zonestore.h"

/* The name of a key that is one label without escapes, as most are. */
static bool owner_from_label(const struct zone *zone, const uint8_t *key, size_t key_length,
                             struct dname *owner)
{
    if (key_length < 2)
        return false;
    for (size_t i = 0; i + 1 < key_length; i++) {
        if (key[i] <= 1)
            return false;
        owner->wire[1 + i] = key[i];
    }
    owner->wire[0] = (uint8_t)(key_length - 1);
    memcpy(owner->wire + key_length, zone->tail.wire, zone->tail.length);
    owner->length = (uint8_t)(key_length + zone->tail.length);
    return true;
}

/* The name that a key stands for, in lower case: its labels are the key's, last first. */
static void owner_from_key(const struct zone *zone, const uint8_t *key, size_t key_length,
                           struct dname *owner)
{
    const uint8_t *end = key + key_length;
    size_t at = 0;
    if (owner_from_label(zone, key, key_length, owner))
        return;
    while (end > key) {
        const uint8_t *label = end - 1; /* its final 0 */
        while (label > key && label[-1] != 0)
            label--;
        size_t length_at = at++;
        for (const uint8_t *byte = label; byte < end - 1; byte++) {
            if (*byte == 1)
                owner->wire[at++] = (uint8_t)(*++byte - 1);
            else
                owner->wire[at++] = *byte;
        }
        owner->wire[length_at] = (uint8_t)(at - length_at - 1);
        end = label;
    }
    memcpy(owner->wire + at, zone->tail.wire, zone->tail.length);
    owner->length = (uint8_t)(at + zone->tail.length);
}

const uint8_t *zone_apex(const struct zone *zone)
{
    return zone->apex.wire;
}

size_t zone_records(const struct zone *zone)
{
    return zone->records;
}

size_t zone_sets(const struct zone *zone)
{
    return zone->sets;
}

size_t zone_names(const struct zone *zone)
{
    return zone->names;
}

/* The name whose first record is the i-th. */
static void view_name(const struct zone *zone, size_t i, struct zone_name *name)
{
    const struct record *record = record_at(zone, i);
    const uint8_t *owner = owner_of(record);
    size_t next = i + 1;
    for (; next < zone->records && same_name(zone, i, next); next++) {
        const uint8_t *other = owner_of(record_at(zone, next));
        if (other != NULL && (owner == NULL || memcmp(other, owner, dname_length(owner)) < 0))
            owner = other;
    }
    name->zone = zone;
    name->first = i;
    name->next = next;
    name->key = record->bytes;
    name->key_length = record->key_length;
    if (owner == NULL) {
        owner_from_key(zone, record->bytes, record->key_length, &name->owner);
    } else {
        name->owner.length = (uint8_t)dname_length(owner);
        memcpy(name->owner.wire, owner, name->owner.length);
    }
}

/* The set whose first record is the i-th; no record of another name is at `end` or behind it. */
static void view_set(const struct zone *zone, size_t i, size_t end, const uint8_t *owner,
                     struct rrset *set)
{
    const struct record *head = record_at(zone, i);
    *set = (struct rrset){.owner = owner,
                          .key = head->bytes,
                          .key_length = head->key_length,
                          .type = head->type,
                          .covered = covered_of(head),
                          .ttl = head->ttl,
                          .count = 1,
                          .zone = zone,
                          .first = i};
    for (size_t j = i + 1; j < end && compare_sets(head, record_at(zone, j)) == 0; j++) {
        if (record_at(zone, j)->ttl < set->ttl)
            set->ttl = record_at(zone, j)->ttl;
        set->count++;
    }
}

bool zone_next_name(const struct zone *zone, struct zone_name *name)
{
    size_t next = name->zone != NULL ? name->next : 0;
    if (next >= zone->records)
        return false;
    view_name(zone, next, name);
    return true;
}

bool zone_next_set(const struct zone_name *name, struct rrset *set)
{
    size_t next = set->zone != NULL ? set->first + set->count : name->first;
    if (next >= name->next)
        return false;
    view_set(name->zone, next, name->next, name->owner.wire, set);
    return true;
}

struct rdata rrset_rdata(const struct rrset *set, size_t i)
{
    if (set->rdatas != NULL)
        return set->rdatas[i];
    const struct record *record = record_at(set->zone, set->first + i);
    return (struct rdata){
        .data = given_of(record), .canonical = canonical_of(record), .length = record->length};
}

/* Of the last run that begins at the record or before it; NULL: there is none. */
static const struct place_file *file_of(const struct zone *zone, uint32_t at)
{
    size_t low = 0;
    size_t high = zone->run_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (zone->runs[middle].at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? zone->runs[low - 1].file : NULL;
}

struct place rrset_place_of(const struct rrset *set, size_t i)
{
    if (set->zone == NULL)
        return (struct place){0};
    const struct record *record = record_at(set->zone, set->first + i);
    return (struct place){.file = file_of(set->zone, set->zone->index[set->first + i].at),
                          .line = record->line,
                          .column = record->column};
}

struct place rrset_place(const struct rrset *set)
{
    size_t earliest = 0;
    for (size_t i = 1; set->zone != NULL && i < set->count; i++) {
        if (set->zone->index[set->first + i].at < set->zone->index[set->first + earliest].at)
            earliest = i;
    }
    return rrset_place_of(set, earliest);
}

bool zone_name_has(const struct zone_name *name, uint16_t type)
{
    for (size_t i = name->first; i < name->next; i++) {
        if (record_at(name->zone, i)->type == type)
            return true;
    }
    return false;
}

bool zone_find(const struct zone *zone, const uint8_t *owner, uint16_t type, struct rrset *set)
{
    uint8_t key[DNAME_KEY_MAX];
    if (!dname_is_in(owner, zone->apex.wire))
        return false;
    size_t key_length = dname_key(owner, zone->apex_labels, key);
    size_t low = 0;
    size_t high = zone->records;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct record *there = record_at(zone, middle);
        int difference = compare_bytes(there->bytes, there->key_length, key, key_length);
        if (difference == 0)
            difference = compare_types(there->type, covered_of(there), type, 0);
        if (difference < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->records)
        return false;
    const struct record *there = record_at(zone, low);
    if (there->type != type || compare_bytes(there->bytes, there->key_length, key, key_length) != 0)
        return false;
    size_t end = low + 1;
    while (end < zone->records && same_set(zone, low, end))
        end++;
    view_set(zone, low, end, owner, set);
    return true;
}

/* The set whose first record is the i-th, and its name. */
static void view(const struct zone *zone, size_t i, struct zone_name *name, struct rrset *set)
{
    size_t begin = i;
    while (begin > 0 && same_name(zone, begin - 1, i))
        begin--;
    view_name(zone, begin, name);
    view_set(zone, i, name->next, name->owner.wire, set);
}

bool zone_ttl_conflict(const struct zone *zone, struct zone_name *name, struct rrset *set)
{
    if (zone->conflict == 0)
        return false;
    view(zone, zone->conflict - 1, name, set);
    return true;
}

bool zone_largest_ttl(const struct zone *zone, struct zone_name *name, struct rrset *set)
{
    if (zone->records == 0)
        return false;
    view(zone, zone->largest, name, set);
    return true;
}

bool zone_key_is_in(const uint8_t *key, size_t key_length, const uint8_t *top, size_t top_length)
{
    return key_length >= top_length && (top_length == 0 || memcmp(key, top, top_length) == 0);
}
