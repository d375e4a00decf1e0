/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/ctl/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/keyid.h"

/* Option keys above those of the commands. */
enum { KEY_SOCKET = 0x1000, KEY_TIMEOUT, KEY_OUTPUT };

static const struct argp_option global_options[] = {
    {.doc = "Options of all commands:", .group = 1},
    {"socket", KEY_SOCKET, "PATH", 0,
     "keyd's socket (default: $KEYD_SOCKET, else " KEYD_DEFAULT_SOCKET ")", 1},
    {"timeout", KEY_TIMEOUT, "SECONDS", 0, "how long to wait for keyd, up to 60 (default: 10)", 1},
    {"output", KEY_OUTPUT, "FORMAT", 0, "table (default), json, or text: values between tabs", 1},
    {0},
};

void usage_error(const char *command, const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    complain("%s%s%s", command != NULL ? command : "", command != NULL ? ": " : "", message);
    fprintf(stderr, "Try 'keydctl %s%s--help'.\n", command != NULL ? command : "",
            command != NULL ? " " : "");
    exit(EXIT_USAGE);
}

/* Edit distance of Levenshtein, row by row; words longer than the row are never near. */
static size_t distance(const char *a, const char *b)
{
    size_t row[48];
    size_t length = strlen(b);
    if (length >= sizeof row / sizeof row[0])
        return SIZE_MAX;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t insertion = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < insertion ? change : insertion;
        }
    }
    return row[length];
}

const char *nearest(const char *word, const char *const *names)
{
    const char *best = NULL;
    size_t best_distance =
        strlen(word) / 3 + 2; /* as many typing mistakes as such a word may have */
    for (size_t i = 0; names[i] != NULL; i++) {
        size_t away = distance(word, names[i]);
        if (strstr(names[i], word) == names[i] && word[0] != '\0')
            away = 0;
        if (away < best_distance) {
            best_distance = away;
            best = names[i];
        }
    }
    return best;
}

static int read_timeout(const char *text, const char *command)
{
    char *rest;
    double seconds = strtod(text, &rest);
    if (*text == '\0' || *rest != '\0' || !(seconds >= 0.001 && seconds <= 60))
        usage_error(command, "--timeout %s: give seconds, 0.001 to 60", text);
    return (int)(seconds * 1000);
}

static enum output read_output(const char *text, bool takes_pem, const char *command)
{
    static const char *const names[] = {"table", "json", "text", "pem", "der", NULL};
    for (int i = 0; i <= (takes_pem ? OUTPUT_DER : OUTPUT_TEXT); i++)
        if (strcmp(text, names[i]) == 0)
            return (enum output)i;
    usage_error(command, "--output %s: there is table, json and text%s", text,
                takes_pem ? ", pem and der" : "");
}

/* What the parsers of one command line share. */
struct reading {
    const struct options *options;
    void *input;
    struct globals *globals;
    int first_word; /* index in argv of the first argument that is no option */
};

static error_t parse_global(int key, char *arg, struct argp_state *state)
{
    struct reading *reading = state->input;
    struct globals *globals = reading->globals;
    switch (key) {
    case KEY_SOCKET:
        globals->socket = arg;
        return 0;
    case KEY_TIMEOUT:
        globals->timeout_ms = read_timeout(arg, reading->options->command);
        return 0;
    case KEY_OUTPUT:
        globals->output = read_output(arg, globals->takes_pem, reading->options->command);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_frame(int key, char *arg, struct argp_state *state)
{
    struct reading *reading = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = reading;
        if (reading->options->parser != NULL)
            state->child_inputs[1] = reading->input;
        return 0;
    case ARGP_KEY_ARG:
        if (reading->options->command != NULL)
            usage_error(reading->options->command, "'%s': it takes options only", arg);
        reading->first_word = state->next - 1;
        state->next = state->argc;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

#define OPTIONS_MAX 24 /* long options that one command line knows, all told */

static size_t add_options(const struct argp_option *from, const struct argp_option **to,
                          size_t count)
{
    for (; from != NULL && (from->name != NULL || from->doc != NULL); from++)
        if (from->name != NULL && count < OPTIONS_MAX)
            to[count++] = from;
    return count;
}

/* As getopt_long finds it: the whole name, or the beginning of one alone. */
static const struct argp_option *find_option(const struct argp_option **list, size_t count,
                                             const char *name, size_t length)
{
    const struct argp_option *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (strncmp(list[i]->name, name, length) != 0)
            continue;
        if (list[i]->name[length] == '\0')
            return list[i];
        found = list[i];
    }
    return found;
}

static _Noreturn void unknown_option(const char *command, const struct argp_option **list,
                                     size_t count, const char *arg, size_t length)
{
    const char *names[OPTIONS_MAX + 1] = {NULL};
    for (size_t i = 0; i < count; i++)
        names[i] = list[i]->name;
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)length, arg);
    const char *near = nearest(word + strspn(word, "-"), names);
    if (near != NULL)
        usage_error(command, "no option %.*s; did you mean --%s?", (int)length, arg, near);
    usage_error(command, "no option %.*s", (int)length, arg);
}

/* getopt says what is wrong, but not what is near: so the line is looked through before. */
static void find_wrong_options(const struct options *options, int argc, char **argv)
{
    static const struct argp_option built_in[] = {
        {.name = "help"}, {.name = "usage"}, {.name = "version"}, {0}};
    const struct argp_option *list[OPTIONS_MAX];
    size_t count = add_options(options->options, list, 0);
    count = add_options(global_options, list, count);
    count = add_options(built_in, list, count);
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (arg[0] != '-' || strcmp(arg, "--") == 0) {
            if (options->command == NULL || arg[0] == '-')
                return; /* a command of its own, or argp's business */
            continue;
        }
        size_t length = strcspn(arg, "=");
        if (strcmp(arg, "-?") == 0)
            continue;
        const struct argp_option *found =
            strncmp(arg, "--", 2) == 0 ? find_option(list, count, arg + 2, length - 2) : NULL;
        if (found == NULL)
            unknown_option(options->command, list, count, arg, length);
        if (found->arg != NULL && arg[length] == '\0' && ++i == argc)
            usage_error(options->command, "--%s is without its %s", found->name, found->arg);
    }
}

int parse_options(const struct options *options, int argc, char **argv, void *input,
                  struct globals *globals)
{
    find_wrong_options(options, argc, argv);
    struct reading reading = {options, input, globals, argc};
    const struct argp own = {.options = options->options, .parser = options->parser};
    const struct argp global = {.options = global_options, .parser = parse_global};
    const struct argp_child children[] = {
        {.argp = &global, .group = 1},
        {.argp = options->parser != NULL ? &own : NULL},
        {0},
    };
    const struct argp frame = {.parser = parse_frame,
                               .args_doc = options->command == NULL ? "COMMAND [OPTION...]" : NULL,
                               .doc = options->doc,
                               .children = children};
    char name[64];
    snprintf(name, sizeof name, "keydctl%s%s", options->command != NULL ? " " : "",
             options->command != NULL ? options->command : "");
    argv[0] = name;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&frame, argc, argv, ARGP_IN_ORDER, NULL, &reading);
    argv[0] = NULL;
    return reading.first_word;
}

void require(const char *command, const char *option, const char *value, const char *hint)
{
    if (value == NULL || value[0] == '\0')
        usage_error(command, "%s is missing: give %s", option, hint);
}

void check_key_id(const char *command, const char *key_id)
{
    struct keyid id;
    require(command, "--key-id", key_id, "a key id or alias/NAME; keydctl list-keys shows both");
    if (keyid_parse(key_id, &id) || alias_is_valid(key_id))
        return;
    if (name_is_valid(key_id))
        usage_error(command,
                    "--key-id %s: neither a key id (a lower-case UUID) nor an alias; did you mean "
                    "alias/%s?",
                    key_id, key_id);
    usage_error(command, "--key-id %s: give a key id (a lower-case UUID) or alias/NAME", key_id);
}

void check_word(const char *command, const char *option, const char *word, word_name *name)
{
    enum { MAX = 32 };
    const char *names[MAX + 1] = {NULL};
    char list[512] = "";
    if (word == NULL)
        return;
    for (int i = 0; i < MAX && strcmp(name(i + 1), "UNKNOWN") != 0; i++) {
        names[i] = name(i + 1);
        if (strcmp(names[i], word) == 0)
            return;
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    const char *near = nearest(word, names);
    if (near != NULL)
        usage_error(command, "%s %s: did you mean %s?", option, word, near);
    usage_error(command, "%s %s: there is %s", option, word, list);
}

struct keyd_client *connect_or_exit(const struct globals *globals, const char *command)
{
    struct keyd_client *client;
    struct keyd_error err;
    if (keyd_connect(globals->socket, &client, &err) != KEYD_OK)
        exit(fail(command, &err));
    return client;
}

int fail(const char *command, const struct keyd_error *err)
{
    complain("%s: %s", command, err->message);
    return exit_status_of(err);
}

int finish(struct keyd_client *client)
{
    keyd_disconnect(client);
    return output_close() ? EXIT_DONE : EXIT_FAILED;
}
