/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The state file: lines of text.
 *
 *   mock-state 1
 *   token SERIAL WRONG-PINS
 *   object SERIAL             then its attributes: TYPE VALUE, both in hexadecimal
 *   end
 */
#include "tests/mock/state.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/mock/die.h"
#include "tests/mock/object.h"
#include "tests/mock/token.h"

#define HEADER "mock-state 1\n"

static const char *state_path(void)
{
    const char *path = getenv("KEYD_MOCK_STATE");
    return path != NULL && path[0] != '\0' ? path : NULL;
}

/* ---- Writing -----------------------------------------------------------------------------------
 */

static void write_object(FILE *file, const struct token *token, const struct object *object)
{
    fprintf(file, "object %s\n", token->serial);
    for (size_t i = 0; i < object->attributes.count; i++) {
        const struct attribute *attribute = &object->attributes.list[i];
        fprintf(file, "%lx ", attribute->type);
        for (size_t k = 0; k < attribute->size; k++)
            fprintf(file, "%02x", attribute->value[k]);
        fputc('\n', file);
    }
    fputs("end\n", file);
}

void state_save(void)
{
    char temporary[PATH_MAX];
    const char *path = state_path();
    if (path == NULL)
        return;
    snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid());
    FILE *file = fopen(temporary, "we");
    if (file == NULL)
        mock_die("%s cannot be written: %s", temporary, strerror(errno));
    fputs(HEADER, file);
    for (size_t i = 0; i < tokens_count(); i++) {
        const struct token *token = token_at(i);
        fprintf(file, "token %s %u\n", token->serial, token->wrong_pins);
        for (const struct object *object = token->objects; object != NULL; object = object->next)
            if (object->owner == 0)
                write_object(file, token, object);
    }
    int failed = ferror(file);
    if (fclose(file) != 0 || failed || rename(temporary, path) != 0)
        mock_die("%s cannot be written: %s", path, strerror(errno));
}

/* ---- Reading -----------------------------------------------------------------------------------
 */

/* The file, the line that was read last, and what it belongs to. */
struct reader {
    const char *path;
    FILE *file;
    char *line;
    size_t size;
    unsigned number;
};

_Noreturn static void refuse(const struct reader *reader)
{
    mock_die("%s:%u: this is no state of the tokens that KEYD_MOCK_TOKENS lists", reader->path,
             reader->number);
}

/* False at the end of the file. */
static bool next_line(struct reader *reader)
{
    reader->number++;
    ssize_t length = getline(&reader->line, &reader->size, reader->file);
    if (length > 0 && reader->line[length - 1] == '\n')
        reader->line[length - 1] = '\0';
    return length > 0;
}

static struct token *token_named(const struct reader *reader, const char *serial)
{
    struct token *token = token_by_serial(serial);
    if (token == NULL)
        refuse(reader);
    return token;
}

static void take_token(const struct reader *reader)
{
    char serial[TOKEN_SERIAL_SIZE + 1];
    unsigned wrong;
    if (sscanf(reader->line, "token %16s %u", serial, &wrong) != 2)
        refuse(reader);
    token_named(reader, serial)->wrong_pins = wrong;
}

static void take_attribute(const struct reader *reader, struct attributes *attributes)
{
    char *rest;
    long size = 0;
    CK_ATTRIBUTE_TYPE type = strtoul(reader->line, &rest, 16);
    if (rest == reader->line || *rest != ' ')
        refuse(reader);
    if (rest[1] == '\0') {
        attributes_set(attributes, type, NULL, 0);
        return;
    }
    unsigned char *value = OPENSSL_hexstr2buf(rest + 1, &size);
    if (value == NULL)
        refuse(reader);
    attributes_set(attributes, type, value, (size_t)size);
    OPENSSL_free(value);
}

static void take_key(const struct reader *reader, struct object *object)
{
    const struct attribute *der = attributes_find(&object->attributes, ATTRIBUTE_MOCK_KEY);
    if (der == NULL)
        return;
    const unsigned char *at = der->value;
    object->key = d2i_AutoPrivateKey(NULL, &at, (long)der->size);
    ERR_clear_error();
    if (object->key == NULL)
        refuse(reader);
}

static void take_object(struct reader *reader)
{
    static const char word[] = "object ";
    struct object *object = object_new();
    struct token *token = token_named(reader, reader->line + sizeof word - 1);
    while (next_line(reader) && strcmp(reader->line, "end") != 0)
        take_attribute(reader, &object->attributes);
    if (feof(reader->file))
        refuse(reader);
    take_key(reader, object);
    object_restore(token, object);
}

void state_load(void)
{
    struct reader reader = {.path = state_path()};
    if (reader.path == NULL)
        return;
    reader.file = fopen(reader.path, "re");
    if (reader.file == NULL && errno == ENOENT)
        return;
    if (reader.file == NULL)
        mock_die("%s cannot be read: %s", reader.path, strerror(errno));
    if (!next_line(&reader) || strncmp(reader.line, HEADER, sizeof HEADER - 2) != 0)
        refuse(&reader);
    while (next_line(&reader)) {
        if (strncmp(reader.line, "object ", 7) == 0)
            take_object(&reader);
        else
            take_token(&reader);
    }
    free(reader.line);
    fclose(reader.file);
}
