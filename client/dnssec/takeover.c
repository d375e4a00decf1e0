/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/takeover.h"

#include <sys/stat.h>

#include "client/dns/rrtype.h"
#include "client/dns/zonefile.h"
#include "client/dnssec/sign.h"
#include "client/show/meter.h"

static bool is_own(const struct dnskey *key, const struct dnskey *own, size_t own_count)
{
    for (size_t i = 0; i < own_count; i++) {
        if (dnskey_equal(key, &own[i]))
            return true;
    }
    return false;
}

/* What is looked for in the file. */
struct look {
    const uint8_t *apex;
    const struct dnskey *own;
    size_t own_count;
    struct takeover *takeover;
    bool have_foreign;
    uint16_t foreign_tag;
};

static enum keyd_status look_at(void *context, const struct zone_record *record,
                                struct keyd_error *err)
{
    struct look *look = context;
    (void)err;
    if (!dname_equal(record->owner, look->apex))
        return KEYD_OK;
    if (record->type == TYPE_SOA) {
        const struct rdata rdata = {
            .data = record->rdata, .canonical = record->rdata, .length = (uint16_t)record->length};
        const struct rrset soa = {.type = TYPE_SOA, .count = 1, .rdatas = &rdata};
        look->takeover->have_serial = true;
        look->takeover->serial = soa_serial(&soa);
    } else if (record->type == TYPE_DNSKEY && !look->have_foreign) {
        struct dnskey key = {0};
        bool read = dnskey_from_rdata(record->rdata, record->length, &key);
        look->have_foreign = !read || !is_own(&key, look->own, look->own_count);
        look->foreign_tag = dnskey_tag(&key);
    }
    return KEYD_OK;
}

enum keyd_status takeover_check(const char *path, const uint8_t *apex, const struct dnskey *own,
                                size_t own_count, struct takeover *takeover, struct keyd_error *err)
{
    struct stat st;
    struct keyd_error why;
    struct look look = {.apex = apex, .own = own, .own_count = own_count, .takeover = takeover};
    *takeover = (struct takeover){0};
    if (stat(path, &st) != 0 || st.st_size == 0)
        return KEYD_OK;
    const struct zonefile_options how = {.default_ttl = ZONEFILE_NO_TTL,
                                         .progress = meter_step("Reading the signed zone", NULL)};
    if (zonefile_read_with(path, apex, &how, look_at, &look, &why) != KEYD_OK)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "SIGNED_ZONE",
                         "there is a file at the signed zone's place that is none of this zone: "
                         "remove it or name another place with --signed-zone (%s)",
                         why.message);
    if (look.have_foreign)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "SIGNED_BY_OTHERS",
                         "%s is signed with a key that is not known here (tag %u): resolvers "
                         "that know it would refuse the zone. Is the state folder the right "
                         "one, or to be put back from a backup? If that zone was never served, "
                         "remove the file",
                         path, look.foreign_tag);
    return KEYD_OK;
}
