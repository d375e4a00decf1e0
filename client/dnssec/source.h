/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where a zone comes from before it is signed: a file, standard input, or a server by AXFR.
 */
#ifndef DNSSEC_SOURCE_H
#define DNSSEC_SOURCE_H

#include "client/dnssec/intake.h"
#include "client/dnssec/options.h"
#include "client/dnssec/state.h"

/* Takes over what enable's options say of it; what they do not name stays as it is.
 * INVALID_ARGUMENT, reason USAGE, when nothing is known then, or they do not go together. */
enum keyd_status source_set(const struct options *options, struct zone_state *state,
                            struct keyd_error *err) KEYD_CHECKED;

/* What this run reads: the file of sign's options, else what the state has. For messages and
 * reports; *borrowed* from one of the two. */
const char *source_name(const struct options *options, const struct zone_state *state);

/* "the zone file", "standard input" or "the server": where a serial was found; static. */
const char *source_noun(const struct options *options, const struct zone_state *state);

/* Gives the zone's records to the intake as they come; after an error they are to be thrown away.
 * The errors of zonefile.h, tsigkey.h, axfr.h and intake.h; INVALID_ARGUMENT, USAGE, when the zone
 * came from standard input and is not given again. Blocks on the disk, on whoever writes to
 * standard input, or on the server (axfr.h has the limits). */
enum keyd_status source_read(const struct options *options, const struct zone_state *state,
                             struct intake *intake, struct keyd_error *err) KEYD_CHECKED;

#endif
