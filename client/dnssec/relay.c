/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/relay.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "client/dnssec/batch.h"

#define BATCHES     4                   /* one filled, one worked at, two between them */
#define BATCH_BYTES ((size_t)64 * 1024) /* some 600 records: they stay in the core's cache */

struct relay {
    zone_sink sink;
    void *context;
    bool threaded;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct bytes batches[BATCHES]; /* a ring */
    size_t filled;                 /* batches that were handed over */
    size_t done;
    bool ended; /* no more will be handed over */
    bool failed;
    enum keyd_status status;
    struct keyd_error err;
};

static void *work(void *context)
{
    struct relay *relay = context;
    pthread_mutex_lock(&relay->mutex);
    while (!relay->failed) {
        if (relay->done == relay->filled && relay->ended)
            break;
        if (relay->done == relay->filled) {
            pthread_cond_wait(&relay->changed, &relay->mutex);
            continue;
        }
        struct keyd_error err;
        struct bytes *batch = &relay->batches[relay->done % BATCHES];
        pthread_mutex_unlock(&relay->mutex);
        enum keyd_status status =
            batch_play(batch->data, batch->length, 0, relay->sink, relay->context, &err);
        pthread_mutex_lock(&relay->mutex);
        bytes_reset(batch);
        relay->done++;
        if (status != KEYD_OK) {
            relay->failed = true;
            relay->status = status;
            relay->err = err;
        }
        pthread_cond_signal(&relay->changed);
    }
    pthread_mutex_unlock(&relay->mutex);
    return NULL;
}

enum keyd_status relay_new(zone_sink sink, void *context, struct relay **relay,
                           struct keyd_error *err)
{
    struct relay *made = calloc(1, sizeof *made);
    if (made == NULL)
        return keyd_fail_errno(err, ENOMEM, "verifying");
    made->sink = sink;
    made->context = context;
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->changed, NULL);
    made->threaded = pthread_create(&made->thread, NULL, work, made) == 0;
    *relay = made;
    return KEYD_OK;
}

/* Gives the batch that was filled to the thread; waits for room for the next one. */
static void hand_over(struct relay *relay)
{
    pthread_mutex_lock(&relay->mutex);
    relay->filled++;
    pthread_cond_signal(&relay->changed);
    while (relay->filled - relay->done == BATCHES && !relay->failed)
        pthread_cond_wait(&relay->changed, &relay->mutex);
    pthread_mutex_unlock(&relay->mutex);
}

static bool has_failed(struct relay *relay)
{
    pthread_mutex_lock(&relay->mutex);
    bool failed = relay->failed;
    pthread_mutex_unlock(&relay->mutex);
    return failed;
}

enum keyd_status relay_take(void *context, const struct zone_record *record, struct keyd_error *err)
{
    struct relay *relay = context;
    if (!relay->threaded)
        return relay->sink(relay->context, record, err);
    struct bytes *batch = &relay->batches[relay->filled % BATCHES];
    batch_add(batch, record);
    if (batch->failed)
        return keyd_fail_errno(err, ENOMEM, "verifying");
    if (batch->length < BATCH_BYTES)
        return KEYD_OK;
    hand_over(relay);
    if (has_failed(relay))
        return keyd_fail(err, KEYD_ABORTED, "RELAY", "the records are not wanted any more");
    return KEYD_OK;
}

enum keyd_status relay_end(struct relay *relay, struct keyd_error *err)
{
    if (relay == NULL)
        return KEYD_OK;
    if (relay->threaded) {
        struct bytes *batch = &relay->batches[relay->filled % BATCHES];
        pthread_mutex_lock(&relay->mutex);
        if (!relay->failed && batch->length > 0)
            relay->filled++;
        relay->ended = true;
        pthread_cond_signal(&relay->changed);
        pthread_mutex_unlock(&relay->mutex);
        pthread_join(relay->thread, NULL);
    }
    enum keyd_status status = relay->status;
    if (status != KEYD_OK && err != NULL)
        *err = relay->err;
    for (size_t i = 0; i < BATCHES; i++)
        bytes_free(&relay->batches[i]);
    pthread_cond_destroy(&relay->changed);
    pthread_mutex_destroy(&relay->mutex);
    free(relay);
    return status;
}
