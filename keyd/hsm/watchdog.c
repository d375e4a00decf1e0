/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/watchdog.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/log.h"

#define LAST_WORDS_S 2 /* for the error line */

/* One thread's line on the board. The owner writes function and limit, then the deadline; the
 * watchdog reads the deadline first. */
struct place {
    _Atomic int64_t deadline_ns; /* 0: not in the module */
    _Atomic int64_t limit_ms;
    const char *_Atomic function;
} __attribute__((aligned(64))); /* a cache line each: signers write theirs all the time */

static struct place board[WATCHDOG_PLACES];
static atomic_uint places_taken;
static _Thread_local struct place *mine;

void watchdog_enter(const char *function, int64_t limit_ms)
{
    if (mine == NULL) {
        unsigned place = atomic_fetch_add(&places_taken, 1);
        assert(place < WATCHDOG_PLACES);
        mine = &board[place];
    }
    atomic_store_explicit(&mine->function, function, memory_order_relaxed);
    atomic_store_explicit(&mine->limit_ms, limit_ms, memory_order_relaxed);
    atomic_store_explicit(&mine->deadline_ns, clock_monotonic_ns() + limit_ms * 1000000,
                          memory_order_release);
}

void watchdog_leave(void)
{
    atomic_store_explicit(&mine->deadline_ns, 0, memory_order_release);
}

/* A log that nobody reads must not hold up the end: SIGALRM brings it about. */
static void end_without_words(void)
{
    sigset_t alarm_signal;
    signal(SIGALRM, SIG_DFL);
    sigemptyset(&alarm_signal);
    sigaddset(&alarm_signal, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarm_signal, NULL);
    alarm(LAST_WORDS_S);
}

static void look(struct place *place)
{
    int64_t now = clock_monotonic_ns(); /* before the deadline is read: never bite who just left */
    int64_t deadline = atomic_load_explicit(&place->deadline_ns, memory_order_acquire);
    if (deadline == 0 || now <= deadline)
        return;
    int64_t limit_ms = atomic_load_explicit(&place->limit_ms, memory_order_relaxed);
    end_without_words();
    log_error("the module has not come back from %s within %.1f seconds: keyd-hsm ends, to be "
              "started afresh",
              atomic_load_explicit(&place->function, memory_order_relaxed),
              (double)limit_ms / 1000);
    _exit(1);
}

static void *watch(void *unused)
{
    const struct timespec tick = {.tv_nsec = WATCHDOG_TICK_MS * 1000000L};
    for (;;) {
        nanosleep(&tick, NULL);
        for (size_t i = 0; i < WATCHDOG_PLACES; i++)
            look(&board[i]);
    }
    return unused;
}

enum keyd_status watchdog_start(struct keyd_error *err)
{
    pthread_t thread;
    int errnum = pthread_create(&thread, NULL, watch, NULL);
    if (errnum != 0)
        return keyd_fail_errno(err, errnum, "the watchdog's thread");
    pthread_detach(thread);
    return KEYD_OK;
}
