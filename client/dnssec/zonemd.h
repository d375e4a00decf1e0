/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Message digests of zones (RFC 8976), scheme SIMPLE with SHA-384, as the signer makes them: the
 * records of a name in the order in which they are digested, and the record that the digest is told
 * in. Whoever writes the zone digests what comes of it, name by name in canonical order. The
 * verifier has code of its own (digest.h).
 */
#ifndef DNSSEC_ZONEMD_H
#define DNSSEC_ZONEMD_H

#include <stddef.h>
#include <stdint.h>

#include "client/dns/bytes.h"
#include "client/dns/zone.h"

#define ZONEMD_SIMPLE 1  /* scheme, RFC 8976, 2.2.2 */
#define ZONEMD_SHA384 1  /* hash algorithm, 2.2.3 */
#define ZONEMD_DIGEST 48 /* bytes of it */

struct zonemd_entry {
    uint16_t type;
    size_t at; /* in zonemd_name.records */
    size_t rdata;
    size_t end;
};

/* The records of one name. All zero at first; zonemd_name_free. */
struct zonemd_name {
    uint8_t owner[DNAME_MAX]; /* in lower case */
    size_t owner_length;
    struct bytes records; /* in wire form, as they were added */
    struct zonemd_entry *entries;
    size_t count;
    size_t room;
    bool failed; /* no memory */
};

/* Adds the records of a set in canonical form. All between two zonemd_name_take have one owner. */
void zonemd_name_add(struct zonemd_name *name, const struct rrset *set);

/* Appends what is digested of the name (RFC 8976, 3.3.1), by type and then by rdata, to *digested,
 * and empties the name. *digested fails when memory was missing before. */
void zonemd_name_take(struct zonemd_name *name, struct bytes *digested);

void zonemd_name_free(struct zonemd_name *name);

/* Appends the rdata of a ZONEMD (RFC 8976, 2.2). */
void zonemd_rdata(uint32_t serial, const uint8_t digest[ZONEMD_DIGEST], struct bytes *rdata);

#endif
