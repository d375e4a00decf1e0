/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/front/service/service.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "keyd/base/clock.h"
#include "keyd/base/file.h"
#include "keyd/base/memory.h"
#include "keyd/front/service/state.h"

const struct service_method service_methods[] = {
    {"CreateKey", create_create},
    {"DescribeKey", keys_describe},
    {"ListKeys", keys_list},
    {"GetPublicKey", keys_get_public},
    {"Sign", sign_sign},
    {"ListTokens", keys_list_tokens},
    {NULL, NULL},
};

/* ---- A token has listed its keys ----------------------------------------------------------- */

struct listing {
    struct worker_job job;
    struct service *service;
    unsigned token;
    uint64_t generation;
    bool complete;
    struct keyring_key **keys;
    size_t count;
};

static void take_listing(struct worker_job *job)
{
    struct listing *listing = (struct listing *)job;
    struct service *service = listing->service;
    if (listing->complete) {
        create_settle(service, listing->token, listing->keys, listing->count);
        keyring_replace(service->keyring, listing->token, listing->keys, listing->count);
    } else {
        keyring_add_all(service->keyring, listing->keys, listing->count);
    }
    pool_token_up(service->pool, listing->token, listing->generation);
    free(listing->keys);
    free(listing);
}

static void listed(void *context, unsigned token, uint64_t generation, bool complete,
                   struct keyring_key **keys, size_t count)
{
    struct listing *listing = memory_zeroed(1, sizeof *listing);
    *listing = (struct listing){.job = {.run = take_listing},
                                .service = context,
                                .token = token,
                                .generation = generation,
                                .complete = complete,
                                .keys = keys,
                                .count = count};
    worker_post(listing->service->worker, &listing->job);
}

/* ---- The door ------------------------------------------------------------------------------ */

static enum keyd_status make_folder_of(const char *path, struct keyd_error *err)
{
    char *copy = memory_text(path);
    enum keyd_status status = file_make_folder(dirname(copy), 0700, err);
    free(copy);
    return status;
}

enum keyd_status service_open(const struct service_config *config, struct service **service,
                              struct keyd_error *err)
{
    struct service *made = memory_zeroed(1, sizeof *made);
    made->config = *config;
    made->keyring = keyring_new(config->token_count);
    enum keyd_status status = make_folder_of(config->catalog, err);
    if (status == KEYD_OK)
        status = catalog_open(config->catalog, &made->catalog, err);
    if (status == KEYD_OK)
        status = worker_start(&made->worker, err);
    if (status != KEYD_OK) {
        service_close(made);
        return status;
    }
    *service = made;
    return KEYD_OK;
}

enum keyd_status service_start(struct service *service, struct keyd_error *err)
{
    return pool_open(service->config.tokens, service->config.token_count, listed, service,
                     &service->pool, err);
}

static bool all_settled(struct service *service)
{
    for (unsigned i = 0; i < service->config.token_count; i++)
        if (!pool_settled(service->pool, i))
            return false;
    return true;
}

void service_wait(struct service *service, int max_ms)
{
    int64_t until = clock_monotonic_ns() + max_ms * 1000000LL;
    while (!all_settled(service) && clock_monotonic_ns() < until)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

void service_flush(struct service *service)
{
    if (service->pool != NULL)
        pool_flush(service->pool);
}

void service_stop(struct service *service)
{
    pool_stop(service->pool);
}

void service_close(struct service *service)
{
    if (service == NULL)
        return;
    pool_stop(service->pool);
    worker_stop(service->worker);
    pool_free(service->pool);
    catalog_close(service->catalog);
    keyring_free(service->keyring);
    free(service);
}
