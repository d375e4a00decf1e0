/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/connection.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keyd/base/clock.h"

struct connection {
    int fd;
    uid_t uid;
    pid_t pid;
    atomic_uint references;
    atomic_bool closed;  /* shut down: nothing is sent any more */
    atomic_bool greeted; /* Hello was good */
    pthread_mutex_t lock;
    /* under the lock: */
    bool asked;              /* a request has come */
    unsigned in_flight;      /* requests received and not answered */
    unsigned passed;         /* of these, the managing thread's: no burst waits for them */
    struct wall_packet *out; /* answers that wait */
    int64_t oldest_ns;       /* when the first of them came */
};

struct connection *connection_new(int fd, uid_t uid, pid_t pid)
{
    struct connection *made = calloc(1, sizeof *made);
    struct wall_packet *out = malloc(sizeof *out);
    if (made == NULL || out == NULL) {
        free(made);
        free(out);
        return NULL;
    }
    wall_packet_reset(out);
    made->fd = fd;
    made->uid = uid;
    made->pid = pid;
    made->out = out;
    atomic_init(&made->references, 1);
    pthread_mutex_init(&made->lock, NULL);
    return made;
}

void connection_hold(struct connection *connection)
{
    atomic_fetch_add_explicit(&connection->references, 1, memory_order_relaxed);
}

void connection_release(struct connection *connection)
{
    if (atomic_fetch_sub_explicit(&connection->references, 1, memory_order_acq_rel) > 1)
        return;
    close(connection->fd);
    pthread_mutex_destroy(&connection->lock);
    free(connection->out);
    free(connection);
}

int connection_fd(const struct connection *connection)
{
    return connection->fd;
}

void connection_shut(struct connection *connection, enum log_level level, const char *why)
{
    if (atomic_exchange(&connection->closed, true))
        return;
    log_line(level, "front disconnected uid=%u pid=%d: %s", (unsigned)connection->uid,
             (int)connection->pid, why);
    shutdown(connection->fd, SHUT_RDWR);
}

bool connection_is_closed(const struct connection *connection)
{
    return atomic_load(&connection->closed);
}

void connection_set_greeted(struct connection *connection)
{
    atomic_store(&connection->greeted, true);
}

bool connection_is_greeted(const struct connection *connection)
{
    return atomic_load(&connection->greeted);
}

/* ---- Sending --------------------------------------------------------------------------------- */

static bool wait_for_room(const struct connection *connection, int64_t until_ns)
{
    int64_t left = (until_ns - clock_monotonic_ns()) / 1000000;
    struct pollfd full = {.fd = connection->fd, .events = POLLOUT};
    return left > 0 && (poll(&full, 1, (int)left) >= 0 || errno == EINTR);
}

/* Sends a packet that was just taken from the connection, and empties it. */
static void send_packet(struct connection *connection, struct wall_packet *packet)
{
    int64_t until = 0;
    while (!atomic_load(&connection->closed)) {
        ssize_t sent =
            send(connection->fd, packet->data, packet->length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0)
            break;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != ENOBUFS) {
            connection_shut(connection, LOG_LEVEL_NOTICE, strerrordesc_np(errno));
            break;
        }
        if (until == 0)
            until = clock_monotonic_ns() + (int64_t)CONNECTION_SEND_LIMIT_MS * 1000000;
        if (!wait_for_room(connection, until)) {
            connection_shut(connection, LOG_LEVEL_WARNING, "it does not read its answers");
            break;
        }
    }
    wall_packet_reset(packet);
}

/* The lock is held. */
static void swap_out(struct connection *connection, struct wall_packet **spare)
{
    struct wall_packet *full = connection->out;
    connection->out = *spare;
    *spare = full;
}

void connection_flush(struct connection *connection, struct wall_packet **spare)
{
    pthread_mutex_lock(&connection->lock);
    bool any = connection->out->frames > 0;
    if (any)
        swap_out(connection, spare);
    pthread_mutex_unlock(&connection->lock);
    if (any)
        send_packet(connection, *spare);
}

/* ---- Requests and answers -------------------------------------------------------------------- */

bool connection_count_in(struct connection *connection, bool *first)
{
    pthread_mutex_lock(&connection->lock);
    *first = !connection->asked;
    connection->asked = true;
    bool room = connection->in_flight++ < WALL_IN_FLIGHT_MAX;
    pthread_mutex_unlock(&connection->lock);
    return room;
}

void connection_pass(struct connection *connection)
{
    pthread_mutex_lock(&connection->lock);
    connection->passed++;
    pthread_mutex_unlock(&connection->lock);
}

/* Adds an answer to what waits; the lock is held on entry and on return, but let go where the
 * packet is full and has to leave first. False for an answer that fits no packet. */
static bool add_answer(struct connection *connection, struct wall_packet **spare,
                       const wall_answer *answer)
{
    while (!wall_packet_add(connection->out, &answer->base)) {
        if (connection->out->frames == 0)
            return false;
        swap_out(connection, spare);
        pthread_mutex_unlock(&connection->lock);
        send_packet(connection, *spare);
        pthread_mutex_lock(&connection->lock);
    }
    return true;
}

/* The lock is held. */
static enum due judge(const struct connection *connection, int64_t now, int64_t next_ns)
{
    unsigned open = connection->in_flight - connection->passed;
    size_t waiting = connection->out->frames;
    if (waiting == 0)
        return DUE_NOT_YET;
    if (open == 0 || now - connection->oldest_ns + next_ns > CONNECTION_ANSWER_CAP_MS * 1000000LL)
        return DUE_NOW;
    return waiting >= open ? DUE_IF_NO_MORE : DUE_NOT_YET;
}

enum due connection_judge(struct connection *connection, int64_t next_ns)
{
    pthread_mutex_lock(&connection->lock);
    enum due due = judge(connection, clock_monotonic_ns(), next_ns);
    pthread_mutex_unlock(&connection->lock);
    return due;
}

enum due connection_answer(struct connection *connection, struct wall_packet **spare,
                           const wall_answer *answer, bool passed, int64_t next_ns)
{
    int64_t now = clock_monotonic_ns();
    pthread_mutex_lock(&connection->lock);
    bool added = add_answer(connection, spare, answer);
    connection->in_flight--;
    connection->passed -= passed;
    if (connection->out->frames == 1)
        connection->oldest_ns = now;
    enum due due = judge(connection, now, next_ns);
    pthread_mutex_unlock(&connection->lock);
    if (!added)
        connection_shut(connection, LOG_LEVEL_ERROR, "an answer fits no frame");
    return due;
}

bool connection_answers_wait(struct connection *connection)
{
    pthread_mutex_lock(&connection->lock);
    bool wait = connection->out->frames > 0;
    pthread_mutex_unlock(&connection->lock);
    return wait;
}

bool connection_answers_are_due(struct connection *connection)
{
    pthread_mutex_lock(&connection->lock);
    bool due = connection->out->frames > 0 || connection->in_flight > connection->passed;
    pthread_mutex_unlock(&connection->lock);
    return due;
}
