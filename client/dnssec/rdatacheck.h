/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rdata that is well formed by its type's layout (rdata_check), but that a server refuses to load:
 * each kind here is one that BIND 9.18 or NSD 4.6 was seen to refuse, in any form in which it can
 * be written.
 */
#ifndef DNSSEC_RDATACHECK_H
#define DNSSEC_RDATACHECK_H

#include <stddef.h>
#include <stdint.h>

/* NULL, or what is wrong (static). The rdata has passed rdata_check. Pure; any thread. */
const char *rdatacheck(uint16_t type, const uint8_t *rdata, size_t length);

#endif
