/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/login.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/clock.h"
#include "keyd/base/encode.h"
#include "keyd/base/file.h"
#include "keyd/base/log.h"
#include "keyd/base/secret.h"
#include "keyd/hsm/ckr.h"

#define RECORD_VERSION 1
#define RECORD_MAX     16384 /* bytes of the file */
#define SALT_SIZE      16
#define HASH_SIZE      32

/* scrypt: 128 * r * N = 16 MiB for each guess at a PIN of few digits. */
#define SCRYPT_N      16384
#define SCRYPT_R      8
#define SCRYPT_P      1
#define SCRYPT_MEMORY (32 * 1024 * 1024)

struct record {
    uint8_t salt[SALT_SIZE];
    bool trying;
    uint8_t trying_hash[HASH_SIZE];
    size_t refused_count;
    uint8_t refused[LOGIN_REFUSED_MAX][HASH_SIZE];
    const char *last; /* static */
};

/* ---- The record ------------------------------------------------------------------------------ */

static enum keyd_status new_record(struct record *record, struct keyd_error *err)
{
    *record = (struct record){.last = "none"};
    if (RAND_bytes(record->salt, sizeof record->salt) != 1)
        return keyd_fail_openssl(err, "no random salt");
    return KEYD_OK;
}

static void remember_refused(struct record *record, const uint8_t hash[HASH_SIZE])
{
    if (record->refused_count == LOGIN_REFUSED_MAX) {
        memmove(record->refused[0], record->refused[1], (LOGIN_REFUSED_MAX - 1) * HASH_SIZE);
        record->refused_count--;
    }
    memcpy(record->refused[record->refused_count++], hash, HASH_SIZE);
}

static bool is_refused(const struct record *record, const uint8_t hash[HASH_SIZE])
{
    for (size_t i = 0; i < record->refused_count; i++)
        if (CRYPTO_memcmp(record->refused[i], hash, HASH_SIZE) == 0)
            return true;
    return false;
}

static bool take_hash(const json_t *value, uint8_t *bytes, size_t size)
{
    const char *text = json_string_value(value);
    return text != NULL && strlen(text) == 2 * size && hex_decode(text, bytes, size);
}

/* False when the object is no record of this version. *same_token: whether it is about `serial`. */
static bool parse_record(const json_t *root, const char *serial, struct record *record,
                         bool *same_token)
{
    const char *token = json_string_value(json_object_get(root, "token"));
    const json_t *refused = json_object_get(root, "refused");
    if (json_integer_value(json_object_get(root, "v")) != RECORD_VERSION || token == NULL ||
        !json_is_array(refused) ||
        !take_hash(json_object_get(root, "salt"), record->salt, SALT_SIZE))
        return false;
    *same_token = strcmp(token, serial) == 0;
    const json_t *trying = json_object_get(root, "trying");
    record->trying = trying != NULL;
    if (record->trying && !take_hash(trying, record->trying_hash, HASH_SIZE))
        return false;
    size_t i;
    const json_t *entry;
    json_array_foreach(refused, i, entry)
    {
        uint8_t hash[HASH_SIZE];
        if (!take_hash(entry, hash, HASH_SIZE))
            return false;
        remember_refused(record, hash);
    }
    return true;
}

/* A record that is there and cannot be read is no reason to try: it may be the one that says no. */
static enum keyd_status read_record(const char *path, const char *serial, struct record *record,
                                    struct keyd_error *err)
{
    char *text = NULL;
    size_t size = 0;
    struct keyd_error failure;
    enum keyd_status status = file_read(path, RECORD_MAX, &text, &size, &failure);
    if (status == KEYD_NOT_FOUND)
        return new_record(record, err);
    if (status != KEYD_OK)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_LOGIN_NEEDED,
                         "the record of refused PINs cannot be read: %s", failure.message);
    *record = (struct record){.last = "none"};
    bool same_token = false;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    bool good = parse_record(root, serial, record, &same_token);
    json_decref(root);
    if (!good)
        return keyd_fail(
            err, KEYD_FAILED_PRECONDITION, REASON_LOGIN_NEEDED,
            "%s, the record of refused PINs, is damaged or from a newer version; "
            "nothing is tried. Make sure that the PIN file holds the right PIN, remove "
            "the record, and start keyd-hsm again",
            path);
    return same_token ? KEYD_OK : new_record(record, err);
}

static json_t *hex_json(const uint8_t *bytes, size_t size)
{
    char text[HEX_TEXT(HASH_SIZE)];
    hex_encode(bytes, size, text);
    return json_string(text);
}

static enum keyd_status write_record(const char *path, const char *serial,
                                     const struct record *record, struct keyd_error *err)
{
    char time[CLOCK_TEXT_MAX];
    clock_format(clock_now(), time);
    json_t *refused = json_array();
    for (size_t i = 0; i < record->refused_count; i++)
        json_array_append_new(refused, hex_json(record->refused[i], HASH_SIZE));
    json_t *root = json_pack("{s:i,s:s,s:o,s:o,s:s,s:s}", "v", RECORD_VERSION, "token", serial,
                             "salt", hex_json(record->salt, SALT_SIZE), "refused", refused, "last",
                             record->last, "time", time);
    if (root != NULL && record->trying)
        json_object_set_new(root, "trying", hex_json(record->trying_hash, HASH_SIZE));
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    json_decref(root);
    if (text == NULL)
        return keyd_fail(err, KEYD_INTERNAL, NULL, "the login record cannot be composed");
    enum keyd_status status = file_replace(path, text, strlen(text), 0600, err);
    free(text);
    return status;
}

/* ---- The PIN --------------------------------------------------------------------------------- */

static enum keyd_status hash_pin(const struct keyd_secret *pin, const struct record *record,
                                 uint8_t hash[HASH_SIZE], struct keyd_error *err)
{
    if (EVP_PBE_scrypt((const char *)pin->data, pin->length, record->salt, SALT_SIZE, SCRYPT_N,
                       SCRYPT_R, SCRYPT_P, SCRYPT_MEMORY, hash, HASH_SIZE) != 1)
        return keyd_fail_openssl(err, "scrypt");
    return KEYD_OK;
}

static enum keyd_status read_pin(const char *path, struct keyd_secret **pin, struct keyd_error *err)
{
    struct keyd_error failure;
    enum keyd_status status = keyd_secret_read(path, LOGIN_PIN_MAX, pin, &failure);
    if (status == KEYD_OK)
        return KEYD_OK;
    return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_LOGIN_NEEDED,
                     "no PIN: %s. `pin_file` must be a file of mode 0600 that holds the token's "
                     "user PIN and belongs to keyd-hsm's user or root",
                     failure.message);
}

static enum keyd_status refuse_locked(struct keyd_error *err)
{
    return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_LOGIN_NEEDED,
                     "the token says that its user PIN is locked. Unlock it with the security "
                     "officer's PIN, then write the PIN file anew");
}

static enum keyd_status judge_flags(CK_FLAGS flags, struct keyd_error *err)
{
    if ((flags & CKF_USER_PIN_LOCKED) != 0)
        return refuse_locked(err);
    if ((flags & CKF_USER_PIN_FINAL_TRY) != 0)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_LOGIN_NEEDED,
                         "the token says that one more wrong PIN locks it; keyd-hsm does not take "
                         "that try. Log in once with the vendor's tools and the right PIN, which "
                         "resets the count, then write the PIN file anew");
    return KEYD_OK;
}

static enum keyd_status refuse_known(const char *pin_file, const char *record_file,
                                     struct keyd_error *err)
{
    return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_LOGIN_NEEDED,
                     "the token has refused the PIN in %s before, and it is not tried again. Write "
                     "the right PIN there; keyd-hsm notices. (Is it the right one by now? Then "
                     "remove %s as well)",
                     pin_file, record_file);
}

/* ---- One try --------------------------------------------------------------------------------- */

static bool is_refusal(CK_RV rv)
{
    return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE;
}

/* Writes down what came of it. A locked token has not looked at the PIN: the try counts for
 * nothing. What is neither yes nor no leaves it unsettled. */
static enum keyd_status settle(const struct session *session, struct record *record,
                               const char *record_file, CK_RV rv, struct keyd_error *err)
{
    bool good = rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN || rv == CKR_PIN_EXPIRED;
    bool refused = is_refusal(rv);
    if (!good && !refused && rv != CKR_PIN_LOCKED)
        return KEYD_OK;
    record->trying = false;
    if (good || refused)
        record->last = good ? "good" : "refused";
    if (refused)
        remember_refused(record, record->trying_hash);
    return write_record(record_file, session->module->serial, record, err);
}

static enum keyd_status try_pin(const struct session *session, struct keyd_secret **pin,
                                struct record *record, const char *pin_file,
                                const char *record_file, struct keyd_error *err)
{
    enum keyd_status status = write_record(record_file, session->module->serial, record, err);
    if (status != KEYD_OK)
        return status;
    CK_RV rv = MODULE_CALL(session->module, C_Login, session->handle, CKU_USER, (*pin)->data,
                           (*pin)->length);
    keyd_secret_free(*pin);
    *pin = NULL;
    status = settle(session, record, record_file, rv, err);
    if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
        return status;
    struct keyd_error failure;
    ckr_fail(&failure, rv, "C_Login");
    if (status != KEYD_OK)
        log_error("the login's outcome could not be written down: %s", err->message);
    if (rv == CKR_PIN_LOCKED)
        return refuse_locked(err);
    if (is_refusal(rv))
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_LOGIN_NEEDED,
                         "%s. It was tried once and is not tried again. Write the right PIN to %s; "
                         "keyd-hsm notices",
                         failure.message, pin_file);
    return keyd_fail(err, failure.status, failure.reason, "%s", failure.message);
}

/* A try that was begun and never settled: the process ended inside C_Login, or right after. When
 * the token has counted a wrong PIN since, that was it. */
static enum keyd_status settle_former(const struct session *session, struct record *record,
                                      CK_FLAGS flags, const char *record_file,
                                      struct keyd_error *err)
{
    if (!record->trying)
        return KEYD_OK;
    record->trying = false;
    if ((flags & CKF_USER_PIN_COUNT_LOW) == 0)
        return KEYD_OK;
    log_warning("the last login was never settled and the token counts a wrong PIN: that PIN is "
                "taken for refused");
    if (!is_refused(record, record->trying_hash))
        remember_refused(record, record->trying_hash);
    record->last = "refused";
    return write_record(record_file, session->module->serial, record, err);
}

enum keyd_status login_perform(const struct session *session, const char *pin_file,
                               const char *record_file, struct keyd_error *err)
{
    struct record record;
    struct keyd_secret *pin = NULL;
    CK_FLAGS flags = 0;
    enum keyd_status status = read_pin(pin_file, &pin, err);
    if (status == KEYD_OK)
        status = module_token_flags(session->module, &flags, err);
    if (status == KEYD_OK)
        status = judge_flags(flags, err);
    if (status == KEYD_OK)
        status = read_record(record_file, session->module->serial, &record, err);
    if (status == KEYD_OK)
        status = settle_former(session, &record, flags, record_file, err);
    uint8_t hash[HASH_SIZE];
    if (status == KEYD_OK)
        status = hash_pin(pin, &record, hash, err);
    if (status == KEYD_OK && is_refused(&record, hash))
        status = refuse_known(pin_file, record_file, err);
    if (status == KEYD_OK) {
        record.trying = true;
        memcpy(record.trying_hash, hash, HASH_SIZE);
        status = try_pin(session, &pin, &record, pin_file, record_file, err);
    }
    keyd_secret_free(pin);
    return status;
}
