/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A zone as it is filled: records are added, then sorted. */
#include "client/dns/zonestore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "client/dns/rdata.h"

#define REGION_MAX (((size_t)1 << 32) * ALIGNMENT) /* all that a place of 32 bits reaches */
#define REGION_MIN ((size_t)1 << 20)               /* a zone of a few thousand records */

#define OPEN_STEP ((size_t)1 << 20) /* bytes that are opened at once */

#define COLUMN_MAX 0x3fff /* a larger one is not known */

/* As much address space as there is to be had, up to REGION_MAX; where that is limited, half of it:
 * others need some too. None of it counts as memory before it is opened, whatever the kernel's way
 * of counting (vm.overcommit_memory). */
static uint8_t *reserve(size_t *size)
{
    for (size_t wanted = REGION_MAX; wanted >= REGION_MIN; wanted /= 2) {
        void *region =
            mmap(NULL, wanted, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (region == MAP_FAILED)
            continue;
        *size = wanted;
        if (wanted < REGION_MAX && munmap((uint8_t *)region + wanted / 2, wanted / 2) == 0)
            *size = wanted / 2;
        return region;
    }
    return NULL;
}

struct zone *zone_new(const uint8_t *apex)
{
    struct zone *zone = calloc(1, sizeof *zone);
    if (zone == NULL)
        return NULL;
    zone->region = reserve(&zone->size);
    if (zone->region == NULL) {
        free(zone);
        return NULL;
    }
    zone->apex.length = (uint8_t)dname_length(apex);
    memcpy(zone->apex.wire, apex, zone->apex.length);
    zone->tail = zone->apex;
    dname_lower(zone->tail.wire);
    zone->apex_labels = dname_labels(apex);
    return zone;
}

void zone_free(struct zone *zone)
{
    if (zone == NULL)
        return;
    munmap(zone->region, zone->size);
    place_files_free(&zone->files);
    free(zone->runs);
    free(zone);
}

struct place_files *zone_files(struct zone *zone)
{
    return &zone->files;
}

const struct place_file *zone_file(const struct zone *zone)
{
    const struct place_file *file = zone->files.last;
    while (file != NULL && file->parent != NULL)
        file = file->parent;
    return file;
}

/* ---- Records -------------------------------------------------------------------------------- */

static size_t size_of(const struct record *record)
{
    size_t size = sizeof *record + record->key_length + record->length;
    if (record->has_given)
        size += record->length;
    if (record->has_owner)
        size += dname_length(owner_of(record));
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static bool has_capitals(const uint8_t *name)
{
    for (; name[0] != 0; name += 1 + name[0]) {
        for (size_t i = 1; i <= name[0]; i++) {
            if (name[i] >= 'A' && name[i] <= 'Z')
                return true;
        }
    }
    return false;
}

/* One that may be written to. */
static struct record *own_record(struct zone *zone, size_t i)
{
    return (struct record *)(zone->region + zone->index[i].at * ALIGNMENT);
}

/* ---- Adding --------------------------------------------------------------------------------- */

/* Opens the region so that so many bytes more can be used. */
static bool make_room(struct zone *zone, size_t length)
{
    if (zone->open - zone->used >= length)
        return true;
    if (zone->size - zone->used < length)
        return false;
    size_t step = (length - (zone->open - zone->used) + OPEN_STEP - 1) / OPEN_STEP * OPEN_STEP;
    if (step > zone->size - zone->open)
        step = zone->size - zone->open;
    if (mprotect(zone->region + zone->open, step, PROT_READ | PROT_WRITE) != 0)
        return false;
    zone->open += step;
    return true;
}

static enum keyd_status too_large(const struct zone *zone, struct keyd_error *err)
{
    return keyd_fail(
        err, KEYD_RESOURCE_EXHAUSTED, "ZONE_TOO_LARGE",
        "the zone needs more than the %zu MiB that this process can have for it: raise "
        "its limit (ulimit -v), or give the machine more memory",
        zone->used >> 20);
}

/* Puts the owner's sort key behind the header. */
static void put_key(struct zone *zone, struct record *record, const uint8_t *owner)
{
    record->key_length = (uint16_t)dname_key(owner, zone->apex_labels, record->bytes);
    record->has_owner = has_capitals(owner);
}

static void put_rdata(struct record *record, const uint8_t *rdata, size_t length)
{
    uint8_t *at = record->bytes + record->key_length;
    record->length = (uint16_t)length;
    if (length == 0)
        return;
    memcpy(at, rdata, length);
    if (!rdata_canonical(record->type, at, length))
        return;
    record->has_given = true;
    memcpy(at + length, rdata, length);
}

/* The next record is from another file than the one before. */
static bool begin_run(struct zone *zone, const struct place_file *file)
{
    if (zone->run_count == zone->run_room) {
        size_t room = zone->run_room > 0 ? 2 * zone->run_room : 1;
        struct run *runs = reallocarray(zone->runs, room, sizeof *runs);
        if (runs == NULL)
            return false;
        zone->runs = runs;
        zone->run_room = room;
    }
    zone->runs[zone->run_count++] =
        (struct run){.at = (uint32_t)(zone->used / ALIGNMENT), .file = file};
    return true;
}

static const struct place_file *last_file(const struct zone *zone)
{
    return zone->run_count > 0 ? zone->runs[zone->run_count - 1].file : NULL;
}

enum keyd_status zone_add(struct zone *zone, const struct zone_record *given,
                          struct keyd_error *err)
{
    size_t length = given->length;
    if (zone->finished || length > RDATA_MAX || !dname_is_in(given->owner, zone->apex.wire) ||
        !rdata_check(given->type, given->rdata, length))
        return keyd_fail(err, KEYD_INTERNAL, "ZONE_RECORD", "a record that cannot be in the zone");
    size_t most = sizeof(struct record) + DNAME_KEY_MAX + 2 * length + DNAME_MAX + ALIGNMENT;
    if (!make_room(zone, most))
        return too_large(zone, err);
    if (given->place.file != last_file(zone) && !begin_run(zone, given->place.file))
        return keyd_fail_errno(err, ENOMEM, "the zone");
    struct record *record = (struct record *)(zone->region + zone->used);
    unsigned column = given->place.column <= COLUMN_MAX ? given->place.column : 0;
    *record = (struct record){.ttl = given->ttl,
                              .line = given->place.line,
                              .type = given->type,
                              .column = column & COLUMN_MAX};
    put_key(zone, record, given->owner);
    put_rdata(record, given->rdata, length);
    if (record->has_owner)
        memcpy(record->bytes + record->key_length + (record->has_given ? 2 : 1) * length,
               given->owner, dname_length(given->owner));
    zone->used += size_of(record);
    zone->records++;
    return KEYD_OK;
}

/* ---- Sorting -------------------------------------------------------------------------------- */

static int compare_rdatas(const struct record *a, const struct record *b)
{
    return compare_bytes(canonical_of(a), a->length, canonical_of(b), b->length);
}

/* Which of two spellings of a name or of an rdata stands for both: the first by bytes, so that it
 * does not depend on the order in which they came. */
static int compare_spellings(const struct record *a, const struct record *b)
{
    const uint8_t *a_owner = owner_of(a);
    const uint8_t *b_owner = owner_of(b);
    int difference = 0;
    if (a_owner != NULL && b_owner != NULL)
        difference = memcmp(a_owner, b_owner, dname_length(a_owner));
    else if (a_owner != b_owner)
        difference = a_owner != NULL ? -1 : 1; /* capitals come before small letters */
    return difference != 0 ? difference : memcmp(given_of(a), given_of(b), a->length);
}

static int compare_entries(const void *left, const void *right, void *context)
{
    const struct zone *zone = context;
    const struct entry *a = left;
    const struct entry *b = right;
    int difference = compare_prefixes(a, b);
    if (difference != 0)
        return difference;
    const struct record *x = (const struct record *)(zone->region + a->at * ALIGNMENT);
    const struct record *y = (const struct record *)(zone->region + b->at * ALIGNMENT);
    difference = compare_names(x, y);
    if (difference == 0)
        difference = compare_sets(x, y);
    if (difference == 0)
        difference = compare_rdatas(x, y);
    if (difference == 0)
        difference = compare_spellings(x, y);
    return difference != 0 ? difference : (a->at > b->at) - (a->at < b->at);
}

static uint32_t four_bytes(const uint8_t *key, size_t length, size_t from)
{
    uint32_t value = 0;
    for (size_t i = from; i < from + 4; i++)
        value = value << 8 | (i < length ? key[i] : 0);
    return value;
}

static enum keyd_status make_index(struct zone *zone, bool *sorted, struct keyd_error *err)
{
    if (zone->records > SIZE_MAX / sizeof *zone->index ||
        !make_room(zone, zone->records * sizeof *zone->index))
        return too_large(zone, err);
    zone->index = (struct entry *)(zone->region + zone->used);
    *sorted = true;
    size_t at = 0;
    for (size_t i = 0; i < zone->records; i++) {
        const struct record *record = (const struct record *)(zone->region + at);
        zone->index[i] = (struct entry){.high = four_bytes(record->bytes, record->key_length, 0),
                                        .low = four_bytes(record->bytes, record->key_length, 4),
                                        .at = (uint32_t)(at / ALIGNMENT)};
        if (i > 0 && *sorted)
            *sorted = compare_entries(&zone->index[i - 1], &zone->index[i], zone) < 0;
        at += size_of(record);
    }
    return KEYD_OK;
}

/* Takes the set whose records end before `end` for the one with the largest TTL, if it has it. */
static void compare_ttl(struct zone *zone, size_t head, size_t end)
{
    uint32_t ttl = UINT32_MAX;
    for (size_t i = head; i < end; i++)
        ttl = record_at(zone, i)->ttl < ttl ? record_at(zone, i)->ttl : ttl;
    if (end > head && (head == 0 || ttl > zone->largest_ttl)) {
        zone->largest_ttl = ttl;
        zone->largest = head;
    }
}

/* Drops doubles, of which the first keeps the smallest TTL, and counts. */
static void settle(struct zone *zone)
{
    size_t kept = 0;
    size_t head = 0; /* where the set of the record kept last begins */
    for (size_t i = 0; i < zone->records; i++) {
        struct record *record = own_record(zone, i);
        zone->index[kept] = zone->index[i];
        bool known_name = kept > 0 && same_name(zone, kept - 1, kept);
        bool known_set = known_name && same_set(zone, kept - 1, kept);
        zone->names += known_name ? 0 : 1;
        zone->sets += known_set ? 0 : 1;
        if (!known_set) {
            compare_ttl(zone, head, kept);
            head = kept;
        }
        if (known_set && record->ttl != record_at(zone, kept - 1)->ttl && zone->conflict == 0)
            zone->conflict = head + 1;
        if (!known_set || compare_rdatas(record_at(zone, kept - 1), record) != 0) {
            kept++;
            continue;
        }
        struct record *first = own_record(zone, kept - 1);
        if (record->ttl < first->ttl)
            first->ttl = record->ttl;
    }
    compare_ttl(zone, head, kept);
    zone->records = kept;
}

enum keyd_status zone_finish(struct zone *zone, struct keyd_error *err)
{
    bool sorted;
    enum keyd_status status = make_index(zone, &sorted, err);
    if (status != KEYD_OK)
        return status;
    if (!sorted)
        qsort_r(zone->index, zone->records, sizeof *zone->index, compare_entries, zone);
    settle(zone);
    zone->finished = true;
    return KEYD_OK;
}
