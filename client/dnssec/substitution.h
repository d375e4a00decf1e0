/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The substitution of a NAPTR, "!EXPRESSION!REPLACEMENT!FLAGS" (RFC 3402, 3.2): whether BIND, which
 * alone of the servers reads it, loads it. The expression is an extended regular one (POSIX.2).
 */
#ifndef DNSSEC_SUBSTITUTION_H
#define DNSSEC_SUBSTITUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* length: 1 or more. Pure; any thread. */
bool substitution_is_good(const uint8_t *text, size_t length);

#endif
