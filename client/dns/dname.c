/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/dname.h"

#include <string.h>

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One character of a label, escaped or not, at text[*i]. NULL when *byte is set. */
static const char *read_character(const char *text, size_t length, size_t *i, uint8_t *byte)
{
    if (text[*i] != '\\') {
        *byte = (uint8_t)text[(*i)++];
        return NULL;
    }
    if (*i + 1 >= length)
        return "a backslash at the end";
    if (!is_digit(text[*i + 1])) {
        *byte = (uint8_t)text[*i + 1];
        *i += 2;
        return NULL;
    }
    if (*i + 3 >= length || !is_digit(text[*i + 2]) || !is_digit(text[*i + 3]))
        return "\\ and a digit must be followed by two more digits";
    int value = (text[*i + 1] - '0') * 100 + (text[*i + 2] - '0') * 10 + (text[*i + 3] - '0');
    if (value > 255)
        return "\\DDD is more than 255";
    *byte = (uint8_t)value;
    *i += 4;
    return NULL;
}

static const char *finish(struct dname *name, size_t used, const uint8_t *tail)
{
    size_t tail_length = dname_length(tail);
    if (used + tail_length > DNAME_MAX)
        return "a name of more than 255 bytes";
    memcpy(name->wire + used, tail, tail_length);
    name->length = (uint8_t)(used + tail_length);
    return NULL;
}

const char *dname_parse(const char *text, size_t length, const uint8_t *origin, struct dname *name)
{
    static const uint8_t root[1] = {0};
    if (length == 0)
        return "an empty name";
    if (length == 1 && text[0] == '.')
        return finish(name, 0, root);
    if (length == 1 && text[0] == '@' && origin != NULL)
        return finish(name, 0, origin);

    size_t label = 0; /* where the current label's length byte is */
    size_t used = 1;
    for (size_t i = 0; i < length;) {
        if (text[i] == '.') {
            if (used == label + 1)
                return "an empty label";
            name->wire[label] = (uint8_t)(used - label - 1);
            label = used++;
            i++;
            if (label >= DNAME_MAX)
                return "a name of more than 255 bytes";
            if (i == length)
                return finish(name, label, root);
            continue;
        }
        uint8_t byte;
        const char *wrong = read_character(text, length, &i, &byte);
        if (wrong != NULL)
            return wrong;
        if (used - label - 1 == LABEL_MAX)
            return "a label of more than 63 bytes";
        if (used >= DNAME_MAX)
            return "a name of more than 255 bytes";
        name->wire[used++] = byte;
    }
    name->wire[label] = (uint8_t)(used - label - 1);
    return finish(name, used, origin != NULL ? origin : root);
}

static bool is_plain(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '*' || byte == '-' || byte == '/';
}

size_t dname_format(const uint8_t *name, char text[DNAME_TEXT])
{
    char *at = text;
    if (name[0] == 0)
        *at++ = '.';
    for (; name[0] != 0; name += 1 + name[0]) {
        for (size_t i = 1; i <= name[0]; i++) {
            if (is_plain(name[i])) {
                *at++ = (char)name[i];
                continue;
            }
            *at++ = '\\';
            *at++ = (char)('0' + name[i] / 100);
            *at++ = (char)('0' + name[i] / 10 % 10);
            *at++ = (char)('0' + name[i] % 10);
        }
        *at++ = '.';
    }
    *at = '\0';
    return (size_t)(at - text);
}

const uint8_t *dname_take(struct cursor *cursor)
{
    const uint8_t *start = cursor->at;
    for (;;) {
        uint8_t length = cursor_u8(cursor);
        if (length > LABEL_MAX)
            cursor->failed = true;
        if (!cursor->failed && length == 0)
            break;
        cursor_take(cursor, length);
        if (cursor->failed)
            return NULL;
    }
    if ((size_t)(cursor->at - start) > DNAME_MAX) {
        cursor->failed = true;
        return NULL;
    }
    return start;
}

size_t dname_length(const uint8_t *name)
{
    const uint8_t *at = name;
    while (*at != 0)
        at += 1 + *at;
    return (size_t)(at - name) + 1;
}

size_t dname_labels(const uint8_t *name)
{
    size_t labels = 0;
    for (; *name != 0; name += 1 + *name)
        labels++;
    return labels;
}

bool dname_is_wildcard(const uint8_t *name)
{
    return name[0] == 1 && name[1] == '*';
}

/* Length bytes are below 'A', so one loop compares both. */
bool dname_equal(const uint8_t *a, const uint8_t *b)
{
    size_t length = dname_length(a);
    if (length != dname_length(b))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (lower(a[i]) != lower(b[i]))
            return false;
    }
    return true;
}

static const uint8_t *skip_labels(const uint8_t *name, size_t count)
{
    while (count-- > 0)
        name += 1 + *name;
    return name;
}

bool dname_is_in(const uint8_t *name, const uint8_t *apex)
{
    size_t labels = dname_labels(name);
    size_t apex_labels = dname_labels(apex);
    return labels >= apex_labels && dname_equal(skip_labels(name, labels - apex_labels), apex);
}

bool dname_lower(uint8_t *name)
{
    unsigned changed = 0;
    for (; name[0] != 0; name += 1 + name[0]) {
        for (size_t i = 1; i <= name[0]; i++) {
            uint8_t byte = lower(name[i]);
            changed |= byte ^ name[i];
            name[i] = byte;
        }
    }
    return changed != 0;
}

size_t dname_key(const uint8_t *name, size_t apex_labels, uint8_t key[DNAME_KEY_MAX])
{
    uint8_t labels[LABELS_MAX]; /* where they begin */
    size_t count = 0;
    for (size_t i = 0; name[i] != 0; i += 1U + name[i])
        labels[count++] = (uint8_t)i;

    uint8_t *at = key;
    for (size_t i = count - apex_labels; i-- > 0;) {
        const uint8_t *label = name + labels[i];
        for (size_t j = 1; j <= label[0]; j++) {
            uint8_t byte = lower(label[j]);
            if (byte <= 1) {
                *at++ = 1;
                byte++;
            }
            *at++ = byte;
        }
        *at++ = 0;
    }
    return (size_t)(at - key);
}
