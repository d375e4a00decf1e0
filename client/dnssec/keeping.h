/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The signatures that a zone keeps from one signing to the next, as a run has them: it reads those
 * of the last one and writes its own. Whatever goes wrong with either is told in one line on
 * standard error, and costs time alone.
 */
#ifndef DNSSEC_KEEPING_H
#define DNSSEC_KEEPING_H

#include "client/dnssec/session.h"
#include "client/dnssec/sign.h"

/* Seconds that a signature must still last to be kept. A zone that is signed once a week, and even
 * a day late, has none that has ended. */
#define KEEPING_LEAST ((7 + 1) * 86400)

struct keeping {
    const struct session *session; /* *borrowed* */
    char path[PATH_MAX];
    struct sigcache_seal *seal;
    struct sigcache *cache;
    struct sigcache_writer *writer;
    struct sign_keeping sign; /* for struct signing */
};

/* keys and pkeys: the ZSKs, looked at and not kept. times: which signatures are kept. Begins with
 * nothing where nothing can be kept; keeping_end after it, always, which takes one that is all
 * zero. */
void keeping_begin(struct keeping *keeping, const struct session *session,
                   const struct dnskey *keys, EVP_PKEY *const *pkeys, size_t count,
                   const struct sigpage_times *times);

/* For struct signing; NULL: each signature is made, none is kept. */
const struct sign_keeping *keeping_sign(const struct keeping *keeping);

/* published: the signed zone is in its place, and its signatures are kept for the next one. */
void keeping_end(struct keeping *keeping, bool published);

#endif
