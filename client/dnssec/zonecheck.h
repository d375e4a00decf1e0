/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a zone must be before it is signed: whole.
 */
#ifndef DNSSEC_ZONECHECK_H
#define DNSSEC_ZONECHECK_H

#include "client/dns/zone.h"
#include "keyd/base/error.h"

#define ZONECHECK_LINE 16 /* characters with the NUL */

/* ":LINE", for messages; empty for 0, a record that is from no file. Returns text. */
const char *zonecheck_line(unsigned line, char text[ZONECHECK_LINE]);

/* path is for messages ("FILE:LINE: ..."). INVALID_ARGUMENT, reason ZONE_CONTENT: no SOA or NS at
 * the apex, two SOAs, an SOA elsewhere, CNAME or DNAME with company, DS without delegation,
 * anything below a DNAME, NS at a wildcard, CDS, CDNSKEY or DNSKEY elsewhere, an RRset that no
 * message holds. What is below a delegation is judged only for the last three. Pure. */
enum keyd_status zonecheck(const struct zone *zone, const char *path,
                           struct keyd_error *err) KEYD_CHECKED;

#endif
