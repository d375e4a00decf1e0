/* SPDX-License-Identifier: BSD-2-Clause
 *
 * keydctl: keyd's keys from the command line, with the commands and options of `aws kms`.
 */
#include <stdlib.h>
#include <string.h>

#include "client/ctl/command.h"
#include "keyd/base/streams.h"

static const struct command commands[] = {
    {"create-key", run_create_key},         {"describe-key", run_describe_key},
    {"list-keys", run_list_keys},           {"sign", run_sign},
    {"get-public-key", run_get_public_key}, {"status", run_status},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static const struct options options = {
    .doc = "Makes, shows and uses keys in an HSM, through keyd.\n"
           "\n"
           "Commands, each with a --help of its own:\n"
           "  create-key      make a key pair in a token\n"
           "  describe-key    show what keyd knows of a key\n"
           "  list-keys       list the keys\n"
           "  get-public-key  give a key's public half\n"
           "  sign            sign a message or a digest\n"
           "  status          show keyd, its tokens, and who you are to it\n"
           "\v"
           "Example:\n"
           "  keydctl create-key --key-spec ECC_NIST_P256 --alias alias/ksk\n"
           "\n"
           "Exit status: 0 done; 1 failure; 2 usage; 3 refused: keyd is well, and says no.",
};

static const struct command *find_command(const char *name)
{
    const char *names[COMMANDS + 1] = {NULL};
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
        names[i] = commands[i].name;
    }
    const char *near = nearest(name, names);
    if (near != NULL)
        usage_error(NULL, "no command '%s'; did you mean %s?", name, near);
    usage_error(NULL, "no command '%s'", name);
}

int main(int argc, char **argv)
{
    struct globals globals = {0};
    output_open("keydctl");
    argp_program_version = "keydctl " KEYD_VERSION;
    int at = parse_options(&options, argc, argv, NULL, &globals);
    if (at == argc)
        usage_error(NULL, "which command?");
    const struct command *command = find_command(argv[at]);
    if (!streams_can_write()) {
        complain("standard output is closed: the answer would be lost, so nothing was asked");
        return EXIT_FAILED;
    }
    return command->run(&globals, argc - at, argv + at);
}
