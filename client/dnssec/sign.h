/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Signing: an unsigned zone in, the text of a signed zone out, in canonical order and as one
 * stream: a signed zone is never held. Knows no file, no HSM, no clock: all is handed in.
 */
#ifndef DNSSEC_SIGN_H
#define DNSSEC_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "client/dns/dnskey.h"
#include "client/dns/zone.h"
#include "client/dnssec/denial.h"
#include "client/dnssec/signer.h"
#include "client/dnssec/sigpage.h"
#include "keyd/base/progress.h"

/* Signatures of the signing before this one, and those for the next. All *borrowed*. The KSKs' are
 * not among them. */
struct sign_keeping {
    const struct sigcache_seal *seal; /* of the ZSKs, in their order */
    struct sigcache *cache;           /* NULL: there are none */
    struct sigcache_writer *writer;   /* NULL: none are kept */
    struct sigpage_times times;
};

struct signing {
    const struct dnskey *dnskeys; /* the DNSKEY RRset that is published */
    size_t dnskey_count;
    const struct dns_signer *ksks; /* each signs DNSKEY, CDS and CDNSKEY (RFC 7344, 4.1) */
    size_t ksk_count;
    const struct dns_signer *zsks; /* each signs everything else */
    size_t zsk_count;
    uint32_t dnskey_ttl; /* seconds */
    uint32_t inception;  /* seconds since 1970 */
    uint32_t expiration; /* the latest */
    uint32_t jitter;     /* seconds before that, at most, at which others end (rrsig.h) */
    uint32_t serial;     /* of the signed zone's SOA */
    struct denial denial;
    bool zonemd;                        /* RFC 8976: a digest of the zone at its apex */
    const struct sign_keeping *keeping; /* NULL: each signature is made, none is kept */
    unsigned threads;                   /* that sign with the ZSKs; 0: one for each core */
    struct progress *progress;          /* of names and NSEC3s; NULL: nobody looks */
};

/* Where the text goes, in order. Called by one thread at a time, though not always by the same. */
struct sign_output {
    enum keyd_status (*add)(void *context, const void *text, size_t length, struct keyd_error *err);
    /* Puts text in the place of as much that was added, `at` bytes from the beginning. Called once,
     * after the last add, for ZONEMD; else it may be NULL. */
    enum keyd_status (*patch)(void *context, size_t at, const void *text, size_t length,
                              struct keyd_error *err);
    void *context;
};

struct sign_count {
    size_t signatures; /* RRSIGs */
    size_t kept;       /* of them, from the signing before */
};

/* zone must have passed zonecheck. The KSKs sign first, before the
 * output has got anything, all in the calling thread. An error of a signer or of the output ends
 * all and comes back; what the output has got by then is half a zone. */
enum keyd_status sign_zone(const struct zone *zone, const struct signing *signing,
                           const struct sign_output *output, struct sign_count *count,
                           struct keyd_error *err) KEYD_CHECKED;

/* The serial of an SOA set with one record; of a zone that has passed zonecheck. */
uint32_t soa_serial(const struct rrset *soa);
uint32_t zone_serial(const struct zone *zone);

#endif
