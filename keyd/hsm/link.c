/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/link.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/log.h"

/* One in flight: the receiver does not wake a second signer to receive while it signs, unless
 * signing takes longer than this; a wake-up costs about as much as a fast token's signature. */
#define QUICK_WORK_NS 300000

/* Requests that the receiver takes in at once before it signs itself; the rest waits in the socket.
 */
#define RECEIVE_ENOUGH 256

struct queue {
    struct link_item *first;
    struct link_item **last;
};

struct link {
    pthread_mutex_t lock;
    pthread_cond_t work;          /* for signers: a request, or the receiver's role */
    pthread_cond_t managing_work; /* for the managing thread */
    struct connection *current;   /* NULL: no front. It, the receiver, and each item hold one */
    struct queue requests;
    struct queue managing;
    bool receiving;          /* a signer has the receiver's role */
    atomic_bool stopped;     /* set under the lock */
    unsigned idle;           /* signers that wait on `work` */
    int64_t next_beat_ns;    /* the beating thread's own */
    struct wall_packet beat; /* what it sends; never changed */
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

static void append(struct queue *queue, struct queue *taken)
{
    if (taken->first == NULL)
        return;
    *queue->last = taken->first;
    queue->last = taken->last;
}

/* ---- Fronts that come and go ----------------------------------------------------------------- */

/* An item of a front that is gone. */
static void discard(struct link_item *item)
{
    connection_release(item->connection);
    free(item);
}

/* Lets go of the requests of fronts that are gone, so that a front which comes and goes, or floods,
 * holds no more than one front may. The link's lock is held. */
static void purge(struct queue *queue)
{
    struct queue kept;
    struct link_item *item;
    queue_init(&kept);
    while ((item = queue_get(queue)) != NULL)
        if (connection_is_closed(item->connection))
            discard(item);
        else
            queue_put(&kept, item);
    queue_init(queue);
    append(queue, &kept);
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
        connection_release(connection);
}

static void disconnect(struct link *link, struct connection *connection, enum log_level level,
                       const char *why)
{
    connection_shut(connection, level, why);
    drop(link, connection);
}

struct link *link_new(void)
{
    struct link *link = calloc(1, sizeof *link);
    if (link == NULL)
        return NULL;
    pthread_mutex_init(&link->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&link->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_cond_init(&link->managing_work, NULL);
    queue_init(&link->requests);
    queue_init(&link->managing);
    wall_answer beat = KEYD__HSM__V1__ANSWER__INIT;
    Keyd__Hsm__V1__Beat body = KEYD__HSM__V1__BEAT__INIT;
    beat.body_case = KEYD__HSM__V1__ANSWER__BODY_BEAT;
    beat.beat = &body;
    wall_packet_reset(&link->beat);
    wall_packet_add(&link->beat, &beat.base);
    return link;
}

struct link_worker *link_worker_new(void)
{
    struct link_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL)
        return NULL;
    worker->spare = malloc(sizeof *worker->spare);
    if (worker->spare == NULL) {
        free(worker);
        return NULL;
    }
    wall_packet_reset(worker->spare);
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
    link->current = made;
    pthread_cond_signal(&link->work);
    pthread_mutex_unlock(&link->lock);
    if (former != NULL) {
        connection_shut(former, LOG_LEVEL_WARNING,
                        "another one of the same user has taken its place");
        connection_release(former);
    }
    pthread_mutex_lock(&link->lock);
    purge(&link->requests);
    purge(&link->managing);
    pthread_mutex_unlock(&link->lock);
}

void link_stop(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    link->stopped = true;
    if (link->current != NULL)
        shutdown(connection_fd(link->current), SHUT_RD);
    pthread_cond_broadcast(&link->work);
    pthread_cond_broadcast(&link->managing_work);
    pthread_mutex_unlock(&link->lock);
}

void link_hang_up(struct link *link)
{
    if (link->current != NULL)
        shutdown(connection_fd(link->current), SHUT_RDWR);
}

/* ---- Answering ------------------------------------------------------------------------------- */

static void take_in(struct link *link, struct link_worker *worker, struct connection *connection);

void link_answer(struct link *link, struct link_worker *worker, struct link_item *item,
                 const wall_answer *answer, bool at_once)
{
    struct connection *connection = item->connection;
    worker->last_work_ns = clock_monotonic_ns() - item->taken_ns;
    enum due due =
        connection_answer(connection, &worker->spare, answer, item->passed, worker->last_work_ns);
    if (due == DUE_IF_NO_MORE && !at_once) {
        /* Requests that lie in the socket count, too. */
        take_in(link, worker, connection);
        due = connection_judge(connection, worker->last_work_ns);
    }
    if (at_once || due != DUE_NOT_YET)
        connection_flush(connection, &worker->spare);
    connection_release(connection);
    free(item);
}

/* A socket without room has been silent to nobody: its front only has to read. */
int link_beat(struct link *link)
{
    int64_t now = clock_monotonic_ns();
    if (now < link->next_beat_ns)
        return (int)((link->next_beat_ns - now) / 1000000) + 1;
    pthread_mutex_lock(&link->lock);
    struct connection *connection = link->current;
    if (connection != NULL)
        connection_hold(connection);
    pthread_mutex_unlock(&link->lock);
    if (connection == NULL)
        return -1;
    if (connection_is_greeted(connection)) {
        ssize_t sent = send(connection_fd(connection), link->beat.data, link->beat.length,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent;
    }
    connection_release(connection);
    link->next_beat_ns = now + WALL_BEAT_MS * 1000000LL;
    return WALL_BEAT_MS;
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
    item->passed = false;
    item->size = size;
    memcpy(item->frame, frame, size);
    connection_hold(connection);
    return item;
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
        bool room = connection_count_in(connection, &item->first);
        if (item->first && cursor.left > 0)
            connection_shut(connection, LOG_LEVEL_WARNING, "its first packet is not Hello alone");
        if (!room) {
            refuse(link, worker, item);
            continue;
        }
        queue_put(taken, item);
        (*count)++;
    }
    if (more < 0)
        disconnect(link, connection, LOG_LEVEL_WARNING, "its framing is broken");
}

/* No packet is there. While other signers are at work the receiver sees to it that an answer which
 * waits for company leaves when none has come in time: the one who left it may by now be in a
 * signature that takes long. */
static void wait_for_packet(struct link_worker *worker, struct connection *connection)
{
    struct pollfd coming = {.fd = connection_fd(connection), .events = POLLIN};
    while (connection_answers_are_due(connection) &&
           poll(&coming, 1, CONNECTION_ANSWER_CAP_MS) == 0)
        if (connection_answers_wait(connection))
            connection_flush(connection, &worker->spare);
}

/* The next packet; may_wait: until there is one. Its length, or 0 when there is none to have. */
static size_t receive_packet(struct link *link, struct link_worker *worker,
                             struct connection *connection, bool may_wait)
{
    int flags = MSG_TRUNC | (may_wait ? 0 : MSG_DONTWAIT);
    ssize_t n;
    if (connection_is_closed(connection)) {
        drop(link, connection);
        return 0;
    }
    do
        n = recv(connection_fd(connection), worker->in, sizeof worker->in, flags);
    while (n < 0 && errno == EINTR);
    if (n > (ssize_t)sizeof worker->in)
        disconnect(link, connection, LOG_LEVEL_WARNING, "a packet is longer than WALL_PACKET_MAX");
    else if (n < 0 && errno != EAGAIN)
        disconnect(link, connection, LOG_LEVEL_NOTICE, strerrordesc_np(errno));
    else if (n == 0 && !atomic_load(&link->stopped))
        disconnect(link, connection, LOG_LEVEL_NOTICE, "it has closed the connection");
    return n > 0 && n <= (ssize_t)sizeof worker->in ? (size_t)n : 0;
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

/* The receiver's role: all packets that are there, up to a good handful of requests; may_wait: at
 * least one. The link's lock is held on entry and on return. */
static void receive(struct link *link, struct link_worker *worker, bool may_wait)
{
    struct connection *connection = link->current;
    struct queue taken;
    unsigned count = 0;
    queue_init(&taken);
    link->receiving = true;
    connection_hold(connection);
    pthread_mutex_unlock(&link->lock);
    size_t length = receive_packet(link, worker, connection, false);
    bool waited = length == 0 && may_wait && !connection_is_closed(connection);
    if (waited) {
        wait_for_packet(worker, connection);
        length = receive_packet(link, worker, connection, true);
    }
    while (length > 0) {
        queue_frames(link, worker, connection, length, &taken, &count);
        length = count < RECEIVE_ENOUGH ? receive_packet(link, worker, connection, false) : 0;
    }
    connection_release(connection);
    pthread_mutex_lock(&link->lock);
    link->receiving = false;
    append(&link->requests, &taken);
    for (unsigned n = helpers(link, worker, count, waited); n > 0; n--)
        pthread_cond_signal(&link->work);
}

/* Takes in what lies in the socket, where nobody else does. */
static void take_in(struct link *link, struct link_worker *worker, struct connection *connection)
{
    pthread_mutex_lock(&link->lock);
    if (!link->receiving && link->current == connection)
        receive(link, worker, false);
    pthread_mutex_unlock(&link->lock);
}

/* ---- Taking ---------------------------------------------------------------------------------- */

/* What waits on the current connection goes out. The link's lock is held on entry and on return. */
static void flush_current(struct link *link, struct link_worker *worker)
{
    struct connection *connection = link->current;
    if (connection == NULL)
        return;
    connection_hold(connection);
    pthread_mutex_unlock(&link->lock);
    connection_flush(connection, &worker->spare);
    connection_release(connection);
    pthread_mutex_lock(&link->lock);
}

/* Somebody else receives, or nobody is there. The link's lock is held on entry and on return. */
static void wait_for_work(struct link *link, struct link_worker *worker)
{
    bool bounded = link->current != NULL && connection_answers_wait(link->current);
    int errnum = 0;
    link->idle++;
    if (bounded) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += CONNECTION_ANSWER_CAP_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        errnum = pthread_cond_timedwait(&link->work, &link->lock, &until);
    } else {
        pthread_cond_wait(&link->work, &link->lock);
    }
    link->idle--;
    if (errnum == ETIMEDOUT)
        flush_current(link, worker);
}

struct link_item *link_take(struct link *link, struct link_worker *worker)
{
    struct link_item *item = NULL;
    pthread_mutex_lock(&link->lock);
    while (!atomic_load(&link->stopped)) {
        item = queue_get(&link->requests);
        if (item != NULL && !connection_is_closed(item->connection))
            break;
        if (item != NULL)
            discard(item);
        else if (!link->receiving && link->current != NULL)
            receive(link, worker, true);
        else
            wait_for_work(link, worker);
        item = NULL;
    }
    if (item == NULL)
        flush_current(link, worker);
    pthread_mutex_unlock(&link->lock);
    if (item != NULL)
        item->taken_ns = clock_monotonic_ns();
    return item;
}

void link_pass(struct link *link, struct link_item *item)
{
    item->passed = true;
    connection_pass(item->connection);
    pthread_mutex_lock(&link->lock);
    queue_put(&link->managing, item);
    pthread_cond_signal(&link->managing_work);
    pthread_mutex_unlock(&link->lock);
}

struct link_item *link_take_managing(struct link *link)
{
    struct link_item *item = NULL;
    pthread_mutex_lock(&link->lock);
    while (!atomic_load(&link->stopped)) {
        item = queue_get(&link->managing);
        if (item != NULL && !connection_is_closed(item->connection))
            break;
        if (item != NULL)
            discard(item);
        else
            pthread_cond_wait(&link->managing_work, &link->lock);
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
    connection_set_greeted(item->connection);
}

bool link_is_greeted(const struct link_item *item)
{
    return connection_is_greeted(item->connection);
}

void link_reject(struct link *link, struct link_item *item, const char *why)
{
    disconnect(link, item->connection, LOG_LEVEL_WARNING, why);
    discard(item);
}
