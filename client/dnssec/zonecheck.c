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
};

/* The sets of one name that others judge each other by; count 0: not there. */
struct name {
    struct rrset cname;
    struct rrset dname;
    struct rrset ns;
    struct rrset ds;
    size_t sets;
    bool apex;
};

const char *zonecheck_line(unsigned line, char text[ZONECHECK_LINE])
{
    text[0] = '\0';
    if (line > 0)
        snprintf(text, ZONECHECK_LINE, ":%u", line);
    return text;
}

static enum keyd_status content(const struct check *check, const struct rrset *set,
                                struct keyd_error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static enum keyd_status content(const struct check *check, const struct rrset *set,
                                struct keyd_error *err, const char *format, ...)
{
    char what[256];
    char owner[DNAME_TEXT];
    char line[ZONECHECK_LINE];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    dname_format(set->owner, owner);
    return keyd_fail(err, KEYD_INVALID_ARGUMENT, "ZONE_CONTENT", "%s%s: %.256s: %s", check->path,
                     zonecheck_line(set->line, line), owner, what);
}

static void gather(struct name *name, const struct rrset *set)
{
    name->sets++;
    if (set->type == TYPE_CNAME)
        name->cname = *set;
    else if (set->type == TYPE_DNAME)
        name->dname = *set;
    else if (set->type == TYPE_NS)
        name->ns = *set;
    else if (set->type == TYPE_DS)
        name->ds = *set;
}

static enum keyd_status check_name(const struct check *check, const struct name *name,
                                   struct keyd_error *err)
{
    if (name->cname.count > 0 && name->sets > 1)
        return content(check, &name->cname, err,
                       "CNAME beside other data (RFC 2181, 10.1): keep one of the two");
    if (name->cname.count > 1)
        return content(check, &name->cname, err, "more than one CNAME");
    if (name->dname.count > 1)
        return content(check, &name->dname, err, "more than one DNAME");
    if (name->dname.count > 0 && name->ns.count > 0 && !name->apex)
        return content(check, &name->dname, err, "DNAME beside a delegation (RFC 6672, 2.3)");
    if (name->ds.count > 0 && (name->ns.count == 0 || name->apex))
        return content(check, &name->ds, err,
                       name->apex ? "the zone's own DS belongs into the parent zone"
                                  : "DS without NS: a DS needs a delegation");
    return KEYD_OK;
}

static enum keyd_status check_apex(const struct check *check, struct keyd_error *err)
{
    char apex[DNAME_TEXT];
    struct rrset soa;
    struct rrset ns;
    dname_format(zone_apex(check->zone), apex);
    if (!zone_find(check->zone, zone_apex(check->zone), TYPE_SOA, &soa))
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "ZONE_CONTENT",
                         "%s: there is no SOA record at %.256s: is this the right zone?",
                         check->path, apex);
    if (soa.count > 1)
        return content(check, &soa, err, "%zu SOA records: keep one", soa.count);
    if (!zone_find(check->zone, zone_apex(check->zone), TYPE_NS, &ns))
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
    size_t owner = dname_length(set->owner);
    bool apex = set->key_length == 0;
    for (size_t i = 0; i < set->count; i++)
        size += owner + RR_FIXED + rrset_rdata(set, i).length;
    if (size > RRSET_MAX)
        return content(check, set, err,
                       "the records of one type have %zu bytes together: with their signature no "
                       "DNS message holds more than %d",
                       size, RRSET_MAX);
    if (set->type == TYPE_SOA && !apex)
        return content(check, set, err, "an SOA record below the zone's apex");
    if (set->type == TYPE_NS && dname_is_wildcard(set->owner))
        return content(check, set, err, "NS at a wildcard (RFC 4592, 4.2), which servers refuse");
    if (set->type == TYPE_DNSKEY && !apex)
        return content(check, set, err, "a DNSKEY belongs at the zone's apex (RFC 4035, 2.1)");
    if ((set->type == TYPE_CDS || set->type == TYPE_CDNSKEY) && !apex)
        return content(check, set, err,
                       "CDS and CDNSKEY belong at the zone's apex (RFC 7344, 4.1)");
    return KEYD_OK;
}

/* The key of a name that others may be below, and where it was set. */
struct top {
    const uint8_t *key; /* NULL: none met yet */
    uint16_t key_length;
    unsigned line;
};

static bool is_below(const struct zone_name *name, const struct top *top)
{
    return top->key != NULL &&
           zone_key_is_in(name->key, name->key_length, top->key, top->key_length);
}

static struct top top_of(const struct rrset *set)
{
    return (struct top){.key = set->key, .key_length = set->key_length, .line = set->line};
}

/* All sets of a name, each by itself; leaves those that are judged together. */
static enum keyd_status check_sets(const struct check *check, const struct zone_name *zone_name,
                                   struct name *name, struct keyd_error *err)
{
    struct rrset set = {0};
    enum keyd_status status = KEYD_OK;
    *name = (struct name){.apex = zone_name->key_length == 0};
    while (status == KEYD_OK && zone_next_set(zone_name, &set)) {
        status = check_set(check, &set, err);
        gather(name, &set);
    }
    return status;
}

enum keyd_status zonecheck(const struct zone *zone, const char *path, struct keyd_error *err)
{
    struct check check = {.zone = zone, .path = path};
    struct zone_name zone_name = {0};
    struct name name;
    struct top dname = {0};
    struct top cut = {0};
    enum keyd_status status = check_apex(&check, err);
    while (status == KEYD_OK && zone_next_name(zone, &zone_name)) {
        status = check_sets(&check, &zone_name, &name, err);
        if (status == KEYD_OK && is_below(&zone_name, &dname)) {
            struct rrset first = {0};
            zone_next_set(&zone_name, &first);
            if (dname.line == 0)
                return content(&check, &first, err, "below a DNAME (RFC 6672, 2.4)");
            return content(&check, &first, err, "below the DNAME of line %u (RFC 6672, 2.4)",
                           dname.line);
        }
        if (status != KEYD_OK || is_below(&zone_name, &cut))
            continue; /* below a cut it is occluded: nobody is ever told of it */
        status = check_name(&check, &name, err);
        if (name.dname.count > 0)
            dname = top_of(&name.dname);
        if (name.ns.count > 0 && !name.apex)
            cut = top_of(&name.ns);
    }
    return status;
}
