/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_SHOWN 400 /* characters of the command's output in an error */

extern char **environ;

/* Output goes to memory that is a file: unlike a pipe it does not keep us when the command leaves
 * something running behind. */
static int spawn(const char *command, int output, pid_t *pid)
{
    char shell[] = "/bin/sh";
    char dash_c[] = "-c";
    char *copy = strdup(command);
    char *const argv[] = {shell, dash_c, copy, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (copy == NULL)
        return ENOMEM;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    posix_spawn_file_actions_adddup2(&actions, output, 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    int error = posix_spawn(pid, shell, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    free(copy);
    return error;
}

/* False when it had to be killed. *how is waitpid's status. */
static bool wait_for(pid_t pid, int timeout_ms, int *how)
{
    bool in_time = true;
    int fd = pidfd_open(pid, 0);
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    if (fd >= 0) {
        int n;
        do
            n = poll(&waiting, 1, timeout_ms);
        while (n < 0 && errno == EINTR);
        in_time = n != 0;
        close(fd);
    }
    if (!in_time)
        kill(-pid, SIGKILL);
    while (waitpid(pid, how, 0) < 0 && errno == EINTR)
        ;
    return in_time;
}

static void read_output(int output, char text[OUTPUT_SHOWN])
{
    ssize_t n = pread(output, text, OUTPUT_SHOWN - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    for (char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ')
            *at = at[1] != '\0' ? ' ' : '\0';
    }
}

enum keyd_status reload_run(const char *command, int timeout_ms, struct keyd_error *err)
{
    pid_t pid;
    int how = 0;
    char text[OUTPUT_SHOWN];
    int output = memfd_create("reload", MFD_CLOEXEC);
    if (output < 0)
        return keyd_fail_errno(err, errno, "the reload command");
    int error = spawn(command, output, &pid);
    if (error != 0) {
        close(output);
        return keyd_fail_errno(err, error, "/bin/sh for the reload command");
    }
    bool in_time = wait_for(pid, timeout_ms, &how);
    read_output(output, text);
    close(output);
    const char *colon = text[0] != '\0' ? ": " : "";
    if (!in_time)
        return keyd_fail(err, KEYD_INTERNAL, "RELOAD",
                         "'%s' did not end within %d seconds and was killed%s%s", command,
                         timeout_ms / 1000, colon, text);
    if (WIFSIGNALED(how))
        return keyd_fail(err, KEYD_INTERNAL, "RELOAD", "'%s' was ended by signal %d%s%s", command,
                         WTERMSIG(how), colon, text);
    if (WEXITSTATUS(how) != 0)
        return keyd_fail(err, KEYD_INTERNAL, "RELOAD", "'%s' gave exit status %d%s%s", command,
                         WEXITSTATUS(how), colon, text);
    return KEYD_OK;
}
