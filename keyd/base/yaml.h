/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Configuration files: YAML, read by a libcyaml schema into a plain struct. What is wrong is said
 * as "FILE:LINE: FIELD: what", for what the schema finds and for what the daemon's own checks find.
 */
#ifndef KEYD_BASE_YAML_H
#define KEYD_BASE_YAML_H

#include <cyaml/cyaml.h>
#include <stddef.h>

#include "keyd/base/error.h"

#define YAML_FILE_MAX 262144 /* bytes of a configuration file */

#define YAML_FAULTS_MAX 32 /* of one file; who mistyped more may look twice */

/* Called once for each thing that is wrong; the error is *borrowed*. */
typedef void yaml_complaint(void *context, const struct keyd_error *fault);

/* Loads `path` by `schema` (a mapping by pointer). *data is *owned*: yaml_free with the same
 * schema. NOT_FOUND or PERMISSION_DENIED when the file cannot be read; INVALID_ARGUMENT, reason
 * CONFIGURATION, when it is no YAML or does not fit; an empty file does not fit. All that does not
 * fit is said, and *data is then the rest, for the caller to judge as well; NULL when a field that
 * the schema does not call optional is among it. Blocks on disk. */
enum keyd_status yaml_load(const char *path, const cyaml_schema_value_t *schema, void **data,
                           yaml_complaint *complain, void *context) KEYD_CHECKED;

void yaml_free(const cyaml_schema_value_t *schema, void *data); /* takes NULL */

/* INVALID_ARGUMENT, CONFIGURATION: "PATH:LINE: FIELD: message". field names a value by the way to
 * it, as "socket" or "tokens[1].name" (from 0); where the file does not have it, the line of the
 * nearest part that it has. Reads the file again; for the error path only. */
enum keyd_status yaml_complain(struct keyd_error *err, const char *path, const char *field,
                               const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
