/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How a zone is held: known to zone.c, which fills it, and to zoneview.c, which looks at it.
 *
 * Records lie one behind the other in the region, in the order in which they were added: a header,
 * the owner's sort key, the rdata in canonical form; behind that the rdata as it was given where it
 * differs, and the owner where it has capitals (else the key says it). zone_finish puts an index
 * behind them: for each record the first eight bytes of its key, as a number, and its place. Most
 * comparisons need no more than the number. Which file a record is from is known by where in the
 * region it lies: records of one file follow each other.
 */
#ifndef DNS_ZONESTORE_H
#define DNS_ZONESTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "client/dns/rrtype.h"
#include "client/dns/zone.h"

#define ALIGNMENT ((size_t)4) /* of records, and the unit of their places */

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

static inline const struct record *record_at(const struct zone *zone, size_t i)
{
    return (const struct record *)(zone->region + zone->index[i].at * ALIGNMENT);
}

static inline const uint8_t *canonical_of(const struct record *record)
{
    return record->bytes + record->key_length;
}

static inline const uint8_t *given_of(const struct record *record)
{
    return canonical_of(record) + (record->has_given ? record->length : 0);
}

static inline uint16_t covered_of(const struct record *record)
{
    if (record->type != TYPE_RRSIG)
        return 0;
    const uint8_t *rdata = canonical_of(record);
    return (uint16_t)(rdata[0] << 8 | rdata[1]);
}

static inline const uint8_t *owner_of(const struct record *record)
{
    return record->has_owner ? given_of(record) + record->length : NULL;
}

static inline int compare_bytes(const uint8_t *a, size_t a_length, const uint8_t *b,
                                size_t b_length)
{
    size_t shorter = a_length < b_length ? a_length : b_length;
    int difference = shorter > 0 ? memcmp(a, b, shorter) : 0;
    return difference != 0 ? difference : (a_length > b_length) - (a_length < b_length);
}

static inline int compare_types(uint16_t a, uint16_t a_covered, uint16_t b, uint16_t b_covered)
{
    if ((a == TYPE_RRSIG) != (b == TYPE_RRSIG))
        return a == TYPE_RRSIG ? 1 : -1;
    return a != b ? (int)a - (int)b : (int)a_covered - (int)b_covered;
}

static inline int compare_names(const struct record *a, const struct record *b)
{
    return compare_bytes(a->bytes, a->key_length, b->bytes, b->key_length);
}

static inline int compare_sets(const struct record *a, const struct record *b)
{
    return compare_types(a->type, covered_of(a), b->type, covered_of(b));
}

static inline int compare_prefixes(const struct entry *a, const struct entry *b)
{
    if (a->high != b->high)
        return a->high < b->high ? -1 : 1;
    return (a->low > b->low) - (a->low < b->low);
}

static inline bool same_name(const struct zone *zone, size_t i, size_t j)
{
    return compare_prefixes(&zone->index[i], &zone->index[j]) == 0 &&
           compare_names(record_at(zone, i), record_at(zone, j)) == 0;
}

static inline bool same_set(const struct zone *zone, size_t i, size_t j)
{
    return same_name(zone, i, j) && compare_sets(record_at(zone, i), record_at(zone, j)) == 0;
}

#endif
