/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The names of things: key ids (UUIDs, RFC 9562), tokens and aliases.
 */
#ifndef KEYD_BASE_KEYID_H
#define KEYD_BASE_KEYID_H

#include <stdbool.h>
#include <stdint.h>

#define KEYID_SIZE 16 /* bytes; CKA_ID on the token */
#define KEYID_TEXT 37 /* "1f0c8a52-...", 36 characters and the NUL */

#define NAME_MAX_LENGTH 63 /* characters of a token's or alias' name: as many as a DNS label's */
#define ALIAS_PREFIX    "alias/"
#define ALIAS_TEXT      (sizeof ALIAS_PREFIX + NAME_MAX_LENGTH) /* with the NUL */

struct keyid {
    uint8_t bytes[KEYID_SIZE];
};

/* A random id (UUID version 4) from OpenSSL's generator; ends the process if that has failed. */
struct keyid keyid_random(void);

/* The id of the n-th try (0, 1, ...) of one request of one principal: UUID version 8 over SHA-256
 * of the three. The same three always give the same id; ends the process if OpenSSL fails. */
struct keyid keyid_derive(const char *principal, const char *request_id, unsigned attempt);

/* Lower-case text, into text[KEYID_TEXT]. */
void keyid_format(const struct keyid *id, char text[KEYID_TEXT]);

/* Reads exactly 36 characters, lower case only. */
bool keyid_parse(const char *text, struct keyid *id);

/* memcmp's sign. */
int keyid_compare(const struct keyid *a, const struct keyid *b);

/* [A-Za-z0-9_-]{1,63}: a token's name, and an alias' after "alias/". */
bool name_is_valid(const char *name);

/* "alias/NAME" with a valid NAME that does not look like a UUID in either case. */
bool alias_is_valid(const char *alias);

#endif
