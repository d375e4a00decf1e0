/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyd/base/fatal.h"

enum keyd_status file_read(const char *path, size_t max, char **data, size_t *size,
                           struct keyd_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return keyd_fail_errno(err, errno, "%s", path);

    enum keyd_status status = KEYD_OK;
    size_t room = 4096;
    size_t used = 0;
    char *buffer = malloc(room);
    for (;;) {
        if (buffer == NULL) {
            status = keyd_fail_errno(err, ENOMEM, "%s", path);
            break;
        }
        ssize_t n = read(fd, buffer + used, room - used - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            status = keyd_fail_errno(err, errno, "%s", path);
            break;
        }
        used += (size_t)n;
        if (used > max) {
            status = keyd_fail(err, KEYD_INVALID_ARGUMENT, "FILE_TOO_LONG",
                               "%s is longer than %zu bytes", path, max);
            break;
        }
        if (n == 0)
            break;
        if (used + 1 == room) {
            room *= 2;
            char *larger = realloc(buffer, room);
            if (larger == NULL)
                free(buffer);
            buffer = larger;
        }
    }
    close(fd);
    if (status != KEYD_OK) {
        free(buffer);
        return status;
    }
    buffer[used] = '\0';
    *data = buffer;
    *size = used;
    return KEYD_OK;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

enum keyd_status file_sync_folder_of(const char *path, struct keyd_error *err)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash == folder)
        slash[1] = '\0';
    else if (slash != NULL)
        *slash = '\0';
    int fd = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return keyd_fail_errno(err, errno, "%s", folder);
    enum keyd_status status = KEYD_OK;
    if (fsync(fd) != 0 && errno != EINVAL)
        status = keyd_fail_errno(err, errno, "%s", folder);
    close(fd);
    return status;
}

enum keyd_status file_replace(const char *path, const void *data, size_t size, mode_t mode,
                              struct keyd_error *err)
{
    char temporary[PATH_MAX];
    int n = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (n < 0 || n >= (int)sizeof temporary)
        return keyd_fail_errno(err, ENAMETOOLONG, "%s", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return keyd_fail_errno(err, errno, "%s", path);
    int pending = fatal_remove(temporary);
    bool done = write_all(fd, data, size) == 0 && fchmod(fd, mode) == 0 && fsync(fd) == 0 &&
                rename(temporary, path) == 0;
    int saved = errno;
    close(fd);
    if (!done)
        unlink(temporary);
    fatal_keep(pending);
    return done ? file_sync_folder_of(path, err) : keyd_fail_errno(err, saved, "%s", path);
}

enum keyd_status file_make_folder(const char *path, mode_t mode, struct keyd_error *err)
{
    char part[PATH_MAX];
    int n = snprintf(part, sizeof part, "%s", path);
    if (n < 0 || n >= (int)sizeof part)
        return keyd_fail_errno(err, ENAMETOOLONG, "%s", path);
    for (char *at = part + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char saved = *at;
        *at = '\0';
        bool made = mkdir(part, mode) == 0;
        if (!made && errno != EEXIST)
            return keyd_fail_errno(err, errno, "%s", part);
        enum keyd_status status = made ? file_sync_folder_of(part, err) : KEYD_OK;
        if (status != KEYD_OK)
            return status;
        *at = saved;
        if (saved == '\0')
            return KEYD_OK;
    }
}

/* Takes the last component off a path, and the slashes before it. */
static size_t parent_length(const char *path, size_t length)
{
    while (length > 0 && path[length - 1] == '/')
        length--;
    while (length > 0 && path[length - 1] != '/')
        length--;
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length;
}

/* Adds what there is nothing of to a path without links; false when it is too long. */
static bool add_rest(char real[PATH_MAX], const char *rest)
{
    size_t used = strcmp(real, "/") == 0 ? 0 : strlen(real);
    while (*(rest += strspn(rest, "/")) != '\0') {
        size_t length = strcspn(rest, "/");
        if (length == 2 && memcmp(rest, "..", 2) == 0) {
            while (used > 0 && real[--used] != '/')
                continue;
        } else if (length != 1 || rest[0] != '.') {
            if (used + 1 + length >= PATH_MAX)
                return false;
            real[used++] = '/';
            memcpy(real + used, rest, length);
            used += length;
        }
        rest += length;
    }
    real[used] = '\0';
    return true;
}

/* realpath(3) of as much as is there, and the rest. */
static bool resolve(const char *path, char real[PATH_MAX])
{
    char part[PATH_MAX];
    size_t length = strlen(path);
    if (length >= sizeof part)
        return false;
    memcpy(part, path, length + 1);
    while (realpath(length > 0 ? part : ".", real) == NULL) {
        size_t shorter = parent_length(part, length);
        if (shorter == length)
            return false;
        part[length = shorter] = '\0';
    }
    return add_rest(real, path + length);
}

bool file_is_same(const char *path, const char *other)
{
    char real[PATH_MAX];
    char real_other[PATH_MAX];
    struct stat st;
    struct stat st_other;
    if (stat(path, &st) == 0 && stat(other, &st_other) == 0)
        return st.st_dev == st_other.st_dev && st.st_ino == st_other.st_ino;
    return strcmp(path, other) == 0 ||
           (resolve(path, real) && resolve(other, real_other) && strcmp(real, real_other) == 0);
}
