/* SPDX-License-Identifier: BSD-2-Clause
 * keydctl list-keys: one page, or all of them. */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "client/ctl/command.h"
#include "client/ctl/key.h"
#include "keyd/base/clock.h"

#define PAGE_KEYS 1000 /* as many as keyd gives at once */
#define PAGES_MAX 1000 /* a million keys: whoever claims more does not come to an end */

enum { KEY_LIMIT = 1, KEY_MARKER };

struct list_request {
    unsigned limit; /* 0: all pages */
    const char *marker;
};

static const struct argp_option list_options[] = {
    {"limit", KEY_LIMIT, "N", 0, "one page of at most N keys, 1 to 1,000 (default: all keys)", 0},
    {"marker", KEY_MARKER, "MARKER", 0, "go on where a page before said", 0},
    {"starting-token", KEY_MARKER, "MARKER", OPTION_ALIAS, NULL, 0},
    {0},
};

static unsigned read_limit(const char *text)
{
    char *rest;
    unsigned long limit = strtoul(text, &rest, 10);
    if (text[0] < '0' || text[0] > '9' || *rest != '\0' || limit < 1 || limit > PAGE_KEYS)
        usage_error("list-keys", "--limit %s: give a number from 1 to %d", text, PAGE_KEYS);
    return (unsigned)limit;
}

static error_t parse_list(int key, char *arg, struct argp_state *state)
{
    struct list_request *request = state->input;
    switch (key) {
    case KEY_LIMIT:
        request->limit = read_limit(arg);
        return 0;
    case KEY_MARKER:
        request->marker = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct options list = {
    .command = "list-keys",
    .options = list_options,
    .parser = parse_list,
    .doc = "Lists the keys, in the order of their ids.\v"
           "Example:\n"
           "  keydctl list-keys --output text | cut -f 1,8",
};

struct pages {
    struct keyd_key_list **lists;
    size_t count;
    size_t keys;
};

static void free_pages(struct pages *pages)
{
    for (size_t i = 0; i < pages->count; i++)
        keyd_key_list_free(pages->lists[i]);
    free(pages->lists);
}

static enum keyd_status check_marker(const char *before, const char *after, size_t pages,
                                     struct keyd_error *err)
{
    if (after != NULL && (pages == PAGES_MAX || (before != NULL && strcmp(before, after) == 0)))
        return keyd_fail(err, KEYD_INTERNAL, "ENDLESS",
                         "keyd's list does not come to an end (marker %s after %zu pages); keydctl "
                         "list-keys --limit 100 shows its beginning",
                         after, pages);
    return KEYD_OK;
}

/* Reads one page, or all there are when no limit is given. */
static enum keyd_status read_pages(struct keyd_client *client, const struct list_request *request,
                                   int timeout_ms, struct pages *pages, struct keyd_error *err)
{
    unsigned limit = request->limit != 0 ? request->limit : PAGE_KEYS;
    const char *marker = request->marker;
    pages->lists = calloc(PAGES_MAX, sizeof(struct keyd_key_list *));
    if (pages->lists == NULL)
        errx(EXIT_FAILED, "no memory for a list of keys");
    do {
        struct keyd_key_list *page;
        enum keyd_status status = keyd_list_keys(client, limit, marker, timeout_ms, &page, err);
        if (status != KEYD_OK)
            return status;
        pages->lists[pages->count++] = page;
        pages->keys += page->count;
        status = check_marker(marker, page->next_marker, pages->count, err);
        if (status != KEYD_OK && request->limit == 0)
            return status;
        marker = page->next_marker;
    } while (request->limit == 0 && marker != NULL);
    return KEYD_OK;
}

static const char *next_marker(const struct pages *pages)
{
    return pages->lists[pages->count - 1]->next_marker;
}

static void print_list_json(const struct pages *pages)
{
    json_t *keys = json_array();
    for (size_t i = 0; i < pages->count; i++)
        for (size_t k = 0; k < pages->lists[i]->count; k++)
            if (json_array_append_new(keys, key_json(pages->lists[i]->keys[k])) != 0)
                errx(EXIT_FAILED, "no memory for a list of keys");
    const char *marker = next_marker(pages);
    json_t *answer = json_pack("{s:o, s:b}", "Keys", keys, "Truncated", marker != NULL);
    if (marker != NULL)
        json_object_set_new(answer, "NextMarker", json_string(marker));
    print_json(answer);
}

static void print_list_text(const struct pages *pages)
{
    for (size_t i = 0; i < pages->count; i++)
        for (size_t k = 0; k < pages->lists[i]->count; k++)
            print_key_fields(pages->lists[i]->keys[k]);
}

enum {
    COLUMN_ID,
    COLUMN_STATE,
    COLUMN_SPEC,
    COLUMN_TOKEN,
    COLUMN_CREATED,
    COLUMN_ALIASES,
    COLUMNS
};

/* The last two are made for it: *owned*. */
static void fill_row(const char **row, const struct keyd_key *key, int64_t now_ms)
{
    char created[WHEN_MAX];
    when_text(key->creation_time_ms, now_ms, created);
    row[COLUMN_ID] = key->key_id;
    row[COLUMN_STATE] = key->key_state;
    row[COLUMN_SPEC] = key->key_spec;
    row[COLUMN_TOKEN] = key->token;
    row[COLUMN_CREATED] = strdup(created);
    row[COLUMN_ALIASES] = join(key->aliases);
    if (row[COLUMN_CREATED] == NULL)
        errx(EXIT_FAILED, "no memory for a list of keys");
}

static void print_list_table(const struct pages *pages)
{
    static const char *const head[COLUMNS] = {"KEY ID", "STATE",   "SPEC",
                                              "TOKEN",  "CREATED", "ALIASES"};
    const char **cells = calloc(pages->keys * COLUMNS + 1, sizeof *cells);
    if (cells == NULL)
        errx(EXIT_FAILED, "no memory for a list of keys");
    size_t row = 0;
    for (size_t i = 0; i < pages->count; i++)
        for (size_t k = 0; k < pages->lists[i]->count; k++)
            fill_row(cells + COLUMNS * row++, pages->lists[i]->keys[k], clock_now());
    if (pages->keys == 0)
        puts("No keys; keydctl create-key makes one.");
    else
        print_table(head, COLUMNS, cells, pages->keys);
    for (row = 0; row < pages->keys; row++) {
        free((char *)cells[row * COLUMNS + COLUMN_CREATED]);
        free((char *)cells[row * COLUMNS + COLUMN_ALIASES]);
    }
    free(cells);
}

/* A table and fields have no place for the marker: it goes to standard error. */
static void tell_marker(const struct pages *pages)
{
    if (next_marker(pages) != NULL)
        complain("list-keys: there are more keys: --marker %s gives the next ones",
                 next_marker(pages));
}

/* An empty list is no proof that there are no keys. */
static void tell_silent_tokens(struct keyd_client *client, const struct globals *globals)
{
    struct keyd_service *service;
    if (keyd_describe_service(client, globals->timeout_ms, &service, NULL) != KEYD_OK)
        return;
    for (size_t i = 0; i < service->token_count; i++)
        if (strcmp(service->tokens[i].state, "READY") != 0)
            complain("list-keys: token %s is %s: keys of it may be missing here; keydctl status "
                     "says why",
                     service->tokens[i].token, service->tokens[i].state);
    keyd_service_free(service);
}

int run_list_keys(struct globals *globals, int argc, char **argv)
{
    struct list_request request = {0};
    parse_options(&list, argc, argv, &request, globals);
    struct keyd_client *client = connect_or_exit(globals, list.command);
    struct pages pages = {0};
    struct keyd_error err;
    if (read_pages(client, &request, globals->timeout_ms, &pages, &err) != KEYD_OK) {
        free_pages(&pages);
        keyd_disconnect(client);
        return fail(list.command, &err);
    }
    if (globals->output == OUTPUT_JSON) {
        print_list_json(&pages);
    } else {
        if (globals->output == OUTPUT_TEXT)
            print_list_text(&pages);
        else
            print_list_table(&pages);
        tell_marker(&pages);
    }
    free_pages(&pages);
    tell_silent_tokens(client, globals);
    return finish(client);
}
