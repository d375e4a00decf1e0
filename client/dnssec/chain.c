/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/dns/rrtype.h"
#include "client/dnssec/judge.h"

#define NSEC3_LABEL_LENGTH 32
#define NSEC3_FIXED        26 /* bytes of an NSEC3's rdata before its bitmap */

/* The bitmap that the gathered name must have, into chain->bitmap; NSEC3 is in none. */
static size_t bitmap_here(struct judge *judge)
{
    const struct here *here = &judge->here;
    uint16_t *types = here->types;
    size_t count = 0;
    bool any_signed = false;
    bool rrsig_done = false;
    struct here_set set = {0};
    while (here_next_set(here, &set)) {
        bool is_signed = here_must_be_signed(here, set.type);
        if (set.type == TYPE_NSEC3 || (here->delegation && !is_signed && set.type != TYPE_NS))
            continue;
        any_signed = any_signed || is_signed;
        if (!rrsig_done && any_signed && set.type > TYPE_RRSIG) {
            types[count++] = TYPE_RRSIG;
            rrsig_done = true;
        }
        types[count++] = set.type;
    }
    if (!rrsig_done && any_signed)
        types[count++] = TYPE_RRSIG;
    return canon_bitmap(types, count, judge->chain.bitmap);
}

static bool find_set(const struct here *here, uint16_t type, struct here_set *set)
{
    *set = (struct here_set){0};
    while (here_next_set(here, set)) {
        if (set->type == type && set->rrsigs > set->first)
            return true;
    }
    return false;
}

static enum keyd_status check_ttl(const struct judge *judge, const struct here_set *set,
                                  struct keyd_error *err)
{
    const struct here *here = &judge->here;
    if (set->rrsigs - set->first != 1)
        return judge_bad(judge, here->owner, set->type, err, "more than one");
    uint32_t ttl = here->records[set->first].ttl;
    if (ttl != judge->denial_ttl)
        return judge_bad(judge, here->owner, set->type, err, "TTL %u, RFC 9077 wants %u", ttl,
                         judge->denial_ttl);
    return KEYD_OK;
}

/* ---- NSEC ----------------------------------------------------------------------------------- */

static enum keyd_status add_nsec(struct judge *judge, struct keyd_error *err)
{
    struct chain *chain = &judge->chain;
    const struct here *here = &judge->here;
    struct here_set set;
    bool found = find_set(here, TYPE_NSEC, &set);
    if (here->below_cut)
        return !found ? KEYD_OK
                      : judge_bad(judge, here->owner, TYPE_NSEC, err,
                                  "below a delegation, where no NSEC may be");
    if (!found)
        return judge_bad(judge, here->owner, TYPE_NSEC, err, "missing");
    enum keyd_status status = check_ttl(judge, &set, err);
    if (status != KEYD_OK)
        return status;
    if (chain->any && canon_compare(chain->promised, here->owner) != 0)
        return judge_bad(judge, here->owner, TYPE_NSEC, err,
                         "the NSEC before it leads elsewhere: the chain is broken");
    struct cursor wire = cursor_over(here_given(here, set.first), here->records[set.first].length);
    const uint8_t *next = dname_take(&wire);
    size_t length = bitmap_here(judge);
    if (next == NULL || cursor_left(&wire) != length || memcmp(wire.at, chain->bitmap, length) != 0)
        return judge_bad(judge, here->owner, TYPE_NSEC, err,
                         "its bitmap does not name the types that are there");
    chain->any = true;
    chain->last_line = here->records[set.first].line;
    canon_owner(next, chain->promised);
    canon_owner(here->owner, chain->previous);
    return KEYD_OK;
}

static enum keyd_status end_nsec(struct judge *judge, struct keyd_error *err)
{
    const struct chain *chain = &judge->chain;
    const uint8_t *apex = judge->wanted->apex;
    if (!chain->any || canon_compare(chain->promised, apex) != 0)
        return judge_bad_at(judge, chain->last_line, chain->any ? chain->previous : apex, TYPE_NSEC,
                            err, "the last NSEC does not lead back to the apex");
    return KEYD_OK;
}

/* ---- NSEC3 ---------------------------------------------------------------------------------- */

static enum keyd_status sha1_of(struct chain *chain, const uint8_t *data, size_t length,
                                uint8_t hash[CANON_SHA1], struct keyd_error *err)
{
    if (chain->ctx == NULL) {
        chain->ctx = EVP_MD_CTX_new();
        chain->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    }
    if (chain->ctx == NULL || chain->sha1 == NULL ||
        EVP_DigestInit_ex2(chain->ctx, chain->sha1, NULL) != 1 ||
        EVP_DigestUpdate(chain->ctx, data, length) != 1 ||
        EVP_DigestFinal_ex(chain->ctx, hash, NULL) != 1)
        return keyd_fail_openssl(err, "an NSEC3 hash");
    return KEYD_OK;
}

/* A bitmap in the eight bytes of struct hashed. */
static enum keyd_status set_types(struct chain *chain, const uint8_t *bitmap, size_t length,
                                  struct hashed *item, struct keyd_error *err)
{
    uint8_t hash[CANON_SHA1];
    memset(item->types, 0, sizeof item->types);
    item->types[0] = (uint8_t)length;
    if (length < sizeof item->types) {
        if (length > 0)
            memcpy(item->types + 1, bitmap, length);
        return KEYD_OK;
    }
    enum keyd_status status = sha1_of(chain, bitmap, length, hash, err);
    item->types[0] = UINT8_MAX;
    if (status == KEYD_OK)
        memcpy(item->types + 1, hash, sizeof item->types - 1);
    return status;
}

static struct hashed *new_item(struct hashed_list *list)
{
    if (list->count == list->room) {
        size_t room = list->room + list->room / 2 + 64;
        struct hashed *items = reallocarray(list->items, room, sizeof *items);
        if (items == NULL)
            return NULL;
        list->items = items;
        list->room = room;
    }
    struct hashed *item = &list->items[list->count++];
    *item = (struct hashed){0};
    return item;
}

static enum keyd_status add_name(struct judge *judge, const uint8_t *owner, size_t bitmap,
                                 bool optional, struct keyd_error *err)
{
    struct chain *chain = &judge->chain;
    uint8_t name[CANON_NAME_MAX];
    struct hashed *item = new_item(&chain->names);
    if (item == NULL)
        return keyd_fail_errno(err, ENOMEM, "%s", judge->shown);
    item->line = judge->here.line;
    item->optional = optional;
    size_t length = canon_owner(owner, name);
    enum keyd_status status = set_types(chain, chain->bitmap, bitmap, item, err);
    return status == KEYD_OK ? sha1_of(chain, name, length, item->hash, err) : status;
}

/* The ancestors of a name below what it shares with the one before it have no records. */
static enum keyd_status add_non_terminals(struct judge *judge, const uint8_t *before, bool optional,
                                          struct keyd_error *err)
{
    const uint8_t *at = judge->here.owner;
    size_t shared = canon_shared_labels(at, before);
    enum keyd_status status = KEYD_OK;
    for (size_t left = canon_label_count(at); left > shared + 1 && status == KEYD_OK; left--) {
        at += *at + 1;
        status = add_name(judge, at, 0, optional, err);
    }
    return status;
}

/* A name that the chain must cover, or may, with what is above it. */
static enum keyd_status cover(struct judge *judge, struct keyd_error *err)
{
    struct chain *chain = &judge->chain;
    const struct here *here = &judge->here;
    struct here_set ds;
    bool optional =
        judge->wanted->denial.opt_out && here->delegation && !find_set(here, TYPE_DS, &ds);
    const uint8_t *apex = judge->wanted->apex;
    const uint8_t *before = chain->have_required ? chain->required : apex;
    if (optional && chain->have_covered)
        before = chain->covered;
    enum keyd_status status = add_non_terminals(judge, before, optional, err);
    if (status == KEYD_OK)
        status = add_name(judge, here->owner, bitmap_here(judge), optional, err);
    chain->have_covered = true;
    memcpy(chain->covered, here->owner, sizeof chain->covered);
    if (!optional) {
        chain->have_required = true;
        memcpy(chain->required, here->owner, sizeof chain->required);
    }
    return status;
}

static enum keyd_status take_nsec3(struct judge *judge, const struct here_set *set,
                                   struct keyd_error *err)
{
    struct chain *chain = &judge->chain;
    const struct here *here = &judge->here;
    const uint8_t *apex = judge->wanted->apex;
    const uint8_t fixed[] = {1, judge->wanted->denial.opt_out ? 1 : 0, 0, 0, 0, CANON_SHA1};
    const uint8_t *rdata = here_given(here, set->first);
    size_t length = here->records[set->first].length;
    struct hashed *item = new_item(&chain->nsec3s);
    if (item == NULL)
        return keyd_fail_errno(err, ENOMEM, "%s", judge->shown);
    item->line = here->records[set->first].line;
    if (here->owner[0] != NSEC3_LABEL_LENGTH ||
        canon_compare(here->owner + 1 + NSEC3_LABEL_LENGTH, apex) != 0 ||
        !canon_hash_from_label(here->owner + 1, item->hash))
        return judge_bad(judge, here->owner, TYPE_NSEC3, err, "its owner is no hash");
    if (length < NSEC3_FIXED || memcmp(rdata, fixed, sizeof fixed) != 0)
        return judge_bad(judge, here->owner, TYPE_NSEC3, err,
                         "not of SHA-1, 0 iterations, no salt and %s",
                         judge->wanted->denial.opt_out ? "opt-out" : "no opt-out");
    if (chain->any && memcmp(chain->promised_hash, item->hash, CANON_SHA1) != 0)
        return judge_bad(judge, here->owner, TYPE_NSEC3, err,
                         "the NSEC3 before it leads elsewhere: the chain is broken");
    if (!chain->any)
        memcpy(chain->first_hash, item->hash, CANON_SHA1);
    chain->any = true;
    chain->last_line = item->line;
    memcpy(chain->promised_hash, rdata + sizeof fixed, CANON_SHA1);
    memcpy(chain->last_owner, here->owner, sizeof chain->last_owner);
    return set_types(chain, rdata + NSEC3_FIXED, length - NSEC3_FIXED, item, err);
}

static enum keyd_status add_nsec3(struct judge *judge, struct keyd_error *err)
{
    const struct here *here = &judge->here;
    struct here_set set;
    enum keyd_status status = KEYD_OK;
    if (find_set(here, TYPE_NSEC, &set))
        return judge_bad(judge, here->owner, TYPE_NSEC, err, "in a zone with NSEC3");
    if (find_set(here, TYPE_NSEC3, &set)) {
        status = check_ttl(judge, &set, err);
        if (status == KEYD_OK)
            status = take_nsec3(judge, &set, err);
    }
    if (status != KEYD_OK || here->below_cut || here->hashed)
        return status;
    return cover(judge, err);
}

/* By hash; what must be there before what may. */
static int compare_hashed(const void *left, const void *right)
{
    const struct hashed *a = left;
    const struct hashed *b = right;
    int difference = memcmp(a->hash, b->hash, CANON_SHA1);
    return difference != 0 ? difference : (int)a->optional - (int)b->optional;
}

static enum keyd_status bad_name(const struct judge *judge, const struct hashed *name,
                                 struct keyd_error *err, const char *what)
{
    return judge_bad_at(judge, name->line, judge->wanted->apex, TYPE_NSEC3, err, "%s", what);
}

static enum keyd_status bad_nsec3(const struct judge *judge, const struct hashed *nsec3,
                                  struct keyd_error *err, const char *what)
{
    uint8_t owner[1 + NSEC3_LABEL_LENGTH + CANON_NAME_MAX] = {NSEC3_LABEL_LENGTH};
    canon_hash_to_label(nsec3->hash, owner + 1);
    canon_owner(judge->wanted->apex, owner + 1 + NSEC3_LABEL_LENGTH);
    return judge_bad_at(judge, nsec3->line, owner, TYPE_NSEC3, err, "%s", what);
}

/* Both lists are sorted: each name has its NSEC3, and each NSEC3 its name. */
static enum keyd_status match(const struct judge *judge, struct keyd_error *err)
{
    const struct hashed_list *names = &judge->chain.names;
    const struct hashed_list *nsec3s = &judge->chain.nsec3s;
    size_t j = 0;
    for (size_t i = 0; i < names->count; i++) {
        const struct hashed *name = &names->items[i];
        if (i > 0 && memcmp(names->items[i - 1].hash, name->hash, CANON_SHA1) == 0) {
            if (name->optional)
                continue;
            return bad_name(judge, name, err, "a name has the same hash as another one");
        }
        int difference =
            j < nsec3s->count ? memcmp(nsec3s->items[j].hash, name->hash, CANON_SHA1) : 1;
        if (difference < 0)
            return bad_nsec3(judge, &nsec3s->items[j], err, "an NSEC3 of no name");
        if (difference > 0 && name->optional)
            continue;
        if (difference > 0)
            return bad_name(judge, name, err, "a name there, or above it, has no NSEC3");
        if (memcmp(nsec3s->items[j].types, name->types, sizeof name->types) != 0)
            return bad_nsec3(judge, &nsec3s->items[j], err,
                             "its bitmap does not name the types that are at its name");
        j++;
    }
    return j == nsec3s->count ? KEYD_OK
                              : bad_nsec3(judge, &nsec3s->items[j], err, "an NSEC3 of no name");
}

static enum keyd_status end_nsec3(struct judge *judge, struct keyd_error *err)
{
    struct chain *chain = &judge->chain;
    if (!chain->any)
        return judge_bad(judge, judge->wanted->apex, TYPE_NSEC3, err, "missing");
    if (memcmp(chain->promised_hash, chain->first_hash, CANON_SHA1) != 0)
        return judge_bad_at(judge, chain->last_line, chain->last_owner, TYPE_NSEC3, err,
                            "the last NSEC3 does not lead back to the first");
    qsort(chain->names.items, chain->names.count, sizeof *chain->names.items, compare_hashed);
    return match(judge, err);
}

/* ---- Both ----------------------------------------------------------------------------------- */

enum keyd_status chain_add(struct judge *judge, struct keyd_error *err)
{
    const struct here *here = &judge->here;
    struct here_set set;
    if (judge->wanted->denial.kind == DENIAL_NSEC3)
        return add_nsec3(judge, err);
    if (find_set(here, TYPE_NSEC3, &set))
        return judge_bad(judge, here->owner, TYPE_NSEC3, err, "in a zone with NSEC");
    return add_nsec(judge, err);
}

enum keyd_status chain_end(struct judge *judge, struct keyd_error *err)
{
    return judge->wanted->denial.kind == DENIAL_NSEC3 ? end_nsec3(judge, err)
                                                      : end_nsec(judge, err);
}

void chain_free(struct chain *chain)
{
    free(chain->names.items);
    free(chain->nsec3s.items);
    EVP_MD_free(chain->sha1);
    EVP_MD_CTX_free(chain->ctx);
}
