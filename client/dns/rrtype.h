/* SPDX-License-Identifier: BSD-2-Clause
 *
 * RR types: number, mnemonic, and what their rdata is made of, one row each. Reading, printing and
 * canonical form (rdata.h) all follow the row: a new type is a new row. There is one for each type
 * of IANA's registry that can be in a zone and that BIND 9.18 knows.
 *
 * A layout is a string with a letter for each field, in wire order. Each letter stands for a kind
 * of field, and fieldkind.c has the table of them: "2N" is a number of two bytes and then a name.
 *
 * A type without a row, or without a layout, is only read and written as RFC 3597 has it
 * (TYPE65280 \# 4 0A000001).
 */
#ifndef DNS_RRTYPE_H
#define DNS_RRTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/bytes.h"

enum {
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_MD = 3,
    TYPE_MF = 4,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_MX = 15,
    TYPE_TXT = 16,
    TYPE_X25 = 19,
    TYPE_KEY = 25,
    TYPE_AAAA = 28,
    TYPE_LOC = 29,
    TYPE_ATMA = 34,
    TYPE_NAPTR = 35,
    TYPE_A6 = 38,
    TYPE_DNAME = 39,
    TYPE_APL = 42,
    TYPE_DS = 43,
    TYPE_SSHFP = 44,
    TYPE_IPSECKEY = 45,
    TYPE_RRSIG = 46,
    TYPE_NSEC = 47,
    TYPE_DNSKEY = 48,
    TYPE_NSEC3 = 50,
    TYPE_NSEC3PARAM = 51,
    TYPE_RKEY = 57,
    TYPE_CDS = 59,
    TYPE_CDNSKEY = 60,
    TYPE_ZONEMD = 63,
    TYPE_SVCB = 64,
    TYPE_HTTPS = 65,
    TYPE_SPF = 99,
    TYPE_TA = 32768,
    TYPE_DLV = 32769,
};

#define TYPE_TEXT 16 /* characters of a mnemonic with the NUL */

struct rrtype_row {
    uint16_t type;
    const char *name;
    const char *layout; /* NULL: it has no text of its own */
    bool rare; /* not all of BIND 9.18, Knot 3.2 and NSD 4.6 know it: written as RFC 3597 has it */
};

/* NULL for a type that has no row. */
const struct rrtype_row *rrtype_find(uint16_t type);

/* A mnemonic in any case, or TYPEnnn; false when it is neither. */
bool rrtype_parse(const char *text, size_t length, uint16_t *type);

/* Or its number alone, as BIND reads it in SIG, RRSIG, NXT and DSYNC. */
bool rrtype_parse_loosely(const char *text, size_t length, uint16_t *type);

/* As all servers read it: TYPEnnn for a rare type. */
void rrtype_format(uint16_t type, char text[TYPE_TEXT]);
void rrtype_print(uint16_t type, struct bytes *text); /* appends it */

/* Types that are questions or per-message, never data in a zone (RFC 6895, 3.1; OPT). */
bool rrtype_is_meta(uint16_t type);

#endif
