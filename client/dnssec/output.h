/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a command has to say, once as data and printed in one of three ways: aligned for people,
 * JSON for programs, tab-separated for shell scripts. To standard output; errors and notices go to
 * standard error.
 */
#ifndef DNSSEC_OUTPUT_H
#define DNSSEC_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_TEXT };

/* "keyd-dnssec: WHAT" and a line feed to standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Rows of named values. *Owned*: report_free. NULL when there is no memory; adding to NULL does
 * nothing, printing it fails, so that one check at the end is enough. */
struct report;

struct report *report_new(void);
void report_free(struct report *report);

/* One value: `label` for people, `key` for programs (both static), the value as JSON (given away)
 * and as text. */
void report_add(struct report *report, const char *label, const char *key, json_t *value,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* As JSON alone, for what is shown to people in another way. */
void report_add_data(struct report *report, const char *key, json_t *value);

/* The values as a JSON object, *owned*; NULL when something is missing. */
json_t *report_to_json(struct report *report);

/* Table or text form, without a final empty line. JSON form: report_to_json and print_json. */
bool report_print(const struct report *report, enum output output);

/* Prints and frees; false when the value is NULL or cannot be written. */
bool print_json(json_t *value);

/* An aligned table under its head; cells are rows * columns, borrowed. */
bool print_table(const char *const *head, size_t columns, const char *const *cells, size_t rows);

/* "2026-11-24 08:31:02 UTC (in 13 days)"; 0 is "never". Times in ms since 1970. */
#define WHEN_MAX 80 /* characters with the NUL */
void when_format(int64_t ms, int64_t now_ms, char text[WHEN_MAX]);

/* The same moment for programs: RFC 3339, or null for 0. */
json_t *when_json(int64_t ms);

#endif
