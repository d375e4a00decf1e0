/* SPDX-License-Identifier: BSD-2-Clause
 *
 * RR types: number, mnemonic, and what their rdata is made of, one row each. Reading, printing and
 * canonical form (rdata.h) all follow the row: a new type is a new row. There is one for each type
 * of IANA's registry that can be in a zone and that BIND 9.18 knows.
 *
 * A layout is a string with a letter for each field, in wire order:
 *
 *   a  IPv4 address              A  IPv6 address
 *   N  name, lower-cased in canonical form: the types of RFC 4034, 6.2, as RFC 6840, 5.1 has it
 *   n  name, left as it is       M  as N, where anything is left
 *   l  as n, but in lower case before it is signed (rdata_lower), as is M, and i's name
 *   1  2  4  unsigned number of so many bytes
 *   T  TTL, 4 bytes              d  time, 4 bytes, as YYYYMMDDHHMMSS (RFC 4034, 3.2)
 *   g  DNSSEC algorithm, 1 byte  D  type of a DS' digest, 1 byte
 *   y  RR type, 2 bytes
 *   s  character-string          e  the same, where anything is left
 *   S  one or more character-strings, to the end
 *   t  character-string that is written bare (CAA's tag)
 *   q  text without a length, to the end (CAA's value, URI's target)
 *   h  hexadecimal to the end    H  a length byte and so much hexadecimal, "-" for none
 *   b  base64 to the end         B  the same, or none, which "-" may stand for
 *   x  a length byte and so much base32hex (NSEC3's next owner)
 *   m  type bitmap, to the end (RFC 4034, 4.1.2)
 *
 * those with a file of their own:
 *
 *   v  parameters (svcparam.h)   L  location (location.h)
 *   k  K  flags and protocol of a key (keyflags.h)
 *
 * and those of oddfield.h:
 *
 *   c  CERT's type               p  address prefixes, to the end (APL)
 *   i  IPSECKEY's gateway        r  AMTRELAY's relay
 *   I  HIP, all of it            w  WKS' protocol and ports, to the end
 *   u  U  EUI-48, EUI-64         f  four groups of hexadecimal, 8 bytes (NID, L64)
 *   P  NSAP address, to the end  z  ATM address, to the end
 *   o  bitmap of RFC 2535, 5.2   6  A6's prefix length and suffix
 *
 * A type without a row, or without a layout, is only read and written as RFC 3597 has it
 * (TYPE65280 \# 4 0A000001).
 */
#ifndef DNS_RRTYPE_H
#define DNS_RRTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_MX = 15,
    TYPE_TXT = 16,
    TYPE_KEY = 25,
    TYPE_AAAA = 28,
    TYPE_A6 = 38,
    TYPE_DNAME = 39,
    TYPE_DS = 43,
    TYPE_SSHFP = 44,
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

/* As all servers read it: TYPEnnn for a rare type. */
void rrtype_format(uint16_t type, char text[TYPE_TEXT]);

/* Types that are questions or per-message, never data in a zone (RFC 6895, 3.1; OPT). */
bool rrtype_is_meta(uint16_t type);

#endif
