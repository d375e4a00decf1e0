/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/run/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/log.h"

static void put_off(struct child *child, int ms)
{
    child->start_at_ns = clock_monotonic_ns() + (int64_t)ms * 1000000;
}

static void put_off_further(struct child *child)
{
    put_off(child, child->delay_ms);
    child->delay_ms =
        child->delay_ms * 2 < CHILD_DELAY_MAX_MS ? child->delay_ms * 2 : CHILD_DELAY_MAX_MS;
}

/* What whoever started keyd-run has opened may be a PIN, for a keyd-hsm (`pin_descriptor`). */
static void seclude(void)
{
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing >= 0)
        dup2(nothing, STDIN_FILENO);
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

static _Noreturn void become(const struct child *child, const char *notify_socket, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setenv("NOTIFY_SOCKET", notify_socket, 1);
    if (child->secluded)
        seclude();
    if (getppid() == parent) /* else it died before prctl */
        execl(child->program, child->program, "--config", child->config, (char *)NULL);
    static const char message[] = "keyd-run: exec failed\n";
    ssize_t written = write(STDERR_FILENO, message, sizeof message - 1);
    (void)written;
    _exit(127);
}

bool child_start(struct child *child, const char *notify_socket)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        log_error("cannot start %s: %s", child->name, strerrordesc_np(errno));
        put_off_further(child);
        return false;
    }
    if (pid == 0)
        become(child, notify_socket, parent);
    child->pid = pid;
    child->ready = false;
    log_info("%s started, pid %d", child->name, (int)pid);
    return true;
}

void child_ended(struct child *child, int wait_status, bool stopping)
{
    child->pid = 0;
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == CHILD_STATUS_USAGE)
        child->hopeless = !child->has_served;
    if (stopping)
        return;
    if (child->hopeless) {
        log_error("%s says that its configuration is bad: ending all", child->name);
        return;
    }
    if (child->ready) {
        child->delay_ms = CHILD_DELAY_FIRST_MS;
        put_off(child, 0);
    } else {
        put_off_further(child);
    }
    int64_t wait_ms = (child->start_at_ns - clock_monotonic_ns() + 999999) / 1000000;
    if (WIFSIGNALED(wait_status))
        log_warning("%s was ended by SIG%s; starts again in %d ms", child->name,
                    sigabbrev_np(WTERMSIG(wait_status)), wait_ms > 0 ? (int)wait_ms : 0);
    else
        log_warning("%s ended with status %d; starts again in %d ms", child->name,
                    WEXITSTATUS(wait_status), wait_ms > 0 ? (int)wait_ms : 0);
}

/* SIGCONT: one that is stopped hears no SIGTERM. */
void child_stop(struct child *child)
{
    if (child->pid <= 0)
        return;
    if (child->kill_at_ns == 0) {
        child->kill_at_ns = clock_monotonic_ns() + CHILD_STOP_MAX_MS * 1000000LL;
        kill(child->pid, SIGTERM);
        kill(child->pid, SIGCONT);
    } else if (child->kill_at_ns <= clock_monotonic_ns()) {
        log_warning("%s has not ended in %d seconds: it is killed", child->name,
                    CHILD_STOP_MAX_MS / 1000);
        kill(child->pid, SIGKILL);
        child->kill_at_ns = INT64_MAX;
    }
}
