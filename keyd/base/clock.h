/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The one clock. Every time that ends up in a record, a signature or a decision is read here, so
 * that a test or --now can fix it.
 */
#ifndef KEYD_BASE_CLOCK_H
#define KEYD_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_TEXT_MAX 32 /* bytes for clock_format, with the NUL */

/* Milliseconds since 1970-01-01T00:00:00Z. Any thread. */
int64_t clock_now(void);

/* From now on clock_now gives this; for tests and --now. Before any second thread. */
void clock_fix(int64_t now_ms);

/* CLOCK_MONOTONIC in nanoseconds, for deadlines; the same in every process of a host; never fixed.
 */
int64_t clock_monotonic_ns(void);

/* "2026-11-24T08:31:02.412Z" (RFC 3339, UTC), into text[CLOCK_TEXT_MAX]. Any thread; as clock_now
 * also in a signal handler. */
void clock_format(int64_t ms, char text[CLOCK_TEXT_MAX]);

/* Reads what clock_format writes, with or without the fraction; false when it is something else, or
 * a day or an hour that there is not. */
bool clock_parse(const char *text, int64_t *ms);

#endif
