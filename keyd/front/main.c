/* SPDX-License-Identifier: BSD-2-Clause
 *
 * keyd, the front: gRPC on one side, one keyd-hsm per token on the other. It holds no PIN and loads
 * no module.
 */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>

#include "keyd/base/log.h"
#include "keyd/base/notify.h"
#include "keyd/base/streams.h"
#include "keyd/front/config.h"
#include "keyd/front/rpc/server.h"

#define EXIT_USAGE    2
#define START_WAIT_MS 1000 /* for the tokens to be connected before clients may come */

/* argp looks for it by name, across the border of -fvisibility=hidden. */
__attribute__((visibility("default"))) const char *argp_program_version = "keyd " KEYD_VERSION;

static const char documentation[] =
    "Serves keys that live in HSMs over gRPC on a Unix socket (keyd.v1.KeyService)."
    "\v"
    "Runs in the foreground, logs to standard error, ends on SIGTERM or SIGINT.\n"
    "\n"
    "Example:\n"
    "  keyd --config /etc/keyd/keyd.conf --check-config\n"
    "  keyd --config /etc/keyd/keyd.conf\n"
    "\n"
    "A configuration for one token, whose keyd-hsm runs already:\n"
    "  socket: /run/keyd/keyd.sock\n"
    "  catalog: /var/lib/keyd/catalog.sqlite\n"
    "  allow:\n"
    "    - user: operator\n"
    "  tokens:\n"
    "    - name: main\n"
    "      socket: /run/keyd-hsm/main.sock\n"
    "\n"
    "Exit status: 0 done; 1 failure; 2 a bad option or configuration.";

struct options {
    const char *config;
    bool check;
};

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;
    switch (key) {
    case 'c':
        options->config = argument;
        return 0;
    case 'k':
        options->check = true;
        return 0;
    case ARGP_KEY_END:
        if (options->config == NULL)
            argp_error(state, "--config FILE is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option option_list[] = {
    {"config", 'c', "FILE", 0, "Read this configuration (keyd.conf)", 0},
    {"check-config", 'k', NULL, 0, "Judge the configuration, say what is wrong, and end", 0},
    {0},
};

static int tell_faults(const struct config_faults *faults)
{
    for (unsigned i = 0; i < faults->count; i++)
        fprintf(stderr, "%s\n", faults->list[i].message);
    return EXIT_USAGE;
}

/* Signals are taken from a descriptor; must come before the first thread. -1 on failure. */
static int take_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a catalog at its limit is an error of write, not the end */
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void say_who_may_connect(const struct config *config)
{
    char list[CONFIG_UIDS_MAX * 12] = "";
    size_t used = 0;
    for (unsigned i = 0; i < config->uid_count; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, " %u", (unsigned)config->uids[i]);
    log_notice("serving on %s, for uid%s", config->socket, list);
}

/* The socket first: it tells whether another keyd runs, before that one's tokens are disturbed. */
static enum keyd_status serve(const struct config *config, struct service *service, int stop_fd,
                              struct keyd_error *err)
{
    struct server_config server_config = {.socket = config->socket,
                                          .uids = config->uids,
                                          .uid_count = config->uid_count,
                                          .calls_in_flight = config->calls_in_flight};
    struct server *server;
    enum keyd_status status = server_open(&server_config, service, &server, err);
    if (status != KEYD_OK)
        return status;
    status = service_start(service, err);
    if (status == KEYD_OK) {
        service_wait(service, START_WAIT_MS);
        say_who_may_connect(config);
        notify_supervisor("READY=1");
        server_run(server, stop_fd);
        notify_supervisor("STOPPING=1");
        log_notice("stopping");
    }
    server_close(server);
    return status;
}

static enum keyd_status run(const struct config *config, int stop_fd, struct keyd_error *err)
{
    struct pool_token_config tokens[POOL_TOKENS_MAX];
    for (unsigned i = 0; i < config->token_count; i++)
        tokens[i] = (struct pool_token_config){.name = config->tokens[i].name,
                                               .socket = config->tokens[i].socket,
                                               .hsm_uid = config->tokens[i].hsm_uid};
    struct service_config service_config = {.tokens = tokens,
                                            .token_count = config->token_count,
                                            .default_token = config->default_token,
                                            .catalog = config->catalog};
    struct service *service;
    enum keyd_status status = service_open(&service_config, &service, err);
    if (status != KEYD_OK)
        return status;
    status = serve(config, service, stop_fd, err);
    service_close(service);
    return status;
}

int main(int argc, char **argv)
{
    struct argp argp = {.options = option_list, .parser = take_option, .doc = documentation};
    struct options options = {0};
    static struct config_faults faults;
    struct config *config;
    streams_hold("keyd");
    argp_err_exit_status = EXIT_USAGE;
    if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
        return EXIT_USAGE;
    if (config_load(options.config, &config, &faults) != KEYD_OK)
        return tell_faults(&faults);
    if (options.check) {
        printf("%s: good\n", options.config);
        config_free(config);
        return EXIT_SUCCESS;
    }
    log_open("keyd", NULL, config->log_level);
    struct keyd_error err;
    int stop_fd = take_signals();
    enum keyd_status status = stop_fd >= 0
                                  ? run(config, stop_fd, &err)
                                  : keyd_fail(&err, KEYD_INTERNAL, NULL, "signals cannot be taken");
    if (status != KEYD_OK)
        log_error("%s", err.message);
    config_free(config);
    return status == KEYD_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
