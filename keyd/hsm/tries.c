/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/tries.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "keyd/base/clock.h"
#include "keyd/base/encode.h"
#include "keyd/base/file.h"
#include "keyd/base/log.h"

#define VERSION    3
#define RECORD_MAX (256 * 1024) /* bytes of the file; full lists take some 170 KiB */
#define PAD        "pad"        /* in the place of a hash */

/* scrypt: 128 * r * N = 16 MiB for each guess at a PIN of few digits. */
#define SCRYPT_N      16384
#define SCRYPT_R      8
#define SCRYPT_P      1
#define SCRYPT_MEMORY (32 * 1024 * 1024)

static const char *const permit_words[] = {
    [PERMIT_ONCE] = "once", [PERMIT_FINAL_TRY] = "final_try"};
static const char *const outcome_words[] = {[OUTCOME_NONE] = "none",
                                            [OUTCOME_GOOD] = "good",
                                            [OUTCOME_REFUSED] = "refused",
                                            [OUTCOME_LOCKED] = "locked"};

/* ---- Hashes ---------------------------------------------------------------------------------- */

static bool same(const struct pin_hash *a, const struct pin_hash *b)
{
    return CRYPTO_memcmp(a->bytes, b->bytes, TRIES_HASH) == 0;
}

static size_t count_of(const struct pin_list *list, const struct pin_hash *hash)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        count += same(&list->pins[i], hash);
    return count;
}

static void forget(struct pin_list *list, const struct pin_hash *hash)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++)
        if (!same(&list->pins[i], hash))
            list->pins[kept++] = list->pins[i];
    list->count = kept;
}

/* As the newest. */
static void remember(struct pin_list *list, const struct pin_hash *hash)
{
    if (list->count == TRIES_PINS_MAX) {
        list->count--;
        memmove(&list->pins[0], &list->pins[1], list->count * sizeof list->pins[0]);
    }
    list->pins[list->count++] = *hash;
}

enum keyd_status tries_hash(const struct tries *tries, const struct keyd_secret *pin,
                            struct pin_hash *hash, struct keyd_error *err)
{
    if (EVP_PBE_scrypt((const char *)pin->data, pin->length, tries->now.salt, TRIES_SALT, SCRYPT_N,
                       SCRYPT_R, SCRYPT_P, SCRYPT_MEMORY, hash->bytes, TRIES_HASH) != 1)
        return keyd_fail_openssl(err, "scrypt");
    return KEYD_OK;
}

bool tries_is_refused(const struct tries *tries, const struct pin_hash *hash)
{
    return count_of(&tries->now.refused, hash) > 0;
}

bool tries_is_locked(const struct tries *tries, const struct pin_hash *hash)
{
    const struct pin_list *refused = &tries->now.refused;
    return tries->now.last == OUTCOME_LOCKED && refused->count > 0 &&
           same(&refused->pins[refused->count - 1], hash);
}

bool tries_is_good(const struct tries *tries, const struct pin_hash *hash)
{
    return tries->now.has_good && same(&tries->now.good, hash);
}

size_t tries_unsettled(const struct tries *tries, const struct pin_hash *hash)
{
    return count_of(&tries->now.unsettled, hash);
}

/* ---- A try ----------------------------------------------------------------------------------- */

void tries_begin(struct tries *tries, const struct pin_hash *hash)
{
    struct token_tries *now = &tries->now;
    now->trying = hash != NULL ? TRYING_PIN : TRYING_PAD;
    if (hash == NULL)
        return;
    now->trying_hash = *hash;
    remember(&now->unsettled, hash);
}

void tries_good(struct tries *tries)
{
    struct token_tries *now = &tries->now;
    if (now->trying == TRYING_PIN) {
        forget(&now->unsettled, &now->trying_hash);
        forget(&now->refused, &now->trying_hash);
        now->has_good = true;
        now->good = now->trying_hash;
    }
    now->trying = TRYING_NONE;
    now->last = OUTCOME_GOOD;
}

void tries_refused(struct tries *tries)
{
    struct token_tries *now = &tries->now;
    if (now->trying == TRYING_PIN) {
        if (tries_is_good(tries, &now->trying_hash))
            now->has_good = false;
        forget(&now->unsettled, &now->trying_hash);
        forget(&now->refused, &now->trying_hash);
        remember(&now->refused, &now->trying_hash);
    }
    now->trying = TRYING_NONE;
    now->last = OUTCOME_REFUSED;
}

void tries_locked(struct tries *tries)
{
    tries_refused(tries);
    tries->now.last = OUTCOME_LOCKED;
}

/* The newest entry of the list is this try's. */
void tries_void(struct tries *tries)
{
    struct token_tries *now = &tries->now;
    if (now->trying == TRYING_PIN && now->unsettled.count > 0)
        now->unsettled.count--;
    now->trying = TRYING_NONE;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool take_bytes(const json_t *value, uint8_t *bytes, size_t size)
{
    const char *text = json_string_value(value);
    return text != NULL && strlen(text) == 2 * size && hex_decode(text, bytes, size);
}

/* The index of a field's word, 0 where the field is not there; false for a word that is none. */
static bool take_word(const json_t *root, const char *field, const char *const *words, size_t count,
                      size_t *index)
{
    const json_t *value = json_object_get(root, field);
    const char *text = json_string_value(value);
    *index = 0;
    for (size_t i = 0; i < count && text != NULL; i++)
        if (words[i] != NULL && strcmp(words[i], text) == 0) {
            *index = i;
            return true;
        }
    return value == NULL;
}

/* An older record has a try that is open in `trying` alone. */
static bool take_trying(const json_t *root, struct token_tries *token)
{
    const json_t *value = json_object_get(root, "trying");
    const char *text = json_string_value(value);
    if (value == NULL)
        return true;
    if (text != NULL && strcmp(text, PAD) == 0) {
        token->trying = TRYING_PAD;
        return true;
    }
    token->trying = TRYING_PIN;
    if (!take_bytes(value, token->trying_hash.bytes, TRIES_HASH))
        return false;
    if (count_of(&token->unsettled, &token->trying_hash) == 0)
        remember(&token->unsettled, &token->trying_hash);
    return true;
}

static bool take_list(const json_t *value, struct pin_list *list)
{
    size_t i;
    const json_t *entry;
    if (!json_is_array(value))
        return false;
    json_array_foreach(value, i, entry)
    {
        struct pin_hash hash;
        if (!take_bytes(entry, hash.bytes, TRIES_HASH))
            return false;
        remember(list, &hash);
    }
    return true;
}

static bool take_hashes(const json_t *root, struct token_tries *token)
{
    const json_t *good = json_object_get(root, "good");
    const json_t *unsettled = json_object_get(root, "unsettled");
    token->has_good = good != NULL;
    return take_list(json_object_get(root, "refused"), &token->refused) &&
           (good == NULL || take_bytes(good, token->good.bytes, TRIES_HASH)) &&
           (unsettled == NULL || take_list(unsettled, &token->unsettled));
}

/* One that is over counts no more, nor does one whose end is further off than any permit's: the
 * clock was another then. */
static bool take_permit(const json_t *root, struct token_tries *token)
{
    size_t permit;
    if (!take_word(root, "permit", permit_words, sizeof permit_words / sizeof permit_words[0],
                   &permit))
        return false;
    const char *until = json_string_value(json_object_get(root, "permit_until"));
    token->spent = json_is_true(json_object_get(root, "spent"));
    if (permit == PERMIT_NONE)
        return true;
    if (until == NULL || !clock_parse(until, &token->permit_until))
        return false;
    int64_t left_ms = token->permit_until - clock_now();
    if (left_ms > 0 && left_ms <= TRIES_PERMIT_S * 1000)
        token->permit = (enum permit)permit;
    else
        log_warning("an operator's permit for a login came to its end on %s and does not count",
                    until);
    return true;
}

/* False when the object is not what this version knows of a token; so too below. */
static bool parse_token(const json_t *root, struct token_tries *token)
{
    size_t last;
    const char *serial = json_string_value(json_object_get(root, "token"));
    const char *time = json_string_value(json_object_get(root, "time"));
    *token = (struct token_tries){0};
    if (serial == NULL || strlen(serial) >= sizeof token->serial ||
        !take_bytes(json_object_get(root, "salt"), token->salt, TRIES_SALT) ||
        !take_word(root, "last", outcome_words, sizeof outcome_words / sizeof outcome_words[0],
                   &last))
        return false;
    snprintf(token->serial, sizeof token->serial, "%s", serial);
    token->last = (enum outcome)last;
    if (time == NULL || !clock_parse(time, &token->time))
        token->time = 0;
    return take_hashes(root, token) && take_trying(root, token) && take_permit(root, token);
}

static bool parse(const json_t *root, struct tries *tries)
{
    json_int_t version = json_integer_value(json_object_get(root, "v"));
    const json_t *former = json_object_get(root, "former");
    if (version < 1 || version > VERSION || !parse_token(root, &tries->now) ||
        (former != NULL && (!json_is_array(former) || json_array_size(former) > TRIES_FORMER_MAX)))
        return false;
    tries->former_count = json_array_size(former);
    for (size_t i = 0; i < tries->former_count; i++)
        if (!parse_token(json_array_get(former, i), &tries->former[i]))
            return false;
    return true;
}

static void drop_former(struct tries *tries, size_t index)
{
    tries->former_count--;
    memmove(&tries->former[index], &tries->former[index + 1],
            (tries->former_count - index) * sizeof tries->former[0]);
}

static enum keyd_status begin_token(struct token_tries *token, const char *serial,
                                    struct keyd_error *err)
{
    *token = (struct token_tries){0};
    snprintf(token->serial, sizeof token->serial, "%s", serial);
    if (RAND_bytes(token->salt, sizeof token->salt) != 1)
        return keyd_fail_openssl(err, "no random salt");
    return KEYD_OK;
}

/* The present token becomes the newest of the former ones, and that with this serial number, or a
 * new one, the present. No permit outlives that: it was for the token that was there. */
static enum keyd_status change_token(struct tries *tries, const char *serial,
                                     struct keyd_error *err)
{
    size_t i = 0;
    struct token_tries next;
    enum keyd_status status = KEYD_OK;
    while (i < tries->former_count && strcmp(tries->former[i].serial, serial) != 0)
        i++;
    bool known = i < tries->former_count;
    if (known)
        next = tries->former[i];
    else
        status = begin_token(&next, serial, err);
    if (status != KEYD_OK)
        return status;
    if (known || tries->former_count == TRIES_FORMER_MAX)
        drop_former(tries, known ? i : 0);
    tries->now.permit = PERMIT_NONE;
    tries->former[tries->former_count++] = tries->now;
    tries->now = next;
    return KEYD_OK;
}

/* The record's text, *owned*. NOT_FOUND where there is none; what is no file is not opened: a FIFO
 * would hold up the start. */
static enum keyd_status read_text(const char *path, char **text, size_t *size,
                                  struct keyd_error *err)
{
    struct stat st;
    struct keyd_error failure;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "TRIES",
                         "the record of logins cannot be read, and nothing is tried: %s is no "
                         "regular file. Move it away, make sure that the PIN is the right one, and "
                         "start keyd-hsm again",
                         path);
    enum keyd_status status = file_read(path, RECORD_MAX, text, size, &failure);
    if (status == KEYD_OK || status == KEYD_NOT_FOUND)
        return status;
    return keyd_fail(err, KEYD_FAILED_PRECONDITION, "TRIES",
                     "the record of logins cannot be read, and nothing is tried: %s. See to its "
                     "owner, mode and disk, and start keyd-hsm again",
                     failure.message);
}

enum keyd_status tries_read(struct tries *tries, const char *path, const char *serial,
                            struct keyd_error *err)
{
    char *text = NULL;
    size_t size = 0;
    tries->path = path;
    tries->former_count = 0;
    enum keyd_status status = read_text(path, &text, &size, err);
    if (status == KEYD_NOT_FOUND)
        return begin_token(&tries->now, serial, err);
    if (status != KEYD_OK)
        return status;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    bool good = parse(root, tries);
    json_decref(root);
    if (!good)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "TRIES",
                         "%s, the record of logins, is damaged or from a newer version; nothing is "
                         "tried. Make sure that the PIN is the right one, remove the record, and "
                         "start keyd-hsm again",
                         path);
    if (strcmp(tries->now.serial, serial) == 0)
        return KEYD_OK;
    return change_token(tries, serial, err);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static json_t *hex_json(const uint8_t *bytes, size_t size)
{
    char text[HEX_TEXT(TRIES_HASH)];
    hex_encode(bytes, size, text);
    return json_string(text);
}

static json_t *time_json(int64_t ms)
{
    char text[CLOCK_TEXT_MAX];
    clock_format(ms, text);
    return json_string(text);
}

static json_t *list_json(const struct pin_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(array, hex_json(list->pins[i].bytes, TRIES_HASH));
    return array;
}

static json_t *compose_token(const struct token_tries *token, int64_t time)
{
    json_t *root = json_pack("{s:s,s:o,s:o,s:o,s:s,s:o}", "token", token->serial, "salt",
                             hex_json(token->salt, TRIES_SALT), "refused",
                             list_json(&token->refused), "unsettled", list_json(&token->unsettled),
                             "last", outcome_words[token->last], "time", time_json(time));
    if (token->trying == TRYING_PIN)
        json_object_set_new(root, "trying", hex_json(token->trying_hash.bytes, TRIES_HASH));
    if (token->trying == TRYING_PAD)
        json_object_set_new(root, "trying", json_string(PAD));
    if (token->has_good)
        json_object_set_new(root, "good", hex_json(token->good.bytes, TRIES_HASH));
    if (token->permit != PERMIT_NONE) {
        json_object_set_new(root, "permit", json_string(permit_words[token->permit]));
        json_object_set_new(root, "permit_until", time_json(token->permit_until));
    }
    if (token->spent)
        json_object_set_new(root, "spent", json_true());
    return root;
}

static json_t *compose(const struct tries *tries)
{
    json_t *root = compose_token(&tries->now, clock_now());
    json_t *former = json_array();
    for (size_t i = 0; i < tries->former_count; i++)
        json_array_append_new(former, compose_token(&tries->former[i], tries->former[i].time));
    json_object_set_new(root, "v", json_integer(VERSION));
    json_object_set_new(root, "former", former);
    return root;
}

enum keyd_status tries_write(const struct tries *tries, struct keyd_error *err)
{
    struct keyd_error failure;
    json_t *root = compose(tries);
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    json_decref(root);
    if (text == NULL)
        return keyd_fail(err, KEYD_INTERNAL, NULL, "the login record cannot be composed");
    enum keyd_status status = file_replace(tries->path, text, strlen(text), 0600, &failure);
    free(text);
    if (status == KEYD_OK)
        return KEYD_OK;
    return keyd_fail(err, status, failure.reason, "the login record cannot be written: %s. %s",
                     failure.message,
                     status == KEYD_RESOURCE_EXHAUSTED ? "Make room on that disk"
                                                       : "See to its folder and disk");
}

enum keyd_status tries_permit(const char *path, const char *serial, enum permit permit,
                              struct keyd_error *err)
{
    struct tries tries;
    enum keyd_status status = tries_read(&tries, path, serial, err);
    if (status != KEYD_OK)
        return status;
    tries.now.permit = permit;
    tries.now.permit_until = clock_now() + TRIES_PERMIT_S * 1000;
    tries.now.spent = false;
    return tries_write(&tries, err);
}
