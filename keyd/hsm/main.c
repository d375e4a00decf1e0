/* SPDX-License-Identifier: BSD-2-Clause
 *
 * keyd-hsm: one token, served to one front. */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyd/base/streams.h"
#include "keyd/hsm/ending.h"
#include "keyd/hsm/listen.h"
#include "keyd/hsm/operator.h"
#include "keyd/hsm/serve.h"
#include "keyd/hsm/watchdog.h"

/* docs/architecture.md, "Exit statuses" */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_REFUSED = 3 };

static const char doc[] =
    "Serves one PKCS #11 token to keyd, over a Unix socket.\n\n"
    "Commands, each with a --help of its own:\n"
    "  admin login  have a running keyd-hsm try its PIN once more\n"
    "\v"
    "It runs in the foreground, logs to standard error, and ends on SIGTERM. FILE is "
    "tokens.d/NAME.conf; NAME is what clients call the token.\n\n"
    "Example:\n"
    "  keyd-hsm --config /etc/keyd/tokens.d/main.conf --check-config\n"
    "  keyd-hsm --config /etc/keyd/tokens.d/main.conf\n\n"
    "Exit status: 0 done; 1 failure, or to be started afresh; 2 usage or configuration; 3 refused.";

enum { OPTION_CHECK = 256, OPTION_NEW_JOURNAL };

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "The token's configuration", 0},
    {"check-config", OPTION_CHECK, NULL, 0,
     "Judge the configuration, say FILE: good or every line that is wrong, and exit", 0},
    {"new-journal", OPTION_NEW_JOURNAL, NULL, 0,
     "Begin a new journal beside a token whose journal is lost; the keys that are on it stay "
     "untouched and unmanaged",
     0},
    {0},
};

struct arguments {
    const char *config;
    bool check;
    bool new_journal;
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'c':
        arguments->config = value;
        return 0;
    case OPTION_CHECK:
        arguments->check = true;
        return 0;
    case OPTION_NEW_JOURNAL:
        arguments->new_journal = true;
        return 0;
    case ARGP_KEY_END:
        if (arguments->config == NULL)
            argp_error(state, "--config FILE is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void print_complaint(void *context, const char *message)
{
    (void)context;
    fprintf(stderr, "%s\n", message);
}

/* What a process with a PIN does not leave behind. */
static void close_curtains(void)
{
    const struct rlimit none = {0};
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &none);
    umask(077);
}

static int fail(const struct keyd_error *err)
{
    log_error("%s", err->message);
    if (strcmp(err->reason, "CONFIGURATION") == 0)
        return EXIT_USAGE;
    return strcmp(err->reason, "JOURNAL_EXISTS") == 0 ? EXIT_REFUSED : EXIT_FAILED;
}

static int run(const struct hsm_config *config, const struct arguments *arguments)
{
    static struct token token;
    struct admin *admin = NULL;
    struct keyd_error err;
    int fd = -1;
    log_open("keyd-hsm", config->name, config->log_level);
    if (config->socket == NULL && listen_systemd_sockets() == 0) {
        config_complain_socket(arguments->config, &err);
        return fail(&err);
    }
    if (pin_check(config, arguments->config, &err) != KEYD_OK)
        return fail(&err);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a journal at its limit is an error of write, not the end */
    enum keyd_status status = ending_start(&err);
    /* A second keyd-hsm, started by mistake, is to notice before it touches socket or token. */
    if (status == KEYD_OK)
        status = token_claim(&token, config, &err);
    if (status == KEYD_OK)
        status = serve_bind(config, &fd, &err);
    if (status == KEYD_OK)
        admin = admin_open(config);
    if (status == KEYD_OK)
        status = watchdog_start(&err);
    if (status == KEYD_OK)
        status = token_start(&token, arguments->new_journal, &err);
    if (status == KEYD_OK)
        status = serve(&token, fd, admin, &err);
    return status == KEYD_OK ? EXIT_DONE : fail(&err);
}

int main(int argc, char **argv)
{
    static const struct argp argp = {.options = options, .parser = parse, .doc = doc};
    struct arguments arguments = {0};
    struct hsm_config *config = NULL;
    streams_hold("keyd-hsm");
    close_curtains();
    /* Set, not defined: with hidden visibility libc would not see a definition of ours. */
    argp_program_version = "keyd-hsm " KEYD_VERSION;
    argp_err_exit_status = EXIT_USAGE;
    if (argc > 1 && strcmp(argv[1], "admin") == 0)
        return operator_main(argc - 1, argv + 1);
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    if (config_load(arguments.config, &config, print_complaint, NULL) != KEYD_OK)
        return EXIT_USAGE;
    if (arguments.check) {
        printf("%s: good\n", arguments.config);
        config_free(config);
        return EXIT_DONE;
    }
    /* A module may be loaded by now, and its exit handlers may meet its threads: none are run. */
    fflush(NULL);
    _exit(run(config, &arguments));
}
