/* SPDX-License-Identifier: BSD-2-Clause
 *
 * CDS and CDNSKEY that are in a zone already (RFC 7344): whether they go with the keys that the
 * zone will have. BIND does not load a zone whose do not, and a parent that takes them would break
 * it.
 */
#ifndef DNSSEC_CDSCHECK_H
#define DNSSEC_CDSCHECK_H

#include "client/dns/dnskey.h"
#include "client/dns/zone.h"
#include "keyd/base/error.h"

/* keys: the whole DNSKEY RRset. FAILED_PRECONDITION, CDS, where the apex has a
 * CDS or CDNSKEY of an algorithm of which none fits a key, a CDS with a digest that cannot be
 * compared, or a delete (RFC 8078, 4) that is not alone in its set. Pure. */
enum keyd_status cdscheck(const struct zone *zone, const struct dnskey *keys, size_t count,
                          struct keyd_error *err) KEYD_CHECKED;

/* The part of it that can be told before there are keys, so that nothing is made for a zone that
 * cannot be signed: all DNSKEYs will be of this algorithm. Pure. */
enum keyd_status cdscheck_algorithm(const struct zone *zone, uint8_t algorithm,
                                    struct keyd_error *err) KEYD_CHECKED;

#endif
