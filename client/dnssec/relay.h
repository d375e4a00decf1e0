/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A sink of zone records (zonefile.h) that works in a thread of its own, so that reading and what
 * comes of it go on side by side. Records are copied in batches, of which a few are held.
 */
#ifndef DNSSEC_RELAY_H
#define DNSSEC_RELAY_H

#include "client/dns/zonefile.h"

struct relay;

/* sink gets the records in order, from one thread. Where no thread is to be had it is called by
 * relay_take itself. *relay is *owned*: relay_end. */
enum keyd_status relay_new(zone_sink sink, void *context, struct relay **relay,
                           struct keyd_error *err) KEYD_CHECKED;

/* A zone_sink whose context is the relay. ABORTED, RELAY, once the other sink has failed. */
enum keyd_status relay_take(void *relay, const struct zone_record *record,
                            struct keyd_error *err) KEYD_CHECKED;

/* Waits until the sink has got all of it, frees the relay, and gives the sink's error. NULL: OK. */
enum keyd_status relay_end(struct relay *relay, struct keyd_error *err) KEYD_CHECKED;

#endif
