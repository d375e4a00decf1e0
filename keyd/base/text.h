/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Judging text that others sent.
 */
#ifndef KEYD_BASE_TEXT_H
#define KEYD_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Well-formed UTF-8 (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF) without a
 * NUL. The empty text is. */
bool text_is_utf8(const char *text, size_t length);

/* Puts a '?' in the place of each byte that is no part of a character; what is left is well-formed,
 * and as long as it was. */
void text_repair(char *text);

/* Bytes of the whole characters among the first `max` bytes of a well-formed text; for "%.*s". */
int text_cut(const char *text, int max);

/* A whole number, 0 to `max`: decimal digits and nothing else, no sign, no blank, no zero before
 * others. False for any other text; *number is as it was then. */
bool text_number(const char *text, uint64_t max, uint64_t *number);

#endif
