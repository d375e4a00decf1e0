/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file as a stream of records, gathered to names, each of which is judged (judge.h) and laid
 * beside the same name of the unsigned zone: both are in canonical order, so that what is missing
 * and what is new shows at once. */
#include "client/dnssec/verify.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/dns/rrtype.h"
#include "client/dns/zonefile.h"
#include "client/dnssec/judge.h"
#include "client/dnssec/pieces.h"
#include "client/dnssec/relay.h"

#define SOA_AFTER_SERIAL 16 /* bytes: refresh, retry, expire, minimum */

struct verifier {
    const char *path;
    struct judge judge;
    bool gathering;          /* judge.here has a name */
    bool unordered;          /* the stream stopped at a name out of canonical order */
    bool unreadable;         /* it is no text that can be read in pieces */
    enum keyd_status status; /* the first thing that is wrong: the rest is read for its order */
    struct keyd_error err;
    struct zone_name before; /* the name of the unsigned zone that is due */
    bool more_before;
};

/* ---- The content ---------------------------------------------------------------------------- */

static bool is_made_by_signing(bool apex, uint16_t type)
{
    return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3 ||
           (apex && (type == TYPE_DNSKEY || type == TYPE_NSEC3PARAM || type == TYPE_ZONEMD));
}

/* Signing changes an SOA's serial. */
static bool same_rdata(uint16_t type, const uint8_t *a, const struct rdata *b)
{
    if (type != TYPE_SOA)
        return memcmp(a, b->data, b->length) == 0;
    size_t behind = (size_t)b->length - SOA_AFTER_SERIAL;
    return memcmp(a, b->data, behind - 4) == 0 &&
           memcmp(a + behind, b->data + behind, SOA_AFTER_SERIAL) == 0;
}

static bool same_set(const struct here *here, const struct here_set *after,
                     const struct rrset *before)
{
    if (after->rrsigs - after->first != before->count ||
        here->records[after->first].ttl != before->ttl)
        return false;
    for (size_t i = 0; i < before->count; i++) {
        struct rdata rdata = rrset_rdata(before, i);
        if (here->records[after->first + i].length != rdata.length ||
            !same_rdata(before->type, here_given(here, after->first + i), &rdata))
            return false;
    }
    return true;
}

/* To the next set that is not made by signing. */
static bool next_after(const struct here *here, struct here_set *set)
{
    while (here_next_set(here, set)) {
        if (!is_made_by_signing(here->apex, set->type))
            return true;
    }
    return false;
}

static bool next_before(const struct zone_name *name, struct rrset *set)
{
    while (zone_next_set(name, set)) {
        if (!is_made_by_signing(name->key_length == 0, set->type))
            return true;
    }
    return false;
}

static enum keyd_status missing(const struct verifier *verifier, const struct rrset *before,
                                struct keyd_error *err)
{
    return judge_bad(&verifier->judge, before->owner, before->type, err,
                     "in the unsigned zone, but not here");
}

static enum keyd_status is_new(const struct verifier *verifier, const struct here_set *after,
                               struct keyd_error *err)
{
    return judge_bad(&verifier->judge, verifier->judge.here.owner, after->type, err,
                     "here, but not in the unsigned zone");
}

/* The sets of one name, which are in the order of their types on both sides. name: NULL when the
 * unsigned zone has none there. */
static enum keyd_status compare_sets(const struct verifier *verifier, const struct zone_name *name,
                                     struct keyd_error *err)
{
    const struct here *here = &verifier->judge.here;
    struct here_set after = {0};
    struct rrset before = {0};
    bool more_before = name != NULL && next_before(name, &before);
    bool more_after = next_after(here, &after);
    while (more_before || more_after) {
        if (!more_after || (more_before && before.type < after.type))
            return missing(verifier, &before, err);
        if (!more_before || after.type < before.type)
            return is_new(verifier, &after, err);
        if (!same_set(here, &after, &before))
            return judge_bad(&verifier->judge, here->owner, after.type, err,
                             "differs from the unsigned zone");
        more_before = next_before(name, &before);
        more_after = next_after(here, &after);
    }
    return KEYD_OK;
}

/* A name of the unsigned zone that was passed over. */
static enum keyd_status pass_over(const struct verifier *verifier, struct keyd_error *err)
{
    struct rrset before = {0};
    if (next_before(&verifier->before, &before))
        return missing(verifier, &before, err);
    return KEYD_OK;
}

static enum keyd_status compare_name(struct verifier *verifier, struct keyd_error *err)
{
    const struct zone *zone = verifier->judge.wanted->unsigned_zone;
    enum keyd_status status = KEYD_OK;
    int order = 1;
    if (zone == NULL)
        return KEYD_OK;
    while (verifier->more_before && status == KEYD_OK) {
        order = canon_compare(verifier->before.owner.wire, verifier->judge.here.owner);
        if (order >= 0)
            break;
        status = pass_over(verifier, err);
        verifier->more_before = zone_next_name(zone, &verifier->before);
    }
    if (status != KEYD_OK)
        return status;
    bool both = verifier->more_before && order == 0;
    status = compare_sets(verifier, both ? &verifier->before : NULL, err);
    if (both)
        verifier->more_before = zone_next_name(zone, &verifier->before);
    return status;
}

/* ---- The stream ----------------------------------------------------------------------------- */

static enum keyd_status end_name(struct verifier *verifier, struct keyd_error *err)
{
    if (!verifier->gathering)
        return KEYD_OK;
    enum keyd_status status = judge_name(&verifier->judge, err);
    return status == KEYD_OK ? compare_name(verifier, err) : status;
}

static void begin_name(struct verifier *verifier, const struct zone_record *record)
{
    struct here *here = &verifier->judge.here;
    memcpy(here->owner, record->owner, dname_length(record->owner));
    here->line = place_outer_line(&record->place);
    here->count = 0;
    bytes_reset(&here->given);
    bytes_reset(&here->canonical);
    verifier->gathering = true;
}

static bool grow(struct here *here)
{
    if (here->count < here->room)
        return true;
    size_t room = here->room > 0 ? here->room * 2 : 16;
    struct here_record *records = reallocarray(here->records, room, sizeof *records);
    if (records == NULL)
        return false;
    here->records = records;
    uint16_t *types = reallocarray(here->types, room + 1, sizeof *types);
    if (types == NULL)
        return false;
    here->types = types;
    here->room = room;
    return true;
}

static enum keyd_status gather(struct verifier *verifier, const struct zone_record *record,
                               struct keyd_error *err)
{
    struct here *here = &verifier->judge.here;
    struct cursor covered = cursor_over(record->rdata, record->length);
    if (!grow(here))
        return keyd_fail_errno(err, ENOMEM, "%s", verifier->path);
    here->records[here->count++] = (struct here_record){
        .type = record->type,
        .group = record->type == TYPE_RRSIG ? cursor_u16(&covered) : record->type,
        .ttl = record->ttl,
        .line = place_outer_line(&record->place),
        .at = here->given.length,
        .length = record->length};
    bytes_add(&here->given, record->rdata, record->length);
    bytes_add(&here->canonical, record->rdata, record->length);
    if (here->given.failed || here->canonical.failed)
        return keyd_fail_errno(err, ENOMEM, "%s", verifier->path);
    if (record->length > 0 &&
        !canon_rdata(record->type, here->canonical.data + here->canonical.length - record->length,
                     record->length))
        return judge_bad_at(&verifier->judge, here->records[here->count - 1].line, record->owner,
                            record->type, err, "malformed");
    return KEYD_OK;
}

static enum keyd_status judge_record(struct verifier *verifier, bool new_name,
                                     const struct zone_record *record, struct keyd_error *err)
{
    if (new_name) {
        enum keyd_status status = end_name(verifier, err);
        if (status != KEYD_OK)
            return status;
        begin_name(verifier, record);
    }
    return gather(verifier, record, err);
}

/* What is wrong comes back at the end: a record that would mend it may follow out of order. */
static enum keyd_status take_record(void *context, const struct zone_record *record,
                                    struct keyd_error *err)
{
    struct verifier *verifier = context;
    const uint8_t *owner = verifier->judge.here.owner;
    int order = -1;
    if (verifier->gathering)
        order = memcmp(owner, record->owner, dname_length(record->owner)) == 0
                    ? 0
                    : canon_compare(owner, record->owner);
    if (order > 0) {
        verifier->unordered = true;
        return keyd_fail(err, KEYD_ABORTED, "UNORDERED", "%s: not in canonical order",
                         verifier->path);
    }
    if (verifier->status == KEYD_OK)
        verifier->status = judge_record(verifier, order < 0, record, &verifier->err);
    else if (order < 0)
        begin_name(verifier, record);
    return KEYD_OK;
}

static enum keyd_status end_stream(struct verifier *verifier, struct keyd_error *err)
{
    const struct verification *wanted = verifier->judge.wanted;
    enum keyd_status status = verifier->status;
    if (status != KEYD_OK && err != NULL)
        *err = verifier->err;
    if (status == KEYD_OK)
        status = end_name(verifier, err);
    if (status == KEYD_OK && !verifier->judge.have_apex)
        status = judge_bad(&verifier->judge, wanted->apex, TYPE_SOA, err, "missing");
    if (status == KEYD_OK)
        status = chain_end(&verifier->judge, err);
    if (status == KEYD_OK)
        status = digest_end(&verifier->judge, err);
    while (status == KEYD_OK && verifier->more_before) {
        status = pass_over(verifier, err);
        verifier->more_before = zone_next_name(wanted->unsigned_zone, &verifier->before);
    }
    return status;
}

/* ---- All of it ------------------------------------------------------------------------------ */

/* How many signatures there will be: as was said, else by the file's size. */
static size_t expected_signatures(const char *path, const struct verification *wanted)
{
    struct stat st;
    size_t signature = 0;
    if (wanted->signatures != 0)
        return wanted->signatures;
    for (size_t i = 0; i < wanted->dnskey_count; i++) {
        if ((wanted->dnskeys[i].flags & DNSKEY_SEP) == 0)
            signature = dnskey_signature_length(&wanted->dnskeys[i]);
    }
    /* An RRSIG in base64, the rest of its line, and the record that it is for. */
    return stat(path, &st) == 0 ? (size_t)st.st_size / (signature * 4 / 3 + 200) : 0;
}

/* wanted: so many of them; 0: all. */
static void begin_sample(struct sample *sample, size_t expected, size_t wanted)
{
    uint32_t random = 0;
    *sample = (struct sample){.every = 1, .left = expected};
    if (wanted > 0 && expected >= wanted)
        sample->every = expected / wanted;
    if (sample->every > 1 && RAND_bytes((unsigned char *)&random, sizeof random) == 1)
        sample->until_next = random % sample->every;
}

static void choose_samples(struct judge *judge, const char *path)
{
    const struct zone *before = judge->wanted->unsigned_zone;
    size_t expected = expected_signatures(path, judge->wanted);
    size_t rrsets = before != NULL ? zone_sets(before) + zone_names(before) : expected;
    enum verify_mode mode = judge->wanted->mode;
    bool full = mode == VERIFY_FULL || (mode == VERIFY_DEFAULT && rrsets < VERIFY_FULL_BELOW);
    begin_sample(&judge->kept, judge->wanted->kept, full ? 0 : VERIFY_SAMPLE_SIZE);
    begin_sample(&judge->made, expected - judge->wanted->kept, full ? 0 : VERIFY_SAMPLE_SIZE);
}

static enum keyd_status begin(struct verifier *verifier, struct keyd_error *err)
{
    struct judge *judge = &verifier->judge;
    const struct verification *wanted = judge->wanted;
    struct bytes rdata = {0};
    *judge->verified = (struct verified){.expiration = INT64_MAX};
    if (wanted->unsigned_zone != NULL)
        verifier->more_before = zone_next_name(wanted->unsigned_zone, &verifier->before);
    judge->key_tags = calloc(wanted->dnskey_count + 1, sizeof *judge->key_tags);
    if (judge->key_tags == NULL)
        return keyd_fail_errno(err, ENOMEM, "%s", verifier->path);
    for (size_t i = 0; i < wanted->dnskey_count; i++) {
        bytes_reset(&rdata);
        dnskey_rdata(&wanted->dnskeys[i], &rdata);
        judge->key_tags[i] = canon_key_tag(rdata.data, rdata.length);
    }
    bool failed = rdata.failed;
    bytes_free(&rdata);
    if (failed)
        return keyd_fail_errno(err, ENOMEM, "%s", verifier->path);
    return checker_new(wanted->dnskeys, wanted->dnskey_count, wanted->threads, &judge->checker,
                       err);
}

/* A bad signature was met before whatever else was wrong. */
static enum keyd_status settle(struct verifier *verifier, enum keyd_status status,
                               struct keyd_error *err)
{
    struct judge *judge = &verifier->judge;
    struct check_result result = {0};
    checker_end(judge->checker, &result);
    judge->checker = NULL;
    judge->verified->checked = result.checked;
    if (!result.bad || verifier->unordered)
        return status;
    return judge_bad_at(judge, result.line, result.owner, result.type, err,
                        "the signature by key %u is bad", judge->key_tags[result.key]);
}

static void free_judge(struct judge *judge)
{
    free(judge->key_tags);
    free(judge->here.records);
    free(judge->here.types);
    bytes_free(&judge->here.given);
    bytes_free(&judge->here.canonical);
    bytes_free(&judge->message);
    chain_free(&judge->chain);
    digest_free(&judge->digest);
}

/* The records of the file, read in this thread, judged in another one. An error of the reading is
 * there because the other one wants no more, or stands for itself. */
static enum keyd_status read_through(struct verifier *verifier, struct keyd_error *err)
{
    struct relay *relay = NULL;
    struct keyd_error judged;
    struct place_files files = {0};
    const struct zonefile_options how = {.default_ttl = ZONEFILE_NO_TTL,
                                         .progress = verifier->judge.wanted->progress,
                                         .files = &files};
    enum keyd_status status = relay_new(take_record, verifier, &relay, err);
    if (status != KEYD_OK)
        return status;
    status = zonefile_read_with(verifier->path, verifier->judge.wanted->apex, &how, relay_take,
                                relay, err);
    enum keyd_status other = relay_end(relay, &judged);
    place_files_free(&files);
    if (other != KEYD_OK && err != NULL)
        *err = judged;
    return other != KEYD_OK ? other : status;
}

/* The same with all cores, where the text is such. */
static enum keyd_status read_pieces(struct verifier *verifier, struct keyd_error *err)
{
    bool whole;
    enum keyd_status status =
        pieces_read(verifier->path, verifier->judge.wanted->apex, verifier->judge.wanted->threads,
                    verifier->judge.wanted->progress, take_record, verifier, &whole, err);
    verifier->unreadable = !whole;
    return status;
}

/* The same records in canonical order, from memory. */
static enum keyd_status replay(struct verifier *verifier, const struct zone *zone,
                               struct keyd_error *err)
{
    struct zone_name name = {0};
    struct rrset set;
    enum keyd_status status = KEYD_OK;
    if (zone_ttl_conflict(zone, &name, &set)) {
        const struct place place = rrset_place(&set);
        return judge_bad_at(&verifier->judge, place_outer_line(&place), set.owner, set.type, err,
                            "its records have different TTLs");
    }
    name = (struct zone_name){0};
    while (status == KEYD_OK && zone_next_name(zone, &name)) {
        set = (struct rrset){0};
        while (status == KEYD_OK && zone_next_set(&name, &set)) {
            for (size_t i = 0; i < set.count && status == KEYD_OK; i++) {
                struct rdata rdata = rrset_rdata(&set, i);
                const struct zone_record record = {.owner = set.owner,
                                                   .rdata = rdata.data,
                                                   .length = rdata.length,
                                                   .ttl = set.ttl,
                                                   .type = set.type,
                                                   .place = rrset_place_of(&set, i)};
                status = take_record(verifier, &record, err);
            }
        }
    }
    return status;
}

/* How the records come, and what has come of it. */
struct way {
    enum { IN_PIECES, AS_TEXT, FROM_MEMORY } kind;
    const struct zone *zone; /* FROM_MEMORY */
    bool unordered;          /* the next way is to be tried */
    bool unreadable;
};

static enum keyd_status go(struct verifier *verifier, const struct way *way, struct keyd_error *err)
{
    if (way->kind == IN_PIECES)
        return read_pieces(verifier, err);
    return way->kind == AS_TEXT ? read_through(verifier, err) : replay(verifier, way->zone, err);
}

static enum keyd_status run(const char *path, const struct verification *wanted, struct way *way,
                            struct verified *verified, struct keyd_error *err)
{
    struct verifier *verifier = calloc(1, sizeof *verifier);
    if (verifier == NULL)
        return keyd_fail_errno(err, ENOMEM, "%s", path);
    verifier->path = path;
    verifier->judge.shown = wanted->shown != NULL ? wanted->shown : path;
    verifier->judge.wanted = wanted;
    verifier->judge.verified = verified;
    choose_samples(&verifier->judge, path);
    progress_restart(wanted->progress);
    enum keyd_status status = begin(verifier, err);
    if (status == KEYD_OK)
        status = go(verifier, way, err);
    if (status == KEYD_OK)
        status = end_stream(verifier, err);
    status = settle(verifier, status, err);
    way->unordered = verifier->unordered;
    way->unreadable = verifier->unreadable;
    free_judge(&verifier->judge);
    free(verifier);
    return status;
}

enum keyd_status verify_file(const char *path, const struct verification *verification,
                             struct verified *verified, struct keyd_error *err)
{
    struct zone *zone = NULL;
    struct way way = {.kind = IN_PIECES};
    enum keyd_status status = run(path, verification, &way, verified, err);
    if (way.unreadable) {
        way = (struct way){.kind = AS_TEXT};
        status = run(path, verification, &way, verified, err);
    }
    if (!way.unordered)
        return status;
    status = zonefile_load(path, verification->apex, &zone, err);
    if (status == KEYD_OK)
        way = (struct way){.kind = FROM_MEMORY, .zone = zone};
    if (status == KEYD_OK)
        status = run(path, verification, &way, verified, err);
    zone_free(zone);
    return status;
}
