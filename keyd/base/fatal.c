/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/base/fatal.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

static void (*_Atomic actions[FATAL_ACTIONS])(void); /* filled from the front */

enum { UNUSED, FILLING, PENDING };

static struct {
    atomic_int state;
    char path[PATH_MAX];
} files[FATAL_FILES];

static void remove_files(void)
{
    for (size_t i = 0; i < FATAL_FILES; i++) {
        if (atomic_load(&files[i].state) == PENDING)
            unlink(files[i].path);
    }
}

static void end(int signal_number)
{
    remove_files();
    for (size_t i = 0; i < FATAL_ACTIONS; i++) {
        void (*action)(void) = atomic_load(&actions[i]);
        if (action != NULL)
            action();
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

void fatal_watch(void)
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
    fatal_watch();
}

int fatal_remove(const char *path)
{
    for (size_t i = 0; i < FATAL_FILES; i++) {
        int unused = UNUSED;
        if (!atomic_compare_exchange_strong(&files[i].state, &unused, FILLING))
            continue;
        if (snprintf(files[i].path, PATH_MAX, "%s", path) < PATH_MAX) {
            atomic_store(&files[i].state, PENDING);
            return (int)i;
        }
        atomic_store(&files[i].state, UNUSED);
        break;
    }
    return -1;
}

void fatal_keep(int file)
{
    if (file >= 0)
        atomic_store(&files[file].state, UNUSED);
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
