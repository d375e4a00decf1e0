/* SPDX-License-Identifier: BSD-2-Clause
 *
 * DNS over TCP (RFC 7766): one connection, messages with their length before them, and a limit for
 * every wait. One thread at a time; blocks for as long as the limits say.
 */
#ifndef DNS_TCP_H
#define DNS_TCP_H

#include <stddef.h>
#include <stdint.h>

#include "keyd/base/error.h"

#define SERVER_TEXT 280 /* characters of a server with the NUL: a host name and a port */

/* Where a server is. */
struct server {
    char host[256]; /* an address without brackets, or a name */
    char port[6];
};

/* Reads ADDRESS, ADDRESS#PORT or [ADDRESS]:PORT; a name may stand for the address. Returns NULL
 * when *server is filled, else what is wrong (static). */
const char *server_parse(const char *text, struct server *server);

/* ADDRESS#PORT. */
void server_format(const struct server *server, char text[SERVER_TEXT]);

struct tcp_limits {
    int connect_ms; /* for each address of the server */
    int idle_ms;    /* until something comes, or can be sent */
    int total_ms;   /* from tcp_connect to the end */
};

struct tcp;

/* Tries the server's addresses in turn. UNAVAILABLE, CONNECT, when none answers; NOT_FOUND, HOST,
 * when it has none. *tcp is *owned*: tcp_close. Besides the limits it waits for the system's
 * resolver, where the server is given by name. */
enum keyd_status tcp_connect(const struct server *server, const struct tcp_limits *limits,
                             struct tcp **tcp, struct keyd_error *err) KEYD_CHECKED;
void tcp_close(struct tcp *tcp); /* takes NULL */

/* Sends one message of at most MESSAGE_MAX bytes. UNAVAILABLE, CONNECTION, when the server has
 * closed; DEADLINE_EXCEEDED, TIMEOUT. */
enum keyd_status tcp_send(struct tcp *tcp, const void *data, size_t length,
                          struct keyd_error *err) KEYD_CHECKED;

/* The next message, *borrowed* until the next call. The errors of tcp_send; reason CLOSED when the
 * server has closed the connection, and all before was whole. */
enum keyd_status tcp_receive(struct tcp *tcp, const uint8_t **data, size_t *length,
                             struct keyd_error *err) KEYD_CHECKED;

#endif
