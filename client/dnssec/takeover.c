/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/takeover.h"

#include <sys/stat.h>

#include "client/dns/rrtype.h"
#include "client/dns/zonefile.h"
#include "client/dnssec/sign.h"

static bool is_own(const struct dnskey *key, const struct dnskey *own, size_t own_count)
{
    for (size_t i = 0; i < own_count; i++) {
        if (dnskey_equal(key, &own[i]))
            return true;
    }
    return false;
}

static enum keyd_status check_keys(const char *path, const struct rrset *set,
                                   const struct dnskey *own, size_t own_count,
                                   struct keyd_error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        struct dnskey key = {0};
        bool read = dnskey_from_rdata(set->rdatas[i].data, set->rdatas[i].length, &key);
        if (!read || !is_own(&key, own, own_count))
            return keyd_fail(err, KEYD_FAILED_PRECONDITION, "SIGNED_BY_OTHERS",
                             "%s is signed with a key that is not known here (tag %u): resolvers "
                             "that know it would refuse the zone. Is the state folder the right "
                             "one, or to be put back from a backup? If that zone was never served, "
                             "remove the file",
                             path, dnskey_tag(&key));
    }
    return KEYD_OK;
}

enum keyd_status takeover_check(const char *path, const uint8_t *apex, const struct dnskey *own,
                                size_t own_count, struct takeover *takeover, struct keyd_error *err)
{
    struct stat st;
    struct zone *zone = NULL;
    struct keyd_error why;
    *takeover = (struct takeover){0};
    if (stat(path, &st) != 0 || st.st_size == 0)
        return KEYD_OK;
    if (zonefile_load(path, apex, &zone, &why) != KEYD_OK)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "SIGNED_ZONE",
                         "there is a file at the signed zone's place that is none of this zone: "
                         "remove it or name another place with --signed-zone (%s)",
                         why.message);
    const struct rrset *soa = zone_find(zone, apex, TYPE_SOA);
    const struct rrset *keys = zone_find(zone, apex, TYPE_DNSKEY);
    takeover->have_serial = soa != NULL;
    if (soa != NULL)
        takeover->serial = soa_serial(soa);
    enum keyd_status status = keys != NULL ? check_keys(path, keys, own, own_count, err) : KEYD_OK;
    zone_free(zone);
    return status;
}
