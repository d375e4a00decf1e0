/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file that KEYD_MOCK_COUNTS names: how often each function was called and each fault happened,
 * over all processes that share it. README.md tells its reader the format. */
#ifndef TESTS_MOCK_COUNT_H
#define TESTS_MOCK_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#define COUNT_NO_LIMIT UINT64_MAX

/* Adds one to `name` (at most 40 bytes, no blanks), unless it has reached `limit`: then false. On
 * disk (not synced) when it returns. Without KEYD_MOCK_COUNTS it counts nothing and says true. Any
 * thread. */
bool count_add(const char *name, uint64_t limit);

/* Whether there is a file to count in. */
bool count_enabled(void);

#endif
