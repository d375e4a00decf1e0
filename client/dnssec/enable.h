/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `keyd-dnssec enable`: settings, keys, first signing, and the waits.
 */
#ifndef DNSSEC_ENABLE_H
#define DNSSEC_ENABLE_H

#include "client/dnssec/report.h"
#include "client/dnssec/session.h"
#include "client/dnssec/waits.h"

/* What is told to the operator afterwards. */
struct enabled {
    struct wait waits[WAITS_MAX];
    size_t wait_count;
    bool waits_are_before; /* preparations to do before enabling (dry run) */
};

/* Goes as far as it can, remembering each step; what it did is in the report even when it fails.
 * INVALID_ARGUMENT, reason USAGE, for options that do not go together. */
enum keyd_status enable_run(struct session *session, struct report *report, struct enabled *enabled,
                            struct keyd_error *err) KEYD_CHECKED;

#endif
