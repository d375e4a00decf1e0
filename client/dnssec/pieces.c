/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A piece has the lines that begin in it. What is made of it begins with their number, so that
 * whoever plays the pieces in order knows where each one stands. */
#include "client/dnssec/pieces.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/dns/lexer.h"
#include "client/dns/zonetext.h"
#include "client/dnssec/batch.h"
#include "client/dnssec/crew.h"

#define MORE ((size_t)4096) /* bytes to read at once for the end of a piece's last line */

struct pieces {
    const char *path;
    const uint8_t *apex;
    zone_sink sink;
    void *context;
    struct progress *progress;
    int fd;
    struct stat opened;
    off_t next;     /* where the next piece begins */
    unsigned lines; /* of the pieces that were played */
    atomic_bool broken;
};

/* Reads up to `length` bytes more. False: it cannot be read. */
static bool read_more(const struct pieces *pieces, off_t at, size_t length, struct bytes *text,
                      size_t *got)
{
    uint8_t *room = bytes_room(text, length + LEXER_PADDING);
    *got = 0;
    while (room != NULL && *got < length) {
        ssize_t n = pread(pieces->fd, room + *got, length - *got, at + (off_t)*got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    bytes_used(text, *got);
    return room != NULL;
}

/* Reads a piece and the rest of its last line. The first byte is the one before the piece, where
 * there is one: it says whether a line begins with the piece. */
static bool read_piece(const struct pieces *pieces, off_t from, struct bytes *text)
{
    size_t got;
    size_t before = from > 0 ? 1 : 0;
    off_t at = from - (off_t)before;
    bytes_reset(text);
    if (!read_more(pieces, at, PIECES_SIZE + before, text, &got))
        return false;
    while (got > 0 && text->data[text->length - 1] != '\n') {
        if (text->length > ZONETEXT_ENTRY_MAX ||
            !read_more(pieces, at + (off_t)text->length, MORE, text, &got))
            return false;
        const uint8_t *added = text->data + text->length - got;
        const uint8_t *end = got > 0 ? memchr(added, '\n', got) : NULL;
        if (end != NULL)
            text->length = (size_t)(end + 1 - text->data);
    }
    memset(text->data + text->length, 0, LEXER_PADDING);
    return true;
}

static bool take_piece(void *context, void *taken)
{
    struct pieces *pieces = context;
    if (pieces->next >= pieces->opened.st_size)
        return false;
    *(off_t *)taken = pieces->next;
    pieces->next += (off_t)PIECES_SIZE;
    return true;
}

static enum keyd_status open_desk(void *context, void **desk, struct keyd_error *err)
{
    (void)context;
    *desk = calloc(1, sizeof(struct bytes));
    return *desk != NULL ? KEYD_OK : keyd_fail_errno(err, ENOMEM, "reading");
}

static void close_desk(void *context, void *desk)
{
    (void)context;
    if (desk != NULL)
        bytes_free(desk);
    free(desk);
}

static enum keyd_status pack(void *context, const struct zone_record *record,
                             struct keyd_error *err)
{
    struct bytes *out = context;
    batch_add(out, record);
    return out->failed ? keyd_fail_errno(err, ENOMEM, "reading") : KEYD_OK;
}

static unsigned count_lines(const char *at, const char *end)
{
    unsigned lines = 0;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        lines++;
        at++;
    }
    return lines;
}

/* The lines of the text that begin in the piece. */
static enum keyd_status read_lines(const struct pieces *pieces, off_t from,
                                   const struct bytes *text, struct bytes *out,
                                   struct keyd_error *err)
{
    const char *begin = (const char *)text->data;
    const char *end = begin + text->length;
    if (from > 0) {
        size_t window = text->length < PIECES_SIZE ? text->length : PIECES_SIZE;
        const char *line_end = memchr(begin, '\n', window);
        if (line_end == NULL)
            return KEYD_OK; /* a line that began before it fills the piece */
        begin = line_end + 1;
    }
    unsigned lines = count_lines(begin, end);
    bytes_add(out, &lines, sizeof lines);
    const struct zonefile_options options = {.default_ttl = ZONEFILE_NO_TTL,
                                             .bytes = begin,
                                             .length = (size_t)(end - begin),
                                             .plain = true};
    return zonefile_read_with(pieces->path, pieces->apex, &options, pack, out, err);
}

static size_t piece_size(const struct pieces *pieces, off_t from)
{
    size_t left = (size_t)(pieces->opened.st_size - from);
    return left < PIECES_SIZE ? left : PIECES_SIZE;
}

static enum keyd_status make_piece(void *context, void *desk, const void *taken, struct bytes *out,
                                   struct keyd_error *err)
{
    struct pieces *pieces = context;
    off_t from = *(const off_t *)taken;
    enum keyd_status status = read_piece(pieces, from, desk)
                                  ? read_lines(pieces, from, desk, out, err)
                                  : keyd_fail(err, KEYD_ABORTED, "PIECES", "%s", pieces->path);
    if (status != KEYD_OK)
        atomic_store(&pieces->broken, true);
    progress_add(pieces->progress, piece_size(pieces, from));
    return status;
}

static enum keyd_status play_piece(void *context, const void *data, size_t length,
                                   struct keyd_error *err)
{
    struct pieces *pieces = context;
    unsigned lines;
    if (length == 0)
        return KEYD_OK; /* no line begins in it */
    memcpy(&lines, data, sizeof lines);
    enum keyd_status status =
        batch_play((const uint8_t *)data + sizeof lines, length - sizeof lines, pieces->lines,
                   pieces->sink, pieces->context, err);
    pieces->lines += lines;
    return status;
}

static bool is_unchanged(const struct pieces *pieces)
{
    struct stat now;
    return fstat(pieces->fd, &now) == 0 && now.st_size == pieces->opened.st_size &&
           now.st_mtim.tv_sec == pieces->opened.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == pieces->opened.st_mtim.tv_nsec;
}

/* One that begins with a mark is refused by whoever reads it otherwise. */
static bool has_mark(const struct pieces *pieces)
{
    char first = 0;
    return pread(pieces->fd, &first, 1, 0) != 1 || first == '\xef';
}

enum keyd_status pieces_read(const char *path, const uint8_t *apex, unsigned threads,
                             struct progress *progress, zone_sink sink, void *context, bool *whole,
                             struct keyd_error *err)
{
    struct pieces pieces = {
        .path = path, .apex = apex, .sink = sink, .context = context, .progress = progress};
    const struct crew crew = {.threads = threads,
                              .part_size = sizeof(off_t),
                              .context = &pieces,
                              .take = take_piece,
                              .open = open_desk,
                              .close = close_desk,
                              .make = make_piece,
                              .write = play_piece};
    *whole = false;
    if (stat(path, &pieces.opened) == 0 && !S_ISREG(pieces.opened.st_mode))
        return KEYD_OK; /* whoever writes to a pipe sees it opened once, by the one that reads it */
    pieces.fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (pieces.fd < 0)
        return keyd_fail_errno(err, errno, "%s", path);
    enum keyd_status status = KEYD_OK;
    if (fstat(pieces.fd, &pieces.opened) == 0 && S_ISREG(pieces.opened.st_mode) &&
        !has_mark(&pieces)) {
        progress_expect(progress, (size_t)pieces.opened.st_size);
        status = crew_run(&crew, err);
        *whole = !atomic_load(&pieces.broken) && is_unchanged(&pieces);
    }
    close(pieces.fd);
    return status;
}
