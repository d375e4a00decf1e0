/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A zone from a server: AXFR over TCP (RFC 5936), with TSIG where there is a key. Records are given
 * out as messages come, and no more than one message is held. What comes is a stranger's: every
 * message is judged before it is used, and all of it counts only when all was there, and signed.
 */
#ifndef DNS_AXFR_H
#define DNS_AXFR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/tcp.h"
#include "client/dns/tsigkey.h"
#include "client/dns/zone.h"
#include "keyd/base/progress.h"

struct axfr_limits {
    struct tcp_limits tcp;
    uint64_t bytes; /* of all messages */
    size_t records;
};

/* The limits that axfr_read has where none are given. */
#define AXFR_CONNECT_MS 10000   /* a round trip, with SYNs lost twice */
#define AXFR_IDLE_MS    30000   /* a busy server prepares a large zone */
#define AXFR_TOTAL_MS   3600000 /* 2,000,000 records, 100 MB, take 15 minutes at 1 Mbit/s */
#define AXFR_BYTES      (UINT64_C(8) << 30) /* more than a zone of 16 GiB (zone.h) comes as */
#define AXFR_RECORDS    ((size_t)200000000) /* at 40 bytes and a name each, that zone is full */

struct axfr {
    const struct server *server;
    const uint8_t *zone;
    const struct tsig_key *key;       /* NULL: no TSIG */
    const struct axfr_limits *limits; /* NULL: those above */
    struct progress *progress;        /* of bytes; NULL: nobody looks */
    const struct place_file *from;    /* the records' place, *borrowed*; NULL: not known */
};

/* Gives the zone's records to the sink, the SOA first and once; after an error
 * they are to be thrown away. An error of the sink ends the transfer and comes back. The message of
 * an error begins with the server. PERMISSION_DENIED, reason TRANSFER, when the server refuses;
 * FAILED_PRECONDITION, TRANSFER, when it is not authoritative, or does not take the key or the
 * time; UNAVAILABLE when it is away or cannot now; ABORTED, TRANSFER, when the zone changed
 * meanwhile; DATA_LOSS, TRANSFER, for an answer that is none; UNAUTHENTICATED, TSIG (tsig.h);
 * RESOURCE_EXHAUSTED at a limit; and the errors of tcp.h. Blocks as tcp.h says. */
enum keyd_status axfr_read(const struct axfr *axfr, zone_sink sink, void *context,
                           struct keyd_error *err) KEYD_CHECKED;

#endif
