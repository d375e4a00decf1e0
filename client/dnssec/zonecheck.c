/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/zonecheck.h"

#include <stdarg.h>
#include <stdio.h>

#include "client/dns/rrtype.h"

/* Bytes of an RRset, its names uncompressed: header, question (259), RRSIG (1,040 with a name of
 * 255 bytes and RSA-4096) and so much fit into a message of 65,535. So they fit into a Sign of
 * keyd. */
#define RRSET_MAX 64000
#define RR_FIXED  10 /* bytes of a record between its owner and its rdata */

struct check {
    const struct zone *zone;
    const char *path;
    const struct dnskey *own;
    size_t own_count;
};

/* The sets of one name that others judge each other by. */
struct name {
    const struct rrset *any; /* the first one */
    const struct rrset *cname;
    const struct rrset *dname;
    const struct rrset *ns;
    const struct rrset *ds;
    size_t sets;
    bool apex;
};

static enum keyd_status content(const struct check *check, const struct rrset *set,
                                struct keyd_error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static enum keyd_status content(const struct check *check, const struct rrset *set,
                                struct keyd_error *err, const char *format, ...)
{
    char what[256];
    char owner[DNAME_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    dname_format(set->owner, owner);
    return keyd_fail(err, KEYD_INVALID_ARGUMENT, "ZONE_CONTENT", "%s:%u: %.256s: %s", check->path,
                     set->line, owner, what);
}

static bool is_own_dnskey(const struct check *check, const struct rrset *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct dnskey key;
        bool found = false;
        if (!dnskey_from_rdata(set->rdatas[i].data, set->rdatas[i].length, &key))
            return false;
        for (size_t j = 0; j < check->own_count && !found; j++)
            found = dnskey_equal(&key, &check->own[j]);
        if (!found)
            return false;
    }
    return true;
}

static enum keyd_status check_unsigned(const struct check *check, const struct rrset *set,
                                       struct keyd_error *err)
{
    char type[TYPE_TEXT];
    char owner[DNAME_TEXT];
    bool apex = set->key_length == 0;
    bool made_by_signing = set->type == TYPE_RRSIG || set->type == TYPE_NSEC ||
                           set->type == TYPE_NSEC3 || set->type == TYPE_NSEC3PARAM ||
                           set->type == TYPE_ZONEMD;
    if (!made_by_signing && (set->type != TYPE_DNSKEY || (apex && is_own_dnskey(check, set))))
        return KEYD_OK;
    rrtype_format(set->type, type);
    dname_format(set->owner, owner);
    return keyd_fail(
        err, KEYD_FAILED_PRECONDITION, "SIGNED_ALREADY",
        "%s:%u: %.256s %s: the zone is signed already; give the unsigned zone file, or "
        "take out all DNSKEY, RRSIG, NSEC, NSEC3, NSEC3PARAM and ZONEMD records",
        check->path, set->line, owner, type);
}

static struct name gather(const struct zone *zone, size_t first, size_t next)
{
    struct name name = {.any = zone_set(zone, first), .sets = next - first};
    name.apex = name.any->key_length == 0;
    for (size_t i = first; i < next; i++) {
        const struct rrset *set = zone_set(zone, i);
        if (set->type == TYPE_CNAME)
            name.cname = set;
        else if (set->type == TYPE_DNAME)
            name.dname = set;
        else if (set->type == TYPE_NS)
            name.ns = set;
        else if (set->type == TYPE_DS)
            name.ds = set;
    }
    return name;
}

static enum keyd_status check_name(const struct check *check, const struct name *name,
                                   struct keyd_error *err)
{
    if (name->cname != NULL && name->sets > 1)
        return content(check, name->cname, err,
                       "CNAME beside other data (RFC 2181, 10.1): keep one of the two");
    if (name->cname != NULL && name->cname->count > 1)
        return content(check, name->cname, err, "more than one CNAME");
    if (name->dname != NULL && name->dname->count > 1)
        return content(check, name->dname, err, "more than one DNAME");
    if (name->dname != NULL && name->ns != NULL && !name->apex)
        return content(check, name->dname, err, "DNAME beside a delegation (RFC 6672, 2.3)");
    if (name->ds != NULL && (name->ns == NULL || name->apex))
        return content(check, name->ds, err,
                       name->apex ? "the zone's own DS belongs into the parent zone"
                                  : "DS without NS: a DS needs a delegation");
    return KEYD_OK;
}

static enum keyd_status check_apex(const struct check *check, struct keyd_error *err)
{
    char apex[DNAME_TEXT];
    const struct rrset *soa = zone_find(check->zone, zone_apex(check->zone), TYPE_SOA);
    dname_format(zone_apex(check->zone), apex);
    if (soa == NULL)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "ZONE_CONTENT",
                         "%s: there is no SOA record at %.256s: is this the right file?",
                         check->path, apex);
    if (soa->count > 1)
        return content(check, soa, err, "%zu SOA records: keep one", soa->count);
    if (zone_find(check->zone, zone_apex(check->zone), TYPE_NS) == NULL)
        return keyd_fail(
            err, KEYD_INVALID_ARGUMENT, "ZONE_CONTENT",
            "%s: there is no NS record at %.256s: name the servers that serve the zone",
            check->path, apex);
    return KEYD_OK;
}

/* What holds for a set wherever it is. */
static enum keyd_status check_set(const struct check *check, const struct rrset *set,
                                  struct keyd_error *err)
{
    size_t size = 0;
    bool apex = set->key_length == 0;
    for (size_t i = 0; i < set->count; i++)
        size += dname_length(set->owner) + RR_FIXED + set->rdatas[i].length;
    if (size > RRSET_MAX)
        return content(check, set, err,
                       "the records of one type have %zu bytes together: with their signature no "
                       "DNS message holds more than %d",
                       size, RRSET_MAX);
    if (set->type == TYPE_SOA && !apex)
        return content(check, set, err, "an SOA record below the zone's apex");
    if (set->type == TYPE_NS && dname_is_wildcard(set->owner))
        return content(check, set, err, "NS at a wildcard (RFC 4592, 4.2), which servers refuse");
    if ((set->type == TYPE_CDS || set->type == TYPE_CDNSKEY) && !apex)
        return content(check, set, err,
                       "CDS and CDNSKEY belong at the zone's apex (RFC 7344, 4.1)");
    return KEYD_OK;
}

static enum keyd_status check_names(const struct check *check, struct keyd_error *err)
{
    const struct rrset *dname = NULL;
    const struct rrset *cut = NULL;
    for (size_t i = 0; i < zone_count(check->zone);) {
        size_t next = zone_next_name(check->zone, i);
        struct name name = gather(check->zone, i, next);
        if (dname != NULL && rrset_is_in(name.any, dname))
            return content(check, name.any, err, "below the DNAME of line %u (RFC 6672, 2.4)",
                           dname->line);
        i = next;
        if (cut != NULL && rrset_is_in(name.any, cut))
            continue; /* occluded: nobody is ever told of it */
        enum keyd_status status = check_name(check, &name, err);
        if (status != KEYD_OK)
            return status;
        if (name.dname != NULL)
            dname = name.dname;
        if (name.ns != NULL && !name.apex)
            cut = name.ns;
    }
    return KEYD_OK;
}

enum keyd_status zonecheck(const struct zone *zone, const char *path, const struct dnskey *own,
                           size_t own_count, struct keyd_error *err)
{
    struct check check = {.zone = zone, .path = path, .own = own, .own_count = own_count};
    enum keyd_status status = check_apex(&check, err);
    for (size_t i = 0; i < zone_count(zone) && status == KEYD_OK; i++) {
        const struct rrset *set = zone_set(zone, i);
        status = check_unsigned(&check, set, err);
        if (status == KEYD_OK)
            status = check_set(&check, set, err);
    }
    return status == KEYD_OK ? check_names(&check, err) : status;
}
