/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Key pairs on the token: made, found, read, used, destroyed. Knows PKCS #11 objects and their
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

#define KEYS_SIGNATURE_MAX 144 /* bytes of a DER ECDSA signature on a field of at most 521 bits */

/* One key object that has a 16-byte CKA_ID. */
struct key_object {
    struct keyid id;
    CK_OBJECT_HANDLE handle;
};

/* UNIMPLEMENTED, KEY_SPEC for a spec that this build does not make or use. */
enum keyd_status keys_offered(key_spec spec, struct keyd_error *err) KEYD_CHECKED;

/* Whether the token holds any key: private, public or secret. */
enum keyd_status keys_any(const struct session *session, bool *any,
                          struct keyd_error *err) KEYD_CHECKED;

/* Whether any object at all has this CKA_ID. */
enum keyd_status keys_id_used(const struct session *session, const struct keyid *id, bool *used,
                              struct keyd_error *err) KEYD_CHECKED;

/* All objects of a class (CKO_PRIVATE_KEY, CKO_PUBLIC_KEY) with an id of ours, in the order of
 * their ids. *list is *owned* (free). */
enum keyd_status keys_list(const struct session *session, CK_OBJECT_CLASS class,
                           struct key_object **list, size_t *count,
                           struct keyd_error *err) KEYD_CHECKED;

/* The one object of a class with this id. NOT_FOUND when there is none, FAILED_PRECONDITION,
 * KEY_AMBIGUOUS when there are more. */
enum keyd_status keys_find(const struct session *session, CK_OBJECT_CLASS class,
                           const struct keyid *id, CK_OBJECT_HANDLE *handle,
                           struct keyd_error *err) KEYD_CHECKED;

/* Makes a key pair inside the token: on the token, private, sensitive, not extractable, not
 * modifiable, not copyable (where the module knows that attribute), for signing only; CKA_ID is the
 * id's 16 bytes, CKA_LABEL its text. PKCS #11 2.40, 5.13 C_GenerateKeyPair. */
enum keyd_status keys_generate(const struct session *session, const struct keyid *id, key_spec spec,
                               struct keyd_error *err) KEYD_CHECKED;

/* Judges a private half: key type and curve of the spec, sensitive, not extractable, signs. A
 * mechanism on a key that it does not fit can crash a module: never sign with one that was not
 * judged. FAILED_PRECONDITION, KEY_ATTRIBUTES. */
enum keyd_status keys_judge(const struct session *session, CK_OBJECT_HANDLE private_key,
                            key_spec spec, struct keyd_error *err) KEYD_CHECKED;

/* A public half as DER SubjectPublicKeyInfo, checked to be a point of its curve. *der is *owned*
 * (OPENSSL_free). */
enum keyd_status keys_public(const struct session *session, CK_OBJECT_HANDLE public_key,
                             key_spec spec, uint8_t **der, size_t *size,
                             struct keyd_error *err) KEYD_CHECKED;

/* Signs a digest of exactly the length that the spec's algorithm takes; the signature as KMS gives
 * it (ECDSA: DER). Judge the call with sign_check first. */
enum keyd_status keys_sign(const struct session *session, CK_OBJECT_HANDLE private_key,
                           key_spec spec, const uint8_t *digest, size_t digest_size,
                           uint8_t signature[KEYS_SIGNATURE_MAX], size_t *signature_size,
                           struct keyd_error *err) KEYD_CHECKED;

/* Signs a digest that means nothing and lets OpenSSL verify it with the public key: the two halves
 * belong together and the token signs. DATA_LOSS, KEY_MISMATCH when they do not. */
enum keyd_status keys_prove(const struct session *session, CK_OBJECT_HANDLE private_key,
                            key_spec spec, const struct keyid *id, const uint8_t *der, size_t size,
                            struct keyd_error *err) KEYD_CHECKED;

/* Destroys all private and public key objects that have this CKA_ID and its text as CKA_LABEL, and
 * looks again: a token may keep what it said was destroyed (INTERNAL, KEY_REMAINS). *destroyed: how
 * many went. */
enum keyd_status keys_destroy(const struct session *session, const struct keyid *id,
                              size_t *destroyed, struct keyd_error *err) KEYD_CHECKED;

#endif
