/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Records lie one behind the other in the region, in the order in which they were added: a header,
 * the owner's sort key, the rdata in canonical form; behind that the rdata as it was given where it
 * differs, and the owner where it has capitals (else the key says it). zone_finish puts an index
 * behind them: for each record the first eight bytes of its key, as a number, and its place. Most
 * comparisons need no more than the number. Which file a record is from is known by where in the
 * region it lies: records of one file follow each other. */
#include "client/dns/zone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"

#define ALIGNMENT  ((size_t)4)                     /* of records, and the unit of their places */
#define REGION_MAX (((size_t)1 << 32) * ALIGNMENT) /* all that a place of 32 bits reaches */
#define REGION_MIN ((size_t)1 << 20)               /* a zone of a few thousand records */

#define OPEN_STEP ((size_t)1 << 20) /* bytes that are opened at once */

#define COLUMN_MAX 0x3fff /* a larger one is not known */

struct record {
    uint32_t ttl;
    uint32_t line;
    uint16_t type;
    uint16_t length; /* of the rdata */
    uint16_t key_length;
    uint16_t column : 14;
    bool has_given  : 1; /* the rdata as it was added follows the canonical one */
    bool has_owner  : 1; /* the owner follows */
    uint8_t bytes[];     /* key, canonical rdata, rdata as given, owner */
};

_Static_assert(sizeof(struct record) == 16, "a record's header as zone.h counts it");

struct entry {
    uint32_t high; /* the key's first four bytes, as a number */
    uint32_t low;  /* and the next four; 0 where the key has ended, which no label begins with */
    uint32_t at;
};

/* From this record on they are from this file. */
struct run {
    uint32_t at;
    const struct place_file *file;
};

struct zone {
    struct dname apex; /* as given */
    struct dname tail; /* in lower case */
    size_t apex_labels;
    uint8_t *region;
    size_t size; /* bytes that are reserved */
    size_t open; /* of them, those that may be written */
    size_t used;
    bool finished;
    struct entry *index; /* in the region */
    size_t records;
    size_t sets;
    size_t names;
    size_t conflict; /* index + 1 of the first record of the first set whose TTLs differ; 0: none */
    size_t largest;  /* the first record of the set with the largest TTL */
    uint32_t largest_ttl;
    struct place_files files;
    struct run *runs; /* by `at` */
    size_t run_count;
    size_t run_room;
};

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

static const struct record *record_at(const struct zone *zone, size_t i)
{
    return (const struct record *)(zone->region + zone->index[i].at * ALIGNMENT);
}

static const uint8_t *canonical_of(const struct record *record)
{
    return record->bytes + record->key_length;
}

static const uint8_t *given_of(const struct record *record)
{
    return canonical_of(record) + (record->has_given ? record->length : 0);
}

static uint16_t covered_of(const struct record *record)
{
    if (record->type != TYPE_RRSIG)
        return 0;
    const uint8_t *rdata = canonical_of(record);
    return (uint16_t)(rdata[0] << 8 | rdata[1]);
}

static const uint8_t *owner_of(const struct record *record)
{
    return record->has_owner ? given_of(record) + record->length : NULL;
}

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
    if (record->has_owner) {
        uint8_t *at = record->bytes + (given_of(record) + length - record->bytes);
        memcpy(at, given->owner, dname_length(given->owner));
    }
    zone->used += size_of(record);
    zone->records++;
    return KEYD_OK;
}

/* ---- Sorting -------------------------------------------------------------------------------- */

static int compare_bytes(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
    size_t shorter = a_length < b_length ? a_length : b_length;
    int difference = shorter > 0 ? memcmp(a, b, shorter) : 0;
    return difference != 0 ? difference : (a_length > b_length) - (a_length < b_length);
}

static int compare_types(uint16_t a, uint16_t a_covered, uint16_t b, uint16_t b_covered)
{
    if ((a == TYPE_RRSIG) != (b == TYPE_RRSIG))
        return a == TYPE_RRSIG ? 1 : -1;
    return a != b ? (int)a - (int)b : (int)a_covered - (int)b_covered;
}

static int compare_names(const struct record *a, const struct record *b)
{
    return compare_bytes(a->bytes, a->key_length, b->bytes, b->key_length);
}

static int compare_sets(const struct record *a, const struct record *b)
{
    return compare_types(a->type, covered_of(a), b->type, covered_of(b));
}

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

static int compare_prefixes(const struct entry *a, const struct entry *b)
{
    if (a->high != b->high)
        return a->high < b->high ? -1 : 1;
    return (a->low > b->low) - (a->low < b->low);
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

static bool same_name(const struct zone *zone, size_t i, size_t j)
{
    return compare_prefixes(&zone->index[i], &zone->index[j]) == 0 &&
           compare_names(record_at(zone, i), record_at(zone, j)) == 0;
}

static bool same_set(const struct zone *zone, size_t i, size_t j)
{
    return same_name(zone, i, j) && compare_sets(record_at(zone, i), record_at(zone, j)) == 0;
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
        struct record *record = (struct record *)(zone->region + zone->index[i].at * ALIGNMENT);
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
        struct record *first =
            (struct record *)(zone->region + zone->index[kept - 1].at * ALIGNMENT);
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

/* ---- Reading -------------------------------------------------------------------------------- */

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
