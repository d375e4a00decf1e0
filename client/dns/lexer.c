/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One pass by a table of byte classes. An entry that breaks off is read again from its beginning:
 * with a window of many entries that costs next to nothing, and no state needs to be kept. */
#include "client/dns/lexer.h"

#include <stdint.h>
#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* In this order: up to OPEN plain inside of quotes, from QUOTE on never. */
enum byte_class { WORD, SPACE, COMMENT, OPEN, CLOSE, QUOTE, ESCAPE, LINE_FEED, RETURN, NUL };

static const uint8_t classes[256] = {
    [' '] = SPACE, ['\t'] = SPACE,  [';'] = COMMENT,    ['('] = OPEN,    [')'] = CLOSE,
    ['"'] = QUOTE, ['\\'] = ESCAPE, ['\n'] = LINE_FEED, ['\r'] = RETURN, ['\0'] = NUL,
};

static inline enum byte_class class_of(const char *at)
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

/* Remembers why there is nothing to go on with. */
static const char *stop(struct lexer *lexer, enum lexer_result result)
{
    lexer->stopped = result;
    return NULL;
}

static const char *stop_wrong(struct lexer *lexer, const char *at, const char *why)
{
    return stop(lexer, wrong(lexer, at, why));
}

/* The functions from here on return where to go on, or NULL: see stop. */

/* From a backslash to behind what it is for. */
static const char *skip_escape(struct lexer *lexer, const char *at)
{
    enum byte_class next = class_of(at + 1);
    if (next == NUL && at + 1 == lexer->end && !lexer->last)
        return stop(lexer, LEXER_MORE);
    if (next == LINE_FEED || next == RETURN || at + 1 == lexer->end)
        return stop_wrong(lexer, at, "a backslash at the end of the line");
    if (next == NUL)
        return stop(lexer, stopped(lexer, at + 1));
    return at + 2;
}

static bool make_room(struct lexer *lexer)
{
    size_t room = lexer->room > 0 ? lexer->room * 2 : 32;
    struct token *tokens = reallocarray(lexer->tokens, room, sizeof *tokens);
    if (tokens == NULL)
        return false;
    lexer->tokens = tokens;
    lexer->room = room;
    return true;
}

/* Takes a token; `next` is where to go on. */
static inline const char *keep(struct lexer *lexer, const char *text, size_t length, bool quoted,
                               bool escaped, const char *next)
{
    bool glued = false;
    if (lexer->count == lexer->room && !make_room(lexer))
        return stop(lexer, LEXER_NO_MEMORY);
    struct token *token = &lexer->tokens[lexer->count];
    if (lexer->count == 0)
        lexer->first_line = lexer->line + lexer->lines;
    else
        glued = token[-1].text + token[-1].length + token[-1].quoted == text - quoted;
    lexer->count++;
    *token = (struct token){
        .text = text, .length = length, .quoted = quoted, .escaped = escaped, .glued = glued};
    return next;
}

/* The first byte that is not plain in a word, or one that is no letter. Sixteen at once where the
 * processor can: most words are shorter, so that no branch depends on their length. */
static inline const char *skip_plain(const char *at)
{
#ifdef __SSE2__
    for (;; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i space = _mm_set1_epi8(' ');
        __m128i ends = _mm_cmpeq_epi8(_mm_min_epu8(bytes, space), bytes);
        ends = _mm_or_si128(ends, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
        ends = _mm_or_si128(ends, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(';')));
        ends = _mm_or_si128(ends, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
        ends = _mm_or_si128(ends, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('(')));
        ends = _mm_or_si128(ends, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(')')));
        unsigned mask = (unsigned)_mm_movemask_epi8(ends);
        if (mask != 0)
            return at + __builtin_ctz(mask);
    }
#else
    while (class_of(at) == WORD)
        at++;
    return at;
#endif
}

/* A word with escapes or control characters, or that ends in another way than by white space. */
static const char *read_odd_word(struct lexer *lexer, const char *at)
{
    const char *start = at;
    bool escaped = false;
    for (;;) {
        while (class_of(at) == WORD)
            at++;
        if (class_of(at) != ESCAPE)
            break;
        escaped = true;
        at = skip_escape(lexer, at);
        if (at == NULL)
            return NULL;
    }
    if (at == lexer->end && !lexer->last)
        return stop(lexer, LEXER_MORE);
    return keep(lexer, start, (size_t)(at - start), false, escaped, at);
}

static inline const char *read_word(struct lexer *lexer, const char *at)
{
    const char *next = skip_plain(at);
    enum byte_class end = class_of(next);
    if (end == SPACE || end == LINE_FEED)
        return keep(lexer, at, (size_t)(next - at), false, false, next);
    return read_odd_word(lexer, at);
}

/* From the first quote to behind the last one. */
static const char *read_quoted(struct lexer *lexer, const char *at)
{
    const char *start = ++at;
    bool escaped = false;
    for (;;) {
        while (class_of(at) < QUOTE)
            at++;
        switch (class_of(at)) {
        case QUOTE:
            return keep(lexer, start, (size_t)(at - start), true, escaped, at + 1);
        case ESCAPE:
            escaped = true;
            at = skip_escape(lexer, at);
            if (at == NULL)
                return NULL;
            break;
        case NUL:
            if (stopped(lexer, at) != LEXER_END)
                return stop(lexer, stopped(lexer, at));
            return stop_wrong(lexer, at, "the text ends inside of quotes");
        default:
            return stop_wrong(lexer, at, "the line ends inside of quotes");
        }
    }
}

/* To the line's end, which is left. All servers pass over a NUL there. */
static const char *skip_comment(struct lexer *lexer, const char *at)
{
    for (;; at++) {
        while (class_of(at) != LINE_FEED && class_of(at) != NUL)
            at++;
        if (class_of(at) == LINE_FEED || (at == lexer->end && lexer->last))
            return at;
        if (at == lexer->end)
            return stop(lexer, LEXER_MORE);
    }
}

/* From a carriage return to the line feed behind it. */
static const char *skip_return(struct lexer *lexer, const char *at)
{
    if (at + 1 == lexer->end && !lexer->last)
        return stop(lexer, LEXER_MORE);
    return at[1] == '\n' ? at + 1 : stop_wrong(lexer, at, "a carriage return that ends no line");
}

static void begin(struct lexer *lexer, const char *at)
{
    lexer->line += lexer->lines;
    lexer->lines = 0;
    lexer->at = lexer->start = at;
    lexer->start_line = lexer->line;
    lexer->count = 0;
    lexer->blank_owner = class_of(at) == SPACE;
}

/* After the entry's last line end. */
static enum lexer_result finish(struct lexer *lexer, const char *at)
{
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
    begin(lexer, at);
    while (at != NULL) {
        switch (class_of(at)) {
        case WORD:
            at = read_word(lexer, at);
            break;
        case SPACE:
            at++;
            break;
        case LINE_FEED:
            lexer->lines++;
            at++;
            if (depth > 0)
                break;
            if (lexer->count > 0)
                return finish(lexer, at);
            begin(lexer, at);
            break;
        case ESCAPE:
            at = read_odd_word(lexer, at);
            break;
        case QUOTE:
            at = read_quoted(lexer, at);
            break;
        case COMMENT:
            at = skip_comment(lexer, at);
            break;
        case OPEN:
            opened = depth++ == 0 ? at : opened;
            at++;
            break;
        case CLOSE:
            if (depth-- == 0)
                return wrong(lexer, at, ") without (");
            at++;
            break;
        case RETURN:
            at = skip_return(lexer, at);
            break;
        case NUL:
            if (stopped(lexer, at) != LEXER_END)
                return stopped(lexer, at);
            return depth > 0 ? wrong(lexer, opened, "( is never closed") : finish(lexer, at);
        }
    }
    return lexer->stopped;
}

void lexer_free(struct lexer *lexer)
{
    free(lexer->tokens);
    *lexer = (struct lexer){0};
}
