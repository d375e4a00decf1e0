/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The operator's command that makes the server take the new zone.
 */
#ifndef DNSSEC_RELOAD_H
#define DNSSEC_RELOAD_H

#include "keyd/base/error.h"

#define RELOAD_TIMEOUT_MS 60000 /* a server that takes longer to reload is stuck */

/* Runs `/bin/sh -c COMMAND` and waits. Its output goes nowhere but into the error. INTERNAL, reason
 * RELOAD, with exit status or signal and the begin of the output; when the time is over the command
 * and its children in the same process group are killed. */
enum keyd_status reload_run(const char *command, int timeout_ms,
                            struct keyd_error *err) KEYD_CHECKED;

#endif
