/* SPDX-License-Identifier: BSD-2-Clause
 *
 * keydctl's frame: its commands, the options that all of them take, and how one ends. A command's
 * file describes its options to argp and does the work; everything about the command line that is
 * the same for all is here.
 */
#ifndef CLIENT_CTL_COMMAND_H
#define CLIENT_CTL_COMMAND_H

#include <argp.h>

#include "client/lib/keyd.h"
#include "client/show/show.h"

/* What the options common to all commands say. */
struct globals {
    const char *socket; /* NULL: as keyd_connect finds it */
    int timeout_ms;     /* 0: libkeyd's default */
    enum output output;
    bool takes_pem; /* the command knows the outputs pem and der as well */
};

struct command {
    const char *name;
    int (*run)(struct globals *globals, int argc, char **argv); /* gives an exit_status */
};

/* One for each .c of commands, in the order of --help. */
int run_create_key(struct globals *globals, int argc, char **argv);
int run_describe_key(struct globals *globals, int argc, char **argv);
int run_list_keys(struct globals *globals, int argc, char **argv);
int run_get_public_key(struct globals *globals, int argc, char **argv);
int run_sign(struct globals *globals, int argc, char **argv);
int run_status(struct globals *globals, int argc, char **argv);

/* A command line as argp knows it. */
struct options {
    const char *command; /* NULL: keydctl itself, whose first word is a command */
    const struct argp_option *options;
    argp_parser_t
        parser;      /* its state->input is parse_options' `input`; NULL: no options of its own */
    const char *doc; /* as argp takes it: what is after \v comes after the options */
};

/* Reads a command's own options and the common ones into `input` and `globals`. Ends the program on
 * --help, and with EXIT_USAGE on an option that is not there, naming the nearest one. Gives the
 * index of the first word, argc where there is none. */
int parse_options(const struct options *options, int argc, char **argv, void *input,
                  struct globals *globals);

/* Usage errors, each told with what would do: an option that must be there; a key id that is none;
 * a word that is not among those that `name` gives for 1, 2, ... up to "UNKNOWN". NULL is no word.
 */
typedef const char *word_name(int number);
void require(const char *command, const char *option, const char *value, const char *hint);
void check_key_id(const char *command, const char *key_id);
void check_word(const char *command, const char *option, const char *word, word_name *name);

/* The name nearest to `word` in the list (NULL at its end); NULL when none is near. */
const char *nearest(const char *word, const char *const *names);

/* Ends the program with EXIT_USAGE: "keydctl: COMMAND: ..." and where to read on. */
_Noreturn void usage_error(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Connects, or complains and ends the program. */
struct keyd_client *connect_or_exit(const struct globals *globals, const char *command);

/* Complains about what libkeyd said; gives the exit status. */
int fail(const char *command, const struct keyd_error *err);

/* Disconnects and ends the output; gives the exit status. */
int finish(struct keyd_client *client);

#endif
