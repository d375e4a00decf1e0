/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/keeping.h"

#include <stdio.h>

static void tell(const struct keeping *keeping, const char *what, const struct keyd_error *err)
{
    if (!keeping->session->options->quiet)
        complain("%s: %s", what, err->message);
}

static void open_last(struct keeping *keeping)
{
    struct keyd_error err;
    enum keyd_status status = sigcache_open(keeping->path, keeping->seal, &keeping->cache, &err);
    if (status != KEYD_OK && status != KEYD_NOT_FOUND)
        tell(keeping, "no signature is kept, all are made anew", &err);
}

static void open_next(struct keeping *keeping)
{
    struct keyd_error err;
    if (sigcache_begin(keeping->path, keeping->seal, &keeping->writer, &err) != KEYD_OK)
        tell(keeping, "the signatures cannot be kept for the next signing", &err);
}

void keeping_begin(struct keeping *keeping, const struct session *session,
                   const struct dnskey *keys, EVP_PKEY *const *pkeys, size_t count,
                   const struct sigpage_times *times)
{
    struct keyd_error err;
    const struct options *options = session->options;
    *keeping = (struct keeping){.session = session};
    int n = snprintf(keeping->path, sizeof keeping->path, "%s/" SIGCACHE_FILE, session->folder);
    if (n >= (int)sizeof keeping->path)
        return;
    if (sigcache_seal_new(options->zone.wire, keys, pkeys, count, &keeping->seal, &err) !=
        KEYD_OK) {
        tell(keeping, "no signature is kept, all are made anew", &err);
        return;
    }
    if (!options->fresh)
        open_last(keeping);
    if (!options->dry_run)
        open_next(keeping);
    keeping->sign = (struct sign_keeping){
        .seal = keeping->seal, .cache = keeping->cache, .writer = keeping->writer, .times = *times};
}

const struct sign_keeping *keeping_sign(const struct keeping *keeping)
{
    return keeping->cache != NULL || keeping->writer != NULL ? &keeping->sign : NULL;
}

void keeping_end(struct keeping *keeping, bool published)
{
    struct keyd_error err;
    if (keeping->cache != NULL && sigcache_damaged(keeping->cache) &&
        !keeping->session->options->quiet)
        complain("%s: a part of it is damaged: its signatures were made anew", keeping->path);
    if (!published)
        sigcache_drop(keeping->writer);
    else if (keeping->writer != NULL && sigcache_commit(keeping->writer, &err) != KEYD_OK)
        tell(keeping, "the signatures cannot be kept for the next signing", &err);
    sigcache_close(keeping->cache);
    sigcache_seal_free(keeping->seal);
    *keeping = (struct keeping){0};
}
