/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Domain names: wire form, text, and the canonical order of RFC 4034, 6.1. Letters keep the case
 * that they were written in; comparing never looks at it. Pure functions: any thread, no blocking.
 *
 * A name in wire form is passed as a pointer to its first length byte; it ends with the root's 0
 * and is never compressed. Whoever makes one has checked that it is well formed (dname_parse,
 * dname_take).
 */
#ifndef DNS_DNAME_H
#define DNS_DNAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/bytes.h"

#define DNAME_MAX     255  /* bytes on the wire, RFC 1035, 3.1 */
#define LABEL_MAX     63   /* bytes, RFC 1035, 3.1 */
#define LABELS_MAX    127  /* labels of one byte that DNAME_MAX can hold */
#define DNAME_TEXT    1024 /* characters with the NUL, when every byte becomes \DDD */
#define DNAME_KEY_MAX 512  /* bytes of a sort key: at worst two for each byte of the name */

struct dname {
    uint8_t wire[DNAME_MAX];
    uint8_t length; /* bytes */
};

/* Reads presentation form (RFC 1035, 5.1): \X and \DDD are known, "@" alone is the origin, a name
 * without a final dot is continued by it. origin: NULL where a relative name ends at the root.
 * Returns NULL when *name is filled, else what is wrong with the text (static). */
const char *dname_parse(const char *text, size_t length, const uint8_t *origin, struct dname *name);

/* Returns the text's length. Always with the final dot; bytes outside of [A-Za-z0-9_*-/] as \DDD,
 * which BIND, Knot and NSD all read back. */
size_t dname_format(const uint8_t *name, char text[DNAME_TEXT]);

/* Takes one uncompressed name from the cursor; NULL (and the cursor has failed) when it is none. */
const uint8_t *dname_take(struct cursor *cursor);

size_t dname_length(const uint8_t *name);                   /* bytes, with the root's 0 */
size_t dname_labels(const uint8_t *name);                   /* without the root */
bool dname_is_wildcard(const uint8_t *name);                /* the first label is "*" */
bool dname_equal(const uint8_t *a, const uint8_t *b);       /* in any case */
bool dname_is_in(const uint8_t *name, const uint8_t *apex); /* the apex itself, or below it */
bool dname_lower(uint8_t *name); /* RFC 4034, 6.2, in place; whether a byte was changed */

/* The sort key of a name below (or at) an apex with `apex_labels` labels: its labels below the
 * apex, last first, lower-cased, each ended by 0, with 0 -> 01 01 and 1 -> 01 02. So memcmp of two
 * keys, then their lengths, is the canonical order, and a name is below another one exactly when
 * its key begins with the other's. The apex has the empty key. Returns the key's length. */
size_t dname_key(const uint8_t *name, size_t apex_labels, uint8_t key[DNAME_KEY_MAX]);

#endif
