/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/digest.h"

#include <errno.h>
#include <string.h>

#include "client/dns/rrtype.h"
#include "client/dnssec/judge.h"

#define PENDING_MAX 32768 /* bytes: calls of OpenSSL are dear for single records */

static enum keyd_status no_digest(struct keyd_error *err)
{
    return keyd_fail_openssl(err, "the digest of the zone");
}

enum keyd_status digest_begin(struct judge *judge, struct keyd_error *err)
{
    const struct here *here = &judge->here;
    struct digest *digest = &judge->digest;
    struct here_set set;
    bool found = here_find(here, TYPE_ZONEMD, &set);
    if (!judge->wanted->zonemd)
        return !found ? KEYD_OK
                      : judge_bad(judge, here->owner, TYPE_ZONEMD, err,
                                  "in a zone that should have none");
    if (!found)
        return judge_bad(judge, here->owner, TYPE_ZONEMD, err, "missing");
    struct cursor wire = cursor_over(here_given(here, set.first), here->records[set.first].length);
    uint32_t serial = cursor_u32(&wire);
    uint16_t kind = cursor_u16(&wire); /* scheme and hash algorithm */
    if (set.rrsigs - set.first != 1 || kind != 0x0101 || cursor_left(&wire) != DIGEST_SHA384)
        return judge_bad(judge, here->owner, TYPE_ZONEMD, err, "not one, of scheme 1 with SHA-384");
    if (serial != judge->verified->serial)
        return judge_bad(judge, here->owner, TYPE_ZONEMD, err, "for serial %u, the SOA has %u",
                         serial, judge->verified->serial);
    memcpy(digest->told, wire.at, DIGEST_SHA384);
    digest->line = here->records[set.first].line;
    digest->ctx = EVP_MD_CTX_new();
    if (digest->ctx == NULL || EVP_DigestInit_ex2(digest->ctx, EVP_sha384(), NULL) != 1)
        return no_digest(err);
    return KEYD_OK;
}

static enum keyd_status flush(struct digest *digest, size_t up_to, struct keyd_error *err)
{
    struct bytes *pending = &digest->pending;
    if (pending->failed)
        return keyd_fail_errno(err, ENOMEM, "the digest of the zone");
    if (pending->length < up_to)
        return KEYD_OK;
    bool done = EVP_DigestUpdate(digest->ctx, pending->data, pending->length) == 1;
    bytes_reset(pending);
    return done ? KEYD_OK : no_digest(err);
}

/* The records whose types are in the range, in the order in which they lie: by type, or, of RRSIG,
 * by the type covered, which its rdata begins with; then by rdata. */
static void add_types(struct judge *judge, const uint8_t *owner, size_t owner_length, unsigned from,
                      unsigned to)
{
    const struct here *here = &judge->here;
    struct bytes *pending = &judge->digest.pending;
    for (size_t i = 0; i < here->count; i++) {
        const struct here_record *record = &here->records[i];
        bool told = here->apex && record->group == TYPE_ZONEMD;
        if (record->type < from || record->type > to || told)
            continue;
        bytes_add(pending, owner, owner_length);
        bytes_u16(pending, record->type);
        bytes_u16(pending, 1);
        bytes_u32(pending, record->ttl);
        bytes_u16(pending, (unsigned)record->length);
        bytes_add(pending, here_canonical(here, i), record->length);
    }
}

enum keyd_status digest_name(struct judge *judge, struct keyd_error *err)
{
    uint8_t owner[CANON_NAME_MAX];
    if (!judge->wanted->zonemd)
        return KEYD_OK;
    size_t length = canon_owner(judge->here.owner, owner);
    add_types(judge, owner, length, 0, TYPE_RRSIG - 1);
    add_types(judge, owner, length, TYPE_RRSIG, TYPE_RRSIG);
    add_types(judge, owner, length, TYPE_RRSIG + 1, UINT16_MAX);
    return flush(&judge->digest, PENDING_MAX, err);
}

enum keyd_status digest_end(struct judge *judge, struct keyd_error *err)
{
    uint8_t made[EVP_MAX_MD_SIZE];
    struct digest *digest = &judge->digest;
    if (!judge->wanted->zonemd)
        return KEYD_OK;
    enum keyd_status status = flush(digest, 0, err);
    if (status != KEYD_OK)
        return status;
    if (EVP_DigestFinal_ex(digest->ctx, made, NULL) != 1)
        return no_digest(err);
    if (memcmp(made, digest->told, DIGEST_SHA384) != 0)
        return judge_bad_at(
            judge, digest->line, judge->wanted->apex, TYPE_ZONEMD, err,
            "its digest is not that of the zone: a record was changed, added or lost");
    return KEYD_OK;
}

void digest_free(struct digest *digest)
{
    EVP_MD_CTX_free(digest->ctx);
    bytes_free(&digest->pending);
}
