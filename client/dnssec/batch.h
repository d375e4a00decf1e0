/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Zone records (zonefile.h) as bytes, to be handed from one thread to another.
 */
#ifndef DNSSEC_BATCH_H
#define DNSSEC_BATCH_H

#include "client/dns/bytes.h"
#include "client/dns/zonefile.h"

/* Appends a copy of a record. */
void batch_add(struct bytes *batch, const struct zone_record *record);

/* Gives the records of these bytes to a sink; ends at its first error. lines: that stand before the
 * text that their lines were counted in. */
enum keyd_status batch_play(const uint8_t *batch, size_t length, unsigned lines, zone_sink sink,
                            void *context, struct keyd_error *err) KEYD_CHECKED;

#endif
