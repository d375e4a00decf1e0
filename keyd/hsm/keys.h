/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Key pairs on the token: made, found, judged, destroyed. Knows PKCS #11 objects and their
 * attributes; knows neither journal nor register. All calls block as long as the module does, and
 * use the session of the calling thread.
 */
#ifndef KEYD_HSM_KEYS_H
#define KEYD_HSM_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "keyd/base/algorithm.h"
#include "keyd/base/keyid.h"
#include "keyd/hsm/session.h"

/* One key object that has a 16-byte CKA_ID. */
struct key_object {
    struct keyid id;
    CK_OBJECT_HANDLE handle;
};

/* Objects of one class, with an id of ours, in the order of their ids; and what of the class is not
 * among them. */
struct key_list {
    struct key_object *objects; /* *owned*: keys_free */
    size_t count;
    size_t nameless;           /* they have no CKA_ID, or an empty one */
    size_t unread;             /* the token did not say whose they are: any may be one of ours */
    struct keyd_error failure; /* with unread: what it said of the first of them */
};

/* What is told of a private half beside its judgement. */
struct key_traits {
    bool known;               /* it is what keyd-hsm makes, but for what follows */
    bool always_authenticate; /* the token wants the PIN for each signature with it */
    bool copyable;            /* the token does not say that it cannot be copied inside of it */
};

/* Of a spec that this build does not know. */
#define REASON_KEY_SPEC "KEY_SPEC"

/* Whether a key of this spec can be made here. UNIMPLEMENTED: KEY_SPEC when this build does not
 * know the spec; MECHANISM when the token does not offer to make such pairs, or to sign by the
 * spec's default algorithm, which proves them. Asks nothing of the token. */
enum keyd_status keys_offered(const struct session *session, key_spec spec,
                              struct keyd_error *err) KEYD_CHECKED;

/* Whether the token holds any key: private, public or secret. */
enum keyd_status keys_any(const struct session *session, bool *any,
                          struct keyd_error *err) KEYD_CHECKED;

/* Whether any object at all has this CKA_ID. */
enum keyd_status keys_id_used(const struct session *session, const struct keyid *id, bool *used,
                              struct keyd_error *err) KEYD_CHECKED;

/* All objects of a class (CKO_PRIVATE_KEY, CKO_PUBLIC_KEY). That one of them is not read is no
 * failure: see list->unread. */
enum keyd_status keys_list(const struct session *session, CK_OBJECT_CLASS class,
                           struct key_list *list, struct keyd_error *err) KEYD_CHECKED;

/* Frees what keys_list has made; takes an empty one. */
void keys_free(struct key_list *list);

/* The one object of a class with this id. NOT_FOUND when there is none, FAILED_PRECONDITION,
 * KEY_AMBIGUOUS when there are more. */
enum keyd_status keys_find(const struct session *session, CK_OBJECT_CLASS class,
                           const struct keyid *id, CK_OBJECT_HANDLE *handle,
                           struct keyd_error *err) KEYD_CHECKED;

/* Makes a key pair inside the token: on the token, private, sensitive, not extractable, not
 * modifiable, and, where the module takes that, not copyable and for signing only; CKA_ID is the
 * id's 16 bytes, CKA_LABEL its text. A failure may leave a pair, or more than one: keys_destroy.
 * PKCS #11 2.40, 5.13 C_GenerateKeyPair. */
enum keyd_status keys_generate(const struct session *session, const struct keyid *id, key_spec spec,
                               struct keyd_error *err) KEYD_CHECKED;

/* The same, but a pair that goes with the session; *private_key is its private half. The token may
 * put it down all the same: keys_destroy. */
enum keyd_status keys_generate_for_session(const struct session *session, const struct keyid *id,
                                           key_spec spec, CK_OBJECT_HANDLE *private_key,
                                           struct keyd_error *err) KEYD_CHECKED;

/* A verdict of keys_judge on the key, and no failure of the token's. */
#define REASON_KEY_ATTRIBUTES "KEY_ATTRIBUTES"

/* Judges a private half: key type and curve or size of the spec, sensitive, not extractable, signs,
 * and without the PIN each time. A mechanism on a key that it does not fit can crash a module:
 * never sign with one that was not judged. FAILED_PRECONDITION, KEY_ATTRIBUTES;
 * FAILED_PRECONDITION, ALWAYS_AUTHENTICATE. *traits is known on KEYD_OK and on the last of these.
 * Any other failure is the token's, and says nothing of the key. */
enum keyd_status keys_judge(const struct session *session, CK_OBJECT_HANDLE private_key,
                            key_spec spec, struct key_traits *traits,
                            struct keyd_error *err) KEYD_CHECKED;

/* Destroys all private and public key objects that have this CKA_ID and its text as CKA_LABEL, and
 * looks again: a token may keep what it said was destroyed (INTERNAL, KEY_REMAINS). *destroyed: how
 * many went. */
enum keyd_status keys_destroy(const struct session *session, const struct keyid *id,
                              size_t *destroyed, struct keyd_error *err) KEYD_CHECKED;

#endif
