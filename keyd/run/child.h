/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One daemon that keyd-run keeps alive: started, watched, started again with back-off, ended.
 */
#ifndef KEYD_RUN_CHILD_H
#define KEYD_RUN_CHILD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A daemon that was READY and died comes back at once: an HSM process that a watchdog ended must
 * not cost its callers more than its own start. One that dies before it is ready waits, twice as
 * long each time. */
#define CHILD_DELAY_FIRST_MS 100
#define CHILD_DELAY_MAX_MS   5000

/* From SIGTERM to SIGKILL: more than the 5 seconds that each daemon takes at most. */
#define CHILD_STOP_MAX_MS 10000

/* Its configuration is bad. At first that ends all: nobody relies on the others yet. Of one that
 * has served the file was good and can be mended: it is tried again, and the others go on. */
#define CHILD_STATUS_USAGE 2

struct child {
    char name[80]; /* for the log: "keyd" or "keyd-hsm NAME" */
    char program[PATH_MAX];
    char config[PATH_MAX]; /* what follows --config */
    pid_t pid;             /* 0: not running */
    bool secluded;         /* gets no input and no open files of keyd-run's own starter */
    bool ready;            /* said READY=1 since it was started */
    bool has_served;       /* was ready once */
    bool hopeless;         /* ended with CHILD_STATUS_USAGE, and has never served */
    int64_t kill_at_ns;  /* CLOCK_MONOTONIC: it was told to end, and is killed then; 0: not told */
    int delay_ms;        /* before the next start */
    int64_t start_at_ns; /* CLOCK_MONOTONIC of the next start, when pid is 0 */
};

/* Forks and executes, with NOTIFY_SOCKET as given; the child gets SIGTERM when this process dies,
 * however it dies. False when fork failed: start_at_ns is put off. */
bool child_start(struct child *child, const char *notify_socket);

/* It has ended, as waitpid's status says: logs it and sets the time of the next start, or that it
 * is hopeless. */
void child_ended(struct child *child, int wait_status, bool stopping);

/* Tells it to end, if it runs; called again, kills it when its time is over. */
void child_stop(struct child *child);

#endif
