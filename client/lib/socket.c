/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/lib/socket.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/lib/keyd.h"

#define IS_IT_RUNNING "is it running? systemctl status keyd"

static enum keyd_status fail_missing(const char *path, enum keyd_status status,
                                     struct keyd_error *err)
{
    return keyd_fail(err, status, "SOCKET_MISSING",
                     "keyd does not answer on %s: there is no such socket; " IS_IT_RUNNING, path);
}

static enum keyd_status fail_permission(const char *path, struct keyd_error *err)
{
    return keyd_fail(err, KEYD_PERMISSION_DENIED, "SOCKET_PERMISSION",
                     "%s: this process, uid %u, may not connect: give it write permission on the "
                     "socket and search permission on the folders above it, as by keyd's group",
                     path, (unsigned)geteuid());
}

static enum keyd_status make_absolute(const char *socket, char path[SOCKET_PATH_MAX],
                                      struct keyd_error *err)
{
    char folder[PATH_MAX] = "";
    if (socket[0] != '/' && getcwd(folder, sizeof folder) == NULL)
        return keyd_fail_errno(err, errno, "socket %s: the current folder", socket);
    int n = snprintf(path, SOCKET_PATH_MAX, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", socket);
    if (n < 0 || (size_t)n >= SOCKET_PATH_MAX)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "SOCKET_PATH",
                         "%s%s%s has %d bytes; the path of a Unix socket has at most %zu: move the "
                         "socket, or name it by a shorter path",
                         folder, folder[0] != '\0' ? "/" : "", socket, n, SOCKET_PATH_MAX - 1);
    return KEYD_OK;
}

enum keyd_status socket_find(const char *socket, char path[SOCKET_PATH_MAX], struct keyd_error *err)
{
    if (socket == NULL)
        socket = secure_getenv("KEYD_SOCKET");
    if (socket == NULL)
        socket = KEYD_DEFAULT_SOCKET;
    if (socket[0] == '\0')
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "SOCKET_PATH",
                         "the socket's path is empty: give keyd's, as " KEYD_DEFAULT_SOCKET);
    enum keyd_status status = make_absolute(socket, path, err);
    if (status != KEYD_OK)
        return status;

    struct stat st;
    if (stat(path, &st) != 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return fail_missing(path, KEYD_NOT_FOUND, err);
        if (errno == EACCES)
            return fail_permission(path, err);
        return keyd_fail_errno(err, errno, "socket %s", path);
    }
    if (!S_ISSOCK(st.st_mode))
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "SOCKET_PATH",
                         "%s is not a socket: give the path that keyd.conf names", path);
    return KEYD_OK;
}

int socket_probe(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int errnum = 0;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        errnum = errno;
    close(fd);
    /* EAGAIN: the backlog is full, so somebody listens and is busy. */
    return errnum == EAGAIN ? 0 : errnum;
}

enum keyd_status socket_explain(const char *path, int errnum, struct keyd_error *err)
{
    switch (errnum) {
    case 0:
        return keyd_fail(err, KEYD_UNAVAILABLE, "CONNECTION_CLOSED",
                         "the connection to keyd on %s was closed before the answer came: it was "
                         "stopped or restarted; try again",
                         path);
    case ENOENT:
    case ENOTDIR:
        return fail_missing(path, KEYD_UNAVAILABLE, err);
    case EACCES:
    case EPERM:
        return fail_permission(path, err);
    case ECONNREFUSED:
        return keyd_fail(
            err, KEYD_UNAVAILABLE, "CONNECTION_REFUSED",
            "keyd does not answer on %s: nobody listens on that socket; " IS_IT_RUNNING, path);
    default:
        return keyd_fail(err, KEYD_UNAVAILABLE, strerrorname_np(errnum),
                         "keyd does not answer on %s: %s", path, strerrordesc_np(errnum));
    }
}
