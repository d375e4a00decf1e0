/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What one thread signs with, and how it turns a name into the text of its signed records. Desks
 * share nothing but the plan, which they only read.
 */
#ifndef DNSSEC_SIGNDESK_H
#define DNSSEC_SIGNDESK_H

#include <stddef.h>
#include <stdint.h>

#include "client/dns/nsec.h"
#include "client/dns/nsec3.h"
#include "client/dns/typeset.h"
#include "client/dns/zoneprint.h"
#include "client/dnssec/rrsig.h"
#include "client/dnssec/sign.h"
#include "client/dnssec/zonemd.h"

#define SIGN_KEYS_MAX 16 /* signers of a kind: more is a mistake */

/* The same for all desks. */
struct sign_plan {
    const struct zone *zone;
    const struct signing *signing;
    struct rrsig_terms terms;
    uint32_t denial_ttl;
    const struct nsec3_chain *chain; /* NULL: NSEC */
};

struct sign_desk {
    const struct sign_plan *plan;
    struct signer_seat ksks[SIGN_KEYS_MAX]; /* only where it was opened with them */
    struct signer_seat zsks[SIGN_KEYS_MAX];
    size_t ksk_count;
    size_t zsk_count;
    struct sigpage *kept;    /* NULL: nothing is kept */
    struct sign_count count; /* so far */
    struct typeset types;
    struct bytes rrsig;
    struct bytes denial; /* rdata of an NSEC or NSEC3 */
    struct owner_text owner;
    const uint8_t *owner_key; /* while its sets are made: dname_key of the owner below the apex */
    size_t owner_key_length;
    struct zonemd_name digest; /* with ZONEMD: the records of the name that is made, */
    struct bytes digested;     /* and what is digested of those before it */
    size_t zonemd_at;          /* the apex': where the lines of its ZONEMD stand in the text, */
    size_t zonemd_length;      /* and their bytes */
};

/* *desk is *owned*: sign_desk_close; also on an error, when it is not NULL. */
enum keyd_status sign_desk_open(const struct sign_plan *plan, bool with_ksks,
                                struct sign_desk **desk, struct keyd_error *err) KEYD_CHECKED;
void sign_desk_close(struct sign_desk *desk); /* takes NULL */

/* Appends the records of the name that the walk stands at, each set with its RRSIGs, and its NSEC
 * where the zone has such. The apex: of `apex`, whose one name has what signing brought; its SOA
 * comes first. */
enum keyd_status sign_name(struct sign_desk *desk, const struct name_walk *walk,
                           const struct zone_name *apex, struct bytes *out,
                           struct keyd_error *err) KEYD_CHECKED;

/* Appends the i-th NSEC3 of the chain with its RRSIGs. apex_types: the types at the apex. */
enum keyd_status sign_nsec3(struct sign_desk *desk, size_t i, const struct zone_name *apex,
                            struct bytes *out, struct keyd_error *err) KEYD_CHECKED;

/* Appends one set of the apex, such as its ZONEMD, with its RRSIGs. */
enum keyd_status sign_apex_set(struct sign_desk *desk, const struct rrset *set, struct bytes *out,
                               struct keyd_error *err) KEYD_CHECKED;

/* With ZONEMD: what is digested of the records that were made since the last call; empties it when
 * it was used (bytes_reset). An owner's records must all lie between two calls. */
struct bytes *sign_digested(struct sign_desk *desk);

#endif
