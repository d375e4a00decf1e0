/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The end of a test that is set up wrongly. */
#include "tests/mock/die.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mock_die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("mock: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}

void *mock_alloc(size_t size)
{
    void *memory = calloc(1, size > 0 ? size : 1);
    if (memory == NULL)
        mock_die("no memory for %zu bytes", size);
    return memory;
}

void *mock_copy(const void *data, size_t size)
{
    char *copy = mock_alloc(size + 1);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}
