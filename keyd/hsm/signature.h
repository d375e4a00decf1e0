/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Signatures by keys on the token, in the form that KMS gives them; and the one that proves that
 * the two halves of a pair belong together.
 */
#ifndef KEYD_HSM_SIGNATURE_H
#define KEYD_HSM_SIGNATURE_H

#include "keyd/base/keyid.h"
#include "keyd/hsm/mechanism.h"
#include "keyd/hsm/session.h"

#define SIGNATURE_MAX 512 /* bytes: RSA-4096's */

/* Signs; ECDSA's signature comes as DER, the others' as bare bytes. data: a digest of exactly the
 * algorithm's length; for an algorithm that takes whole messages only, the message. private_key: of
 * this spec, by keys_judge: a mechanism on a key that it does not fit can crash a module. An
 * algorithm that does not fit the spec, and a digest of another length, are refused here too
 * (INTERNAL); judge the call with sign_check first. UNIMPLEMENTED, MECHANISM when the token does
 * not offer it. Blocks as long as the module does. PKCS #11 2.40, 5.11 C_SignInit, C_Sign. */
enum keyd_status signature_make(const struct session *session, CK_OBJECT_HANDLE private_key,
                                key_spec spec, signing_algorithm algorithm, const uint8_t *data,
                                size_t data_size, uint8_t signature[SIGNATURE_MAX],
                                size_t *signature_size, struct keyd_error *err) KEYD_CHECKED;

/* Signs a text that means nothing, by the spec's default algorithm, and lets OpenSSL verify it with
 * the public half (DER SubjectPublicKeyInfo): the two belong together and the token signs.
 * DATA_LOSS, KEY_MISMATCH when they do not. */
enum keyd_status signature_prove(const struct session *session, CK_OBJECT_HANDLE private_key,
                                 key_spec spec, const struct keyid *id, const uint8_t *der,
                                 size_t size, struct keyd_error *err) KEYD_CHECKED;

#endif
