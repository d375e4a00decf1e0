/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How far a long job is, for whoever waits before a terminal: one line on standard error, drawn
 * again in its place five times a second from two seconds on, and wiped when the job is done, when
 * a signal ends the program, and before a complaint. There is a terminal or there is nothing: no
 * line and no thread, but with standard error on a terminal that is not "dumb". A program in the
 * background draws nothing.
 *
 * One job at a time; all of it from one thread, but for meter_hold and meter_format.
 */
#ifndef CLIENT_SHOW_METER_H
#define CLIENT_SHOW_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keyd/base/progress.h"

#define METER_AFTER_MS 2000 /* what is shorter needs no words */
#define METER_EVERY_MS 200

/* The job begins. quiet: it is not shown. */
void meter_open(bool quiet);

/* It comes to a step, "Signing", which is shown with its own time. unit: of what is counted there,
 * "names"; NULL: bytes. Both are *borrowed*. What comes back is all zero, for whoever does the step
 * to count in, until the next step; NULL where nobody looks. */
struct progress *meter_step(const char *step, const char *unit);

/* It is done: the terminal is as it was before. Nothing where no job is open. */
void meter_close(void);

/* Wipes the line and keeps it away, for what is written to the terminal until meter_go_on. Any
 * thread. */
void meter_hold(void);
void meter_go_on(void);

/* What the line is made of. */
struct meter_view {
    const char *step;
    const char *unit; /* NULL: bytes */
    size_t done;      /* 0 of 0: nothing is counted */
    size_t total;     /* 0: not known */
    int64_t elapsed_ms;
};

#define METER_LINE 160 /* bytes with the NUL */

/* "Signing 43%  [####-----]  86,016 of 200,003 names, 6 s, about 8 s left", as far as a terminal of
 * so many columns has room for it, with one of them left empty. Pure. */
void meter_format(const struct meter_view *view, size_t columns, char line[METER_LINE]);

#endif
