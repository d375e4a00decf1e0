/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory for a daemon. When the system has none left the process ends, is started afresh by
 * its supervisor and has lost nothing: the same way back as after any other fault.
 */
#ifndef KEYD_BASE_MEMORY_H
#define KEYD_BASE_MEMORY_H

#include <stddef.h>

void *memory_zeroed(size_t count, size_t size);           /* never NULL, free with free() */
void *memory_grown(void *old, size_t count, size_t size); /* realloc; the new part is not zeroed */
char *memory_text(const char *text);                      /* a copy */
void *memory_copy(const void *data, size_t size);         /* a copy; size 0 gives one byte */

#endif
