/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a fuzz target is: tests/fuzz/NOUN.c with this function, seeds and once-found inputs in
 * tests/fuzz/corpus/NOUN. scripts/fuzz lets libFuzzer call it; replay.c, in the tests, calls it
 * with what is in the corpus.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Returns 0. What must not be ends in abort(). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
