/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/batch.h"

#include <string.h>

/* What stands in front of owner and rdata. */
struct head {
    size_t owner_length;
    size_t length;
    uint32_t ttl;
    unsigned line;
    uint16_t type;
};

void batch_add(struct bytes *batch, const struct zonefile_record *record)
{
    struct head head;
    memset(&head, 0, sizeof head);
    head.owner_length = dname_length(record->owner);
    head.length = record->length;
    head.ttl = record->ttl;
    head.line = record->line;
    head.type = record->type;
    bytes_add(batch, &head, sizeof head);
    bytes_add(batch, record->owner, head.owner_length);
    bytes_add(batch, record->rdata, record->length);
}

enum keyd_status batch_play(const uint8_t *batch, size_t length, unsigned lines, zonefile_sink sink,
                            void *context, struct keyd_error *err)
{
    const uint8_t *at = batch;
    const uint8_t *end = batch + length;
    enum keyd_status status = KEYD_OK;
    while (at < end && status == KEYD_OK) {
        struct head head;
        memcpy(&head, at, sizeof head);
        const struct zonefile_record record = {.owner = at + sizeof head,
                                               .type = head.type,
                                               .ttl = head.ttl,
                                               .rdata = at + sizeof head + head.owner_length,
                                               .length = head.length,
                                               .line = lines + head.line};
        at = record.rdata + head.length;
        status = sink(context, &record, err);
    }
    return status;
}
