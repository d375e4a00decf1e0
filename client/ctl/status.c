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

static json_t *limitations_json(const struct keyd_token *token)
{
    json_t *list = json_array();
    for (size_t i = 0; i < token->limitation_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "Name", token->limitations[i].name,
                                              "Description", token->limitations[i].description));
    return list;
}

static json_t *token_json(const struct keyd_token *token)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:o}", //
                     "Token", token->token,                                               //
                     "State", token->state,                                               //
                     "StateMessage", token->state_message,                                //
                     "Label", token->label,                                               //
                     "Serial", token->serial,                                             //
                     "Manufacturer", token->manufacturer,                                 //
                     "Model", token->model,                                               //
                     "Module", token->module,                                             //
                     "SessionLimit", (json_int_t)token->session_limit,                    //
                     "FreeSessions", (json_int_t)token->free_sessions,                    //
                     "Keys", (json_int_t)token->keys,                                     //
                     "SeparateUid", token->separate_uid,                                  //
                     "Limitations", limitations_json(token));
}

static void print_status_json(const struct keyd_service *service)
{
    json_t *tokens = json_array();
    for (size_t i = 0; i < service->token_count; i++)
        if (json_array_append_new(tokens, token_json(&service->tokens[i])) != 0)
            errx(EXIT_FAILED, "no memory for the tokens");
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

#define SESSIONS_MAX 40 /* bytes with the NUL */

/* Nothing of a token that is not served. */
static void sessions_text(const struct keyd_token *token, char text[SESSIONS_MAX])
{
    if (strcmp(token->state, "READY") != 0)
        text[0] = '\0';
    else if (token->session_limit > 0)
        snprintf(text, SESSIONS_MAX, "%u of %u free", token->free_sessions, token->session_limit);
    else
        snprintf(text, SESSIONS_MAX, "no limit");
}

static void print_status_text(const struct keyd_service *service)
{
    char keys[24];
    char sessions[SESSIONS_MAX];
    for (size_t i = 0; i < service->token_count; i++) {
        const struct keyd_token *token = &service->tokens[i];
        snprintf(keys, sizeof keys, "%u", token->keys);
        sessions_text(token, sessions);
        char **names = calloc(token->limitation_count + 1, sizeof *names);
        for (size_t k = 0; names != NULL && k < token->limitation_count; k++)
            names[k] = token->limitations[k].name;
        char *limitations = names != NULL ? join(names) : NULL;
        if (limitations == NULL)
            errx(EXIT_FAILED, "no memory for the tokens");
        print_fields(token->token, token->state, token->label, token->serial, keys, wall_of(token),
                     token->state_message, token->module, sessions, limitations, NULL);
        free(limitations);
        free(names);
    }
}

enum {
    COLUMN_TOKEN,
    COLUMN_STATE,
    COLUMN_LABEL,
    COLUMN_SERIAL,
    COLUMN_KEYS,
    COLUMN_WALL,
    COLUMN_SESSIONS,
    COLUMN_MODULE,
    COLUMNS
};

struct numbers {
    char keys[12];
    char sessions[SESSIONS_MAX];
};

static void print_tokens(const struct keyd_service *service)
{
    static const char *const head[COLUMNS] = {"TOKEN", "STATE", "LABEL",    "SERIAL",
                                              "KEYS",  "WALL",  "SESSIONS", "MODULE"};
    size_t count = service->token_count;
    const char **cells = calloc(count * COLUMNS + 1, sizeof *cells);
    struct numbers *numbers = calloc(count + 1, sizeof *numbers);
    if (cells == NULL || numbers == NULL)
        errx(EXIT_FAILED, "no memory for the tokens");
    for (size_t i = 0; i < count; i++) {
        const struct keyd_token *token = &service->tokens[i];
        const char **row = cells + i * COLUMNS;
        snprintf(numbers[i].keys, sizeof numbers[i].keys, "%u", token->keys);
        sessions_text(token, numbers[i].sessions);
        row[COLUMN_TOKEN] = token->token;
        row[COLUMN_STATE] = token->state;
        row[COLUMN_LABEL] = token->label;
        row[COLUMN_SERIAL] = token->serial;
        row[COLUMN_KEYS] = numbers[i].keys;
        row[COLUMN_WALL] = wall_of(token);
        row[COLUMN_SESSIONS] = numbers[i].sessions;
        row[COLUMN_MODULE] = token->module;
    }
    print_table(head, COLUMNS, cells, count);
    free(cells);
    free(numbers);
}

/* What each token cannot do. */
static void print_limitations(const struct keyd_service *service)
{
    static const char *const head[] = {"TOKEN", "LIMITATION", "WHAT IT MEANS"};
    size_t count = 0;
    for (size_t i = 0; i < service->token_count; i++)
        count += service->tokens[i].limitation_count;
    if (count == 0)
        return;
    const char **cells = calloc(count * 3, sizeof *cells);
    if (cells == NULL)
        errx(EXIT_FAILED, "no memory for the tokens");
    const char **row = cells;
    for (size_t i = 0; i < service->token_count; i++)
        for (size_t k = 0; k < service->tokens[i].limitation_count; k++, row += 3) {
            row[0] = service->tokens[i].token;
            row[1] = service->tokens[i].limitations[k].name;
            row[2] = service->tokens[i].limitations[k].description;
        }
    putchar('\n');
    print_table(head, 3, cells, count);
    free(cells);
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
    print_limitations(service);
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
