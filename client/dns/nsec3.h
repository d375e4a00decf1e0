/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The NSEC3 chain of a zone (RFC 5155) with SHA-1, 0 iterations and an empty salt, as RFC 9276
 * wants it: who is in it, in the order of the hashes. A finished chain does not change and may be
 * read by any number of threads. Nothing blocks.
 */
#ifndef DNS_NSEC3_H
#define DNS_NSEC3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/bytes.h"
#include "client/dns/nsec.h"
#include "client/dns/zone.h"

#define NSEC3_HASH    20 /* bytes: SHA-1 */
#define NSEC3_LABEL   32 /* characters of it in base32hex, in lower case */
#define NSEC3_OPT_OUT 1  /* flag of an NSEC3, RFC 5155, 3.1.2.1 */

struct nsec3_chain;

/* One NSEC3 of the chain. */
struct nsec3_link {
    const uint8_t *hash; /* of NSEC3_HASH bytes, as is the next one; both *borrowed* */
    const uint8_t *next;
    bool has_name;         /* else an empty non-terminal: nothing is at that name */
    struct zone_name name; /* which it is, and of which kind */
    enum name_kind kind;
};

/* Hashes all names that are not below a delegation, and the empty non-terminals above them. With
 * opt_out no delegation without DS, and no empty non-terminal that only leads to such (RFC 5155,
 * 7.1 and erratum 3441). *chain is *owned*: nsec3_chain_free. FAILED_PRECONDITION, NSEC3_COLLISION,
 * when two names have one hash. The zone must outlive the chain. */
enum keyd_status nsec3_chain_make(const struct zone *zone, bool opt_out, struct nsec3_chain **chain,
                                  struct keyd_error *err) KEYD_CHECKED;
void nsec3_chain_free(struct nsec3_chain *chain); /* takes NULL */

size_t nsec3_chain_count(const struct nsec3_chain *chain);
const uint8_t *nsec3_chain_hash(const struct nsec3_chain *chain, size_t i); /* *borrowed* */
void nsec3_chain_link(const struct nsec3_chain *chain, size_t i, struct nsec3_link *link);

/* The label of a hash, NSEC3_LABEL characters without NUL. It is the hash's order, too. */
void nsec3_label(const uint8_t *hash, uint8_t *label);

/* Append the rdata of an NSEC3, its types as they are, and that of the zone's NSEC3PARAM. */
void nsec3_rdata(const uint8_t *next, bool opt_out, const struct typeset *types,
                 struct bytes *rdata);
void nsec3param_rdata(struct bytes *rdata);

#endif
