/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What lies at the place of the signed zone before this program writes there for the first time.
 */
#ifndef DNSSEC_TAKEOVER_H
#define DNSSEC_TAKEOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/dnskey.h"
#include "keyd/base/error.h"

struct takeover {
    bool have_serial; /* a zone with an SOA is there: secondaries may have its serial */
    uint32_t serial;
};

/* Whether the file may be replaced by the zone, signed with the keys `own`. A missing or empty file
 * may, an unsigned zone may, and one with DNSKEYs of ours only. FAILED_PRECONDITION,
 * SIGNED_BY_OTHERS, for any other DNSKEY: resolvers that hold the old keys, or follow a DS to them,
 * would find the new zone bogus. FAILED_PRECONDITION, SIGNED_ZONE, for what is no file of this
 * zone. Blocks on the disk. */
enum keyd_status takeover_check(const char *path, const uint8_t *apex, const struct dnskey *own,
                                size_t own_count, struct takeover *takeover,
                                struct keyd_error *err) KEYD_CHECKED;

#endif
