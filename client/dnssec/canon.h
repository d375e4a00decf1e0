/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The rules that signatures and denials rest on, written a second time for the verifier alone, from
 * the RFCs and not from client/dns: a mistake in one of the two shows. Pure functions.
 */
#ifndef DNSSEC_CANON_H
#define DNSSEC_CANON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/bytes.h"

#define CANON_NAME_MAX  255
#define CANON_SHA1      20
#define CANON_TYPES_MAX (256 * 34) /* bytes of a type bitmap: a window has 34 at most */

/* Canonical order of names (RFC 4034, 6.1): below 0, 0, above 0. */
int canon_compare(const uint8_t *a, const uint8_t *b);

/* How many labels two names share, counted from the root. */
size_t canon_shared_labels(const uint8_t *a, const uint8_t *b);
size_t canon_label_count(const uint8_t *name);                /* without the root */
bool canon_is_below(const uint8_t *name, const uint8_t *top); /* or the same */

/* The RRSIG's labels field (RFC 4034, 3.1.3). */
size_t canon_rrsig_labels(const uint8_t *owner);

/* A name in lower case; returns its length. */
size_t canon_owner(const uint8_t *name, uint8_t owner[CANON_NAME_MAX]);

/* Canonical form of rdata (RFC 4034, 6.2, RFC 6840, 5.1) in place. False when it is not well formed
 * for its type. */
bool canon_rdata(uint16_t type, uint8_t *rdata, size_t length);

/* A bitmap (RFC 4034, 4.1.2) of types that are in ascending order; returns its length. */
size_t canon_bitmap(const uint16_t *types, size_t count, uint8_t bitmap[CANON_TYPES_MAX]);

/* A hash from the 32 characters of an NSEC3's first label (RFC 4648, 7), in any case. */
bool canon_hash_from_label(const uint8_t *label, uint8_t hash[CANON_SHA1]);
void canon_hash_to_label(const uint8_t hash[CANON_SHA1], uint8_t label[32]);

/* RFC 4034, appendix B, over a DNSKEY's rdata. */
uint16_t canon_key_tag(const uint8_t *rdata, size_t length);

#endif
