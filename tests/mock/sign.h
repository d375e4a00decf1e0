/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Signing: an operation begins in a session, and is taken out of it to be done without the lock.
 * PKCS #11 2.40 mechanisms: 2.1.6 (CKM_RSA_PKCS), 2.1.10 (PSS), 2.3.5 (CKM_ECDSA); 3.0: 2.3.13
 * (CKM_EDDSA). */
#ifndef TESTS_MOCK_SIGN_H
#define TESTS_MOCK_SIGN_H

#include <p11-kit/pkcs11.h>

#include "tests/mock/session.h"

/* C_SignInit. With the mock's lock held. *crash: the mechanism does not fit the key, and the fault
 * strict=crash wants the process to end for it. */
CK_RV sign_begin(struct session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                 bool *crash);

/* C_Sign's first half, with the lock held: answers a question for the length (*job stays inactive),
 * or moves the session's operation to *job, *given away*: sign_end. An operation that is neither
 * asked for its length nor short of room is over, whatever comes of it. */
CK_RV sign_take(struct session *session, CK_ULONG data_length, const unsigned char *signature,
                CK_ULONG *signature_length, struct sign_operation *job);

/* The second half, without the lock: signs. */
CK_RV sign_perform(const struct sign_operation *job, const unsigned char *data,
                   CK_ULONG data_length, unsigned char *signature, CK_ULONG *signature_length);

/* Ends an operation, if it is one. */
void sign_end(struct sign_operation *operation);

#endif
