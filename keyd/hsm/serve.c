/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/serve.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/log.h"
#include "keyd/base/notify.h"
#include "keyd/hsm/ending.h"
#include "keyd/hsm/listen.h"
#include "keyd/hsm/work.h"

#define BACKLOG           8
#define TICK_MS           1000 /* how often the PIN file is looked at */
#define NOT_READY_SIGNERS 1    /* threads that tell a front why the token is not ready */

/* How long the front has to read why a token is faulty. */
#define RETRY_AFTER_NS 5000000000LL

/* Where accept fails, as without a free descriptor: not at once again. */
#define ACCEPT_PAUSE_MS 100

/* ---- The socket ------------------------------------------------------------------------------ */

enum keyd_status serve_bind(const struct hsm_config *config, int *fd, struct keyd_error *err)
{
    if (listen_systemd_sockets() > 0)
        return listen_take_systemd(fd, err);
    /* The front is told by its uid when it connects; another user must be able to get that far. */
    mode_t mode = config->front_uid == geteuid() ? 0600 : 0666;
    return listen_bind(config->socket, mode, "socket", fd, err);
}

/* systemd's listens already, with systemd's backlog. */
static enum keyd_status start_listening(const struct hsm_config *config, int fd,
                                        struct keyd_error *err)
{
    if (listen_systemd_sockets() > 0 || listen(fd, BACKLOG) == 0)
        return KEYD_OK;
    return keyd_fail_errno(err, errno, "the socket %s", config->socket);
}

/* ---- Threads --------------------------------------------------------------------------------- */

struct crew {
    struct token *token;
    struct link *link;
    pthread_mutex_t lock;
    pthread_cond_t left; /* a thread has ended */
    unsigned running;
    struct worker managing;
    struct worker signers[CONFIG_SIGNERS_MAX];
};

static struct crew crew = {.lock = PTHREAD_MUTEX_INITIALIZER, .left = PTHREAD_COND_INITIALIZER};

static void *leave(void)
{
    pthread_mutex_lock(&crew.lock);
    crew.running--;
    pthread_cond_signal(&crew.left);
    pthread_mutex_unlock(&crew.lock);
    return NULL;
}

static void *run_signer(void *worker)
{
    struct worker *mine = worker;
    struct link_item *item;
    /* A batch thread does not preempt whoever woke it: +5 % under load. */
    const struct sched_param none = {0};
    pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
    while ((item = link_take(mine->link, mine->own)) != NULL)
        work_sign(mine, item);
    return leave();
}

static void *run_managing(void *worker)
{
    struct worker *mine = worker;
    struct link_item *item;
    while ((item = link_take_managing(mine->link)) != NULL)
        work_manage(mine, item);
    return leave();
}

static enum keyd_status start_thread(struct worker *worker, const struct session *session,
                                     void *(*run)(void *), struct keyd_error *err)
{
    pthread_t thread;
    *worker = (struct worker){
        .token = crew.token, .link = crew.link, .own = link_worker_new(), .session = session};
    int errnum = worker->own != NULL ? pthread_create(&thread, NULL, run, worker) : ENOMEM;
    if (errnum != 0)
        return keyd_fail_errno(err, errnum, "a thread");
    pthread_detach(thread);
    pthread_mutex_lock(&crew.lock);
    crew.running++;
    pthread_mutex_unlock(&crew.lock);
    return KEYD_OK;
}

static enum keyd_status start_crew(struct token *token, struct keyd_error *err)
{
    crew.token = token;
    crew.link = link_new();
    if (crew.link == NULL)
        return keyd_fail_errno(err, ENOMEM, "the wall");
    bool ready = token->state == TOKEN_READY;
    unsigned signers = ready ? token->signer_count : NOT_READY_SIGNERS;
    enum keyd_status status = start_thread(&crew.managing, NULL, run_managing, err);
    for (unsigned i = 0; i < signers && status == KEYD_OK; i++)
        status = start_thread(&crew.signers[i], ready ? &token->signers[i] : NULL, run_signer, err);
    return status;
}

/* ---- The end --------------------------------------------------------------------------------- */

static bool crew_has_left(const struct timespec *until)
{
    pthread_mutex_lock(&crew.lock);
    int errnum = 0;
    while (crew.running > 0 && errnum == 0)
        errnum = pthread_cond_clockwait(&crew.left, &crew.lock, CLOCK_MONOTONIC, until);
    bool left = crew.running == 0;
    pthread_mutex_unlock(&crew.lock);
    return left;
}

static void *run_finalizer(void *module)
{
    module_finalize(module);
    return leave();
}

/* In a thread of its own: C_Finalize may hang like any other call. */
static bool module_has_left(struct module *module, const struct timespec *until)
{
    pthread_t thread;
    crew.running = 1;
    if (pthread_create(&thread, NULL, run_finalizer, module) != 0)
        return false;
    return crew_has_left(until);
}

/* The module is finalised only when nobody can be inside it; then nothing of it may run again, so
 * no exit handlers either. */
static void end(struct token *token, int status)
{
    const int64_t limit = clock_monotonic_ns() + ENDING_ORDER_MS * 1000000LL;
    const struct timespec until = {.tv_sec = limit / 1000000000, .tv_nsec = limit % 1000000000};
    if (crew.link != NULL)
        link_stop(crew.link);
    bool left = crew_has_left(&until);
    if (left && crew.link != NULL)
        link_hang_up(crew.link);
    if (!left)
        log_warning("a module call still runs: the module is left as it is");
    else if (token->loaded && !module_has_left(&token->module, &until))
        log_warning("C_Finalize does not come back: the module is left as it is");
    journal_close(left ? token->journal : NULL);
    _exit(status);
}

/* ---- The loop -------------------------------------------------------------------------------- */

/* A stranger may knock as often as he likes: he gets one line a second. */
static void warn_of_stranger(const struct ucred *peer, uid_t permitted)
{
    static int64_t last;
    int64_t now = clock_monotonic_ns();
    if (last != 0 && now - last < 1000000000)
        return;
    last = now;
    log_warning("refused uid=%u pid=%d: only uid=%u (`front`) may connect", (unsigned)peer->uid,
                (int)peer->pid, (unsigned)permitted);
}

static void accept_front(const struct token *token, int listening)
{
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
            return;
        log_warning("a front cannot be let in: accept: %s", strerrordesc_np(errno));
        poll(NULL, 0, ACCEPT_PAUSE_MS);
        return;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
        peer.uid != token->config->front_uid) {
        warn_of_stranger(&peer, token->config->front_uid);
        close(fd);
        return;
    }
    link_accept(crew.link, fd, peer.uid, peer.pid);
}

static void check_restart(struct token *token, int64_t started_ns)
{
    if (token->retry && clock_monotonic_ns() - started_ns >= RETRY_AFTER_NS) {
        log_notice("keyd-hsm ends, to be started afresh and try again");
        end(token, 1);
    }
    if (token_write_record(token)) {
        log_notice("the login record is on disk now: keyd-hsm ends, to be started afresh");
        end(token, 1);
    }
    /* Until it is, no start could try another PIN either. */
    if (token->state == TOKEN_LOGIN_NEEDED && token->unwritten == NULL &&
        pin_changed(&token->pin)) {
        log_notice("%s has changed: keyd-hsm ends, to be started afresh", token->pin.name);
        end(token, 1);
    }
}

enum keyd_status serve(struct token *token, int fd, struct admin *admin, struct keyd_error *err)
{
    if (ending_check(err) != KEYD_OK)
        end(token, 0);
    enum keyd_status status = start_crew(token, err);
    if (status == KEYD_OK)
        status = start_listening(token->config, fd, err);
    if (status != KEYD_OK)
        return status;
    int64_t started = clock_monotonic_ns();
    struct pollfd events[2 + ADMIN_EVENTS] = {{.fd = ending_event(), .events = POLLIN},
                                              {.fd = fd, .events = POLLIN}};
    notify_supervisor("READY=1");
    log_info("listening on %s for uid=%u",
             token->config->socket != NULL ? token->config->socket : "systemd's socket",
             (unsigned)token->config->front_uid);
    bool waiting = token->retry || token->state == TOKEN_LOGIN_NEEDED;
    for (;;) {
        int wait_ms = link_beat(crew.link);
        if (waiting && (wait_ms < 0 || wait_ms > TICK_MS))
            wait_ms = TICK_MS;
        size_t asked = admin_events(admin, events + 2, &wait_ms);
        poll(events, (nfds_t)(2 + asked), wait_ms);
        if ((events[0].revents & POLLIN) != 0) {
            close(fd);
            end(token, 0);
        }
        if ((events[1].revents & POLLIN) != 0)
            accept_front(token, fd);
        if (admin_take(admin, token, events + 2, asked))
            end(token, 1);
        if (waiting)
            check_restart(token, started);
    }
}
