/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int listen_systemd_sockets(void)
{
    const char *pid = getenv("LISTEN_PID");
    const char *fds = getenv("LISTEN_FDS");
    if (pid == NULL || fds == NULL || strtol(pid, NULL, 10) != getpid())
        return 0;
    long count = strtol(fds, NULL, 10);
    return count > 0 && count <= INT_MAX - LISTEN_SYSTEMD_FIRST ? (int)count : 0;
}

static bool has_option(int fd, int option, int wanted)
{
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

enum keyd_status listen_take_systemd(int *fd, struct keyd_error *err)
{
    if (listen_systemd_sockets() != 1)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "CONFIGURATION",
                         "systemd gave %d sockets (LISTEN_FDS), and a keyd-hsm has one: leave one "
                         "ListenSequentialPacket= in the socket unit",
                         listen_systemd_sockets());
    if (!has_option(LISTEN_SYSTEMD_FIRST, SO_DOMAIN, AF_UNIX) ||
        !has_option(LISTEN_SYSTEMD_FIRST, SO_TYPE, SOCK_SEQPACKET) ||
        !has_option(LISTEN_SYSTEMD_FIRST, SO_ACCEPTCONN, 1))
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "CONFIGURATION",
                         "the socket that systemd gave is no listening Unix SOCK_SEQPACKET: use "
                         "ListenSequentialPacket= with a path in the socket unit");
    if (fcntl(LISTEN_SYSTEMD_FIRST, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(LISTEN_SYSTEMD_FIRST, F_SETFL, O_NONBLOCK) != 0)
        return keyd_fail_errno(err, errno, "the socket that systemd gave");
    *fd = LISTEN_SYSTEMD_FIRST;
    return KEYD_OK;
}

/* Whether nobody has the socket on the path any more. To connect would be to knock: a keyd-hsm
 * would take it for a new front. A datagram socket never gets in; the error tells what is there. */
static bool is_abandoned(const struct sockaddr_un *address)
{
    struct stat st;
    if (lstat(address->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool refused = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
                   errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static enum keyd_status bind_path(const char *path, mode_t mode, const char *field, int fd,
                                  struct keyd_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof address.sun_path)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "CONFIGURATION", "%s is too long for a socket",
                         path);
    memcpy(address.sun_path, path, length);
    int failed = bind(fd, (struct sockaddr *)&address, sizeof address);
    if (failed != 0 && errno == EADDRINUSE) {
        if (!is_abandoned(&address))
            return keyd_fail(err, KEYD_ALREADY_EXISTS, "SOCKET_IN_USE",
                             "%s is another process' socket, or no socket: end that process, or "
                             "give this keyd-hsm a `%s` of its own",
                             path, field);
        unlink(path);
        failed = bind(fd, (struct sockaddr *)&address, sizeof address);
    }
    if (failed != 0)
        return keyd_fail_errno(err, errno, "the socket %s", path);
    if (chmod(path, mode) != 0)
        return keyd_fail_errno(err, errno, "the mode of %s", path);
    return KEYD_OK;
}

enum keyd_status listen_bind(const char *path, mode_t mode, const char *field, int *fd,
                             struct keyd_error *err)
{
    int made = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0)
        return keyd_fail_errno(err, errno, "a socket");
    enum keyd_status status = bind_path(path, mode, field, made, err);
    if (status == KEYD_OK)
        *fd = made;
    else
        close(made);
    return status;
}
