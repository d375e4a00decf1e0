/* SPDX-License-Identifier: BSD-2-Clause
 * Two software keys, and zones that they signed. What goes wrong here ends the program. */
#ifndef TESTS_DNSSEC_KEYS_H
#define TESTS_DNSSEC_KEYS_H

#include <openssl/evp.h>

#include "client/dns/dnskey.h"
#include "client/dns/zone.h"
#include "client/dnssec/denial.h"
#include "client/dnssec/softsigner.h"

#define NOW INT64_C(1795509062) /* 2026-11-24 08:31:02 */

/* A zone, example.org, with one of everything that signing treats in its own way. */
extern const char zone_text[];

struct keys {
    struct dnskey dnskeys[2]; /* KSK, ZSK */
    EVP_PKEY *pkeys[2];
    struct soft_signer soft[2];
    struct dns_signer signers[2];
    bool zonemd; /* what they sign gets a ZONEMD */
};

struct keys *make_keys(void); /* of algorithm 13 */
struct keys *make_keys_of(unsigned ksk_algorithm, unsigned zsk_algorithm);
void free_keys(struct keys *keys);

/* The text of the signed zone: from an hour before `now` to a day after it, serial 8, DNSKEY's TTL
 * 600, with NSEC. *Owned*. */
char *sign_with(const struct zone *zone, const struct keys *keys, int64_t now);

/* The same with another denial, by so many threads (0: one for each core). */
char *sign_denying(const struct zone *zone, const struct keys *keys, int64_t now,
                   struct denial denial, unsigned threads);

#endif
