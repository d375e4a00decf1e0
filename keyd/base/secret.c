/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyd/base/clock.h"

struct keyd_secret *keyd_secret_new(size_t size)
{
    struct keyd_secret *secret = calloc(1, sizeof *secret);
    if (secret == NULL)
        return NULL;
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        free(secret);
        return NULL;
    }
    if (mlock(pages, size) != 0 || madvise(pages, size, MADV_DONTDUMP) != 0 ||
        madvise(pages, size, MADV_WIPEONFORK) != 0) {
        int saved = errno;
        munmap(pages, size);
        free(secret);
        errno = saved;
        return NULL;
    }
    secret->data = pages;
    secret->size = size;
    return secret;
}

void keyd_secret_free(struct keyd_secret *secret)
{
    if (secret == NULL)
        return;
    OPENSSL_cleanse(secret->data, secret->size);
    munmap(secret->data, secret->size);
    free(secret);
}

/* Who may be able to read a file that holds a secret. */
enum guard { GUARD_OWNER, GUARD_CREDENTIAL };

static bool is_guarded(const struct stat *st, enum guard guard)
{
    if ((st->st_mode & 077) == 0 || st->st_nlink == 0)
        return true;
    return guard == GUARD_CREDENTIAL && st->st_uid == 0 && (st->st_mode & 0277) == 0040;
}

static enum keyd_status fail_mode(const struct stat *st, const char *name, enum guard guard,
                                  struct keyd_error *err)
{
    bool read = (st->st_mode & 044) != 0;
    bool write = (st->st_mode & 022) != 0;
    const char *what = read && write ? "so others can read and write it"
                       : read        ? "so others can read it"
                       : write       ? "so others can write it"
                                     : "so others can run it";
    return keyd_fail(err, KEYD_FAILED_PRECONDITION, "SECRET_FILE_MODE", "%s has mode %04o, %s: %s",
                     name, (unsigned)(st->st_mode & 07777), what,
                     guard == GUARD_OWNER ? "make it 0600"
                                          : "a credential has mode 0400, or is root's with 0440");
}

static enum keyd_status check_file(const struct stat *st, const char *name, enum guard guard,
                                   size_t max, struct keyd_error *err)
{
    if (!S_ISREG(st->st_mode))
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "SECRET_FILE_MODE",
                         "%s is not a regular file", name);
    if (!is_guarded(st, guard))
        return fail_mode(st, name, guard, err);
    if (st->st_uid != geteuid() && st->st_uid != 0)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "SECRET_FILE_OWNER",
                         "%s belongs to uid %u, who can read and change it: make it uid %u's", name,
                         (unsigned)st->st_uid, (unsigned)geteuid());
    if (st->st_size == 0)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "SECRET_FILE_EMPTY", "%s is empty", name);
    if ((size_t)st->st_size > max + 2)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "SECRET_FILE_LONG",
                         "%s has %lld bytes, at most %zu are taken", name, (long long)st->st_size,
                         max);
    return KEYD_OK;
}

/* What is read, and how. */
struct source {
    int fd;
    const char *name;
    bool is_file;
    int64_t until_ns; /* where it is no file */
};

/* Whether there is something to read, the end of all included, before the time is over. */
static bool await(const struct source *source)
{
    struct pollfd event = {.fd = source->fd, .events = POLLIN};
    for (;;) {
        int64_t left_ms = (source->until_ns - clock_monotonic_ns()) / 1000000;
        int ready = poll(&event, 1, left_ms > 0 ? (int)left_ms : 0);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return true; /* read says what it is */
        if (left_ms <= 0)
            return false;
    }
}

static enum keyd_status fill(const struct source *source, struct keyd_secret *secret,
                             struct keyd_error *err)
{
    while (secret->length < secret->size) {
        unsigned char *at = secret->data + secret->length;
        size_t room = secret->size - secret->length;
        if (!source->is_file && !await(source))
            return keyd_fail(err, KEYD_DEADLINE_EXCEEDED, "SECRET_LATE",
                             "%s has not come to its end: its writer must close it", source->name);
        ssize_t n = source->is_file ? pread(source->fd, at, room, (off_t)secret->length)
                                    : read(source->fd, at, room);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return keyd_fail_errno(err, errno, "%s", source->name);
        if (n == 0)
            break;
        secret->length += (size_t)n;
    }
    return KEYD_OK;
}

static void drop_line_end(struct keyd_secret *secret)
{
    if (secret->length > 0 && secret->data[secret->length - 1] == '\n')
        secret->data[--secret->length] = 0;
    if (secret->length > 0 && secret->data[secret->length - 1] == '\r')
        secret->data[--secret->length] = 0;
}

static enum keyd_status read_source(const struct source *source, size_t max,
                                    struct keyd_secret **secret, struct keyd_error *err)
{
    struct keyd_secret *made = keyd_secret_new(max + 2); /* room for CR LF */
    if (made == NULL)
        return keyd_fail_errno(err, errno, "no locked memory for %s (see LimitMEMLOCK=)",
                               source->name);
    enum keyd_status status = fill(source, made, err);
    drop_line_end(made);
    if (status == KEYD_OK && (made->length == 0 || made->length > max))
        status = keyd_fail(err, KEYD_INVALID_ARGUMENT, "SECRET_FILE_LENGTH",
                           "%s must hold 1 to %zu bytes", source->name, max);
    if (status != KEYD_OK) {
        keyd_secret_free(made);
        return status;
    }
    *secret = made;
    return KEYD_OK;
}

static enum keyd_status read_path(const char *path, enum guard guard, size_t max,
                                  struct keyd_secret **secret, struct keyd_error *err)
{
    struct stat st;
    struct source source = {.name = path, .is_file = true};
    source.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (source.fd < 0)
        return keyd_fail_errno(err, errno, "%s", path);
    enum keyd_status status = fstat(source.fd, &st) == 0 ? check_file(&st, path, guard, max, err)
                                                         : keyd_fail_errno(err, errno, "%s", path);
    if (status == KEYD_OK)
        status = read_source(&source, max, secret, err);
    close(source.fd);
    return status;
}

enum keyd_status keyd_secret_read(const char *path, size_t max, struct keyd_secret **secret,
                                  struct keyd_error *err)
{
    return read_path(path, GUARD_OWNER, max, secret, err);
}

enum keyd_status keyd_secret_read_credential(const char *path, size_t max,
                                             struct keyd_secret **secret, struct keyd_error *err)
{
    return read_path(path, GUARD_CREDENTIAL, max, secret, err);
}

enum keyd_status keyd_secret_take(int fd, const char *name, size_t max, int limit_ms,
                                  struct keyd_secret **secret, struct keyd_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return keyd_fail_errno(err, errno, "%s", name);
    struct source source = {.fd = fd,
                            .name = name,
                            .is_file = S_ISREG(st.st_mode),
                            .until_ns = clock_monotonic_ns() + (int64_t)limit_ms * 1000000};
    if (!source.is_file && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode))
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "SECRET_FILE_MODE",
                         "%s is neither a pipe nor a socket nor a regular file", name);
    enum keyd_status status =
        source.is_file ? check_file(&st, name, GUARD_OWNER, max, err) : KEYD_OK;
    return status == KEYD_OK ? read_source(&source, max, secret, err) : status;
}
