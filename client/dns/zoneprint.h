/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A zone as text: one record a line, absolute, in canonical order but for the SOA, which comes
 * first, and RRSIGs, which follow what they sign. BIND, Knot and NSD all read it back.
 */
#ifndef DNS_ZONEPRINT_H
#define DNS_ZONEPRINT_H

#include <stdio.h>

#include "client/dns/zone.h"

/* path is for messages. The caller flushes, syncs and closes. */
enum keyd_status zoneprint(const struct zone *zone, FILE *file, const char *path,
                           struct keyd_error *err) KEYD_CHECKED;

#endif
