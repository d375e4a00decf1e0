/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/soak/latency.h"

#include <math.h>

#define FINE_BITS 4 /* 16 buckets from one power of two to the next */
#define FINE      (1u << FINE_BITS)

static unsigned bucket_of(uint64_t us)
{
    if (us < FINE)
        return (unsigned)us;
    unsigned power = 63 - (unsigned)__builtin_clzll(us);
    unsigned bucket =
        (power - FINE_BITS + 1) * FINE + (unsigned)((us >> (power - FINE_BITS)) & (FINE - 1));
    return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

/* The largest time that falls into a bucket. */
static uint64_t top_of(unsigned bucket)
{
    if (bucket < FINE)
        return bucket;
    unsigned power = bucket / FINE + FINE_BITS - 1;
    return ((uint64_t)(FINE + bucket % FINE + 1) << (power - FINE_BITS)) - 1;
}

void latency_add(struct latency *latency, uint64_t us)
{
    atomic_fetch_add(&latency->buckets[bucket_of(us)], 1);
    atomic_fetch_add(&latency->count, 1);
    unsigned long worst = atomic_load(&latency->worst_us);
    while (us > worst && !atomic_compare_exchange_weak(&latency->worst_us, &worst, us))
        ;
}

uint64_t latency_at(struct latency *latency, double part)
{
    unsigned long count = atomic_load(&latency->count);
    unsigned long rank = (unsigned long)ceil((double)count * part);
    unsigned long seen = 0;
    for (unsigned bucket = 0; bucket < LATENCY_BUCKETS && count > 0; bucket++) {
        seen += atomic_load(&latency->buckets[bucket]);
        if (seen >= rank)
            return top_of(bucket) < atomic_load(&latency->worst_us)
                       ? top_of(bucket)
                       : atomic_load(&latency->worst_us);
    }
    return atomic_load(&latency->worst_us);
}
