/* SPDX-License-Identifier: BSD-2-Clause
 *
 * When a signature begins and ends (RFC 4034, 3.2): YYYYMMDDHHMMSS in UTC, or seconds since 1970,
 * modulo 2^32 (3.1.5). Pure; any thread.
 */
#ifndef DNS_SIGTIME_H
#define DNS_SIGTIME_H

#include "client/dns/bytes.h"
#include "client/dns/fields.h"

/* From text, in either form: fields.h. Years are 1970 to 9999. */
bool sigtime_parse(struct fields *fields);

/* To text, in the first form. The wire was checked. */
void sigtime_format(struct cursor *wire, struct bytes *text);

#endif
