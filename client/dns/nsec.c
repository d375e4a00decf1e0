/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/nsec.h"

#include "client/dns/rrtype.h"
#include "client/dns/typeset.h"

static bool has_type(const struct name_walk *walk, uint16_t type)
{
    for (size_t i = walk->first; i < walk->next; i++) {
        if (zone_set(walk->zone, i)->type == type)
            return true;
    }
    return false;
}

bool name_walk_next(struct name_walk *walk)
{
    if (walk->next == zone_count(walk->zone))
        return false;
    walk->first = walk->next;
    walk->next = zone_next_name(walk->zone, walk->first);
    const struct rrset *name = zone_set(walk->zone, walk->first);
    if (name->key_length == 0) {
        walk->kind = NAME_APEX;
    } else if (walk->cut != NULL && rrset_is_in(name, walk->cut)) {
        walk->kind = NAME_BELOW_CUT;
    } else if (has_type(walk, TYPE_NS)) {
        walk->kind = NAME_DELEGATION;
        walk->cut = name;
    } else {
        walk->kind = NAME_AUTHORITATIVE;
    }
    return true;
}

bool name_walk_next_owned(struct name_walk *walk)
{
    while (name_walk_next(walk)) {
        if (walk->kind != NAME_BELOW_CUT)
            return true;
    }
    return false;
}

bool nsec_is_signed(enum name_kind kind, uint16_t type)
{
    if (kind == NAME_DELEGATION)
        return type == TYPE_DS || type == TYPE_NSEC;
    return kind != NAME_BELOW_CUT;
}

void nsec_rdata(const struct name_walk *walk, const uint8_t *next, struct bytes *rdata)
{
    struct typeset types = {0};
    typeset_add(&types, TYPE_RRSIG);
    typeset_add(&types, TYPE_NSEC);
    if (walk->kind == NAME_APEX)
        typeset_add(&types, TYPE_DNSKEY);
    for (size_t i = walk->first; i < walk->next; i++) {
        uint16_t type = zone_set(walk->zone, i)->type;
        if (nsec_is_signed(walk->kind, type) || type == TYPE_NS)
            typeset_add(&types, type);
    }
    bytes_add(rdata, next, dname_length(next));
    typeset_encode(&types, rdata);
}

uint32_t nsec_ttl(const struct rrset *soa)
{
    struct cursor minimum = cursor_over(soa->rdatas[0].data + soa->rdatas[0].length - 4, 4);
    uint32_t seconds = cursor_u32(&minimum);
    return seconds < soa->ttl ? seconds : soa->ttl;
}
