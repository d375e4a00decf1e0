/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How long calls took, millions of them in little memory: a histogram whose buckets grow with the
 * time, so that a percentile is right to 1/16 of itself, and the worst to the microsecond. */
#ifndef TESTS_SOAK_LATENCY_H
#define TESTS_SOAK_LATENCY_H

#include <stdatomic.h>
#include <stdint.h>

#define LATENCY_BUCKETS 512 /* up to 2^35 microseconds */

/* Zeroed: empty. Any thread may add to it and read it. */
struct latency {
    atomic_ulong count;
    atomic_ulong worst_us;
    atomic_ulong buckets[LATENCY_BUCKETS];
};

void latency_add(struct latency *latency, uint64_t us);

/* The time in microseconds that this part (0.5: the median) of the calls did not take longer than;
 * 0 when there were none. */
uint64_t latency_at(struct latency *latency, double part);

#endif
