/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/rrsig.h"

#include <errno.h>
#include <string.h>

#include "client/dns/dname.h"

#define TIMES_AT 8 /* bytes before expiration and inception in the rdata */

uint8_t rrsig_labels(const uint8_t *owner)
{
    size_t labels = dname_labels(owner);
    return (uint8_t)(dname_is_wildcard(owner) ? labels - 1 : labels);
}

static void add_lower(struct bytes *bytes, const uint8_t *name)
{
    size_t start = bytes->length;
    bytes_add(bytes, name, dname_length(name));
    if (!bytes->failed)
        dname_lower(bytes->data + start);
}

static void add_fields(const struct rrsig *rrsig, struct bytes *bytes)
{
    bytes_u16(bytes, rrsig->type_covered);
    bytes_u8(bytes, rrsig->algorithm);
    bytes_u8(bytes, rrsig->labels);
    bytes_u32(bytes, rrsig->original_ttl);
    bytes_u32(bytes, rrsig->expiration);
    bytes_u32(bytes, rrsig->inception);
    bytes_u16(bytes, rrsig->key_tag);
    add_lower(bytes, rrsig->signer_name);
}

void rrsig_message(const struct rrsig *rrsig, const struct rrset *set, struct bytes *message)
{
    struct dname owner = {.length = (uint8_t)dname_length(set->owner)};
    memcpy(owner.wire, set->owner, owner.length);
    dname_lower(owner.wire);
    add_fields(rrsig, message);
    for (size_t i = 0; i < set->count; i++) {
        struct rdata rdata = rrset_rdata(set, i);
        bytes_add(message, owner.wire, owner.length);
        bytes_u16(message, set->type);
        bytes_u16(message, 1); /* class IN */
        bytes_u32(message, rrsig->original_ttl);
        bytes_u16(message, rdata.length);
        bytes_add(message, rdata.canonical, rdata.length);
    }
}

#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME  UINT64_C(0x100000001b3)

/* FNV-1a with a finish that spreads the low bits: no secret, but even. */
static uint32_t hash_set(const struct rrset *set)
{
    struct dname owner = {.length = (uint8_t)dname_length(set->owner)};
    uint64_t hash = FNV_OFFSET;
    memcpy(owner.wire, set->owner, owner.length);
    dname_lower(owner.wire);
    for (size_t i = 0; i < owner.length; i++)
        hash = (hash ^ owner.wire[i]) * FNV_PRIME;
    hash = (hash ^ set->type) * FNV_PRIME;
    hash ^= hash >> 33;
    hash *= UINT64_C(0xff51afd7ed558ccd);
    return (uint32_t)(hash >> 32);
}

uint32_t rrsig_expiration(const struct rrset *set, const struct rrsig_terms *terms)
{
    if (terms->jitter == 0)
        return terms->expiration;
    return terms->expiration - (uint32_t)(((uint64_t)terms->jitter + 1) * hash_set(set) >> 32);
}

struct rrsig rrsig_for(const struct rrset *set, const struct rrsig_terms *terms,
                       const struct dns_signer *signer)
{
    return (struct rrsig){.type_covered = set->type,
                          .algorithm = signer->algorithm->number,
                          .labels = rrsig_labels(set->owner),
                          .original_ttl = set->ttl,
                          .expiration = rrsig_expiration(set, terms),
                          .inception = terms->inception,
                          .key_tag = signer->key_tag,
                          .signer_name = terms->apex};
}

void rrsig_set_times(struct rrsig *rrsig, uint32_t inception, uint32_t expiration,
                     struct bytes *message)
{
    rrsig->inception = inception;
    rrsig->expiration = expiration;
    if (message->failed || message->length < TIMES_AT + 8)
        return;
    for (size_t i = 0; i < 4; i++) {
        message->data[TIMES_AT + i] = (uint8_t)(expiration >> (24 - 8 * i));
        message->data[TIMES_AT + 4 + i] = (uint8_t)(inception >> (24 - 8 * i));
    }
}

void rrsig_rdata(const struct rrsig *rrsig, const uint8_t *signature, size_t length,
                 struct bytes *rdata)
{
    add_fields(rrsig, rdata);
    bytes_add(rdata, signature, length);
}

enum keyd_status rrsig_make(const struct rrset *set, const struct rrsig_terms *terms,
                            struct signer_seat *seat, struct bytes *rdata, struct keyd_error *err)
{
    struct rrsig rrsig = rrsig_for(set, terms, seat->signer);
    uint8_t signature[DNSSEC_SIGNATURE_MAX];
    struct bytes *message = &seat->message;
    bytes_reset(message);
    rrsig_message(&rrsig, set, message);
    enum keyd_status status =
        message->failed ? keyd_fail_errno(err, ENOMEM, "an RRSIG")
                        : signer_sign(seat, message->data, message->length, signature, err);
    if (status != KEYD_OK)
        return status;
    rrsig_rdata(&rrsig, signature, seat->signer->signature_length, rdata);
    return rdata->failed ? keyd_fail_errno(err, ENOMEM, "an RRSIG") : KEYD_OK;
}
