/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Records as text: one a line, absolute, so that BIND, Knot and NSD all read them back. Pure
 * functions but for the memory that struct bytes takes.
 */
#ifndef DNS_ZONEPRINT_H
#define DNS_ZONEPRINT_H

#include <stddef.h>
#include <stdint.h>

#include "client/dns/bytes.h"
#include "client/dns/dname.h"
#include "client/dns/zone.h"

/* An owner's text, made once for all of its records. */
struct owner_text {
    char text[DNAME_TEXT];
    size_t length;
};

void owner_text(const uint8_t *owner, struct owner_text *text);

/* Appends the line of a record. */
void print_record(struct bytes *out, const struct owner_text *owner, uint32_t ttl, uint16_t type,
                  const uint8_t *rdata, size_t length);

/* Appends the lines of a set. */
void print_set(struct bytes *out, const struct owner_text *owner, const struct rrset *set);

#endif
