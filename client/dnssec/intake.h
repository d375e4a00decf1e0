/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is in a zone already when it is read to be signed. Records that signing makes anew are taken
 * out: RRSIG, NSEC, NSEC3, NSEC3PARAM, ZONEMD. DNSKEYs that are not ours are another signer's (RFC
 * 8901) and stay. Names that not all servers and validators leave as they are (rdata_lower) come in
 * in lower case. All of it is told to the operator.
 */
#ifndef DNSSEC_INTAKE_H
#define DNSSEC_INTAKE_H

#include <stddef.h>

#include "client/dns/dnskey.h"
#include "client/dns/rdata.h"
#include "client/dns/zone.h"
#include "client/dns/zonefile.h"
#include "client/dnssec/report.h"
#include "client/dnssec/state.h"
#include "client/dnssec/zonecheck.h"

#define INTAKE_KINDS  5 /* types that are taken out */
#define INTAKE_OTHERS STATE_OTHERS_MAX

#define INTAKE_NOTICES 11 /* lines of the zone file's reader: the first ten, and how many */
#define INTAKE_LINE    KEYD_MESSAGE_MAX

/* All zero at first, but for the zone. */
struct intake {
    struct zone *zone; /* *owned* by whoever made it */
    size_t taken_out[INTAKE_KINDS];
    size_t lowered;             /* records that had capitals in names (rdata_lower) */
    uint8_t scratch[RDATA_MAX]; /* one record's data, being lowered */
    struct dnskey others[INTAKE_OTHERS];
    size_t other_count;
    char notices[INTAKE_NOTICES][INTAKE_LINE];
    size_t notice_count;
    struct zonecheck_misplaced misplaced;
};

/* Adds a record to the zone, with names lowered, or takes it out. A zone_sink whose context is
 * the intake. */
enum keyd_status intake_record(void *intake, const struct zone_record *record,
                               struct keyd_error *err);

/* Keeps a line for the report; what is too much is left out. */
void intake_notice(struct intake *intake, const char *line);

/* Gathers the DNSKEYs of others from the finished zone, which has passed zonecheck.
 * INVALID_ARGUMENT, ZONE_CONTENT, for a DNSKEY that is none. FAILED_PRECONDITION, OTHER_SIGNER, for
 * one of another algorithm than ours, by which nobody signs this zone's records (RFC 8901, 4), for
 * one that is revoked, for one with the tag of a key of ours, and for more than INTAKE_OTHERS. */
enum keyd_status intake_keys(struct intake *intake, uint8_t algorithm, const struct dnskey *own,
                             size_t own_count, struct keyd_error *err) KEYD_CHECKED;

/* Adds a notice for each line kept, each kind of records that was taken out, names that were
 * lowered, each key of others, and one for all that is misplaced. */
void intake_report(const struct intake *intake, struct report *report);

#endif
