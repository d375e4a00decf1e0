/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One pass by a table of byte classes. An entry that breaks off is read again from its beginning:
 * with a window of many entries that costs next to nothing, and no state needs to be kept. */
#include "client/dns/lexer.h"

#include <stdint.h>
#include <stdlib.h>

/* In this order: up to OPEN plain inside of quotes, from QUOTE on never. */
enum byte_class { WORD, SPACE, COMMENT, OPEN, CLOSE, QUOTE, ESCAPE, LINE_FEED, RETURN, NUL };

static const uint8_t classes[256] = {
    [' '] = SPACE, ['\t'] = SPACE,  [';'] = COMMENT,    ['('] = OPEN,    [')'] = CLOSE,
    ['"'] = QUOTE, ['\\'] = ESCAPE, ['\n'] = LINE_FEED, ['\r'] = RETURN, ['\0'] = NUL,
};

static enum byte_class class_of(const char *at)
{
    return (enum byte_class)classes[(uint8_t)*at];
}

static enum lexer_result wrong(struct lexer *lexer, const char *at, const char *why)
{
    lexer->wrong_at = at;
    lexer->why = why;
    return LEXER_WRONG;
}

/* At a NUL: the text's end, a cut, or a byte that does not belong there. */
static enum lexer_result stopped(struct lexer *lexer, const char *at)
{
    if (at != lexer->end)
        return wrong(lexer, at, "a NUL byte: this is no zone file");
    return lexer->last ? LEXER_END : LEXER_MORE;
}

/* Steps over a backslash and what it is for. LEXER_ENTRY when that is there. */
static enum lexer_result step_escape(struct lexer *lexer, const char **at)
{
    enum byte_class next = class_of(*at + 1);
    if (next == NUL && *at + 1 == lexer->end && !lexer->last)
        return LEXER_MORE;
    if (next == LINE_FEED || next == RETURN || *at + 1 == lexer->end)
        return wrong(lexer, *at, "a backslash at the end of the line");
    if (next == NUL)
        return stopped(lexer, *at + 1);
    *at += 2;
    return LEXER_ENTRY;
}

static enum lexer_result keep(struct lexer *lexer, struct token token)
{
    if (lexer->count == lexer->room) {
        size_t room = lexer->room > 0 ? lexer->room * 2 : 32;
        struct token *tokens = reallocarray(lexer->tokens, room, sizeof *tokens);
        if (tokens == NULL)
            return LEXER_NO_MEMORY;
        lexer->tokens = tokens;
        lexer->room = room;
    }
    if (lexer->count == 0)
        lexer->first_line = lexer->line + lexer->lines;
    lexer->tokens[lexer->count++] = token;
    return LEXER_ENTRY;
}

/* From behind the first quote to the last one. */
static enum lexer_result skip_quoted(struct lexer *lexer, const char **at, bool *escaped)
{
    for (;;) {
        while (class_of(*at) < QUOTE)
            ++*at;
        enum lexer_result result;
        switch (class_of(*at)) {
        case QUOTE:
            return LEXER_ENTRY;
        case ESCAPE:
            *escaped = true;
            result = step_escape(lexer, at);
            if (result != LEXER_ENTRY)
                return result;
            break;
        case NUL:
            result = stopped(lexer, *at);
            return result != LEXER_END ? result
                                       : wrong(lexer, *at, "the file ends inside of quotes");
        default:
            return wrong(lexer, *at, "the line ends inside of quotes");
        }
    }
}

/* Right behind the last token, which a quote ended or this one ends. */
static bool is_glued(const struct lexer *lexer, const char *at)
{
    if (lexer->count == 0)
        return false;
    const struct token *last = &lexer->tokens[lexer->count - 1];
    return last->text + last->length + last->quoted == at;
}

static enum lexer_result read_quoted(struct lexer *lexer, const char **at)
{
    struct token token = {.quoted = true, .glued = is_glued(lexer, *at)};
    const char *start = token.text = ++*at;
    enum lexer_result result = skip_quoted(lexer, at, &token.escaped);
    if (result != LEXER_ENTRY)
        return result;
    token.length = (size_t)(*at - start);
    ++*at;
    return keep(lexer, token);
}

static enum lexer_result read_word(struct lexer *lexer, const char **at)
{
    struct token token = {.text = *at, .glued = is_glued(lexer, *at)};
    for (;;) {
        while (class_of(*at) == WORD)
            ++*at;
        if (class_of(*at) != ESCAPE)
            break;
        token.escaped = true;
        enum lexer_result result = step_escape(lexer, at);
        if (result != LEXER_ENTRY)
            return result;
    }
    if (*at == lexer->end && !lexer->last)
        return LEXER_MORE;
    token.length = (size_t)(*at - token.text);
    return keep(lexer, token);
}

/* To the line's end, which is left. */
static enum lexer_result skip_comment(struct lexer *lexer, const char **at)
{
    while (class_of(*at) != LINE_FEED && class_of(*at) != NUL)
        ++*at;
    if (class_of(*at) == NUL && (*at != lexer->end || !lexer->last))
        return stopped(lexer, *at);
    return LEXER_ENTRY;
}

/* LEXER_ENTRY when the return belongs to a line end. */
static enum lexer_result skip_return(struct lexer *lexer, const char **at)
{
    if (*at + 1 == lexer->end && !lexer->last)
        return LEXER_MORE;
    if ((*at)[1] != '\n')
        return wrong(lexer, *at, "a carriage return that ends no line");
    ++*at;
    return LEXER_ENTRY;
}

static enum lexer_result begin(struct lexer *lexer, const char *at)
{
    lexer->line += lexer->lines;
    lexer->lines = 0;
    lexer->at = lexer->start = at;
    lexer->start_line = lexer->line;
    lexer->count = 0;
    lexer->blank_owner = class_of(at) == SPACE;
    return LEXER_ENTRY;
}

static enum lexer_result finish(struct lexer *lexer, const char *at, const char *opened)
{
    if (opened != NULL)
        return wrong(lexer, opened, "( is never closed");
    lexer->line += lexer->lines;
    lexer->lines = 0;
    lexer->at = at;
    return lexer->count > 0 ? LEXER_ENTRY : LEXER_END;
}

enum lexer_result lexer_next(struct lexer *lexer)
{
    const char *at = lexer->at;
    const char *opened = NULL; /* the outermost parenthesis */
    size_t depth = 0;
    lexer->lines = 0;
    enum lexer_result result = begin(lexer, at);
    while (result == LEXER_ENTRY) {
        switch (class_of(at)) {
        case WORD:
        case ESCAPE:
            result = read_word(lexer, &at);
            break;
        case SPACE:
            at++;
            break;
        case COMMENT:
            result = skip_comment(lexer, &at);
            break;
        case OPEN:
            if (depth++ == 0)
                opened = at;
            at++;
            break;
        case CLOSE:
            if (depth == 0)
                return wrong(lexer, at, ") without (");
            if (--depth == 0)
                opened = NULL;
            at++;
            break;
        case QUOTE:
            result = read_quoted(lexer, &at);
            break;
        case RETURN:
            result = skip_return(lexer, &at);
            break;
        case LINE_FEED:
            lexer->lines++;
            at++;
            if (depth == 0 && lexer->count > 0)
                return finish(lexer, at, opened);
            if (depth == 0)
                result = begin(lexer, at);
            break;
        case NUL:
            result = stopped(lexer, at);
            if (result == LEXER_END)
                return finish(lexer, at, opened);
            break;
        }
    }
    return result;
}

void lexer_free(struct lexer *lexer)
{
    free(lexer->tokens);
    *lexer = (struct lexer){0};
}
