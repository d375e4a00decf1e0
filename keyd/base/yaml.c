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
    char unexpected[2 * FIELD_MAX]; /* the way to a field that is not in the schema; or "" */
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

/* libcyaml gives an unexpected key the line of the mapping that was opened last, and its field. */
static void name_unexpected(struct findings *found)
{
    char key[FIELD_MAX];
    if (sscanf(found->what, "Unexpected key: %200s", key) != 1)
        return;
    size_t used = strlen(found->field);
    snprintf(found->unexpected, sizeof found->unexpected, "%s%s%s", found->field,
             used > 0 ? "." : "", key);
}

/* Of a missing field it names the last one that it saw beside it. */
static void name_missing(const char *path, struct findings *found)
{
    char key[FIELD_MAX];
    if (sscanf(found->what, "Missing required mapping field: %200s", key) != 1)
        return;
    char *last = strrchr(found->field, '.');
    size_t used = last != NULL ? (size_t)(last - found->field) + 1 : 0;
    snprintf(found->field + used, sizeof found->field - used, "%s", key);
    snprintf(found->what, sizeof found->what, "is missing");
    found->line = line_of(path, found->field);
}

/* ---- Leaving out what does not fit ----------------------------------------------------------- */

/* What has been complained of, and is left out so that the rest can be judged. */
struct cuts {
    char fields[YAML_FAULTS_MAX][2 * FIELD_MAX];
    size_t count;
};

/* The value of a mapping's key; NULL: none. *at: its pair. */
static yaml_node_t *value_of(yaml_document_t *document, const yaml_node_t *mapping, const char *key,
                             size_t length, yaml_node_pair_t **at)
{
    yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
    for (; pair < mapping->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(document, pair->key);
        if (name->type != YAML_SCALAR_NODE || name->data.scalar.length != length ||
            memcmp(name->data.scalar.value, key, length) != 0)
            continue;
        *at = pair;
        return yaml_document_get_node(document, pair->value);
    }
    return NULL;
}

/* Goes by one step of a field's name, "socket" or "[1]". NULL: there is no such place. */
static yaml_node_t *go(yaml_document_t *document, yaml_node_t *node, const char **field,
                       yaml_node_t **mapping, yaml_node_pair_t **at)
{
    if ((*field)[0] == '[') {
        char *end;
        size_t entry = strtoul(*field + 1, &end, 10);
        if (node->type != YAML_SEQUENCE_NODE || *end != ']' ||
            entry >= (size_t)(node->data.sequence.items.top - node->data.sequence.items.start))
            return NULL;
        *field = end + 1;
        return yaml_document_get_node(document, node->data.sequence.items.start[entry]);
    }
    *field += (*field)[0] == '.';
    size_t length = strcspn(*field, ".[");
    if (node->type != YAML_MAPPING_NODE)
        return NULL;
    yaml_node_t *value = value_of(document, node, *field, length, at);
    *field += length;
    if (value != NULL)
        *mapping = node;
    return value;
}

/* Takes the innermost field on the way to `field` out of its mapping. False: there is none. */
static bool cut(yaml_document_t *document, const char *field)
{
    yaml_node_t *mapping = NULL;
    yaml_node_pair_t *pair = NULL;
    yaml_node_t *node = yaml_document_get_root_node(document);
    while (node != NULL && *field != '\0')
        node = go(document, node, &field, &mapping, &pair);
    if (mapping == NULL)
        return false;
    size_t behind = (size_t)(mapping->data.mapping.pairs.top - (pair + 1));
    memmove(pair, pair + 1, behind * sizeof *pair);
    mapping->data.mapping.pairs.top--;
    return true;
}

struct buffer {
    char *text;
    size_t size;
};

static int append(void *to, unsigned char *text, size_t size)
{
    struct buffer *buffer = to;
    char *larger = realloc(buffer->text, buffer->size + size);
    if (larger == NULL)
        return 0;
    memcpy(larger + buffer->size, text, size);
    buffer->text = larger;
    buffer->size += size;
    return 1;
}

/* The file's text without the fields of `cuts`, *owned* in *rest. False when the last of them
 * cannot be left out, or there is no memory. */
static bool without(const char *text, size_t size, const struct cuts *cuts, struct buffer *rest)
{
    yaml_parser_t parser;
    yaml_emitter_t emitter;
    yaml_document_t document;
    bool good = true;
    if (!yaml_parser_initialize(&parser))
        return false;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    if (!yaml_parser_load(&parser, &document)) {
        yaml_parser_delete(&parser);
        return false;
    }
    for (size_t i = 0; i < cuts->count; i++)
        good = cut(&document, cuts->fields[i]);
    if (good && yaml_emitter_initialize(&emitter)) {
        yaml_emitter_set_output(&emitter, append, rest);
        good = yaml_emitter_open(&emitter) && yaml_emitter_dump(&emitter, &document) &&
               yaml_emitter_close(&emitter);
        yaml_emitter_delete(&emitter);
    } else {
        good = false;
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return good;
}

/* ---- Loading --------------------------------------------------------------------------------- */

struct load {
    const char *path;
    const cyaml_schema_value_t *schema;
    yaml_complaint *complain;
    void *context;
    struct cuts cuts; /* one for each complaint */
};

static void complain_of_findings(const struct load *load, const struct findings *found,
                                 const char *what)
{
    struct keyd_error err;
    unsigned line = found->line;
    if (found->unexpected[0] != '\0')
        line = line_of(load->path, found->unexpected);
    else if (load->cuts.count > 0) /* the line is one of the shortened text */
        line = line_of(load->path, found->field);
    if (line == 0)
        keyd_fail(&err, KEYD_INVALID_ARGUMENT, "CONFIGURATION", "%s: %s", load->path, what);
    else
        keyd_fail(&err, KEYD_INVALID_ARGUMENT, "CONFIGURATION", "%s:%u: %s%s%s", load->path, line,
                  found->field, found->field[0] != '\0' ? ": " : "", what);
    load->complain(load->context, &err);
}

/* One try. True: *data is loaded, or there is no use in another one. */
static bool try_load(struct load *load, const char *text, size_t size, void **data)
{
    struct findings found = {0};
    cyaml_config_t config = config_for(&found);
    cyaml_data_t *loaded = NULL;
    cyaml_err_t result =
        cyaml_load_data((const uint8_t *)text, size, &config, load->schema, &loaded, NULL);
    if (result == CYAML_OK && loaded != NULL) {
        *data = loaded;
        return true;
    }
    name_unexpected(&found);
    name_missing(load->path, &found);
    if (result == CYAML_OK && load->cuts.count == 0)
        complain_of_findings(load, &found, "the file is empty");
    else if (result != CYAML_OK)
        complain_of_findings(load, &found,
                             found.what[0] != '\0' ? found.what : cyaml_strerror(result));
    if (result == CYAML_OK || load->cuts.count == YAML_FAULTS_MAX)
        return true;
    snprintf(load->cuts.fields[load->cuts.count++], sizeof load->cuts.fields[0], "%s",
             found.unexpected[0] != '\0' ? found.unexpected : found.field);
    return false;
}

enum keyd_status yaml_load(const char *path, const cyaml_schema_value_t *schema, void **data,
                           yaml_complaint *complain, void *context)
{
    char *text = NULL;
    size_t size = 0;
    struct keyd_error err;
    *data = NULL;
    enum keyd_status status = file_read(path, YAML_FILE_MAX, &text, &size, &err);
    if (status != KEYD_OK) {
        complain(context, &err);
        return status;
    }
    struct load load = {.path = path, .schema = schema, .complain = complain, .context = context};
    bool done = try_load(&load, text, size, data);
    while (!done) {
        struct buffer rest = {0};
        done =
            !without(text, size, &load.cuts, &rest) || try_load(&load, rest.text, rest.size, data);
        free(rest.text);
    }
    free(text);
    return *data != NULL && load.cuts.count == 0 ? KEYD_OK : KEYD_INVALID_ARGUMENT;
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
