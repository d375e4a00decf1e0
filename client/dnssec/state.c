/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "client/dnssec/sigcache.h"
#include "keyd/base/clock.h"
#include "keyd/base/encode.h"
#include "keyd/base/file.h"
#include "keyd/base/text.h"

#define STATE_FILE_MAX ((size_t)256 * 1024) /* bytes; a full state has some 20,000 */
#define KEY_FILE_ROOM                                                                              \
    40 /* characters of a key file's name besides the zone's, with a temporary ending */
#define ROOT_FOLDER "%root"

enum keyd_status state_folder(const char *folder, const uint8_t *zone, char path[PATH_MAX],
                              struct keyd_error *err)
{
    char name[KEYFILE_NAME];
    keyfile_zone_name(zone, name);
    size_t length = strlen(name) - 1; /* without the final dot */
    if (length > NAME_MAX - KEY_FILE_ROOM)
        return keyd_fail(
            err, KEYD_INVALID_ARGUMENT, "ZONE_NAME",
            "the zone's name is too long for a file's name: %zu characters, at most %d", length,
            NAME_MAX - KEY_FILE_ROOM);
    int n = length == 0 ? snprintf(path, PATH_MAX, "%s/%s", folder, ROOT_FOLDER)
                        : snprintf(path, PATH_MAX, "%s/%.*s", folder, (int)length, name);
    return n < PATH_MAX ? KEYD_OK : keyd_fail_errno(err, ENAMETOOLONG, "%s", folder);
}

static enum keyd_status state_path(const char *folder, const char *name, char path[PATH_MAX],
                                   struct keyd_error *err)
{
    if (snprintf(path, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
        return keyd_fail_errno(err, ENAMETOOLONG, "%s", folder);
    return KEYD_OK;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static json_t *time_to_json(int64_t ms)
{
    char text[CLOCK_TEXT_MAX];
    if (ms == 0)
        return json_null();
    clock_format(ms, text);
    return json_string(text);
}

static json_t *text_to_json(const char *text)
{
    return text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *key_to_json(const struct zone_key *key)
{
    char public[BASE64_TEXT(DNSSEC_PUBLIC_KEY_MAX)];
    base64_encode(key->dnskey.key, key->dnskey.length, public);
    return json_pack("{s:s, s:i, s:i, s:i, s:s, s:o, s:o, s:o, s:o, s:o}", "role",
                     key->dnskey.flags & DNSKEY_SEP ? "KSK" : "ZSK", "flags", key->dnskey.flags,
                     "algorithm", key->dnskey.algorithm, "key_tag", dnskey_tag(&key->dnskey),
                     "public_key", public, "key_id", text_to_json(key->key_id), "alias",
                     text_to_json(key->alias), "token", text_to_json(key->token), "file",
                     text_to_json(key->file), "created", time_to_json(key->created_ms));
}

/* Members that came later than the version. */
static bool add_later(json_t *json, const struct zone_state *state)
{
    return json_object_set_new(json, "from_server", text_to_json(state->from_server)) == 0 &&
           json_object_set_new(json, "tsig_file", text_to_json(state->tsig_file)) == 0;
}

static json_t *others_to_json(const struct zone_state *state)
{
    json_t *others = json_array();
    for (size_t i = 0; i < state->other_count; i++) {
        char public[BASE64_TEXT(DNSSEC_PUBLIC_KEY_MAX)];
        const struct dnskey *key = &state->others[i];
        base64_encode(key->key, key->length, public);
        json_array_append_new(others, json_pack("{s:i, s:i, s:s}", "flags", key->flags, "algorithm",
                                                key->algorithm, "public_key", public));
    }
    return others;
}

static json_t *state_to_json(const struct zone_state *state)
{
    char zone[DNAME_TEXT];
    dname_format(state->zone.wire, zone);
    json_t *keys = json_array();
    for (size_t i = 0; i < state->key_count; i++)
        json_array_append_new(keys, key_to_json(&state->keys[i]));
    json_t *serial = state->have_serial ? json_integer(state->serial) : json_null();
    return json_pack("{s:i, s:s, s:s, s:s, s:o, s:s, s:o, s:i, s:i, s:s, s:o, s:o, s:s, s:o, s:I, "
                     "s:I, s:o, s:o, s:o, s:b, s:b, s:o, s:I}",
                     "version", STATE_VERSION, "zone", zone, "zone_file", state->zone_file,
                     "signed_zone", state->signed_zone, "reload", text_to_json(state->reload),
                     "alias", state->alias, "token", text_to_json(state->token), "algorithm",
                     state->algorithm, "key_size", (int)state->key_size, "denial",
                     denial_name(state->denial), "request_id", text_to_json(state->request_id),
                     "keys", keys, "serial_policy", serial_policy_name(state->serial_policy),
                     "serial", serial, "dnskey_ttl", (json_int_t)state->dnskey_ttl,
                     "unsigned_largest_ttl", (json_int_t)state->unsigned_largest_ttl, "enabled",
                     time_to_json(state->enabled_ms), "signed", time_to_json(state->signed_ms),
                     "signatures_end", time_to_json(state->expiration_ms), "zonemd", state->zonemd,
                     "drop_outside", state->drop_outside, "other_keys", others_to_json(state),
                     "jitter", (json_int_t)state->jitter);
}

enum keyd_status state_check_text(const char *what, const char *text, struct keyd_error *err)
{
    if (text_is_utf8(text, strlen(text)))
        return KEYD_OK;
    return keyd_fail(err, KEYD_INVALID_ARGUMENT, "USAGE",
                     "%s, '%s', is not UTF-8 and so cannot be remembered: name it otherwise", what,
                     text);
}

enum keyd_status state_save(const char *folder, const struct zone_state *state,
                            struct keyd_error *err)
{
    char path[PATH_MAX];
    enum keyd_status status = state_path(folder, "state.json", path, err);
    if (status != KEYD_OK)
        return status;
    json_t *json = state_to_json(state);
    char *text = add_later(json, state) ? json_dumps(json, JSON_INDENT(2)) : NULL;
    json_decref(json);
    if (text == NULL)
        return keyd_fail(err, KEYD_INTERNAL, "STATE", "%s: the state cannot be written as JSON",
                         path);
    status = file_replace(path, text, strlen(text), 0600, err);
    free(text);
    return status;
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* Reads members one by one; the first that is wrong is named and stops the rest. */
struct reader {
    const json_t *object;
    const char *wrong; /* NULL: all good so far */
};

static const json_t *member(struct reader *reader, const char *name)
{
    const json_t *value = json_object_get(reader->object, name);
    if (value == NULL && reader->wrong == NULL)
        reader->wrong = name;
    return value;
}

static void read_text(struct reader *reader, const char *name, char *text, size_t size)
{
    const json_t *value = member(reader, name);
    text[0] = '\0';
    if (json_is_null(value))
        return;
    if (!json_is_string(value) || json_string_length(value) >= size) {
        reader->wrong = name;
        return;
    }
    memcpy(text, json_string_value(value), json_string_length(value) + 1);
}

static int64_t read_number(struct reader *reader, const char *name, int64_t max)
{
    const json_t *value = member(reader, name);
    json_int_t number = json_integer_value(value);
    if (json_is_integer(value) && number >= 0 && number <= max)
        return number;
    reader->wrong = name;
    return 0;
}

/* A member that came later than the version. */
static int64_t read_later_number(struct reader *reader, const char *name, int64_t max,
                                 int64_t missing)
{
    return json_object_get(reader->object, name) != NULL ? read_number(reader, name, max) : missing;
}

static void read_later_text(struct reader *reader, const char *name, char *text, size_t size)
{
    text[0] = '\0';
    if (json_object_get(reader->object, name) != NULL)
        read_text(reader, name, text, size);
}

static int64_t read_time(struct reader *reader, const char *name)
{
    char text[CLOCK_TEXT_MAX];
    int64_t ms = 0;
    read_text(reader, name, text, sizeof text);
    if (text[0] != '\0' && !clock_parse(text, &ms))
        reader->wrong = name;
    return ms;
}

static void read_key(struct reader *reader, struct zone_key *key)
{
    char public[BASE64_TEXT(DNSSEC_PUBLIC_KEY_MAX)];
    key->dnskey.flags = (uint16_t)read_number(reader, "flags", UINT16_MAX);
    key->dnskey.algorithm = (uint8_t)read_number(reader, "algorithm", UINT8_MAX);
    read_text(reader, "public_key", public, sizeof public);
    read_text(reader, "key_id", key->key_id, sizeof key->key_id);
    read_text(reader, "alias", key->alias, sizeof key->alias);
    read_text(reader, "token", key->token, sizeof key->token);
    read_text(reader, "file", key->file, sizeof key->file);
    key->created_ms = read_time(reader, "created");
    int64_t tag = read_number(reader, "key_tag", UINT16_MAX);
    if (reader->wrong != NULL)
        return;
    if (!base64_decode(public, key->dnskey.key, sizeof key->dnskey.key, &key->dnskey.length) ||
        dnskey_tag(&key->dnskey) != tag || dnskey_signature_length(&key->dnskey) == 0 ||
        (key->dnskey.flags & DNSKEY_SEP ? key->key_id[0] : key->file[0]) == '\0' ||
        strchr(key->file, '/') != NULL)
        reader->wrong = "public_key";
}

static void read_keys(struct reader *reader, struct zone_state *state)
{
    const json_t *keys = member(reader, "keys");
    state->key_count = json_array_size(keys);
    if (!json_is_array(keys) || state->key_count > STATE_KEYS_MAX) {
        reader->wrong = "keys";
        state->key_count = 0;
        return;
    }
    for (size_t i = 0; i < state->key_count && reader->wrong == NULL; i++) {
        struct reader inner = {.object = json_array_get(keys, i)};
        read_key(&inner, &state->keys[i]);
        reader->wrong = inner.wrong;
        if (reader->wrong == NULL && state->keys[i].dnskey.algorithm != state->algorithm)
            reader->wrong = "algorithm";
    }
}

static void read_other(struct reader *reader, struct dnskey *key)
{
    char public[BASE64_TEXT(DNSSEC_PUBLIC_KEY_MAX)];
    key->flags = (uint16_t)read_number(reader, "flags", UINT16_MAX);
    key->algorithm = (uint8_t)read_number(reader, "algorithm", UINT8_MAX);
    read_text(reader, "public_key", public, sizeof public);
    if (reader->wrong == NULL && !base64_decode(public, key->key, sizeof key->key, &key->length))
        reader->wrong = "public_key";
}

static void read_others(struct reader *reader, struct zone_state *state)
{
    const json_t *others = json_object_get(reader->object, "other_keys");
    size_t count = json_array_size(others);
    if (others == NULL)
        return;
    if (!json_is_array(others) || count > STATE_OTHERS_MAX) {
        reader->wrong = "other_keys";
        return;
    }
    for (size_t i = 0; i < count && reader->wrong == NULL; i++) {
        struct reader inner = {.object = json_array_get(others, i)};
        read_other(&inner, &state->others[i]);
        reader->wrong = inner.wrong;
        state->other_count = i + 1;
    }
}

static void read_algorithm(struct reader *reader, struct zone_state *state)
{
    state->algorithm =
        (uint8_t)read_later_number(reader, "algorithm", UINT8_MAX, DNSSEC_DEFAULT_ALGORITHM);
    state->key_size = (unsigned)read_later_number(reader, "key_size", DNSSEC_RSA_BITS_MAX, 0);
    const struct dnssec_algorithm *algorithm = dnssec_algorithm_find(state->algorithm);
    if (reader->wrong == NULL && algorithm == NULL)
        reader->wrong = "algorithm";
    if (reader->wrong == NULL && dnssec_key_spec(algorithm, state->key_size) == NULL)
        reader->wrong = "key_size";
}

static void read_denial(struct reader *reader, struct zone_state *state)
{
    char name[32];
    if (json_object_get(reader->object, "denial") == NULL)
        return;
    read_text(reader, "denial", name, sizeof name);
    if (reader->wrong == NULL && !denial_parse(name, &state->denial))
        reader->wrong = "denial";
}

static bool read_later_flag(struct reader *reader, const char *name)
{
    const json_t *value = json_object_get(reader->object, name);
    if (value != NULL && !json_is_boolean(value))
        reader->wrong = name;
    return json_is_true(value);
}

static void read_state(struct reader *reader, struct zone_state *state)
{
    char policy[32];
    char zone[DNAME_TEXT];
    read_text(reader, "zone", zone, sizeof zone);
    read_text(reader, "zone_file", state->zone_file, sizeof state->zone_file);
    read_later_text(reader, "from_server", state->from_server, sizeof state->from_server);
    read_later_text(reader, "tsig_file", state->tsig_file, sizeof state->tsig_file);
    read_text(reader, "signed_zone", state->signed_zone, sizeof state->signed_zone);
    read_text(reader, "reload", state->reload, sizeof state->reload);
    read_text(reader, "alias", state->alias, sizeof state->alias);
    read_text(reader, "token", state->token, sizeof state->token);
    read_algorithm(reader, state);
    read_denial(reader, state);
    state->zonemd = read_later_flag(reader, "zonemd");
    state->drop_outside = read_later_flag(reader, "drop_outside");
    state->jitter = (uint32_t)read_later_number(reader, "jitter", STATE_JITTER_MAX, 0);
    read_text(reader, "request_id", state->request_id, sizeof state->request_id);
    read_text(reader, "serial_policy", policy, sizeof policy);
    state->dnskey_ttl = (uint32_t)read_number(reader, "dnskey_ttl", INT32_MAX);
    state->unsigned_largest_ttl = (uint32_t)read_number(reader, "unsigned_largest_ttl", INT32_MAX);
    state->have_serial = !json_is_null(member(reader, "serial"));
    if (state->have_serial)
        state->serial = (uint32_t)read_number(reader, "serial", UINT32_MAX);
    state->enabled_ms = read_time(reader, "enabled");
    state->signed_ms = read_time(reader, "signed");
    state->expiration_ms = read_time(reader, "signatures_end");
    if (reader->wrong == NULL && !serial_policy_parse(policy, &state->serial_policy))
        reader->wrong = "serial_policy";
    if (reader->wrong == NULL && dname_parse(zone, strlen(zone), NULL, &state->zone) != NULL)
        reader->wrong = "zone";
    if (reader->wrong == NULL)
        read_keys(reader, state);
    if (reader->wrong == NULL)
        read_others(reader, state);
}

static enum keyd_status state_from_json(const char *path, const json_t *json, const uint8_t *zone,
                                        struct zone_state *state, struct keyd_error *err)
{
    const json_t *version = json_object_get(json, "version");
    if (json_is_integer(version) && json_integer_value(version) != STATE_VERSION)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "STATE_VERSION",
                         "%s has version %lld, this keyd-dnssec knows version %d: use the one that "
                         "wrote it; the file is left as it is",
                         path, (long long)json_integer_value(version), STATE_VERSION);
    struct reader reader = {.object = json};
    if (!json_is_integer(version))
        reader.wrong = "version";
    else
        read_state(&reader, state);
    if (reader.wrong == NULL && !dname_equal(state->zone.wire, zone))
        reader.wrong = "zone";
    if (reader.wrong != NULL)
        return keyd_fail(err, KEYD_DATA_LOSS, "STATE",
                         "%s: '%s' is missing or damaged: put the file back from a backup", path,
                         reader.wrong);
    return KEYD_OK;
}

enum keyd_status state_load(const char *folder, const uint8_t *zone, struct zone_state *state,
                            struct keyd_error *err)
{
    char path[PATH_MAX];
    char name[DNAME_TEXT];
    char *text = NULL;
    size_t size = 0;
    json_error_t where;
    *state = (struct zone_state){0};
    enum keyd_status status = state_path(folder, "state.json", path, err);
    if (status == KEYD_OK)
        status = file_read(path, STATE_FILE_MAX, &text, &size, err);
    if (status == KEYD_NOT_FOUND) {
        dname_format(zone, name);
        name[strlen(name) - (strlen(name) > 1)] = '\0';
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "ZONE_NOT_ENABLED",
                         "%.256s is not enabled (there is no %s): run keyd-dnssec enable %.256s "
                         "--zone-file FILE first",
                         name, path, name);
    }
    if (status != KEYD_OK)
        return status;
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    free(text);
    if (json == NULL)
        return keyd_fail(err, KEYD_DATA_LOSS, "STATE", "%s:%d: %s: put the file back from a backup",
                         path, where.line, where.text);
    status = state_from_json(path, json, zone, state, err);
    json_decref(json);
    return status;
}

/* ---- Folders -------------------------------------------------------------------------------- */

/* file_replace's temporary files: "NAME.XXXXXX". */
static bool is_left_over(const char *name)
{
    static const char *const endings[] = {".json", ".key", ".private", SIGCACHE_FILE};
    size_t length = strlen(name);
    if (length < 7 || name[length - 7] != '.')
        return false;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t ending = strlen(endings[i]);
        if (length - 7 >= ending && strncmp(name + length - 7 - ending, endings[i], ending) == 0)
            return true;
    }
    return false;
}

/* Under the lock nobody is writing here. */
static void remove_left_overs(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        if (is_left_over(entry->d_name))
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder != NULL)
        closedir(folder);
}

enum keyd_status state_lock(const char *folder, int *fd, struct keyd_error *err)
{
    char path[PATH_MAX];
    enum keyd_status status = state_path(folder, "lock", path, err);
    if (status != KEYD_OK)
        return status;
    int opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (opened < 0)
        return keyd_fail_errno(err, errno, "%s", path);
    if (flock(opened, LOCK_EX | LOCK_NB) == 0) {
        *fd = opened;
        remove_left_overs(folder);
        return KEYD_OK;
    }
    int saved = errno;
    close(opened);
    if (saved == EWOULDBLOCK)
        return keyd_fail(
            err, KEYD_ABORTED, "ZONE_BUSY",
            "another keyd-dnssec is at work on this zone (it holds %s): try again when "
            "it is done",
            path);
    return keyd_fail_errno(err, saved, "%s", path);
}

static int is_zone_folder(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* The name of the zone whose folder this is, from its state: the folder's own name is escaped. */
static bool zone_of_folder(const char *folder, char *zone, size_t size)
{
    char path[PATH_MAX];
    char *text = NULL;
    size_t length = 0;
    if (state_path(folder, "state.json", path, NULL) != KEYD_OK ||
        file_read(path, STATE_FILE_MAX, &text, &length, NULL) != KEYD_OK)
        return false;
    json_t *json = json_loadb(text, length, 0, NULL);
    const char *name = json_string_value(json_object_get(json, "zone"));
    const char *last = strrchr(folder, '/') + 1;
    /* A damaged state still counts: whoever loads it says what is wrong. */
    snprintf(zone, size, "%s", name != NULL ? name : last);
    json_decref(json);
    free(text);
    return true;
}

enum keyd_status state_each(const char *folder,
                            enum keyd_status (*visit)(void *context, const char *zone,
                                                      struct keyd_error *err),
                            void *context, struct keyd_error *err)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_zone_folder, alphasort);
    if (count < 0 && errno == ENOENT)
        return KEYD_OK;
    if (count < 0)
        return keyd_fail_errno(err, errno, "%s", folder);
    enum keyd_status status = KEYD_OK;
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        char zone[DNAME_TEXT];
        if (status == KEYD_OK && state_path(folder, entries[i]->d_name, path, NULL) == KEYD_OK &&
            zone_of_folder(path, zone, sizeof zone))
            status = visit(context, zone, err);
        free(entries[i]);
    }
    free(entries);
    return status;
}

static struct zone_key *key_with(struct zone_state *state, uint16_t sep)
{
    for (size_t i = 0; i < state->key_count; i++) {
        if ((state->keys[i].dnskey.flags & DNSKEY_SEP) == sep)
            return &state->keys[i];
    }
    return NULL;
}

struct zone_key *state_ksk(struct zone_state *state)
{
    return key_with(state, DNSKEY_SEP);
}

struct zone_key *state_zsk(struct zone_state *state)
{
    return key_with(state, 0);
}
