/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The trial: what the keys are like that a token makes, seen before there is one. A pair is made as
 * a creation makes it, but for the session (CKA_TOKEN false), looked at and destroyed. It is in no
 * journal and signs nothing. Its CKA_ID is always the same and no key's, so that what a token puts
 * down all the same is found again.
 */
#ifndef KEYD_HSM_TRIAL_H
#define KEYD_HSM_TRIAL_H

#include "keyd/hsm/keys.h"

/* The spec that a start tries: the first that the token offers and makes in no time.
 * KEY_SPEC_UNSPECIFIED: there is none. An RSA pair can take a minute in a TPM or a smart card, and
 * nobody knows before how long: it is not made for a look. */
key_spec trial_spec(const struct session *session);

/* Makes, judges and destroys one pair of a spec. A token that makes none, or another than keyd-hsm
 * asks for, is no failure: then *traits is not known, and the log has why. Where something is left
 * of a trial before and cannot be removed, none is made and *traits stays as it is. Only a token
 * that is gone is one (UNAVAILABLE, TOKEN_GONE). Blocks as long as the module does; the session is
 * one for writing, logged in. PKCS #11 2.40, 4.4 (CKA_TOKEN). */
enum keyd_status trial_make(const struct session *session, key_spec spec, struct key_traits *traits,
                            struct keyd_error *err) KEYD_CHECKED;

/* Destroys what an interrupted trial may have left on the token. Fails as trial_make. */
enum keyd_status trial_clean(const struct session *session, struct keyd_error *err) KEYD_CHECKED;

#endif
