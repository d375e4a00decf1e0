/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One thread for what writes to disk: jobs run one after the other, in the order they came. What
 * only jobs touch needs no lock.
 */
#ifndef KEYD_FRONT_SERVICE_WORKER_H
#define KEYD_FRONT_SERVICE_WORKER_H

#include "keyd/base/error.h"

struct worker;

/* Embedded in what the job is about. Not touched by the worker once `run` has begun. */
struct worker_job {
    void (*run)(struct worker_job *job);
    struct worker_job *next; /* the worker's */
};

enum keyd_status worker_start(struct worker **worker, struct keyd_error *err) KEYD_CHECKED;

/* Any thread, also from within a job; does not block. *Borrows* the job until `run`. */
void worker_post(struct worker *worker, struct worker_job *job);

/* Runs what is still queued, then ends the thread and frees. Takes NULL. */
void worker_stop(struct worker *worker);

#endif
