/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/front/service/worker.h"

#include <pthread.h>
#include <stdlib.h>

#include "keyd/base/memory.h"

struct worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct worker_job *first;
    struct worker_job **end;
    bool stopping;
};

static struct worker_job *next_job(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    while (worker->first == NULL && !worker->stopping)
        pthread_cond_wait(&worker->news, &worker->lock);
    struct worker_job *job = worker->first;
    if (job != NULL) {
        worker->first = job->next;
        if (worker->first == NULL)
            worker->end = &worker->first;
    }
    pthread_mutex_unlock(&worker->lock);
    return job;
}

static void *work(void *argument)
{
    struct worker_job *job;
    while ((job = next_job(argument)) != NULL)
        job->run(job);
    return NULL;
}

enum keyd_status worker_start(struct worker **worker, struct keyd_error *err)
{
    struct worker *made = memory_zeroed(1, sizeof *made);
    made->end = &made->first;
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->news, NULL);
    int failed = pthread_create(&made->thread, NULL, work, made);
    if (failed != 0) {
        free(made);
        return keyd_fail_errno(err, failed, "starting the worker thread");
    }
    *worker = made;
    return KEYD_OK;
}

void worker_post(struct worker *worker, struct worker_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&worker->lock);
    *worker->end = job;
    worker->end = &job->next;
    pthread_cond_signal(&worker->news);
    pthread_mutex_unlock(&worker->lock);
}

void worker_stop(struct worker *worker)
{
    if (worker == NULL)
        return;
    pthread_mutex_lock(&worker->lock);
    worker->stopping = true;
    pthread_cond_signal(&worker->news);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    pthread_mutex_destroy(&worker->lock);
    pthread_cond_destroy(&worker->news);
    free(worker);
}
