/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The rdata of rare types, and of SVCB and HTTPS, by ldns. Only what ldns 1.8.3 gets right passes:
 * fields with a backslash are refused (it misreads several), and every result must survive the way
 * to text and back. The only file that lets ldns near a zone's content; verify.c has its own use.
 */
#ifndef DNS_RARE_H
#define DNS_RARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/bytes.h"
#include "client/dns/rdata.h"

/* As rdata_parse; type_name is the mnemonic. */
bool rare_parse(const char *type_name, const struct token *tokens, size_t count,
                const uint8_t *origin, struct bytes *wire, char why[RDATA_WHY_MAX]);

/* Appends the type's own form; false, with nothing appended, when ldns cannot be trusted with it.
 */
bool rare_format(const char *type_name, uint16_t type, const uint8_t *rdata, size_t length,
                 struct bytes *text);

#endif
