/* SPDX-License-Identifier: BSD-2-Clause
 *
 * libyaml reads a file as a tree, which is held against the schema here: libcyaml stops at the
 * first thing that does not fit, and says it in its own words. What does not fit is taken out of
 * the tree, and libcyaml loads the rest. */
#include "keyd/base/yaml.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "keyd/base/file.h"
#include "keyd/base/text.h"

#define DEPTH_MAX   16 /* mappings and sequences within each other; our files need three */
#define EXCERPT_MAX 40 /* bytes of a wrong value that are shown */
#define NO_MEMORY   "no memory left to read it"

struct reading {
    const char *path;
    const char *text;
    size_t size;
    yaml_document_t document;
    struct yaml_faults *faults;
    yaml_complaint *complain;
    void *context;
};

/* What a file has may have line feeds, a message does not. */
static void make_one_line(char *message)
{
    for (; *message != '\0'; message++)
        if ((unsigned char)*message < ' ' || *message == 0x7f)
            *message = '?';
}

static bool is_full(const struct reading *reading)
{
    return reading->faults->count == YAML_FAULTS_MAX;
}

/* Complains of a field, or of the whole ("" for it); the line is from 1, or 0 for none. */
static void __attribute__((format(printf, 4, 5)))
say(struct reading *reading, size_t line, const char *field, const char *format, ...)
{
    struct yaml_faults *faults = reading->faults;
    struct keyd_error err;
    va_list args;
    if (is_full(reading))
        return;
    va_start(args, format);
    keyd_vfail(&err, KEYD_INVALID_ARGUMENT, "CONFIGURATION", format, args);
    va_end(args);
    if (field[0] != '\0')
        keyd_wrap(&err, "%s", field);
    if (line > 0)
        keyd_wrap(&err, "%s:%zu", reading->path, line);
    else
        keyd_wrap(&err, "%s", reading->path);
    make_one_line(err.message);
    snprintf(faults->fields[faults->count++], YAML_FIELD_MAX, "%s", field);
    reading->complain(reading->context, &err);
}

/* ---- Is it YAML, and of the kind that we take? ----------------------------------------------- */

/* libyaml gives a place that it cannot decode by its byte. */
static size_t line_of_byte(const struct reading *reading, size_t offset)
{
    size_t line = 1;
    for (size_t i = 0; i < offset && i < reading->size; i++)
        line += reading->text[i] == '\n';
    return line;
}

static void complain_of_syntax(struct reading *reading, const yaml_parser_t *parser)
{
    if (parser->problem == NULL)
        say(reading, 0, "", NO_MEMORY);
    else if (parser->error == YAML_READER_ERROR)
        say(reading, line_of_byte(reading, parser->problem_offset), "", "is no YAML: %s",
            parser->problem);
    else if (parser->context != NULL)
        say(reading, parser->problem_mark.line + 1, "", "is no YAML: %s, %s (line %zu)",
            parser->problem, parser->context, parser->context_mark.line + 1);
    else
        say(reading, parser->problem_mark.line + 1, "", "is no YAML: %s", parser->problem);
}

struct level {
    bool is_mapping;
    bool at_value; /* mapping: a key was there, and its value is next */
};

struct scan {
    struct reading *reading;
    struct level levels[DEPTH_MAX];
    size_t depth;
    unsigned documents;
};

/* A scalar, or the beginning of a collection: an entry, a key or a value. */
static void take_part(struct scan *scan, const yaml_event_t *event)
{
    size_t line = event->start_mark.line + 1;
    struct level *level = scan->depth > 0 ? &scan->levels[scan->depth - 1] : NULL;
    if (event->type == YAML_SCALAR_EVENT &&
        strlen((const char *)event->data.scalar.value) < event->data.scalar.length)
        say(scan->reading, line, "", "there is a NUL in this text");
    if (level == NULL || !level->is_mapping)
        return;
    if (!level->at_value && event->type != YAML_SCALAR_EVENT)
        say(scan->reading, line, "", "a list or a mapping cannot be the name of a field");
    level->at_value = !level->at_value;
}

/* False: no more. */
static bool take_event(struct scan *scan, const yaml_event_t *event)
{
    size_t line = event->start_mark.line + 1;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++scan->documents == 2)
            say(scan->reading, line, "", "another document begins here; the file may have one");
        return scan->documents < 2;
    case YAML_ALIAS_EVENT:
        say(scan->reading, line, "", "an alias (*%.*s) is not possible here",
            text_cut((const char *)event->data.alias.anchor, EXCERPT_MAX),
            (const char *)event->data.alias.anchor);
        return false;
    case YAML_SCALAR_EVENT:
        take_part(scan, event);
        return true;
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        take_part(scan, event);
        if (scan->depth == DEPTH_MAX) {
            say(scan->reading, line, "", "there are more than %d lists and mappings in each other",
                DEPTH_MAX);
            return false;
        }
        scan->levels[scan->depth++] =
            (struct level){.is_mapping = event->type == YAML_MAPPING_START_EVENT};
        return true;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        scan->depth--;
        return true;
    default:
        return event->type != YAML_STREAM_END_EVENT;
    }
}

/* Says what of YAML we do not take. Then the document is a tree, with names for all fields. */
static bool scan_events(struct reading *reading)
{
    struct scan scan = {.reading = reading};
    yaml_parser_t parser;
    bool more = true;
    if (!yaml_parser_initialize(&parser)) {
        say(reading, 0, "", NO_MEMORY);
        return false;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)reading->text, reading->size);
    while (more) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            complain_of_syntax(reading, &parser);
            break;
        }
        more = take_event(&scan, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return reading->faults->count == 0;
}

/* The document is *owned*: yaml_document_delete, or write_document. */
static bool open_document(struct reading *reading)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        say(reading, 0, "", NO_MEMORY);
        return false;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)reading->text, reading->size);
    bool good = yaml_parser_load(&parser, &reading->document) != 0;
    if (!good)
        complain_of_syntax(reading, &parser);
    yaml_parser_delete(&parser);
    return good;
}

/* ---- Does it fit the schema? ----------------------------------------------------------------- */

/* Nodes go by number: they move when one is added. What recurs here is as deep as the schema. */
static bool judge_value(struct reading *reading, int id, size_t line, const char *field,
                        const cyaml_schema_value_t *schema);

/* The null of YAML 1.2.2, section 10.3.2; in quotes it is a text. One without any character is an
 * empty text to us. */
static bool is_null(const yaml_node_t *node)
{
    static const char *const names[] = {"~", "null", "Null", "NULL"};
    if (node->tag != NULL && strcmp((const char *)node->tag, YAML_NULL_TAG) == 0)
        return true;
    if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp((const char *)node->data.scalar.value, names[i]) == 0)
            return true;
    return false;
}

static bool judge_text(struct reading *reading, int id, size_t line, const char *field,
                       const cyaml_schema_value_t *schema)
{
    const yaml_node_t *node = yaml_document_get_node(&reading->document, id);
    size_t length = node->data.scalar.length;
    if (is_null(node))
        say(reading, line, field,
            "is null, which is no value: give one, or leave the field out; a text that reads so "
            "stands in quotes");
    else if (length == 0 && schema->string.min > 0)
        say(reading, line, field, "is empty");
    else if (length < schema->string.min)
        say(reading, line, field, "has %zu bytes, at least %" PRIu32 " are needed", length,
            schema->string.min);
    else if (length > schema->string.max)
        say(reading, line, field, "has %zu bytes, at most %" PRIu32 " are possible", length,
            schema->string.max);
    else
        return true;
    return false;
}

/* The schema's field of that name, or the one without a name behind the last. */
static const cyaml_schema_field_t *field_of(const cyaml_schema_field_t *fields, const char *name)
{
    while (fields->key != NULL && strcmp(fields->key, name) != 0)
        fields++;
    return fields;
}

/* The first pair of a mapping with that key; there must be one. */
static const yaml_node_t *first_key(yaml_document_t *document, const yaml_node_t *mapping,
                                    const char *name)
{
    const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
    const yaml_node_t *key = yaml_document_get_node(document, pair->key);
    while (strcmp((const char *)key->data.scalar.value, name) != 0)
        key = yaml_document_get_node(document, (++pair)->key);
    return key;
}

static bool judge_field(struct reading *reading, const yaml_node_t *mapping,
                        const yaml_node_pair_t *pair, const char *parent,
                        const cyaml_schema_field_t *fields)
{
    const yaml_node_t *key = yaml_document_get_node(&reading->document, pair->key);
    const char *name = (const char *)key->data.scalar.value;
    size_t line = key->start_mark.line + 1;
    char field[YAML_FIELD_MAX];
    snprintf(field, sizeof field, "%.120s%s%.*s", parent, parent[0] != '\0' ? "." : "",
             text_cut(name, 120), name);
    const cyaml_schema_field_t *known = field_of(fields, name);
    if (known->key == NULL) {
        say(reading, line, field, "there is no such field");
        return false;
    }
    const yaml_node_t *first = first_key(&reading->document, mapping, name);
    if (first != key) {
        say(reading, line, field, "is there twice, first in line %zu", first->start_mark.line + 1);
        return false;
    }
    return judge_value(reading, pair->value, line, field, &known->value);
}

static void judge_mapping(struct reading *reading, int id, const char *field,
                          const cyaml_schema_field_t *fields)
{
    yaml_node_t *mapping = yaml_document_get_node(&reading->document, id);
    size_t count = (size_t)(mapping->data.mapping.pairs.top - mapping->data.mapping.pairs.start);
    yaml_node_pair_t *pairs = mapping->data.mapping.pairs.start; /* these do not move */
    for (size_t i = 0; i < count && !is_full(reading); i++) {
        mapping = yaml_document_get_node(&reading->document, id);
        if (!judge_field(reading, mapping, &pairs[i], field, fields))
            pairs[i].value = 0; /* left out; the key stays until its namesakes are judged */
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (pairs[i].value != 0)
            pairs[kept++] = pairs[i];
    yaml_document_get_node(&reading->document, id)->data.mapping.pairs.top = pairs + kept;
}

static bool judge_entries(struct reading *reading, yaml_node_item_t *items, size_t count,
                          const char *field, const cyaml_schema_value_t *schema)
{
    for (size_t i = 0; i < count && !is_full(reading); i++) {
        char entry[YAML_FIELD_MAX];
        const yaml_node_t *node = yaml_document_get_node(&reading->document, items[i]);
        snprintf(entry, sizeof entry, "%.200s[%zu]", field, i);
        if (judge_value(reading, items[i], node->start_mark.line + 1, entry, schema))
            continue;
        if (schema->type != CYAML_MAPPING)
            return false;
        items[i] = yaml_document_add_mapping(&reading->document, NULL, YAML_FLOW_MAPPING_STYLE);
        if (items[i] == 0) {
            say(reading, 0, entry, NO_MEMORY);
            return false;
        }
    }
    return true;
}

static bool judge_sequence(struct reading *reading, int id, size_t line, const char *field,
                           const cyaml_schema_value_t *schema)
{
    const yaml_node_t *node = yaml_document_get_node(&reading->document, id);
    yaml_node_item_t *items = node->data.sequence.items.start;
    size_t count = (size_t)(node->data.sequence.items.top - items);
    if (count < schema->sequence.min || count > schema->sequence.max) {
        bool many = count > schema->sequence.max;
        say(reading, line, field, "has %zu entries, at %s %" PRIu32 " are %s", count,
            many ? "most" : "least", many ? schema->sequence.max : schema->sequence.min,
            many ? "possible" : "needed");
        return false;
    }
    return judge_entries(reading, items, count, field, schema->sequence.entry);
}

static yaml_node_type_t kind_of(const cyaml_schema_value_t *schema)
{
    if (schema->type == CYAML_MAPPING)
        return YAML_MAPPING_NODE;
    return schema->type == CYAML_SEQUENCE ? YAML_SEQUENCE_NODE : YAML_SCALAR_NODE;
}

/* What is wrong with a node that is not of the kind that the schema wants. */
static const char *misfit(const yaml_node_t *node, yaml_node_type_t wanted)
{
    bool is_empty = node->type == YAML_SCALAR_NODE && node->data.scalar.length == 0;
    if (wanted == YAML_SCALAR_NODE)
        return node->type == YAML_SEQUENCE_NODE ? "is a list; one value is expected"
                                                : "is a mapping; one value is expected";
    if (wanted == YAML_SEQUENCE_NODE)
        return is_empty                          ? "is empty; a list is expected"
               : node->type == YAML_MAPPING_NODE ? "is a mapping; a list is expected"
                                                 : "is one value; a list is expected";
    return is_empty                           ? "is empty; fields are expected (NAME: VALUE)"
           : node->type == YAML_SEQUENCE_NODE ? "is a list; fields are expected (NAME: VALUE)"
                                              : "is one value; fields are expected (NAME: VALUE)";
}

/* False: it does not fit, and is to be left out. True: the rest of it fits. */
static bool judge_value(struct reading *reading, int id, size_t line, const char *field,
                        const cyaml_schema_value_t *schema)
{
    const yaml_node_t *node = yaml_document_get_node(&reading->document, id);
    yaml_node_type_t kind = kind_of(schema);
    if (node->type != kind) {
        say(reading, line, field, "%s%s", field[0] == '\0' ? "the file " : "", misfit(node, kind));
        return false;
    }
    if (kind == YAML_SEQUENCE_NODE)
        return judge_sequence(reading, id, line, field, schema);
    if (kind == YAML_MAPPING_NODE)
        judge_mapping(reading, id, field, schema->mapping.fields);
    return schema->type != CYAML_STRING || judge_text(reading, id, line, field, schema);
}

/* ---- Loading --------------------------------------------------------------------------------- */

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

/* The document as text, *owned* in *text even on failure. Ends the document. */
static bool write_document(yaml_document_t *document, struct buffer *text)
{
    yaml_emitter_t emitter;
    if (!yaml_emitter_initialize(&emitter)) {
        yaml_document_delete(document);
        return false;
    }
    yaml_emitter_set_output(&emitter, append, text);
    bool good = yaml_emitter_dump(&emitter, document) && yaml_emitter_close(&emitter);
    yaml_emitter_delete(&emitter);
    return good;
}

/* Keeps the first thing that libcyaml says. */
static void take_log(cyaml_log_t level, void *context, const char *format, va_list args)
{
    char *what = context;
    if (level >= CYAML_LOG_ERROR && what[0] == '\0')
        vsnprintf(what, EXCERPT_MAX * 4, format, args);
}

static cyaml_config_t config_for(char what[static EXCERPT_MAX * 4])
{
    what[0] = '\0';
    return (cyaml_config_t){.log_fn = take_log,
                            .log_ctx = what,
                            .log_level = CYAML_LOG_ERROR,
                            .mem_fn = cyaml_mem,
                            .flags = CYAML_CFG_NO_ALIAS};
}

/* What fits is loaded; NULL when libcyaml finds what was not found here. */
static void *load_text(struct reading *reading, const cyaml_schema_value_t *schema,
                       const char *text, size_t size)
{
    char what[EXCERPT_MAX * 4];
    cyaml_config_t config = config_for(what);
    cyaml_data_t *data = NULL;
    cyaml_err_t result = cyaml_load_data((const uint8_t *)text, size, &config, schema, &data, NULL);
    if (result != CYAML_OK || data == NULL)
        say(reading, 0, "", "%s", what[0] != '\0' ? what : cyaml_strerror(result));
    return data;
}

/* True: what the document has now fits. */
static bool judge_document(struct reading *reading, const cyaml_schema_value_t *schema)
{
    const yaml_node_t *root = yaml_document_get_root_node(&reading->document);
    if (root == NULL || (root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0)) {
        say(reading, 0, "", "the file is empty");
        return false;
    }
    return judge_value(reading, 1, root->start_mark.line + 1, "", schema) && !is_full(reading);
}

static void *load_document(struct reading *reading, const cyaml_schema_value_t *schema)
{
    struct buffer rest = {0};
    void *data = NULL;
    bool fits = judge_document(reading, schema);
    if (!fits || reading->faults->count == 0) {
        yaml_document_delete(&reading->document);
        return fits ? load_text(reading, schema, reading->text, reading->size) : NULL;
    }
    if (write_document(&reading->document, &rest))
        data = load_text(reading, schema, rest.text, rest.size);
    else
        say(reading, 0, "", NO_MEMORY);
    free(rest.text);
    return data;
}

enum keyd_status yaml_load(const char *path, const cyaml_schema_value_t *schema, void **data,
                           struct yaml_faults *faults, yaml_complaint *complain, void *context)
{
    char *text = NULL;
    size_t size = 0;
    struct keyd_error err;
    *data = NULL;
    faults->count = 0;
    enum keyd_status status = file_read(path, YAML_FILE_MAX, &text, &size, &err);
    if (status != KEYD_OK) {
        complain(context, &err);
        return status;
    }
    struct reading reading = {.path = path,
                              .text = text,
                              .size = size,
                              .faults = faults,
                              .complain = complain,
                              .context = context};
    if (scan_events(&reading) && open_document(&reading))
        *data = load_document(&reading, schema);
    free(text);
    return *data != NULL && faults->count == 0 ? KEYD_OK : KEYD_INVALID_ARGUMENT;
}

void yaml_free(const cyaml_schema_value_t *schema, void *data)
{
    char what[EXCERPT_MAX * 4];
    cyaml_config_t config = config_for(what);
    if (data != NULL)
        cyaml_free(&config, schema, data, 0);
}

bool yaml_left_out(const struct yaml_faults *faults, const char *field)
{
    for (size_t i = 0; i < faults->count; i++) {
        const char *fault = faults->fields[i];
        size_t length = strlen(fault);
        if (strncmp(field, fault, length) == 0 &&
            (field[length] == '\0' || field[length] == '.' || field[length] == '['))
            return true;
    }
    return false;
}

/* ---- Where a field stands -------------------------------------------------------------------- */

/* Goes by one step of a field's name, "socket" or "[1]". NULL: there is no such place. */
static const yaml_node_t *go(yaml_document_t *document, const yaml_node_t *node, const char **field,
                             size_t *line)
{
    if ((*field)[0] == '[') {
        char *end;
        size_t entry = strtoul(*field + 1, &end, 10);
        if (node->type != YAML_SEQUENCE_NODE || *end != ']' ||
            entry >= (size_t)(node->data.sequence.items.top - node->data.sequence.items.start))
            return NULL;
        *field = end + 1;
        node = yaml_document_get_node(document, node->data.sequence.items.start[entry]);
        *line = node->start_mark.line + 1;
        return node;
    }
    *field += (*field)[0] == '.';
    const char *name = *field;
    size_t length = strcspn(name, ".[");
    *field += length;
    if (node->type != YAML_MAPPING_NODE)
        return NULL;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(document, pair->key);
        if (key->type != YAML_SCALAR_NODE || key->data.scalar.length != length ||
            memcmp(key->data.scalar.value, name, length) != 0)
            continue;
        *line = key->start_mark.line + 1;
        return yaml_document_get_node(document, pair->value);
    }
    return NULL;
}

static size_t line_of(const char *path, const char *field)
{
    char *text = NULL;
    size_t size = 0;
    size_t line = 1;
    yaml_parser_t parser;
    yaml_document_t document;
    if (file_read(path, YAML_FILE_MAX, &text, &size, NULL) != KEYD_OK)
        return 1;
    if (yaml_parser_initialize(&parser)) {
        yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
        if (yaml_parser_load(&parser, &document)) {
            const yaml_node_t *node = yaml_document_get_root_node(&document);
            while (node != NULL && *field != '\0')
                node = go(&document, node, &field, &line);
            yaml_document_delete(&document);
        }
        yaml_parser_delete(&parser);
    }
    free(text);
    return line;
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
    keyd_wrap(err, "%s:%zu: %s", path, line_of(path, field), field);
    make_one_line(err->message);
    return err->status;
}

enum keyd_status yaml_number(const char *path, const char *field, const char *text, uint64_t min,
                             uint64_t max, uint64_t *number, struct keyd_error *err)
{
    int shown = text_cut(text, EXCERPT_MAX);
    if (text_number(text, max, number) && *number >= min)
        return KEYD_OK;
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
        return yaml_complain(err, path, field,
                             "'%.*s' is no number: digits only, %" PRIu64 " to %" PRIu64, shown,
                             text, min, max);
    if (text[0] == '0' && text[1] != '\0')
        return yaml_complain(err, path, field,
                             "'%.*s' is no number: no zero in front, %" PRIu64 " to %" PRIu64,
                             shown, text, min, max);
    return yaml_complain(err, path, field, "is %.*s; it must be %" PRIu64 " to %" PRIu64, shown,
                         text, min, max);
}
