/* SPDX-License-Identifier: BSD-2-Clause
 *
 * $GENERATE, as BIND has it (BIND 9 Administrator Reference Manual, "BIND Primary File Extension:
 * the $GENERATE Directive"):
 *
 *   $GENERATE START-STOP[/STEP] OWNER [TTL] [class] TYPE DATA
 *
 * In OWNER and DATA a $ stands for the number, ${OFFSET[,WIDTH[,BASE]]} for the number plus OFFSET
 * in at least WIDTH characters, BASE being d, o, x, X, or n and N for the hexadecimal digits last
 * one first with dots between; $$ and \$ stand for a $. A number below 0 can only be shown as d.
 * DATA of several words is put in quotes, and \" in them is one of its own quotes.
 */
#ifndef DNS_GENERATE_H
#define DNS_GENERATE_H

#include "client/dns/zonerecord.h"

#define GENERATE_MAX      16777216 /* records of one directive: the addresses of an IPv4 /8 */
#define GENERATE_TEXT_MAX 4096     /* characters of an owner or data with the NUL; BIND has 2,048 */

/* Adds all its records. The entry is the directive with its words, five or more. The last owner
 * stays. */
enum keyd_status generate_read(struct record_reader *reader, const struct entry *entry,
                               struct keyd_error *err) KEYD_CHECKED;

#endif
