/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The apex is signed first, in the calling thread, for its keys' sets need the KSKs. The other
 * names, and the NSEC3s between them, go to a crew in parts of PART_STEPS. */
#include "client/dnssec/sign.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "client/dns/rrtype.h"
#include "client/dnssec/crew.h"
#include "client/dnssec/signdesk.h"

#define SOA_SERIAL_FROM_END 20 /* bytes: serial, refresh, retry, expire, minimum */

/* Names and NSEC3s of a part: some 10 ms of P-256 signatures, 200 kB of text. */
#define PART_STEPS 256

/* Goes over the output: names in canonical order, and each NSEC3 where its owner has its place. */
struct track {
    const struct nsec3_chain *chain; /* NULL: there are none */
    struct name_walk walk;           /* stands at the name that comes next */
    bool more_names;
    size_t nsec3; /* the NSEC3 that comes next */
    uint8_t nsec3_key[NSEC3_LABEL + 1];
    const uint8_t *passed_key; /* of the name before; NULL: an NSEC3 came before, or nothing */
    uint16_t passed_length;
};

struct part {
    struct track track;
    size_t steps;
};

struct job {
    struct sign_plan plan;
    struct zone *apex_zone; /* all that stands at the apex of the signed zone */
    struct zone_name apex;
    struct track track;
    const struct sign_output *output;
    struct sign_count count;
    EVP_MD_CTX *digest; /* NULL: without ZONEMD */
    size_t zonemd_at;   /* where its lines stand in the output */
    size_t zonemd_length;
};

uint32_t soa_serial(const struct rrset *soa)
{
    struct rdata rdata = rrset_rdata(soa, 0);
    struct cursor serial = cursor_over(rdata.data + rdata.length - SOA_SERIAL_FROM_END, 4);
    return cursor_u32(&serial);
}

uint32_t zone_serial(const struct zone *zone)
{
    struct rrset soa;
    return zone_find(zone, zone_apex(zone), TYPE_SOA, &soa) ? soa_serial(&soa) : 0;
}

/* ---- The order of the output ---------------------------------------------------------------- */

static void load_nsec3(struct track *track)
{
    if (track->chain == NULL || track->nsec3 == nsec3_chain_count(track->chain))
        return;
    nsec3_label(nsec3_chain_hash(track->chain, track->nsec3), track->nsec3_key);
    track->nsec3_key[NSEC3_LABEL] = 0;
}

static void track_begin(struct track *track, const struct name_walk *walk,
                        const struct nsec3_chain *chain)
{
    *track = (struct track){.chain = chain, .walk = *walk};
    track->more_names = name_walk_next(&track->walk);
    load_nsec3(track);
}

static bool has_nsec3(const struct track *track)
{
    return track->chain != NULL && track->nsec3 < nsec3_chain_count(track->chain);
}

static bool at_end(const struct track *track)
{
    return !track->more_names && !has_nsec3(track);
}

/* Whether an NSEC3 comes next, and no name. */
static bool is_at_nsec3(const struct track *track)
{
    if (!has_nsec3(track))
        return false;
    if (!track->more_names)
        return true;
    const struct zone_name *name = &track->walk.name;
    size_t shorter =
        name->key_length < sizeof track->nsec3_key ? name->key_length : sizeof track->nsec3_key;
    int difference = memcmp(track->nsec3_key, name->key, shorter);
    return difference < 0 || (difference == 0 && sizeof track->nsec3_key < name->key_length);
}

static void step(struct track *track)
{
    if (is_at_nsec3(track)) {
        track->passed_key = NULL;
        track->nsec3++;
        load_nsec3(track);
    } else {
        track->passed_key = track->walk.name.key;
        track->passed_length = track->walk.name.key_length;
        track->more_names = name_walk_next(&track->walk);
    }
}

/* Whether what comes next has the owner of what came last: a name that is itself a hash. */
static bool is_at_same_owner(const struct track *track)
{
    return is_at_nsec3(track) && track->passed_key != NULL &&
           track->passed_length == sizeof track->nsec3_key &&
           memcmp(track->passed_key, track->nsec3_key, sizeof track->nsec3_key) == 0;
}

/* ---- The digest (RFC 8976) ------------------------------------------------------------------ */

static enum keyd_status digest_open(struct job *job, struct keyd_error *err)
{
    if (!job->plan.signing->zonemd)
        return KEYD_OK;
    job->digest = EVP_MD_CTX_new();
    if (job->digest != NULL && EVP_DigestInit_ex2(job->digest, EVP_sha384(), NULL) == 1)
        return KEYD_OK;
    return keyd_fail_openssl(err, "the digest of the zone");
}

static enum keyd_status digest_add(struct job *job, const void *data, size_t length,
                                   struct keyd_error *err)
{
    if (EVP_DigestUpdate(job->digest, data, length) == 1)
        return KEYD_OK;
    return keyd_fail_openssl(err, "the digest of the zone");
}

/* Puts behind a part's text what is digested of it, and how long that is. */
static void append_digested(struct sign_desk *desk, struct bytes *out)
{
    struct bytes *digested = sign_digested(desk);
    bytes_add(out, digested->data, digested->length);
    bytes_u32(out, (uint32_t)digested->length);
    out->failed = out->failed || digested->failed;
    bytes_reset(digested);
}

/* Takes it from behind the text. */
static enum keyd_status digest_part(struct job *job, const uint8_t *data, size_t *length,
                                    struct keyd_error *err)
{
    struct cursor tail = cursor_over(data + *length - 4, 4);
    size_t digested = cursor_u32(&tail);
    *length -= digested + 4;
    return digest_add(job, data + *length, digested, err);
}

/* ---- What goes with a part's text ----------------------------------------------------------- */

static struct sigcache_writer *writer_of(const struct job *job)
{
    const struct sign_keeping *keeping = job->plan.signing->keeping;
    return keeping != NULL ? keeping->writer : NULL;
}

/* Behind it: what is digested of it, then the signatures that are kept. */
static enum keyd_status append_besides(const struct job *job, struct sign_desk *desk,
                                       struct bytes *out, struct keyd_error *err)
{
    if (job->digest != NULL)
        append_digested(desk, out);
    return writer_of(job) != NULL ? sigpage_take(desk->kept, out, err) : KEYD_OK;
}

static void leave_desk(struct job *job, struct sign_desk *desk)
{
    if (desk != NULL) {
        job->count.signatures += desk->count.signatures;
        job->count.kept += desk->count.kept;
    }
    sign_desk_close(desk);
}

/* ---- The apex ------------------------------------------------------------------------------- */

static enum keyd_status add_to_apex(struct job *job, uint16_t type, uint32_t ttl,
                                    const uint8_t *rdata, size_t length, struct keyd_error *err)
{
    const struct zone_record record = {
        .owner = job->apex.owner.wire, .rdata = rdata, .length = length, .ttl = ttl, .type = type};
    return zone_add(job->apex_zone, &record, err);
}

/* The same of what was made. */
static enum keyd_status add_made(struct job *job, uint16_t type, uint32_t ttl,
                                 const struct bytes *rdata, struct keyd_error *err)
{
    return rdata->failed ? keyd_fail_errno(err, ENOMEM, "the zone")
                         : add_to_apex(job, type, ttl, rdata->data, rdata->length, err);
}

/* The SOA with its new serial. */
static enum keyd_status add_soa(struct job *job, const struct rrset *soa, struct keyd_error *err)
{
    struct bytes rdata = {0};
    struct rdata old = rrset_rdata(soa, 0);
    size_t before = old.length - (size_t)SOA_SERIAL_FROM_END;
    bytes_add(&rdata, old.data, before);
    bytes_u32(&rdata, job->plan.signing->serial);
    bytes_add(&rdata, old.data + before + 4, old.length - before - 4);
    enum keyd_status status = add_made(job, TYPE_SOA, soa->ttl, &rdata, err);
    bytes_free(&rdata);
    return status;
}

static enum keyd_status add_dnskeys(struct job *job, struct keyd_error *err)
{
    const struct signing *signing = job->plan.signing;
    struct bytes rdata = {0};
    enum keyd_status status = KEYD_OK;
    for (size_t i = 0; i < signing->dnskey_count && status == KEYD_OK; i++) {
        bytes_reset(&rdata);
        dnskey_rdata(&signing->dnskeys[i], &rdata);
        status = add_made(job, TYPE_DNSKEY, signing->dnskey_ttl, &rdata, err);
    }
    bytes_free(&rdata);
    return status;
}

/* TTL 0: only the zone's own servers look at it. */
static enum keyd_status add_nsec3param(struct job *job, struct keyd_error *err)
{
    struct bytes rdata = {0};
    nsec3param_rdata(&rdata);
    enum keyd_status status = add_made(job, TYPE_NSEC3PARAM, 0, &rdata, err);
    bytes_free(&rdata);
    return status;
}

/* What the ZONEMD will look like. Its TTL is the SOA's. */
static enum keyd_status add_zonemd(struct job *job, struct keyd_error *err)
{
    static const uint8_t digest[ZONEMD_DIGEST];
    struct rrset soa;
    struct bytes rdata = {0};
    const struct zone *zone = job->plan.zone;
    zonemd_rdata(job->plan.signing->serial, digest, &rdata);
    enum keyd_status status =
        zone_find(zone, zone_apex(zone), TYPE_SOA, &soa)
            ? add_made(job, TYPE_ZONEMD, soa.ttl, &rdata, err)
            : keyd_fail(err, KEYD_INTERNAL, "ZONE_RECORD", "a zone without an SOA");
    bytes_free(&rdata);
    return status;
}

static enum keyd_status add_given(struct job *job, const struct rrset *set, struct keyd_error *err)
{
    enum keyd_status status = KEYD_OK;
    for (size_t i = 0; i < set->count && status == KEYD_OK; i++) {
        struct rdata rdata = rrset_rdata(set, i);
        status = add_to_apex(job, set->type, set->ttl, rdata.data, rdata.length, err);
    }
    return status;
}

/* What the zone has at its apex, and what signing brings. */
static enum keyd_status make_apex(struct job *job, const struct zone_name *given,
                                  struct keyd_error *err)
{
    struct rrset set = {0};
    job->apex_zone = zone_new(zone_apex(job->plan.zone));
    if (job->apex_zone == NULL)
        return keyd_fail_errno(err, ENOMEM, "the zone");
    job->apex.owner = given->owner;
    enum keyd_status status = add_dnskeys(job, err);
    if (status == KEYD_OK && job->plan.signing->denial.kind == DENIAL_NSEC3)
        status = add_nsec3param(job, err);
    if (status == KEYD_OK && job->plan.signing->zonemd)
        status = add_zonemd(job, err);
    while (status == KEYD_OK && zone_next_set(given, &set)) {
        if (set.type == TYPE_SOA)
            status = add_soa(job, &set, err);
        else if (set.type != TYPE_DNSKEY)
            status = add_given(job, &set, err);
    }
    if (status == KEYD_OK)
        status = zone_finish(job->apex_zone, err);
    if (status == KEYD_OK && !zone_next_name(job->apex_zone, &job->apex))
        status = keyd_fail(err, KEYD_INTERNAL, "ZONE_RECORD", "a zone without an apex");
    return status;
}

static enum keyd_status sign_apex(struct job *job, const struct name_walk *walk, struct bytes *out,
                                  struct keyd_error *err)
{
    struct sign_desk *desk = NULL;
    enum keyd_status status = make_apex(job, &walk->name, err);
    if (status == KEYD_OK)
        status = sign_desk_open(&job->plan, true, &desk, err);
    if (status == KEYD_OK)
        status = sign_name(desk, walk, &job->apex, out, err);
    if (status == KEYD_OK)
        status = append_besides(job, desk, out, err);
    if (status == KEYD_OK && out->failed)
        status = keyd_fail_errno(err, ENOMEM, "the signed zone");
    if (desk != NULL) {
        job->zonemd_at = desk->zonemd_at;
        job->zonemd_length = desk->zonemd_length;
    }
    leave_desk(job, desk);
    return status;
}

static enum keyd_status make_zonemd(struct job *job, struct bytes *rdata, struct keyd_error *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    if (EVP_DigestFinal_ex(job->digest, digest, NULL) != 1)
        return keyd_fail_openssl(err, "the digest of the zone");
    zonemd_rdata(job->plan.signing->serial, digest, rdata);
    return rdata->failed ? keyd_fail_errno(err, ENOMEM, "the digest of the zone") : KEYD_OK;
}

/* The lines of the ZONEMD with the digest. */
static enum keyd_status print_zonemd(struct job *job, const struct bytes *made, struct bytes *out,
                                     struct keyd_error *err)
{
    struct sign_desk *desk = NULL;
    struct rrset set;
    const struct rdata rdata = {
        .data = made->data, .canonical = made->data, .length = (uint16_t)made->length};
    if (!zone_find(job->apex_zone, zone_apex(job->apex_zone), TYPE_ZONEMD, &set))
        return keyd_fail(err, KEYD_INTERNAL, "ZONE_RECORD", "an apex without ZONEMD");
    set.rdatas = &rdata;
    enum keyd_status status = sign_desk_open(&job->plan, false, &desk, err);
    if (status == KEYD_OK)
        status = sign_apex_set(desk, &set, out, err);
    sign_desk_close(desk);
    return status;
}

static enum keyd_status put_zonemd(struct job *job, struct keyd_error *err)
{
    struct bytes rdata = {0};
    struct bytes text = {0};
    enum keyd_status status = make_zonemd(job, &rdata, err);
    if (status == KEYD_OK)
        status = print_zonemd(job, &rdata, &text, err);
    if (status == KEYD_OK && (text.failed || text.length != job->zonemd_length))
        status = keyd_fail(err, KEYD_INTERNAL, "ZONEMD", "the ZONEMD does not fit into its place");
    if (status == KEYD_OK)
        status =
            job->output->patch(job->output->context, job->zonemd_at, text.data, text.length, err);
    bytes_free(&rdata);
    bytes_free(&text);
    return status;
}

/* ---- The crew ------------------------------------------------------------------------------- */

static bool take_part(void *context, void *taken)
{
    struct job *job = context;
    struct part *part = taken;
    if (at_end(&job->track))
        return false;
    part->track = job->track;
    part->steps = 0;
    while ((part->steps < PART_STEPS || is_at_same_owner(&job->track)) && !at_end(&job->track)) {
        step(&job->track);
        part->steps++;
    }
    return true;
}

static enum keyd_status open_desk(void *context, void **desk, struct keyd_error *err)
{
    struct job *job = context;
    struct sign_desk *opened = NULL;
    enum keyd_status status = sign_desk_open(&job->plan, false, &opened, err);
    *desk = opened;
    return status;
}

static void close_desk(void *context, void *desk)
{
    leave_desk(context, desk);
}

static enum keyd_status make_part(void *context, void *desk, const void *taken, struct bytes *out,
                                  struct keyd_error *err)
{
    const struct job *job = context;
    const struct part *part = taken;
    struct track track = part->track;
    enum keyd_status status = KEYD_OK;
    for (size_t i = 0; i < part->steps && status == KEYD_OK; i++) {
        if (is_at_nsec3(&track))
            status = sign_nsec3(desk, track.nsec3, &job->apex, out, err);
        else
            status = sign_name(desk, &track.walk, &job->apex, out, err);
        step(&track);
    }
    progress_add(job->plan.signing->progress, part->steps);
    return status == KEYD_OK ? append_besides(job, desk, out, err) : status;
}

static enum keyd_status write_part(void *context, const void *data, size_t length,
                                   struct keyd_error *err)
{
    struct job *job = context;
    enum keyd_status status = KEYD_OK;
    if (writer_of(job) != NULL)
        length = sigpage_write(writer_of(job), data, length);
    if (job->digest != NULL)
        status = digest_part(job, data, &length, err);
    return status == KEYD_OK ? job->output->add(job->output->context, data, length, err) : status;
}

/* ---- All of it ------------------------------------------------------------------------------ */

static enum keyd_status make_plan(struct job *job, struct nsec3_chain **chain,
                                  struct keyd_error *err)
{
    struct rrset soa;
    struct sign_plan *plan = &job->plan;
    if (!zone_find(plan->zone, zone_apex(plan->zone), TYPE_SOA, &soa))
        return keyd_fail(err, KEYD_INTERNAL, "ZONE_RECORD", "a zone without an SOA");
    plan->denial_ttl = nsec_ttl(&soa);
    plan->terms = (struct rrsig_terms){.apex = zone_apex(plan->zone),
                                       .inception = plan->signing->inception,
                                       .expiration = plan->signing->expiration,
                                       .jitter = plan->signing->jitter};
    if (plan->signing->denial.kind == DENIAL_NSEC)
        return KEYD_OK;
    enum keyd_status status =
        nsec3_chain_make(plan->zone, plan->signing->denial.opt_out, chain, err);
    plan->chain = *chain;
    return status;
}

/* All but the apex. */
static void expect_steps(const struct job *job)
{
    const struct nsec3_chain *chain = job->plan.chain;
    progress_expect(job->plan.signing->progress,
                    zone_names(job->plan.zone) - 1 +
                        (chain != NULL ? nsec3_chain_count(chain) : 0));
}

static enum keyd_status run(struct job *job, struct keyd_error *err)
{
    struct bytes apex = {0};
    struct name_walk walk = {.zone = job->plan.zone};
    const struct crew crew = {.threads = job->plan.signing->threads,
                              .part_size = sizeof(struct part),
                              .context = job,
                              .take = take_part,
                              .open = open_desk,
                              .close = close_desk,
                              .make = make_part,
                              .write = write_part};
    name_walk_next(&walk);
    expect_steps(job);
    enum keyd_status status = sign_apex(job, &walk, &apex, err);
    if (status == KEYD_OK)
        status = write_part(job, apex.data, apex.length, err);
    bytes_free(&apex);
    if (status != KEYD_OK)
        return status;
    track_begin(&job->track, &walk, job->plan.chain);
    if (!at_end(&job->track))
        status = crew_run(&crew, err);
    return status == KEYD_OK && job->digest != NULL ? put_zonemd(job, err) : status;
}

enum keyd_status sign_zone(const struct zone *zone, const struct signing *signing,
                           const struct sign_output *output, struct sign_count *count,
                           struct keyd_error *err)
{
    struct nsec3_chain *chain = NULL;
    struct job job = {.plan = {.zone = zone, .signing = signing}, .output = output};
    enum keyd_status status = make_plan(&job, &chain, err);
    if (status == KEYD_OK)
        status = digest_open(&job, err);
    if (status == KEYD_OK)
        status = run(&job, err);
    zone_free(job.apex_zone);
    nsec3_chain_free(chain);
    EVP_MD_CTX_free(job.digest);
    *count = job.count;
    return status;
}
