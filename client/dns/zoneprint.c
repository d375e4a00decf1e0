/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/zoneprint.h"

#include <string.h>

#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"
#include "keyd/base/encode.h"

void owner_text(const uint8_t *owner, struct owner_text *text)
{
    text->length = dname_format(owner, text->text);
}

void print_record(struct bytes *out, const struct owner_text *owner, uint32_t ttl, uint16_t type,
                  const uint8_t *rdata, size_t length)
{
    bytes_add(out, owner->text, owner->length);
    bytes_add(out, "\t", 1);
    bytes_decimal(out, ttl);
    bytes_add(out, "\tIN\t", 4);
    rrtype_print(type, out);
    bytes_u8(out, '\t');
    rdata_format(type, rdata, length, out);
    bytes_u8(out, '\n');
}

/* Makes the head of these. */
static bool make_head(struct rrsig_head *head, uint32_t ttl, const uint8_t *rdata, size_t length)
{
    struct bytes text = {0};
    bytes_u8(&text, '\t');
    bytes_decimal(&text, ttl);
    bytes_add(&text, "\tIN\tRRSIG\t", 10);
    rdata_format(TYPE_RRSIG, rdata, length, &text);
    bytes_u8(&text, ' ');
    bool good = !text.failed && text.length <= sizeof head->text;
    if (good) {
        memcpy(head->fixed, rdata, sizeof head->fixed);
        memcpy(head->text, text.data, text.length);
        head->ttl = ttl;
        head->length = text.length;
    }
    bytes_free(&text);
    return good;
}

void print_rrsig(struct bytes *out, const struct owner_text *owner, uint32_t ttl,
                 const uint8_t *rdata, size_t length, size_t signer_length,
                 struct rrsig_heads *heads)
{
    size_t before = RRSIG_HEAD_FIXED + signer_length;
    struct rrsig_head *head = &heads->heads[(rdata[1] ^ rdata[1] >> 2) % RRSIG_HEADS];
    bool known =
        head->length > 0 && head->ttl == ttl && memcmp(head->fixed, rdata, sizeof head->fixed) == 0;
    if (!known && !make_head(head, ttl, rdata, before)) {
        print_record(out, owner, ttl, TYPE_RRSIG, rdata, length);
        return;
    }
    size_t signature = BASE64_TEXT(length - before);
    bytes_add(out, owner->text, owner->length);
    bytes_add(out, head->text, head->length);
    uint8_t *at = bytes_room(out, signature);
    if (at == NULL)
        return;
    base64_encode(rdata + before, length - before, (char *)at);
    at[signature - 1] = '\n'; /* in the NUL's place */
    bytes_used(out, signature);
}

void print_set(struct bytes *out, const struct owner_text *owner, const struct rrset *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct rdata rdata = rrset_rdata(set, i);
        print_record(out, owner, set->ttl, set->type, rdata.data, rdata.length);
    }
}
