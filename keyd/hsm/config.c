/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/config.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "keyd/base/file.h"
#include "keyd/base/user.h"
#include "keyd/base/yaml.h"

#define TEXT_MAX   4096 /* bytes of any string of the file: a path's */
#define LABEL_MAX  32   /* CK_TOKEN_INFO.label, PKCS #11 2.40, 3.2 */
#define SERIAL_MAX 16   /* CK_TOKEN_INFO.serialNumber */
#define SUFFIX     ".conf"

/* As the file has it. */
struct variable {
    char *name;
    char *value;
};
struct file {
    char *module;
    char *label;
    char *serial;
    char *pin_file;
    char *pin_credential;
    char *pin_descriptor;
    char *state_folder;
    char *socket;
    char *admin_socket;
    char *front;
    char *signers;
    char *module_call_limit;
    char *key_generation_limit;
    struct variable *environment;
    unsigned environment_count;
    char *log_level;
};

/* Required are those of take_all and take_environment. */
#define OPTIONAL      (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT(field)   CYAML_FIELD_STRING_PTR(#field, OPTIONAL, struct file, field, 1, TEXT_MAX)
#define NUMBER(field) TEXT(field) /* for yaml_number */

static const cyaml_schema_field_t variable_fields[] = {
    CYAML_FIELD_STRING_PTR("name", OPTIONAL, struct variable, name, 1, 255),
    CYAML_FIELD_STRING_PTR("value", OPTIONAL, struct variable, value, 0, TEXT_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t variable_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct variable, variable_fields),
};
static const cyaml_schema_field_t file_fields[] = {
    TEXT(module),
    TEXT(label),
    TEXT(serial),
    TEXT(pin_file),
    TEXT(pin_credential),
    NUMBER(pin_descriptor),
    TEXT(state_folder),
    TEXT(socket),
    TEXT(admin_socket),
    TEXT(front),
    NUMBER(signers),
    NUMBER(module_call_limit),
    NUMBER(key_generation_limit),
    CYAML_FIELD_SEQUENCE("environment", OPTIONAL, struct file, environment, &variable_schema, 0,
                         CONFIG_ENVIRONMENT_MAX),
    TEXT(log_level),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t file_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, file_fields),
};

/* ---- Judging --------------------------------------------------------------------------------- */

/* Reading goes on after a complaint, so that a reader gets all of them at once. */
struct reading {
    const char *path;
    const struct file *file;
    const struct yaml_faults *faults; /* of the schema */
    struct hsm_config *config;
    config_complaint complain;
    void *context;
    bool failed;
};

#define complain_of(reading, field, ...)                                                           \
    do {                                                                                           \
        struct keyd_error complaint;                                                               \
        yaml_complain(&complaint, (reading)->path, field, __VA_ARGS__);                            \
        say(reading, complaint.message);                                                           \
    } while (0)

static void say(struct reading *reading, const char *message)
{
    reading->failed = true;
    reading->complain(reading->context, message);
}

static void require(struct reading *reading, const char *field, const char *value)
{
    if (value == NULL && !yaml_left_out(reading->faults, field))
        complain_of(reading, field, "is missing");
}

static void take_name(struct reading *reading)
{
    const char *slash = strrchr(reading->path, '/');
    const char *base = slash != NULL ? slash + 1 : reading->path;
    size_t length = strlen(base);
    size_t suffix = sizeof SUFFIX - 1;
    char *name = reading->config->name;
    if (length > suffix && strcmp(base + length - suffix, SUFFIX) == 0 &&
        length - suffix <= NAME_MAX_LENGTH) {
        memcpy(name, base, length - suffix);
        name[length - suffix] = '\0';
    }
    if (name_is_valid(name))
        return;
    struct keyd_error err;
    keyd_fail(&err, KEYD_INVALID_ARGUMENT, "CONFIGURATION",
              "%s:1: the file's name must be NAME" SUFFIX
              ", where NAME is the token's name: 1 to %d of A-Z a-z 0-9 _ -",
              reading->path, NAME_MAX_LENGTH);
    say(reading, err.message);
}

/* NULL only when there is no memory. */
static char *beside(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    char *joined = NULL;
    if (path[0] == '/' || slash == NULL)
        return strdup(path);
    if (asprintf(&joined, "%.*s/%s", (int)(slash - file), file, path) < 0)
        return NULL;
    return joined;
}

static void take_text(struct reading *reading, char **to, const char *text)
{
    *to = text != NULL ? strdup(text) : NULL;
    if (text != NULL && *to == NULL)
        say(reading, "no memory left to read the configuration");
}

static void take_path(struct reading *reading, char **to, const char *path)
{
    *to = path != NULL ? beside(reading->path, path) : NULL;
    if (path != NULL && *to == NULL)
        say(reading, "no memory left to read the configuration");
}

/* CK_TOKEN_INFO's fields are padded with blanks (PKCS #11 2.40, 3.2). */
static bool ends_blank(const char *text)
{
    return text != NULL && text[0] != '\0' && text[strlen(text) - 1] == ' ';
}

static void take_token(struct reading *reading)
{
    const struct file *file = reading->file;
    take_text(reading, &reading->config->label, file->label);
    take_text(reading, &reading->config->serial, file->serial);
    if (file->label == NULL && file->serial == NULL && !yaml_left_out(reading->faults, "label") &&
        !yaml_left_out(reading->faults, "serial"))
        complain_of(reading, "label", "is missing; name the token by label or serial, or by both");
    if (ends_blank(file->label))
        complain_of(reading, "label", "ends with a blank; a token's label cannot");
    if (ends_blank(file->serial))
        complain_of(reading, "serial", "ends with a blank; a token's serial number cannot");
    if (file->label != NULL && strlen(file->label) > LABEL_MAX)
        complain_of(reading, "label", "has %zu bytes; a token's label has at most %d",
                    strlen(file->label), LABEL_MAX);
    if (file->serial != NULL && strlen(file->serial) > SERIAL_MAX)
        complain_of(reading, "serial", "has %zu bytes; a token's serial number has at most %d",
                    strlen(file->serial), SERIAL_MAX);
}

/* A file of keyd-hsm's own that a socket may not take the place of, where there is none yet. */
static const char *state_file_at(const struct hsm_config *config, const char *path)
{
    static const char *const files[] = {CONFIG_STATE_JOURNAL, CONFIG_STATE_LOGIN,
                                        CONFIG_STATE_LAST_WORDS};
    char file[PATH_MAX];
    for (size_t i = 0; config->state_folder != NULL && i < sizeof files / sizeof files[0]; i++) {
        snprintf(file, sizeof file, "%s/%s", config->state_folder, files[i]);
        if (file_is_same(path, file))
            return files[i];
    }
    return NULL;
}

static void check_socket(struct reading *reading, const char *field, const char *path)
{
    size_t room = sizeof((struct sockaddr_un *)0)->sun_path - 1;
    if (path == NULL)
        return;
    const char *file = state_file_at(reading->config, path);
    if (file != NULL)
        complain_of(
            reading, field,
            "'%s' is where keyd-hsm keeps its file `%s` (`state_folder`): give the socket a "
            "path of its own",
            path, file);
    if (strlen(path) > room)
        complain_of(reading, field, "'%s' has %zu bytes; a socket's path has at most %zu", path,
                    strlen(path), room);
}

/* One would take the other for another process'. */
static void check_sockets_differ(struct reading *reading)
{
    const struct hsm_config *config = reading->config;
    if (config->socket == NULL || config->admin_socket == NULL ||
        !file_is_same(config->socket, config->admin_socket))
        return;
    if (reading->file->admin_socket != NULL)
        complain_of(reading, "admin_socket", "'%s' is what `socket` names: give each its own path",
                    config->admin_socket);
    else
        complain_of(reading, "socket",
                    "'%s' is the admin socket where `admin_socket` names no other: give each its "
                    "own path",
                    config->socket);
}

static void take_paths(struct reading *reading)
{
    const struct file *file = reading->file;
    struct hsm_config *config = reading->config;
    take_text(reading, &config->file, reading->path);
    take_path(reading, &config->module, file->module);
    take_path(reading, &config->state_folder, file->state_folder);
    take_path(reading, &config->socket, file->socket);
    check_socket(reading, "socket", config->socket);
    take_path(reading, &config->admin_socket, file->admin_socket);
    if (config->admin_socket == NULL && config->state_folder != NULL &&
        asprintf(&config->admin_socket, "%s/" CONFIG_STATE_ADMIN, config->state_folder) < 0) {
        config->admin_socket = NULL;
        say(reading, "no memory left to read the configuration");
    }
    check_socket(reading, "admin_socket", config->admin_socket);
    check_sockets_differ(reading);
}

/* A name in the folder of credentials (systemd.exec(5), CREDENTIALS_DIRECTORY). */
static bool is_credential(const char *name)
{
    return strlen(name) <= NAME_MAX && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static void take_number(struct reading *reading, const char *field, const char *given, unsigned min,
                        unsigned max, unsigned *to)
{
    struct keyd_error err;
    uint64_t number;
    if (given == NULL)
        return;
    if (yaml_number(reading->path, field, given, min, max, &number, &err) == KEYD_OK)
        *to = (unsigned)number;
    else
        say(reading, err.message);
}

static void take_descriptor(struct reading *reading, const char *given)
{
    unsigned number = 0;
    reading->config->pin_descriptor = -1;
    take_number(reading, "pin_descriptor", given, 0, CONFIG_DESCRIPTOR_MAX, &number);
    if (number == 1 || number == 2)
        complain_of(reading, "pin_descriptor", "is %u; it must be 0, or 3 to %d", number,
                    CONFIG_DESCRIPTOR_MAX);
    else if (given != NULL)
        reading->config->pin_descriptor = (int)number;
}

static void take_pin(struct reading *reading)
{
    const struct file *file = reading->file;
    struct hsm_config *config = reading->config;
    take_path(reading, &config->pin_file, file->pin_file);
    take_text(reading, &config->pin_credential, file->pin_credential);
    take_descriptor(reading, file->pin_descriptor);
    if (file->pin_credential != NULL && !is_credential(file->pin_credential))
        complain_of(reading, "pin_credential", "'%s' is no name of a credential",
                    file->pin_credential);
    const char *first = file->pin_file != NULL ? "pin_file" : "pin_credential";
    if (file->pin_file != NULL && file->pin_credential != NULL)
        complain_of(reading, "pin_credential", "%s is there as well: the PIN has one source",
                    first);
    if (file->pin_descriptor != NULL && (file->pin_file != NULL || file->pin_credential != NULL))
        complain_of(reading, "pin_descriptor", "%s is there as well: the PIN has one source",
                    first);
}

static void take_front(struct reading *reading)
{
    const char *front = reading->file->front;
    if (front != NULL && !user_find(front, &reading->config->front_uid))
        complain_of(reading, "front", "'%s' is neither a user of this host nor a uid", front);
}

static void take_limits(struct reading *reading)
{
    const struct file *file = reading->file;
    struct hsm_config *config = reading->config;
    config->signers = CONFIG_SIGNERS_DEFAULT;
    config->module_call_limit = CONFIG_CALL_LIMIT;
    config->key_generation_limit = CONFIG_KEY_LIMIT;
    take_number(reading, "signers", file->signers, 1, CONFIG_SIGNERS_MAX, &config->signers);
    take_number(reading, "module_call_limit", file->module_call_limit, 1, CONFIG_LIMIT_MAX,
                &config->module_call_limit);
    take_number(reading, "key_generation_limit", file->key_generation_limit, 1, CONFIG_LIMIT_MAX,
                &config->key_generation_limit);
}

/* What would make the loader run somebody else's code inside keyd-hsm. */
static bool is_loaders(const char *name)
{
    return strncmp(name, "LD_", 3) == 0;
}

static bool is_variable(const char *name)
{
    if (isdigit((unsigned char)name[0]))
        return false;
    for (; *name != '\0'; name++)
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    return true;
}

static void take_environment(struct reading *reading)
{
    const struct file *file = reading->file;
    struct hsm_config *config = reading->config;
    config->environment = calloc(file->environment_count + 1, sizeof config->environment[0]);
    if (config->environment == NULL) {
        say(reading, "no memory left to read the configuration");
        return;
    }
    config->environment_count = file->environment_count;
    for (unsigned i = 0; i < file->environment_count; i++) {
        const struct variable *variable = &file->environment[i];
        const char *name = variable->name;
        char field[40];
        snprintf(field, sizeof field, "environment[%u].value", i);
        require(reading, field, variable->value);
        snprintf(field, sizeof field, "environment[%u].name", i);
        require(reading, field, name);
        if (name != NULL && !is_variable(name))
            complain_of(reading, field, "'%s' is no name of an environment variable", name);
        else if (name != NULL && is_loaders(name))
            complain_of(reading, field, "'%s' has no effect in a running process; set it outside",
                        name);
        take_text(reading, &config->environment[i].name, name);
        take_text(reading, &config->environment[i].value, variable->value);
    }
}

static void take_log_level(struct reading *reading)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {{"error", LOG_LEVEL_ERROR},
                  {"warning", LOG_LEVEL_WARNING},
                  {"notice", LOG_LEVEL_NOTICE},
                  {"info", LOG_LEVEL_INFO},
                  {"debug", LOG_LEVEL_DEBUG}};
    const char *name = reading->file->log_level != NULL ? reading->file->log_level : "info";
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(levels[i].name, name) == 0) {
            reading->config->log_level = levels[i].level;
            return;
        }
    complain_of(reading, "log_level", "is '%s'; it must be error, warning, notice, info or debug",
                name);
}

static void take_all(struct reading *reading)
{
    const struct file *file = reading->file;
    take_name(reading);
    require(reading, "module", file->module);
    require(reading, "state_folder", file->state_folder);
    require(reading, "front", file->front);
    take_paths(reading);
    take_pin(reading);
    take_token(reading);
    take_front(reading);
    take_limits(reading);
    take_environment(reading);
    take_log_level(reading);
}

struct listener {
    config_complaint complain;
    void *context;
};

static void pass_on(void *context, const struct keyd_error *fault)
{
    const struct listener *listener = context;
    listener->complain(listener->context, fault->message);
}

enum keyd_status config_load(const char *path, struct hsm_config **config,
                             config_complaint complain, void *context)
{
    void *loaded = NULL;
    struct listener listener = {complain, context};
    struct yaml_faults faults;
    enum keyd_status status = yaml_load(path, &file_schema, &loaded, &faults, pass_on, &listener);
    if (loaded == NULL)
        return status;
    struct reading reading = {.path = path,
                              .failed = status != KEYD_OK,
                              .file = loaded,
                              .faults = &faults,
                              .config = calloc(1, sizeof *reading.config),
                              .complain = complain,
                              .context = context};
    if (reading.config != NULL)
        take_all(&reading);
    else
        say(&reading, "no memory left to read the configuration");
    yaml_free(&file_schema, loaded);
    if (reading.failed) {
        config_free(reading.config);
        return KEYD_INVALID_ARGUMENT;
    }
    *config = reading.config;
    return KEYD_OK;
}

void config_free(struct hsm_config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->environment_count; i++) {
        free(config->environment[i].name);
        free(config->environment[i].value);
    }
    free(config->environment);
    free(config->module);
    free(config->label);
    free(config->serial);
    free(config->file);
    free(config->pin_file);
    free(config->pin_credential);
    free(config->state_folder);
    free(config->socket);
    free(config->admin_socket);
    free(config);
}

void config_complain_socket(const char *path, struct keyd_error *err)
{
    yaml_complain(err, path, "socket",
                  "is missing, and systemd gave none (LISTEN_FDS): name the socket to listen on");
}
