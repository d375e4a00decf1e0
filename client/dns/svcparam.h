/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The parameters of SVCB and HTTPS (RFC 9460, 2.1, 2.2 and appendix A; dohpath: RFC 9461, ohttp:
 * RFC 9540): read in any order, written to the wire by their keys. Pure functions but for the
 * memory of struct bytes; any thread.
 */
#ifndef DNS_SVCPARAM_H
#define DNS_SVCPARAM_H

#include <stdbool.h>

#include "client/dns/bytes.h"
#include "client/dns/fields.h"

#define SVCPARAM_KEYS_MAX 256 /* of one record: far above what clients look at */

bool svcparam_parse(struct fields *fields); /* fields.h: all tokens that are left */

/* Each parameter that RFC 9460 defines by its name, others as keyNNNNN="VALUE", for servers of
 * today know no more; spaces between. The wire was checked. */
void svcparam_format(struct cursor *wire, struct bytes *text);

/* Whether svcparam_format can say them so that all servers read the same: not where a protocol of
 * alpn has a comma, a backslash or the like. */
bool svcparam_is_plain(struct cursor wire);

/* To the end: keys in order, none twice, known values well formed, mandatory ones there. */
void svcparam_check(struct cursor *wire);

#endif
