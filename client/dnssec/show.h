/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What `ds` and `status` show, from the state alone: keyd need not run.
 */
#ifndef DNSSEC_SHOW_H
#define DNSSEC_SHOW_H

#include "client/dnssec/report.h"
#include "client/dnssec/session.h"

/* The DS of the zone's KSK in all the forms that registrars ask for; *line is the DS record alone
 * (DNAME_TEXT + DS_TEXT characters). */
#define DS_LINE_MAX 1400 /* characters with the NUL: a name, numbers, a digest of 96 */
enum keyd_status show_ds(struct session *session, struct report *report, char line[DS_LINE_MAX],
                         struct keyd_error *err) KEYD_CHECKED;

/* One zone: all values, keys included. */
enum keyd_status show_status(struct session *session, struct report *report,
                             struct keyd_error *err) KEYD_CHECKED;

#endif
