/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/base/memory.h"

#include <stdlib.h>
#include <string.h>

#include "keyd/base/log.h"

static void *or_end(void *memory)
{
    if (memory == NULL) {
        log_error("out of memory: keyd ends, to be started afresh");
        abort();
    }
    return memory;
}

void *memory_zeroed(size_t count, size_t size)
{
    return or_end(calloc(count > 0 ? count : 1, size));
}

void *memory_grown(void *old, size_t count, size_t size)
{
    return or_end(reallocarray(old, count > 0 ? count : 1, size));
}

char *memory_text(const char *text)
{
    return or_end(strdup(text));
}

void *memory_copy(const void *data, size_t size)
{
    void *copy = or_end(malloc(size > 0 ? size : 1));
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}
