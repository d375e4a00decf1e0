/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a command has to say, gathered once as text for people and as data for programs, and printed
 * by client/show in one of three ways.
 */
#ifndef DNSSEC_REPORT_H
#define DNSSEC_REPORT_H

#include <jansson.h>
#include <stdbool.h>

#include "client/show/show.h"

/* Rows of named values. *Owned*: report_free. NULL when there is no memory; adding to NULL does
 * nothing, printing it fails, so that one check at the end is enough. */
struct report;

struct report *report_new(void);
void report_free(struct report *report);

/* One value: `label` for people, `key` for programs (both static), the value as JSON (given away)
 * and as text. */
void report_add(struct report *report, const char *label, const char *key, json_t *value,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Something to know of, for people on a row of its own, for programs as a member of the array
 * "notices": an object (given away), to which "text" is added. */
void report_notice(struct report *report, json_t *object, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts the notices among the data, also when there are none. Once, after the last of them. */
void report_end_notices(struct report *report);

/* As JSON alone, for what is shown to people in another way. */
void report_add_data(struct report *report, const char *key, json_t *value);

/* The values as a JSON object, *owned*; NULL when something is missing. */
json_t *report_to_json(struct report *report);

/* Prints the report in any of the three forms (labels and texts; an object; keys and values with a
 * tab between them, the values bare where they are strings or numbers). Without memory it ends the
 * program, as client/show does. */
void report_print(struct report *report, enum output output);

#endif
