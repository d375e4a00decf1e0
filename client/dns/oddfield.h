/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fields that one or two types have, each with its own grammar; their letters are in rrtype.h. Pure
 * functions but for the memory of struct bytes; any thread.
 */
#ifndef DNS_ODDFIELD_H
#define DNS_ODDFIELD_H

#include <stdbool.h>

#include "client/dns/bytes.h"
#include "client/dns/fields.h"

/* From text: fields.h. */
bool oddfield_parse(struct fields *fields, char field);

/* To text, for the fields of types that are printed in their own form (rrtype.h); others come out
 * as nothing. The wire was checked. */
void oddfield_format(char field, struct cursor *wire, struct bytes *text);

/* Walks over one field; the cursor has failed when it is malformed. */
void oddfield_check(char field, struct cursor *wire);

#endif
