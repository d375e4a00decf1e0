/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Flags and protocol of KEY, DNSKEY, CDNSKEY and RKEY (RFC 2535, 3.1.2 and 3.1.3): numbers, or the
 * names that BIND reads. They are always written as numbers, which all servers read. Functions of
 * fields.h.
 */
#ifndef DNS_KEYFLAGS_H
#define DNS_KEYFLAGS_H

#include <stdbool.h>

#include "client/dns/fields.h"

/* 2 bytes: 256, ZONE, or several names with | between them, as NOCONF|ZONE; all their bits count.
 */
bool keyflags_parse(struct fields *fields);

/* 1 byte: 3, or DNSSEC. */
bool keyflags_parse_protocol(struct fields *fields);

#endif
