/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rdata: from a zone file's fields to the wire, back to text, and to canonical form. All of it by
 * the rows of rrtype.h and of fieldkind.h, and any type also in the generic form of RFC 3597. Pure
 * functions but for the memory that struct bytes takes; any thread.
 */
#ifndef DNS_RDATA_H
#define DNS_RDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/bytes.h"

#define RDATA_MAX     65535
#define RDATA_WHY_MAX 160 /* characters with the NUL */

/* One word as it stands in the file: escapes untouched, quotes taken off. */
struct token {
    const char *text; /* *borrowed*, not ended by NUL */
    size_t length;
    bool quoted;
    bool escaped; /* there is a backslash in it */
    bool glued;   /* no space between it and the word before, one of the two being in quotes */
};

/* Reads the tokens of a record's data into `rdata` and says how many bytes there are. On false
 * `why` says what is wrong and *culprit is the index of the token (`count` when one is missing). */
bool rdata_parse(uint16_t type, const struct token *tokens, size_t count, const uint8_t *origin,
                 uint8_t rdata[RDATA_MAX], size_t *length, size_t *culprit,
                 char why[RDATA_WHY_MAX]);

/* Appends presentation form, one line, names absolute; what cannot be said safely in the type's own
 * form comes out as \# (RFC 3597, 5). The rdata must have passed rdata_parse or rdata_check. */
void rdata_format(uint16_t type, const uint8_t *rdata, size_t length, struct bytes *text);

/* Whether the digest in such rdata, of the layout of its type, is as long as those of the type that
 * it names; true for one that is not known, and for other types. On false *wanted and *has say how
 * many bytes. */
bool rdata_digest_fits(uint16_t type, const uint8_t *rdata, size_t length, unsigned *digest_type,
                       unsigned *wanted, size_t *has);

/* Whether wire bytes are well formed for their type; always true for a type without a layout. */
bool rdata_check(uint16_t type, const uint8_t *rdata, size_t length);

/* Canonical form (RFC 4034, 6.2), in place: it is never longer or shorter. Returns whether a byte
 * was changed. */
bool rdata_canonical(uint16_t type, uint8_t *rdata, size_t length);

/* Puts names into lower case, in place, where canonical form (RFC 4034, 6.2) and what servers and
 * validators make of it differ, so that nothing is left to differ about: in SVCB, HTTPS, LP and
 * IPSECKEY, which NSD 4.6 lower-cases to serve them; in NSAP-PTR, which BIND 9.18 lower-cases to
 * validate it; in A6, which ldns 1.8 and Knot 3.2 do not. A name is the same in any case (RFC
 * 4343). Returns whether a byte was changed. */
bool rdata_lower(uint16_t type, uint8_t *rdata, size_t length);
bool rdata_has_lower(uint16_t type); /* whether it can do something to this type */

#endif
