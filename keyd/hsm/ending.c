/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/ending.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/fatal.h"
#include "keyd/base/log.h"
#include "keyd/base/notify.h"
#include "keyd/hsm/lastwords.h"
#include "keyd/hsm/watchdog.h"

static sigset_t ends;
static int event = -1;
static atomic_bool asked;

/* What the next start makes of it is said in login.h. */
static const char open_try[] = ". So this try of the PIN came to no end: see that the token is "
                               "well before keyd-hsm is started again";

static void wait_until(int64_t ns)
{
    const struct timespec until = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        continue;
}

/* A start that was ended so did not end by its module's fault: the next one need not tell of it.
 * But a trial that has not come back is one to do without, and the next start says why: else a
 * supervisor with less patience than the watchdog would end each start in it. */
static _Noreturn void leave(void)
{
    const char *function = watchdog_inside();
    if (function != NULL)
        lastwords_leave("keyd-hsm was asked to end, and the module had not come back from",
                        function);
    lastwords_end();
    if (function != NULL)
        log_warning("%s has not come back: the module is left as it is%s", function,
                    strcmp(function, "C_Login") == 0 ? open_try : "");
    else
        log_warning("the end in order has not come: what runs is left as it is");
    _exit(0);
}

/* A log that nobody reads holds up neither the main thread nor the end. */
static void *hear(void *unused)
{
    int number = 0;
    while (sigwait(&ends, &number) != 0)
        continue;
    int64_t heard = clock_monotonic_ns();
    fatal_within(ENDING_LIMIT_MS / 1000);
    atomic_store(&asked, true);
    ssize_t n = write(event, &(uint64_t){1}, sizeof(uint64_t));
    (void)n; /* the first one always fits */
    notify_supervisor("STOPPING=1");
    log_notice("asked to end");
    wait_until(heard + ENDING_WORDS_MS * 1000000LL);
    leave();
    return unused;
}

enum keyd_status ending_start(struct keyd_error *err)
{
    pthread_t thread;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0)
        return keyd_fail_errno(err, errno, "an eventfd");
    int errnum = pthread_create(&thread, NULL, hear, NULL);
    if (errnum != 0)
        return keyd_fail_errno(err, errnum, "the thread that hears signals");
    pthread_detach(thread);
    return KEYD_OK;
}

int ending_event(void)
{
    return event;
}

enum keyd_status ending_check(struct keyd_error *err)
{
    if (!atomic_load(&asked))
        return KEYD_OK;
    return keyd_fail(err, KEYD_CANCELLED, REASON_ENDING, "keyd-hsm was asked to end");
}
