/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/batch.h"

#include <string.h>

/* What stands in front of owner and rdata. */
struct head {
    struct place place;
    uint32_t ttl;
    uint16_t type;
    uint16_t length;
    uint8_t owner_length;
};

void batch_add(struct bytes *batch, const struct zone_record *record)
{
    struct head head;
    memset(&head, 0, sizeof head);
    head.place = record->place;
    head.ttl = record->ttl;
    head.type = record->type;
    head.length = (uint16_t)record->length;
    head.owner_length = (uint8_t)dname_length(record->owner);
    bytes_add(batch, &head, sizeof head);
    bytes_add(batch, record->owner, head.owner_length);
    bytes_add(batch, record->rdata, record->length);
}

enum keyd_status batch_play(const uint8_t *batch, size_t length, unsigned lines, zone_sink sink,
                            void *context, struct keyd_error *err)
{
    const uint8_t *at = batch;
    const uint8_t *end = batch + length;
    enum keyd_status status = KEYD_OK;
    while (at < end && status == KEYD_OK) {
        struct head head;
        memcpy(&head, at, sizeof head);
        head.place.line += lines;
        const struct zone_record record = {.owner = at + sizeof head,
                                           .rdata = at + sizeof head + head.owner_length,
                                           .length = head.length,
                                           .ttl = head.ttl,
                                           .type = head.type,
                                           .place = head.place};
        at = record.rdata + head.length;
        status = sink(context, &record, err);
    }
    return status;
}
