/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/link.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/log.h"

/* One in flight: the receiver does not wake a second signer to receive while it signs, unless
 * signing takes longer than this; a wake-up costs about as much as a fast token's signature. */
#define QUICK_WORK_NS 300000

/* A front's connection. The link, the receiver and each item hold one reference. */
struct connection {
    int fd;
    uid_t uid;
    pid_t pid;
    atomic_uint references;
    atomic_bool closed;  /* shut down: nothing is sent any more */
    atomic_bool greeted; /* Hello was good */
    bool hello_seen;     /* the receiver's */
    pthread_mutex_t lock;
    /* under the lock: */
    unsigned in_flight;      /* requests received and not answered */
    struct wall_packet *out; /* answers that wait */
    int64_t oldest_ns;       /* when the first of them came */
};

struct queue {
    struct link_item *first;
    struct link_item **last;
};

struct link {
    pthread_mutex_t lock;
    pthread_cond_t work;          /* for signers: a request, or the receiver's role */
    pthread_cond_t managing_work; /* for the managing thread */
    struct connection *current;   /* NULL: no front */
    struct queue requests;
    struct queue managing;
    bool receiving;      /* a signer has the receiver's role */
    atomic_bool stopped; /* set under the lock */
    unsigned idle;       /* signers that wait on `work` */
};

struct link_worker {
    struct wall_packet *spare; /* empty; changes places with a connection's full one */
    int64_t last_work_ns;      /* how long this thread's last request took */
    uint8_t in[WALL_PACKET_MAX];
};

/* ---- Queues ---------------------------------------------------------------------------------- */

static void queue_init(struct queue *queue)
{
    queue->first = NULL;
    queue->last = &queue->first;
}

static void queue_put(struct queue *queue, struct link_item *item)
{
    item->next = NULL;
    *queue->last = item;
    queue->last = &item->next;
}

static struct link_item *queue_get(struct queue *queue)
{
    struct link_item *item = queue->first;
    if (item == NULL)
        return NULL;
    queue->first = item->next;
    if (queue->first == NULL)
        queue->last = &queue->first;
    return item;
}

/* ---- Connections ----------------------------------------------------------------------------- */

static struct wall_packet *packet_new(void)
{
    struct wall_packet *packet = malloc(sizeof *packet);
    if (packet != NULL)
        wall_packet_reset(packet);
    return packet;
}

static struct connection *connection_new(int fd, uid_t uid, pid_t pid)
{
    struct connection *made = calloc(1, sizeof *made);
    struct wall_packet *out = packet_new();
    if (made == NULL || out == NULL) {
        free(made);
        free(out);
        return NULL;
    }
    made->fd = fd;
    made->uid = uid;
    made->pid = pid;
    made->out = out;
    atomic_init(&made->references, 1);
    pthread_mutex_init(&made->lock, NULL);
    return made;
}

static void hold(struct connection *connection)
{
    atomic_fetch_add_explicit(&connection->references, 1, memory_order_relaxed);
}

static void release(struct connection *connection)
{
    if (atomic_fetch_sub_explicit(&connection->references, 1, memory_order_acq_rel) > 1)
        return;
    close(connection->fd);
    pthread_mutex_destroy(&connection->lock);
    free(connection->out);
    free(connection);
}

/* Whoever is in recv or send on it comes back. The first call says so in the log. */
static void shut(struct connection *connection, enum log_level level, const char *why)
{
    if (atomic_exchange(&connection->closed, true))
        return;
    shutdown(connection->fd, SHUT_RDWR);
    log_line(level, "front disconnected uid=%u pid=%d: %s", (unsigned)connection->uid,
             (int)connection->pid, why);
}

/* The link lets go of it, where it has it still. */
static void drop(struct link *link, struct connection *connection)
{
    pthread_mutex_lock(&link->lock);
    bool ours = link->current == connection;
    if (ours)
        link->current = NULL;
    pthread_mutex_unlock(&link->lock);
    if (ours)
        release(connection);
}

static void disconnect(struct link *link, struct connection *connection, enum log_level level,
                       const char *why)
{
    shut(connection, level, why);
    drop(link, connection);
}

struct link *link_new(void)
{
    struct link *link = calloc(1, sizeof *link);
    if (link == NULL)
        return NULL;
    pthread_mutex_init(&link->lock, NULL);
    pthread_cond_init(&link->work, NULL);
    pthread_cond_init(&link->managing_work, NULL);
    queue_init(&link->requests);
    queue_init(&link->managing);
    return link;
}

struct link_worker *link_worker_new(void)
{
    struct link_worker *worker = calloc(1, sizeof *worker);
    if (worker != NULL)
        worker->spare = packet_new();
    if (worker != NULL && worker->spare == NULL) {
        free(worker);
        worker = NULL;
    }
    return worker;
}

void link_accept(struct link *link, int fd, uid_t uid, pid_t pid)
{
    struct connection *made = connection_new(fd, uid, pid);
    if (made == NULL) {
        log_error("no memory for a front's connection");
        close(fd);
        return;
    }
    log_notice("front connected uid=%u pid=%d", (unsigned)uid, (int)pid);
    pthread_mutex_lock(&link->lock);
    struct connection *former = link->current;
    link->current = NULL;
    pthread_mutex_unlock(&link->lock);
    if (former != NULL) { /* it is closed before the new one's first request is taken */
        shut(former, LOG_LEVEL_WARNING, "another one of the same user has taken its place");
        release(former);
    }
    pthread_mutex_lock(&link->lock);
    link->current = made;
    pthread_cond_signal(&link->work);
    pthread_mutex_unlock(&link->lock);
}

void link_stop(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    link->stopped = true;
    if (link->current != NULL)
        shutdown(link->current->fd, SHUT_RD);
    pthread_cond_broadcast(&link->work);
    pthread_cond_broadcast(&link->managing_work);
    pthread_mutex_unlock(&link->lock);
}

/* ---- Sending --------------------------------------------------------------------------------- */

static bool wait_for_room(const struct connection *connection, int64_t until_ns)
{
    int64_t left = (until_ns - clock_monotonic_ns()) / 1000000;
    struct pollfd full = {.fd = connection->fd, .events = POLLOUT};
    return left > 0 && (poll(&full, 1, (int)left) >= 0 || errno == EINTR);
}

/* Sends the worker's spare packet, which it has just taken from the connection. */
static void send_spare(struct link *link, struct link_worker *worker, struct connection *connection)
{
    struct wall_packet *packet = worker->spare;
    int64_t until = 0;
    while (!atomic_load(&connection->closed)) {
        ssize_t sent =
            send(connection->fd, packet->data, packet->length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0)
            break;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != ENOBUFS) {
            disconnect(link, connection, LOG_LEVEL_NOTICE, strerrordesc_np(errno));
            break;
        }
        if (until == 0)
            until = clock_monotonic_ns() + (int64_t)LINK_SEND_LIMIT_MS * 1000000;
        if (!wait_for_room(connection, until)) {
            disconnect(link, connection, LOG_LEVEL_WARNING, "it does not read its answers");
            break;
        }
    }
    wall_packet_reset(packet);
}

/* The connection's lock is held. */
static void swap_out(struct link_worker *worker, struct connection *connection)
{
    struct wall_packet *full = connection->out;
    connection->out = worker->spare;
    worker->spare = full;
}

/* Sends what waits on a connection. */
static void flush(struct link *link, struct link_worker *worker, struct connection *connection)
{
    pthread_mutex_lock(&connection->lock);
    bool any = connection->out->frames > 0;
    if (any)
        swap_out(worker, connection);
    pthread_mutex_unlock(&connection->lock);
    if (any)
        send_spare(link, worker, connection);
}

/* Adds an answer to what waits; the lock is held on entry and on return, but let go where the
 * packet is full and has to leave first. False for an answer that fits no packet. */
static bool add_answer(struct link *link, struct link_worker *worker, struct connection *connection,
                       const wall_answer *answer)
{
    while (!wall_packet_add(connection->out, &answer->base)) {
        if (connection->out->frames == 0)
            return false;
        swap_out(worker, connection);
        pthread_mutex_unlock(&connection->lock);
        send_spare(link, worker, connection);
        pthread_mutex_lock(&connection->lock);
    }
    return true;
}

void link_answer(struct link *link, struct link_worker *worker, struct link_item *item,
                 const wall_answer *answer, bool at_once)
{
    struct connection *connection = item->connection;
    int64_t now = clock_monotonic_ns();
    bool send_now = false;
    worker->last_work_ns = now - item->taken_ns;
    pthread_mutex_lock(&connection->lock);
    bool added = add_answer(link, worker, connection, answer);
    connection->in_flight--;
    size_t waiting = connection->out->frames;
    if (waiting == 1)
        connection->oldest_ns = now;
    if (waiting > 0)
        send_now = at_once || waiting >= connection->in_flight ||
                   now - connection->oldest_ns + worker->last_work_ns > LINK_ANSWER_CAP_NS;
    if (send_now)
        swap_out(worker, connection);
    pthread_mutex_unlock(&connection->lock);
    if (send_now)
        send_spare(link, worker, connection);
    if (!added)
        disconnect(link, connection, LOG_LEVEL_ERROR, "an answer fits no frame");
    release(connection);
    free(item);
}

/* ---- Receiving ------------------------------------------------------------------------------- */

/* A request beyond WALL_IN_FLIGHT_MAX. */
static void refuse(struct link *link, struct link_worker *worker, struct link_item *item)
{
    wall_request *request =
        (wall_request *)wall_unpack(&keyd__hsm__v1__request__descriptor, item->frame, item->size);
    if (request == NULL) {
        link_reject(link, item, "a frame is no request");
        return;
    }
    wall_answer answer = KEYD__HSM__V1__ANSWER__INIT;
    answer.tag = request->tag;
    answer.status = KEYD_RESOURCE_EXHAUSTED;
    answer.reason = (char *)"TOO_MANY_REQUESTS";
    answer.message = (char *)"more requests are in flight than keyd-hsm takes; send less at once";
    item->taken_ns = clock_monotonic_ns();
    link_answer(link, worker, item, &answer, false);
    keyd__hsm__v1__request__free_unpacked(request, NULL);
}

static struct link_item *item_new(struct connection *connection, const uint8_t *frame, size_t size)
{
    struct link_item *item = malloc(sizeof *item + size);
    if (item == NULL)
        return NULL;
    item->connection = connection;
    item->first = false;
    item->size = size;
    memcpy(item->frame, frame, size);
    hold(connection);
    return item;
}

/* Counts a request in; false when it is one too many. */
static bool count_in(struct connection *connection)
{
    pthread_mutex_lock(&connection->lock);
    bool room = connection->in_flight++ < WALL_IN_FLIGHT_MAX;
    pthread_mutex_unlock(&connection->lock);
    return room;
}

static void queue_frames(struct link *link, struct link_worker *worker,
                         struct connection *connection, size_t length, struct queue *taken,
                         unsigned *count)
{
    struct wall_cursor cursor = {.at = worker->in, .left = length};
    const uint8_t *frame;
    size_t size;
    int more;
    while ((more = wall_cursor_next(&cursor, &frame, &size)) == 1) {
        struct link_item *item = item_new(connection, frame, size);
        if (item == NULL) {
            disconnect(link, connection, LOG_LEVEL_ERROR, "no memory for its requests");
            return;
        }
        item->first = !connection->hello_seen;
        connection->hello_seen = true;
        if (item->first && cursor.left > 0)
            shut(connection, LOG_LEVEL_WARNING, "its first packet is not Hello alone");
        if (!count_in(connection)) {
            refuse(link, worker, item);
            continue;
        }
        queue_put(taken, item);
        (*count)++;
    }
    if (more < 0)
        disconnect(link, connection, LOG_LEVEL_WARNING, "its framing is broken");
}

/* One packet. *waited: it was not there yet. Its length, or 0 when the connection is over. */
static size_t receive_packet(struct link *link, struct link_worker *worker,
                             struct connection *connection, bool *waited)
{
    ssize_t n = recv(connection->fd, worker->in, sizeof worker->in, MSG_TRUNC | MSG_DONTWAIT);
    *waited = n < 0 && (errno == EAGAIN || errno == EINTR);
    while (n < 0 && (errno == EAGAIN || errno == EINTR))
        n = recv(connection->fd, worker->in, sizeof worker->in, MSG_TRUNC);
    if (n > (ssize_t)sizeof worker->in)
        disconnect(link, connection, LOG_LEVEL_WARNING, "a packet is longer than WALL_PACKET_MAX");
    else if (n < 0)
        disconnect(link, connection, LOG_LEVEL_NOTICE, strerrordesc_np(errno));
    else if (n == 0 && !atomic_load(&link->stopped))
        disconnect(link, connection, LOG_LEVEL_NOTICE, "it has closed the connection");
    return n > 0 && n <= (ssize_t)sizeof worker->in ? (size_t)n : 0;
}

static void append(struct queue *queue, struct queue *taken)
{
    if (taken->first == NULL)
        return;
    *queue->last = taken->first;
    queue->last = taken->last;
}

/* Signers to wake for `count` new requests: this one does the first; one more takes the receiver's
 * role, unless this traffic is thin and quick, so that this one is back before the next packet. */
static unsigned helpers(const struct link *link, const struct link_worker *worker, unsigned count,
                        bool waited)
{
    bool thin = count <= 1 && waited && worker->last_work_ns < QUICK_WORK_NS;
    unsigned wanted = thin ? 0 : count;
    return wanted < link->idle ? wanted : link->idle;
}

/* The receiver's role: one packet. The link's lock is held on entry and on return. */
static void receive(struct link *link, struct link_worker *worker)
{
    struct connection *connection = link->current;
    struct queue taken;
    unsigned count = 0;
    bool waited = false;
    queue_init(&taken);
    link->receiving = true;
    hold(connection);
    pthread_mutex_unlock(&link->lock);
    size_t length = receive_packet(link, worker, connection, &waited);
    if (length > 0)
        queue_frames(link, worker, connection, length, &taken, &count);
    release(connection);
    pthread_mutex_lock(&link->lock);
    link->receiving = false;
    append(&link->requests, &taken);
    for (unsigned n = helpers(link, worker, count, waited); n > 0; n--)
        pthread_cond_signal(&link->work);
}

/* ---- Taking ---------------------------------------------------------------------------------- */

/* An item of a front that is gone. */
static void discard(struct link_item *item)
{
    release(item->connection);
    free(item);
}

/* What waits on the current connection goes out before this signer goes idle. The link's lock is
 * held on entry and on return. */
static void flush_current(struct link *link, struct link_worker *worker)
{
    struct connection *connection = link->current;
    if (connection == NULL)
        return;
    hold(connection);
    pthread_mutex_unlock(&link->lock);
    flush(link, worker, connection);
    release(connection);
    pthread_mutex_lock(&link->lock);
}

struct link_item *link_take(struct link *link, struct link_worker *worker)
{
    struct link_item *item = NULL;
    bool flushed = false;
    pthread_mutex_lock(&link->lock);
    for (;;) {
        item = link->stopped ? NULL : queue_get(&link->requests);
        if (item != NULL && atomic_load(&item->connection->closed)) {
            discard(item);
            continue;
        }
        if (item != NULL || (link->stopped && flushed))
            break;
        if (!flushed) {
            flushed = true;
            flush_current(link, worker);
        } else if (!link->receiving && link->current != NULL) {
            receive(link, worker);
        } else {
            link->idle++;
            pthread_cond_wait(&link->work, &link->lock);
            link->idle--;
        }
    }
    pthread_mutex_unlock(&link->lock);
    if (item != NULL)
        item->taken_ns = clock_monotonic_ns();
    return item;
}

void link_pass(struct link *link, struct link_item *item)
{
    pthread_mutex_lock(&link->lock);
    bool gone = atomic_load(&item->connection->closed);
    if (!gone) {
        queue_put(&link->managing, item);
        pthread_cond_signal(&link->managing_work);
    }
    pthread_mutex_unlock(&link->lock);
    if (gone)
        discard(item);
}

struct link_item *link_take_managing(struct link *link)
{
    struct link_item *item = NULL;
    pthread_mutex_lock(&link->lock);
    while (!link->stopped) {
        item = queue_get(&link->managing);
        if (item == NULL)
            pthread_cond_wait(&link->managing_work, &link->lock);
        else if (!atomic_load(&item->connection->closed))
            break;
        else
            discard(item);
        item = NULL;
    }
    pthread_mutex_unlock(&link->lock);
    if (item != NULL)
        item->taken_ns = clock_monotonic_ns();
    return item;
}

/* ---- Greeting -------------------------------------------------------------------------------- */

void link_greeted(struct link_item *item)
{
    atomic_store(&item->connection->greeted, true);
}

bool link_is_greeted(const struct link_item *item)
{
    return atomic_load(&item->connection->greeted);
}

void link_reject(struct link *link, struct link_item *item, const char *why)
{
    disconnect(link, item->connection, LOG_LEVEL_WARNING, why);
    discard(item);
}
