/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fields that one or two types have, each with its own grammar: the functions that the table of
 * fieldkind.h has of them. Some have no way to text: their types are rare (rrtype.h). Pure
 * functions but for the memory of struct bytes; any thread.
 */
#ifndef DNS_ODDFIELD_H
#define DNS_ODDFIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "client/dns/bytes.h"
#include "client/dns/fields.h"

/* CERT's type: RFC 4398, 2.1 */
bool cert_type_parse(struct fields *fields);

/* Address prefixes, to the end: RFC 3123 */
bool apl_parse(struct fields *fields);
void apl_check(struct cursor *wire);
void apl_format(struct cursor *wire, struct bytes *text);

/* IPSECKEY's gateway, with its form and the key's algorithm before it: RFC 4025, 2.1 */
bool gateway_parse(struct fields *fields);
void gateway_check(struct cursor *wire);
void gateway_format(struct cursor *wire, struct bytes *text);
bool gateway_is_plain(struct cursor wire);
bool gateway_lower(uint8_t *field);

/* AMTRELAY's relay, with what is before it in the same byte: RFC 8777, 4.2 */
bool relay_parse(struct fields *fields);
void relay_check(struct cursor *wire);

/* HIP, all of it: RFC 8005, 5 */
bool hip_parse(struct fields *fields);
void hip_check(struct cursor *wire);

/* Six and eight bytes (RFC 7043), and eight in four groups (NID, L64: RFC 6742) */
bool eui48_parse(struct fields *fields);
void eui48_format(struct cursor *wire, struct bytes *text);
bool eui64_parse(struct fields *fields);
void eui64_format(struct cursor *wire, struct bytes *text);
bool locator_parse(struct fields *fields);
void locator_format(struct cursor *wire, struct bytes *text);

/* NSAP address (RFC 1706) and ATM address (AF-DANS-0152), to the end */
bool nsap_parse(struct fields *fields);
bool atm_parse(struct fields *fields);
void atm_check(struct cursor *wire);

/* WKS' protocol and ports, to the end: RFC 1035, 3.4.2 */
bool services_parse(struct fields *fields);
void services_check(struct cursor *wire);

/* NXT's bitmap, to the end: RFC 2535, 5.2 */
bool nxt_bitmap_parse(struct fields *fields);
void nxt_bitmap_check(struct cursor *wire);

/* A6's prefix length and suffix: RFC 2874, 3.1 */
bool a6_parse(struct fields *fields);
void a6_check(struct cursor *wire);

#endif
