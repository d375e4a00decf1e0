/* SPDX-License-Identifier: BSD-2-Clause
 *
 * keyd-run: runs a whole configuration folder in the foreground, for laptops, containers and tests:
 * every keyd-hsm, then keyd; starts again what dies; ends all when it is ended. In production
 * systemd does this, with one user for each. It holds no secret and reads no configuration: it only
 * lists the files.
 */
#include <argp.h>
#include <errno.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/keyid.h"
#include "keyd/base/log.h"
#include "keyd/base/notify.h"
#include "keyd/base/streams.h"
#include "keyd/run/child.h"

#define TOKENS_MAX 64 /* as many as keyd.conf may list */

enum { EXIT_USAGE = 2 };

static const char doc[] =
    "Run keyd and one keyd-hsm for each token of a configuration folder, in the foreground."
    "\v"
    "The folder holds keyd.conf and tokens.d/NAME.conf. What dies is started again; SIGTERM or "
    "Ctrl-C "
    "ends all. The programs are those beside keyd-run.\n"
    "\n"
    "Example:\n"
    "  keyd-run --config /etc/keyd\n"
    "\n"
    "Exit status: 0 ended by a signal, 1 failure, 2 usage or bad configuration.";

static const struct argp_option options[] = {
    {"config", 'c', "FOLDER", 0, "Folder with keyd.conf and tokens.d/ (default: /etc/keyd)", 0},
    {0},
};

struct run {
    const char *folder;
    struct child children[TOKENS_MAX + 1]; /* the keyd-hsm's, and keyd as the last */
    size_t count;
    int signals;
    int notices;
    char notices_name[64]; /* what the children find in NOTIFY_SOCKET */
    bool announced;
    bool stopping;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct run *run = state->input;
    if (key == 'c')
        run->folder = arg;
    else if (key == ARGP_KEY_ARG)
        argp_error(state, "'%s' is not expected; the folder goes with --config", arg);
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

/* ---- What there is to run ------------------------------------------------------------------ */

static bool add(struct run *run, const char *program_folder, const char *program, const char *name,
                const char *config)
{
    struct child *child = &run->children[run->count++];
    snprintf(child->name, sizeof child->name, name != NULL ? "%s %s" : "%s%s", program,
             name != NULL ? name : "");
    int n = snprintf(child->program, sizeof child->program, "%s/%s", program_folder, program);
    int m = snprintf(child->config, sizeof child->config, "%s", config);
    child->delay_ms = CHILD_DELAY_FIRST_MS;
    child->secluded = name == NULL; /* the front */
    if (n >= (int)sizeof child->program || m >= (int)sizeof child->config) {
        log_error("%s: the path is too long", config);
        return false;
    }
    if (access(child->config, R_OK) != 0 || access(child->program, X_OK) != 0) {
        const char *path = access(child->config, R_OK) != 0 ? child->config : child->program;
        log_error("%s: %s", path, strerrordesc_np(errno));
        return false;
    }
    return true;
}

static bool own_folder(char *folder, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", folder, size - 1);
    if (n <= 0)
        return false;
    folder[n] = '\0';
    *strrchr(folder, '/') = '\0';
    return true;
}

static bool add_tokens(struct run *run, const char *programs)
{
    char pattern[PATH_MAX];
    snprintf(pattern, sizeof pattern, "%s/tokens.d/*.conf", run->folder);
    glob_t found = {0};
    if (glob(pattern, 0, NULL, &found) != 0) {
        log_error("%s: no such file; write one for each token (see docs/examples)", pattern);
        return false;
    }
    bool good = found.gl_pathc <= TOKENS_MAX;
    if (!good)
        log_error("%s: more than %d files", pattern, TOKENS_MAX);
    for (size_t i = 0; good && i < found.gl_pathc; i++) {
        char name[NAME_MAX_LENGTH + 1];
        const char *base = strrchr(found.gl_pathv[i], '/') + 1;
        snprintf(name, sizeof name, "%.*s", (int)(strlen(base) - strlen(".conf")), base);
        good = add(run, programs, "keyd-hsm", name, found.gl_pathv[i]);
    }
    globfree(&found);
    return good;
}

static bool list_children(struct run *run)
{
    char programs[PATH_MAX];
    char config[PATH_MAX];
    if (!own_folder(programs, sizeof programs)) {
        log_error("/proc/self/exe: %s", strerrordesc_np(errno));
        return false;
    }
    int n = snprintf(config, sizeof config, "%s/keyd.conf", run->folder);
    return n < (int)sizeof config && add_tokens(run, programs) &&
           add(run, programs, "keyd", NULL, config);
}

/* ---- What happens to it -------------------------------------------------------------------- */

/* An abstract socket: nothing to remove afterwards. Its messages count only from our children, by
 * the kernel's word. */
static bool open_notices(struct run *run)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct keyid unique = keyid_random();
    char text[KEYID_TEXT];
    keyid_format(&unique, text);
    int n = snprintf(run->notices_name, sizeof run->notices_name, "@keyd-run-%s", text);
    memcpy(address.sun_path + 1, run->notices_name + 1, (size_t)n - 1);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n);
    int on = 1;
    run->notices = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (run->notices < 0 || bind(run->notices, (struct sockaddr *)&address, length) != 0 ||
        setsockopt(run->notices, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) {
        log_error("notification socket: %s", strerrordesc_np(errno));
        return false;
    }
    return true;
}

static bool open_signals(struct run *run)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    run->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (run->signals < 0)
        log_error("signalfd: %s", strerrordesc_np(errno));
    return run->signals >= 0;
}

static struct child *child_of(struct run *run, pid_t pid)
{
    for (size_t i = 0; i < run->count; i++)
        if (run->children[i].pid == pid)
            return &run->children[i];
    return NULL;
}

static void take_notices(struct run *run)
{
    for (;;) {
        char text[256];
        char control[CMSG_SPACE(sizeof(struct ucred))];
        struct iovec part = {.iov_base = text, .iov_len = sizeof text - 1};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        ssize_t n = recvmsg(run->notices, &message, 0);
        if (n < 0)
            return;
        text[n] = '\0';
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (header == NULL || header->cmsg_type != SCM_CREDENTIALS)
            continue;
        struct ucred sender;
        memcpy(&sender, CMSG_DATA(header), sizeof sender);
        struct child *child = child_of(run, sender.pid);
        if (child != NULL && strstr(text, "READY=1") != NULL) {
            child->ready = child->has_served = true;
            child->delay_ms = CHILD_DELAY_FIRST_MS;
        }
    }
}

static void begin_stop(struct run *run)
{
    if (run->stopping)
        return;
    run->stopping = true;
    log_notice("stopping");
    notify_supervisor("STOPPING=1");
    child_stop(&run->children[run->count - 1]);
}

static void take_signals(struct run *run)
{
    struct signalfd_siginfo info;
    while (read(run->signals, &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD)
            begin_stop(run);
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct child *child = child_of(run, pid);
        if (child == NULL)
            continue;
        child_ended(child, status, run->stopping);
        if (child->hopeless)
            begin_stop(run);
    }
}

static bool any_running(const struct run *run)
{
    for (size_t i = 0; i < run->count; i++)
        if (run->children[i].pid != 0)
            return true;
    return false;
}

/* The front goes first, so that nobody is promised what no keyd-hsm will do. */
static void go_on_stopping(struct run *run)
{
    struct child *front = &run->children[run->count - 1];
    child_stop(front);
    for (size_t i = 0; i + 1 < run->count && front->pid == 0; i++)
        child_stop(&run->children[i]);
}

static void start_what_is_due(struct run *run)
{
    int64_t now = clock_monotonic_ns();
    for (size_t i = 0; i < run->count; i++)
        if (run->children[i].pid == 0 && run->children[i].start_at_ns <= now)
            child_start(&run->children[i], run->notices_name);
}

static void announce(struct run *run)
{
    for (size_t i = 0; i < run->count; i++)
        if (!run->children[i].ready)
            return;
    run->announced = true;
    log_notice("ready: keyd and %zu keyd-hsm", run->count - 1);
    notify_supervisor("READY=1");
}

/* Milliseconds until something is due, for poll. */
static int next_due_ms(const struct run *run)
{
    if (run->stopping)
        return 100;
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < run->count; i++)
        if (run->children[i].pid == 0 && run->children[i].start_at_ns < next)
            next = run->children[i].start_at_ns;
    if (next == INT64_MAX)
        return -1;
    int64_t ms = (next - clock_monotonic_ns()) / 1000000 + 1;
    return ms > 0 ? (int)ms : 0;
}

static void watch(struct run *run)
{
    while (!run->stopping || any_running(run)) {
        if (run->stopping)
            go_on_stopping(run);
        else
            start_what_is_due(run);
        struct pollfd sources[] = {{.fd = run->signals, .events = POLLIN},
                                   {.fd = run->notices, .events = POLLIN}};
        if (poll(sources, 2, next_due_ms(run)) < 0 && errno != EINTR)
            begin_stop(run);
        take_notices(run); /* before waitpid: a pid is only known until then */
        take_signals(run);
        if (!run->announced && !run->stopping)
            announce(run);
    }
}

static int exit_status(const struct run *run)
{
    for (size_t i = 0; i < run->count; i++)
        if (run->children[i].hopeless)
            return EXIT_USAGE;
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static struct run run = {.folder = "/etc/keyd"};
    const struct argp argp = {options, parse_option, NULL, doc, NULL, NULL, NULL};
    streams_hold("keyd-run");
    argp_program_version = "keyd-run " KEYD_VERSION;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &run);

    log_open("keyd-run", NULL, LOG_LEVEL_INFO);
    if (!list_children(&run))
        return EXIT_USAGE;
    if (!open_signals(&run) || !open_notices(&run))
        return EXIT_FAILURE;
    watch(&run);
    return exit_status(&run);
}
