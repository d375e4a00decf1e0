/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/front/rpc/listen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Makes room for the socket: removes one that nobody answers on. */
static enum keyd_status clear_place(const struct sockaddr_un *address, struct keyd_error *err)
{
    struct stat at;
    const char *path = address->sun_path;
    if (lstat(path, &at) != 0)
        return errno == ENOENT ? KEYD_OK : keyd_fail_errno(err, errno, "%s", path);
    if (!S_ISSOCK(at.st_mode))
        return keyd_fail(
            err, KEYD_FAILED_PRECONDITION, "NO_SOCKET",
            "%s is there and is no socket; move it away, or give `socket` another path", path);
    int fd = new_socket();
    if (fd < 0)
        return keyd_fail_errno(err, errno, "%s", path);
    int failed = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 ? errno : 0;
    close(fd);
    if (failed == 0 || failed == EAGAIN)
        return keyd_fail(err, KEYD_ALREADY_EXISTS, "KEYD_RUNS",
                         "another keyd runs on %s; stop it first, or give `socket` another path",
                         path);
    if (failed == ECONNREFUSED && unlink(path) != 0)
        failed = errno;
    if (failed != ECONNREFUSED && failed != ENOENT)
        return keyd_fail_errno(err, failed, "%s", path);
    return KEYD_OK;
}

enum keyd_status listener_open(struct listener *listener, const char *path, struct keyd_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat at;
    *listener = (struct listener){.fd = -1, .path = path};
    if (strlen(path) >= sizeof address.sun_path)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "SOCKET_PATH",
                         "%s: longer than the %zu bytes that a socket's path may have", path,
                         sizeof address.sun_path - 1);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    enum keyd_status status = clear_place(&address, err);
    if (status != KEYD_OK)
        return status;
    listener->fd = new_socket();
    if (listener->fd < 0)
        return keyd_fail_errno(err, errno, "%s", path);
    /* Mode 0666 from its first moment: it has no other between bind and a chmod. */
    mode_t mask = umask(0111);
    int failed = bind(listener->fd, (struct sockaddr *)&address, sizeof address) != 0 ? errno : 0;
    umask(mask);
    if (failed == 0 && (listen(listener->fd, BACKLOG) != 0 || lstat(path, &at) != 0))
        failed = errno;
    if (failed != 0) {
        close(listener->fd);
        listener->fd = -1;
        return keyd_fail_errno(err, failed, "%s: opening the access socket", path);
    }
    listener->device = at.st_dev;
    listener->inode = at.st_ino;
    return KEYD_OK;
}

void listener_close(struct listener *listener)
{
    struct stat at;
    if (listener->fd < 0)
        return;
    if (lstat(listener->path, &at) == 0 && at.st_dev == listener->device &&
        at.st_ino == listener->inode)
        unlink(listener->path);
    close(listener->fd);
    listener->fd = -1;
}

int listener_accept(struct listener *listener, uid_t *uid)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return -1;
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        close(fd);
        errno = ECONNABORTED;
        return -1;
    }
    *uid = peer.uid;
    return fd;
}
