/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/tries.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/clock.h"
#include "keyd/base/encode.h"
#include "keyd/base/file.h"
#include "keyd/base/log.h"

#define VERSION    2
#define RECORD_MAX 16384 /* bytes of the file */
#define PAD        "pad" /* in the place of a hash */

/* scrypt: 128 * r * N = 16 MiB for each guess at a PIN of few digits. */
#define SCRYPT_N      16384
#define SCRYPT_R      8
#define SCRYPT_P      1
#define SCRYPT_MEMORY (32 * 1024 * 1024)

static const char *const permit_words[] = {
    [PERMIT_ONCE] = "once", [PERMIT_FINAL_TRY] = "final_try"};
static const char *const outcome_words[] = {
    [OUTCOME_NONE] = "none", [OUTCOME_GOOD] = "good", [OUTCOME_REFUSED] = "refused"};

/* ---- Hashes ---------------------------------------------------------------------------------- */

static bool same(const struct pin_hash *a, const struct pin_hash *b)
{
    return CRYPTO_memcmp(a->bytes, b->bytes, TRIES_HASH) == 0;
}

static void forget_refused(struct tries *tries, const struct pin_hash *hash)
{
    size_t kept = 0;
    for (size_t i = 0; i < tries->refused_count; i++)
        if (!same(&tries->refused[i], hash))
            tries->refused[kept++] = tries->refused[i];
    tries->refused_count = kept;
}

/* As the newest, and once. */
static void remember_refused(struct tries *tries, const struct pin_hash *hash)
{
    forget_refused(tries, hash);
    if (tries->refused_count == TRIES_REFUSED_MAX) {
        tries->refused_count--;
        memmove(&tries->refused[0], &tries->refused[1],
                tries->refused_count * sizeof tries->refused[0]);
    }
    tries->refused[tries->refused_count++] = *hash;
}

enum keyd_status tries_hash(const struct tries *tries, const struct keyd_secret *pin,
                            struct pin_hash *hash, struct keyd_error *err)
{
    if (EVP_PBE_scrypt((const char *)pin->data, pin->length, tries->salt, TRIES_SALT, SCRYPT_N,
                       SCRYPT_R, SCRYPT_P, SCRYPT_MEMORY, hash->bytes, TRIES_HASH) != 1)
        return keyd_fail_openssl(err, "scrypt");
    return KEYD_OK;
}

bool tries_is_refused(const struct tries *tries, const struct pin_hash *hash)
{
    for (size_t i = 0; i < tries->refused_count; i++)
        if (same(&tries->refused[i], hash))
            return true;
    return false;
}

bool tries_is_good(const struct tries *tries, const struct pin_hash *hash)
{
    return tries->has_good && same(&tries->good, hash);
}

void tries_good(struct tries *tries)
{
    if (tries->trying == TRYING_PIN) {
        forget_refused(tries, &tries->trying_hash);
        tries->has_good = true;
        tries->good = tries->trying_hash;
    }
    tries->trying = TRYING_NONE;
    tries->last = OUTCOME_GOOD;
}

void tries_refused(struct tries *tries)
{
    if (tries->trying == TRYING_PIN) {
        if (tries_is_good(tries, &tries->trying_hash))
            tries->has_good = false;
        remember_refused(tries, &tries->trying_hash);
    }
    tries->trying = TRYING_NONE;
    tries->last = OUTCOME_REFUSED;
}

void tries_void(struct tries *tries)
{
    tries->trying = TRYING_NONE;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static enum keyd_status begin(struct tries *tries, const char *path, const char *serial,
                              struct keyd_error *err)
{
    *tries = (struct tries){.path = path};
    snprintf(tries->serial, sizeof tries->serial, "%s", serial);
    if (RAND_bytes(tries->salt, sizeof tries->salt) != 1)
        return keyd_fail_openssl(err, "no random salt");
    return KEYD_OK;
}

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

static bool take_trying(const json_t *root, struct tries *tries)
{
    const json_t *value = json_object_get(root, "trying");
    const char *text = json_string_value(value);
    if (value == NULL)
        return true;
    bool pad = text != NULL && strcmp(text, PAD) == 0;
    tries->trying = pad ? TRYING_PAD : TRYING_PIN;
    return pad || take_bytes(value, tries->trying_hash.bytes, TRIES_HASH);
}

static bool take_hashes(const json_t *root, struct tries *tries)
{
    const json_t *good = json_object_get(root, "good");
    const json_t *refused = json_object_get(root, "refused");
    tries->has_good = good != NULL;
    if (!json_is_array(refused) ||
        (good != NULL && !take_bytes(good, tries->good.bytes, TRIES_HASH)))
        return false;
    size_t i;
    const json_t *entry;
    json_array_foreach(refused, i, entry)
    {
        struct pin_hash hash;
        if (!take_bytes(entry, hash.bytes, TRIES_HASH))
            return false;
        remember_refused(tries, &hash);
    }
    return true;
}

/* One that is over counts no more, nor does one whose end is further off than any permit's: the
 * clock was another then. */
static bool take_permit(const json_t *root, struct tries *tries)
{
    size_t permit;
    if (!take_word(root, "permit", permit_words, sizeof permit_words / sizeof permit_words[0],
                   &permit))
        return false;
    const char *until = json_string_value(json_object_get(root, "permit_until"));
    if (permit == PERMIT_NONE)
        return true;
    if (until == NULL || !clock_parse(until, &tries->permit_until))
        return false;
    int64_t left_ms = tries->permit_until - clock_now();
    if (left_ms > 0 && left_ms <= TRIES_PERMIT_S * 1000)
        tries->permit = (enum permit)permit;
    else
        log_warning("an operator's permit for a login came to its end on %s and does not count",
                    until);
    return true;
}

/* False when the object is no record that this version knows. */
static bool parse(const json_t *root, struct tries *tries)
{
    json_int_t version = json_integer_value(json_object_get(root, "v"));
    size_t last;
    if (version < 1 || version > VERSION ||
        !take_bytes(json_object_get(root, "salt"), tries->salt, TRIES_SALT) ||
        !take_word(root, "last", outcome_words, sizeof outcome_words / sizeof outcome_words[0],
                   &last))
        return false;
    tries->last = (enum outcome)last;
    return take_trying(root, tries) && take_hashes(root, tries) && take_permit(root, tries);
}

enum keyd_status tries_read(struct tries *tries, const char *path, const char *serial,
                            struct keyd_error *err)
{
    char *text = NULL;
    size_t size = 0;
    struct keyd_error failure;
    enum keyd_status status = begin(tries, path, serial, err);
    if (status != KEYD_OK)
        return status;
    status = file_read(path, RECORD_MAX, &text, &size, &failure);
    if (status == KEYD_NOT_FOUND)
        return KEYD_OK;
    if (status != KEYD_OK)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "TRIES",
                         "the record of refused PINs cannot be read: %s", failure.message);
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    const char *token = json_string_value(json_object_get(root, "token"));
    bool foreign = token != NULL && strcmp(token, tries->serial) != 0;
    bool good = token != NULL && parse(root, tries);
    json_decref(root);
    if (!good)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "TRIES",
                         "%s, the record of refused PINs, is damaged or from a newer version; "
                         "nothing is tried. Make sure that the PIN is the right one, remove the "
                         "record, and start keyd-hsm again",
                         path);
    return foreign ? begin(tries, path, serial, err) : KEYD_OK;
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

static json_t *compose(const struct tries *tries)
{
    json_t *refused = json_array();
    for (size_t i = 0; i < tries->refused_count; i++)
        json_array_append_new(refused, hex_json(tries->refused[i].bytes, TRIES_HASH));
    json_t *root = json_pack("{s:i,s:s,s:o,s:o,s:s,s:o}", "v", VERSION, "token", tries->serial,
                             "salt", hex_json(tries->salt, TRIES_SALT), "refused", refused, "last",
                             outcome_words[tries->last], "time", time_json(clock_now()));
    if (tries->trying == TRYING_PIN)
        json_object_set_new(root, "trying", hex_json(tries->trying_hash.bytes, TRIES_HASH));
    if (tries->trying == TRYING_PAD)
        json_object_set_new(root, "trying", json_string(PAD));
    if (tries->has_good)
        json_object_set_new(root, "good", hex_json(tries->good.bytes, TRIES_HASH));
    if (tries->permit != PERMIT_NONE) {
        json_object_set_new(root, "permit", json_string(permit_words[tries->permit]));
        json_object_set_new(root, "permit_until", time_json(tries->permit_until));
    }
    return root;
}

enum keyd_status tries_write(const struct tries *tries, struct keyd_error *err)
{
    json_t *root = compose(tries);
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    json_decref(root);
    if (text == NULL)
        return keyd_fail(err, KEYD_INTERNAL, NULL, "the login record cannot be composed");
    enum keyd_status status = file_replace(tries->path, text, strlen(text), 0600, err);
    free(text);
    return status;
}

enum keyd_status tries_permit(const char *path, const char *serial, enum permit permit,
                              struct keyd_error *err)
{
    struct tries tries;
    enum keyd_status status = tries_read(&tries, path, serial, err);
    if (status != KEYD_OK)
        return status;
    tries.permit = permit;
    tries.permit_until = clock_now() + TRIES_PERMIT_S * 1000;
    return tries_write(&tries, err);
}
