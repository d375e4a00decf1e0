/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/register.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/clock.h"
#include "keyd/base/encode.h"
#include "keyd/hsm/ckr.h"
#include "keyd/hsm/journal.h"

#define PUBLIC_KEY_MAX 1024 /* bytes of a SubjectPublicKeyInfo; RSA-4096's has 550 */

/* The keys in the order of their ids. Pointers, so that an insertion moves little. */
struct key_register {
    pthread_rwlock_t lock;
    struct register_key **keys;
    size_t count;
    size_t room;
    bool always_authenticate; /* of the last creation that came to an end */
};

struct key_register *register_new(void)
{
    struct key_register *made = calloc(1, sizeof *made);
    if (made != NULL)
        pthread_rwlock_init(&made->lock, NULL);
    return made;
}

void register_free(struct key_register *keys)
{
    if (keys == NULL)
        return;
    for (size_t i = 0; i < keys->count; i++) {
        free((void *)keys->keys[i]->public_key);
        free((void *)(uintptr_t)keys->keys[i]->unusable);
        free(keys->keys[i]);
    }
    free(keys->keys);
    pthread_rwlock_destroy(&keys->lock);
    free(keys);
}

/* ---- Looking --------------------------------------------------------------------------------- */

/* Where the id is, or would be; the lock is held. */
static size_t position(const struct key_register *keys, const struct keyid *id, bool *found)
{
    size_t low = 0;
    size_t high = keys->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = keyid_compare(&keys->keys[middle]->id, id);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = false;
    return low;
}

bool register_find(struct key_register *keys, const struct keyid *id, struct register_key *key)
{
    bool found = false;
    pthread_rwlock_rdlock(&keys->lock);
    size_t at = position(keys, id, &found);
    if (found)
        *key = *keys->keys[at];
    pthread_rwlock_unlock(&keys->lock);
    return found;
}

bool register_next(struct key_register *keys, const struct keyid *after, enum register_state state,
                   struct register_key *key)
{
    bool found = false;
    pthread_rwlock_rdlock(&keys->lock);
    size_t at = after != NULL ? position(keys, after, &found) : 0;
    if (found)
        at++;
    while (at < keys->count && keys->keys[at]->state != state)
        at++;
    found = at < keys->count;
    if (found)
        *key = *keys->keys[at];
    pthread_rwlock_unlock(&keys->lock);
    return found;
}

bool register_always_authenticate(struct key_register *keys)
{
    pthread_rwlock_rdlock(&keys->lock);
    bool last = keys->always_authenticate;
    pthread_rwlock_unlock(&keys->lock);
    return last;
}

size_t register_count(struct key_register *keys, enum register_state state)
{
    size_t n = 0;
    pthread_rwlock_rdlock(&keys->lock);
    for (size_t i = 0; i < keys->count; i++)
        n += keys->keys[i]->state == state;
    pthread_rwlock_unlock(&keys->lock);
    return n;
}

/* ---- What the token holds -------------------------------------------------------------------- */

static void set_held(struct key_register *keys, const struct keyid *id, const char *unusable,
                     unsigned long handle)
{
    bool found = false;
    pthread_rwlock_wrlock(&keys->lock);
    size_t at = position(keys, id, &found);
    if (found) {
        keys->keys[at]->unusable = unusable;
        keys->keys[at]->handle = handle;
    }
    pthread_rwlock_unlock(&keys->lock);
}

void register_set_handle(struct key_register *keys, const struct keyid *id, unsigned long handle)
{
    set_held(keys, id, NULL, handle);
}

void register_set_unusable(struct key_register *keys, const struct keyid *id, const char *why)
{
    set_held(keys, id, strdup(why), 0);
}

/* ---- Records --------------------------------------------------------------------------------- */

json_t *register_creating(const struct register_key *key, const char *call)
{
    char id[KEYID_TEXT];
    char digest[HEX_TEXT(REQUEST_DIGEST_SIZE)];
    keyid_format(&key->id, id);
    hex_encode(key->request_digest, REQUEST_DIGEST_SIZE, digest);
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "key", id, "spec", key_spec_name(key->spec),
                     "usage", key_usage_name(key->usage), "creator", key->creator, "request_digest",
                     digest, "call", call);
}

json_t *register_created(const struct keyid *id, const uint8_t *public_key, size_t size,
                         bool settled)
{
    char text[KEYID_TEXT];
    char encoded[BASE64_TEXT(PUBLIC_KEY_MAX)];
    if (size > PUBLIC_KEY_MAX)
        return NULL;
    keyid_format(id, text);
    base64_encode(public_key, size, encoded);
    json_t *fields = json_pack("{s:s,s:s}", "key", text, "public_key", encoded);
    if (fields != NULL && settled)
        json_object_set_new(fields, "settled", json_true());
    return fields;
}

json_t *register_abandoned(const struct keyid *id, const struct keyd_error *why)
{
    char text[KEYID_TEXT];
    keyid_format(id, text);
    return json_pack("{s:s,s:s,s:s}", "key", text, "reason", why->reason, "why", why->message);
}

static const char *text_of(const json_t *record, const char *field)
{
    const char *text = json_string_value(json_object_get(record, field));
    return text != NULL ? text : "";
}

static enum keyd_status bad_field(struct keyd_error *err, const char *field)
{
    return keyd_fail(err, KEYD_DATA_LOSS, REASON_JOURNAL_BROKEN,
                     "the record's field %s is missing or no good", field);
}

static enum keyd_status unknown(struct keyd_error *err, const char *what, const char *text)
{
    return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_JOURNAL_NEWER,
                     "this keyd-hsm does not know the %s '%s': the journal is from a newer version",
                     what, text);
}

static enum keyd_status parse_creating(const json_t *record, struct register_key *key,
                                       struct keyd_error *err)
{
    const char *creator = text_of(record, "creator");
    const char *digest = text_of(record, "request_digest");
    if (!key_spec_parse(text_of(record, "spec"), &key->spec))
        return unknown(err, "key spec", text_of(record, "spec"));
    if (!key_usage_parse(text_of(record, "usage"), &key->usage))
        return unknown(err, "key usage", text_of(record, "usage"));
    if (strlen(creator) > PRINCIPAL_MAX)
        return bad_field(err, "creator");
    memcpy(key->creator, creator, strlen(creator) + 1);
    if (strlen(digest) != 2 * REQUEST_DIGEST_SIZE ||
        !hex_decode(digest, key->request_digest, REQUEST_DIGEST_SIZE))
        return bad_field(err, "request_digest");
    if (!clock_parse(text_of(record, "time"), &key->creation_time))
        return bad_field(err, "time");
    return KEYD_OK;
}

/* Puts a key into its place; the lock is held. */
static enum keyd_status insert(struct key_register *keys, size_t at, const struct register_key *key,
                               struct keyd_error *err)
{
    if (keys->count == keys->room) {
        size_t room = keys->room > 0 ? 2 * keys->room : 64;
        struct register_key **larger = reallocarray(keys->keys, room, sizeof *larger);
        if (larger == NULL)
            return keyd_fail_errno(err, ENOMEM, "the register of %zu keys", keys->count);
        keys->keys = larger;
        keys->room = room;
    }
    struct register_key *made = malloc(sizeof *made);
    if (made == NULL)
        return keyd_fail_errno(err, ENOMEM, "the register of %zu keys", keys->count);
    *made = *key;
    memmove(keys->keys + at + 1, keys->keys + at, (keys->count - at) * sizeof keys->keys[0]);
    keys->keys[at] = made;
    keys->count++;
    return KEYD_OK;
}

static enum keyd_status take_public_key(const json_t *record, struct register_key *key,
                                        struct keyd_error *err)
{
    uint8_t der[PUBLIC_KEY_MAX];
    size_t size = 0;
    if (!base64_decode(text_of(record, "public_key"), der, sizeof der, &size) || size == 0)
        return bad_field(err, "public_key");
    uint8_t *copy = malloc(size);
    if (copy == NULL)
        return keyd_fail_errno(err, ENOMEM, "a public key");
    memcpy(copy, der, size);
    key->public_key = copy;
    key->public_key_size = size;
    key->state = REGISTER_CREATED;
    return KEYD_OK;
}

/* The lock is held. */
static enum keyd_status apply(struct key_register *keys, const char *type, const json_t *record,
                              struct keyd_error *err)
{
    struct register_key key = {.state = REGISTER_CREATING};
    const char *text = text_of(record, "key");
    if (!keyid_parse(text, &key.id))
        return bad_field(err, "key");
    bool found = false;
    size_t at = position(keys, &key.id, &found);
    if (strcmp(type, RECORD_KEY_CREATING) == 0) {
        enum keyd_status status = parse_creating(record, &key, err);
        if (status == KEYD_OK && found)
            return keyd_fail(err, KEYD_DATA_LOSS, REASON_JOURNAL_BROKEN,
                             "the key %s is created a second time", text);
        return status == KEYD_OK ? insert(keys, at, &key, err) : status;
    }
    if (!found || keys->keys[at]->state != REGISTER_CREATING)
        return keyd_fail(err, KEYD_DATA_LOSS, REASON_JOURNAL_BROKEN,
                         "%s of the key %s, which is not being created", type, text);
    keys->always_authenticate = strcmp(text_of(record, "reason"), REASON_ALWAYS_AUTHENTICATE) == 0;
    if (strcmp(type, RECORD_KEY_CREATED) == 0)
        return take_public_key(record, keys->keys[at], err);
    keys->keys[at]->state = REGISTER_ABANDONED;
    return KEYD_OK;
}

static bool is_known(const char *type)
{
    return strcmp(type, RECORD_KEY_CREATING) == 0 || strcmp(type, RECORD_KEY_CREATED) == 0 ||
           strcmp(type, RECORD_KEY_ABANDONED) == 0;
}

enum keyd_status register_apply(void *keys, const json_t *record, struct keyd_error *err)
{
    struct key_register *these = keys;
    const char *type = text_of(record, "type");
    if (!is_known(type))
        return unknown(err, "record type", type);
    pthread_rwlock_wrlock(&these->lock);
    enum keyd_status status = apply(these, type, record, err);
    pthread_rwlock_unlock(&these->lock);
    return status;
}
