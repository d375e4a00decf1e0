/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Signing: an unsigned zone in, a signed zone out. Knows no file, no HSM, no clock: all is handed
 * in.
 */
#ifndef DNSSEC_SIGN_H
#define DNSSEC_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "client/dns/dnskey.h"
#include "client/dns/zone.h"
#include "client/dnssec/signer.h"

struct signing {
    const struct dnskey *dnskeys; /* the DNSKEY RRset that is published */
    size_t dnskey_count;
    const struct dns_signer *ksks; /* each signs DNSKEY, CDS and CDNSKEY (RFC 7344, 4.1) */
    size_t ksk_count;
    const struct dns_signer *zsks; /* each signs everything else */
    size_t zsk_count;
    uint32_t dnskey_ttl; /* seconds */
    uint32_t inception;  /* seconds since 1970 */
    uint32_t expiration;
    uint32_t serial; /* of the signed zone's SOA */
};

/* zone must have passed zonecheck. *out is finished and *owned*. *signatures: RRSIGs made. Calls
 * the signers, so it blocks where they do; their errors come back. */
enum keyd_status sign_zone(const struct zone *zone, const struct signing *signing,
                           struct zone **out, size_t *signatures,
                           struct keyd_error *err) KEYD_CHECKED;

/* The serial of an SOA set with one record. */
uint32_t soa_serial(const struct rrset *soa);

#endif
