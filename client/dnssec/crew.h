/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One stream of bytes whose parts several threads make at once: parts are taken in order, made in
 * any order, and written in order. Only a few of them are held at any time. Knows nothing of what
 * is made.
 */
#ifndef DNSSEC_CREW_H
#define DNSSEC_CREW_H

#include <stdbool.h>
#include <stddef.h>

#include "client/dns/bytes.h"
#include "keyd/base/error.h"

#define CREW_MAX 64 /* threads: more cores than that wait for the one that writes */

struct crew {
    unsigned threads; /* 0: one for each core that this process may use */
    size_t part_size; /* bytes that say what a part is */
    void *context;
    /* Fills *part with the next part; false: there is none. Called by one thread at a time. */
    bool (*take)(void *context, void *part);
    /* What a thread works with. *desk may be filled on an error, too: it is closed then. */
    enum keyd_status (*open)(void *context, void **desk, struct keyd_error *err);
    void (*close)(void *context, void *desk); /* takes NULL; called by one thread at a time */
    /* Appends the part's bytes to *out. */
    enum keyd_status (*make)(void *context, void *desk, const void *part, struct bytes *out,
                             struct keyd_error *err);
    /* Called by one thread at a time, in the order of the parts. */
    enum keyd_status (*write)(void *context, const void *data, size_t length,
                              struct keyd_error *err);
};

/* Comes back when all is written, or, after an error, when all threads have ended; then that error.
 * The calling thread works too. */
enum keyd_status crew_run(const struct crew *crew, struct keyd_error *err) KEYD_CHECKED;

#endif
