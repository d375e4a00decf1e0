/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/zoneprint.h"

#include <errno.h>

#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"

static bool write_set(const struct rrset *set, struct bytes *line, FILE *file)
{
    char owner[DNAME_TEXT];
    char type[TYPE_TEXT];
    dname_format(set->owner, owner);
    rrtype_format(set->type, type);
    for (size_t i = 0; i < set->count; i++) {
        bytes_reset(line);
        bytes_format(line, "%s\t%u\tIN\t%s\t", owner, set->ttl, type);
        rdata_format(set->type, set->rdatas[i].data, set->rdatas[i].length, line);
        bytes_u8(line, '\n');
        if (line->failed) {
            errno = ENOMEM;
            return false;
        }
        if (fwrite(line->data, line->length, 1, file) != 1)
            return false;
    }
    return true;
}

/* A set, then the RRSIGs that cover it, which stand among the last sets of the name. */
static bool write_signed_set(const struct zone *zone, size_t i, size_t next, struct bytes *line,
                             FILE *file)
{
    const struct rrset *set = zone_set(zone, i);
    if (!write_set(set, line, file))
        return false;
    for (size_t j = i + 1; j < next; j++) {
        const struct rrset *rrsig = zone_set(zone, j);
        if (rrsig->type == TYPE_RRSIG && rrsig->covered == set->type)
            return write_set(rrsig, line, file);
    }
    return true;
}

static bool has_set(const struct zone *zone, size_t first, size_t next, uint16_t type)
{
    for (size_t i = first; i < next; i++) {
        if (zone_set(zone, i)->type == type)
            return true;
    }
    return false;
}

/* SOA first; an RRSIG of nothing, which no signer makes, last. */
static bool write_name(const struct zone *zone, size_t first, size_t next, struct bytes *line,
                       FILE *file)
{
    for (int soa = 1; soa >= 0; soa--) {
        for (size_t i = first; i < next; i++) {
            const struct rrset *set = zone_set(zone, i);
            if ((set->type == TYPE_SOA) != (soa == 1) ||
                (set->type == TYPE_RRSIG && has_set(zone, first, next, set->covered)))
                continue;
            if (!write_signed_set(zone, i, next, line, file))
                return false;
        }
    }
    return true;
}

enum keyd_status zoneprint(const struct zone *zone, FILE *file, const char *path,
                           struct keyd_error *err)
{
    struct bytes line = {0};
    bool good = true;
    for (size_t i = 0; i < zone_count(zone) && good;) {
        size_t next = zone_next_name(zone, i);
        good = write_name(zone, i, next, &line, file);
        i = next;
    }
    int saved = errno;
    bytes_free(&line);
    return good ? KEYD_OK : keyd_fail_errno(err, saved, "%s", path);
}
