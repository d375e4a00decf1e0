/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How keydctl speaks: tables for people, JSON in AWS's shape for programs, tab-separated values for
 * shell scripts. Whatever comes from keyd is printed without its control characters, so that no
 * description or token label can play with a terminal.
 */
#ifndef CLIENT_CTL_OUTPUT_H
#define CLIENT_CTL_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_TEXT, OUTPUT_PEM, OUTPUT_DER };

/* Chooses a locale for the width of characters and whether colours are used: standard output is a
 * terminal and NO_COLOR (no-color.org) is unset or empty. Call once. */
void output_open(void);

/* "keydctl: WHAT" and a line feed to standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints to standard output, control characters as \xNN. */
void print_clean(const char *text);

/* One line: the fields with a tab between them, "-" for an empty one. The list ends with NULL. */
void print_fields(const char *first, ...) __attribute__((sentinel));

/* Prints and frees it. NULL, an object that could not be made, ends the program. */
void print_json(json_t *value);

/* Ends what was printed: false, with a complaint, when not all of it could be written. */
bool output_close(void);

/* Names and values, one a line, the values aligned. A value that is empty shows as "-". */
struct pair {
    const char *name;
    const char *value;
};
void print_pairs(const struct pair *pairs, size_t count);

/* A table under its head. `cells` has rows * columns entries, borrowed; as wide as its content, the
 * last column ragged. A cell that names a state (ENABLED, READY; others) is coloured so. */
void print_table(const char *const *head, size_t columns, const char *const *cells, size_t rows);

/* "2026-11-24 08:31:02 UTC (5 minutes ago)", times of milliseconds since 1970. */
#define WHEN_MAX 80 /* bytes with the NUL */
void when_text(int64_t ms, int64_t now_ms, char text[WHEN_MAX]);

/* Words of a NULL-terminated list with ", " between them; *owned*. */
char *join(char *const *words);

#endif
