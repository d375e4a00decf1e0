/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How many connections each uid has, so that one of them cannot take all descriptors from the
 * others. gRPC owns the connections and does not tell when one ends; this finds out by itself: a
 * descriptor's number that is given out again was closed, and where a uid seems to have too many,
 * each is asked for the socket's cookie, by which it is the one that was counted or not.
 *
 * One thread at a time: the one that accepts.
 */
#ifndef KEYD_FRONT_RPC_CONNECTIONS_H
#define KEYD_FRONT_RPC_CONNECTIONS_H

#include <stdbool.h>

struct connections;

/* files_max: descriptors below that number are for connections. owners: they are numbered from 0.
 * each_max: connections that one owner may have. *Owned*. */
struct connections *connections_new(int files_max, unsigned owners, unsigned each_max);
void connections_free(struct connections *connections); /* takes NULL; closes nothing */

/* Counts a connection that was just accepted. False, and it is not counted: the owner has too many,
 * or there are no descriptors left for connections. */
bool connections_add(struct connections *connections, int fd, unsigned owner);

#endif
