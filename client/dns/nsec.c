/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/nsec.h"

#include "client/dns/rrtype.h"

bool name_walk_next(struct name_walk *walk)
{
    if (!zone_next_name(walk->zone, &walk->name))
        return false;
    const struct zone_name *name = &walk->name;
    if (name->key_length == 0) {
        walk->kind = NAME_APEX;
    } else if (walk->cut != NULL &&
               zone_key_is_in(name->key, name->key_length, walk->cut, walk->cut_length)) {
        walk->kind = NAME_BELOW_CUT;
    } else if (zone_name_has(name, TYPE_NS)) {
        walk->kind = NAME_DELEGATION;
        walk->cut = name->key;
        walk->cut_length = name->key_length;
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

bool nsec_add_types(const struct zone_name *name, enum name_kind kind, struct typeset *types)
{
    bool any_signed = false;
    struct rrset set = {0};
    while (zone_next_set(name, &set)) {
        bool is_signed = nsec_is_signed(kind, set.type);
        if (is_signed || set.type == TYPE_NS)
            typeset_add(types, set.type);
        any_signed = any_signed || is_signed;
    }
    return any_signed;
}

uint32_t nsec_ttl(const struct rrset *soa)
{
    struct rdata rdata = rrset_rdata(soa, 0);
    struct cursor minimum = cursor_over(rdata.data + rdata.length - 4, 4);
    uint32_t seconds = cursor_u32(&minimum);
    return seconds < soa->ttl ? seconds : soa->ttl;
}
