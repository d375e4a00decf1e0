/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/operator.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/keyid.h"
#include "keyd/base/message.h"
#include "keyd/hsm/admin.h"
#include "keyd/hsm/login.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_REFUSED = 3 };

#define REASON_NOT_RUNNING "NOT_RUNNING"
#define REASON_ENDED       "ENDED"

#define PAUSE_MS 100 /* between two looks whether keyd-hsm is back */

/* A PIN file that was written just before ends keyd-hsm as well: so long it may be away, in
 * seconds. */
#define AWAY_S 5

typedef Keyd__Hsm__V1__AdminRequest admin_request;
typedef Keyd__Hsm__V1__AdminAnswer admin_answer;

/* ---- Words to the operator ------------------------------------------------------------------- */

/* "keyd-hsm: MESSAGE". A token's label is in some, so control characters do not reach a terminal.
 */
static void complain(const char *message)
{
    fputs("keyd-hsm: ", stderr);
    for (; *message != '\0'; message++)
        if ((unsigned char)*message < ' ' || *message == 0x7f)
            fprintf(stderr, "\\x%02x", (unsigned char)*message);
        else
            fputc(*message, stderr);
    fputc('\n', stderr);
}

static void print_complaint(void *context, const char *message)
{
    (void)context;
    fprintf(stderr, "%s\n", message);
}

static int fail(const struct keyd_error *err)
{
    complain(err->message);
    return err->status == KEYD_FAILED_PRECONDITION || err->status == KEYD_PERMISSION_DENIED
               ? EXIT_REFUSED
               : EXIT_FAILED;
}

/* ---- One question, one answer ---------------------------------------------------------------- */

static enum keyd_status no_answer(const char *path, struct keyd_error *err)
{
    return keyd_fail(err, KEYD_DEADLINE_EXCEEDED, "NO_ANSWER",
                     "keyd-hsm listens on %s and does not answer: it is still starting; its log "
                     "says what it waits for",
                     path);
}

static enum keyd_status fail_connect(int errnum, const char *path, struct keyd_error *err)
{
    if (errnum == ENOENT || errnum == ECONNREFUSED)
        return keyd_fail(err, KEYD_UNAVAILABLE, REASON_NOT_RUNNING,
                         "no keyd-hsm listens on %s: start it, then say this again", path);
    if (errnum == EAGAIN)
        return no_answer(path, err);
    if (errnum == EACCES || errnum == EPERM)
        return keyd_fail(err, KEYD_PERMISSION_DENIED, "NOT_ADMIN",
                         "%s is closed to uid %u: do it as root, or as keyd-hsm's user", path,
                         (unsigned)geteuid());
    return keyd_fail_errno(err, errnum, "%s", path);
}

static enum keyd_status connect_to(const char *path, int64_t until_ns, int *fd,
                                   struct keyd_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path)); /* its length was judged with the configuration */
    int made = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (made < 0)
        return keyd_fail_errno(err, errno, "a socket");
    /* For connect as well: it waits where the backlog is full. 0 would be for ever. */
    int64_t left_us = (until_ns - clock_monotonic_ns()) / 1000;
    left_us = left_us > 0 ? left_us : 1;
    struct timeval limit = {.tv_sec = left_us / 1000000, .tv_usec = left_us % 1000000};
    setsockopt(made, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(made, (struct sockaddr *)&address, sizeof address) == 0) {
        *fd = made;
        return KEYD_OK;
    }
    int errnum = errno;
    close(made);
    return fail_connect(errnum, path, err);
}

static enum keyd_status receive(int fd, const char *path, int64_t until_ns, admin_answer **answer,
                                struct keyd_error *err)
{
    uint8_t packet[ADMIN_PACKET_MAX];
    ProtobufCMessage *message = NULL;
    int64_t left_ms = (until_ns - clock_monotonic_ns()) / 1000000;
    struct pollfd event = {.fd = fd, .events = POLLIN};
    if (poll(&event, 1, left_ms > 0 ? (int)left_ms : 0) == 0)
        return no_answer(path, err);
    ssize_t size = recv(fd, packet, sizeof packet, 0);
    if (size <= 0)
        return keyd_fail(err, KEYD_UNAVAILABLE, REASON_ENDED,
                         "keyd-hsm on %s ended without an answer", path);
    enum keyd_status status = message_unpack(&keyd__hsm__v1__admin_answer__descriptor, packet,
                                             (size_t)size, 4 * sizeof packet, &message, err);
    if (status == KEYD_OK)
        *answer = (admin_answer *)message;
    return status;
}

/* Asks, and gives the answer where it is a good one; *answer is *owned*. */
static enum keyd_status ask(const struct hsm_config *config, const admin_request *request,
                            int64_t until_ns, admin_answer **answer, struct keyd_error *err)
{
    uint8_t packet[ADMIN_PACKET_MAX];
    int fd = -1;
    enum keyd_status status = connect_to(config->admin_socket, until_ns, &fd, err);
    if (status != KEYD_OK)
        return status;
    size_t size = protobuf_c_message_pack(&request->base, packet);
    /* Who is not heard has his answer before he has asked: so whether this arrives is no matter. */
    ssize_t sent = send(fd, packet, size, MSG_NOSIGNAL);
    (void)sent;
    status = receive(fd, config->admin_socket, until_ns, answer, err);
    close(fd);
    if (status != KEYD_OK || (*answer)->status == KEYD_OK)
        return status;
    status = keyd_fail(err, (enum keyd_status)(*answer)->status, (*answer)->reason, "%s",
                       (*answer)->message);
    keyd__hsm__v1__admin_answer__free_unpacked(*answer, NULL);
    *answer = NULL;
    return status;
}

/* ---- login ----------------------------------------------------------------------------------- */

struct login_arguments {
    const char *config;
    bool final_try;
    unsigned timeout_s; /* for all of it; 0: as keyd-hsm says */
};

/* What keyd-hsm said to a permit, before it ended. */
struct parting {
    struct keyid instance; /* its own */
    unsigned seconds;      /* how long to wait for the next */
    bool at_pad;
    bool lost; /* one may have heard the permit and ended before it could answer */
};

static bool same_instance(const admin_answer *a, const struct keyid *instance)
{
    return a->instance.len == KEYID_SIZE &&
           memcmp(a->instance.data, instance->bytes, KEYID_SIZE) == 0;
}

static void wait_a_little(void)
{
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
}

/* As ask, of a keyd-hsm that may be about to end, or to come back. *lost becomes true where one has
 * ended that may have heard it. */
static enum keyd_status ask_patiently(const struct hsm_config *config, const admin_request *request,
                                      int64_t until_ns, admin_answer **answer, bool *lost,
                                      struct keyd_error *err)
{
    const int64_t away = clock_monotonic_ns() + AWAY_S * 1000000000LL;
    const int64_t away_until = away < until_ns ? away : until_ns;
    for (;;) {
        enum keyd_status status = ask(config, request, until_ns, answer, err);
        bool ended = status != KEYD_OK && strcmp(err->reason, REASON_ENDED) == 0;
        bool is_away = ended || (status != KEYD_OK && strcmp(err->reason, REASON_NOT_RUNNING) == 0);
        *lost |= ended;
        if (!is_away || clock_monotonic_ns() >= away_until)
            return status;
        wait_a_little();
    }
}

static enum keyd_status permit(const struct hsm_config *config, bool final_try, int64_t until_ns,
                               struct parting *parting, struct keyd_error *err)
{
    admin_request request = KEYD__HSM__V1__ADMIN_REQUEST__INIT;
    Keyd__Hsm__V1__Login login = KEYD__HSM__V1__LOGIN__INIT;
    admin_answer *answer = NULL;
    login.final_try = final_try;
    request.body_case = KEYD__HSM__V1__ADMIN_REQUEST__BODY_LOGIN;
    request.login = &login;
    enum keyd_status status =
        ask_patiently(config, &request, until_ns, &answer, &parting->lost, err);
    if (status != KEYD_OK)
        return status;
    if (answer->body_case == KEYD__HSM__V1__ADMIN_ANSWER__BODY_PERMITTED &&
        answer->instance.len == KEYID_SIZE) {
        memcpy(parting->instance.bytes, answer->instance.data, KEYID_SIZE);
        parting->seconds = answer->permitted->seconds;
        parting->at_pad = answer->permitted->at_pad;
    } else {
        status =
            keyd_fail(err, KEYD_INTERNAL, "MESSAGE", "keyd-hsm gave another answer than asked");
    }
    keyd__hsm__v1__admin_answer__free_unpacked(answer, NULL);
    return status;
}

/* Waits for the keyd-hsm after `former` and asks it; *answer is *owned* and a TokenState. */
static enum keyd_status await_next(const struct hsm_config *config, const struct keyid *former,
                                   int64_t until_ns, admin_answer **answer, struct keyd_error *err)
{
    admin_request request = KEYD__HSM__V1__ADMIN_REQUEST__INIT;
    Keyd__Hsm__V1__GetState get = KEYD__HSM__V1__GET_STATE__INIT;
    request.body_case = KEYD__HSM__V1__ADMIN_REQUEST__BODY_GET_STATE;
    request.get_state = &get;
    enum keyd_status status = KEYD_OK;
    while (clock_monotonic_ns() < until_ns) {
        status = ask(config, &request, until_ns, answer, err);
        if (status == KEYD_OK && !same_instance(*answer, former) &&
            (*answer)->body_case == KEYD__HSM__V1__ADMIN_ANSWER__BODY_TOKEN_STATE)
            return KEYD_OK;
        if (status == KEYD_OK)
            keyd__hsm__v1__admin_answer__free_unpacked(*answer, NULL);
        *answer = NULL;
        wait_a_little();
    }
    if (status != KEYD_OK && strcmp(err->reason, REASON_NOT_RUNNING) != 0)
        return status;
    return keyd_fail(
        err, KEYD_UNAVAILABLE, "NOT_RESTARTED",
        "keyd-hsm has ended, and nothing has started it again. Start it (a supervisor "
        "does, as keyd-run, or systemd with Restart=always): the login is permitted for "
        "%d minutes",
        TRIES_PERMIT_S / 60);
}

static int say_outcome(const struct hsm_config *config, const Keyd__Hsm__V1__TokenState *state)
{
    if (state->ready) {
        printf("logged in to the token %s\n", config->name);
        return EXIT_DONE;
    }
    complain(state->message);
    return strcmp(state->reason, REASON_LOGIN_NOT_TRIED) == 0 ? EXIT_REFUSED : EXIT_FAILED;
}

/* From the permit on nobody knows whether it was used, unless the next keyd-hsm says so: what fails
 * is no refusal then. */
static int log_in(const struct hsm_config *config, const struct login_arguments *arguments)
{
    struct parting parting = {0};
    struct keyd_error err;
    admin_answer *answer = NULL;
    const int64_t began = clock_monotonic_ns();
    const unsigned first_s = arguments->timeout_s > 0 ? arguments->timeout_s : ADMIN_RESTART_S;
    if (permit(config, arguments->final_try, began + first_s * 1000000000LL, &parting, &err) !=
        KEYD_OK) {
        int status = fail(&err);
        return parting.lost ? EXIT_FAILED : status;
    }
    if (parting.at_pad) {
        printf("type the PIN at the token's pad, within %d seconds\n", LOGIN_PAD_LIMIT_S);
        fflush(stdout);
    }
    int64_t until = arguments->timeout_s > 0
                        ? began + arguments->timeout_s * 1000000000LL
                        : clock_monotonic_ns() + parting.seconds * 1000000000LL;
    if (await_next(config, &parting.instance, until, &answer, &err) != KEYD_OK) {
        complain(err.message);
        return EXIT_FAILED;
    }
    int status = say_outcome(config, answer->token_state);
    keyd__hsm__v1__admin_answer__free_unpacked(answer, NULL);
    return status;
}

enum { OPTION_FINAL_TRY = 256, OPTION_TIMEOUT };

#define TIMEOUT_MAX_S 3600

static unsigned seconds_of(const char *value, struct argp_state *state)
{
    char *end;
    errno = 0;
    unsigned long seconds = strtoul(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || seconds < 1 ||
        seconds > TIMEOUT_MAX_S)
        argp_error(state, "--timeout takes 1 to %d seconds, not '%s'", TIMEOUT_MAX_S, value);
    return (unsigned)seconds;
}

static error_t parse_login(int key, char *value, struct argp_state *state)
{
    struct login_arguments *arguments = state->input;
    switch (key) {
    case 'c':
        arguments->config = value;
        return 0;
    case OPTION_FINAL_TRY:
        arguments->final_try = true;
        return 0;
    case OPTION_TIMEOUT:
        arguments->timeout_s = seconds_of(value, state);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s': it takes options only", value);
        return 0;
    case ARGP_KEY_END:
        if (arguments->config == NULL)
            argp_error(state, "--config FILE is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int run_login(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"config", 'c', "FILE", 0, "The token's configuration", 0},
        {"final-try", OPTION_FINAL_TRY, NULL, 0,
         "Try also where one more wrong PIN locks the token", 0},
        {"timeout", OPTION_TIMEOUT, "SECONDS", 0,
         "Wait so long for what comes of it (default: 30, at a pad 150)", 0},
        {0},
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse_login,
        .doc = "Has keyd-hsm try the PIN once more, although it was refused before, or the token "
               "counts wrong PINs, or the last try came to no end; or asks for the PIN at the "
               "token's own pad.\v"
               "keyd-hsm notes the permit, ends, and tries when its supervisor has started it "
               "afresh; this waits for what comes of it. Only root and keyd-hsm's own user may.\n\n"
               "Example:\n"
               "  keyd-hsm admin login --config /etc/keyd/tokens.d/main.conf\n\n"
               "Exit status: 0 logged in; 1 failure; 2 usage or configuration; 3 refused, and "
               "nothing was tried."};
    struct login_arguments arguments = {0};
    struct hsm_config *config = NULL;
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    if (config_load(arguments.config, &config, print_complaint, NULL) != KEYD_OK)
        return EXIT_USAGE;
    int status = log_in(config, &arguments);
    config_free(config);
    return status;
}

/* ---- Commands -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    char title[32]; /* for usage and errors */
    int (*run)(int argc, char **argv);
} commands[] = {{"login", "keyd-hsm admin login", run_login}};

struct command_line {
    int at; /* of the command's name */
};

static error_t parse_command(int key, char *value, struct argp_state *state)
{
    struct command_line *line = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
            if (strcmp(value, commands[i].name) == 0) {
                line->at = state->next - 1;
                state->next = state->argc;
                return 0;
            }
        argp_error(state, "no command '%s'", value);
        return 0;
    case ARGP_KEY_END:
        if (line->at == 0)
            argp_error(state, "which command?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int operator_main(int argc, char **argv)
{
    static const struct argp argp = {
        .parser = parse_command,
        .args_doc = "COMMAND [OPTION...]",
        .doc = "Asks something of a keyd-hsm that runs on this host.\n\n"
               "Commands, each with a --help of its own:\n"
               "  login  have it try the PIN once more\n"
               "\v"
               "Example:\n"
               "  keyd-hsm admin login --config /etc/keyd/tokens.d/main.conf\n\n"
               "Exit status: 0 done; 1 failure; 2 usage or configuration; 3 refused."};
    static char name[] = "keyd-hsm admin";
    char title[sizeof commands[0].title];
    struct command_line line = {0};
    argv[0] = name;
    argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &line);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(argv[line.at], commands[i].name) == 0) {
            memcpy(title, commands[i].title, sizeof title);
            argv[line.at] = title;
            return commands[i].run(argc - line.at, argv + line.at);
        }
    return EXIT_USAGE;
}
