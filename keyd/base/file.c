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
