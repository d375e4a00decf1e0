/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How far a long job is: whoever does it counts, whoever shows it looks. Any thread may do either
 * at any time. Where nobody looks there is none, and all of this takes NULL.
 */
#ifndef KEYD_BASE_PROGRESS_H
#define KEYD_BASE_PROGRESS_H

#include <stdatomic.h>
#include <stddef.h>

struct progress {
    atomic_size_t done;
    atomic_size_t total; /* 0: not known (yet) */
};

/* So much more is to be done than was known. */
static inline void progress_expect(struct progress *progress, size_t more)
{
    if (progress != NULL)
        atomic_fetch_add_explicit(&progress->total, more, memory_order_relaxed);
}

/* So much of it is done. Count parts that take a millisecond, not each of a million steps. */
static inline void progress_add(struct progress *progress, size_t more)
{
    if (progress != NULL)
        atomic_fetch_add_explicit(&progress->done, more, memory_order_relaxed);
}

/* The job begins anew, and is no part of what was counted. Not while somebody counts. */
static inline void progress_restart(struct progress *progress)
{
    if (progress == NULL)
        return;
    atomic_store_explicit(&progress->done, 0, memory_order_relaxed);
    atomic_store_explicit(&progress->total, 0, memory_order_relaxed);
}

#endif
