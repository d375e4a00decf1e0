/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Judges a signed zone file before it is published, or the one that is: reads it back and checks it
 * as a validator would. Shares nothing with the signer above the reading of text and names: the
 * forms that are signed, the chains' rules and the use of the keys are written a second time
 * (canon.h, chain.h, checker.h). The file is read once, as a stream, one name held at a time; only
 * one that is not in canonical order, which is none of ours, is held as a whole.
 *
 * Always checked: the DNSKEY set is exactly the given one and chains from the KSKs' DS; the apex;
 * all RRSIGs' fields and times; that every algorithm of the DNSKEYs signs every set; one TTL in
 * each RRset; which sets must and must not have one; the whole NSEC or NSEC3 chain: sorted, closed,
 * no name missing or too many, each bitmap equal to what is there; the zone's digest, where it has
 * one; and, where the unsigned zone is given, that nothing of it is missing, changed, or new.
 * Signatures: all of them, or those of the apex and a sample.
 */
#ifndef DNSSEC_VERIFY_H
#define DNSSEC_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/dnskey.h"
#include "client/dns/zone.h"
#include "client/dnssec/denial.h"
#include "keyd/base/progress.h"

enum verify_mode {
    VERIFY_DEFAULT, /* full under VERIFY_FULL_BELOW RRsets, else sample */
    VERIFY_FULL,
    VERIFY_SAMPLE,
};

#define VERIFY_FULL_BELOW 10000 /* RRsets: some 0.7 s of P-256 on one core */
/* Signatures besides the apex', of those that were made, and as many of those that were kept: where
 * one in a hundred is bad, 300 find it in 95 of 100 runs. */
#define VERIFY_SAMPLE_SIZE 300

struct verification {
    const char *shown; /* in messages, where nobody can look at the file later: then they name no
                          line of it; NULL: its path */
    const uint8_t *apex;
    const struct dnskey *dnskeys; /* all that must be there; those with the SEP flag are KSKs */
    size_t dnskey_count;
    const struct dnskey *others; /* of other signers, that must be there too, and sign nothing */
    size_t other_count;
    const struct zone *unsigned_zone; /* NULL: not known */
    size_t signatures;                /* that there are, for the sample; 0: not known */
    size_t kept;                      /* of them: made by the signing before */
    uint32_t inception;               /* of those that are new, where some were kept */
    const uint32_t *serial;           /* NULL: any */
    struct denial denial;             /* that it must have */
    bool zonemd;                      /* whether it must have a ZONEMD (RFC 8976), or none */
    int64_t now;                      /* seconds since 1970 */
    bool now_is_given;                /* by --now: no clock is to blame for it */
    enum verify_mode mode;
    unsigned threads;          /* that check signatures; 0: one for each core */
    struct progress *progress; /* of bytes of the file; NULL: nobody looks */
};

struct verified {
    size_t rrsets;     /* without RRSIGs */
    size_t signatures; /* RRSIGs there */
    size_t checked;    /* of them, by cryptography */
    uint32_t serial;
    int64_t expiration; /* of the RRSIG that ends first */
};

/* DATA_LOSS, reason VERIFICATION, with file, line, name, type and what is wrong; the errors of
 * zonefile_load where it cannot be read. Blocks on the disk and on the processor. */
enum keyd_status verify_file(const char *path, const struct verification *verification,
                             struct verified *verified, struct keyd_error *err) KEYD_CHECKED;

#endif
