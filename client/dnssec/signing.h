/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From an unsigned zone to a published signed zone: sign, write beside, verify, put in place,
 * reload.
 */
#ifndef DNSSEC_SIGNING_H
#define DNSSEC_SIGNING_H

#include "client/dnssec/report.h"
#include "client/dnssec/session.h"
#include "client/dnssec/verify.h"

#define SIGNATURES_BEFORE  3600         /* seconds: clocks of resolvers that are behind */
#define SIGNATURES_AFTER   (14 * 86400) /* seconds */
#define SIGNATURES_REFRESH (7 * 86400)  /* seconds left at which to sign again */
#define SIGNATURES_LONGEST (90 * 86400) /* seconds: what is signed can be replayed for so long */

#define ZONEMD_TEXT "ZONEMD, SHA-384" /* for people */

/* Does all of it for a zone whose keys are in the state, and adds to the report what came of it.
 * zone has passed zonecheck. On a dry run it stops before putting in place. A failed reload command
 * is an error too (reason RELOAD), but then the signed zone stands and the state says so. Blocks on
 * the disk, on keyd and on the command. */
enum keyd_status signing_run(struct session *session, const struct zone *zone,
                             struct report *report, struct keyd_error *err) KEYD_CHECKED;

/* Whether the time, or --now, is one to sign at: signing_run asks it too, but whoever makes keys
 * first asks before. FAILED_PRECONDITION, CLOCK. */
enum keyd_status signing_check_clock(const struct session *session,
                                     struct keyd_error *err) KEYD_CHECKED;

/* Judges a signed zone file by the state's keys and the clock. path: NULL for the published one. */
enum keyd_status signing_verify(const struct session *session, const char *path,
                                struct verified *verified, struct keyd_error *err) KEYD_CHECKED;

#endif
