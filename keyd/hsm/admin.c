/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/admin.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/keyid.h"
#include "keyd/base/log.h"
#include "keyd/base/message.h"
#include "keyd/hsm/listen.h"
#include "keyd/hsm/login.h"

#define BACKLOG 8

struct peer {
    int fd; /* -1: free */
    struct ucred who;
    int64_t until_ns;
};

struct admin {
    int listening;
    struct keyid instance; /* of this process */
    struct peer peers[ADMIN_PEERS];
};

typedef Keyd__Hsm__V1__AdminRequest admin_request;
typedef Keyd__Hsm__V1__AdminAnswer admin_answer;

struct admin *admin_open(const struct hsm_config *config)
{
    struct keyd_error err;
    struct admin *made = calloc(1, sizeof *made);
    if (made == NULL) {
        log_error("no admin socket: no memory left");
        return NULL;
    }
    made->instance = keyid_random();
    for (size_t i = 0; i < ADMIN_PEERS; i++)
        made->peers[i].fd = -1;
    enum keyd_status status =
        listen_bind(config->admin_socket, 0600, "admin_socket", &made->listening, &err);
    if (status == KEYD_OK && listen(made->listening, BACKLOG) == 0)
        return made;
    if (status == KEYD_OK) {
        keyd_fail_errno(&err, errno, "the socket %s", config->admin_socket);
        close(made->listening);
    }
    log_error("no admin socket: %s", err.message);
    free(made);
    return NULL;
}

/* ---- Peers ----------------------------------------------------------------------------------- */

static struct peer *free_peer(struct admin *admin)
{
    for (size_t i = 0; i < ADMIN_PEERS; i++)
        if (admin->peers[i].fd < 0)
            return &admin->peers[i];
    return NULL;
}

/* What a peer has sent and nobody has read would cost it the answer: close tells it ECONNRESET
 * first (unix(7)). So no more is let in, and what is there is thrown away. */
static void hang_up(int fd)
{
    char byte;
    shutdown(fd, SHUT_RD);
    while (recv(fd, &byte, sizeof byte, MSG_DONTWAIT) > 0)
        continue;
    close(fd);
}

static void drop(struct peer *peer)
{
    hang_up(peer->fd);
    peer->fd = -1;
}

static void answer(const struct admin *admin, int fd, admin_answer *message)
{
    uint8_t packet[ADMIN_PACKET_MAX];
    message->instance =
        (ProtobufCBinaryData){KEYID_SIZE, (uint8_t *)(uintptr_t)admin->instance.bytes};
    size_t size = protobuf_c_message_get_packed_size(&message->base);
    assert(size <= sizeof packet);
    protobuf_c_message_pack(&message->base, packet);
    if (send(fd, packet, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        log_debug("an answer on the admin socket was not taken: %s", strerrordesc_np(errno));
}

static void answer_error(const struct admin *admin, int fd, struct keyd_error *err)
{
    admin_answer message = KEYD__HSM__V1__ADMIN_ANSWER__INIT;
    message.status = (uint32_t)err->status;
    message.reason = err->reason;
    message.message = err->message;
    answer(admin, fd, &message);
}

static void accept_peer(struct admin *admin)
{
    static struct log_limit limit = {.kind = "refusals on the admin socket"};
    struct peer *peer = free_peer(admin);
    struct keyd_error err;
    if (peer == NULL)
        return;
    int fd = accept4(admin->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    struct ucred who = {.uid = (uid_t)-1};
    socklen_t size = sizeof who;
    bool known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0;
    if (known && (who.uid == 0 || who.uid == geteuid())) {
        *peer = (struct peer){fd, who, clock_monotonic_ns() + ADMIN_PATIENCE_MS * 1000000LL};
        return;
    }
    if (log_fits(&limit))
        log_warning("refused uid=%u pid=%d on the admin socket: it is for root and for uid=%u",
                    (unsigned)who.uid, (int)who.pid, (unsigned)geteuid());
    keyd_fail(&err, KEYD_PERMISSION_DENIED, "NOT_ADMIN",
              "uid %u may not ask this of keyd-hsm: do it as root, or as its own user, uid %u",
              (unsigned)who.uid, (unsigned)geteuid());
    answer_error(admin, fd, &err);
    hang_up(fd);
}

/* ---- Requests -------------------------------------------------------------------------------- */

static void tell_state(const struct admin *admin, const struct peer *peer,
                       const struct token *token)
{
    admin_answer message = KEYD__HSM__V1__ADMIN_ANSWER__INIT;
    Keyd__Hsm__V1__TokenState state = KEYD__HSM__V1__TOKEN_STATE__INIT;
    state.ready = token->state == TOKEN_READY;
    if (!state.ready) {
        state.reason = (char *)(uintptr_t)token->state_reason;
        state.message = (char *)(uintptr_t)token->state_message;
    }
    message.body_case = KEYD__HSM__V1__ADMIN_ANSWER__BODY_TOKEN_STATE;
    message.token_state = &state;
    answer(admin, peer->fd, &message);
}

/* True when the permit is on disk. */
static bool permit(const struct admin *admin, const struct peer *peer, const struct token *token,
                   bool final_try)
{
    struct keyd_error err;
    if (token_permit_login(token, final_try, &err) != KEYD_OK) {
        answer_error(admin, peer->fd, &err);
        return false;
    }
    log_notice("uid=%u pid=%d permits one login%s: keyd-hsm ends, to be started afresh",
               (unsigned)peer->who.uid, (int)peer->who.pid,
               final_try ? ", the token's final try" : "");
    admin_answer message = KEYD__HSM__V1__ADMIN_ANSWER__INIT;
    Keyd__Hsm__V1__Permitted permitted = KEYD__HSM__V1__PERMITTED__INIT;
    permitted.at_pad = token->at_pad;
    permitted.seconds = ADMIN_RESTART_S + (token->at_pad ? LOGIN_PAD_LIMIT_S : 0);
    message.body_case = KEYD__HSM__V1__ADMIN_ANSWER__BODY_PERMITTED;
    message.permitted = &permitted;
    answer(admin, peer->fd, &message);
    return true;
}

static bool perform(const struct admin *admin, const struct peer *peer, const struct token *token,
                    const admin_request *request)
{
    struct keyd_error err;
    switch (request->body_case) {
    case KEYD__HSM__V1__ADMIN_REQUEST__BODY_GET_STATE:
        tell_state(admin, peer, token);
        return false;
    case KEYD__HSM__V1__ADMIN_REQUEST__BODY_LOGIN:
        return permit(admin, peer, token, request->login->final_try);
    default:
        keyd_fail(&err, KEYD_UNIMPLEMENTED, "REQUEST",
                  "this keyd-hsm (" KEYD_VERSION ") does not know that request: use the program of "
                  "its version");
        answer_error(admin, peer->fd, &err);
        return false;
    }
}

/* An operator who has not waited, as for a long start, stands for no try any more. */
static bool has_left(const struct peer *peer)
{
    struct pollfd event = {.fd = peer->fd};
    if (poll(&event, 1, 0) != 1 || (event.revents & POLLHUP) == 0)
        return false;
    log_notice(
        "uid=%u pid=%d asked on the admin socket and did not wait for the answer: nothing is "
        "done",
        (unsigned)peer->who.uid, (int)peer->who.pid);
    return true;
}

static bool take_request(const struct admin *admin, const struct peer *peer,
                         const struct token *token)
{
    uint8_t packet[ADMIN_PACKET_MAX];
    struct keyd_error err;
    ProtobufCMessage *message = NULL;
    ssize_t size = recv(peer->fd, packet, sizeof packet, MSG_DONTWAIT | MSG_TRUNC);
    if (size <= 0 || has_left(peer))
        return false;
    enum keyd_status status =
        (size_t)size > sizeof packet
            ? keyd_fail(&err, KEYD_INVALID_ARGUMENT, "MESSAGE", "a request has at most %d bytes",
                        ADMIN_PACKET_MAX)
            : message_unpack(&keyd__hsm__v1__admin_request__descriptor, packet, (size_t)size,
                             4 * sizeof packet, &message, &err);
    if (status != KEYD_OK) {
        answer_error(admin, peer->fd, &err);
        return false;
    }
    bool restart = perform(admin, peer, token, (const admin_request *)message);
    protobuf_c_message_free_unpacked(message, NULL);
    return restart;
}

/* ---- The main thread's loop ------------------------------------------------------------------ */

size_t admin_events(struct admin *admin, struct pollfd events[ADMIN_EVENTS], int *wait_ms)
{
    size_t count = 0;
    if (admin == NULL)
        return 0;
    for (size_t i = 0; i < ADMIN_PEERS; i++) {
        const struct peer *peer = &admin->peers[i];
        if (peer->fd < 0)
            continue;
        int64_t left_ms = (peer->until_ns - clock_monotonic_ns()) / 1000000 + 1;
        if (left_ms < 0)
            left_ms = 0;
        if (*wait_ms < 0 || left_ms < *wait_ms)
            *wait_ms = (int)left_ms;
        events[count++] = (struct pollfd){.fd = peer->fd, .events = POLLIN};
    }
    if (count < ADMIN_PEERS)
        events[count++] = (struct pollfd){.fd = admin->listening, .events = POLLIN};
    return count;
}

static bool came(const struct pollfd *events, size_t count, int fd)
{
    for (size_t i = 0; i < count; i++)
        if (events[i].fd == fd)
            return events[i].revents != 0;
    return false;
}

bool admin_take(struct admin *admin, const struct token *token,
                const struct pollfd events[ADMIN_EVENTS], size_t count)
{
    bool restart = false;
    if (admin == NULL)
        return false;
    bool knocked = came(events, count, admin->listening);
    for (size_t i = 0; i < ADMIN_PEERS; i++) {
        struct peer *peer = &admin->peers[i];
        bool ready = peer->fd >= 0 && came(events, count, peer->fd);
        if (ready && !restart)
            restart = take_request(admin, peer, token);
        if (peer->fd >= 0 && (ready || clock_monotonic_ns() >= peer->until_ns))
            drop(peer);
    }
    if (knocked && !restart)
        accept_peer(admin);
    return restart;
}
