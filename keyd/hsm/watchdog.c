/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/watchdog.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/fatal.h"
#include "keyd/base/log.h"
#include "keyd/hsm/lastwords.h"

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

const char *watchdog_inside(void)
{
    for (size_t i = 0; i < WATCHDOG_PLACES; i++)
        if (atomic_load(&board[i].deadline_ns) != 0)
            return atomic_load(&board[i].function);
    return NULL;
}

static void look(struct place *place)
{
    int64_t now = clock_monotonic_ns(); /* before the deadline is read: never bite who just left */
    int64_t deadline = atomic_load_explicit(&place->deadline_ns, memory_order_acquire);
    if (deadline == 0 || now <= deadline)
        return;
    int64_t limit_ms = atomic_load_explicit(&place->limit_ms, memory_order_relaxed);
    fatal_within(LAST_WORDS_S); /* a log that nobody reads must not hold up the end */
    lastwords_leave("the module has not come back from",
                    atomic_load_explicit(&place->function, memory_order_relaxed));
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

/* ---- A crash --------------------------------------------------------------------------------- */

static const struct fatal {
    int signal;
    const char *moment;
} fatal[] = {{SIGSEGV, "the module crashed (SIGSEGV) in"},
             {SIGBUS, "the module crashed (SIGBUS) in"},
             {SIGILL, "the module crashed (SIGILL) in"},
             {SIGFPE, "the module crashed (SIGFPE) in"},
             {SIGABRT, "the module aborted (SIGABRT) in"}};

#define FATAL (sizeof fatal / sizeof fatal[0])

static struct sigaction before[FATAL];

static void tell(const char *moment, const char *function)
{
    const char *const parts[] = {moment, " ", function, ": keyd-hsm ends, to be started afresh"};
    log_in_handler(LOG_LEVEL_ERROR, parts, sizeof parts / sizeof parts[0]);
}

/* Says whose crash it is, then lets it happen. In the module it is the signal's plain end; outside
 * of it, whatever was to be done about it before. */
static void take_crash(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    const bool in_module = mine != NULL && atomic_load(&mine->deadline_ns) != 0;
    for (size_t i = 0; i < FATAL; i++) {
        if (fatal[i].signal != signal_number)
            continue;
        sigaction(signal_number, &before[i], NULL);
        if (!in_module)
            continue;
        signal(signal_number, SIG_DFL);
        lastwords_leave(fatal[i].moment, atomic_load(&mine->function));
        tell(fatal[i].moment, atomic_load(&mine->function));
    }
    if (info->si_code <= 0) /* sent, as by abort: no instruction would bring it back */
        raise(signal_number);
}

static void watch_for_crashes(void)
{
    for (size_t i = 0; i < FATAL; i++) {
        struct sigaction action = {.sa_sigaction = take_crash, .sa_flags = SA_SIGINFO};
        sigaction(fatal[i].signal, &action, &before[i]);
    }
}

enum keyd_status watchdog_start(struct keyd_error *err)
{
    pthread_t thread;
    watch_for_crashes();
    int errnum = pthread_create(&thread, NULL, watch, NULL);
    if (errnum != 0)
        return keyd_fail_errno(err, errnum, "the watchdog's thread");
    pthread_detach(thread);
    return KEYD_OK;
}
