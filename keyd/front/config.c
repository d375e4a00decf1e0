/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/front/config.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "keyd/base/file.h"
#include "keyd/base/keyid.h"
#include "keyd/base/memory.h"
#include "keyd/base/user.h"
#include "keyd/base/yaml.h"

#define TEXT_MAX  4096 /* bytes of any value */
#define FIELD_MAX 64

/* ---- The file as YAML ---------------------------------------------------------------------- */

struct raw_permit {
    char *user;
    char *uid;
};

struct raw_token {
    char *name;
    char *socket;
    char *hsm_user;
};

struct raw {
    char *socket;
    char *catalog;
    struct raw_permit *allow;
    unsigned allow_count;
    struct raw_token *tokens;
    unsigned tokens_count;
    char *default_token;
    char *log_level;
    char *calls_in_flight;
};

#define OPTIONAL          (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT(in, field)   CYAML_FIELD_STRING_PTR(#field, OPTIONAL, struct in, field, 1, TEXT_MAX)
#define NUMBER(in, field) TEXT(in, field) /* for yaml_number */

static const cyaml_schema_field_t permit_fields[] = {
    TEXT(raw_permit, user),
    NUMBER(raw_permit, uid),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t permit_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_permit, permit_fields),
};

static const cyaml_schema_field_t token_fields[] = {
    TEXT(raw_token, name),
    TEXT(raw_token, socket),
    TEXT(raw_token, hsm_user),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t token_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_token, token_fields),
};

static const cyaml_schema_field_t fields[] = {
    TEXT(raw, socket),
    TEXT(raw, catalog),
    CYAML_FIELD_SEQUENCE("allow", OPTIONAL, struct raw, allow, &permit_schema, 0, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("tokens", OPTIONAL, struct raw, tokens, &token_schema, 0, CYAML_UNLIMITED),
    TEXT(raw, default_token),
    TEXT(raw, log_level),
    NUMBER(raw, calls_in_flight),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, fields),
};

/* ---- Judging ------------------------------------------------------------------------------- */

struct reading {
    const char *path;
    const struct raw *raw;
    const struct yaml_faults *unfit; /* of the schema */
    struct config *config;
    struct config_faults *faults;
};

/* The place for one more complaint; the last one is overwritten when there are too many. */
static struct keyd_error *next_fault(struct config_faults *faults)
{
    if (faults->count < CONFIG_FAULTS_MAX)
        faults->count++;
    return &faults->list[faults->count - 1];
}

static void take_fault(void *faults, const struct keyd_error *fault)
{
    *next_fault(faults) = *fault;
}

#define complain(reading, field, ...)                                                              \
    yaml_complain(next_fault((reading)->faults), (reading)->path, field, __VA_ARGS__)

/* A path of the file, from the folder that the file stands in. *Owned*. */
static char *resolve(const struct reading *reading, const char *path)
{
    if (path[0] == '/')
        return memory_text(path);
    char *copy = memory_text(reading->path);
    const char *folder = dirname(copy);
    size_t size = strlen(folder) + strlen(path) + 2;
    char *whole = memory_zeroed(1, size);
    snprintf(whole, size, "%s/%s", folder, path);
    free(copy);
    return whole;
}

/* Says that a field is missing, unless what it had was complained of. */
static void miss(struct reading *reading, const char *field, const char *what)
{
    if (!yaml_left_out(reading->unfit, field))
        complain(reading, field, "%s", what);
}

/* A socket's path; NULL when it is none. */
static char *judge_socket(struct reading *reading, const char *field, const char *given)
{
    size_t max = sizeof((struct sockaddr_un *)0)->sun_path - 1;
    if (given == NULL) {
        miss(reading, field, "is missing: give the path of a socket");
        return NULL;
    }
    char *path = resolve(reading, given);
    if (strlen(path) <= max)
        return path;
    complain(reading, field, "%s: a socket's path has at most %zu bytes, this one has %zu", path,
             max, strlen(path));
    free(path);
    return NULL;
}

#define NO_USER "'%.100s': there is no such user on this host"

/* False: it is complained of. `field`: of the entry; its own is given back in it. */
static bool judge_user(struct reading *reading, const struct raw_permit *permit,
                       char field[static FIELD_MAX], uid_t *uid)
{
    size_t used = strlen(field);
    uint64_t number = 0;
    snprintf(field + used, FIELD_MAX - used, permit->uid != NULL ? ".uid" : ".user");
    if (permit->uid == NULL) {
        if (user_find(permit->user, uid))
            return true;
        complain(reading, field, NO_USER, permit->user);
        return false;
    }
    struct keyd_error err;
    if (yaml_number(reading->path, field, permit->uid, 0, USER_UID_MAX, &number, &err) == KEYD_OK) {
        *uid = (uid_t)number;
        return true;
    }
    take_fault(reading->faults, &err);
    return false;
}

/* Has the entry a user or a uid that is not looked at here, since it does not fit? */
static bool is_unfit(const struct reading *reading, unsigned i)
{
    char user[FIELD_MAX], uid[FIELD_MAX];
    snprintf(user, sizeof user, "allow[%u].user", i);
    snprintf(uid, sizeof uid, "allow[%u].uid", i);
    return yaml_left_out(reading->unfit, user) || yaml_left_out(reading->unfit, uid);
}

static void judge_permit(struct reading *reading, unsigned i)
{
    const struct raw_permit *permit = &reading->raw->allow[i];
    struct config *config = reading->config;
    char field[FIELD_MAX];
    uid_t uid = (uid_t)-1;
    snprintf(field, sizeof field, "allow[%u]", i);
    if (permit->uid == NULL && permit->user == NULL && is_unfit(reading, i))
        return;
    if ((permit->uid != NULL) == (permit->user != NULL)) {
        complain(reading, field, "give one of user: NAME and uid: NUMBER");
        return;
    }
    if (!judge_user(reading, permit, field, &uid))
        return;
    for (unsigned n = 0; n < config->uid_count; n++)
        if (config->uids[n] == uid) {
            complain(reading, field, "uid %u is listed twice", (unsigned)uid);
            return;
        }
    config->uids[config->uid_count++] = uid;
}

static void judge_allow(struct reading *reading)
{
    unsigned count = reading->raw->allow_count;
    if (count == 0)
        miss(reading, "allow", "is missing or empty: nobody could use this keyd");
    else if (count > CONFIG_UIDS_MAX)
        complain(reading, "allow", "has %u entries, at most %d are possible", count,
                 CONFIG_UIDS_MAX);
    else
        for (unsigned i = 0; i < count; i++)
            judge_permit(reading, i);
}

static void judge_token_name(struct reading *reading, const char *field, const char *name)
{
    const struct config *config = reading->config;
    if (name == NULL) {
        miss(reading, field, "is missing");
        return;
    }
    if (!name_is_valid(name)) {
        complain(reading, field, "'%.100s': a token's name is 1 to %d of [A-Za-z0-9_-]", name,
                 NAME_MAX_LENGTH);
        return;
    }
    for (unsigned n = 0; n < config->token_count; n++)
        if (config->tokens[n].name != NULL && strcmp(config->tokens[n].name, name) == 0) {
            complain(reading, field, "'%s' is the name of tokens[%u] already", name, n);
            return;
        }
}

static void judge_token_socket(struct reading *reading, const char *field,
                               struct config_token *token, const char *given)
{
    const struct config *config = reading->config;
    token->socket = judge_socket(reading, field, given);
    for (unsigned n = 0; token->socket != NULL && n < config->token_count; n++)
        if (config->tokens[n].socket != NULL &&
            file_is_same(config->tokens[n].socket, token->socket))
            complain(reading, field,
                     "%s is the socket of tokens[%u] already: one keyd-hsm serves "
                     "one token",
                     token->socket, n);
    if (token->socket != NULL && config->socket != NULL &&
        file_is_same(token->socket, config->socket))
        complain(reading, field, "%s is keyd's own socket", token->socket);
    if (token->socket != NULL && config->catalog != NULL &&
        file_is_same(token->socket, config->catalog))
        complain(reading, field, "%s is keyd's catalog, and no socket of a keyd-hsm",
                 token->socket);
}

static void judge_token(struct reading *reading, unsigned i)
{
    const struct raw_token *raw = &reading->raw->tokens[i];
    struct config_token *token = &reading->config->tokens[i];
    char field[FIELD_MAX];
    snprintf(field, sizeof field, "tokens[%u].name", i);
    judge_token_name(reading, field, raw->name);
    token->name = memory_text(raw->name != NULL ? raw->name : "");
    snprintf(field, sizeof field, "tokens[%u].socket", i);
    judge_token_socket(reading, field, token, raw->socket);
    token->hsm_uid = POOL_ANY_UID;
    snprintf(field, sizeof field, "tokens[%u].hsm_user", i);
    if (raw->hsm_user != NULL && !user_find(raw->hsm_user, &token->hsm_uid))
        complain(reading, field, NO_USER, raw->hsm_user);
    reading->config->token_count++;
}

static void judge_tokens(struct reading *reading)
{
    unsigned count = reading->raw->tokens_count;
    if (count == 0)
        miss(reading, "tokens", "is missing or empty: keyd needs a token to serve");
    else if (count > POOL_TOKENS_MAX)
        complain(reading, "tokens", "has %u entries, at most %d are possible", count,
                 POOL_TOKENS_MAX);
    else
        for (unsigned i = 0; i < count; i++)
            judge_token(reading, i);
}

static void judge_default_token(struct reading *reading)
{
    struct config *config = reading->config;
    const char *name = reading->raw->default_token;
    bool all_known = config->token_count > 0;
    config->default_token = config->token_count == 1 ? 0 : config->token_count;
    if (name == NULL)
        return;
    for (unsigned i = 0; i < config->token_count; i++) {
        all_known = all_known && reading->raw->tokens[i].name != NULL;
        if (strcmp(config->tokens[i].name, name) == 0) {
            config->default_token = i;
            return;
        }
    }
    if (all_known) /* a token without a name is complained of, and might be the one */
        complain(reading, "default_token", "'%.100s' is none of `tokens`", name);
}

static void judge_log_level(struct reading *reading)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {{"error", LOG_LEVEL_ERROR},
                  {"warning", LOG_LEVEL_WARNING},
                  {"notice", LOG_LEVEL_NOTICE},
                  {"info", LOG_LEVEL_INFO},
                  {"debug", LOG_LEVEL_DEBUG}};
    const char *name = reading->raw->log_level;
    reading->config->log_level = LOG_LEVEL_INFO;
    if (name == NULL)
        return;
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(levels[i].name, name) == 0) {
            reading->config->log_level = levels[i].level;
            return;
        }
    complain(reading, "log_level", "'%.100s': give error, warning, notice, info or debug", name);
}

static void judge_calls_in_flight(struct reading *reading)
{
    const char *given = reading->raw->calls_in_flight;
    uint64_t number = CONFIG_CALLS_IN_FLIGHT;
    struct keyd_error err;
    if (given != NULL && yaml_number(reading->path, "calls_in_flight", given, 1, CONFIG_CALLS_MAX,
                                     &number, &err) != KEYD_OK)
        take_fault(reading->faults, &err);
    reading->config->calls_in_flight = (unsigned)number;
}

static void judge_catalog(struct reading *reading)
{
    struct config *config = reading->config;
    if (reading->raw->catalog == NULL) {
        miss(reading, "catalog", "is missing: give the path of a file that keyd may write");
        return;
    }
    config->catalog = resolve(reading, reading->raw->catalog);
    if (config->socket != NULL && file_is_same(config->catalog, config->socket))
        complain(reading, "catalog", "%s is what `socket` names: give each its own path",
                 config->catalog);
}

enum keyd_status config_load(const char *path, struct config **config, struct config_faults *faults)
{
    void *raw;
    faults->count = 0;
    struct yaml_faults unfit;
    enum keyd_status status = yaml_load(path, &schema, &raw, &unfit, take_fault, faults);
    if (raw == NULL)
        return status;
    struct reading reading = {.path = path, .raw = raw, .unfit = &unfit, .faults = faults};
    reading.config = memory_zeroed(1, sizeof *reading.config);
    reading.config->socket = judge_socket(&reading, "socket", reading.raw->socket);
    judge_catalog(&reading);
    judge_allow(&reading);
    judge_tokens(&reading);
    judge_default_token(&reading);
    judge_log_level(&reading);
    judge_calls_in_flight(&reading);
    yaml_free(&schema, raw);
    if (faults->count > 0) {
        config_free(reading.config);
        return faults->list[0].status;
    }
    *config = reading.config;
    return KEYD_OK;
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    for (unsigned i = 0; i < config->token_count; i++) {
        free(config->tokens[i].name);
        free(config->tokens[i].socket);
    }
    free(config->socket);
    free(config->catalog);
    free(config);
}
