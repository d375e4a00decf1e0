/* SPDX-License-Identifier: BSD-2-Clause
 *
 * TTLs as people write them: 3600, 1h, 1w2d3h4m5s (BIND's units).
 */
#ifndef DNS_TTL_H
#define DNS_TTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TTL_MAX  INT32_MAX /* seconds, RFC 2181, 8 */
#define TTL_TEXT 48        /* characters of ttl_format with the NUL */

/* Any 32-bit number of seconds is read (SOA's timers may be such); above TTL_MAX it is no TTL. */
bool ttl_parse(const char *text, size_t length, uint32_t *seconds);

/* For people: "2 days", "1 hour 30 minutes", "300 seconds" (exactly; at most two units). */
void ttl_format(int64_t seconds, char text[TTL_TEXT]);

#endif
