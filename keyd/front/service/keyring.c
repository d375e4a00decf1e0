/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/front/service/keyring.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/log.h"
#include "keyd/base/memory.h"
#include "keyd/base/text.h"

#define CREATOR_MAX 128 /* bytes of a principal, hsm.proto */

struct keyring {
    pthread_rwlock_t lock;
    struct keyring_key **keys; /* in the order of their ids */
    size_t count;
    size_t size;
    bool *listed; /* by token */
    unsigned tokens;
};

static const char *what_is_wrong(const Keyd__Hsm__V1__Key *from)
{
    if (from->key_id.len != KEYID_SIZE)
        return "a key id that has not 16 bytes";
    if (key_spec_find(from->key_spec) == NULL)
        return "a key of an unknown spec";
    if (from->public_key.len == 0 || from->public_key.len > PUBLIC_KEY_MAX)
        return "a public key of an impossible size";
    if (from->request_digest.len != 0 && from->request_digest.len != REQUEST_DIGEST_SIZE)
        return "a request digest that has not 32 bytes";
    size_t length = strlen(from->creator);
    if (length > CREATOR_MAX || !text_is_utf8(from->creator, length))
        return "a creator that is no principal";
    length = strlen(from->unusable);
    if (length >= KEYD_MESSAGE_MAX || !text_is_utf8(from->unusable, length))
        return "a reason that is no text";
    return NULL;
}

enum keyd_status keyring_key_new(unsigned token, const Keyd__Hsm__V1__Key *from,
                                 struct keyring_key **key, struct keyd_error *err)
{
    const char *wrong = what_is_wrong(from);
    if (wrong != NULL)
        return keyd_fail(err, KEYD_DATA_LOSS, "WALL_PROTOCOL", "keyd-hsm sent %s", wrong);
    struct keyring_key *made = memory_zeroed(1, sizeof *made);
    memcpy(made->id.bytes, from->key_id.data, KEYID_SIZE);
    keyid_format(&made->id, made->text);
    made->token = token;
    made->spec = from->key_spec;
    made->usage = from->key_usage;
    made->unusable = memory_text(from->unusable);
    made->creation_time = from->creation_time;
    made->creator = memory_text(from->creator);
    made->public_key = memory_copy(from->public_key.data, from->public_key.len);
    made->public_key_size = from->public_key.len;
    made->has_request_digest = from->request_digest.len == REQUEST_DIGEST_SIZE;
    if (made->has_request_digest)
        memcpy(made->request_digest, from->request_digest.data, REQUEST_DIGEST_SIZE);
    atomic_init(&made->references, 1);
    *key = made;
    return KEYD_OK;
}

void keyring_key_put(struct keyring_key *key)
{
    if (key == NULL || atomic_fetch_sub(&key->references, 1) != 1)
        return;
    free(key->unusable);
    free(key->creator);
    free(key->public_key);
    free(key);
}

static struct keyring_key *take(struct keyring_key *key)
{
    atomic_fetch_add(&key->references, 1);
    return key;
}

struct keyring *keyring_new(unsigned tokens)
{
    struct keyring *keyring = memory_zeroed(1, sizeof *keyring);
    pthread_rwlock_init(&keyring->lock, NULL);
    keyring->listed = memory_zeroed(tokens, sizeof *keyring->listed);
    keyring->tokens = tokens;
    return keyring;
}

void keyring_free(struct keyring *keyring)
{
    if (keyring == NULL)
        return;
    for (size_t i = 0; i < keyring->count; i++)
        keyring_key_put(keyring->keys[i]);
    pthread_rwlock_destroy(&keyring->lock);
    free(keyring->keys);
    free(keyring->listed);
    free(keyring);
}

/* The first place whose id is not less than `id`; the lock is held. */
static size_t place_of(const struct keyring *keyring, const struct keyid *id)
{
    size_t low = 0, high = keyring->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (keyid_compare(&keyring->keys[middle]->id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct keyring *keyring, size_t place, const struct keyid *id)
{
    return place < keyring->count && keyid_compare(&keyring->keys[place]->id, id) == 0;
}

struct keyring_key *keyring_find(struct keyring *keyring, const struct keyid *id)
{
    pthread_rwlock_rdlock(&keyring->lock);
    size_t place = place_of(keyring, id);
    struct keyring_key *key = is_at(keyring, place, id) ? take(keyring->keys[place]) : NULL;
    pthread_rwlock_unlock(&keyring->lock);
    return key;
}

size_t keyring_page(struct keyring *keyring, const struct keyid *after, struct keyring_key **keys,
                    size_t max)
{
    size_t count = 0;
    pthread_rwlock_rdlock(&keyring->lock);
    size_t place = after != NULL ? place_of(keyring, after) : 0;
    if (after != NULL && is_at(keyring, place, after))
        place++;
    for (; place < keyring->count && count < max; place++)
        keys[count++] = take(keyring->keys[place]);
    pthread_rwlock_unlock(&keyring->lock);
    return count;
}

static void insert(struct keyring *keyring, size_t place, struct keyring_key *key)
{
    if (keyring->count == keyring->size) {
        keyring->size = keyring->size > 0 ? 2 * keyring->size : 64;
        keyring->keys = memory_grown(keyring->keys, keyring->size, sizeof(struct keyring_key *));
    }
    memmove(&keyring->keys[place + 1], &keyring->keys[place],
            (keyring->count - place) * sizeof(struct keyring_key *));
    keyring->keys[place] = key;
    keyring->count++;
}

static void refuse_second(struct keyring_key *key)
{
    log_error("key=%s is on two tokens; the second one's is not used", key->text);
    keyring_key_put(key);
}

void keyring_add(struct keyring *keyring, struct keyring_key *key)
{
    pthread_rwlock_wrlock(&keyring->lock);
    size_t place = place_of(keyring, &key->id);
    if (!is_at(keyring, place, &key->id)) {
        insert(keyring, place, key);
    } else if (keyring->keys[place]->token == key->token) {
        keyring_key_put(keyring->keys[place]);
        keyring->keys[place] = key;
    } else {
        refuse_second(key);
    }
    pthread_rwlock_unlock(&keyring->lock);
}

/* Merges both lists, in the order of their ids, into `merged`: all but `token`'s of the old ones,
 * and the new ones. Returns how many. */
static size_t merge(const struct keyring *keyring, unsigned token, struct keyring_key **keys,
                    size_t count, struct keyring_key **merged)
{
    size_t n = 0, next = 0;
    for (size_t i = 0; i < keyring->count; i++) {
        struct keyring_key *old = keyring->keys[i];
        if (old->token == token) {
            keyring_key_put(old);
            continue;
        }
        while (next < count && keyid_compare(&keys[next]->id, &old->id) < 0)
            merged[n++] = keys[next++];
        if (next < count && keyid_compare(&keys[next]->id, &old->id) == 0)
            refuse_second(keys[next++]);
        merged[n++] = old;
    }
    while (next < count)
        merged[n++] = keys[next++];
    return n;
}

void keyring_replace(struct keyring *keyring, unsigned token, struct keyring_key **keys,
                     size_t count)
{
    pthread_rwlock_wrlock(&keyring->lock);
    size_t size = keyring->count + count;
    struct keyring_key **merged = memory_zeroed(size, sizeof(struct keyring_key *));
    size_t n = merge(keyring, token, keys, count, merged);
    free(keyring->keys);
    keyring->keys = merged;
    keyring->count = n;
    keyring->size = size;
    keyring->listed[token] = true;
    pthread_rwlock_unlock(&keyring->lock);
}

void keyring_add_all(struct keyring *keyring, struct keyring_key **keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        keyring_add(keyring, keys[i]);
}

bool keyring_listed(struct keyring *keyring, unsigned token)
{
    pthread_rwlock_rdlock(&keyring->lock);
    bool listed = keyring->listed[token];
    pthread_rwlock_unlock(&keyring->lock);
    return listed;
}

unsigned keyring_count(struct keyring *keyring, unsigned token)
{
    unsigned count = 0;
    pthread_rwlock_rdlock(&keyring->lock);
    for (size_t i = 0; i < keyring->count; i++)
        count += keyring->keys[i]->token == token;
    pthread_rwlock_unlock(&keyring->lock);
    return count;
}
