/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The wall as keyd-hsm sees it: one front at a time, its requests in a bounded queue, and who takes
 * them; how answers leave is the connection's. Knows frames and Hello's place as the first; not
 * what requests mean.
 *
 * Signers take from the wall themselves: whoever finds the queue empty becomes the receiver, takes
 * in the packets that are there, wakes as many others as there is work for, and goes on with the
 * first request. No thread stands in between.
 */
#ifndef KEYD_HSM_LINK_H
#define KEYD_HSM_LINK_H

#include <stdbool.h>
#include <sys/types.h>

#include "keyd/hsm/connection.h"

struct link;

/* One frame in hand. *Owned* by the thread that took it, until link_answer,
 * link_pass or link_reject. */
struct link_item {
    struct link_item *next;
    struct connection *connection;
    bool first;       /* of its connection: must be Hello; no other may */
    bool passed;      /* given on to the managing thread */
    int64_t taken_ns; /* when a signer began with it */
    size_t size;
    uint8_t frame[]; /* one packed Request, not unpacked yet */
};

/* What a thread needs to send and receive; one each, from link_worker_new. */
struct link_worker;

struct link *link_new(void); /* NULL: no memory */
struct link_worker *link_worker_new(void);

/* A front has connected: it replaces the one that is there, and what that one asked for and nobody
 * has begun with is let go. *Given away*: fd. Any thread. */
void link_accept(struct link *link, int fd, uid_t uid, pid_t pid);

/* The next request for a signer. Blocks until there is one; NULL when the link is stopped. */
struct link_item *link_take(struct link *link, struct link_worker *worker);

/* Gives an item on to the managing thread, which takes it with link_take_managing (as link_take),
 * in order. What a front that is gone has asked and nobody has begun with is not done: so whatever
 * a new front finds in its listing is all that there will be of the former one's creations. */
void link_pass(struct link *link, struct link_item *item);
struct link_item *link_take_managing(struct link *link);

/* Packs the answer, frees the item, and sends what waits where it is time to. at_once: send now. An
 * answer to a front that is gone is dropped. Blocks while a front does not read,
 * CONNECTION_SEND_LIMIT_MS at most. */
void link_answer(struct link *link, struct link_worker *worker, struct link_item *item,
                 const wall_answer *answer, bool at_once);

/* The item's front has greeted well: what follows is taken. */
void link_greeted(struct link_item *item);
bool link_is_greeted(const struct link_item *item);

/* The front has broken the rules: disconnects it, frees the item. why: for the log. */
void link_reject(struct link *link, struct link_item *item, const char *why);

/* Says to the front that this process runs, where WALL_BEAT_MS have passed since it last did.
 * Returns the milliseconds until the next time, or -1 while there is no front. Main thread, which
 * does nothing else that takes so long; does not block. */
int link_beat(struct link *link);

/* No more requests: those in the queue are left, link_take gives NULL. Any thread. */
void link_stop(struct link *link);

/* After link_stop, and when nobody is in the link any more: the front sees at once that it has no
 * keyd-hsm, however long the process takes to its end. */
void link_hang_up(struct link *link);

#endif
