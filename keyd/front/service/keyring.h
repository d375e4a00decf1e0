/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What keyd knows of the keys on all tokens, in memory: filled from each keyd-hsm when it is
 * connected, kept while it is away. A key's facts never change once they are here; a new listing
 * puts new entries in their place. Any thread; nothing here blocks but on a short lock.
 */
#ifndef KEYD_FRONT_SERVICE_KEYRING_H
#define KEYD_FRONT_SERVICE_KEYRING_H

#include <stdatomic.h>

#include "keyd/base/algorithm.h"
#include "keyd/base/keyid.h"
#include "keyd/hsm/v1/hsm.pb-c.h"

#define REQUEST_DIGEST_SIZE 32   /* bytes: SHA-256 */
#define PUBLIC_KEY_MAX      2048 /* bytes of a SubjectPublicKeyInfo; RSA-4096 has 550 */

struct keyring;

/* One key. Immutable; counted: keyring_key_put. */
struct keyring_key {
    struct keyid id;
    char text[KEYID_TEXT]; /* the id */
    unsigned token;        /* index in the configuration's order */
    key_spec spec;
    key_usage usage;
    char *unusable;          /* why its token cannot sign with it; empty: it can */
    int64_t creation_time;   /* milliseconds since 1970 */
    char *creator;           /* principal */
    uint8_t *public_key;     /* DER SubjectPublicKeyInfo */
    size_t public_key_size;  /* bytes */
    bool has_request_digest; /* false: not made through CreateKey */
    uint8_t request_digest[REQUEST_DIGEST_SIZE];
    atomic_uint references;
};

/* A key from what keyd-hsm says of it, judged: DATA_LOSS, reason WALL_PROTOCOL, when it cannot be
 * right. *Owned*. */
enum keyd_status keyring_key_new(unsigned token, const Keyd__Hsm__V1__Key *from,
                                 struct keyring_key **key, struct keyd_error *err) KEYD_CHECKED;
void keyring_key_put(struct keyring_key *key); /* takes NULL */

struct keyring *keyring_new(unsigned tokens);
void keyring_free(struct keyring *keyring); /* takes NULL */

/* The key of an id, or NULL. *Owned*: keyring_key_put. */
struct keyring_key *keyring_find(struct keyring *keyring, const struct keyid *id);

/* At most `max` keys in the order of their ids, those after `after` (NULL: from the start). Each is
 * *owned*. Returns how many. */
size_t keyring_page(struct keyring *keyring, const struct keyid *after, struct keyring_key **keys,
                    size_t max);

/* Puts one key in; an entry of the same id is replaced if it is of the same token. *Gives away*
 * the reference. */
void keyring_add(struct keyring *keyring, struct keyring_key *key);

/* The same for several, from a list that may lack some: what it does not have stays as it was. The
 * array is not given away. */
void keyring_add_all(struct keyring *keyring, struct keyring_key **keys, size_t count);

/* Puts a token's whole listing in the place of the one before. keys: in the order of their ids; the
 * references are *given away*, the array is not. A key that another token has too stays with the
 * token that had it first; that is logged. From now on keyring_listed is true of the token. */
void keyring_replace(struct keyring *keyring, unsigned token, struct keyring_key **keys,
                     size_t count);

/* Whether the token was ever wholly listed since this process started: if not, a key that is not
 * found may yet be there. */
bool keyring_listed(struct keyring *keyring, unsigned token);

unsigned keyring_count(struct keyring *keyring, unsigned token); /* keys of one token */

#endif
