/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/zonecheck.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/dns/rrtype.h"
#include "client/dnssec/rdatacheck.h"

/* Bytes of an RRset, its names uncompressed: header, question (259), RRSIG (1,040 with a name of
 * 255 bytes and RSA-4096) and so much fit into a message of 65,535. So they fit into a Sign of
 * keyd. */
#define RRSET_MAX 64000
#define RR_FIXED  10 /* bytes of a record between its owner and its rdata */

struct check {
    const struct zone *zone;
    struct zonecheck_misplaced *misplaced;
};

/* The sets of one name that others judge each other by; count 0: not there. */
struct name {
    struct rrset cname;
    struct rrset dname;
    struct rrset ns;
    struct rrset ds;
    struct rrset dnskey;
    struct rrset cds;
    struct rrset cdnskey;
    size_t sets;
    bool apex;
};

static enum keyd_status vcontent(const struct rrset *set, struct place place,
                                 struct keyd_error *err, const char *format, va_list args)
{
    char what[640];
    char owner[DNAME_TEXT];
    vsnprintf(what, sizeof what, format, args);
    dname_format(set->owner, owner);
    return place_fail(&place, err, KEYD_INVALID_ARGUMENT, "ZONE_CONTENT", "%.256s: %s", owner,
                      what);
}

static enum keyd_status content_at(const struct rrset *set, struct place place,
                                   struct keyd_error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static enum keyd_status content_at(const struct rrset *set, struct place place,
                                   struct keyd_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum keyd_status status = vcontent(set, place, err, format, args);
    va_end(args);
    return status;
}

/* At the place of the set. */
static enum keyd_status content(const struct rrset *set, struct keyd_error *err, const char *format,
                                ...) __attribute__((format(printf, 3, 4)));

static enum keyd_status content(const struct rrset *set, struct keyd_error *err, const char *format,
                                ...)
{
    va_list args;
    va_start(args, format);
    enum keyd_status status = vcontent(set, rrset_place(set), err, format, args);
    va_end(args);
    return status;
}

static bool is_same(const struct place *a, const struct place *b)
{
    return a->file == b->file && a->line == b->line && a->column == b->column;
}

/* Where one alone may be: at one after the first, for most likely that should not be there. */
static enum keyd_status too_many(const struct rrset *set, const char *type, struct keyd_error *err)
{
    char where[PLACE_TEXT];
    const struct place first = rrset_place(set);
    struct place other = first;
    if (first.line == 0)
        return content(set, err, "%zu %s records: keep one", set->count, type);
    for (size_t i = 0; i < set->count && is_same(&other, &first); i++)
        other = rrset_place_of(set, i);
    return content_at(set, other, err, "%zu %s records, the first at %s: keep one", set->count,
                      type, place_text(&first, where));
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
    else if (set->type == TYPE_DNSKEY)
        name->dnskey = *set;
    else if (set->type == TYPE_CDS)
        name->cds = *set;
    else if (set->type == TYPE_CDNSKEY)
        name->cdnskey = *set;
}

/* What holds for all names: servers refuse it below a cut, too. */
static enum keyd_status check_name(const struct name *name, struct keyd_error *err)
{
    if (name->cname.count > 0 && name->sets > 1)
        return content(&name->cname, err,
                       "CNAME beside other data (RFC 2181, 10.1): keep one of the two");
    if (name->cname.count > 1)
        return too_many(&name->cname, "CNAME", err);
    if (name->dname.count > 1)
        return too_many(&name->dname, "DNAME", err);
    if (name->dname.count > 0 && name->ns.count > 0 && !name->apex)
        return content(&name->dname, err, "DNAME beside a delegation (RFC 6672, 2.3)");
    if (name->ds.count > 0 && name->apex)
        return content(&name->ds, err, "the zone's own DS belongs into the parent zone");
    return KEYD_OK;
}

static void count_misplaced(const struct check *check, const struct rrset *set)
{
    if (set->count == 0 || check->misplaced == NULL)
        return;
    if (check->misplaced->sets++ > 0)
        return;
    const struct place place = rrset_place(set);
    place_text(&place, check->misplaced->place);
    check->misplaced->type = set->type;
    dname_format(set->owner, check->misplaced->owner);
}

/* What is the zone's own to sign: no apex, no delegation, not below one. */
static enum keyd_status check_own(const struct check *check, const struct name *name,
                                  struct keyd_error *err)
{
    if (name->dnskey.count > 0)
        return content(&name->dnskey, err,
                       "a DNSKEY belongs at the zone's apex (RFC 4035, 2.1): validators take it "
                       "for a zone's below");
    count_misplaced(check, &name->ds);
    count_misplaced(check, &name->cds);
    count_misplaced(check, &name->cdnskey);
    return KEYD_OK;
}

/* ---- The zone's own servers ----------------------------------------------------------------- */

static bool has_address(const struct zone *zone, const uint8_t *name)
{
    struct rrset set;
    return zone_find(zone, name, TYPE_A, &set) || zone_find(zone, name, TYPE_AAAA, &set);
}

/* Bytes of the key of the nearest name at or above this one that is in the zone or has something
 * below it (RFC 4592, 3.3.1): what it has in common with any name, in whole labels. */
static size_t encloser(const struct zone *zone, const uint8_t *key, size_t key_length)
{
    struct zone_name name = {0};
    size_t longest = 0;
    while (zone_next_name(zone, &name)) {
        size_t both = name.key_length < key_length ? name.key_length : key_length;
        size_t common = 0;
        for (size_t i = 0; i < both && name.key[i] == key[i]; i++)
            common = key[i] == 0 ? i + 1 : common;
        longest = common > longest ? common : longest;
    }
    return longest;
}

/* Makes the wildcard that answers for a name that has no records; false where there is something at
 * the name itself, or no room for a wildcard. */
static bool wildcard_of(const struct zone *zone, const uint8_t *name, struct dname *wildcard)
{
    uint8_t key[DNAME_KEY_MAX];
    size_t key_length = dname_key(name, dname_labels(zone_apex(zone)), key);
    size_t length = encloser(zone, key, key_length);
    if (length == key_length)
        return false;
    for (size_t i = length; i < key_length; i++)
        name += key[i] == 0 ? name[0] + 1 : 0;
    wildcard->length = (uint8_t)(dname_length(name) + 2);
    memcpy(wildcard->wire, "\1*", 2);
    memcpy(wildcard->wire + 2, name, dname_length(name));
    return true;
}

/* Whether the zone, asked for the address of a name in it, would have one, or sends elsewhere: to
 * what is delegated. Else: what is wrong. */
static const char *server_fault(const struct zone *zone, const uint8_t *name)
{
    struct dname wildcard;
    struct rrset set;
    size_t below = dname_labels(name) - dname_labels(zone_apex(zone));
    const uint8_t *at = name;
    for (size_t i = 0; i < below; i++, at += at[0] + 1) {
        if (zone_find(zone, at, TYPE_NS, &set))
            return NULL;
        if (i > 0 && zone_find(zone, at, TYPE_DNAME, &set))
            return "is below a DNAME";
    }
    if (has_address(zone, name))
        return NULL;
    if (zone_find(zone, name, TYPE_CNAME, &set))
        return "is a CNAME (RFC 2181, 10.3)";
    if (wildcard_of(zone, name, &wildcard)) {
        if (has_address(zone, wildcard.wire))
            return NULL;
        if (zone_find(zone, wildcard.wire, TYPE_CNAME, &set))
            return "is a CNAME by a wildcard (RFC 2181, 10.3)";
    }
    return "has no address in it";
}

static enum keyd_status check_servers(const struct check *check, const struct rrset *ns,
                                      struct keyd_error *err)
{
    char server[DNAME_TEXT];
    for (size_t i = 0; i < ns->count; i++) {
        const uint8_t *name = rrset_rdata(ns, i).data;
        const char *fault =
            dname_is_in(name, zone_apex(check->zone)) ? server_fault(check->zone, name) : NULL;
        if (fault == NULL)
            continue;
        dname_format(name, server);
        return content_at(ns, rrset_place_of(ns, i), err,
                          "the server %.256s, which is in the zone, %s: BIND refuses "
                          "such a zone",
                          server, fault);
    }
    return KEYD_OK;
}

static enum keyd_status check_apex(const struct check *check, struct keyd_error *err)
{
    char apex[DNAME_TEXT];
    struct rrset soa;
    struct rrset ns;
    const struct place whole = {.file = zone_file(check->zone)};
    dname_format(zone_apex(check->zone), apex);
    if (zone_records(check->zone) == 0)
        return place_fail(&whole, err, KEYD_INVALID_ARGUMENT, "ZONE_CONTENT",
                          "no records of %.256s: is it empty, or another file?", apex);
    if (!zone_find(check->zone, zone_apex(check->zone), TYPE_SOA, &soa))
        return place_fail(&whole, err, KEYD_INVALID_ARGUMENT, "ZONE_CONTENT",
                          "there is no SOA record at %.256s: is this the right zone?", apex);
    if (soa.count > 1)
        return too_many(&soa, "SOA", err);
    if (!zone_find(check->zone, zone_apex(check->zone), TYPE_NS, &ns))
        return content(&soa, err,
                       "no NS record beside the SOA: name the servers that serve the zone");
    return check_servers(check, &ns, err);
}

static enum keyd_status check_rdata(const struct rrset *set, struct keyd_error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        struct rdata rdata = rrset_rdata(set, i);
        const char *why = rdatacheck(set->type, rdata.data, rdata.length);
        if (why != NULL)
            return content_at(set, rrset_place_of(set, i), err, "%s", why);
    }
    return KEYD_OK;
}

/* What holds for a set wherever it is. */
static enum keyd_status check_set(const struct rrset *set, struct keyd_error *err)
{
    size_t size = 0;
    size_t owner = dname_length(set->owner);
    bool apex = set->key_length == 0;
    for (size_t i = 0; i < set->count; i++)
        size += owner + RR_FIXED + rrset_rdata(set, i).length;
    if (size > RRSET_MAX)
        return content(set, err,
                       "the records of one type have %zu bytes together: with their signature no "
                       "DNS message holds more than %d",
                       size, RRSET_MAX);
    if (set->type == TYPE_SOA && !apex)
        return content(set, err, "an SOA record below the zone's apex");
    if (set->type == TYPE_NS && dname_is_wildcard(set->owner))
        return content(set, err, "NS at a wildcard (RFC 4592, 4.2), which servers refuse");
    return check_rdata(set, err);
}

/* The key of a name that others may be below, and where it was set. */
struct top {
    const uint8_t *key; /* NULL: none met yet */
    uint16_t key_length;
    struct place place;
};

static bool is_below(const struct zone_name *name, const struct top *top)
{
    return top->key != NULL &&
           zone_key_is_in(name->key, name->key_length, top->key, top->key_length);
}

static struct top top_of(const struct rrset *set)
{
    return (struct top){.key = set->key, .key_length = set->key_length, .place = rrset_place(set)};
}

/* All sets of a name, each by itself; leaves those that are judged together. */
static enum keyd_status check_sets(const struct zone_name *zone_name, struct name *name,
                                   struct keyd_error *err)
{
    struct rrset set = {0};
    enum keyd_status status = KEYD_OK;
    *name = (struct name){.apex = zone_name->key_length == 0};
    while (status == KEYD_OK && zone_next_set(zone_name, &set)) {
        status = check_set(&set, err);
        gather(name, &set);
    }
    return status;
}

static enum keyd_status below_dname(const struct zone_name *zone_name, const struct top *dname,
                                    struct keyd_error *err)
{
    char where[PLACE_TEXT];
    struct rrset first = {0};
    zone_next_set(zone_name, &first);
    if (dname->place.line == 0)
        return content(&first, err, "below a DNAME (RFC 6672, 2.4)");
    return content(&first, err, "below the DNAME at %s (RFC 6672, 2.4)",
                   place_text(&dname->place, where));
}

enum keyd_status zonecheck(const struct zone *zone, struct zonecheck_misplaced *misplaced,
                           struct keyd_error *err)
{
    struct check check = {.zone = zone, .misplaced = misplaced};
    struct zone_name zone_name = {0};
    struct name name;
    struct top dname = {0};
    struct top cut = {0};
    enum keyd_status status = check_apex(&check, err);
    while (status == KEYD_OK && zone_next_name(zone, &zone_name)) {
        status = check_sets(&zone_name, &name, err);
        if (status == KEYD_OK && is_below(&zone_name, &dname))
            return below_dname(&zone_name, &dname, err);
        if (status == KEYD_OK)
            status = check_name(&name, err);
        if (name.dname.count > 0)
            dname = top_of(&name.dname);
        if (name.apex || is_below(&zone_name, &cut))
            continue;
        if (name.ns.count > 0)
            cut = top_of(&name.ns);
        else if (status == KEYD_OK)
            status = check_own(&check, &name, err);
    }
    return status;
}
