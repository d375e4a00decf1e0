/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A zone: its RRsets in canonical order (RFC 4034, 6), as wire bytes. Nobody outside of zone.c
 * knows how they are held. First records are added in any order, then zone_finish sorts them, then
 * it is read; a finished zone does not change and may be read by any number of threads. Nothing
 * blocks.
 */
#ifndef DNS_ZONE_H
#define DNS_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "client/dns/dname.h"
#include "keyd/base/error.h"

struct rdata {
    const uint8_t *data;      /* as it was added */
    const uint8_t *canonical; /* of the same length; the same pointer where nothing differs */
    uint16_t length;          /* bytes */
};

/* All of it is *borrowed* from its zone. RRSIGs form one set for each type that they cover. */
struct rrset {
    const uint8_t *owner; /* in the case in which it was first added */
    const uint8_t *key;   /* dname_key of the owner below the apex */
    uint16_t key_length;
    uint16_t type;
    uint16_t covered;           /* of RRSIG: the type that it signs; else 0 */
    uint32_t ttl;               /* seconds; the smallest where the records differed */
    unsigned line;              /* of the first record added, for messages; 0: from no file */
    size_t count;               /* 1 or more */
    const struct rdata *rdatas; /* in canonical order, none twice (RFC 2181, 5) */
};

struct zone;

/* *Owned*: zone_free. NULL when there is no memory. apex is copied. */
struct zone *zone_new(const uint8_t *apex);
void zone_free(struct zone *zone); /* takes NULL */

/* Copies one record in. The owner must be the apex or below it and the rdata well formed
 * (rdata_check): INTERNAL otherwise, for both are the caller's to look at first. */
enum keyd_status zone_add(struct zone *zone, const uint8_t *owner, uint16_t type, uint32_t ttl,
                          const uint8_t *rdata, size_t length, unsigned line,
                          struct keyd_error *err) KEYD_CHECKED;

/* Adds all records of a set of another zone. */
enum keyd_status zone_add_set(struct zone *zone, const struct rrset *set,
                              struct keyd_error *err) KEYD_CHECKED;

/* Sorts, groups, drops what is there twice. Once, after the last zone_add. */
enum keyd_status zone_finish(struct zone *zone, struct keyd_error *err) KEYD_CHECKED;

/* ---- A finished zone ------------------------------------------------------------------------ */

const uint8_t *zone_apex(const struct zone *zone);
size_t zone_count(const struct zone *zone); /* RRsets */

/* The i-th set: by owner in canonical order, then by type; RRSIGs last, by what they cover. */
const struct rrset *zone_set(const struct zone *zone, size_t i);

/* The index behind the last set with the same owner as the i-th: a name is the sets i to next. */
size_t zone_next_name(const struct zone *zone, size_t i);

/* NULL when there is none. Of the apex SOA: zone_find(zone, zone_apex(zone), TYPE_SOA). */
const struct rrset *zone_find(const struct zone *zone, const uint8_t *owner, uint16_t type);

/* The first set whose records came with different TTLs, which RFC 2181, 5.2 forbids: zone_finish
 * took the smallest. NULL when there is none. */
const struct rrset *zone_ttl_conflict(const struct zone *zone);

/* Whether two sets have one owner; whether a set's owner is at or below that of another. */
bool rrset_same_owner(const struct rrset *a, const struct rrset *b);
bool rrset_is_in(const struct rrset *set, const struct rrset *top);

#endif
