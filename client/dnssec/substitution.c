/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/substitution.h"

#include <string.h>

#define BOUND_MAX 255 /* RE_DUP_MAX of POSIX.2 */

/* ---- The expression ------------------------------------------------------------------------- */

struct expression {
    const uint8_t *at;
    const uint8_t *end;
    unsigned open;   /* groups that are not closed yet */
    unsigned groups; /* that began */
    bool atom;       /* there is something that may be repeated, */
    bool repeated;   /* and it was, or cannot be: an anchor */
    bool empty;      /* a group has just begun: it may be empty */
    int byte;        /* the last one in brackets */
};

static bool is_digit(const struct expression *text)
{
    return text->at < text->end && *text->at >= '0' && *text->at <= '9';
}

static bool take(struct expression *text, uint8_t byte)
{
    if (text->at == text->end || *text->at != byte)
        return false;
    text->at++;
    return true;
}

static bool is_class(const uint8_t *name, size_t length)
{
    static const char *const classes[] = {"alnum", "alpha", "blank", "cntrl", "digit", "graph",
                                          "lower", "print", "punct", "space", "upper", "xdigit"};
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strlen(classes[i]) == length && memcmp(classes[i], name, length) == 0)
            return true;
    }
    return false;
}

/* Behind [: or [= or [. to behind the same and ]. */
static bool skip_named(struct expression *text, uint8_t mark)
{
    const uint8_t *name = text->at;
    for (; text->at + 1 < text->end; text->at++) {
        if (text->at[0] != mark || text->at[1] != ']')
            continue;
        size_t length = (size_t)(text->at - name);
        bool good = mark == ':' ? is_class(name, length) : length > 0;
        text->at += 2;
        return good;
    }
    return false;
}

/* What an element of a bracket expression is, when it is no byte. */
enum {
    ELEMENT_MANY = 256,  /* [.ab.]: above all bytes */
    ELEMENT_CLASS = -1,  /* [:alpha:] or [=a=] */
    ELEMENT_NOTHING = -2 /* a [ that begins none of these: BIND passes over it */
};

static bool take_element(struct expression *text, int *element)
{
    if (text->at == text->end)
        return false;
    *element = *text->at++;
    if (*element != '[')
        return true;
    *element = ELEMENT_NOTHING;
    if (text->at == text->end || memchr(":=.", *text->at, 3) == NULL)
        return true;
    uint8_t mark = *text->at++;
    const uint8_t *name = text->at;
    if (!skip_named(text, mark))
        return false;
    bool one = text->at - name == 3;
    *element = mark != '.' ? ELEMENT_CLASS : one ? *name : ELEMENT_MANY;
    return true;
}

/* Behind [ to behind its ], as BIND has it: a range begins with the last byte before its -,
 * whatever else is between them, and no class can end it; a - behind one begins no other. */
static bool skip_bracket(struct expression *text)
{
    enum { NO_RANGE, RANGE_ENDED, RANGE_OPEN } range = NO_RANGE;
    take(text, '^');
    for (bool begun = false; !begun || !take(text, ']'); begun = true) {
        int element;
        if (begun && range != RANGE_OPEN && take(text, '-')) {
            if (range == RANGE_ENDED)
                return false;
            range = RANGE_OPEN;
            continue;
        }
        if (!take_element(text, &element))
            return false;
        if (element != ELEMENT_NOTHING && range == RANGE_OPEN && element < text->byte)
            return false;
        if (element >= 0) {
            range = range == RANGE_OPEN ? RANGE_ENDED : NO_RANGE;
            text->byte = element;
        }
    }
    return true;
}

/* Behind { and before a digit, to behind its }. */
static bool skip_bound(struct expression *text)
{
    unsigned bounds[2] = {0, BOUND_MAX};
    for (size_t i = 0; i < 2; i++) {
        unsigned value = 0;
        bool any = is_digit(text);
        for (; is_digit(text) && value <= BOUND_MAX; text->at++)
            value = value * 10 + (unsigned)(*text->at - '0');
        if (any)
            bounds[i] = value;
        if (i == 0 && !take(text, ','))
            break;
    }
    return bounds[0] <= BOUND_MAX && bounds[1] <= BOUND_MAX && bounds[0] <= bounds[1] &&
           take(text, '}');
}

static bool found_atom(struct expression *text)
{
    text->atom = true;
    text->repeated = false;
    text->empty = false;
    return true;
}

static bool repeat(struct expression *text)
{
    bool good = text->atom && !text->repeated;
    text->repeated = true;
    return good;
}

static bool begin(struct expression *text, bool may_be_empty)
{
    text->atom = false;
    text->repeated = false;
    text->empty = may_be_empty;
    return true;
}

static bool close_group(struct expression *text)
{
    if (text->open > 0) {
        if (!text->atom && !text->empty)
            return false;
        text->open--;
    }
    return found_atom(text);
}

/* Behind a backslash. */
static bool skip_escaped(struct expression *text)
{
    if (text->at == text->end)
        return false;
    unsigned group = *text->at++ - (unsigned)'0';
    if (group >= 1 && group <= 9 && group > text->groups)
        return false;
    return found_atom(text);
}

static bool step(struct expression *text)
{
    switch (*text->at++) {
    case '\\':
        return skip_escaped(text);
    case '[':
        return skip_bracket(text) && found_atom(text);
    case '(':
        text->open++;
        text->groups++;
        return begin(text, true);
    case ')':
        return close_group(text);
    case '|':
        return text->atom && begin(text, false);
    case '^':
    case '$':
        found_atom(text);
        text->repeated = true;
        return true;
    case '*':
    case '+':
    case '?':
        return repeat(text);
    case '{':
        return is_digit(text) ? repeat(text) && skip_bound(text) : found_atom(text);
    default:
        return found_atom(text);
    }
}

static bool expression_is_good(const uint8_t *at, const uint8_t *end, unsigned *groups)
{
    struct expression text = {.at = at, .end = end};
    while (text.at < end) {
        if (!step(&text))
            return false;
    }
    *groups = text.groups;
    return text.open == 0 && text.atom;
}

/* ---- All of it ------------------------------------------------------------------------------ */

/* From `at` to the mark; NULL when there is none. What has a backslash before it is no mark. */
static const uint8_t *find_mark(const uint8_t *at, const uint8_t *end, uint8_t mark)
{
    for (; at < end && *at != mark; at++) {
        if (*at == '\\')
            at++;
    }
    return at < end ? at : NULL;
}

/* \1 to \9 stand for groups of the expression. */
static bool replacement_is_good(const uint8_t *at, const uint8_t *end, unsigned groups)
{
    for (; at < end; at++) {
        if (*at != '\\')
            continue;
        unsigned group = *++at - (unsigned)'0';
        if (group == 0 || (group <= 9 && group > groups))
            return false;
    }
    return true;
}

bool substitution_is_good(const uint8_t *text, size_t length)
{
    const uint8_t *end = text + length;
    const uint8_t *middle = find_mark(text + 1, end, text[0]);
    const uint8_t *last = middle != NULL ? find_mark(middle + 1, end, text[0]) : NULL;
    unsigned groups;
    if (last == NULL || memchr(text, 0, length) != NULL ||
        memchr("0123456789\\i", text[0], 12) != NULL)
        return false;
    for (const uint8_t *flag = last + 1; flag < end; flag++) {
        if (*flag != 'i')
            return false;
    }
    return expression_is_good(text + 1, middle, &groups) &&
           replacement_is_good(middle + 1, last, groups);
}
