/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/encode.h"
#include "keyd/base/file.h"
#include "keyd/base/log.h"

#define FORMAT_VERSION 1
#define HASH_SIZE      32
#define TYPE_OPENED    "journal.opened"

struct journal {
    char *path;
    int fd;
    char *token;                    /* NULL: no record yet */
    json_int_t seq;                 /* of the last record; 0: none */
    char prev[HEX_TEXT(HASH_SIZE)]; /* what the next record's `prev` must be */
    off_t size;                     /* bytes of whole records */
};

/* What the record after this line has as its `prev`. */
static enum keyd_status hash_line(const void *line, size_t length, char text[HEX_TEXT(HASH_SIZE)],
                                  struct keyd_error *err)
{
    unsigned char hash[HASH_SIZE];
    if (EVP_Digest(line, length, hash, NULL, EVP_sha256(), NULL) != 1)
        return keyd_fail_openssl(err, "SHA-256 of a journal's line");
    hex_encode(hash, sizeof hash, text);
    return KEYD_OK;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* What is wrong with a line; refuse says where, and what to do. */
static enum keyd_status broken(struct keyd_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static enum keyd_status broken(struct keyd_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    keyd_vfail(err, KEYD_DATA_LOSS, REASON_JOURNAL_BROKEN, format, args);
    va_end(args);
    return KEYD_DATA_LOSS;
}

static enum keyd_status check_header(struct journal *journal, const json_t *record,
                                     struct keyd_error *err)
{
    const json_t *version = json_object_get(record, "v");
    const char *token = json_string_value(json_object_get(record, "token"));
    const char *prev = json_string_value(json_object_get(record, "prev"));
    const char *type = json_string_value(json_object_get(record, "type"));
    const char *time = json_string_value(json_object_get(record, "time"));
    int64_t ms;
    if (!json_is_integer(version))
        return broken(err, "the line is no record of a journal");
    if (json_integer_value(version) != FORMAT_VERSION)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_JOURNAL_NEWER,
                         "the record has format version %" JSON_INTEGER_FORMAT
                         "; this keyd-hsm knows %d: the journal is from a newer version",
                         json_integer_value(version), FORMAT_VERSION);
    if (token == NULL || prev == NULL || type == NULL || time == NULL || !clock_parse(time, &ms))
        return broken(err, "a field that every record has is missing or no good");
    if (json_integer_value(json_object_get(record, "seq")) != journal->seq + 1)
        return broken(err, "the record's number is not %" JSON_INTEGER_FORMAT, journal->seq + 1);
    if (strcmp(prev, journal->prev) != 0)
        return broken(err, "the chain is broken: a record before this one was changed or is gone");
    if (journal->token != NULL && strcmp(token, journal->token) != 0)
        return broken(err, "the record is about another token (%s, not %s)", token, journal->token);
    if ((strcmp(type, TYPE_OPENED) == 0) != (journal->seq == 0))
        return broken(err, "the record %s stands where it cannot", type);
    return KEYD_OK;
}

static enum keyd_status take_line(struct journal *journal, const char *line, size_t length,
                                  journal_visitor visit, void *context, struct keyd_error *err)
{
    json_t *record = json_loadb(line, length - 1, JSON_REJECT_DUPLICATES, NULL);
    enum keyd_status status = json_is_object(record)
                                  ? check_header(journal, record, err)
                                  : broken(err, "the line is no record of a journal");
    if (status == KEYD_OK && journal->seq > 0)
        status = visit(context, record, err);
    if (status == KEYD_OK && journal->token == NULL) {
        journal->token = strdup(json_string_value(json_object_get(record, "token")));
        if (journal->token == NULL)
            status = keyd_fail_errno(err, ENOMEM, "a record");
    }
    if (status == KEYD_OK)
        status = hash_line(line, length, journal->prev, err);
    if (status == KEYD_OK) {
        journal->seq++;
        journal->size += (off_t)length;
    }
    json_decref(record);
    return status;
}

/* Cuts a last line that was never written whole, and so never acknowledged. */
static enum keyd_status cut_tail(struct journal *journal, size_t length, struct keyd_error *err)
{
    log_warning("%s: the last line was never written whole: its %zu bytes are cut off",
                journal->path, length);
    if (ftruncate(journal->fd, journal->size) != 0 || fdatasync(journal->fd) != 0)
        return keyd_fail_errno(err, errno, "%s: the torn last line cannot be cut off",
                               journal->path);
    return KEYD_OK;
}

static enum keyd_status replay(struct journal *journal, FILE *stream, journal_visitor visit,
                               void *context, struct keyd_error *err)
{
    char *line = malloc(JOURNAL_LINE_MAX);
    enum keyd_status status = line != NULL ? KEYD_OK : keyd_fail_errno(err, ENOMEM, "the journal");
    while (status == KEYD_OK) {
        size_t length = 0;
        int c = EOF;
        while (length < JOURNAL_LINE_MAX && (c = getc_unlocked(stream)) != EOF) {
            line[length++] = (char)c;
            if (c == '\n')
                break;
        }
        if (ferror(stream)) {
            status = keyd_fail_errno(err, errno, "it cannot be read");
        } else if (length == 0) {
            break;
        } else if (line[length - 1] == '\n') {
            status = take_line(journal, line, length, visit, context, err);
        } else if (length < JOURNAL_LINE_MAX) {
            status = cut_tail(journal, length, err);
            break;
        } else {
            status = broken(err, "the line is longer than %d bytes", JOURNAL_LINE_MAX);
        }
    }
    free(line);
    return status;
}

/* What all refusals of a journal begin and end with. */
static enum keyd_status refuse(const struct journal *journal, const struct keyd_error *why,
                               struct keyd_error *err)
{
    const char *next = ". See to the journal's disk; keyd-hsm tries again";
    if (strcmp(why->reason, REASON_JOURNAL_BROKEN) == 0)
        next = ". The file is left as it is. Put back the last good copy of it and start keyd-hsm "
               "again; without a copy, move it away and start once with --new-journal: the keys "
               "then stay on the token, unmanaged";
    else if (strcmp(why->reason, REASON_JOURNAL_NEWER) == 0)
        next = ". Start the version of keyd-hsm that wrote it";
    return keyd_fail(err, why->status, why->reason, "%s:%lld: %.500s%s", journal->path,
                     (long long)journal->seq + 1, why->message, next);
}

static enum keyd_status read_all(struct journal *journal, journal_visitor visit, void *context,
                                 struct keyd_error *err)
{
    int fd = fcntl(journal->fd, F_DUPFD_CLOEXEC, 0);
    FILE *stream = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (stream == NULL) {
        int errnum = errno;
        if (fd >= 0)
            close(fd);
        return keyd_fail_errno(err, errnum, "%s", journal->path);
    }
    struct keyd_error failure;
    enum keyd_status status = replay(journal, stream, visit, context, &failure);
    fclose(stream);
    return status == KEYD_OK ? KEYD_OK : refuse(journal, &failure, err);
}

/* What is there instead of a journal, or why none can be. A file that is none is not waited for. */
static enum keyd_status fail_to_open(const struct journal *journal, int errnum,
                                     struct keyd_error *err)
{
    struct keyd_error failure;
    if (errnum == EISDIR || errnum == ENXIO)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_JOURNAL_ODD,
                         "%s is no regular file. Put the journal in its place, from its copy if "
                         "need be, and start keyd-hsm again",
                         journal->path);
    if (errnum == ELOOP)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_JOURNAL_ODD,
                         "%s is a symbolic link, and keyd-hsm follows none there. Put the journal "
                         "itself in its place, or name the folder that has it as `state_folder`, "
                         "and start keyd-hsm again",
                         journal->path);
    enum keyd_status status = keyd_fail_errno(&failure, errnum, "%s", journal->path);
    return keyd_fail(err, status, failure.reason,
                     "%s. See to the journal's and its folder's owner, mode and disk; keyd-hsm "
                     "tries again",
                     failure.message);
}

static enum keyd_status open_locked(struct journal *journal, struct keyd_error *err)
{
    struct stat st;
    journal->fd = open(journal->path,
                       O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (journal->fd < 0)
        return fail_to_open(journal, errno, err);
    if (fstat(journal->fd, &st) != 0)
        return keyd_fail_errno(err, errno, "%s", journal->path);
    if (!S_ISREG(st.st_mode))
        return fail_to_open(journal, EISDIR, err);
    if (flock(journal->fd, LOCK_EX | LOCK_NB) == 0)
        return file_sync_folder_of(journal->path, err);
    if (errno != EWOULDBLOCK)
        return keyd_fail_errno(err, errno, "%s: flock", journal->path);
    return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_JOURNAL_LOCKED,
                     "%s is held by another keyd-hsm: one process serves one token. End the other "
                     "one, or give each a `state_folder` of its own",
                     journal->path);
}

enum keyd_status journal_open(const char *path, journal_visitor visit, void *context,
                              struct journal **journal, struct keyd_error *err)
{
    static const unsigned char nothing[HASH_SIZE];
    struct journal *made = calloc(1, sizeof *made);
    if (made == NULL)
        return keyd_fail_errno(err, ENOMEM, "%s", path);
    made->fd = -1;
    made->path = strdup(path);
    enum keyd_status status =
        made->path != NULL ? KEYD_OK : keyd_fail_errno(err, ENOMEM, "%s", path);
    if (status == KEYD_OK)
        status = hash_line(nothing, sizeof nothing, made->prev, err);
    if (status == KEYD_OK)
        status = open_locked(made, err);
    if (status == KEYD_OK)
        status = read_all(made, visit, context, err);
    if (status == KEYD_OK) {
        *journal = made;
        made = NULL;
    }
    journal_close(made);
    return status;
}

void journal_close(struct journal *journal)
{
    if (journal == NULL)
        return;
    if (journal->fd >= 0)
        close(journal->fd);
    free(journal->path);
    free(journal->token);
    free(journal);
}

const char *journal_token(const struct journal *journal)
{
    return journal->token;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* The record as a line with its line feed, *owned*; NULL when there is no memory. */
static char *compose(const json_t *record, size_t *length)
{
    char *text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
    char *line = text != NULL ? realloc(text, strlen(text) + 2) : NULL;
    if (line == NULL) {
        free(text);
        return NULL;
    }
    *length = strlen(line) + 1;
    line[*length - 1] = '\n';
    line[*length] = '\0';
    return line;
}

static int write_whole(int fd, const char *line, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, line, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        line += n;
        length -= (size_t)n;
    }
    return fdatasync(fd) == 0 ? 0 : errno;
}

/* Takes back what was written of a record. A file that cannot be brought to a known state is left
 * to the next start, which cuts a torn line off. */
static void take_back(const struct journal *journal)
{
    if (ftruncate(journal->fd, journal->size) == 0 && fdatasync(journal->fd) == 0)
        return;
    log_error("%s: a record could neither be written nor taken back (%s): keyd-hsm ends, to be "
              "started afresh",
              journal->path, strerrordesc_np(errno));
    _exit(1);
}

/* A journal that was replaced, removed or written to behind our back would swallow the record. */
static enum keyd_status check_untouched(const struct journal *journal, struct keyd_error *err)
{
    struct stat held;
    struct stat there;
    if (fstat(journal->fd, &held) != 0)
        return keyd_fail_errno(err, errno, "%s", journal->path);
    if (stat(journal->path, &there) == 0 && there.st_ino == held.st_ino &&
        there.st_dev == held.st_dev && held.st_size == journal->size)
        return KEYD_OK;
    return keyd_fail(err, KEYD_DATA_LOSS, REASON_JOURNAL_TOUCHED,
                     "%s was replaced, removed or written to while keyd-hsm used it: nothing is "
                     "recorded. Put it back as it was, and start keyd-hsm again",
                     journal->path);
}

static enum keyd_status fail_to_write(const struct journal *journal, int errnum,
                                      struct keyd_error *err)
{
    struct keyd_error failure;
    enum keyd_status status =
        keyd_fail_errno(&failure, errnum, "%s cannot be written", journal->path);
    return keyd_fail(err, status, failure.reason, "%s. See to its folder and disk",
                     failure.message);
}

/* All that can fail comes before the line is on disk: then the journal in memory follows it. */
static enum keyd_status write_line(struct journal *journal, const char *line, size_t length,
                                   struct keyd_error *err)
{
    char hash[HEX_TEXT(HASH_SIZE)];
    if (length > JOURNAL_LINE_MAX)
        return keyd_fail(err, KEYD_INTERNAL, NULL, "a record of %zu bytes does not fit a line",
                         length);
    enum keyd_status status = hash_line(line, length, hash, err);
    if (status == KEYD_OK)
        status = check_untouched(journal, err);
    if (status != KEYD_OK)
        return status;
    int errnum = write_whole(journal->fd, line, length);
    if (errnum != 0) {
        take_back(journal);
        if (errnum != ENOSPC && errnum != EDQUOT && errnum != EFBIG)
            return fail_to_write(journal, errnum, err);
        return keyd_fail(err, KEYD_RESOURCE_EXHAUSTED, "JOURNAL_FULL",
                         "%s cannot be written: %s. Make room on that disk", journal->path,
                         strerrordesc_np(errnum));
    }
    memcpy(journal->prev, hash, sizeof hash);
    journal->size += (off_t)length;
    journal->seq++;
    return KEYD_OK;
}

static json_t *with_header(const struct journal *journal, const char *token, const char *type,
                           json_t *fields)
{
    char time[CLOCK_TEXT_MAX];
    clock_format(clock_now(), time);
    json_t *header =
        json_pack("{s:i,s:I,s:s,s:s,s:s,s:s}", "v", FORMAT_VERSION, "seq", journal->seq + 1, "time",
                  time, "token", token, "prev", journal->prev, "type", type);
    if (header == NULL || fields == NULL || json_object_update(header, fields) != 0) {
        json_decref(header);
        header = NULL;
    }
    json_decref(fields);
    return header;
}

static enum keyd_status append(struct journal *journal, const char *token, const char *type,
                               json_t *fields, json_t **record, struct keyd_error *err)
{
    json_t *made = with_header(journal, token, type, fields);
    size_t length = 0;
    char *line = made != NULL ? compose(made, &length) : NULL;
    enum keyd_status status =
        line != NULL ? write_line(journal, line, length, err)
                     : keyd_fail(err, KEYD_INTERNAL, NULL, "a %s record cannot be composed", type);
    free(line);
    if (status == KEYD_OK && record != NULL)
        *record = json_incref(made);
    json_decref(made);
    return status;
}

enum keyd_status journal_begin(struct journal *journal, const char *token, struct keyd_error *err)
{
    char *copy = strdup(token);
    if (copy == NULL)
        return keyd_fail_errno(err, ENOMEM, "%s", journal->path);
    enum keyd_status status =
        append(journal, token, TYPE_OPENED, json_pack("{s:s}", "keyd", KEYD_VERSION), NULL, err);
    if (status == KEYD_OK)
        journal->token = copy;
    else
        free(copy);
    return status;
}

enum keyd_status journal_append(struct journal *journal, const char *type, json_t *fields,
                                json_t **record, struct keyd_error *err)
{
    return append(journal, journal->token, type, fields, record, err);
}
