/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A key as keydctl shows it: the same for all commands that show one.
 */
#ifndef CLIENT_CTL_KEY_H
#define CLIENT_CTL_KEY_H

#include <jansson.h>

#include "client/lib/keyd.h"
#include "client/show/show.h"

/* AWS's KeyMetadata, with what keyd has more. New; NULL without memory. */
json_t *key_json(const struct keyd_key *key);

/* A NULL-terminated list of words. New; NULL without memory. */
json_t *words_json(char *const *words);

/* One key: as names and values, as {"KeyMetadata": ...}, or as one line of fields. */
void print_key(enum output output, const struct keyd_key *key);

/* The fields of one key for scripts: id, state, spec, usage, token, creation time (RFC 3339),
 * default signing algorithm, aliases, description. */
void print_key_fields(const struct keyd_key *key);

#endif
