/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Configuration files: YAML, read by a libcyaml schema into a plain struct. What is wrong is said
 * as "FILE:LINE: FIELD: what", for what the schema finds and for what the daemon's own checks find.
 *
 * A schema has texts, lists and mappings. A null (~) is none of these and does not fit. All of its
 * fields are CYAML_FLAG_OPTIONAL: which ones are required is for the daemon to say, together with
 * all else. A number is a text there, and read by yaml_number: libcyaml would take "5m" for 5.
 */
#ifndef KEYD_BASE_YAML_H
#define KEYD_BASE_YAML_H

#include <cyaml/cyaml.h>
#include <stddef.h>
#include <stdint.h>

#include "keyd/base/error.h"

#define YAML_FILE_MAX 262144 /* bytes of a configuration file */

#define YAML_FAULTS_MAX 32 /* of one file; who mistyped more may look twice */

#define YAML_FIELD_MAX 256 /* bytes of "tokens[1].name" */

/* The fields that did not fit the schema: complained of, and left out. */
struct yaml_faults {
    char fields[YAML_FAULTS_MAX][YAML_FIELD_MAX];
    size_t count;
};

/* Called once for each thing that is wrong; the error is *borrowed*. */
typedef void yaml_complaint(void *context, const struct keyd_error *fault);

/* Loads `path` by `schema` (a mapping by pointer). *data is *owned*: yaml_free with the same
 * schema. NOT_FOUND or PERMISSION_DENIED when the file cannot be read; INVALID_ARGUMENT, reason
 * CONFIGURATION, when it is no YAML or does not fit; an empty file does not fit. All that does not
 * fit is said, in the file's order, and *data is then the rest, for the caller to judge as well:
 * a field is NULL, an entry of a list an empty one in its place. *data is NULL when the whole does
 * not fit (one YAML document, a mapping, without aliases) or YAML_FAULTS_MAX fields do not. Blocks
 * on disk. */
enum keyd_status yaml_load(const char *path, const cyaml_schema_value_t *schema, void **data,
                           struct yaml_faults *faults, yaml_complaint *complain,
                           void *context) KEYD_CHECKED;

void yaml_free(const cyaml_schema_value_t *schema, void *data); /* takes NULL */

/* Was this field, or what it is a part of, left out? Then it is not missing. */
bool yaml_left_out(const struct yaml_faults *faults, const char *field);

/* INVALID_ARGUMENT, CONFIGURATION: "PATH:LINE: FIELD: message". field names a value by the way to
 * it, as "socket" or "tokens[1].name" (from 0); where the file does not have it, the line of the
 * nearest part that it has. Reads the file again; for the error path only. */
enum keyd_status yaml_complain(struct keyd_error *err, const char *path, const char *field,
                               const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The number from min to max that `text` is, the value of `field`: text_number's form.
 * INVALID_ARGUMENT as yaml_complain says it, when it is none or out of that range. */
enum keyd_status yaml_number(const char *path, const char *field, const char *text, uint64_t min,
                             uint64_t max, uint64_t *number, struct keyd_error *err) KEYD_CHECKED;

#endif
