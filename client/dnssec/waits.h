/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How long an operator must wait for what, from the zone's own TTLs. A pure function.
 *
 * The order is that of RFC 6781, 4 and of the hosted services: signed zone on all servers; the
 * largest TTL that was served unsigned; the DS with a short TTL; the NS TTL; only then the DS' own.
 */
#ifndef DNSSEC_WAITS_H
#define DNSSEC_WAITS_H

#include <stddef.h>
#include <stdint.h>

#include "client/dns/bytes.h"
#include "client/dns/zone.h"

#define WAITS_MAX      8
#define WAIT_STEP_MAX  160 /* characters with the NUL */
#define WAIT_WHY_MAX   240
#define WAIT_OWNER_MAX 260
#define WAIT_DS_TTL    300  /* seconds to ask the parent for at first: the way back is short */
#define WAIT_CALM_TTL  3600 /* a largest TTL that makes enabling and going back bearable */
#define WAIT_CALM_SOA  300  /* the same for the SOA's TTL and MINIMUM */

/* What of a zone decides how long its old answers live. */
struct zone_ttls {
    uint32_t largest;
    char largest_owner[WAIT_OWNER_MAX]; /* of a set that has it; cut when it is longer */
    uint16_t largest_type;
    uint32_t soa;
    uint32_t minimum;
    uint32_t ns; /* of the apex */
};

/* zone has passed zonecheck. */
void zone_ttls(const struct zone *zone, struct zone_ttls *ttls);

struct wait {
    char step[WAIT_STEP_MAX];
    int64_t
        not_before;  /* seconds since 1970; for steps after the DS: when all before goes at once */
    int64_t seconds; /* that it waits after the step before */
    char why[WAIT_WHY_MAX];
};

/* Before signing: what makes enabling and its way back short. Fills waits[], returns how many; 0
 * when the TTLs are short already. */
size_t waits_before(const struct zone_ttls *ttls, int64_t now, struct wait waits[WAITS_MAX]);

/* From the moment (`published`) when the signed zone was published to the end. served: the largest
 * TTL or MINIMUM under which unsigned answers went out. zone: for commands to run, without final
 * dot. */
size_t waits_after(const struct zone_ttls *ttls, uint32_t served, uint32_t serial, const char *zone,
                   int64_t published, struct wait waits[WAITS_MAX]);

#endif
