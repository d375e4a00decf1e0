/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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

static enum keyd_status check_file(int fd, const char *path, size_t max, struct keyd_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return keyd_fail_errno(err, errno, "%s", path);
    if (!S_ISREG(st.st_mode))
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "SECRET_FILE_MODE",
                         "%s is not a regular file", path);
    if ((st.st_mode & 077) != 0)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "SECRET_FILE_MODE",
                         "%s has mode %04o, so others can read it: make it 0600", path,
                         (unsigned)(st.st_mode & 07777));
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "SECRET_FILE_OWNER",
                         "%s belongs to uid %u, who can read and change it: make it uid %u's", path,
                         (unsigned)st.st_uid, (unsigned)geteuid());
    if (st.st_size == 0)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "SECRET_FILE_EMPTY", "%s is empty", path);
    if ((size_t)st.st_size > max + 2)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "SECRET_FILE_LONG",
                         "%s has %lld bytes, at most %zu are taken", path, (long long)st.st_size,
                         max);
    return KEYD_OK;
}

static enum keyd_status fill(int fd, const char *path, struct keyd_secret *secret,
                             struct keyd_error *err)
{
    while (secret->length < secret->size) {
        ssize_t n = read(fd, secret->data + secret->length, secret->size - secret->length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return keyd_fail_errno(err, errno, "%s", path);
        if (n == 0)
            break;
        secret->length += (size_t)n;
    }
    if (secret->length > 0 && secret->data[secret->length - 1] == '\n')
        secret->data[--secret->length] = 0;
    if (secret->length > 0 && secret->data[secret->length - 1] == '\r')
        secret->data[--secret->length] = 0;
    return KEYD_OK;
}

enum keyd_status keyd_secret_read(const char *path, size_t max, struct keyd_secret **secret,
                                  struct keyd_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return keyd_fail_errno(err, errno, "%s", path);

    struct keyd_secret *made = NULL;
    enum keyd_status status = check_file(fd, path, max, err);
    if (status != KEYD_OK)
        goto out;
    made = keyd_secret_new(max + 2); /* room for CR LF */
    if (made == NULL) {
        status = keyd_fail_errno(err, errno, "no locked memory for %s (see LimitMEMLOCK=)", path);
        goto out;
    }
    status = fill(fd, path, made, err);
    if (status == KEYD_OK && (made->length == 0 || made->length > max))
        status = keyd_fail(err, KEYD_INVALID_ARGUMENT, "SECRET_FILE_LENGTH",
                           "%s must hold 1 to %zu bytes", path, max);
    if (status == KEYD_OK) {
        *secret = made;
        made = NULL;
    }
out:
    keyd_secret_free(made);
    close(fd);
    return status;
}
