/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/sign.h"

#include <errno.h>

#include "client/dns/nsec.h"
#include "client/dns/rrtype.h"
#include "client/dnssec/rrsig.h"

#define SOA_SERIAL_FROM_END 20 /* bytes: serial, refresh, retry, expire, minimum */

struct job {
    const struct zone *in;
    const struct signing *signing;
    struct zone *apex; /* the sets of the apex that are not the input's: SOA and DNSKEY */
    struct zone *out;
    size_t signatures;
    struct bytes scratch;
};

uint32_t soa_serial(const struct rrset *soa)
{
    const struct rdata *rdata = &soa->rdatas[0];
    struct cursor serial = cursor_over(rdata->data + rdata->length - SOA_SERIAL_FROM_END, 4);
    return cursor_u32(&serial);
}

static bool is_key_set(uint16_t type)
{
    return type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY;
}

static enum keyd_status add_signatures(struct job *job, const struct rrset *set,
                                       struct keyd_error *err)
{
    const struct signing *signing = job->signing;
    bool by_ksk = is_key_set(set->type);
    const struct dns_signer *signers = by_ksk ? signing->ksks : signing->zsks;
    size_t count = by_ksk ? signing->ksk_count : signing->zsk_count;
    for (size_t i = 0; i < count; i++) {
        bytes_reset(&job->scratch);
        enum keyd_status status = rrsig_make(set, zone_apex(job->in), signing->inception,
                                             signing->expiration, &signers[i], &job->scratch, err);
        if (status == KEYD_OK)
            status = zone_add(job->out, set->owner, TYPE_RRSIG, set->ttl, job->scratch.data,
                              job->scratch.length, 0, err);
        if (status != KEYD_OK)
            return status;
        job->signatures++;
    }
    return KEYD_OK;
}

static enum keyd_status add_set(struct job *job, const struct rrset *set, bool is_signed,
                                struct keyd_error *err)
{
    enum keyd_status status = zone_add_set(job->out, set, err);
    return status == KEYD_OK && is_signed ? add_signatures(job, set, err) : status;
}

/* The SOA with its new serial, and the DNSKEYs. */
static enum keyd_status make_apex(struct job *job, struct keyd_error *err)
{
    const struct signing *signing = job->signing;
    const uint8_t *apex = zone_apex(job->in);
    const struct rrset *soa = zone_find(job->in, apex, TYPE_SOA);
    const struct rdata *old = &soa->rdatas[0];
    job->apex = zone_new(apex);
    if (job->apex == NULL)
        return keyd_fail_errno(err, ENOMEM, "the zone");

    size_t before = old->length - (size_t)SOA_SERIAL_FROM_END;
    bytes_reset(&job->scratch);
    bytes_add(&job->scratch, old->data, before);
    bytes_u32(&job->scratch, signing->serial);
    bytes_add(&job->scratch, old->data + before + 4, old->length - before - 4);
    if (job->scratch.failed)
        return keyd_fail_errno(err, ENOMEM, "the zone");
    enum keyd_status status = zone_add(job->apex, soa->owner, TYPE_SOA, soa->ttl, job->scratch.data,
                                       job->scratch.length, soa->line, err);
    for (size_t i = 0; i < signing->dnskey_count && status == KEYD_OK; i++) {
        bytes_reset(&job->scratch);
        dnskey_rdata(&signing->dnskeys[i], &job->scratch);
        status = job->scratch.failed
                     ? keyd_fail_errno(err, ENOMEM, "the zone")
                     : zone_add(job->apex, soa->owner, TYPE_DNSKEY, signing->dnskey_ttl,
                                job->scratch.data, job->scratch.length, 0, err);
    }
    return status == KEYD_OK ? zone_finish(job->apex, err) : status;
}

static enum keyd_status add_nsec(struct job *job, const struct name_walk *walk, uint32_t ttl,
                                 struct keyd_error *err)
{
    struct name_walk ahead = *walk;
    const uint8_t *next =
        name_walk_next_owned(&ahead) ? zone_set(job->in, ahead.first)->owner : zone_apex(job->in);
    const struct rrset *name = zone_set(job->in, walk->first);
    struct bytes data = {0};
    nsec_rdata(walk, next, &data);
    struct rdata rdata = {
        .data = data.data, .canonical = data.data, .length = (uint16_t)data.length};
    struct rrset set = {.owner = name->owner,
                        .key = name->key,
                        .key_length = name->key_length,
                        .type = TYPE_NSEC,
                        .ttl = ttl,
                        .count = 1,
                        .rdatas = &rdata};
    enum keyd_status status =
        data.failed ? keyd_fail_errno(err, ENOMEM, "the zone") : add_set(job, &set, true, err);
    bytes_free(&data);
    return status;
}

static enum keyd_status sign_name(struct job *job, const struct name_walk *walk, uint32_t nsec,
                                  struct keyd_error *err)
{
    enum keyd_status status = KEYD_OK;
    for (size_t i = walk->first; i < walk->next && status == KEYD_OK; i++) {
        const struct rrset *set = zone_set(job->in, i);
        if (walk->kind == NAME_APEX && (set->type == TYPE_SOA || set->type == TYPE_DNSKEY))
            continue;
        status = add_set(job, set, nsec_is_signed(walk->kind, set->type), err);
    }
    for (size_t i = 0; walk->kind == NAME_APEX && i < zone_count(job->apex) && status == KEYD_OK;
         i++)
        status = add_set(job, zone_set(job->apex, i), true, err);
    if (status == KEYD_OK && walk->kind != NAME_BELOW_CUT)
        status = add_nsec(job, walk, nsec, err);
    return status;
}

static enum keyd_status sign_names(struct job *job, struct keyd_error *err)
{
    uint32_t nsec = nsec_ttl(zone_find(job->in, zone_apex(job->in), TYPE_SOA));
    struct name_walk walk = {.zone = job->in};
    enum keyd_status status = make_apex(job, err);
    while (status == KEYD_OK && name_walk_next(&walk))
        status = sign_name(job, &walk, nsec, err);
    return status == KEYD_OK ? zone_finish(job->out, err) : status;
}

enum keyd_status sign_zone(const struct zone *zone, const struct signing *signing,
                           struct zone **out, size_t *signatures, struct keyd_error *err)
{
    struct job job = {.in = zone, .signing = signing, .out = zone_new(zone_apex(zone))};
    enum keyd_status status =
        job.out != NULL ? sign_names(&job, err) : keyd_fail_errno(err, ENOMEM, "the zone");
    bytes_free(&job.scratch);
    zone_free(job.apex);
    if (status != KEYD_OK) {
        zone_free(job.out);
        return status;
    }
    *out = job.out;
    *signatures = job.signatures;
    return KEYD_OK;
}
