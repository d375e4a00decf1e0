/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/base/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "keyd/base/file.h"

#define FIELD_MAX 256 /* bytes of "tokens[1].name" */
#define DEPTH_MAX 16  /* mappings and sequences within each other; our files need three */

/* libcyaml tells what is wrong through its log: first the trouble, then, after "Backtrace:", the
 * way from the place outwards, each step with its line. */
struct findings {
    char what[256];
    char field[FIELD_MAX];
    unsigned line;
    bool in_backtrace;
};

static void take_step(struct findings *found, const char *text)
{
    char step[FIELD_MAX];
    unsigned line = 0;
    if (sscanf(text, " in mapping field '%200[^']' (line: %u", step, &line) == 2 ||
        sscanf(text, " in sequence entry '%200[^']' (line: %u", step, &line) == 2 ||
        sscanf(text, " in mapping (line: %u", &line) == 1) {
        if (found->line == 0)
            found->line = line;
    }
    if (strstr(text, "in mapping field") == NULL && strstr(text, "in sequence entry") == NULL)
        return;
    bool entry = strstr(text, "in sequence entry") != NULL;
    char inner[FIELD_MAX];
    memcpy(inner, found->field, sizeof inner);
    if (entry) /* libcyaml counts from 1 */
        snprintf(step, sizeof step, "[%lu]", strtoul(step, NULL, 10) - 1);
    const char *joint = inner[0] != '\0' && inner[0] != '[' ? "." : "";
    snprintf(found->field, sizeof found->field, "%.120s%s%.120s", step, joint, inner);
}

static void take_log(cyaml_log_t level, void *context, const char *format, va_list args)
{
    if (level < CYAML_LOG_ERROR)
        return;
    struct findings *found = context;
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    const char *line = strncmp(text, "Load: ", 6) == 0 ? text + 6 : text;
    if (strcmp(line, "Backtrace:") == 0)
        found->in_backtrace = true;
    else if (found->in_backtrace)
        take_step(found, line);
    else if (found->what[0] == '\0')
        snprintf(found->what, sizeof found->what, "%.255s", line);
}

static cyaml_config_t config_for(struct findings *found)
{
    return (cyaml_config_t){.log_fn = take_log,
                            .log_ctx = found,
                            .log_level = CYAML_LOG_ERROR,
                            .mem_fn = cyaml_mem,
                            .flags = CYAML_CFG_NO_ALIAS};
}

static unsigned line_of(const char *path, const char *field);

/* libcyaml gives an unexpected key the line of the mapping that was opened last. */
static void correct_line(const char *path, struct findings *found)
{
    char key[FIELD_MAX], field[2 * FIELD_MAX];
    if (sscanf(found->what, "Unexpected key: %200s", key) != 1)
        return;
    snprintf(field, sizeof field, "%s%s%s", found->field, found->field[0] != '\0' ? "." : "", key);
    found->line = line_of(path, field);
}

enum keyd_status yaml_load(const char *path, const cyaml_schema_value_t *schema, void **data,
                           struct keyd_error *err)
{
    char *text = NULL;
    size_t size = 0;
    enum keyd_status status = file_read(path, YAML_FILE_MAX, &text, &size, err);
    if (status != KEYD_OK)
        return status;
    struct findings found = {0};
    cyaml_config_t config = config_for(&found);
    cyaml_data_t *loaded = NULL;
    cyaml_err_t result =
        cyaml_load_data((const uint8_t *)text, size, &config, schema, &loaded, NULL);
    free(text);
    if (result == CYAML_OK && loaded != NULL) {
        *data = loaded;
        return KEYD_OK;
    }
    if (result == CYAML_OK)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "CONFIGURATION", "%s: the file is empty",
                         path);
    correct_line(path, &found);
    const char *what = found.what[0] != '\0' ? found.what : cyaml_strerror(result);
    if (found.line == 0)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "CONFIGURATION", "%s: %s", path, what);
    return keyd_fail(err, KEYD_INVALID_ARGUMENT, "CONFIGURATION", "%s:%u: %s%s%s", path, found.line,
                     found.field, found.field[0] != '\0' ? ": " : "", what);
}

void yaml_free(const cyaml_schema_value_t *schema, void *data)
{
    struct findings found = {0};
    cyaml_config_t config = config_for(&found);
    if (data != NULL)
        cyaml_free(&config, schema, data, 0);
}

/* ---- Where a field stands ------------------------------------------------------------------ */

struct level {
    bool is_sequence;
    size_t entry;        /* sequence: the number of the entry at hand */
    bool expects_key;    /* mapping: the next scalar is a key */
    size_t field_length; /* of `field` before this level's own step */
};

struct walk {
    struct level levels[DEPTH_MAX];
    size_t depth;
    char field[FIELD_MAX];
    const char *wanted;
    size_t best;   /* characters of `wanted` that were found */
    unsigned line; /* where */
};

/* A step of the way begins: is it on the way to what is wanted, and further than before? */
static void arrive(struct walk *walk, unsigned line)
{
    size_t length = strlen(walk->field);
    bool on_the_way = strncmp(walk->wanted, walk->field, length) == 0 &&
                      (walk->wanted[length] == '\0' || strchr(".[", walk->wanted[length]) != NULL);
    if (on_the_way && length > walk->best) {
        walk->best = length;
        walk->line = line;
    }
}

/* A value (a scalar or the start of a collection) comes up: the next entry of a sequence, or a
 * mapping's key or value. */
static void take_value(struct walk *walk, const yaml_event_t *event)
{
    if (walk->depth == 0)
        return;
    struct level *level = &walk->levels[walk->depth - 1];
    char *step = walk->field + level->field_length;
    size_t room = sizeof walk->field - level->field_length;
    if (level->is_sequence) {
        snprintf(step, room, "[%zu]", level->entry++);
    } else {
        bool is_key = level->expects_key;
        level->expects_key = !is_key;
        if (!is_key || event->type != YAML_SCALAR_EVENT)
            return;
        snprintf(step, room, "%s%s", level->field_length > 0 ? "." : "",
                 (const char *)event->data.scalar.value);
    }
    arrive(walk, (unsigned)event->start_mark.line + 1);
}

static bool take_event(struct walk *walk, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        take_value(walk, event);
        return true;
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        take_value(walk, event);
        if (walk->depth == DEPTH_MAX)
            return false;
        walk->levels[walk->depth++] = (struct level){
            .is_sequence = event->type == YAML_SEQUENCE_START_EVENT,
            .expects_key = true,
            .field_length = strlen(walk->field),
        };
        return true;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        walk->field[walk->levels[--walk->depth].field_length] = '\0';
        return true;
    case YAML_STREAM_END_EVENT:
        return false;
    default:
        return true;
    }
}

static unsigned line_of(const char *path, const char *field)
{
    char *text = NULL;
    size_t size = 0;
    yaml_parser_t parser;
    if (file_read(path, YAML_FILE_MAX, &text, &size, NULL) != KEYD_OK)
        return 1;
    if (!yaml_parser_initialize(&parser)) {
        free(text);
        return 1;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    struct walk walk = {.wanted = field, .line = 1};
    bool more = true;
    while (more) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event))
            break;
        more = take_event(&walk, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    free(text);
    return walk.line;
}

enum keyd_status yaml_complain(struct keyd_error *err, const char *path, const char *field,
                               const char *format, ...)
{
    if (err == NULL)
        return KEYD_INVALID_ARGUMENT;
    va_list args;
    va_start(args, format);
    keyd_vfail(err, KEYD_INVALID_ARGUMENT, "CONFIGURATION", format, args);
    va_end(args);
    return keyd_wrap(err, "%s:%u: %s", path, line_of(path, field), field);
}
