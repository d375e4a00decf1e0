/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A zone: its records in canonical order (RFC 4034, 6), as wire bytes. How they are held is known
 * to zonestore.h alone. First records are added in any order (zone.c), then zone_finish sorts them,
 * then it is read (zoneview.c); a finished zone does not change and may be read by any number of
 * threads. Nothing blocks.
 *
 * It is read through views on the reader's stack, names and in them sets:
 *
 *   struct zone_name name = {0};
 *   while (zone_next_name(zone, &name)) {
 *       struct rrset set = {0};
 *       while (zone_next_set(&name, &set)) ...
 *   }
 *
 * A zone lies in one region of reserved address space that is filled as records come: a record
 * takes 28 bytes besides its name and its rdata, and nothing is ever moved or copied to grow.
 */
#ifndef DNS_ZONE_H
#define DNS_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "client/dns/dname.h"
#include "client/dns/place.h"
#include "keyd/base/error.h"

struct zone;

/* One record as it comes from a file or a server; all of it is *borrowed* for the call. */
struct zone_record {
    const uint8_t *owner;
    const uint8_t *rdata;
    size_t length; /* bytes of it */
    uint32_t ttl;  /* seconds */
    uint16_t type;
    struct place place; /* of its first word */
};

/* Takes the records of a zone, whose owners are the apex or below it and whose rdata is well
 * formed. An error ends the reading and comes back. */
typedef enum keyd_status (*zone_sink)(void *context, const struct zone_record *record,
                                      struct keyd_error *err);

struct rdata {
    const uint8_t *data;      /* as it was added */
    const uint8_t *canonical; /* of the same length; the same pointer where nothing differs */
    uint16_t length;          /* bytes */
};

/* One name. All zero: before the first. */
struct zone_name {
    const struct zone *zone;
    size_t first; /* its records are first to next - 1 of the zone */
    size_t next;
    const uint8_t *key; /* dname_key of it below the apex, *borrowed* from the zone */
    uint16_t key_length;
    struct dname owner; /* of the spellings that its records came with, the first by bytes */
};

/* The records of one name and type. All zero: before the first set of a name. RRSIGs form one set
 * for each type that they cover. What it points to is *borrowed* from the zone, but for the owner,
 * which is the name's that it was found by. */
struct rrset {
    const uint8_t *owner;
    const uint8_t *key; /* dname_key of the owner below the apex */
    uint16_t key_length;
    uint16_t type;
    uint16_t covered; /* of RRSIG: the type that it signs; else 0 */
    uint32_t ttl;     /* seconds; the smallest where the records differed */
    size_t count;     /* 1 or more */
    const struct zone *zone;
    size_t first;               /* its records are first to first + count - 1 of the zone */
    const struct rdata *rdatas; /* of a set that is in no zone: its records; else NULL */
};

/* *Owned*: zone_free. NULL when there is no memory, or no address space. apex is copied. */
struct zone *zone_new(const uint8_t *apex);
void zone_free(struct zone *zone); /* takes NULL */

/* The files that its records come from, which live as long as the zone: whoever reads them may add
 * some in one thread while records are added in another one. */
struct place_files *zone_files(struct zone *zone);

/* The file, or the server, that is included by no other; NULL: not known. */
const struct place_file *zone_file(const struct zone *zone);

/* Copies one record in. The owner must be the apex or below it and the rdata well formed
 * (rdata_check): INTERNAL otherwise, for both are the caller's to look at first. Its file must be
 * one of zone_files, or NULL. RESOURCE_EXHAUSTED, ZONE_TOO_LARGE, when the region is full: at 16
 * GiB, or at what the limits of the process (ulimit -v) or the machine left. */
enum keyd_status zone_add(struct zone *zone, const struct zone_record *record,
                          struct keyd_error *err) KEYD_CHECKED;

/* Sorts, where it is not sorted already, and drops what is there twice: of two spellings the first
 * by bytes stays, capitals before small letters. So the order of adding shows nowhere. Once, after
 * the last zone_add. */
enum keyd_status zone_finish(struct zone *zone, struct keyd_error *err) KEYD_CHECKED;

/* ---- A finished zone ------------------------------------------------------------------------ */

const uint8_t *zone_apex(const struct zone *zone);
size_t zone_records(const struct zone *zone); /* none twice (RFC 2181, 5) */
size_t zone_sets(const struct zone *zone);    /* RRsets */
size_t zone_names(const struct zone *zone);

/* To the next name, in canonical order; false after the last. */
bool zone_next_name(const struct zone *zone, struct zone_name *name);

/* To the next set of the name: by type, RRSIGs last, by what they cover; false after the last. */
bool zone_next_set(const struct zone_name *name, struct rrset *set);

/* One record of a set, 0 to count - 1, in canonical order. */
struct rdata rrset_rdata(const struct rrset *set, size_t i);

/* Where a record of a set was; that of the set is the place of the one that was added first.
 * Unknown of a set that is in no zone. */
struct place rrset_place(const struct rrset *set);
struct place rrset_place_of(const struct rrset *set, size_t i);

/* Whether a name has a set of that type. Of RRSIG: of any. */
bool zone_name_has(const struct zone_name *name, uint16_t type);

/* False when there is none. set->owner is the owner that is asked for. Not of RRSIG. */
bool zone_find(const struct zone *zone, const uint8_t *owner, uint16_t type, struct rrset *set);

/* The first set whose records came with different TTLs, which RFC 2181, 5.2 forbids: the smallest
 * counts. False when there is none. */
bool zone_ttl_conflict(const struct zone *zone, struct zone_name *name, struct rrset *set);

/* The first set that has the largest TTL. False when the zone is empty. */
bool zone_largest_ttl(const struct zone *zone, struct zone_name *name, struct rrset *set);

/* Whether a key (struct zone_name, struct rrset) is that of a name at or below that of another. */
bool zone_key_is_in(const uint8_t *key, size_t key_length, const uint8_t *top, size_t top_length);

#endif
