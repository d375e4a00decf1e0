/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/judge.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/dns/rrtype.h"

#define RRSIG_FIXED 18 /* bytes in front of the signer's name */

/* One RRSIG, taken apart. */
struct signature {
    uint8_t algorithm;
    uint8_t labels;
    uint32_t original_ttl;
    uint32_t expiration;
    uint32_t inception;
    uint16_t key_tag;
    unsigned line; /* in the file */
    const uint8_t *signer;
    const uint8_t *bytes; /* the signature itself */
    size_t length;
};

static enum keyd_status bad(const struct judge *judge, unsigned line, const uint8_t *owner,
                            uint16_t type, struct keyd_error *err, const char *format, va_list args)
{
    char what[256];
    char name[DNAME_TEXT];
    char mnemonic[TYPE_TEXT];
    char place[16] = "";
    vsnprintf(what, sizeof what, format, args);
    dname_format(owner, name);
    rrtype_format(type, mnemonic);
    if (line > 0 && judge->wanted->shown == NULL)
        snprintf(place, sizeof place, ":%u", line);
    return keyd_fail(err, KEYD_DATA_LOSS, "VERIFICATION", "%s%s: %.256s %s: %s", judge->shown,
                     place, name, mnemonic, what);
}

/* Of a set of the name that is gathered, else of the name; 0: it is another name. */
static unsigned line_of(const struct here *here, const uint8_t *owner, uint16_t type)
{
    struct here_set set = {0};
    if (here->count == 0 || !dname_equal(owner, here->owner))
        return 0;
    while (here_next_set(here, &set)) {
        if (set.type == type)
            return here->records[set.first].line;
    }
    return here->line;
}

enum keyd_status judge_bad(const struct judge *judge, const uint8_t *owner, uint16_t type,
                           struct keyd_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum keyd_status status =
        bad(judge, line_of(&judge->here, owner, type), owner, type, err, format, args);
    va_end(args);
    return status;
}

enum keyd_status judge_bad_at(const struct judge *judge, unsigned line, const uint8_t *owner,
                              uint16_t type, struct keyd_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum keyd_status status = bad(judge, line, owner, type, err, format, args);
    va_end(args);
    return status;
}

/* ---- What is gathered ----------------------------------------------------------------------- */

const uint8_t *here_given(const struct here *here, size_t i)
{
    return here->given.data + here->records[i].at;
}

const uint8_t *here_canonical(const struct here *here, size_t i)
{
    return here->canonical.data + here->records[i].at;
}

static int compare_rdata(const struct here *here, const struct here_record *a,
                         const struct here_record *b)
{
    size_t shorter = a->length < b->length ? a->length : b->length;
    int difference =
        shorter > 0 ? memcmp(here->canonical.data + a->at, here->canonical.data + b->at, shorter)
                    : 0;
    return difference != 0 ? difference : (a->length > b->length) - (a->length < b->length);
}

static int compare_records(const void *left, const void *right, void *context)
{
    const struct here_record *a = left;
    const struct here_record *b = right;
    if (a->group != b->group)
        return (int)a->group - (int)b->group;
    if (a->type != b->type)
        return a->type == TYPE_RRSIG ? 1 : -1;
    return compare_rdata(context, a, b);
}

/* What is there twice is one record (RFC 2181, 5). */
static void sort_here(struct here *here)
{
    size_t kept = 0;
    bool sorted = true;
    for (size_t i = 1; i < here->count && sorted; i++)
        sorted = compare_records(&here->records[i - 1], &here->records[i], here) <= 0;
    if (!sorted)
        qsort_r(here->records, here->count, sizeof *here->records, compare_records, here);
    for (size_t i = 0; i < here->count; i++) {
        if (kept > 0 && compare_records(&here->records[kept - 1], &here->records[i], here) == 0 &&
            here->records[kept - 1].ttl == here->records[i].ttl)
            continue;
        here->records[kept++] = here->records[i];
    }
    here->count = kept;
}

bool here_next_set(const struct here *here, struct here_set *set)
{
    size_t i = set->end;
    if (i >= here->count)
        return false;
    *set = (struct here_set){.type = here->records[i].group, .first = i};
    while (i < here->count && here->records[i].group == set->type &&
           here->records[i].type == set->type)
        i++;
    set->rrsigs = i;
    while (i < here->count && here->records[i].group == set->type)
        i++;
    set->end = i;
    return true;
}

bool here_must_be_signed(const struct here *here, uint16_t type)
{
    if (type == TYPE_NSEC3)
        return true;
    if (here->below_cut)
        return false;
    return !here->delegation || type == TYPE_DS || type == TYPE_NSEC;
}

bool here_find(const struct here *here, uint16_t type, struct here_set *set)
{
    *set = (struct here_set){0};
    while (here_next_set(here, set)) {
        if (set->type == type && set->rrsigs > set->first)
            return true;
    }
    return false;
}

/* What the name is to its zone. */
static void classify(struct judge *judge)
{
    struct here *here = &judge->here;
    struct here_set set = {0};
    here->apex = canon_compare(here->owner, judge->wanted->apex) == 0;
    here->below_cut = judge->have_cut && canon_is_below(here->owner, judge->cut);
    here->delegation = !here->apex && !here->below_cut && here_find(here, TYPE_NS, &set);
    set = (struct here_set){0};
    here->hashed = here_next_set(here, &set) && set.type == TYPE_NSEC3 && set.end == here->count;
    if (!here->delegation)
        return;
    judge->have_cut = true;
    memcpy(judge->cut, here->owner, sizeof judge->cut);
}

/* ---- Signatures ----------------------------------------------------------------------------- */

static bool take_apart(const struct here *here, size_t i, struct signature *signature)
{
    struct cursor wire = cursor_over(here_given(here, i), here->records[i].length);
    signature->line = here->records[i].line;
    cursor_u16(&wire);
    signature->algorithm = cursor_u8(&wire);
    signature->labels = cursor_u8(&wire);
    signature->original_ttl = cursor_u32(&wire);
    signature->expiration = cursor_u32(&wire);
    signature->inception = cursor_u32(&wire);
    signature->key_tag = cursor_u16(&wire);
    signature->signer = dname_take(&wire);
    signature->length = cursor_left(&wire);
    signature->bytes = cursor_take(&wire, signature->length);
    return !wire.failed;
}

/* Index of the wanted key that a signature names; dnskey_count when there is none. */
static size_t key_of(const struct judge *judge, const struct signature *signature)
{
    size_t i = 0;
    for (; i < judge->wanted->dnskey_count; i++) {
        if (judge->wanted->dnskeys[i].algorithm == signature->algorithm &&
            judge->key_tags[i] == signature->key_tag)
            break;
    }
    return i;
}

static enum keyd_status check_fields(struct judge *judge, const struct here_set *set,
                                     const struct signature *signature, struct keyd_error *err)
{
    const uint8_t *owner = judge->here.owner;
    uint32_t ttl = judge->here.records[set->first].ttl;
    uint32_t now = (uint32_t)judge->wanted->now;
    if (canon_compare(signature->signer, judge->wanted->apex) != 0)
        return judge_bad_at(judge, signature->line, owner, set->type, err,
                            "its RRSIG names another signer");
    if (signature->original_ttl != ttl)
        return judge_bad_at(judge, signature->line, owner, set->type, err,
                            "TTL %u, but its RRSIG says %u", ttl, signature->original_ttl);
    if (signature->labels != canon_rrsig_labels(owner))
        return judge_bad_at(judge, signature->line, owner, set->type, err,
                            "its RRSIG says %u labels", signature->labels);
    if ((int32_t)(now - signature->inception) < 0)
        return judge_bad_at(judge, signature->line, owner, set->type, err,
                            judge->wanted->now_is_given
                                ? "its RRSIG is not valid yet at the time of --now"
                                : "its RRSIG is not valid yet: compare this host's clock");
    int32_t left = (int32_t)(signature->expiration - now);
    if (left <= 0)
        return judge_bad_at(judge, signature->line, owner, set->type, err,
                            "its RRSIG has expired: sign the zone again (keyd-dnssec sign)");
    if (judge->wanted->now + left < judge->verified->expiration)
        judge->verified->expiration = judge->wanted->now + left;
    return KEYD_OK;
}

/* RFC 4034, 3.1.8.1. */
static void make_message(struct judge *judge, const struct here_set *set, size_t rrsig)
{
    struct bytes *message = &judge->message;
    const struct here *here = &judge->here;
    const uint8_t *rdata = here_given(here, rrsig);
    uint8_t owner[CANON_NAME_MAX];
    bytes_reset(message);
    bytes_add(message, rdata, RRSIG_FIXED);
    bytes_add(message, owner, canon_owner(rdata + RRSIG_FIXED, owner));
    size_t length = canon_owner(here->owner, owner);
    for (size_t i = set->first; i < set->rrsigs; i++) {
        bytes_add(message, owner, length);
        bytes_u16(message, set->type);
        bytes_u16(message, 1);
        bytes_add(message, rdata + 4, 4); /* the original TTL */
        bytes_u16(message, (unsigned)here->records[i].length);
        bytes_add(message, here_canonical(here, i), here->records[i].length);
    }
}

static enum keyd_status check_crypto(struct judge *judge, const struct here_set *set, size_t rrsig,
                                     const struct signature *signature, size_t key,
                                     struct keyd_error *err)
{
    make_message(judge, set, rrsig);
    if (judge->message.failed)
        return keyd_fail_errno(err, ENOMEM, "%s", judge->shown);
    const struct check_task task = {.owner = judge->here.owner,
                                    .type = set->type,
                                    .line = signature->line,
                                    .key = key,
                                    .message = judge->message.data,
                                    .message_length = judge->message.length,
                                    .signature = signature->bytes,
                                    .signature_length = signature->length};
    return checker_add(judge->checker, &task, err);
}

/* Where both were made in one second, what goes beyond the number of the new ones was kept. */
static struct sample *sample_of(struct judge *judge, const struct signature *signature)
{
    if (judge->wanted->kept == 0)
        return &judge->made;
    if (signature->inception != judge->wanted->inception || judge->made.left == 0)
        return &judge->kept;
    judge->made.left--;
    return &judge->made;
}

static bool is_due(struct judge *judge, const struct signature *signature)
{
    struct sample *sample = sample_of(judge, signature);
    if (judge->here.apex || sample->every == 1)
        return true;
    if (sample->until_next > 0) {
        sample->until_next--;
        return false;
    }
    sample->until_next = sample->every - 1;
    return true;
}

/* Of the apex alone: RFC 7344, 4.1; RFC 4035, 5.3.1. */
static bool is_key_set(const struct here *here, uint16_t type)
{
    return here->apex && (type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY);
}

static enum keyd_status check_one(struct judge *judge, const struct here_set *set, size_t rrsig,
                                  struct keyd_error *err)
{
    const struct verification *wanted = judge->wanted;
    const uint8_t *owner = judge->here.owner;
    bool key_set = is_key_set(&judge->here, set->type);
    struct signature signature;
    judge->verified->signatures++;
    if (!take_apart(&judge->here, rrsig, &signature))
        return judge_bad_at(judge, signature.line, owner, set->type, err, "its RRSIG is malformed");
    enum keyd_status status = check_fields(judge, set, &signature, err);
    if (status != KEYD_OK)
        return status;
    size_t key = key_of(judge, &signature);
    if (key == wanted->dnskey_count)
        return judge_bad_at(judge, signature.line, owner, set->type, err,
                            "signed by key %u, which the zone does not have", signature.key_tag);
    if (key_set != ((wanted->dnskeys[key].flags & DNSKEY_SEP) != 0))
        return judge_bad_at(judge, signature.line, owner, set->type, err, "signed by a %s",
                            key_set ? "ZSK, a KSK must sign it" : "KSK, a ZSK must sign it");
    return is_due(judge, &signature) ? check_crypto(judge, set, rrsig, &signature, key, err)
                                     : KEYD_OK;
}

/* RFC 4035, 2.2, and RFC 6840, 5.11: every algorithm of the DNSKEY RRset signs every set. */
static enum keyd_status check_algorithms(const struct judge *judge, const struct here_set *set,
                                         struct keyd_error *err)
{
    const struct here *here = &judge->here;
    for (size_t i = 0; i < judge->wanted->dnskey_count; i++) {
        uint8_t algorithm = judge->wanted->dnskeys[i].algorithm;
        bool found = false;
        for (size_t j = set->rrsigs; j < set->end && !found; j++)
            found = here_given(here, j)[2] == algorithm;
        if (!found)
            return judge_bad(judge, here->owner, set->type, err,
                             "not signed with algorithm %u, which a DNSKEY has", algorithm);
    }
    return KEYD_OK;
}

static enum keyd_status check_signatures(struct judge *judge, const struct here_set *set,
                                         struct keyd_error *err)
{
    const struct here *here = &judge->here;
    uint32_t ttl = here->records[set->first].ttl;
    enum keyd_status status = KEYD_OK;
    for (size_t i = set->rrsigs; i < set->end && status == KEYD_OK; i++) {
        if (here->records[i].ttl != ttl)
            return judge_bad_at(judge, here->records[i].line, here->owner, set->type, err,
                                "its RRSIG has TTL %u, it has %u", here->records[i].ttl, ttl);
        status = check_one(judge, set, i, err);
    }
    return status == KEYD_OK ? check_algorithms(judge, set, err) : status;
}

static enum keyd_status check_set(struct judge *judge, const struct here_set *set,
                                  struct keyd_error *err)
{
    const struct here *here = &judge->here;
    if (set->rrsigs == set->first)
        return judge_bad(judge, here->owner, set->type, err,
                         "there is an RRSIG for it, but no such record");
    judge->verified->rrsets++;
    for (size_t i = set->first + 1; i < set->rrsigs; i++) {
        if (here->records[i].ttl != here->records[set->first].ttl)
            return judge_bad_at(judge, here->records[i].line, here->owner, set->type, err,
                                "its records have different TTLs");
    }
    if (here_must_be_signed(here, set->type))
        return set->end > set->rrsigs ? check_signatures(judge, set, err)
                                      : judge_bad(judge, here->owner, set->type, err, "not signed");
    return set->end == set->rrsigs
               ? KEYD_OK
               : judge_bad_at(judge, here->records[set->rrsigs].line, here->owner, set->type, err,
                              "signed, though it is not this zone's to sign");
}

/* ---- The apex ------------------------------------------------------------------------------- */

/* The DS that operators are given against one that is made here. */
static enum keyd_status check_ds(const struct judge *judge, const struct dnskey *ksk,
                                 const struct bytes *rdata, struct keyd_error *err)
{
    struct ds ds;
    uint8_t owner[CANON_NAME_MAX];
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    enum keyd_status status = dnskey_ds(ksk, judge->wanted->apex, DS_SHA256, &ds, err);
    if (status != KEYD_OK)
        return status;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool made = ctx != NULL && EVP_DigestInit_ex2(ctx, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(ctx, owner, canon_owner(judge->wanted->apex, owner)) == 1 &&
                EVP_DigestUpdate(ctx, rdata->data, rdata->length) == 1 &&
                EVP_DigestFinal_ex(ctx, digest, &length) == 1;
    EVP_MD_CTX_free(ctx);
    if (!made)
        return keyd_fail_openssl(err, "a DS");
    if (length != ds.length || memcmp(digest, ds.digest, length) != 0 ||
        canon_key_tag(rdata->data, rdata->length) != ds.key_tag)
        return judge_bad(judge, judge->wanted->apex, TYPE_DNSKEY, err,
                         "the KSK with tag %u does not match its DS", ds.key_tag);
    return KEYD_OK;
}

static bool has_rdata(const struct here *here, const struct here_set *set,
                      const struct bytes *rdata)
{
    for (size_t i = set->first; i < set->rrsigs; i++) {
        if (here->records[i].length == rdata->length &&
            memcmp(here_given(here, i), rdata->data, rdata->length) == 0)
            return true;
    }
    return false;
}

static bool is_signed_by(const struct here *here, const struct here_set *set, uint16_t key_tag)
{
    for (size_t i = set->rrsigs; i < set->end; i++) {
        struct signature signature;
        if (take_apart(here, i, &signature) && signature.key_tag == key_tag)
            return true;
    }
    return false;
}

/* rdata: the key's. */
static enum keyd_status check_key(const struct judge *judge, const struct here_set *set, size_t i,
                                  const struct bytes *rdata, struct keyd_error *err)
{
    const struct dnskey *key = &judge->wanted->dnskeys[i];
    const uint8_t *apex = judge->wanted->apex;
    uint16_t tag = canon_key_tag(rdata->data, rdata->length);
    if (!has_rdata(&judge->here, set, rdata))
        return judge_bad(judge, apex, TYPE_DNSKEY, err, "the key %u is missing", tag);
    if ((key->flags & DNSKEY_SEP) == 0)
        return KEYD_OK;
    enum keyd_status status = check_ds(judge, key, rdata, err);
    if (status == KEYD_OK && !is_signed_by(&judge->here, set, tag))
        status = judge_bad(judge, apex, TYPE_DNSKEY, err, "not signed by the KSK %u", tag);
    return status;
}

static enum keyd_status check_dnskeys(struct judge *judge, struct keyd_error *err)
{
    const struct verification *wanted = judge->wanted;
    struct here_set set;
    struct bytes rdata = {0};
    bool found = here_find(&judge->here, TYPE_DNSKEY, &set);
    size_t count = found ? set.rrsigs - set.first : 0;
    size_t ksks = 0;
    enum keyd_status status = KEYD_OK;
    if (count != wanted->dnskey_count + wanted->other_count)
        return judge_bad(judge, wanted->apex, TYPE_DNSKEY, err, "%zu keys, %zu should be there",
                         count, wanted->dnskey_count + wanted->other_count);
    for (size_t i = 0; i < wanted->dnskey_count && status == KEYD_OK; i++) {
        bytes_reset(&rdata);
        dnskey_rdata(&wanted->dnskeys[i], &rdata);
        status = rdata.failed ? keyd_fail_errno(err, ENOMEM, "%s", judge->shown)
                              : check_key(judge, &set, i, &rdata, err);
        ksks += (wanted->dnskeys[i].flags & DNSKEY_SEP) != 0;
    }
    for (size_t i = 0; i < wanted->other_count && status == KEYD_OK; i++) {
        bytes_reset(&rdata);
        dnskey_rdata(&wanted->others[i], &rdata);
        if (rdata.failed || !has_rdata(&judge->here, &set, &rdata))
            status = judge_bad(judge, wanted->apex, TYPE_DNSKEY, err,
                               "the key %u of another signer is missing",
                               canon_key_tag(rdata.data, rdata.length));
    }
    bytes_free(&rdata);
    if (status == KEYD_OK && ksks == 0)
        status = judge_bad(judge, wanted->apex, TYPE_DNSKEY, err, "there is no KSK");
    return status;
}

static enum keyd_status check_soa(struct judge *judge, struct keyd_error *err)
{
    const uint8_t *apex = judge->wanted->apex;
    const struct here *here = &judge->here;
    struct here_set set;
    struct here_set ns;
    if (!here_find(here, TYPE_SOA, &set))
        return judge_bad(judge, apex, TYPE_SOA, err, "missing");
    if (set.rrsigs - set.first != 1)
        return judge_bad(judge, apex, TYPE_SOA, err, "more than one");
    if (!here_find(here, TYPE_NS, &ns))
        return judge_bad(judge, apex, TYPE_NS, err, "missing");
    struct cursor wire = cursor_over(here_given(here, set.first), here->records[set.first].length);
    dname_take(&wire);
    dname_take(&wire);
    uint32_t serial = cursor_u32(&wire);
    cursor_take(&wire, 12); /* refresh, retry, expire */
    uint32_t minimum = cursor_u32(&wire);
    uint32_t ttl = here->records[set.first].ttl;
    judge->denial_ttl = minimum < ttl ? minimum : ttl;
    judge->verified->serial = serial;
    if (judge->wanted->serial != NULL && *judge->wanted->serial != serial)
        return judge_bad(judge, apex, TYPE_SOA, err, "serial %u, it should be %u", serial,
                         *judge->wanted->serial);
    return KEYD_OK;
}

/* RFC 5155, 4: the one that says what this program makes. */
static enum keyd_status check_nsec3param(const struct judge *judge, struct keyd_error *err)
{
    static const uint8_t wanted[] = {1, 0, 0, 0, 0};
    const struct here *here = &judge->here;
    struct here_set set;
    bool found = here_find(here, TYPE_NSEC3PARAM, &set);
    if (judge->wanted->denial.kind == DENIAL_NSEC)
        return !found ? KEYD_OK
                      : judge_bad(judge, here->owner, TYPE_NSEC3PARAM, err, "in a zone with NSEC");
    if (!found || set.rrsigs - set.first != 1 || here->records[set.first].length != sizeof wanted ||
        memcmp(here_given(here, set.first), wanted, sizeof wanted) != 0)
        return judge_bad(judge, here->owner, TYPE_NSEC3PARAM, err,
                         "not one, of SHA-1, 0 iterations, no salt");
    return KEYD_OK;
}

static enum keyd_status check_apex(struct judge *judge, struct keyd_error *err)
{
    enum keyd_status status = check_soa(judge, err);
    if (status == KEYD_OK)
        status = check_dnskeys(judge, err);
    if (status == KEYD_OK)
        status = check_nsec3param(judge, err);
    if (status == KEYD_OK)
        status = digest_begin(judge, err);
    judge->have_apex = true;
    return status;
}

/* RFC 4035, 2.3: an NSEC must not be the only RRset at a name; so not at an empty non-terminal. */
static enum keyd_status check_company(const struct judge *judge, struct keyd_error *err)
{
    const struct here *here = &judge->here;
    struct here_set set = {0};
    if (!here_next_set(here, &set) || set.type != TYPE_NSEC || set.end != here->count)
        return KEYD_OK;
    return judge_bad(judge, here->owner, TYPE_NSEC, err, "at a name that has no other records");
}

enum keyd_status judge_name(struct judge *judge, struct keyd_error *err)
{
    struct here_set set = {0};
    enum keyd_status status = KEYD_OK;
    sort_here(&judge->here);
    classify(judge);
    if (judge->here.apex)
        status = check_apex(judge, err);
    else if (!judge->have_apex)
        status = judge_bad(judge, judge->wanted->apex, TYPE_SOA, err, "missing");
    if (status == KEYD_OK)
        status = check_company(judge, err);
    while (status == KEYD_OK && here_next_set(&judge->here, &set))
        status = check_set(judge, &set, err);
    if (status == KEYD_OK)
        status = digest_name(judge, err);
    return status == KEYD_OK ? chain_add(judge, err) : status;
}
