/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What one thread does with kept signatures (sigcache.h): it finds those of the sets that it comes
 * to, and gathers those that the next signing will find. Sets come in canonical order or nearly so:
 * then each is where the one before it ended.
 */
#ifndef DNSSEC_SIGPAGE_H
#define DNSSEC_SIGPAGE_H

#include "client/dnssec/sigcache.h"

/* Which signatures are still good. All of it in seconds since 1970. */
struct sigpage_times {
    uint32_t begun; /* it must have begun by then */
    uint32_t least; /* it must not end before this */
};

/* A set as it is signed by one ZSK. */
struct sigpage_set {
    const uint8_t *owner_key; /* dname_key of the owner below the apex */
    size_t key_length;
    size_t zsk;      /* as the seal counts them */
    uint32_t latest; /* a signature that ends after this is no good */
    uint8_t hash[SIGCACHE_HASH];
};

struct sigpage_signature {
    uint32_t inception;
    uint32_t expiration;
    const uint8_t *bytes; /* *borrowed*: of the page until the next call, or of whoever keeps it */
};

struct sigpage;

/* cache: NULL where there is none; it is *borrowed*, as the seal is. *page is *owned*. */
enum keyd_status sigpage_new(const struct sigcache_seal *seal, struct sigcache *cache,
                             const struct sigpage_times *times, struct sigpage **page,
                             struct keyd_error *err) KEYD_CHECKED;
void sigpage_free(struct sigpage *page); /* takes NULL */

/* Names a set by what is signed (RFC 4034, 3.1.8.1) with zeros for the two times. */
enum keyd_status sigpage_hash(struct sigpage *page, const uint8_t *message, size_t length,
                              uint8_t hash[SIGCACHE_HASH], struct keyd_error *err) KEYD_CHECKED;

/* False when there is none that is still good; *signature is left as it is then. Blocks on the
 * disk.
 */
bool sigpage_find(struct sigpage *page, const struct sigpage_set *set,
                  struct sigpage_signature *signature);

/* Gathers a signature for the next time. Errors are sigpage_take's. */
void sigpage_keep(struct sigpage *page, const struct sigpage_set *set,
                  const struct sigpage_signature *signature);

/* Appends what was gathered to *out, in a form for sigpage_write, and begins anew. The next set is
 * of another owner. */
enum keyd_status sigpage_take(struct sigpage *page, struct bytes *out,
                              struct keyd_error *err) KEYD_CHECKED;

/* Gives what sigpage_take appended at the end of these bytes to the writer. Returns how many bytes
 * stood before it. */
size_t sigpage_write(struct sigcache_writer *writer, const uint8_t *data, size_t length);

#endif
