/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/zonetext.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/file.h"

struct zonetext {
    char *path;
    char *data;
    const char *at;
    const char *end;
    unsigned line;
    struct token *tokens;
    size_t room; /* tokens there are */
    size_t count;
    bool blank_owner;
};

enum keyd_status zonetext_fail(const struct zonetext *text, unsigned line, struct keyd_error *err,
                               const char *format, ...)
{
    char what[KEYD_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return keyd_fail(err, KEYD_INVALID_ARGUMENT, "ZONE_FILE", "%s:%u: %s", text->path, line, what);
}

enum keyd_status zonetext_open(const char *path, struct zonetext **text, struct keyd_error *err)
{
    struct zonetext *made = calloc(1, sizeof *made);
    if (made == NULL)
        return keyd_fail_errno(err, ENOMEM, "%s", path);
    size_t size = 0;
    enum keyd_status status = file_read(path, ZONETEXT_MAX, &made->data, &size, err);
    if (status != KEYD_OK) {
        free(made);
        return status;
    }
    made->path = strdup(path);
    if (made->path == NULL) {
        zonetext_close(made);
        return keyd_fail_errno(err, ENOMEM, "%s", path);
    }
    made->at = made->data;
    made->end = made->data + size;
    made->line = 1;
    *text = made;
    return KEYD_OK;
}

void zonetext_close(struct zonetext *text)
{
    if (text == NULL)
        return;
    free(text->tokens);
    free(text->data);
    free(text->path);
    free(text);
}

static bool is_end_of_line(const struct zonetext *text)
{
    return *text->at == '\n' ||
           (*text->at == '\r' && text->at + 1 < text->end && text->at[1] == '\n');
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static bool ends_word(const struct zonetext *text)
{
    char c = *text->at;
    return is_space(c) || is_end_of_line(text) || c == ';' || c == '(' || c == ')' || c == '"';
}

static enum keyd_status keep(struct zonetext *text, const char *start, bool quoted, bool pair,
                             struct keyd_error *err)
{
    if (text->count == text->room) {
        size_t room = text->room > 0 ? text->room * 2 : 32;
        struct token *tokens = reallocarray(text->tokens, room, sizeof *tokens);
        if (tokens == NULL)
            return keyd_fail_errno(err, ENOMEM, "%s", text->path);
        text->tokens = tokens;
        text->room = room;
    }
    text->tokens[text->count++] = (struct token){.text = start,
                                                 .length = (size_t)(text->at - start),
                                                 .line = text->line,
                                                 .quoted = quoted,
                                                 .pair = pair};
    return KEYD_OK;
}

/* Steps over one character, or over a backslash and the character after it. */
static enum keyd_status step(struct zonetext *text, struct keyd_error *err)
{
    if (*text->at == '\0')
        return zonetext_fail(text, text->line, err, "a NUL byte: this is no zone file");
    if (*text->at == '\\') {
        text->at++;
        if (text->at == text->end || *text->at == '\n')
            return zonetext_fail(text, text->line, err, "a backslash at the end of the line");
    }
    text->at++;
    return KEYD_OK;
}

/* From behind the first quote to behind the last one. */
static enum keyd_status skip_quoted(struct zonetext *text, struct keyd_error *err)
{
    while (text->at < text->end && *text->at != '"') {
        if (is_end_of_line(text))
            return zonetext_fail(text, text->line, err, "the line ends inside of quotes");
        enum keyd_status status = step(text, err);
        if (status != KEYD_OK)
            return status;
    }
    if (text->at == text->end)
        return zonetext_fail(text, text->line, err, "the file ends inside of quotes");
    text->at++;
    if (text->at < text->end && (!ends_word(text) || *text->at == '"'))
        return zonetext_fail(text, text->line, err, "white space is missing after the quotes");
    return KEYD_OK;
}

static enum keyd_status read_quoted(struct zonetext *text, struct keyd_error *err)
{
    const char *start = ++text->at;
    enum keyd_status status = skip_quoted(text, err);
    if (status != KEYD_OK)
        return status;
    text->at--;
    status = keep(text, start, true, false, err);
    text->at++;
    return status;
}

static enum keyd_status read_word(struct zonetext *text, struct keyd_error *err)
{
    const char *start = text->at;
    bool pair = false;
    while (text->at < text->end && !ends_word(text)) {
        enum keyd_status status = step(text, err);
        if (status != KEYD_OK)
            return status;
    }
    if (text->at < text->end && *text->at == '"') {
        pair = text->at[-1] == '=';
        if (!pair)
            return zonetext_fail(text, text->line, err,
                                 "quotes inside of a word: write \\\" or put the whole in quotes");
        text->at++;
        enum keyd_status status = skip_quoted(text, err);
        if (status != KEYD_OK)
            return status;
    }
    return keep(text, start, false, pair, err);
}

static void skip_comment(struct zonetext *text)
{
    while (text->at < text->end && *text->at != '\n')
        text->at++;
}

static void end_line(struct zonetext *text)
{
    text->at += *text->at == '\r' ? 2 : 1;
    text->line++;
}

/* Reads up to the end of a line that is not inside of parentheses. */
static enum keyd_status read_entry(struct zonetext *text, struct keyd_error *err)
{
    enum keyd_status status = KEYD_OK;
    unsigned opened_at = 0; /* line of the open parenthesis; 0: none */
    text->count = 0;
    text->blank_owner = text->at < text->end && is_space(*text->at);
    while (status == KEYD_OK && text->at < text->end) {
        if (is_end_of_line(text)) {
            end_line(text);
            if (opened_at == 0)
                return KEYD_OK;
        } else if (is_space(*text->at)) {
            text->at++;
        } else if (*text->at == ';') {
            skip_comment(text);
        } else if (*text->at == '(') {
            if (opened_at != 0)
                return zonetext_fail(text, text->line, err, "( inside of ( of line %u", opened_at);
            opened_at = text->line;
            text->at++;
        } else if (*text->at == ')') {
            if (opened_at == 0)
                return zonetext_fail(text, text->line, err, ") without (");
            opened_at = 0;
            text->at++;
        } else if (*text->at == '"') {
            status = read_quoted(text, err);
        } else {
            status = read_word(text, err);
        }
    }
    if (status == KEYD_OK && opened_at != 0)
        return zonetext_fail(text, opened_at, err, "( is never closed");
    return status;
}

enum keyd_status zonetext_next(struct zonetext *text, struct entry *entry, bool *more,
                               struct keyd_error *err)
{
    text->count = 0;
    while (text->count == 0 && text->at < text->end) {
        enum keyd_status status = read_entry(text, err);
        if (status != KEYD_OK)
            return status;
    }
    *more = text->count > 0;
    if (*more)
        *entry = (struct entry){.tokens = text->tokens,
                                .count = text->count,
                                .line = text->tokens[0].line,
                                .blank_owner = text->blank_owner};
    return KEYD_OK;
}
