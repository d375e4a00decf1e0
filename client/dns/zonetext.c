/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/zonetext.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/dns/lexer.h"
#include "client/dns/place.h"

#define WINDOW ((size_t)64 * 1024) /* bytes to begin with: it stays in the processor's cache */

struct zonetext {
    char *path; /* "" for a descriptor */
    char *name; /* for messages */
    int fd;
    bool own_fd;
    struct stat opened;
    off_t wanted; /* bytes that a regular file had left when it was opened */
    off_t taken;  /* bytes read */
    struct progress *progress;
    char *buffer;
    size_t size; /* bytes of the buffer without the padding at its end */
    struct lexer lexer;
};

/* The line and column of a byte of the window. */
static void locate(const struct lexer *lexer, const char *at, unsigned *line, unsigned *column)
{
    const char *line_start = lexer->start;
    *line = lexer->start_line;
    for (const char *c = lexer->start; c < at; c++) {
        if (*c == '\n') {
            ++*line;
            line_start = c + 1;
        }
    }
    *column = (unsigned)(at - line_start) + 1;
}

enum keyd_status zonetext_fail(const struct zonetext *text, const char *at, struct keyd_error *err,
                               const char *format, ...)
{
    char what[KEYD_MESSAGE_MAX];
    const struct lexer *lexer = &text->lexer;
    const struct place_file file = {.name = text->name};
    struct place place = {.file = &file};
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if ((uintptr_t)at < (uintptr_t)lexer->start || (uintptr_t)at > (uintptr_t)lexer->end)
        at = lexer->count > 0 ? lexer->tokens[0].text : lexer->start;
    locate(lexer, at, &place.line, &place.column);
    return place_fail(&place, err, KEYD_INVALID_ARGUMENT, "ZONE_FILE", "%s", what);
}

/* What a regular file says of itself is compared when it has been read. */
static enum keyd_status look(struct zonetext *text, struct keyd_error *err)
{
    if (fstat(text->fd, &text->opened) != 0)
        return keyd_fail_errno(err, errno, "%s", text->name);
    if (S_ISDIR(text->opened.st_mode))
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "ZONE_FILE",
                         "%s is a folder: name the zone file in it", text->name);
    off_t at = S_ISREG(text->opened.st_mode) ? lseek(text->fd, 0, SEEK_CUR) : 0;
    text->wanted = text->opened.st_size - at;
    return KEYD_OK;
}

static enum keyd_status open_text(int fd, const char *path, const char *name,
                                  struct zonetext **text, struct keyd_error *err)
{
    bool own_fd = *path != '\0';
    struct zonetext *made = calloc(1, sizeof *made);
    if (made == NULL) {
        if (own_fd)
            close(fd);
        return keyd_fail_errno(err, ENOMEM, "%s", name);
    }
    made->fd = fd;
    made->own_fd = own_fd;
    made->size = WINDOW;
    made->path = strdup(path);
    made->name = place_name(name);
    made->buffer = calloc(1, WINDOW + LEXER_PADDING);
    bool complete = made->path != NULL && made->name != NULL && made->buffer != NULL;
    enum keyd_status status = complete ? look(made, err) : keyd_fail_errno(err, ENOMEM, "%s", name);
    if (status != KEYD_OK) {
        zonetext_close(made);
        return status;
    }
    made->lexer = (struct lexer){.at = made->buffer, .end = made->buffer, .line = 1};
    *text = made;
    return KEYD_OK;
}

static enum keyd_status cannot_open(const char *path, int errnum, struct keyd_error *err)
{
    char *name = place_name(path);
    enum keyd_status status = keyd_fail_errno(err, errnum, "%s", name != NULL ? name : "a file");
    free(name);
    return status;
}

enum keyd_status zonetext_open(const char *path, struct zonetext **text, struct keyd_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return cannot_open(path, errno, err);
    return open_text(fd, path, path, text, err);
}

enum keyd_status zonetext_open_fd(int fd, const char *name, struct zonetext **text,
                                  struct keyd_error *err)
{
    return open_text(fd, "", name, text, err);
}

enum keyd_status zonetext_open_bytes(const char *bytes, size_t length, const char *name,
                                     struct zonetext **text, struct keyd_error *err)
{
    struct zonetext *made = calloc(1, sizeof *made);
    if (made == NULL)
        return keyd_fail_errno(err, ENOMEM, "%s", name);
    made->fd = -1;
    made->path = strdup("");
    made->name = place_name(name);
    if (made->path == NULL || made->name == NULL) {
        zonetext_close(made);
        return keyd_fail_errno(err, ENOMEM, "%s", name);
    }
    made->lexer =
        (struct lexer){.at = bytes, .start = bytes, .end = bytes + length, .last = true, .line = 1};
    *text = made;
    return KEYD_OK;
}

void zonetext_close(struct zonetext *text)
{
    if (text == NULL)
        return;
    if (text->own_fd)
        close(text->fd);
    lexer_free(&text->lexer);
    free(text->buffer);
    free(text->name);
    free(text->path);
    free(text);
}

void zonetext_watch(struct zonetext *text, struct progress *progress)
{
    text->progress = progress;
    if (S_ISREG(text->opened.st_mode) && text->wanted > 0)
        progress_expect(progress, (size_t)text->wanted);
}

const char *zonetext_name(const struct zonetext *text)
{
    return text->name;
}

const char *zonetext_path(const struct zonetext *text)
{
    return text->path;
}

const struct stat *zonetext_stat(const struct zonetext *text)
{
    return &text->opened;
}

static enum keyd_status changed(const struct zonetext *text, const char *how,
                                struct keyd_error *err)
{
    return keyd_fail(err, KEYD_ABORTED, "ZONE_FILE_CHANGED",
                     "%s %s while it was read: try again; write a new file beside it and rename it",
                     text->name, how);
}

static enum keyd_status check_unchanged(const struct zonetext *text, struct keyd_error *err)
{
    struct stat now;
    if (!S_ISREG(text->opened.st_mode))
        return KEYD_OK;
    if (fstat(text->fd, &now) != 0)
        return keyd_fail_errno(err, errno, "%s", text->name);
    if (text->taken < text->wanted)
        return changed(text, "became shorter", err);
    if (text->taken > text->wanted)
        return changed(text, "became longer", err);
    if (now.st_size != text->opened.st_size || now.st_mtim.tv_sec != text->opened.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != text->opened.st_mtim.tv_nsec)
        return changed(text, "was written to", err);
    return KEYD_OK;
}

/* Moves what is not read yet to the buffer's beginning; makes the buffer larger when that is all of
 * it. */
static enum keyd_status make_room(struct zonetext *text, struct keyd_error *err)
{
    struct lexer *lexer = &text->lexer;
    size_t kept = (size_t)(lexer->end - lexer->at);
    memmove(text->buffer, lexer->at, kept);
    if (kept == text->size) {
        if (text->size >= ZONETEXT_ENTRY_MAX)
            return zonetext_fail(text, lexer->at, err,
                                 "a record of more than %zu bytes: is a parenthesis not closed?",
                                 ZONETEXT_ENTRY_MAX);
        char *buffer = realloc(text->buffer, text->size * 2 + LEXER_PADDING);
        if (buffer == NULL)
            return keyd_fail_errno(err, ENOMEM, "%s", text->name);
        text->buffer = buffer;
        text->size *= 2;
    }
    lexer->at = lexer->start = text->buffer;
    lexer->end = text->buffer + kept;
    return KEYD_OK;
}

static enum keyd_status fill(struct zonetext *text, struct keyd_error *err)
{
    enum keyd_status status = make_room(text, err);
    size_t used = (size_t)(text->lexer.end - text->buffer);
    while (status == KEYD_OK && used < text->size && !text->lexer.last) {
        ssize_t n = read(text->fd, text->buffer + used, text->size - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return keyd_fail_errno(err, errno, "%s", text->name);
        text->lexer.last = n == 0;
        text->taken += n;
        progress_add(text->progress, (size_t)n);
        used += (size_t)n;
        if (n == 0)
            status = check_unchanged(text, err);
    }
    memset(text->buffer + used, 0, LEXER_PADDING);
    text->lexer.end = text->buffer + used;
    return status;
}

/* Editors of another system put it there, and it would become part of the first name. */
static enum keyd_status refuse_mark(const struct zonetext *text, struct keyd_error *err)
{
    if (strncmp(text->buffer, "\xef\xbb\xbf", 3) == 0)
        return zonetext_fail(text, text->buffer, err,
                             "the text begins with a byte order mark: save it without");
    return KEYD_OK;
}

/* Of the first token, or of the quote before it. */
static unsigned column_of_first(const struct lexer *lexer)
{
    unsigned line;
    unsigned column;
    const struct token *token = &lexer->tokens[0];
    const char *at = token->text - (token->quoted ? 1 : 0);
    if (lexer->first_line == lexer->start_line)
        return (unsigned)(at - lexer->start) + 1;
    locate(lexer, at, &line, &column);
    return column;
}

enum keyd_status zonetext_next(struct zonetext *text, struct entry *entry, bool *more,
                               struct keyd_error *err)
{
    struct lexer *lexer = &text->lexer;
    enum lexer_result result = lexer_next(lexer);
    while (result == LEXER_MORE) {
        bool first = text->taken == 0;
        enum keyd_status status = fill(text, err);
        if (status == KEYD_OK && first)
            status = refuse_mark(text, err);
        if (status != KEYD_OK)
            return status;
        result = lexer_next(lexer);
    }
    if (result == LEXER_WRONG)
        return zonetext_fail(text, lexer->wrong_at, err, "%s", lexer->why);
    if (result == LEXER_NO_MEMORY)
        return keyd_fail_errno(err, ENOMEM, "%s", text->name);
    *more = result == LEXER_ENTRY;
    *entry = (struct entry){.tokens = lexer->tokens,
                            .count = lexer->count,
                            .line = lexer->first_line,
                            .column = *more ? column_of_first(lexer) : 0,
                            .blank_owner = lexer->blank_owner};
    return KEYD_OK;
}
