/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/tcp.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/dns/message.h"
#include "keyd/base/clock.h"

#define BUFFER_SIZE ((size_t)2 + MESSAGE_MAX)

struct tcp {
    int fd;
    struct tcp_limits limits;
    int64_t end_ms; /* on the monotonic clock */
    size_t start;   /* of what was received and not given out yet */
    size_t end;
    uint8_t buffer[BUFFER_SIZE];
};

/* ---- Servers -------------------------------------------------------------------------------- */

static bool is_port(const char *text)
{
    size_t length = strlen(text);
    return length > 0 && length <= 5 && strspn(text, "0123456789") == length && atoi(text) > 0 &&
           atoi(text) <= UINT16_MAX;
}

const char *server_parse(const char *text, struct server *server)
{
    const char *host = text;
    const char *port = "53";
    size_t length = strlen(text);
    const char *hash = strchr(text, '#');
    if (text[0] == '[') {
        const char *bracket = strchr(text, ']');
        if (bracket == NULL)
            return "the bracket is not closed";
        host = text + 1;
        length = (size_t)(bracket - host);
        if (bracket[1] != '\0' && bracket[1] != ':' && bracket[1] != '#')
            return "after ']' comes ':' and a port";
        if (bracket[1] != '\0')
            port = bracket + 2;
    } else if (hash != NULL) {
        length = (size_t)(hash - text);
        port = hash + 1;
    }
    if (length == 0)
        return "the address is missing";
    if (length >= sizeof server->host)
        return "the address is too long";
    if (!is_port(port))
        return "the port is no number of 1 to 65535";
    if (strcspn(host, " \t\r\n/@") < length)
        return "this is no address";
    snprintf(server->host, sizeof server->host, "%.*s", (int)length, host);
    snprintf(server->port, sizeof server->port, "%s", port);
    return NULL;
}

void server_format(const struct server *server, char text[SERVER_TEXT])
{
    snprintf(text, SERVER_TEXT, "%s#%s", server->host, server->port);
}

/* ---- Waiting -------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

/* Until the socket is ready for the events, and for at most `wait_ms` and the whole's end. 0, or an
 * errno: ETIMEDOUT. */
static int wait_for(const struct tcp *tcp, short events, int wait_ms)
{
    struct pollfd waiting = {.fd = tcp->fd, .events = events};
    int64_t until = now_ms() + wait_ms;
    if (until > tcp->end_ms)
        until = tcp->end_ms;
    for (;;) {
        int64_t left = until - now_ms();
        int n = left > 0 ? poll(&waiting, 1, (int)left) : 0;
        if (n > 0)
            return 0;
        if (n == 0)
            return ETIMEDOUT;
        if (errno != EINTR)
            return errno;
    }
}

static enum keyd_status timed_out(const struct tcp *tcp, const char *what, struct keyd_error *err)
{
    if (now_ms() >= tcp->end_ms)
        return keyd_fail(err, KEYD_DEADLINE_EXCEEDED, "TIMEOUT",
                         "the transfer is not done after %d seconds", tcp->limits.total_ms / 1000);
    return keyd_fail(err, KEYD_DEADLINE_EXCEEDED, "TIMEOUT", "%s for %d seconds", what,
                     tcp->limits.idle_ms / 1000);
}

/* ---- Connecting ----------------------------------------------------------------------------- */

/* 0, or an errno. */
static int connect_to(struct tcp *tcp, const struct addrinfo *address)
{
    int failed = 0;
    socklen_t size = sizeof failed;
    const int on = 1;
    tcp->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (tcp->fd < 0)
        return errno;
    setsockopt(tcp->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(tcp->fd, address->ai_addr, address->ai_addrlen) != 0)
        failed = errno;
    if (failed == EINPROGRESS || failed == EINTR)
        failed = wait_for(tcp, POLLOUT, tcp->limits.connect_ms);
    if (failed == 0 && getsockopt(tcp->fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0)
        failed = errno;
    if (failed == 0)
        return 0;
    close(tcp->fd);
    tcp->fd = -1;
    return failed;
}

static enum keyd_status resolve(const struct server *server, struct addrinfo **list,
                                struct keyd_error *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    int failed = getaddrinfo(server->host, server->port, &hints, list);
    if (failed != 0)
        return keyd_fail(err, KEYD_NOT_FOUND, "HOST", "%s has no address: %s", server->host,
                         gai_strerror(failed));
    return KEYD_OK;
}

enum keyd_status tcp_connect(const struct server *server, const struct tcp_limits *limits,
                             struct tcp **tcp, struct keyd_error *err)
{
    struct addrinfo *list = NULL;
    int failed = EADDRNOTAVAIL;
    enum keyd_status status = resolve(server, &list, err);
    if (status != KEYD_OK)
        return status;
    struct tcp *made = calloc(1, sizeof *made);
    if (made == NULL) {
        freeaddrinfo(list);
        return keyd_fail_errno(err, ENOMEM, "a connection");
    }
    made->fd = -1;
    made->limits = *limits;
    made->end_ms = now_ms() + limits->total_ms;
    for (const struct addrinfo *at = list; at != NULL && failed != 0; at = at->ai_next)
        failed = connect_to(made, at);
    freeaddrinfo(list);
    if (failed != 0) {
        tcp_close(made);
        return keyd_fail(err, KEYD_UNAVAILABLE, "CONNECT",
                         "no connection: %s; does the server run, and listen on TCP there?",
                         strerror(failed));
    }
    *tcp = made;
    return KEYD_OK;
}

void tcp_close(struct tcp *tcp)
{
    if (tcp == NULL)
        return;
    if (tcp->fd >= 0)
        close(tcp->fd);
    free(tcp);
}

/* ---- Messages ------------------------------------------------------------------------------- */

enum keyd_status tcp_send(struct tcp *tcp, const void *data, size_t length, struct keyd_error *err)
{
    uint8_t whole[BUFFER_SIZE];
    size_t sent = 0;
    if (length > MESSAGE_MAX)
        return keyd_fail(err, KEYD_INTERNAL, "CONNECTION", "a message of %zu bytes", length);
    whole[0] = (uint8_t)(length >> 8);
    whole[1] = (uint8_t)length;
    memcpy(whole + 2, data, length);
    while (sent < length + 2) {
        ssize_t n = send(tcp->fd, whole + sent, length + 2 - sent, MSG_NOSIGNAL);
        int failed = n < 0 ? errno : 0;
        if (failed == EAGAIN || failed == EINTR)
            failed = wait_for(tcp, POLLOUT, tcp->limits.idle_ms);
        if (failed == ETIMEDOUT)
            return timed_out(tcp, "the server takes nothing", err);
        if (failed != 0)
            return keyd_fail(err, KEYD_UNAVAILABLE, "CONNECTION", "the question cannot be sent: %s",
                             strerror(failed));
        sent += n > 0 ? (size_t)n : 0;
    }
    return KEYD_OK;
}

/* Takes in what has come, behind what is there. */
static enum keyd_status fill(struct tcp *tcp, struct keyd_error *err)
{
    for (;;) {
        ssize_t n = recv(tcp->fd, tcp->buffer + tcp->end, BUFFER_SIZE - tcp->end, 0);
        if (n > 0) {
            tcp->end += (size_t)n;
            return KEYD_OK;
        }
        if (n == 0 && tcp->end > tcp->start)
            return keyd_fail(err, KEYD_UNAVAILABLE, "CONNECTION",
                             "the server closed the connection within a message");
        if (n == 0)
            return keyd_fail(err, KEYD_UNAVAILABLE, "CLOSED", "the server closed the connection");
        int failed = errno;
        if (failed == EAGAIN || failed == EINTR)
            failed = wait_for(tcp, POLLIN, tcp->limits.idle_ms);
        if (failed == ETIMEDOUT)
            return timed_out(tcp, "nothing came from the server", err);
        if (failed != 0)
            return keyd_fail(err, KEYD_UNAVAILABLE, "CONNECTION", "the connection broke: %s",
                             strerror(failed));
    }
}

/* Until so many bytes are there. */
static enum keyd_status need(struct tcp *tcp, size_t bytes, struct keyd_error *err)
{
    enum keyd_status status = KEYD_OK;
    if (tcp->end - tcp->start >= bytes)
        return KEYD_OK;
    memmove(tcp->buffer, tcp->buffer + tcp->start, tcp->end - tcp->start);
    tcp->end -= tcp->start;
    tcp->start = 0;
    while (status == KEYD_OK && tcp->end < bytes) {
        if (now_ms() >= tcp->end_ms)
            return timed_out(tcp, "", err);
        status = fill(tcp, err);
    }
    return status;
}

enum keyd_status tcp_receive(struct tcp *tcp, const uint8_t **data, size_t *length,
                             struct keyd_error *err)
{
    enum keyd_status status = need(tcp, 2, err);
    if (status != KEYD_OK)
        return status;
    const uint8_t *prefix = tcp->buffer + tcp->start;
    size_t size = (size_t)prefix[0] << 8 | prefix[1];
    status = need(tcp, 2 + size, err);
    if (status != KEYD_OK)
        return status;
    *data = tcp->buffer + tcp->start + 2;
    *length = size;
    tcp->start += 2 + size;
    return KEYD_OK;
}
