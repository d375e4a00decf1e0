/* SPDX-License-Identifier: BSD-2-Clause
 * keydctl create-key and describe-key: a key is made, or looked up, and shown. */
#include "client/ctl/command.h"
#include "client/ctl/key.h"
#include "client/show/meter.h"
#include "keyd/base/algorithm.h"
#include "keyd/base/keyid.h"

enum { KEY_SPEC = 1, KEY_USAGE, KEY_DESCRIPTION, KEY_ALIAS, KEY_TOKEN, KEY_REQUEST_ID, KEY_KEY_ID };

static const struct argp_option create_options[] = {
    {"key-spec", KEY_SPEC, "SPEC", 0, "the kind of key, as ECC_NIST_P256 (required)", 0},
    {"key-usage", KEY_USAGE, "USAGE", 0, "what it is for (default: SIGN_VERIFY)", 0},
    {"description", KEY_DESCRIPTION, "TEXT", 0, "for people, up to 1,024 bytes", 0},
    {"alias", KEY_ALIAS, "alias/NAME", 0, "a name for it, given together with the key", 0},
    {"token", KEY_TOKEN, "NAME", 0, "the token to make it in (default: keyd's default_token)", 0},
    {"request-id", KEY_REQUEST_ID, "ID", 0,
     "a name of your own for this request: sent twice with it, it makes one key", 0},
    {0},
};

static error_t parse_create(int key, char *arg, struct argp_state *state)
{
    struct keyd_create_key_request *request = state->input;
    switch (key) {
    case KEY_SPEC:
        request->key_spec = arg;
        return 0;
    case KEY_USAGE:
        request->key_usage = arg;
        return 0;
    case KEY_DESCRIPTION:
        request->description = arg;
        return 0;
    case KEY_ALIAS:
        request->alias = arg;
        return 0;
    case KEY_TOKEN:
        request->token = arg;
        return 0;
    case KEY_REQUEST_ID:
        request->request_id = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct options create = {
    .command = "create-key",
    .options = create_options,
    .parser = parse_create,
    .doc = "Makes a key pair inside a token and shows it.\v"
           "Example:\n"
           "  keydctl create-key --key-spec ECC_NIST_P256 --alias alias/ksk \\\n"
           "      --description 'KSK of example.org'",
};

static const char *spec_name(int number)
{
    return key_spec_name((key_spec)number);
}

static const char *usage_name(int number)
{
    return key_usage_name((key_usage)number);
}

static void check_alias(const char *alias)
{
    if (alias == NULL || alias_is_valid(alias))
        return;
    if (name_is_valid(alias))
        usage_error(create.command, "--alias %s: did you mean alias/%s?", alias, alias);
    usage_error(create.command,
                "--alias %s: give alias/NAME, NAME of 1 to %d letters, digits, '-' and '_', and "
                "not like a UUID",
                alias, NAME_MAX_LENGTH);
}

int run_create_key(struct globals *globals, int argc, char **argv)
{
    struct keyd_create_key_request request = {0};
    parse_options(&create, argc, argv, &request, globals);
    require(create.command, "--key-spec", request.key_spec, "a kind of key, as ECC_NIST_P256");
    check_word(create.command, "--key-spec", request.key_spec, spec_name);
    check_word(create.command, "--key-usage", request.key_usage, usage_name);
    check_alias(request.alias);

    struct keyd_client *client = connect_or_exit(globals, create.command);
    struct keyd_error err;
    struct keyd_key *key;
    meter_open(false);
    meter_step("Making the key", NULL);
    enum keyd_status status = keyd_create_key(client, &request, globals->timeout_ms, &key, &err);
    meter_close();
    if (status != KEYD_OK) {
        keyd_disconnect(client);
        return fail(create.command, &err);
    }
    print_key(globals->output, key);
    keyd_key_free(key);
    return finish(client);
}

static const struct argp_option describe_options[] = {
    {"key-id", KEY_KEY_ID, "KEY", 0, "a key id, or alias/NAME (required)", 0},
    {0},
};

static error_t parse_describe(int key, char *arg, struct argp_state *state)
{
    const char **key_id = state->input;
    if (key != KEY_KEY_ID)
        return ARGP_ERR_UNKNOWN;
    *key_id = arg;
    return 0;
}

static const struct options describe = {
    .command = "describe-key",
    .options = describe_options,
    .parser = parse_describe,
    .doc = "Shows what keyd knows of a key, its token here or away.\v"
           "Example:\n"
           "  keydctl describe-key --key-id alias/ksk --output json",
};

int run_describe_key(struct globals *globals, int argc, char **argv)
{
    const char *key_id = NULL;
    parse_options(&describe, argc, argv, &key_id, globals);
    check_key_id(describe.command, key_id);

    struct keyd_client *client = connect_or_exit(globals, describe.command);
    struct keyd_error err;
    struct keyd_key *key;
    if (keyd_describe_key(client, key_id, globals->timeout_ms, &key, &err) != KEYD_OK) {
        keyd_disconnect(client);
        return fail(describe.command, &err);
    }
    print_key(globals->output, key);
    keyd_key_free(key);
    return finish(client);
}
