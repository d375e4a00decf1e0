/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/generate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "client/dns/lexer.h"

#define WIDTH_MAX 127 /* characters of a number, as in BIND */

struct range {
    uint32_t start;
    uint32_t stop;
    uint32_t step;
};

struct out {
    char *at;
    char *end; /* room for a NUL is behind it */
};

static bool put(struct out *out, char c)
{
    if (out->at == out->end)
        return false;
    *out->at++ = c;
    return true;
}

/* A number up to INT32_MAX; *text is behind it. */
static bool take_number(const char **text, const char *end, uint32_t *number)
{
    uint64_t value = 0;
    const char *start = *text;
    for (; *text < end && **text >= '0' && **text <= '9'; ++*text) {
        value = value * 10 + (uint64_t)(**text - '0');
        if (value > INT32_MAX)
            return false;
    }
    *number = (uint32_t)value;
    return *text > start;
}

static bool take(const char **text, const char *end, char c)
{
    if (*text == end || **text != c)
        return false;
    ++*text;
    return true;
}

static enum keyd_status read_range(const struct record_reader *reader, const struct token *token,
                                   struct range *range, struct keyd_error *err)
{
    char shown[RECORD_SHOWN];
    const char *at = token->text;
    const char *end = token->text + token->length;
    range->step = 1;
    bool good = !token->quoted && take_number(&at, end, &range->start) && take(&at, end, '-') &&
                take_number(&at, end, &range->stop);
    if (good && at < end)
        good = take(&at, end, '/') && take_number(&at, end, &range->step) && at == end;
    record_show(token, shown);
    if (!good || range->step == 0)
        return record_fail(reader, token->text, err,
                           "'%s' is no range: START-STOP or START-STOP/STEP", shown);
    if (range->stop < range->start)
        return record_fail(reader, token->text, err, "'%s': the range ends before it begins",
                           shown);
    if ((range->stop - range->start) / range->step >= GENERATE_MAX)
        return record_fail(reader, token->text, err, "'%s': more than %d records", shown,
                           GENERATE_MAX);
    return KEYD_OK;
}

/* OFFSET[,WIDTH[,BASE]]} */
static const char *take_format(const char **text, const char *end, int64_t *offset, uint32_t *width,
                               char *base)
{
    uint32_t number;
    bool negative = take(text, end, '-');
    if (!negative)
        take(text, end, '+');
    if (!take_number(text, end, &number))
        return "expected ${OFFSET,WIDTH,BASE}";
    *offset = negative ? -(int64_t)number : number;
    if (take(text, end, ',') && (!take_number(text, end, width) || *width > WIDTH_MAX))
        return "expected a width of 0 to 127 in ${OFFSET,WIDTH,BASE}";
    if (take(text, end, ',')) {
        if (*text == end || strchr("doxXnN", **text) == NULL)
            return "expected d, o, x, X, n or N in ${OFFSET,WIDTH,BASE}";
        *base = *(*text)++;
    }
    return take(text, end, '}') ? NULL : "expected } after ${OFFSET,WIDTH,BASE";
}

/* The digits from the last one on with dots between; the width counts both. */
static bool put_nibbles(struct out *out, uint32_t number, uint32_t width, char base)
{
    const char *digits = base == 'n' ? "0123456789abcdef" : "0123456789ABCDEF";
    bool good;
    do {
        good = put(out, digits[number & 15]);
        number >>= 4;
        if (width > 0)
            width--;
        if (width > 0 || number != 0) {
            good = good && put(out, '.');
            if (width > 0)
                width--;
        }
    } while (good && (number != 0 || width > 0));
    return good;
}

static bool put_number(struct out *out, int32_t value, uint32_t width, char base)
{
    uint32_t number = (uint32_t)value; /* below 0: of d alone */
    char digits[WIDTH_MAX + 1];
    int n;
    switch (base) {
    case 'n':
    case 'N':
        return put_nibbles(out, number, width, base);
    case 'o':
        n = snprintf(digits, sizeof digits, "%0*o", (int)width, number);
        break;
    case 'x':
        n = snprintf(digits, sizeof digits, "%0*x", (int)width, number);
        break;
    case 'X':
        n = snprintf(digits, sizeof digits, "%0*X", (int)width, number);
        break;
    default:
        n = snprintf(digits, sizeof digits, "%0*d", (int)width, value);
    }
    bool good = n > 0;
    for (int i = 0; i < n && good; i++)
        good = put(out, digits[i]);
    return good;
}

/* At what follows a $. */
static const char *substitute(const char **at, const char *end, uint32_t number, struct out *out)
{
    static const char too_long[] = "the text for one number is too long";
    int64_t offset = 0;
    uint32_t width = 0;
    char base = 'd';
    if (take(at, end, '$'))
        return put(out, '\\') && put(out, '$') ? NULL : too_long;
    if (take(at, end, '{')) {
        const char *why = take_format(at, end, &offset, &width, &base);
        if (why != NULL)
            return why;
    }
    int64_t value = (int64_t)number + offset;
    if (value > INT32_MAX)
        return "the number with its offset is above 2147483647";
    if (value < 0 && base != 'd')
        return "the number with its offset is below 0, which has digits for d alone";
    return put_number(out, (int32_t)value, width, base) ? NULL : too_long;
}

/* Puts the number into the template; NULL, or what is wrong (static). In quotes \" is a quote: the
 * text may have words in quotes in it. */
static const char *put_text(const struct token *template, uint32_t number,
                            char text[GENERATE_TEXT_MAX], size_t *used)
{
    struct out out = {.at = text, .end = text + GENERATE_TEXT_MAX - 1};
    const char *end = template->text + template->length;
    for (const char *at = template->text; at < end;) {
        const char *why = NULL;
        bool good = true;
        char c = *at++;
        if (c == '$') {
            why = substitute(&at, end, number, &out);
        } else if (c == '\\' && template->quoted && take(&at, end, '"')) {
            good = put(&out, '"');
        } else {
            good = put(&out, c);
            if (c == '\\' && at < end)
                good = good && put(&out, *at++);
        }
        if (why != NULL || !good)
            return why != NULL ? why : "the text for one number is too long";
    }
    *out.at = '\0';
    *used = (size_t)(out.at - text);
    return NULL;
}

static enum keyd_status render(const struct record_reader *reader, const struct token *template,
                               char text[GENERATE_TEXT_MAX], size_t *used, struct keyd_error *err)
{
    char shown[RECORD_SHOWN];
    const char *why = put_text(template, reader->generated_at, text, used);
    if (why == NULL)
        return KEYD_OK;
    return record_fail(reader, NULL, err, "'%s': %s", record_show(template, shown), why);
}

static enum keyd_status read_owner(struct record_reader *reader, const struct token *template,
                                   struct keyd_error *err)
{
    char text[GENERATE_TEXT_MAX];
    struct token token = {.text = text, .escaped = true};
    reader->generated_from = template;
    enum keyd_status status = render(reader, template, text, &token.length, err);
    record_new_origin(reader);
    return status == KEYD_OK ? record_owner(reader, &token, err) : status;
}

/* The data's words are looked for when the number is in it. */
static enum keyd_status read_data(struct record_reader *reader, struct record_head head,
                                  const struct token *template, struct lexer *lexer,
                                  struct keyd_error *err)
{
    char text[GENERATE_TEXT_MAX + LEXER_PADDING];
    size_t used;
    reader->generated_from = template;
    enum keyd_status status = render(reader, template, text, &used, err);
    if (status != KEYD_OK)
        return status;
    memset(text + used, 0, LEXER_PADDING);
    lexer->at = text;
    lexer->end = text + used;
    lexer->last = true;
    switch (lexer_next(lexer)) {
    case LEXER_ENTRY:
        return record_add(reader, &head, lexer->tokens, lexer->count, err);
    case LEXER_NO_MEMORY:
        return keyd_fail_errno(err, ENOMEM, "$GENERATE");
    case LEXER_WRONG:
        return record_fail(reader, NULL, err, "%s", lexer->why);
    default:
        return record_fail(reader, NULL, err, "there is no data");
    }
}

static enum keyd_status generate(struct record_reader *reader, const struct entry *entry,
                                 const struct range *range, const struct record_head *head,
                                 struct keyd_error *err)
{
    struct lexer lexer = {0};
    enum keyd_status status = KEYD_OK;
    reader->generated = true;
    for (uint64_t i = range->start; i <= range->stop && status == KEYD_OK; i += range->step) {
        reader->generated_at = (uint32_t)i;
        status = read_owner(reader, &entry->tokens[2], err);
        if (status == KEYD_OK)
            status = read_data(reader, *head, &entry->tokens[head->next], &lexer, err);
    }
    reader->generated = false;
    reader->generated_from = NULL;
    lexer_free(&lexer);
    return status;
}

enum keyd_status generate_read(struct record_reader *reader, const struct entry *entry,
                               struct keyd_error *err)
{
    struct range range = {0};
    struct record_head head;
    const struct token *last = &entry->tokens[entry->count - 1];
    enum keyd_status status = read_range(reader, &entry->tokens[1], &range, err);
    if (status == KEYD_OK)
        status = record_head(reader, entry, 3, &head, err);
    if (status != KEYD_OK)
        return status;
    if (entry->count != head.next + 1)
        return record_fail(reader, last->text, err,
                           "$GENERATE needs its data as one word: put several in quotes");
    struct dname owner = reader->owner;
    bool have_owner = reader->have_owner;
    bool outside = reader->outside;
    status = generate(reader, entry, &range, &head, err);
    reader->owner = owner;
    reader->have_owner = have_owner;
    reader->outside = outside;
    record_new_origin(reader);
    return status;
}
