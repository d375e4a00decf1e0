/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/nsec3.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "client/dns/rrtype.h"

#define SHA1_NUMBER  1 /* IANA "DNSSEC NSEC3 Hash Algorithms" */
#define NON_TERMINAL UINT32_MAX
#define DELEGATED    ((uint32_t)1 << 31) /* the name is a delegation */
#define RECORDS_MAX  (DELEGATED - 1)     /* that the rest of `first` can count */

struct link {
    uint8_t hash[NSEC3_HASH];
    uint32_t first; /* the name's first record, with DELEGATED; or NON_TERMINAL */
};

struct nsec3_chain {
    const struct zone *zone;
    struct link *links;
    size_t count;
    size_t room;
};

struct hasher {
    EVP_MD *md;
    EVP_MD_CTX *ctx;
};

/* ---- Gathering ------------------------------------------------------------------------------ */

static enum keyd_status add_link(struct nsec3_chain *chain, struct hasher *hasher,
                                 const uint8_t *owner, uint32_t first, struct keyd_error *err)
{
    struct dname name = {.length = (uint8_t)dname_length(owner)};
    memcpy(name.wire, owner, name.length);
    dname_lower(name.wire);
    if (chain->count == chain->room) {
        size_t room = chain->room + chain->room / 2 + 64;
        struct link *links = reallocarray(chain->links, room, sizeof *links);
        if (links == NULL)
            return keyd_fail_errno(err, ENOMEM, "the NSEC3 chain");
        chain->links = links;
        chain->room = room;
    }
    struct link *link = &chain->links[chain->count++];
    link->first = first;
    if (EVP_DigestInit_ex2(hasher->ctx, hasher->md, NULL) != 1 ||
        EVP_DigestUpdate(hasher->ctx, name.wire, name.length) != 1 ||
        EVP_DigestFinal_ex(hasher->ctx, link->hash, NULL) != 1)
        return keyd_fail_openssl(err, "an NSEC3 hash");
    return KEYD_OK;
}

/* How many labels of a key, from the apex down, `shared` bytes of it cover. */
static size_t labels_in(const uint8_t *key, size_t bytes)
{
    size_t labels = 0;
    for (size_t i = 0; i < bytes; i++)
        labels += key[i] == 0;
    return labels;
}

static size_t common_bytes(const struct zone_name *a, const struct zone_name *b)
{
    size_t i = 0;
    while (i < a->key_length && i < b->key_length && a->key[i] == b->key[i])
        i++;
    return i;
}

/* The ancestors of a name that the name before it in the chain does not have, but for the last of
 * them, are not there: a name that is there would stand between the two. */
static enum keyd_status add_non_terminals(struct nsec3_chain *chain, struct hasher *hasher,
                                          const struct zone_name *before,
                                          const struct zone_name *name, struct keyd_error *err)
{
    size_t shared = labels_in(name->key, common_bytes(before, name));
    size_t labels = labels_in(name->key, name->key_length);
    const uint8_t *at = name->owner.wire;
    enum keyd_status status = KEYD_OK;
    for (size_t left = labels; left > shared + 1 && status == KEYD_OK; left--) {
        at += 1 + *at;
        status = add_link(chain, hasher, at, NON_TERMINAL, err);
    }
    return status;
}

static enum keyd_status gather(struct nsec3_chain *chain, struct hasher *hasher, bool opt_out,
                               struct keyd_error *err)
{
    struct name_walk walk = {.zone = chain->zone};
    struct zone_name before = {0};
    enum keyd_status status = KEYD_OK;
    while (status == KEYD_OK && name_walk_next_owned(&walk)) {
        bool delegation = walk.kind == NAME_DELEGATION;
        if (opt_out && delegation && !zone_name_has(&walk.name, TYPE_DS))
            continue;
        status = add_non_terminals(chain, hasher, &before, &walk.name, err);
        if (status == KEYD_OK)
            status = add_link(chain, hasher, walk.name.owner.wire,
                              (uint32_t)walk.name.first | (delegation ? DELEGATED : 0), err);
        before = walk.name;
    }
    return status;
}

static int compare_links(const void *a, const void *b)
{
    return memcmp(((const struct link *)a)->hash, ((const struct link *)b)->hash, NSEC3_HASH);
}

static enum keyd_status order(struct nsec3_chain *chain, struct keyd_error *err)
{
    qsort(chain->links, chain->count, sizeof *chain->links, compare_links);
    for (size_t i = 1; i < chain->count; i++) {
        if (compare_links(&chain->links[i - 1], &chain->links[i]) == 0)
            return keyd_fail(err, KEYD_FAILED_PRECONDITION, "NSEC3_COLLISION",
                             "two names of the zone have the same NSEC3 hash: sign it with NSEC "
                             "(keyd-dnssec enable --denial nsec)");
    }
    return KEYD_OK;
}

enum keyd_status nsec3_chain_make(const struct zone *zone, bool opt_out, struct nsec3_chain **chain,
                                  struct keyd_error *err)
{
    struct hasher hasher = {.md = EVP_MD_fetch(NULL, "SHA1", NULL), .ctx = EVP_MD_CTX_new()};
    struct nsec3_chain *made = calloc(1, sizeof *made);
    enum keyd_status status = KEYD_OK;
    if (made == NULL || hasher.md == NULL || hasher.ctx == NULL)
        status = keyd_fail_openssl(err, "an NSEC3 chain needs SHA-1");
    else if (zone_records(zone) > RECORDS_MAX)
        status = keyd_fail(err, KEYD_RESOURCE_EXHAUSTED, "ZONE_TOO_LARGE",
                           "the zone has more than %u records: sign it with NSEC", RECORDS_MAX);
    if (status == KEYD_OK) {
        made->zone = zone;
        status = gather(made, &hasher, opt_out, err);
    }
    if (status == KEYD_OK)
        status = order(made, err);
    EVP_MD_CTX_free(hasher.ctx);
    EVP_MD_free(hasher.md);
    if (status == KEYD_OK)
        *chain = made;
    else
        nsec3_chain_free(made);
    return status;
}

void nsec3_chain_free(struct nsec3_chain *chain)
{
    if (chain == NULL)
        return;
    free(chain->links);
    free(chain);
}

/* ---- Reading -------------------------------------------------------------------------------- */

size_t nsec3_chain_count(const struct nsec3_chain *chain)
{
    return chain->count;
}

const uint8_t *nsec3_chain_hash(const struct nsec3_chain *chain, size_t i)
{
    return chain->links[i].hash;
}

void nsec3_chain_link(const struct nsec3_chain *chain, size_t i, struct nsec3_link *link)
{
    const struct link *here = &chain->links[i];
    link->hash = here->hash;
    link->next = chain->links[(i + 1) % chain->count].hash;
    link->has_name = here->first != NON_TERMINAL;
    if (!link->has_name)
        return;
    link->name = (struct zone_name){.zone = chain->zone, .next = here->first & ~DELEGATED};
    zone_next_name(chain->zone, &link->name);
    link->kind = (here->first & DELEGATED)    ? NAME_DELEGATION
                 : link->name.key_length == 0 ? NAME_APEX
                                              : NAME_AUTHORITATIVE;
}

void nsec3_label(const uint8_t *hash, uint8_t *label)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    for (size_t i = 0; i < NSEC3_HASH; i += 5) {
        uint64_t group = 0;
        for (size_t j = 0; j < 5; j++)
            group = group << 8 | hash[i + j];
        for (size_t shift = 40; shift > 0;) {
            shift -= 5;
            *label++ = (uint8_t)digits[group >> shift & 31];
        }
    }
}

void nsec3_rdata(const uint8_t *next, bool opt_out, const struct typeset *types,
                 struct bytes *rdata)
{
    bytes_u8(rdata, SHA1_NUMBER);
    bytes_u8(rdata, opt_out ? NSEC3_OPT_OUT : 0);
    bytes_u16(rdata, 0); /* iterations */
    bytes_u8(rdata, 0);  /* salt */
    bytes_u8(rdata, NSEC3_HASH);
    bytes_add(rdata, next, NSEC3_HASH);
    typeset_encode(types, rdata);
}

void nsec3param_rdata(struct bytes *rdata)
{
    bytes_u8(rdata, SHA1_NUMBER);
    bytes_u8(rdata, 0);
    bytes_u16(rdata, 0);
    bytes_u8(rdata, 0);
}
