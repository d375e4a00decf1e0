/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/front/config.h"

#include <errno.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "keyd/base/keyid.h"
#include "keyd/base/memory.h"
#include "keyd/base/yaml.h"

#define TEXT_MAX  4096 /* bytes of any value */
#define FIELD_MAX 64

/* ---- The file as YAML ---------------------------------------------------------------------- */

struct raw_permit {
    char *user;
    uint32_t *uid;
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
    uint32_t *calls_in_flight;
};

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

static const cyaml_schema_field_t permit_fields[] = {
    CYAML_FIELD_STRING_PTR("user", OPTIONAL, struct raw_permit, user, 0, TEXT_MAX),
    CYAML_FIELD_UINT_PTR("uid", OPTIONAL, struct raw_permit, uid),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t permit_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_permit, permit_fields),
};

static const cyaml_schema_field_t token_fields[] = {
    CYAML_FIELD_STRING_PTR("name", OPTIONAL, struct raw_token, name, 0, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("socket", OPTIONAL, struct raw_token, socket, 0, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("hsm_user", OPTIONAL, struct raw_token, hsm_user, 0, TEXT_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t token_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_token, token_fields),
};

static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_STRING_PTR("socket", OPTIONAL, struct raw, socket, 0, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("catalog", OPTIONAL, struct raw, catalog, 0, TEXT_MAX),
    CYAML_FIELD_SEQUENCE("allow", OPTIONAL, struct raw, allow, &permit_schema, 0, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("tokens", OPTIONAL, struct raw, tokens, &token_schema, 0, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("default_token", OPTIONAL, struct raw, default_token, 0, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("log_level", OPTIONAL, struct raw, log_level, 0, TEXT_MAX),
    CYAML_FIELD_UINT_PTR("calls_in_flight", OPTIONAL, struct raw, calls_in_flight),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, fields),
};

/* ---- Judging ------------------------------------------------------------------------------- */

struct reading {
    const char *path;
    const struct raw *raw;
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

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/* A socket's path; NULL when it is none. */
static char *judge_socket(struct reading *reading, const char *field, const char *given)
{
    size_t max = sizeof((struct sockaddr_un *)0)->sun_path - 1;
    if (!is_given(given)) {
        complain(reading, field, "is missing: give the path of a socket");
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

/* A user by name or number. */
static bool find_user(const char *text, uid_t *uid, const char **why)
{
    char *rest;
    errno = 0;
    unsigned long number = strtoul(text, &rest, 10);
    if (text[0] >= '0' && text[0] <= '9' && *rest == '\0') {
        *uid = (uid_t)number;
        *why = "is no uid";
        return errno == 0 && number < (uid_t)-1;
    }
    struct passwd entry, *found = NULL;
    char buffer[16384];
    getpwnam_r(text, &entry, buffer, sizeof buffer, &found);
    *why = "there is no such user on this host";
    if (found != NULL)
        *uid = found->pw_uid;
    return found != NULL;
}

static void judge_permit(struct reading *reading, unsigned i)
{
    const struct raw_permit *permit = &reading->raw->allow[i];
    struct config *config = reading->config;
    char field[FIELD_MAX];
    const char *why;
    uid_t uid = (uid_t)-1;
    snprintf(field, sizeof field, "allow[%u]", i);
    if ((permit->uid != NULL) == is_given(permit->user)) {
        complain(reading, field, "give one of user: NAME and uid: NUMBER");
        return;
    }
    snprintf(field, sizeof field, "allow[%u].%s", i, permit->uid != NULL ? "uid" : "user");
    if (permit->uid != NULL) {
        uid = *permit->uid;
        if (uid == (uid_t)-1) {
            complain(reading, field, "%u is no uid", (unsigned)uid);
            return;
        }
    } else if (!find_user(permit->user, &uid, &why)) {
        complain(reading, field, "'%.100s': %s", permit->user, why);
        return;
    }
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
        complain(reading, "allow", "is missing or empty: nobody could use this keyd");
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
    if (!is_given(name)) {
        complain(reading, field, "is missing");
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
            strcmp(config->tokens[n].socket, token->socket) == 0)
            complain(reading, field,
                     "%s is the socket of tokens[%u] already: one keyd-hsm serves "
                     "one token",
                     token->socket, n);
    if (token->socket != NULL && config->socket != NULL &&
        strcmp(token->socket, config->socket) == 0)
        complain(reading, field, "%s is keyd's own socket", token->socket);
}

static void judge_token(struct reading *reading, unsigned i)
{
    const struct raw_token *raw = &reading->raw->tokens[i];
    struct config_token *token = &reading->config->tokens[i];
    char field[FIELD_MAX];
    const char *why;
    snprintf(field, sizeof field, "tokens[%u].name", i);
    judge_token_name(reading, field, raw->name);
    token->name = memory_text(raw->name != NULL ? raw->name : "");
    snprintf(field, sizeof field, "tokens[%u].socket", i);
    judge_token_socket(reading, field, token, raw->socket);
    token->hsm_uid = POOL_ANY_UID;
    snprintf(field, sizeof field, "tokens[%u].hsm_user", i);
    if (raw->hsm_user != NULL && !find_user(raw->hsm_user, &token->hsm_uid, &why))
        complain(reading, field, "'%.100s': %s", raw->hsm_user, why);
    reading->config->token_count++;
}

static void judge_tokens(struct reading *reading)
{
    unsigned count = reading->raw->tokens_count;
    if (count == 0)
        complain(reading, "tokens", "is missing or empty: keyd needs a token to serve");
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
    config->default_token = config->token_count == 1 ? 0 : config->token_count;
    if (name == NULL)
        return;
    for (unsigned i = 0; i < config->token_count; i++)
        if (strcmp(config->tokens[i].name, name) == 0) {
            config->default_token = i;
            return;
        }
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
    const uint32_t *given = reading->raw->calls_in_flight;
    reading->config->calls_in_flight = given != NULL ? *given : CONFIG_CALLS_IN_FLIGHT;
    if (given != NULL && (*given < 1 || *given > CONFIG_CALLS_MAX))
        complain(reading, "calls_in_flight", "%u: give 1 to %d", (unsigned)*given,
                 CONFIG_CALLS_MAX);
}

static void judge_catalog(struct reading *reading)
{
    if (is_given(reading->raw->catalog))
        reading->config->catalog = resolve(reading, reading->raw->catalog);
    else
        complain(reading, "catalog", "is missing: give the path of a file that keyd may write");
}

enum keyd_status config_load(const char *path, struct config **config, struct config_faults *faults)
{
    void *raw;
    faults->count = 0;
    enum keyd_status status = yaml_load(path, &schema, &raw, take_fault, faults);
    if (raw == NULL)
        return status;
    struct reading reading = {.path = path, .raw = raw, .faults = faults};
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
