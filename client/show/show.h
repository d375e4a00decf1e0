/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How the programs for people speak: tables for people, JSON for programs, tab-separated values for
 * shell scripts, to standard output; errors and notices to standard error; and how they end. What
 * comes from elsewhere is printed without its control characters, so that no description, token
 * label or file's name can play with a terminal.
 */
#ifndef CLIENT_SHOW_SHOW_H
#define CLIENT_SHOW_SHOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keyd/base/error.h"

/* Of all programs of this project (docs/architecture.md). */
enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,  /* what was asked for makes no sense: INVALID_ARGUMENT with reason USAGE */
    EXIT_REFUSED = 3 /* all is well and says no: PERMISSION_DENIED, FAILED_PRECONDITION */
};

enum exit_status exit_status_of(const struct keyd_error *err);

enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_TEXT, OUTPUT_PEM, OUTPUT_DER };

/* Holds the standard streams (keyd/base/streams.h). Chooses a locale for the width of characters
 * and whether colours are used: standard output is a terminal and NO_COLOR (no-color.org) is unset
 * or empty. Call once, before anything is opened; program is *borrowed*. */
void output_open(const char *program);

/* Standard output carries data: what is printed from here on goes to standard error. */
void output_to_error(void);

/* "PROGRAM: WHAT" and a line feed to standard error. */
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

/* A text in as many lines as it needs, each after `indent` blanks and broken between words; as wide
 * as the terminal, at most SHOW_LINE_MAX columns, which it has where there is no terminal. */
#define SHOW_LINE_MAX 100
void print_wrapped(size_t indent, const char *text);

/* "2026-11-24 08:31:02 UTC (5 minutes ago)", times of milliseconds since 1970; 0 is "never". */
#define WHEN_MAX 80 /* bytes with the NUL */
void when_text(int64_t ms, int64_t now_ms, char text[WHEN_MAX]);

/* The same moment for programs: RFC 3339, or null for 0. */
json_t *when_json(int64_t ms);

/* Words of a NULL-terminated list with ", " between them; *owned*. */
char *join(char *const *words);

#endif
