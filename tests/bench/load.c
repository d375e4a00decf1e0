/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Load for keyd through libkeyd: N signatures of 32-byte digests in flight for some seconds. Prints
 * "SIGNATURES_PER_SECOND P50_US P99_US ERRORS".
 *
 *     load SOCKET KEY_ID IN_FLIGHT SECONDS
 */
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/keyd.h"
#include "keyd/base/clock.h"

#define IN_FLIGHT_MAX 1024
#define SAMPLES_MAX   4000000

/* One of the N: starts the next signature when the one before has come. */
struct lane {
    struct load *load;
    int64_t started_ns;
};

struct load {
    struct keyd_client *client;
    struct keyd_sign_request request;
    int64_t end_ns;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    int lanes_busy;
    unsigned long done;
    unsigned long errors;
    struct keyd_error first_error;
    float *samples_us;
    struct lane lanes[IN_FLIGHT_MAX];
};

static void lane_start(struct lane *lane);

static void lane_done(void *context, enum keyd_status status, struct keyd_signature *signature,
                      const struct keyd_error *err)
{
    struct lane *lane = context;
    struct load *load = lane->load;
    int64_t now = clock_monotonic_ns();
    pthread_mutex_lock(&load->lock);
    if (status == KEYD_OK && load->done < SAMPLES_MAX)
        load->samples_us[load->done++] = (float)(now - lane->started_ns) / 1000.0f;
    else if (status != KEYD_OK && load->errors++ == 0)
        load->first_error = *err;
    bool more = now < load->end_ns;
    if (!more && --load->lanes_busy == 0)
        pthread_cond_signal(&load->idle);
    pthread_mutex_unlock(&load->lock);
    keyd_signature_free(signature);
    if (more)
        lane_start(lane);
}

static void lane_start(struct lane *lane)
{
    struct keyd_error error;
    lane->started_ns = clock_monotonic_ns();
    if (keyd_sign_start(lane->load->client, &lane->load->request, 0, lane_done, lane, &error) !=
        KEYD_OK)
        errx(1, "%s", error.message);
}

static int by_size(const void *a, const void *b)
{
    float difference = *(const float *)a - *(const float *)b;
    return (difference > 0) - (difference < 0);
}

int main(int argc, char **argv)
{
    static struct load load = {.lock = PTHREAD_MUTEX_INITIALIZER, .idle = PTHREAD_COND_INITIALIZER};
    int in_flight = argc == 5 ? atoi(argv[3]) : 0;
    double seconds = argc == 5 ? atof(argv[4]) : 0;
    if (in_flight < 1 || in_flight > IN_FLIGHT_MAX || seconds <= 0)
        errx(2, "usage: load SOCKET KEY_ID IN_FLIGHT SECONDS");
    struct keyd_error error;
    if (keyd_connect(argv[1], &load.client, &error) != KEYD_OK)
        errx(1, "%s", error.message);
    static const uint8_t digest[32] = {1};
    load.request = (struct keyd_sign_request){
        .key_id = argv[2], .message = digest, .message_length = sizeof digest, .is_digest = true};
    load.samples_us = calloc(SAMPLES_MAX, sizeof *load.samples_us);
    if (load.samples_us == NULL)
        err(1, "samples");

    int64_t begin_ns = clock_monotonic_ns();
    load.end_ns = begin_ns + (int64_t)(seconds * 1e9);
    load.lanes_busy = in_flight;
    for (int i = 0; i < in_flight; i++) {
        load.lanes[i].load = &load;
        lane_start(&load.lanes[i]);
    }
    pthread_mutex_lock(&load.lock);
    while (load.lanes_busy > 0)
        pthread_cond_wait(&load.idle, &load.lock);
    pthread_mutex_unlock(&load.lock);
    double took = (double)(clock_monotonic_ns() - begin_ns) / 1e9;
    keyd_disconnect(load.client);

    if (load.errors > 0)
        warnx("%lu errors, the first: %s", load.errors, load.first_error.message);
    qsort(load.samples_us, load.done, sizeof *load.samples_us, by_size);
    printf("%.0f %.0f %.0f %lu\n", (double)load.done / took, (double)load.samples_us[load.done / 2],
           (double)load.samples_us[load.done * 99 / 100], load.errors);
    return load.errors > 0;
}
