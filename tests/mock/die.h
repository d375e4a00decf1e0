/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the mock does when a test has set it up wrongly (a misspelt fault, a state file that cannot
 * be written): it says so on standard error and aborts. A fault that is quietly ignored would be a
 * test that cannot fail. */
#ifndef TESTS_MOCK_DIE_H
#define TESTS_MOCK_DIE_H

#include <stddef.h>

_Noreturn void mock_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Zeroed memory, *owned*: free(). Never NULL. */
void *mock_alloc(size_t size);

/* A copy of `size` bytes with a NUL after them, *owned*: free(). Never NULL. */
void *mock_copy(const void *data, size_t size);

#endif
