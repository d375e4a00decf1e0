/* SPDX-License-Identifier: BSD-2-Clause
 * keydctl status: keyd, its tokens, and who you are to it. */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "client/ctl/command.h"

#define NO_WALL "no wall: one uid"

static const struct options status = {
    .command = "status",
    .doc = "Shows keyd's version, who you are to it, and the state of each token. '" NO_WALL
           "' says that keyd-hsm runs under keyd's own uid, so that a broken keyd could reach the "
           "PIN: fine for a test, not for a key that matters.\v"
           "Example:\n"
           "  keydctl status --output json",
};

static void print_status_json(const struct keyd_service *service)
{
    json_t *tokens = json_array();
    for (size_t i = 0; i < service->token_count; i++) {
        const struct keyd_token *token = &service->tokens[i];
        json_t *one = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:b}", //
                                "Token", token->token,                           //
                                "State", token->state,                           //
                                "StateMessage", token->state_message,            //
                                "Label", token->label,                           //
                                "Serial", token->serial,                         //
                                "Manufacturer", token->manufacturer,             //
                                "Model", token->model,                           //
                                "Keys", (json_int_t)token->keys,                 //
                                "SeparateUid", token->separate_uid);
        if (json_array_append_new(tokens, one) != 0)
            errx(EXIT_FAILED, "no memory for the tokens");
    }
    print_json(json_pack("{s:s, s:s, s:s, s:o}", "ServerVersion", service->server_version,
                         "Principal", service->principal, "DefaultToken", service->default_token,
                         "Tokens", tokens));
}

/* Of a keyd-hsm that does not answer nobody knows under which uid it will. */
static const char *wall_of(const struct keyd_token *token)
{
    if (token->separate_uid)
        return "own uid";
    return strcmp(token->state, "AWAY") == 0 ? "" : NO_WALL;
}

static void print_status_text(const struct keyd_service *service)
{
    char keys[24];
    for (size_t i = 0; i < service->token_count; i++) {
        const struct keyd_token *token = &service->tokens[i];
        snprintf(keys, sizeof keys, "%u", token->keys);
        print_fields(token->token, token->state, token->label, token->serial, keys, wall_of(token),
                     token->state_message, NULL);
    }
}

enum { COLUMN_TOKEN, COLUMN_STATE, COLUMN_LABEL, COLUMN_SERIAL, COLUMN_KEYS, COLUMN_WALL, COLUMNS };

static void print_tokens(const struct keyd_service *service)
{
    static const char *const head[COLUMNS] = {"TOKEN", "STATE", "LABEL", "SERIAL", "KEYS", "WALL"};
    typedef char number[12];
    size_t count = service->token_count;
    const char **cells = calloc(count * COLUMNS + 1, sizeof *cells);
    number *numbers = calloc(count + 1, sizeof *numbers);
    if (cells == NULL || numbers == NULL)
        errx(EXIT_FAILED, "no memory for the tokens");
    for (size_t i = 0; i < count; i++) {
        const struct keyd_token *token = &service->tokens[i];
        const char **row = cells + i * COLUMNS;
        snprintf(numbers[i], sizeof numbers[i], "%u", token->keys);
        row[COLUMN_TOKEN] = token->token;
        row[COLUMN_STATE] = token->state;
        row[COLUMN_LABEL] = token->label;
        row[COLUMN_SERIAL] = token->serial;
        row[COLUMN_KEYS] = numbers[i];
        row[COLUMN_WALL] = wall_of(token);
    }
    print_table(head, COLUMNS, cells, count);
    free(cells);
    free(numbers);
}

static void print_status_table(const struct keyd_service *service)
{
    const struct pair pairs[] = {
        {"keyd", service->server_version},
        {"You are", service->principal},
        {"Default token", service->default_token},
    };
    print_pairs(pairs, sizeof pairs / sizeof pairs[0]);
    putchar('\n');
    if (service->token_count == 0)
        puts("No tokens: name one in keyd.conf.");
    else
        print_tokens(service);
    for (size_t i = 0; i < service->token_count; i++) {
        const struct keyd_token *token = &service->tokens[i];
        if (token->state_message[0] == '\0')
            continue;
        putchar('\n');
        print_clean(token->token);
        fputs(": ", stdout);
        print_clean(token->state_message);
        putchar('\n');
    }
}

int run_status(struct globals *globals, int argc, char **argv)
{
    parse_options(&status, argc, argv, NULL, globals);
    struct keyd_client *client = connect_or_exit(globals, status.command);
    struct keyd_service *service;
    struct keyd_error err;
    if (keyd_describe_service(client, globals->timeout_ms, &service, &err) != KEYD_OK) {
        keyd_disconnect(client);
        return fail(status.command, &err);
    }
    if (globals->output == OUTPUT_JSON)
        print_status_json(service);
    else if (globals->output == OUTPUT_TEXT)
        print_status_text(service);
    else
        print_status_table(service);
    keyd_service_free(service);
    return finish(client);
}
