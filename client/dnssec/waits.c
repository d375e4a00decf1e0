/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/waits.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/dns/rrtype.h"
#include "client/dns/ttl.h"

void zone_ttls(const struct zone *zone, struct zone_ttls *ttls)
{
    const uint8_t *apex = zone_apex(zone);
    struct rrset soa = {0};
    struct rrset ns = {0};
    struct rrset largest = {0};
    struct zone_name name = {0};
    char owner[DNAME_TEXT];
    *ttls = (struct zone_ttls){0};
    if (!zone_find(zone, apex, TYPE_SOA, &soa) || !zone_find(zone, apex, TYPE_NS, &ns) ||
        !zone_largest_ttl(zone, &name, &largest))
        return;
    struct rdata rdata = rrset_rdata(&soa, 0);
    struct cursor minimum = cursor_over(rdata.data + rdata.length - 4, 4);
    ttls->soa = soa.ttl;
    ttls->minimum = cursor_u32(&minimum);
    ttls->ns = ns.ttl;
    ttls->largest = largest.ttl;
    ttls->largest_type = largest.type;
    dname_format(largest.owner, owner);
    snprintf(ttls->largest_owner, sizeof ttls->largest_owner, "%.*s", WAIT_OWNER_MAX - 1, owner);
}

static void say(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(char *text, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(text, size, format, args);
    va_end(args);
}

static struct wait *add(struct wait waits[WAITS_MAX], size_t *count, int64_t start, int64_t seconds)
{
    struct wait *wait = &waits[*count];
    int64_t before = *count > 0 ? waits[*count - 1].not_before : start;
    *wait = (struct wait){.not_before = before + seconds, .seconds = seconds};
    (*count)++;
    return wait;
}

size_t waits_before(const struct zone_ttls *ttls, int64_t now, struct wait waits[WAITS_MAX])
{
    char type[TYPE_TEXT];
    size_t count = 0;
    bool long_ttl = ttls->largest > WAIT_CALM_TTL;
    bool long_soa = ttls->soa > WAIT_CALM_SOA || ttls->minimum > WAIT_CALM_SOA;
    if (!long_ttl && !long_soa)
        return 0;
    rrtype_format(ttls->largest_type, type);
    struct wait *wait = add(waits, &count, now, 0);
    say(wait->step, sizeof wait->step, "lower the TTLs in the zone: none above %u%s", WAIT_CALM_TTL,
        long_soa ? ", SOA's TTL and MINIMUM 300" : "");
    say(wait->why, sizeof wait->why,
        "every later wait, and the way back, is as long as the largest TTL (%u, %.120s %s)",
        ttls->largest, ttls->largest_owner, type);
    uint32_t served = ttls->largest > ttls->minimum ? ttls->largest : ttls->minimum;
    wait = add(waits, &count, now, served);
    say(wait->step, sizeof wait->step, "run keyd-dnssec enable");
    say(wait->why, sizeof wait->why, "answers with the old TTL live that long in caches");
    return count;
}

size_t waits_after(const struct zone_ttls *ttls, uint32_t served, uint32_t serial, const char *zone,
                   int64_t published, struct wait waits[WAITS_MAX])
{
    size_t count = 0;
    struct wait *wait = add(waits, &count, published, 0);
    say(wait->step, sizeof wait->step, "see that all name servers serve serial %u", serial);
    say(wait->why, sizeof wait->why,
        "a server with the old zone gives answers without signatures: each wait counts from the "
        "last server");
    wait = add(waits, &count, published, served);
    say(wait->step, sizeof wait->step, "give the parent the DS: keyd-dnssec ds %.100s", zone);
    say(wait->why, sizeof wait->why,
        "the largest TTL served unsigned; if one was lowered shortly before, its former value; "
        "ask for a DS TTL of %d",
        WAIT_DS_TTL);
    wait = add(waits, &count, published, ttls->ns);
    say(wait->step, sizeof wait->step, "all resolvers see the DS");
    say(wait->why, sizeof wait->why,
        "counts from the last of the parent's servers that has it; the zone's NS TTL, or the "
        "parent's if that is longer");
    wait = add(waits, &count, published, 86400);
    say(wait->step, sizeof wait->step, "observe, then raise the DS TTL at the parent");
    say(wait->why, sizeof wait->why,
        "until then the way back takes %d seconds: take the DS out, wait, then stop signing",
        WAIT_DS_TTL);
    return count;
}
