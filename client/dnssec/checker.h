/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The cryptography of the verifier: checks signatures on all cores while further ones are added.
 * Keys and signatures are brought from their DNSSEC forms to OpenSSL's here, by no code that the
 * signer uses.
 */
#ifndef DNSSEC_CHECKER_H
#define DNSSEC_CHECKER_H

#include <stddef.h>
#include <stdint.h>

#include "client/dns/dname.h"
#include "client/dns/dnskey.h"
#include "keyd/base/error.h"

struct checker;

/* One signature to check; all of it is *borrowed* for the call. */
struct check_task {
    const uint8_t *owner; /* with type and line, for messages */
    uint16_t type;
    unsigned line; /* of the RRSIG */
    size_t key;    /* index of the DNSKEY */
    const uint8_t *message;
    size_t message_length;
    const uint8_t *signature;
    size_t signature_length;
};

/* The first one added, of those that are bad. */
struct check_result {
    size_t checked; /* signatures, good or bad */
    bool bad;
    uint8_t owner[DNAME_MAX];
    uint16_t type;
    unsigned line;
    size_t key;
};

/* *checker is *owned*: checker_end. The keys are looked at and not kept. threads: 0: one for each
 * core. */
enum keyd_status checker_new(const struct dnskey *keys, size_t count, unsigned threads,
                             struct checker **checker, struct keyd_error *err) KEYD_CHECKED;

/* Blocks while more waits than is good to hold. Called by one thread. */
enum keyd_status checker_add(struct checker *checker, const struct check_task *task,
                             struct keyd_error *err) KEYD_CHECKED;

/* Waits for all that was added and frees the checker. Takes NULL. */
void checker_end(struct checker *checker, struct check_result *result);

#endif
