/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ends the process when a call into the module does not come back. A hung module cannot be called
 * back, only left: one error line that names the function, then _exit(1); the supervisor starts
 * keyd-hsm afresh. Where nobody takes the line, SIGALRM ends the process.
 *
 * One watchdog a process. Every thread that calls the module has a place on its board.
 */
#ifndef KEYD_HSM_WATCHDOG_H
#define KEYD_HSM_WATCHDOG_H

#include <stdint.h>

#include "keyd/base/error.h"

/* Threads that may be inside the module at once over the life of a process: the most signers that a
 * configuration allows, the managing thread, the main thread, and some room. */
#define WATCHDOG_PLACES 72

/* How late the watchdog may be, in milliseconds. */
#define WATCHDOG_TICK_MS 100

/* Starts the watching thread, once, and tells from now on in which function the module crashed.
 * Any thread. */
enum keyd_status watchdog_start(struct keyd_error *err) KEYD_CHECKED;

/* This thread goes into `function` (static text) now and must be back within `limit_ms`. Not
 * nested. Cheap: no system call, no lock. */
void watchdog_enter(const char *function, int64_t limit_ms);

/* This thread is back. */
void watchdog_leave(void);

/* A function of the module that a thread is in, static text; NULL: there is none. Any thread. */
const char *watchdog_inside(void);

#endif
