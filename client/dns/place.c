/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/place.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/text.h"

static bool is_in_character(char byte)
{
    return ((uint8_t)byte & 0xc0) == 0x80;
}

/* The whole characters at the end of a long name. */
static const char *end_of(const char *name)
{
    size_t length = strlen(name);
    if (length <= PLACE_NAME_MAX)
        return name;
    for (name += length - PLACE_NAME_MAX; is_in_character(*name);)
        name++;
    return name;
}

static bool is_control(const char *at)
{
    uint8_t byte = (uint8_t)*at;
    return byte < ' ' || byte == 0x7f || (byte == 0xc2 && (uint8_t)at[1] < 0xa0);
}

char *place_name(const char *path)
{
    char *whole = strdup(path);
    if (whole == NULL)
        return NULL;
    text_repair(whole);
    for (char *c = whole; *c != '\0'; c++) {
        if (!is_control(c))
            continue;
        bool two = (uint8_t)*c == 0xc2;
        *c = '?';
        if (two)
            *++c = '?';
    }
    char *name = strdup(end_of(whole));
    free(whole);
    return name;
}

const struct place_file *place_files_add(struct place_files *files, const char *name,
                                         const struct place_file *parent, unsigned line)
{
    size_t size = strlen(name) + 1;
    struct place_file *file = malloc(sizeof *file + size);
    if (file == NULL)
        return NULL;
    char *copy = (char *)(file + 1);
    memcpy(copy, name, size);
    *file = (struct place_file){.name = copy, .parent = parent, .line = line, .next = files->last};
    files->last = file;
    return file;
}

void place_files_free(struct place_files *files)
{
    while (files->last != NULL) {
        struct place_file *file = files->last;
        files->last = file->next;
        free(file);
    }
}

unsigned place_outer_line(const struct place *place)
{
    unsigned line = place->line;
    for (const struct place_file *file = place->file; file != NULL && file->parent != NULL;
         file = file->parent)
        line = file->line;
    return line;
}

const char *place_text(const struct place *place, char text[PLACE_TEXT])
{
    const char *name = place->file != NULL ? place->file->name : "the zone";
    if (place->line == 0)
        snprintf(text, PLACE_TEXT, "%s", name);
    else if (place->column == 0)
        snprintf(text, PLACE_TEXT, "%s:%u", name, place->line);
    else
        snprintf(text, PLACE_TEXT, "%s:%u:%u", name, place->line, place->column);
    return text;
}

void place_append_includes(const struct place_file *file, char *text, size_t size)
{
    const char *word = " (included from";
    for (; file != NULL && file->parent != NULL; file = file->parent, word = ", from") {
        size_t used = strlen(text);
        snprintf(text + used, size - used, "%s %s:%u%s", word, file->parent->name, file->line,
                 file->parent->parent == NULL ? ")" : "");
    }
}

enum keyd_status place_fail(const struct place *place, struct keyd_error *err,
                            enum keyd_status status, const char *reason, const char *format, ...)
{
    char where[PLACE_TEXT];
    char what[KEYD_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    place_append_includes(place->file, what, sizeof what);
    return keyd_fail(err, status, reason, "%s: %s", place_text(place, where), what);
}
