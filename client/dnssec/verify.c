/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/verify.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/dns/rrtype.h"
#include "client/dns/typeset.h"
#include "client/dns/zonefile.h"

/* One RRSIG, taken apart. */
struct signature {
    uint16_t covered;
    uint8_t algorithm;
    uint8_t labels;
    uint32_t original_ttl;
    uint32_t expiration;
    uint32_t inception;
    uint16_t key_tag;
    const uint8_t *signer;
    const struct rdata *rdata;
};

struct verifier {
    const char *path;
    const struct verification *wanted;
    const struct zone *zone;
    struct verified *verified;
    ldns_rr **keys;    /* one for each wanted DNSKEY */
    size_t every;      /* one signature in so many is checked; 1: all */
    size_t until_next; /* signatures to pass over */
    uint32_t nsec_ttl;
    const uint8_t *cut;      /* the last delegation, or NULL */
    const uint8_t *previous; /* the last owner with an NSEC, or NULL */
    const uint8_t *promised; /* the next owner that its NSEC names */
};

/* The sets of one name. */
struct at_name {
    size_t first;
    size_t next;
    const uint8_t *owner;
    bool apex;
    bool delegation;
    bool below_cut;
};

static enum keyd_status bad(const struct verifier *verifier, const uint8_t *owner, uint16_t type,
                            struct keyd_error *err, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static enum keyd_status bad(const struct verifier *verifier, const uint8_t *owner, uint16_t type,
                            struct keyd_error *err, const char *format, ...)
{
    char what[256];
    char name[DNAME_TEXT];
    char mnemonic[TYPE_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    dname_format(owner, name);
    rrtype_format(type, mnemonic);
    return keyd_fail(err, KEYD_DATA_LOSS, "VERIFICATION", "%s: %.256s %s: %s", verifier->path, name,
                     mnemonic, what);
}

/* ---- ldns' view of records ------------------------------------------------------------------ */

static ldns_rr *to_ldns(const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata,
                        size_t length)
{
    struct bytes wire = {0};
    ldns_rr *rr = NULL;
    size_t at = 0;
    bytes_add(&wire, owner, dname_length(owner));
    bytes_u16(&wire, type);
    bytes_u16(&wire, LDNS_RR_CLASS_IN);
    bytes_u32(&wire, ttl);
    bytes_u16(&wire, (unsigned)length);
    bytes_add(&wire, rdata, length);
    if (!wire.failed &&
        ldns_wire2rr(&rr, wire.data, wire.length, &at, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
        rr = NULL;
    bytes_free(&wire);
    return rr;
}

static ldns_rr_list *set_to_ldns(const struct rrset *set)
{
    ldns_rr_list *list = ldns_rr_list_new();
    for (size_t i = 0; i < set->count && list != NULL; i++) {
        ldns_rr *rr =
            to_ldns(set->owner, set->type, set->ttl, set->rdatas[i].data, set->rdatas[i].length);
        if (rr == NULL || !ldns_rr_list_push_rr(list, rr)) {
            ldns_rr_free(rr);
            ldns_rr_list_deep_free(list);
            return NULL;
        }
    }
    return list;
}

static ldns_rr *key_to_ldns(const uint8_t *apex, const struct dnskey *key)
{
    struct bytes rdata = {0};
    dnskey_rdata(key, &rdata);
    ldns_rr *rr = rdata.failed ? NULL : to_ldns(apex, TYPE_DNSKEY, 0, rdata.data, rdata.length);
    bytes_free(&rdata);
    return rr;
}

/* ldns' canonical order, for names that follow each other. */
static int ldns_order(const uint8_t *a, const uint8_t *b)
{
    ldns_rdf *left = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, dname_length(a), a);
    ldns_rdf *right = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, dname_length(b), b);
    int order = left != NULL && right != NULL ? ldns_dname_compare(left, right) : 0;
    ldns_rdf_deep_free(left);
    ldns_rdf_deep_free(right);
    return order;
}

/* ---- Signatures ----------------------------------------------------------------------------- */

static void take_apart(const struct rdata *rdata, struct signature *signature)
{
    struct cursor wire = cursor_over(rdata->data, rdata->length);
    signature->covered = cursor_u16(&wire);
    signature->algorithm = cursor_u8(&wire);
    signature->labels = cursor_u8(&wire);
    signature->original_ttl = cursor_u32(&wire);
    signature->expiration = cursor_u32(&wire);
    signature->inception = cursor_u32(&wire);
    signature->key_tag = cursor_u16(&wire);
    signature->signer = dname_take(&wire);
    signature->rdata = rdata;
}

/* Index of the wanted key that a signature names; dnskey_count when there is none. */
static size_t key_of(const struct verifier *verifier, const struct signature *signature)
{
    size_t i = 0;
    for (; i < verifier->wanted->dnskey_count; i++) {
        if (verifier->wanted->dnskeys[i].algorithm == signature->algorithm &&
            ldns_calc_keytag(verifier->keys[i]) == signature->key_tag)
            break;
    }
    return i;
}

static size_t labels_without_star(const uint8_t *owner)
{
    size_t labels = 0;
    for (const uint8_t *at = owner; *at != 0; at += 1 + *at)
        labels += at == owner && at[0] == 1 && at[1] == '*' ? 0 : 1;
    return labels;
}

static enum keyd_status check_fields(struct verifier *verifier, const struct rrset *set,
                                     const struct signature *signature, struct keyd_error *err)
{
    uint32_t now = (uint32_t)verifier->wanted->now;
    if (!dname_equal(signature->signer, verifier->wanted->apex))
        return bad(verifier, set->owner, set->type, err, "its RRSIG names another signer");
    if (signature->original_ttl != set->ttl)
        return bad(verifier, set->owner, set->type, err, "TTL %u, but its RRSIG says %u", set->ttl,
                   signature->original_ttl);
    if (signature->labels != labels_without_star(set->owner))
        return bad(verifier, set->owner, set->type, err, "its RRSIG says %u labels",
                   signature->labels);
    if ((int32_t)(now - signature->inception) < 0)
        return bad(verifier, set->owner, set->type, err,
                   "its RRSIG is not valid yet: compare this host's clock");
    int32_t left = (int32_t)(signature->expiration - now);
    if (left <= 0)
        return bad(verifier, set->owner, set->type, err,
                   "its RRSIG has expired: sign the zone again (keyd-dnssec sign)");
    if (verifier->wanted->now + left < verifier->verified->expiration)
        verifier->verified->expiration = verifier->wanted->now + left;
    return KEYD_OK;
}

static enum keyd_status check_crypto(struct verifier *verifier, const struct rrset *set,
                                     const struct rrset *rrsig, const struct signature *signature,
                                     size_t key, struct keyd_error *err)
{
    ldns_rr_list *list = set_to_ldns(set);
    ldns_rr *record = to_ldns(rrsig->owner, TYPE_RRSIG, rrsig->ttl, signature->rdata->data,
                              signature->rdata->length);
    ldns_rr_list *keys = ldns_rr_list_new();
    ldns_rr_list *good = ldns_rr_list_new();
    ldns_status status = LDNS_STATUS_MEM_ERR;
    /* Without ldns' look at the host's clock: check_fields has judged the times by ours. */
    if (list != NULL && record != NULL && keys != NULL && good != NULL &&
        ldns_rr_list_push_rr(keys, verifier->keys[key]))
        status = ldns_verify_rrsig_keylist_notime(list, record, keys, good);
    ldns_rr_list_free(good);
    ldns_rr_list_free(keys);
    ldns_rr_list_deep_free(list);
    ldns_rr_free(record);
    if (status != LDNS_STATUS_OK)
        return bad(verifier, set->owner, set->type, err, "the signature by key %u is bad (%s)",
                   signature->key_tag, ldns_get_errorstr_by_id(status));
    verifier->verified->checked++;
    return KEYD_OK;
}

static bool is_due(struct verifier *verifier, bool apex)
{
    if (apex || verifier->every == 1)
        return true;
    if (verifier->until_next > 0) {
        verifier->until_next--;
        return false;
    }
    verifier->until_next = verifier->every - 1;
    return true;
}

/* RFC 4035, 2.2, and RFC 6840, 5.11: every algorithm of the DNSKEY RRset signs every set. */
static enum keyd_status check_algorithms(const struct verifier *verifier, const struct rrset *set,
                                         const struct rrset *rrsig, struct keyd_error *err)
{
    for (size_t i = 0; i < verifier->wanted->dnskey_count; i++) {
        uint8_t algorithm = verifier->wanted->dnskeys[i].algorithm;
        bool found = false;
        for (size_t j = 0; j < rrsig->count && !found; j++) {
            struct signature signature;
            take_apart(&rrsig->rdatas[j], &signature);
            found = signature.algorithm == algorithm;
        }
        if (!found)
            return bad(verifier, set->owner, set->type, err,
                       "not signed with algorithm %u, which a DNSKEY has", algorithm);
    }
    return KEYD_OK;
}

static enum keyd_status check_signatures(struct verifier *verifier, const struct at_name *name,
                                         const struct rrset *set, const struct rrset *rrsig,
                                         struct keyd_error *err)
{
    bool key_set = set->type == TYPE_DNSKEY || set->type == TYPE_CDS || set->type == TYPE_CDNSKEY;
    if (rrsig->ttl != set->ttl)
        return bad(verifier, set->owner, set->type, err, "its RRSIG has TTL %u, it has %u",
                   rrsig->ttl, set->ttl);
    for (size_t i = 0; i < rrsig->count; i++) {
        struct signature signature;
        take_apart(&rrsig->rdatas[i], &signature);
        verifier->verified->signatures++;
        enum keyd_status status = check_fields(verifier, set, &signature, err);
        if (status != KEYD_OK)
            return status;
        size_t key = key_of(verifier, &signature);
        if (key == verifier->wanted->dnskey_count)
            return bad(verifier, set->owner, set->type, err,
                       "signed by key %u, which the zone does not have", signature.key_tag);
        if (key_set != ((verifier->wanted->dnskeys[key].flags & DNSKEY_SEP) != 0))
            return bad(verifier, set->owner, set->type, err, "signed by a %s",
                       key_set ? "ZSK, a KSK must sign it" : "KSK, a ZSK must sign it");
        if (is_due(verifier, name->apex))
            status = check_crypto(verifier, set, rrsig, &signature, key, err);
        if (status != KEYD_OK)
            return status;
    }
    return check_algorithms(verifier, set, rrsig, err);
}

/* ---- One name ------------------------------------------------------------------------------- */

static const struct rrset *set_at(const struct verifier *verifier, const struct at_name *name,
                                  uint16_t type, uint16_t covered)
{
    for (size_t i = name->first; i < name->next; i++) {
        const struct rrset *set = zone_set(verifier->zone, i);
        if (set->type == type && set->covered == covered)
            return set;
    }
    return NULL;
}

static bool must_be_signed(const struct at_name *name, uint16_t type)
{
    if (name->below_cut)
        return false;
    return !name->delegation || type == TYPE_DS || type == TYPE_NSEC;
}

static enum keyd_status check_sets(struct verifier *verifier, const struct at_name *name,
                                   struct keyd_error *err)
{
    for (size_t i = name->first; i < name->next; i++) {
        const struct rrset *set = zone_set(verifier->zone, i);
        if (set->type == TYPE_RRSIG) {
            if (set_at(verifier, name, set->covered, 0) == NULL)
                return bad(verifier, set->owner, set->covered, err,
                           "there is an RRSIG for it, but no such record");
            continue;
        }
        const struct rrset *rrsig = set_at(verifier, name, TYPE_RRSIG, set->type);
        verifier->verified->rrsets++;
        if (!must_be_signed(name, set->type)) {
            if (rrsig != NULL)
                return bad(verifier, set->owner, set->type, err,
                           "signed, though it is not this zone's to sign");
            continue;
        }
        if (rrsig == NULL)
            return bad(verifier, set->owner, set->type, err, "not signed");
        enum keyd_status status = check_signatures(verifier, name, set, rrsig, err);
        if (status != KEYD_OK)
            return status;
    }
    return KEYD_OK;
}

static enum keyd_status check_bitmap(struct verifier *verifier, const struct at_name *name,
                                     const uint8_t *bitmap, size_t length, struct keyd_error *err)
{
    struct typeset says = {0};
    struct typeset is = {0};
    if (!typeset_decode(&says, bitmap, length))
        return bad(verifier, name->owner, TYPE_NSEC, err, "its bitmap is malformed");
    for (size_t i = name->first; i < name->next; i++) {
        uint16_t type = zone_set(verifier->zone, i)->type;
        if (!name->delegation || type == TYPE_NS || type == TYPE_RRSIG ||
            must_be_signed(name, type))
            typeset_add(&is, type);
    }
    if (memcmp(&says, &is, sizeof is) == 0)
        return KEYD_OK;
    return bad(verifier, name->owner, TYPE_NSEC, err,
               "its bitmap does not name the types that are there");
}

static enum keyd_status check_nsec(struct verifier *verifier, const struct at_name *name,
                                   struct keyd_error *err)
{
    const struct rrset *nsec = set_at(verifier, name, TYPE_NSEC, 0);
    if (name->below_cut)
        return nsec == NULL ? KEYD_OK
                            : bad(verifier, name->owner, TYPE_NSEC, err,
                                  "below a delegation, where no NSEC may be");
    if (nsec == NULL)
        return bad(verifier, name->owner, TYPE_NSEC, err, "missing");
    if (nsec->count != 1)
        return bad(verifier, name->owner, TYPE_NSEC, err, "more than one");
    if (nsec->ttl != verifier->nsec_ttl)
        return bad(verifier, name->owner, TYPE_NSEC, err, "TTL %u, RFC 9077 wants %u", nsec->ttl,
                   verifier->nsec_ttl);
    if (verifier->previous != NULL && ldns_order(verifier->previous, name->owner) >= 0)
        return bad(verifier, name->owner, TYPE_NSEC, err, "out of canonical order");
    if (verifier->promised != NULL && !dname_equal(verifier->promised, name->owner))
        return bad(verifier, name->owner, TYPE_NSEC, err,
                   "the NSEC before it leads elsewhere: the chain is broken");
    struct cursor wire = cursor_over(nsec->rdatas[0].data, nsec->rdatas[0].length);
    verifier->promised = dname_take(&wire);
    verifier->previous = name->owner;
    return check_bitmap(verifier, name, wire.at, cursor_left(&wire), err);
}

static enum keyd_status check_name(struct verifier *verifier, size_t first, size_t next,
                                   struct keyd_error *err)
{
    struct at_name name = {
        .first = first, .next = next, .owner = zone_set(verifier->zone, first)->owner};
    name.apex = dname_equal(name.owner, verifier->wanted->apex);
    name.below_cut = verifier->cut != NULL && dname_is_in(name.owner, verifier->cut);
    name.delegation = !name.apex && !name.below_cut && set_at(verifier, &name, TYPE_NS, 0) != NULL;
    if (name.delegation)
        verifier->cut = name.owner;
    enum keyd_status status = check_sets(verifier, &name, err);
    return status == KEYD_OK ? check_nsec(verifier, &name, err) : status;
}

/* ---- The apex ------------------------------------------------------------------------------- */

/* The DS that operators are given against the one that ldns makes of the published DNSKEY. */
static enum keyd_status check_ds(struct verifier *verifier, const struct dnskey *ksk, ldns_rr *key,
                                 struct keyd_error *err)
{
    struct ds ds;
    enum keyd_status status = dnskey_ds(ksk, verifier->wanted->apex, DS_SHA256, &ds, err);
    if (status != KEYD_OK)
        return status;
    ldns_rr *other = ldns_key_rr2ds(key, LDNS_SHA256);
    const ldns_rdf *digest = other != NULL ? ldns_rr_rdf(other, 3) : NULL;
    bool good = digest != NULL && ldns_rdf_size(digest) == ds.length &&
                memcmp(ldns_rdf_data(digest), ds.digest, ds.length) == 0 &&
                ldns_calc_keytag(key) == ds.key_tag;
    ldns_rr_free(other);
    return good ? KEYD_OK
                : bad(verifier, verifier->wanted->apex, TYPE_DNSKEY, err,
                      "the KSK with tag %u does not match its DS", ds.key_tag);
}

static bool has_dnskey(const struct rrset *set, const struct dnskey *key)
{
    struct bytes rdata = {0};
    bool found = false;
    dnskey_rdata(key, &rdata);
    for (size_t i = 0; i < set->count && !found && !rdata.failed; i++)
        found = set->rdatas[i].length == rdata.length &&
                memcmp(set->rdatas[i].data, rdata.data, rdata.length) == 0;
    bytes_free(&rdata);
    return found;
}

static bool is_signed_by(const struct rrset *rrsig, uint16_t key_tag)
{
    for (size_t i = 0; rrsig != NULL && i < rrsig->count; i++) {
        struct signature signature;
        take_apart(&rrsig->rdatas[i], &signature);
        if (signature.key_tag == key_tag)
            return true;
    }
    return false;
}

static const struct rrset *rrsig_of_apex(const struct verifier *verifier, uint16_t covered)
{
    struct at_name apex = {.first = 0, .next = zone_next_name(verifier->zone, 0)};
    return set_at(verifier, &apex, TYPE_RRSIG, covered);
}

static enum keyd_status check_dnskeys(struct verifier *verifier, struct keyd_error *err)
{
    const struct verification *wanted = verifier->wanted;
    const struct rrset *set = zone_find(verifier->zone, wanted->apex, TYPE_DNSKEY);
    size_t ksks = 0;
    if (set == NULL || set->count != wanted->dnskey_count)
        return bad(verifier, wanted->apex, TYPE_DNSKEY, err, "%zu keys, %zu should be there",
                   set != NULL ? set->count : 0, wanted->dnskey_count);
    for (size_t i = 0; i < wanted->dnskey_count; i++) {
        const struct dnskey *key = &wanted->dnskeys[i];
        uint16_t tag = ldns_calc_keytag(verifier->keys[i]);
        if (!has_dnskey(set, key))
            return bad(verifier, wanted->apex, TYPE_DNSKEY, err, "the key %u is missing", tag);
        if ((key->flags & DNSKEY_SEP) == 0)
            continue;
        enum keyd_status status = check_ds(verifier, key, verifier->keys[i], err);
        if (status != KEYD_OK)
            return status;
        if (!is_signed_by(rrsig_of_apex(verifier, TYPE_DNSKEY), tag))
            return bad(verifier, wanted->apex, TYPE_DNSKEY, err, "not signed by the KSK %u", tag);
        ksks++;
    }
    return ksks > 0 ? KEYD_OK : bad(verifier, wanted->apex, TYPE_DNSKEY, err, "there is no KSK");
}

static enum keyd_status check_soa(struct verifier *verifier, struct keyd_error *err)
{
    const uint8_t *apex = verifier->wanted->apex;
    const struct rrset *soa = zone_find(verifier->zone, apex, TYPE_SOA);
    if (soa == NULL || soa->count != 1)
        return bad(verifier, apex, TYPE_SOA, err, soa == NULL ? "missing" : "more than one");
    if (zone_find(verifier->zone, apex, TYPE_NS) == NULL)
        return bad(verifier, apex, TYPE_NS, err, "missing");
    struct cursor wire = cursor_over(soa->rdatas[0].data, soa->rdatas[0].length);
    dname_take(&wire);
    dname_take(&wire);
    uint32_t serial = cursor_u32(&wire);
    cursor_take(&wire, 12); /* refresh, retry, expire */
    uint32_t minimum = cursor_u32(&wire);
    verifier->nsec_ttl = minimum < soa->ttl ? minimum : soa->ttl;
    verifier->verified->serial = serial;
    if (verifier->wanted->serial != NULL && *verifier->wanted->serial != serial)
        return bad(verifier, apex, TYPE_SOA, err, "serial %u, it should be %u", serial,
                   *verifier->wanted->serial);
    return KEYD_OK;
}

/* ---- The content ---------------------------------------------------------------------------- */

static bool is_made_by_signing(const struct verifier *verifier, const struct rrset *set)
{
    return set->type == TYPE_RRSIG || set->type == TYPE_NSEC ||
           (set->type == TYPE_DNSKEY && dname_equal(set->owner, verifier->wanted->apex));
}

/* Bytes of an SOA that signing changes: the serial, from its place counted from the end. */
static bool same_rdata(uint16_t type, const struct rdata *a, const struct rdata *b)
{
    if (a->length != b->length)
        return false;
    if (type != TYPE_SOA)
        return memcmp(a->data, b->data, a->length) == 0;
    size_t serial = (size_t)a->length - 20;
    return memcmp(a->data, b->data, serial) == 0 &&
           memcmp(a->data + serial + 4, b->data + serial + 4, 16) == 0;
}

static bool same_set(const struct rrset *a, const struct rrset *b)
{
    if (a->count != b->count || a->ttl != b->ttl)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!same_rdata(a->type, &a->rdatas[i], &b->rdatas[i]))
            return false;
    }
    return true;
}

static enum keyd_status check_content(struct verifier *verifier, struct keyd_error *err)
{
    const struct zone *before = verifier->wanted->unsigned_zone;
    for (size_t i = 0; i < zone_count(before); i++) {
        const struct rrset *set = zone_set(before, i);
        if (is_made_by_signing(verifier, set))
            continue;
        const struct rrset *after = zone_find(verifier->zone, set->owner, set->type);
        if (after == NULL)
            return bad(verifier, set->owner, set->type, err, "in the zone file, but not here");
        if (!same_set(set, after))
            return bad(verifier, set->owner, set->type, err, "differs from the zone file");
    }
    for (size_t i = 0; i < zone_count(verifier->zone); i++) {
        const struct rrset *set = zone_set(verifier->zone, i);
        if (!is_made_by_signing(verifier, set) && zone_find(before, set->owner, set->type) == NULL)
            return bad(verifier, set->owner, set->type, err, "here, but not in the zone file");
    }
    return KEYD_OK;
}

/* ---- All of it ------------------------------------------------------------------------------ */

static enum keyd_status check_names(struct verifier *verifier, struct keyd_error *err)
{
    for (size_t i = 0; i < zone_count(verifier->zone);) {
        size_t next = zone_next_name(verifier->zone, i);
        enum keyd_status status = check_name(verifier, i, next, err);
        if (status != KEYD_OK)
            return status;
        i = next;
    }
    if (verifier->promised == NULL || !dname_equal(verifier->promised, verifier->wanted->apex))
        return bad(verifier,
                   verifier->previous != NULL ? verifier->previous : verifier->wanted->apex,
                   TYPE_NSEC, err, "the last NSEC does not lead back to the apex");
    return KEYD_OK;
}

static void choose_sample(struct verifier *verifier)
{
    size_t signatures = 0;
    for (size_t i = 0; i < zone_count(verifier->zone); i++)
        signatures += zone_set(verifier->zone, i)->type == TYPE_RRSIG;
    size_t rrsets = zone_count(verifier->zone) - signatures;
    enum verify_mode mode = verifier->wanted->mode;
    bool full = mode == VERIFY_FULL || (mode == VERIFY_DEFAULT && rrsets < VERIFY_FULL_BELOW);
    verifier->every = full || signatures < VERIFY_SAMPLE_SIZE ? 1 : signatures / VERIFY_SAMPLE_SIZE;
    uint32_t random = 0;
    if (verifier->every > 1 && RAND_bytes((unsigned char *)&random, sizeof random) == 1)
        verifier->until_next = random % verifier->every;
}

static enum keyd_status run(struct verifier *verifier, struct keyd_error *err)
{
    const struct verification *wanted = verifier->wanted;
    *verifier->verified = (struct verified){.expiration = INT64_MAX};
    for (size_t i = 0; i < wanted->dnskey_count; i++) {
        verifier->keys[i] = key_to_ldns(wanted->apex, &wanted->dnskeys[i]);
        if (verifier->keys[i] == NULL)
            return keyd_fail_errno(err, ENOMEM, "%s", verifier->path);
    }
    choose_sample(verifier);
    const struct rrset *uneven = zone_ttl_conflict(verifier->zone);
    if (uneven != NULL)
        return bad(verifier, uneven->owner, uneven->type, err, "its records have different TTLs");
    enum keyd_status status = check_soa(verifier, err);
    if (status == KEYD_OK)
        status = check_dnskeys(verifier, err);
    if (status == KEYD_OK)
        status = check_names(verifier, err);
    if (status == KEYD_OK && wanted->unsigned_zone != NULL)
        status = check_content(verifier, err);
    return status;
}

enum keyd_status verify_file(const char *path, const struct verification *verification,
                             struct verified *verified, struct keyd_error *err)
{
    struct zone *zone = NULL;
    enum keyd_status status = zonefile_load(path, verification->apex, &zone, err);
    if (status != KEYD_OK)
        return status;
    ldns_rr **keys = calloc(verification->dnskey_count + 1, sizeof *keys);
    struct verifier verifier = {.path = verification->shown != NULL ? verification->shown : path,
                                .wanted = verification,
                                .zone = zone,
                                .verified = verified,
                                .keys = keys};
    status = keys != NULL ? run(&verifier, err) : keyd_fail_errno(err, ENOMEM, "%s", path);
    for (size_t i = 0; keys != NULL && i < verification->dnskey_count; i++)
        ldns_rr_free(keys[i]);
    free(keys);
    zone_free(zone);
    return status;
}
