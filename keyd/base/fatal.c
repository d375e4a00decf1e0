/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/base/fatal.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

static void (*_Atomic actions[FATAL_ACTIONS])(void); /* filled from the front */

static void end(int signal_number)
{
    for (size_t i = 0; i < FATAL_ACTIONS; i++) {
        void (*action)(void) = atomic_load(&actions[i]);
        if (action != NULL)
            action();
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void take_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction action;
        if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
            action.sa_handler = end;
            sigaction(numbers[i], &action, NULL);
        }
    }
}

void fatal_do(void (*action)(void))
{
    size_t i = 0;
    while (i < FATAL_ACTIONS && atomic_load(&actions[i]) != NULL) {
        if (atomic_load(&actions[i]) == action)
            return;
        i++;
    }
    assert(i < FATAL_ACTIONS);
    atomic_store(&actions[i], action);
    take_signals();
}

void fatal_within(unsigned seconds)
{
    sigset_t alarm_signal;
    signal(SIGALRM, SIG_DFL);
    sigemptyset(&alarm_signal);
    sigaddset(&alarm_signal, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarm_signal, NULL);
    alarm(seconds);
}
