/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/front/rpc/connections.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "keyd/base/clock.h"
#include "keyd/base/memory.h"

/* An owner at the limit costs a system call for each connection that it has. */
#define RECOUNT_EVERY_NS 100000000LL

struct connection {
    bool counted;
    unsigned owner;
    uint64_t cookie; /* the kernel's: of this socket and of no other, ever */
};

struct connections {
    struct connection *by_fd;
    int files_max;
    unsigned *counts;   /* by owner; connections that have ended may still be counted */
    int64_t *recounted; /* by owner: when, CLOCK_MONOTONIC, nanoseconds */
    unsigned each_max;
};

struct connections *connections_new(int files_max, unsigned owners, unsigned each_max)
{
    struct connections *made = memory_zeroed(1, sizeof *made);
    made->files_max = files_max;
    made->each_max = each_max;
    made->by_fd = memory_zeroed((size_t)files_max, sizeof *made->by_fd);
    made->counts = memory_zeroed(owners, sizeof *made->counts);
    made->recounted = memory_zeroed(owners, sizeof *made->recounted);
    return made;
}

void connections_free(struct connections *connections)
{
    if (connections == NULL)
        return;
    free(connections->by_fd);
    free(connections->counts);
    free(connections->recounted);
    free(connections);
}

static bool cookie_of(int fd, uint64_t *cookie)
{
    socklen_t size = sizeof *cookie;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, cookie, &size) == 0;
}

static void forget(struct connections *connections, int fd)
{
    struct connection *at = &connections->by_fd[fd];
    if (at->counted)
        connections->counts[at->owner]--;
    at->counted = false;
}

static void recount(struct connections *connections, unsigned owner)
{
    int64_t now = clock_monotonic_ns();
    if (now - connections->recounted[owner] < RECOUNT_EVERY_NS)
        return;
    connections->recounted[owner] = now;
    for (int fd = 0; fd < connections->files_max; fd++) {
        const struct connection *at = &connections->by_fd[fd];
        uint64_t cookie;
        if (at->counted && at->owner == owner && (!cookie_of(fd, &cookie) || cookie != at->cookie))
            forget(connections, fd);
    }
}

bool connections_add(struct connections *connections, int fd, unsigned owner)
{
    struct connection new = {.counted = true, .owner = owner};
    if (fd >= connections->files_max || !cookie_of(fd, &new.cookie))
        return false;
    forget(connections, fd);
    if (connections->counts[owner] >= connections->each_max)
        recount(connections, owner);
    if (connections->counts[owner] >= connections->each_max)
        return false;
    connections->by_fd[fd] = new;
    connections->counts[owner]++;
    return true;
}
