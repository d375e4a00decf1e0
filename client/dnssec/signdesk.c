/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/signdesk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/dns/rrtype.h"

/* Seconds that a kept signature may end after one that is made now: a clock that was set. Later
 * ends are of a clock that was wrong, or of a jitter that was less. */
#define CLOCK_SLACK 3600

#define AT_APEX ((const uint8_t *)"")

static enum keyd_status sit_down(const struct dns_signer *signers, size_t count,
                                 struct signer_seat *seats, size_t *seated, struct keyd_error *err)
{
    enum keyd_status status = KEYD_OK;
    if (count > SIGN_KEYS_MAX)
        return keyd_fail(err, KEYD_INTERNAL, "KEYS", "more than %d keys of a kind", SIGN_KEYS_MAX);
    while (*seated < count && status == KEYD_OK) {
        status = signer_sit(&seats[*seated], &signers[*seated], err);
        if (status == KEYD_OK)
            ++*seated;
    }
    return status;
}

enum keyd_status sign_desk_open(const struct sign_plan *plan, bool with_ksks,
                                struct sign_desk **desk, struct keyd_error *err)
{
    const struct signing *signing = plan->signing;
    struct sign_desk *made = calloc(1, sizeof *made);
    if (made == NULL)
        return keyd_fail_errno(err, ENOMEM, "signing");
    made->plan = plan;
    made->signer_length = dname_length(plan->terms.apex);
    *desk = made;
    enum keyd_status status =
        sit_down(signing->zsks, signing->zsk_count, made->zsks, &made->zsk_count, err);
    if (status == KEYD_OK && with_ksks)
        status = sit_down(signing->ksks, signing->ksk_count, made->ksks, &made->ksk_count, err);
    const struct sign_keeping *keeping = signing->keeping;
    if (status == KEYD_OK && keeping != NULL)
        status = sigpage_new(keeping->seal, keeping->cache, &keeping->times, &made->kept, err);
    return status;
}

void sign_desk_close(struct sign_desk *desk)
{
    if (desk == NULL)
        return;
    for (size_t i = 0; i < desk->ksk_count; i++)
        signer_rise(&desk->ksks[i]);
    for (size_t i = 0; i < desk->zsk_count; i++)
        signer_rise(&desk->zsks[i]);
    bytes_free(&desk->rrsig);
    bytes_free(&desk->denial);
    bytes_free(&desk->digested);
    zonemd_name_free(&desk->digest);
    sigpage_free(desk->kept);
    free(desk);
}

/* What the KSK signs. Below the apex these are data like others. */
static bool is_key_set(const struct rrset *set)
{
    return set->key_length == 0 &&
           (set->type == TYPE_DNSKEY || set->type == TYPE_CDS || set->type == TYPE_CDNSKEY);
}

/* ---- What is digested ----------------------------------------------------------------------- */

/* RFC 8976, 3.3.2: not the digest itself, nor its signatures. */
static bool is_digested(const struct sign_desk *desk, const struct rrset *set)
{
    return desk->plan->signing->zonemd && !(set->type == TYPE_ZONEMD && set->key_length == 0);
}

static void digest_rrsig(struct sign_desk *desk, const struct rrset *signed_set)
{
    const struct rdata rdata = {.data = desk->rrsig.data,
                                .canonical = desk->rrsig.data,
                                .length = (uint16_t)desk->rrsig.length};
    const struct rrset set = {.owner = signed_set->owner,
                              .type = TYPE_RRSIG,
                              .ttl = signed_set->ttl,
                              .count = 1,
                              .rdatas = &rdata};
    zonemd_name_add(&desk->digest, &set);
}

static void begin_owner(struct sign_desk *desk, const uint8_t *owner, const uint8_t *owner_key,
                        size_t key_length)
{
    owner_text(owner, &desk->owner);
    desk->owner_key = owner_key;
    desk->owner_key_length = key_length;
    if (desk->digest.count > 0 && !dname_equal(desk->digest.owner, owner))
        zonemd_name_take(&desk->digest, &desk->digested);
}

struct bytes *sign_digested(struct sign_desk *desk)
{
    zonemd_name_take(&desk->digest, &desk->digested);
    return &desk->digested;
}

/* ---- Sets ----------------------------------------------------------------------------------- */

/* Takes the signature of the signing before this one where it is still good, else makes one, and
 * keeps it for the next. Appends the RRSIG's rdata to desk->rrsig. */
static enum keyd_status keep_or_make(struct sign_desk *desk, const struct rrset *set, size_t zsk,
                                     struct keyd_error *err)
{
    uint8_t made[DNSSEC_SIGNATURE_MAX];
    const struct rrsig_terms *terms = &desk->plan->terms;
    const struct rrsig_terms timeless = {.apex = terms->apex};
    struct signer_seat *seat = &desk->zsks[zsk];
    struct bytes *message = &seat->message;
    struct rrsig rrsig = rrsig_for(set, &timeless, seat->signer);
    struct sigpage_signature signature = {terms->inception, rrsig_expiration(set, terms), made};
    struct sigpage_set wanted = {.owner_key = desk->owner_key,
                                 .key_length = desk->owner_key_length,
                                 .zsk = zsk,
                                 .latest = signature.expiration + CLOCK_SLACK};
    bytes_reset(message);
    rrsig_message(&rrsig, set, message);
    if (message->failed)
        return keyd_fail_errno(err, ENOMEM, "an RRSIG");
    enum keyd_status status =
        sigpage_hash(desk->kept, message->data, message->length, wanted.hash, err);
    if (status != KEYD_OK)
        return status;
    bool found = sigpage_find(desk->kept, &wanted, &signature);
    rrsig_set_times(&rrsig, signature.inception, signature.expiration, message);
    if (!found)
        status = signer_sign(seat, message->data, message->length, made, err);
    if (status != KEYD_OK)
        return status;
    if (desk->plan->signing->keeping->writer != NULL)
        sigpage_keep(desk->kept, &wanted, &signature);
    desk->count.kept += found;
    rrsig_rdata(&rrsig, signature.bytes, seat->signer->signature_length, &desk->rrsig);
    return desk->rrsig.failed ? keyd_fail_errno(err, ENOMEM, "an RRSIG") : KEYD_OK;
}

/* Signs a set and prints the RRSIGs. desk->owner is its owner's. */
static enum keyd_status add_signatures(struct sign_desk *desk, const struct rrset *set,
                                       struct bytes *out, struct keyd_error *err)
{
    bool by_ksk = is_key_set(set);
    struct signer_seat *seats = by_ksk ? desk->ksks : desk->zsks;
    size_t count = by_ksk ? desk->ksk_count : desk->zsk_count;
    for (size_t i = 0; i < count; i++) {
        bytes_reset(&desk->rrsig);
        enum keyd_status status =
            by_ksk || desk->kept == NULL
                ? rrsig_make(set, &desk->plan->terms, &seats[i], &desk->rrsig, err)
                : keep_or_make(desk, set, i, err);
        if (status != KEYD_OK)
            return status;
        print_rrsig(out, &desk->owner, set->ttl, desk->rrsig.data, desk->rrsig.length,
                    desk->signer_length, &desk->heads);
        if (is_digested(desk, set))
            digest_rrsig(desk, set);
        desk->count.signatures++;
    }
    return KEYD_OK;
}

static enum keyd_status add_set(struct sign_desk *desk, const struct rrset *set, bool is_signed,
                                struct bytes *out, struct keyd_error *err)
{
    print_set(out, &desk->owner, set);
    if (is_digested(desk, set))
        zonemd_name_add(&desk->digest, set);
    return is_signed ? add_signatures(desk, set, out, err) : KEYD_OK;
}

/* The set of one record whose rdata is in desk->denial. */
static enum keyd_status add_denial(struct sign_desk *desk, const uint8_t *owner, uint16_t type,
                                   struct bytes *out, struct keyd_error *err)
{
    const struct rdata rdata = {.data = desk->denial.data,
                                .canonical = desk->denial.data,
                                .length = (uint16_t)desk->denial.length};
    const struct rrset set = {
        .owner = owner, .type = type, .ttl = desk->plan->denial_ttl, .count = 1, .rdatas = &rdata};
    if (desk->denial.failed)
        return keyd_fail_errno(err, ENOMEM, "an NSEC record");
    return add_set(desk, &set, true, out, err);
}

static enum keyd_status add_nsec(struct sign_desk *desk, const struct name_walk *walk,
                                 const struct zone_name *name, struct bytes *out,
                                 struct keyd_error *err)
{
    struct name_walk ahead = *walk;
    const uint8_t *next =
        name_walk_next_owned(&ahead) ? ahead.name.owner.wire : zone_apex(desk->plan->zone);
    typeset_reset(&desk->types);
    nsec_add_types(name, walk->kind, &desk->types);
    typeset_add(&desk->types, TYPE_RRSIG);
    typeset_add(&desk->types, TYPE_NSEC);
    bytes_reset(&desk->denial);
    bytes_add(&desk->denial, next, dname_length(next));
    typeset_encode(&desk->types, &desk->denial);
    return add_denial(desk, name->owner.wire, TYPE_NSEC, out, err);
}

static enum keyd_status add_soa(struct sign_desk *desk, const struct zone_name *apex,
                                struct bytes *out, struct keyd_error *err)
{
    struct rrset set = {0};
    while (zone_next_set(apex, &set)) {
        if (set.type == TYPE_SOA)
            return add_set(desk, &set, true, out, err);
    }
    return KEYD_OK;
}

enum keyd_status sign_apex_set(struct sign_desk *desk, const struct rrset *set, struct bytes *out,
                               struct keyd_error *err)
{
    begin_owner(desk, set->owner, AT_APEX, 0);
    return add_set(desk, set, true, out, err);
}

/* Its digest is known at the end: it gets its lines now, and its content then. */
static enum keyd_status add_zonemd(struct sign_desk *desk, const struct rrset *set,
                                   struct bytes *out, struct keyd_error *err)
{
    desk->zonemd_at = out->length;
    enum keyd_status status = add_set(desk, set, true, out, err);
    desk->zonemd_length = out->length - desk->zonemd_at;
    return status;
}

static enum keyd_status add_named_set(struct sign_desk *desk, enum name_kind kind,
                                      const struct rrset *set, struct bytes *out,
                                      struct keyd_error *err)
{
    if (kind == NAME_APEX && set->type == TYPE_SOA)
        return KEYD_OK; /* it came first */
    if (kind == NAME_APEX && set->type == TYPE_ZONEMD)
        return add_zonemd(desk, set, out, err);
    return add_set(desk, set, nsec_is_signed(kind, set->type), out, err);
}

enum keyd_status sign_name(struct sign_desk *desk, const struct name_walk *walk,
                           const struct zone_name *apex, struct bytes *out, struct keyd_error *err)
{
    bool at_apex = walk->kind == NAME_APEX;
    const struct zone_name *name = at_apex ? apex : &walk->name;
    bool nsec_due = walk->kind != NAME_BELOW_CUT && desk->plan->chain == NULL;
    struct rrset set = {0};
    begin_owner(desk, name->owner.wire, at_apex ? AT_APEX : name->key,
                at_apex ? 0 : name->key_length);
    enum keyd_status status = at_apex ? add_soa(desk, apex, out, err) : KEYD_OK;
    while (status == KEYD_OK && zone_next_set(name, &set)) {
        if (nsec_due && set.type > TYPE_NSEC) {
            nsec_due = false;
            status = add_nsec(desk, walk, name, out, err);
        }
        if (status == KEYD_OK)
            status = add_named_set(desk, walk->kind, &set, out, err);
    }
    if (status == KEYD_OK && nsec_due)
        status = add_nsec(desk, walk, name, out, err);
    return status;
}

/* HASH.apex */
static void nsec3_owner(const struct sign_plan *plan, const uint8_t *hash, struct dname *owner)
{
    size_t length = dname_length(plan->terms.apex);
    owner->wire[0] = NSEC3_LABEL;
    nsec3_label(hash, owner->wire + 1);
    memcpy(owner->wire + 1 + NSEC3_LABEL, plan->terms.apex, length);
    owner->length = (uint8_t)(1 + NSEC3_LABEL + length);
}

enum keyd_status sign_nsec3(struct sign_desk *desk, size_t i, const struct zone_name *apex,
                            struct bytes *out, struct keyd_error *err)
{
    struct nsec3_link link;
    struct dname owner;
    uint8_t owner_key[NSEC3_LABEL + 1] = {0};
    nsec3_chain_link(desk->plan->chain, i, &link);
    typeset_reset(&desk->types);
    if (link.has_name &&
        nsec_add_types(link.kind == NAME_APEX ? apex : &link.name, link.kind, &desk->types))
        typeset_add(&desk->types, TYPE_RRSIG);
    bytes_reset(&desk->denial);
    nsec3_rdata(link.next, desk->plan->signing->denial.opt_out, &desk->types, &desk->denial);
    nsec3_owner(desk->plan, link.hash, &owner);
    nsec3_label(link.hash, owner_key);
    begin_owner(desk, owner.wire, owner_key, sizeof owner_key);
    return add_denial(desk, owner.wire, TYPE_NSEC3, out, err);
}
