/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Parts go through a ring of slots, each with a buffer that is used again. Whoever makes the part
 * that is due writes it, and those behind it that are ready. */
#include "client/dnssec/crew.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#define SLOTS_PER_THREAD 4 /* so that nobody waits for one slow part */

struct slot {
    struct bytes bytes;
    bool ready;
};

struct run {
    const struct crew *crew;
    pthread_mutex_t mutex;
    pthread_cond_t moved; /* `written`, `ended` or `status` has changed */
    size_t taken;         /* parts */
    size_t written;
    bool writing;
    bool ended; /* there are no further parts */
    enum keyd_status status;
    struct keyd_error err;
    size_t slot_count;
    struct slot slots[CREW_MAX * SLOTS_PER_THREAD];
};

static unsigned count_cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count < 1 ? 1 : (unsigned)count;
}

/* The first error counts. Under the mutex. */
static void end_with(struct run *run, enum keyd_status status, const struct keyd_error *err)
{
    if (status != KEYD_OK && run->status == KEYD_OK) {
        run->status = status;
        run->err = *err;
    }
    pthread_cond_broadcast(&run->moved);
}

/* Writes what is due. Under the mutex, which is let go of while writing. */
static void write_ready(struct run *run)
{
    if (run->writing)
        return;
    run->writing = true;
    for (;;) {
        struct slot *slot = &run->slots[run->written % run->slot_count];
        if (!slot->ready || run->status != KEYD_OK)
            break;
        struct keyd_error err;
        pthread_mutex_unlock(&run->mutex);
        enum keyd_status status =
            run->crew->write(run->crew->context, slot->bytes.data, slot->bytes.length, &err);
        pthread_mutex_lock(&run->mutex);
        slot->ready = false;
        run->written++;
        end_with(run, status, &err);
    }
    run->writing = false;
}

/* Waits until there is room, and takes a part. Under the mutex. */
static bool take(struct run *run, void *part, size_t *number)
{
    while (run->status == KEYD_OK && !run->ended && run->taken - run->written >= run->slot_count)
        pthread_cond_wait(&run->moved, &run->mutex);
    if (run->status != KEYD_OK || run->ended)
        return false;
    if (!run->crew->take(run->crew->context, part)) {
        run->ended = true;
        pthread_cond_broadcast(&run->moved);
        return false;
    }
    *number = run->taken++;
    return true;
}

static void work_at(struct run *run, void *desk, void *part)
{
    const struct crew *crew = run->crew;
    size_t number;
    pthread_mutex_lock(&run->mutex);
    while (take(run, part, &number)) {
        struct keyd_error err;
        struct slot *slot = &run->slots[number % run->slot_count];
        pthread_mutex_unlock(&run->mutex);
        bytes_reset(&slot->bytes);
        enum keyd_status status = crew->make(crew->context, desk, part, &slot->bytes, &err);
        if (status == KEYD_OK && slot->bytes.failed)
            status = keyd_fail_errno(&err, ENOMEM, "the signed zone");
        pthread_mutex_lock(&run->mutex);
        slot->ready = status == KEYD_OK;
        end_with(run, status, &err);
        write_ready(run);
    }
    pthread_mutex_unlock(&run->mutex);
}

static void *work(void *context)
{
    struct run *run = context;
    const struct crew *crew = run->crew;
    struct keyd_error err;
    void *desk = NULL;
    void *part = malloc(crew->part_size);
    enum keyd_status status = part != NULL ? crew->open(crew->context, &desk, &err)
                                           : keyd_fail_errno(&err, ENOMEM, "a thread");
    if (status == KEYD_OK)
        work_at(run, desk, part);
    pthread_mutex_lock(&run->mutex);
    end_with(run, status, &err);
    crew->close(crew->context, desk);
    pthread_mutex_unlock(&run->mutex);
    free(part);
    return NULL;
}

enum keyd_status crew_run(const struct crew *crew, struct keyd_error *err)
{
    pthread_t threads[CREW_MAX];
    size_t started = 0;
    struct run *run = calloc(1, sizeof *run);
    if (run == NULL)
        return keyd_fail_errno(err, ENOMEM, "threads");
    unsigned wanted = crew->threads != 0 ? crew->threads : count_cores();
    if (wanted > CREW_MAX)
        wanted = CREW_MAX;
    run->crew = crew;
    run->slot_count = (size_t)wanted * SLOTS_PER_THREAD;
    pthread_mutex_init(&run->mutex, NULL);
    pthread_cond_init(&run->moved, NULL);
    while (started + 1 < wanted && pthread_create(&threads[started], NULL, work, run) == 0)
        started++;
    work(run);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    enum keyd_status status = run->status;
    if (status != KEYD_OK && err != NULL)
        *err = run->err;
    for (size_t i = 0; i < run->slot_count; i++)
        bytes_free(&run->slots[i].bytes);
    pthread_cond_destroy(&run->moved);
    pthread_mutex_destroy(&run->mutex);
    free(run);
    return status;
}
