/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Records lie in an array while they are added, their bytes in chunks that are never moved. An
 * owner and its sort key are stored once for a run of records that name it. zone_finish sorts the
 * array and lays rrsets over it. */
#include "client/dns/zone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"

#define CHUNK_SIZE ((size_t)256 * 1024) /* bytes: a few thousand records */

struct chunk {
    struct chunk *next;
    size_t used;
    size_t size;
    uint8_t bytes[];
};

struct record {
    const uint8_t *owner;
    const uint8_t *key;
    uint16_t key_length;
    uint16_t type;
    uint16_t covered;
    uint32_t ttl;
    unsigned line;
    size_t order; /* of adding, so that sorting keeps it among equals */
    struct rdata rdata;
};

struct zone {
    struct dname apex;
    size_t apex_labels;
    struct chunk *chunks;
    struct record *records;
    size_t record_count;
    size_t record_room;
    struct rdata *rdatas;
    struct rrset *sets;
    size_t set_count;
    size_t conflict; /* index + 1 of the first set whose TTLs differ; 0: none */
};

struct zone *zone_new(const uint8_t *apex)
{
    struct zone *zone = calloc(1, sizeof *zone);
    if (zone == NULL)
        return NULL;
    zone->apex.length = (uint8_t)dname_length(apex);
    memcpy(zone->apex.wire, apex, zone->apex.length);
    zone->apex_labels = dname_labels(apex);
    return zone;
}

void zone_free(struct zone *zone)
{
    if (zone == NULL)
        return;
    for (struct chunk *chunk = zone->chunks; chunk != NULL;) {
        struct chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    free(zone->records);
    free(zone->rdatas);
    free(zone->sets);
    free(zone);
}

/* A copy that stays where it is as long as the zone; NULL without memory. */
static uint8_t *store(struct zone *zone, const uint8_t *data, size_t length)
{
    struct chunk *chunk = zone->chunks;
    if (chunk == NULL || chunk->size - chunk->used < length) {
        size_t size = length > CHUNK_SIZE ? length : CHUNK_SIZE;
        chunk = malloc(sizeof *chunk + size);
        if (chunk == NULL)
            return NULL;
        *chunk = (struct chunk){.next = zone->chunks, .size = size};
        zone->chunks = chunk;
    }
    uint8_t *copy = chunk->bytes + chunk->used;
    if (length > 0)
        memcpy(copy, data, length);
    chunk->used += length;
    return copy;
}

static bool grow(struct zone *zone)
{
    if (zone->record_count < zone->record_room)
        return true;
    size_t room = zone->record_room > 0 ? zone->record_room * 2 : 64;
    struct record *records = reallocarray(zone->records, room, sizeof *records);
    if (records == NULL)
        return false;
    zone->records = records;
    zone->record_room = room;
    return true;
}

static bool set_owner(struct zone *zone, struct record *record, const uint8_t *owner)
{
    size_t length = dname_length(owner);
    const struct record *last =
        zone->record_count > 0 ? &zone->records[zone->record_count - 1] : NULL;
    if (last != NULL && dname_length(last->owner) == length &&
        memcmp(last->owner, owner, length) == 0) {
        record->owner = last->owner;
        record->key = last->key;
        record->key_length = last->key_length;
        return true;
    }
    uint8_t key[DNAME_KEY_MAX];
    record->key_length = (uint16_t)dname_key(owner, zone->apex_labels, key);
    record->owner = store(zone, owner, length);
    record->key = store(zone, key, record->key_length);
    return record->owner != NULL && record->key != NULL;
}

static bool set_rdata(struct zone *zone, struct record *record, const uint8_t *rdata, size_t length)
{
    uint8_t *data = store(zone, rdata, length);
    if (data == NULL)
        return false;
    record->rdata = (struct rdata){.data = data, .canonical = data, .length = (uint16_t)length};
    if (!rdata_canonical(record->type, data, length))
        return true;
    record->rdata.data = store(zone, rdata, length);
    return record->rdata.data != NULL;
}

enum keyd_status zone_add(struct zone *zone, const uint8_t *owner, uint16_t type, uint32_t ttl,
                          const uint8_t *rdata, size_t length, unsigned line,
                          struct keyd_error *err)
{
    if (zone->sets != NULL || length > RDATA_MAX || !dname_is_in(owner, zone->apex.wire) ||
        !rdata_check(type, rdata, length))
        return keyd_fail(err, KEYD_INTERNAL, "ZONE_RECORD", "a record that cannot be in the zone");
    struct record record = {.type = type, .ttl = ttl, .line = line, .order = zone->record_count};
    if (type == TYPE_RRSIG)
        record.covered = (uint16_t)(rdata[0] << 8 | rdata[1]);
    if (!grow(zone) || !set_owner(zone, &record, owner) || !set_rdata(zone, &record, rdata, length))
        return keyd_fail_errno(err, ENOMEM, "the zone");
    zone->records[zone->record_count++] = record;
    return KEYD_OK;
}

enum keyd_status zone_add_set(struct zone *zone, const struct rrset *set, struct keyd_error *err)
{
    enum keyd_status status = KEYD_OK;
    for (size_t i = 0; i < set->count && status == KEYD_OK; i++)
        status = zone_add(zone, set->owner, set->type, set->ttl, set->rdatas[i].data,
                          set->rdatas[i].length, set->line, err);
    return status;
}

static int compare_bytes(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
    size_t shorter = a_length < b_length ? a_length : b_length;
    int difference = shorter > 0 ? memcmp(a, b, shorter) : 0;
    return difference != 0 ? difference : (a_length > b_length) - (a_length < b_length);
}

static int compare_sets(const struct record *a, const struct record *b)
{
    int difference =
        a->key == b->key ? 0 : compare_bytes(a->key, a->key_length, b->key, b->key_length);
    if (difference != 0)
        return difference;
    if ((a->type == TYPE_RRSIG) != (b->type == TYPE_RRSIG))
        return a->type == TYPE_RRSIG ? 1 : -1;
    if (a->type != b->type)
        return (int)a->type - (int)b->type;
    return (int)a->covered - (int)b->covered;
}

static int compare_rdatas(const struct record *a, const struct record *b)
{
    return compare_bytes(a->rdata.canonical, a->rdata.length, b->rdata.canonical, b->rdata.length);
}

static int compare_records(const void *left, const void *right)
{
    const struct record *a = left;
    const struct record *b = right;
    int difference = compare_sets(a, b);
    if (difference == 0)
        difference = compare_rdatas(a, b);
    if (difference == 0)
        difference = (a->order > b->order) - (a->order < b->order);
    return difference;
}

/* Lays one rrset over the sorted records from `first` on; returns the index behind them. */
static size_t lay_set(struct zone *zone, size_t first, struct rdata **next)
{
    const struct record *records = zone->records;
    const struct record *head = &records[first];
    struct rrset *set = &zone->sets[zone->set_count++];
    size_t earliest = first;
    size_t i = first;
    *set = (struct rrset){.key = head->key,
                          .key_length = head->key_length,
                          .type = head->type,
                          .covered = head->covered,
                          .ttl = head->ttl,
                          .rdatas = *next};
    for (; i < zone->record_count && compare_sets(head, &records[i]) == 0; i++) {
        if (records[i].order < records[earliest].order)
            earliest = i;
        if (records[i].ttl != head->ttl && zone->conflict == 0)
            zone->conflict = zone->set_count;
        if (records[i].ttl < set->ttl)
            set->ttl = records[i].ttl;
        if (i > first && compare_rdatas(&records[i - 1], &records[i]) == 0)
            continue;
        *(*next)++ = records[i].rdata;
        set->count++;
    }
    set->owner = records[earliest].owner;
    set->line = records[earliest].line;
    return i;
}

enum keyd_status zone_finish(struct zone *zone, struct keyd_error *err)
{
    if (zone->record_count > 0)
        qsort(zone->records, zone->record_count, sizeof *zone->records, compare_records);
    zone->rdatas = calloc(zone->record_count + 1, sizeof *zone->rdatas);
    zone->sets = calloc(zone->record_count + 1, sizeof *zone->sets);
    if (zone->rdatas == NULL || zone->sets == NULL)
        return keyd_fail_errno(err, ENOMEM, "the zone");
    struct rdata *next = zone->rdatas;
    for (size_t i = 0; i < zone->record_count;)
        i = lay_set(zone, i, &next);
    free(zone->records);
    zone->records = NULL;
    zone->record_count = zone->record_room = 0;
    return KEYD_OK;
}

const uint8_t *zone_apex(const struct zone *zone)
{
    return zone->apex.wire;
}

size_t zone_count(const struct zone *zone)
{
    return zone->set_count;
}

const struct rrset *zone_set(const struct zone *zone, size_t i)
{
    return &zone->sets[i];
}

size_t zone_next_name(const struct zone *zone, size_t i)
{
    size_t next = i + 1;
    while (next < zone->set_count && rrset_same_owner(&zone->sets[i], &zone->sets[next]))
        next++;
    return next;
}

const struct rrset *zone_find(const struct zone *zone, const uint8_t *owner, uint16_t type)
{
    uint8_t key[DNAME_KEY_MAX];
    if (!dname_is_in(owner, zone->apex.wire))
        return NULL;
    const struct record wanted = {
        .key = key, .key_length = (uint16_t)dname_key(owner, zone->apex_labels, key), .type = type};
    size_t low = 0;
    size_t high = zone->set_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct rrset *set = &zone->sets[middle];
        const struct record there = {.key = set->key,
                                     .key_length = set->key_length,
                                     .type = set->type,
                                     .covered = set->covered};
        int difference = compare_sets(&there, &wanted);
        if (difference == 0)
            return set;
        if (difference < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct rrset *zone_ttl_conflict(const struct zone *zone)
{
    return zone->conflict > 0 ? &zone->sets[zone->conflict - 1] : NULL;
}

bool rrset_same_owner(const struct rrset *a, const struct rrset *b)
{
    return a->key_length == b->key_length &&
           (a->key_length == 0 || memcmp(a->key, b->key, a->key_length) == 0);
}

bool rrset_is_in(const struct rrset *set, const struct rrset *top)
{
    return set->key_length >= top->key_length &&
           (top->key_length == 0 || memcmp(set->key, top->key, top->key_length) == 0);
}
