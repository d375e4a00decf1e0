/* SPDX-License-Identifier: BSD-2-Clause
 * tests/lib/fake_keyd.py as a child process, in a folder of its own. */
#ifndef TESTS_LIB_FAKE_H
#define TESTS_LIB_FAKE_H

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/cmocka.h"

extern char **environ;

struct fake {
    char folder[64];
    char socket[96];
    pid_t pid;  /* 0: not running */
    int stdin_; /* its standard input: it ends when this is closed */
};

static inline void fake_folder(struct fake *fake, const char *name)
{
    *fake = (struct fake){.folder = "/tmp/keyd-lib.XXXXXX", .stdin_ = -1};
    assert_non_null(mkdtemp(fake->folder));
    snprintf(fake->socket, sizeof fake->socket, "%s/%s", fake->folder, name);
}

static inline void fake_kill(struct fake *fake)
{
    if (fake->pid <= 0)
        return;
    kill(fake->pid, SIGKILL);
    waitpid(fake->pid, NULL, 0);
    close(fake->stdin_);
    fake->pid = 0;
}

/* Starts it and waits until it says that it serves. */
static inline void fake_start(struct fake *fake)
{
    fake_kill(fake); /* one that a failed test has left */
    int in[2];
    int out[2];
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    char *const argv[] = {(char *)"/usr/bin/python3", (char *)KEYD_SOURCE "/tests/lib/fake_keyd.py",
                          fake->socket, NULL};
    assert_int_equal(posix_spawn(&fake->pid, argv[0], &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    fake->stdin_ = in[1];
    char ready[6];
    size_t used = 0;
    ssize_t n;
    while (used < sizeof ready && (n = read(out[0], ready + used, sizeof ready - used)) > 0)
        used += (size_t)n;
    close(out[0]);
    assert_memory_equal(ready, "ready\n", sizeof ready);
}

static inline void fake_remove(struct fake *fake)
{
    fake_kill(fake);
    unlink(fake->socket);
    assert_int_equal(rmdir(fake->folder), 0);
}

static inline double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline void sleep_ms(int ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

#endif
