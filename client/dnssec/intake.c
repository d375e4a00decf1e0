/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/intake.h"

#include <stdio.h>
#include <string.h>

#include "client/dns/rrtype.h"
#include "client/dnssec/zonecheck.h"

static const uint16_t kinds[INTAKE_KINDS] = {TYPE_RRSIG, TYPE_NSEC, TYPE_NSEC3, TYPE_NSEC3PARAM,
                                             TYPE_ZONEMD};

/* With the names in it in lower case where that is wanted (rdata_lower). */
static enum keyd_status add(struct intake *intake, const struct zone_record *record,
                            struct keyd_error *err)
{
    struct zone_record lowered = *record;
    if (!rdata_has_lower(record->type))
        return zone_add(intake->zone, record, err);
    memcpy(intake->scratch, record->rdata, record->length);
    intake->lowered += rdata_lower(record->type, intake->scratch, record->length);
    lowered.rdata = intake->scratch;
    return zone_add(intake->zone, &lowered, err);
}

enum keyd_status intake_record(void *context, const struct zone_record *record,
                               struct keyd_error *err)
{
    struct intake *intake = context;
    for (size_t i = 0; i < INTAKE_KINDS; i++) {
        if (record->type == kinds[i]) {
            intake->taken_out[i]++;
            return KEYD_OK;
        }
    }
    return add(intake, record, err);
}

void intake_notice(struct intake *intake, const char *line)
{
    if (intake->notice_count < INTAKE_NOTICES)
        snprintf(intake->notices[intake->notice_count++], INTAKE_LINE, "%s", line);
}

/* ---- Keys of others ------------------------------------------------------------------------- */

static enum keyd_status check_other(const struct place *place, const struct dnskey *key,
                                    uint8_t algorithm, const struct dnskey *own, size_t own_count,
                                    struct keyd_error *err)
{
    unsigned tag = dnskey_tag(key);
    if (key->algorithm != algorithm)
        return place_fail(place, err, KEYD_FAILED_PRECONDITION, "OTHER_SIGNER",
                          "the DNSKEY with tag %u is not ours and of algorithm %u, this zone is "
                          "signed with %u alone: all signers of a zone need the same algorithm "
                          "(RFC 8901, 4); take the key out if nobody signs with it",
                          tag, key->algorithm, algorithm);
    if (key->flags & DNSKEY_REVOKE)
        return place_fail(place, err, KEYD_FAILED_PRECONDITION, "OTHER_SIGNER",
                          "the DNSKEY with tag %u is not ours and is revoked, which counts only "
                          "where it signs the DNSKEY RRset itself (RFC 5011, 2.1): its signer "
                          "publishes it so, take it out of this zone",
                          tag);
    for (size_t i = 0; i < own_count; i++) {
        if (dnskey_tags_collide(key, &own[i]))
            return place_fail(place, err, KEYD_FAILED_PRECONDITION, "OTHER_SIGNER",
                              "the DNSKEY with tag %u is not ours, but a key of ours has the same "
                              "tag, or would once one is revoked: the other signer needs another "
                              "key",
                              tag);
    }
    return KEYD_OK;
}

static bool is_own(const struct dnskey *key, const struct dnskey *own, size_t own_count)
{
    for (size_t i = 0; i < own_count; i++) {
        if (dnskey_equal(key, &own[i]))
            return true;
    }
    return false;
}

enum keyd_status intake_keys(struct intake *intake, uint8_t algorithm, const struct dnskey *own,
                             size_t own_count, struct keyd_error *err)
{
    struct rrset set = {0};
    enum keyd_status status = KEYD_OK;
    if (!zone_find(intake->zone, zone_apex(intake->zone), TYPE_DNSKEY, &set))
        return KEYD_OK;
    for (size_t i = 0; i < set.count && status == KEYD_OK; i++) {
        struct dnskey key;
        struct rdata rdata = rrset_rdata(&set, i);
        const struct place place = rrset_place_of(&set, i);
        if (!dnskey_from_rdata(rdata.data, rdata.length, &key))
            return place_fail(&place, err, KEYD_INVALID_ARGUMENT, "ZONE_CONTENT",
                              "a DNSKEY whose protocol is not 3, or whose key is too long");
        if (is_own(&key, own, own_count))
            continue;
        if (key.algorithm == algorithm && dnskey_signature_length(&key) == 0)
            return place_fail(&place, err, KEYD_INVALID_ARGUMENT, "ZONE_CONTENT",
                              "a DNSKEY whose public key is none of algorithm %u", algorithm);
        status = check_other(&place, &key, algorithm, own, own_count, err);
        if (status == KEYD_OK && intake->other_count == INTAKE_OTHERS)
            status = place_fail(&place, err, KEYD_FAILED_PRECONDITION, "OTHER_SIGNER",
                                "more than %d DNSKEYs that are not ours", INTAKE_OTHERS);
        if (status == KEYD_OK)
            intake->others[intake->other_count++] = key;
    }
    return status;
}

/* ---- Notices -------------------------------------------------------------------------------- */

static void tell_taken_out(struct report *report, uint16_t type, size_t count)
{
    char name[TYPE_TEXT];
    if (count == 0)
        return;
    rrtype_format(type, name);
    report_notice(report,
                  json_pack("{s:s, s:s, s:I}", "kind", "taken_out", "type", name, "records",
                            (json_int_t)count),
                  "%zu %s record%s taken out of the zone: signing makes %s anew", count, name,
                  count == 1 ? "" : "s", count == 1 ? "it" : "them");
}

static void tell_lowered(struct report *report, size_t count)
{
    if (count > 0)
        report_notice(
            report, json_pack("{s:s, s:I}", "kind", "lower_case", "records", (json_int_t)count),
            "%zu record%s signed with names in lower case: NSD serves SVCB, HTTPS, LP and "
            "IPSECKEY so, and validators differ on A6 and NSAP-PTR",
            count, count == 1 ? "" : "s");
}

static void tell_misplaced(const struct zonecheck_misplaced *misplaced, struct report *report)
{
    char type[TYPE_TEXT];
    char more[64] = "";
    if (misplaced->sets == 0)
        return;
    rrtype_format(misplaced->type, type);
    if (misplaced->sets > 1)
        snprintf(more, sizeof more, "; %zu RRset%s more %s misplaced", misplaced->sets - 1,
                 misplaced->sets == 2 ? "" : "s", misplaced->sets == 2 ? "is" : "are");
    report_notice(report,
                  json_pack("{s:s, s:I, s:s, s:s}", "kind", "misplaced", "rrsets",
                            (json_int_t)misplaced->sets, "name", misplaced->owner, "type", type),
                  "%s: %.256s %s is where nobody looks for it, %s%s", misplaced->place,
                  misplaced->owner, type,
                  misplaced->type == TYPE_DS ? "it belongs to a delegation (RFC 4035, 2.4)"
                                             : "it belongs at the apex (RFC 7344, 4.1)",
                  more);
}

void intake_report(const struct intake *intake, struct report *report)
{
    for (size_t i = 0; i < intake->notice_count; i++)
        report_notice(report, json_pack("{s:s}", "kind", "out_of_zone"), "%s", intake->notices[i]);
    for (size_t i = 0; i < INTAKE_KINDS; i++)
        tell_taken_out(report, kinds[i], intake->taken_out[i]);
    tell_lowered(report, intake->lowered);
    for (size_t i = 0; i < intake->other_count; i++) {
        const struct dnskey *key = &intake->others[i];
        unsigned tag = dnskey_tag(key);
        report_notice(
            report,
            json_pack("{s:s, s:i, s:i, s:i}", "kind", "other_signer", "key_tag", (int)tag, "flags",
                      key->flags, "algorithm", key->algorithm),
            "the DNSKEY with tag %u, flags %u is not ours: kept for the other signer that "
            "it belongs to (RFC 8901)",
            tag, key->flags);
    }
    tell_misplaced(&intake->misplaced, report);
}
