/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/options.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/dns/ttl.h"
#include "client/dnssec/state.h"
#include "keyd/base/clock.h"

enum {
    KEY_SOCKET = 256,
    KEY_STATE,
    KEY_OUTPUT,
    KEY_NOW,
    KEY_ZONE_FILE,
    KEY_FROM_SERVER,
    KEY_TSIG,
    KEY_SIGNED_ZONE,
    KEY_KEY,
    KEY_TOKEN,
    KEY_ALGORITHM,
    KEY_SIZE,
    KEY_DENIAL,
    KEY_OPT_OUT,
    KEY_ZSK_FILE,
    KEY_JITTER,
    KEY_OUT_OF_ZONE,
    KEY_SERIAL,
    KEY_ZONEMD,
    KEY_NO_ZONEMD,
    KEY_RELOAD,
    KEY_DRY_RUN,
    KEY_VERIFY,
    KEY_FRESH,
};

static const struct argp_option global_options[] = {
    {"socket", KEY_SOCKET, "PATH", 0, "keyd's socket ($KEYD_SOCKET, /run/keyd/keyd.sock)", 90},
    {"state-folder", KEY_STATE, "FOLDER", 0,
     "where zones are remembered ($KEYD_DNSSEC_STATE, " STATE_DEFAULT_FOLDER ")", 90},
    {"output", KEY_OUTPUT, "FORM", 0, "table, json or text", 90},
    {"now", KEY_NOW, "TIME", 0, "take this for the time, as 2026-11-24T08:31:02Z", 90},
    {"quiet", 'q', NULL, 0, "say nothing but errors, and what --output json or text asks for", 90},
    {0},
};

static const struct argp_option enable_options[] = {
    {"zone-file", KEY_ZONE_FILE, "FILE", 0,
     "the unsigned zone, - for standard input; this or --from-server is needed the first time", 1},
    {"from-server", KEY_FROM_SERVER, "ADDRESS[#PORT]", 0,
     "fetch the unsigned zone from this server each time (AXFR); [ADDRESS]:PORT does too", 1},
    {"tsig", KEY_TSIG, "FILE", 0,
     "with --from-server: the key that is shared with the server, as tsig-keygen writes it", 1},
    {"signed-zone", KEY_SIGNED_ZONE, "FILE", 0,
     "the signed one for the server (FILE.signed); it keeps its owner, group and mode; - for "
     "standard output",
     1},
    {"key", KEY_KEY, "alias/NAME", 0,
     "the KSK's key in the HSM, made when there is none (alias/ZONE-ksk, dots as dashes)", 1},
    {"algorithm", KEY_ALGORITHM, "ALGORITHM", 0,
     "of KSK and ZSK, a number or a mnemonic: 8 RSASHA256, 10 RSASHA512, 13 ECDSAP256SHA256 (the "
     "default), 14 ECDSAP384SHA384, 15 ED25519",
     1},
    {"key-size", KEY_SIZE, "BITS", 0,
     "of a KSK of algorithm 8 or 10: 2048 (the default), 3072 or 4096; their ZSK has 2048", 1},
    {"zsk-file", KEY_ZSK_FILE, "FILE", 0,
     "a ZSK made elsewhere, taken instead of making one: dnssec-keygen's or ldns-keygen's K* files",
     1},
    {"denial", KEY_DENIAL, "KIND", 0,
     "how the zone says that a name is not there: nsec (the default), or nsec3, which does not let "
     "the names be listed (SHA-1, 0 iterations, no salt)",
     1},
    {"opt-out", KEY_OPT_OUT, NULL, 0,
     "with --denial nsec3: leave delegations without DS out of the chain", 1},
    {"serial", KEY_SERIAL, "POLICY", 0,
     "of the signed zone: keep (the unsigned one's, the default), increment, unixtime, or date "
     "(2026112400); always above the last one given out",
     1},
    {"out-of-zone", KEY_OUT_OF_ZONE, "WHAT", 0,
     "what to do with records outside of the zone: refuse it (the default), or drop them with a "
     "notice; "
     "a server's are always refused",
     1},
    {"jitter", KEY_JITTER, "DURATION", 0,
     "let signatures end over so long a time, up to 6d, and not all at once (0, the default)", 1},
    {"zonemd", KEY_ZONEMD, NULL, 0,
     "put a digest of the whole zone at its apex (ZONEMD, SHA-384), for secondaries to check", 1},
    {"no-zonemd", KEY_NO_ZONEMD, NULL, 0, "no longer", 1},
    {"token", KEY_TOKEN, "NAME", 0, "the token for a new key (keyd's default)", 1},
    {"reload", KEY_RELOAD, "COMMAND", 0,
     "run by /bin/sh once the signed zone is in place, for a minute at most; '' for none", 1},
    {"dry-run", KEY_DRY_RUN, NULL, 0, "look at everything, tell what would be done, change nothing",
     1},
    {"verify", KEY_VERIFY, "MODE", 0,
     "full: every signature (the default under 10,000 RRsets); sample: those of the apex and 300",
     1},
    {0},
};

static const struct argp_option sign_options[] = {
    {"zone-file", KEY_ZONE_FILE, "FILE", 0,
     "this once the unsigned zone from here, - for standard input", 1},
    {"dry-run", KEY_DRY_RUN, NULL, 0, "sign and verify, but do not publish", 1},
    {"fresh", KEY_FRESH, NULL, 0,
     "make every signature anew, even where the one of the last signing is still good", 1},
    {"verify", KEY_VERIFY, "MODE", 0,
     "full: every signature (the default under 10,000 RRsets); sample: those of the apex and 300",
     1},
    {0},
};

static const struct argp_option verify_options[] = {
    {"signed-zone", KEY_SIGNED_ZONE, "FILE", 0, "this file instead of the published one", 1},
    {"verify", KEY_VERIFY, "MODE", 0, "full (the default here) or sample", 1},
    {0},
};

static const struct command_row {
    const char *name;
    enum command command;
    bool zone_optional;
    const struct argp_option *options;
    const char *summary;
    const char *doc;
} commands[] = {
    {"enable", COMMAND_ENABLE, false, enable_options, "sign a zone from now on",
     "Makes a key in the HSM (or takes the one with that alias) as the zone's KSK, makes its ZSK "
     "on "
     "this host, signs, verifies and publishes the zone, and names the waits before the DS may go "
     "into the parent. If it stops half-way, run it again: nothing is made twice.\v"
     "Example:\n"
     "  keyd-dnssec enable animalsforlife.org --key alias/a4lksk \\\n"
     "      --zone-file /etc/nsd/animalsforlife.org.zone \\\n"
     "      --reload 'nsd-control reload animalsforlife.org'"},
    {"sign", COMMAND_SIGN, false, sign_options, "sign it again, after a change or in time",
     "Reads the zone again, signs what has changed or comes near its end, verifies and publishes "
     "it. "
     "Signatures last 14 days: run it after each change, and once a day, or at least once a week.\v"
     "Example:\n  keyd-dnssec sign animalsforlife.org"},
    {"ds", COMMAND_DS, false, NULL, "the DS record for the parent",
     "Shows what the registrar asks for. With --output text only the DS record.\v"
     "Example:\n  keyd-dnssec ds animalsforlife.org"},
    {"status", COMMAND_STATUS, true, NULL, "keys, signatures and what to do next",
     "Shows one zone, or all.\v"
     "Example:\n  keyd-dnssec status animalsforlife.org --output json"},
    {"verify", COMMAND_VERIFY, false, verify_options, "judge the published zone",
     "Checks the signed zone file as a validator would, every signature, without touching it.\v"
     "Example:\n  keyd-dnssec verify animalsforlife.org"},
};

static void set_output(struct argp_state *state, const char *arg, struct options *options)
{
    static const char *const names[] = {"table", "json", "text"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(arg, names[i]) == 0) {
            options->output = (enum output)i;
            return;
        }
    }
    argp_error(state, "--output %s: table, json or text", arg);
}

static void set_now(struct argp_state *state, const char *arg, struct options *options)
{
    int64_t ms = 0;
    if (!clock_parse(arg, &ms) || ms < 0) {
        argp_error(state, "--now %s is no time: give it as 2026-11-24T08:31:02Z", arg);
        return;
    }
    clock_fix(ms);
    options->have_now = true;
}

static error_t parse_global(int key, char *arg, struct argp_state *state)
{
    struct options *options = state->input;
    switch (key) {
    case KEY_SOCKET:
        options->socket = arg;
        return 0;
    case KEY_STATE:
        options->state_folder = arg;
        return 0;
    case KEY_OUTPUT:
        set_output(state, arg, options);
        return 0;
    case KEY_NOW:
        set_now(state, arg, options);
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp global_argp = {.options = global_options, .parser = parse_global};

static void set_zone(struct argp_state *state, const char *arg, struct options *options)
{
    const char *why = dname_parse(arg, strlen(arg), NULL, &options->zone);
    if (why != NULL) {
        argp_error(state, "zone name '%s': %s", arg, why);
        return;
    }
    dname_lower(options->zone.wire);
    dname_format(options->zone.wire, options->zone_text);
    size_t length = strlen(options->zone_text);
    if (length > 1)
        options->zone_text[length - 1] = '\0';
    options->have_zone = true;
}

static void set_server(struct argp_state *state, const char *arg, struct options *options)
{
    const char *why = server_parse(arg, &options->from_server);
    if (why != NULL)
        argp_error(state, "--from-server %s: %s", arg, why);
    options->have_server = true;
}

static void set_verify(struct argp_state *state, const char *arg, struct options *options)
{
    if (strcmp(arg, "full") == 0)
        options->verify = VERIFY_FULL;
    else if (strcmp(arg, "sample") == 0)
        options->verify = VERIFY_SAMPLE;
    else
        argp_error(state, "--verify %s: full or sample", arg);
}

static void set_denial(struct argp_state *state, const char *arg, struct options *options)
{
    options->have_denial = true;
    if (strcmp(arg, "nsec") == 0)
        options->denial.kind = DENIAL_NSEC;
    else if (strcmp(arg, "nsec3") == 0)
        options->denial.kind = DENIAL_NSEC3;
    else
        argp_error(state, "--denial %s: nsec or nsec3", arg);
}

static const char *not_empty(struct argp_state *state, const char *name, const char *arg)
{
    if (arg[0] == '\0')
        argp_error(state, "--%s is empty", name);
    return arg;
}

static void set_algorithm(struct argp_state *state, const char *arg, struct options *options)
{
    uint8_t number = 0;
    char known[256] = "";
    size_t used = 0;
    if (dnssec_algorithm_parse(arg, strlen(arg), &number))
        options->algorithm = dnssec_algorithm_find(number);
    if (options->algorithm != NULL)
        return;
    const struct dnssec_algorithm *row = NULL;
    for (size_t i = 0; (row = dnssec_algorithm_at(i)) != NULL && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%u (%s)", i > 0 ? ", " : "",
                                 row->number, row->mnemonic);
    argp_error(state, "--algorithm %s: give one of %s", arg, known);
}

static void set_key_size(struct argp_state *state, const char *arg, struct options *options)
{
    static const unsigned sizes[] = {2048, 3072, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char text[8];
        snprintf(text, sizeof text, "%u", sizes[i]);
        if (strcmp(arg, text) == 0) {
            options->key_size = sizes[i];
            return;
        }
    }
    argp_error(state, "--key-size %s: 2048, 3072 or 4096", arg);
}

static void set_jitter(struct argp_state *state, const char *arg, struct options *options)
{
    options->have_jitter = true;
    if (!ttl_parse(arg, strlen(arg), &options->jitter) || options->jitter > STATE_JITTER_MAX)
        argp_error(state, "--jitter %s: a time such as 12h, 6d at most", arg);
}

static void set_out_of_zone(struct argp_state *state, const char *arg, struct options *options)
{
    options->have_out_of_zone = true;
    options->drop_outside = strcmp(arg, "drop") == 0;
    if (!options->drop_outside && strcmp(arg, "refuse") != 0)
        argp_error(state, "--out-of-zone %s: refuse or drop", arg);
}

static void set_serial(struct argp_state *state, const char *arg, struct options *options)
{
    options->have_serial = true;
    if (!serial_policy_parse(arg, &options->serial))
        argp_error(state, "--serial %s: keep, increment, unixtime or date", arg);
}

static void set_key(struct argp_state *state, const char *arg, struct options *options)
{
    options->key = arg;
    if (!alias_is_valid(arg))
        argp_error(state, "--key %s: give it as alias/NAME, with 1 to 63 of [A-Za-z0-9_-]", arg);
}

/* The keys and their algorithm. */
static error_t parse_keys(int key, char *arg, struct argp_state *state, struct options *options)
{
    switch (key) {
    case KEY_KEY:
        set_key(state, arg, options);
        return 0;
    case KEY_ALGORITHM:
        set_algorithm(state, arg, options);
        return 0;
    case KEY_SIZE:
        set_key_size(state, arg, options);
        return 0;
    case KEY_ZSK_FILE:
        options->zsk_file = not_empty(state, "zsk-file", arg);
        return 0;
    case KEY_TOKEN:
        options->token = arg;
        if (!name_is_valid(arg))
            argp_error(state, "--token %s: 1 to 63 of [A-Za-z0-9_-]", arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* What the signed zone will be like. */
static error_t parse_signing(int key, char *arg, struct argp_state *state, struct options *options)
{
    switch (key) {
    case KEY_DENIAL:
        set_denial(state, arg, options);
        return 0;
    case KEY_OPT_OUT:
        options->denial.opt_out = true;
        return 0;
    case KEY_JITTER:
        set_jitter(state, arg, options);
        return 0;
    case KEY_OUT_OF_ZONE:
        set_out_of_zone(state, arg, options);
        return 0;
    case KEY_SERIAL:
        set_serial(state, arg, options);
        return 0;
    case KEY_ZONEMD:
    case KEY_NO_ZONEMD:
        options->have_zonemd = true;
        options->zonemd = key == KEY_ZONEMD;
        return 0;
    default:
        return parse_keys(key, arg, state, options);
    }
}

static error_t parse_command(int key, char *arg, struct argp_state *state)
{
    struct options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = options;
        return 0;
    case KEY_ZONE_FILE:
        options->zone_file = not_empty(state, "zone-file", arg);
        return 0;
    case KEY_FROM_SERVER:
        set_server(state, arg, options);
        return 0;
    case KEY_TSIG:
        options->tsig = not_empty(state, "tsig", arg);
        return 0;
    case KEY_SIGNED_ZONE:
        options->signed_zone = not_empty(state, "signed-zone", arg);
        return 0;
    case KEY_RELOAD:
        options->reload = arg;
        return 0;
    case KEY_DRY_RUN:
        options->dry_run = true;
        return 0;
    case KEY_FRESH:
        options->fresh = true;
        return 0;
    case KEY_VERIFY:
        set_verify(state, arg, options);
        return 0;
    case ARGP_KEY_ARG:
        if (options->have_zone)
            argp_error(state, "one zone at a time: '%s' is one too many", arg);
        else
            set_zone(state, arg, options);
        return 0;
    case ARGP_KEY_END:
        if (options->denial.opt_out && options->denial.kind != DENIAL_NSEC3)
            argp_error(state, "--opt-out goes with --denial nsec3: give both");
        return 0;
    default:
        return parse_signing(key, arg, state, options);
    }
}

static void run_command(const struct command_row *row, int argc, char **argv,
                        struct options *options)
{
    char name[64];
    const struct argp_child children[] = {{&global_argp, 0, "Options of all commands:", 90}, {0}};
    const struct argp argp = {.options = row->options,
                              .parser = parse_command,
                              .args_doc = row->zone_optional ? "[ZONE]" : "ZONE",
                              .doc = row->doc,
                              .children = children};
    snprintf(name, sizeof name, "keyd-dnssec %s", row->name);
    argv[0] = name;
    options->command = row->command;
    argp_parse(&argp, argc, argv, 0, NULL, options);
    if (options->have_zone || row->zone_optional)
        return;
    fprintf(stderr, "%s: which zone? See %s --help\n", name, name);
    exit(EXIT_USAGE);
}

static const struct command_row *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

/* Where the command's own arguments begin. */
struct top {
    struct options *options;
    int command; /* index in argv; 0: none */
};

static error_t parse_top(int key, char *arg, struct argp_state *state)
{
    struct top *top = state->input;
    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = top->options;
        return 0;
    case ARGP_KEY_ARG:
        top->command = state->next - 1;
        state->next = state->argc;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_usage(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void print_version(FILE *stream, struct argp_state *state)
{
    (void)state;
    fprintf(stream, "keyd-dnssec %s\n", KEYD_VERSION);
}

static const char *command_list(void)
{
    static char doc[1024];
    size_t used =
        (size_t)snprintf(doc, sizeof doc,
                         "Signs DNS zones with a KSK that never leaves the HSM.\vCommands "
                         "(COMMAND --help says more):\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0] && used < sizeof doc; i++)
        used += (size_t)snprintf(doc + used, sizeof doc - used, "  %-8s %s\n", commands[i].name,
                                 commands[i].summary);
    if (used < sizeof doc)
        snprintf(doc + used, sizeof doc - used,
                 "\nExit status: 0 done, 1 failure, 2 usage, 3 refusal.\n\nExample:\n"
                 "  keyd-dnssec enable animalsforlife.org --zone-file animalsforlife.org.zone");
    return doc;
}

void options_parse(int argc, char **argv, struct options *options)
{
    const struct argp_child children[] = {{&global_argp, 0, NULL, 0}, {0}};
    const struct argp argp = {.parser = parse_top,
                              .args_doc = "COMMAND [ARGUMENT...]",
                              .doc = command_list(),
                              .children = children};
    const char *folder = getenv("KEYD_DNSSEC_STATE");
    struct top top = {.options = options};
    *options = (struct options){
        .state_folder = folder != NULL && folder[0] != '\0' ? folder : STATE_DEFAULT_FOLDER};
    argp_err_exit_status = EXIT_USAGE;
    argp_program_version_hook = print_version;
    argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &top);
    const struct command_row *row = top.command > 0 ? find_command(argv[top.command]) : NULL;
    if (row == NULL) {
        complain("there is no command '%s'; see keyd-dnssec --help",
                 top.command > 0 ? argv[top.command] : "");
        exit(EXIT_USAGE);
    }
    run_command(row, argc - top.command, argv + top.command, options);
}
