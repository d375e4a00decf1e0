/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One token as the pool has it: what waits for its keyd-hsm, what is in flight, how it is. For the
 * files of this folder; the door is pool.h, the connection's life is connection.h.
 *
 * Locks, in this order. `send` belongs to whoever packs and sends; `state` guards the queue, the
 * table of what is in flight and the state, and is never held across a system call of the sending
 * or receiving of data. The completing side takes `state` alone, so answers are not held up by a
 * packet that is being sent. `done` is called with no lock held.
 *
 * A tag is the connection's generation and a seat of the table: an answer to a connection that is
 * gone, or to nothing, is seen at once. The seat of a request whose deadline passed in flight stays
 * taken until its answer comes, so that keyd-hsm's bound on what is in flight is kept.
 */
#ifndef KEYD_FRONT_SERVICE_TOKEN_H
#define KEYD_FRONT_SERVICE_TOKEN_H

#include <pthread.h>
#include <sys/un.h>

#include "keyd/base/clock.h"
#include "keyd/front/service/pool.h"
#include "keyd/wall/packet.h"

#define TOKEN_OWN_SEAT         0xffffu    /* the seat of Hello and ListKeys */
#define TOKEN_BACKOFF_FIRST_NS 20000000LL /* a restart of keyd-hsm should not be noticed */

enum token_phase {
    PHASE_DOWN,     /* no connection; connects at `next_try` */
    PHASE_GREETING, /* Hello is out */
    PHASE_LISTING,  /* ListKeys is out */
    PHASE_SETTLING, /* all is listed; pool_token_up is awaited */
    PHASE_UP,
    PHASE_SILENT, /* was UP, and nothing has come for WALL_SILENCE_MS: UP again with the next frame
                   */
};

TAILQ_HEAD(request_list, pool_request);

/* Whom a listing is given to. */
struct token_audience {
    pool_listed *listed;
    void *context;
};

struct token {
    /* Set once, before the reader runs. */
    unsigned number;             /* index in the configuration's order */
    const char *name;            /* *borrowed* from the configuration */
    struct sockaddr_un address;  /* keyd-hsm's socket */
    uid_t hsm_uid;               /* whom it must belong to; POOL_ANY_UID: whoever it is */
    int epoll;                   /* the reader's; `fd` is in it, with the token as its data */
    const atomic_bool *stopping; /* the pool's: nothing is taken any more */
    struct token_audience audience;

    pthread_mutex_t send;
    struct wall_packet packet; /* under `send`: what is being sent; kept while the socket is full */

    pthread_mutex_t state;
    /* Under `state`: */
    enum token_phase phase;
    uint64_t generation; /* of the connection: one more with each that ended */
    int fd;              /* -1: none. Changed by the reader with both locks held, so that each of
                            them, and the reader without any, may read it */
    struct request_list queue;                      /* waiting to be sent, in order */
    size_t queued;                                  /* how many */
    struct pool_request *seats[WALL_IN_FLIGHT_MAX]; /* in flight; NULL: free */
    uint16_t free_seats[WALL_IN_FLIGHT_MAX];        /* a stack: the last one is the next to take */
    size_t free_count;
    bool starved;              /* requests wait for a free seat: an answer makes the reader send */
    int64_t away_since;        /* CLOCK_MONOTONIC, nanoseconds; since when it is not up */
    int64_t away_since_wall;   /* the same in milliseconds since 1970, to be told */
    struct pool_status status; /* as keyd-hsm said it last; AWAY with the reason when it is gone */
    struct token_facts facts;  /* as keyd-hsm said them last */
    bool settled;              /* was up, or has said why not */

    /* The reader's own. */
    int64_t next_try;          /* CLOCK_MONOTONIC, nanoseconds, as the next two */
    int64_t backoff;           /* from a failed try to the next one */
    int64_t greeting_until;    /* when the last key must have been listed */
    struct keyring_key **keys; /* listed so far, in the order of their ids; *owned* */
    size_t key_count;
    size_t key_size;                     /* entries that `keys` has room for */
    char last_trouble[KEYD_MESSAGE_MAX]; /* as logged, so that it is logged once */
    int64_t heard_at;     /* CLOCK_MONOTONIC, nanoseconds: when something came last */
    int64_t next_look;    /* the same: when it is looked whether something has come */
    unsigned quiet_looks; /* so often in a row nothing had */
};

/* *token is zeroed memory; afterwards it is DOWN, with its first try due at once. What `config`
 * points to is borrowed. INVALID_ARGUMENT, SOCKET_PATH; token_free all the same. */
enum keyd_status token_init(struct token *token, unsigned number,
                            const struct pool_token_config *config, struct token_audience audience,
                            const atomic_bool *stopping, struct keyd_error *err) KEYD_CHECKED;

/* After its connection is closed and the last request has ended. Frees what is in it, not itself.
 */
void token_free(struct token *token);

enum token_phase token_phase(struct token *token); /* takes `state` */

/* Since when it is away, as text; and why, *borrowed*. `state` is held. */
void token_away_text(const struct token *token, char text[CLOCK_TEXT_MAX]);
const char *token_away_why(const struct token *token);

/* ---- Requests: any thread, no lock held ---------------------------------------------------- */

/* Puts a request at the queue's end; or says why not, as pool_send does, and leaves it alone. */
enum keyd_status token_take(struct token *token, struct pool_request *request,
                            struct keyd_error *err) KEYD_CHECKED;

/* Sends what waits, as few packets as it takes, until the table or the socket is full: then the
 * reader goes on. Ends what it finds to be overdue. */
void token_flush(struct token *token);

/* Its listing of this connection was taken: UP, and what waits may go out, unless keyd-hsm does not
 * serve: then it is ended. False: it was another connection's, nothing is done. *status: as told.
 */
bool token_come_up(struct token *token, uint64_t generation, struct pool_status *status);

/* Ends what is cancelled or past its deadline, of the queue and of the table. Returns whether
 * anything is left to look after. */
bool token_end_overdue(struct token *token, int64_t now);

/* All that waits in the queue is moved to `list`; `state` is held. */
void token_empty_queue(struct token *token, struct request_list *list);

/* Ends all of a list with this error. No lock is held. */
void requests_fail(struct request_list *list, const struct keyd_error *err);

/* ---- The table ----------------------------------------------------------------------------- */

uint64_t token_tag(const struct token *token, unsigned seat); /* of this connection */

/* Frees the seat of an answer. *request: NULL when its caller is gone. False: nothing was asked
 * under this tag. */
bool token_take_seat(struct token *token, uint64_t tag, struct pool_request **request);

/* Frees all seats; what was in flight is moved to `lost`. `state` is held. */
void token_empty_table(struct token *token, struct request_list *lost);

/* ---- The socket ---------------------------------------------------------------------------- */

/* Sends the packet at hand, and empties it. False: not now (it stays, and the reader is told when
 * there is room), or never: then the connection is shut, and the reader clears it away when it sees
 * the hang-up. `send` is held. */
bool token_send_packet(struct token *token);

/* What the reader is woken for by the socket. `send` is held, or the reader calls. */
void token_want_events(struct token *token, uint32_t events);

#endif
