/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a module's answer means: one table from CK_RV (PKCS #11 2.40, 5.1 "Function return values")
 * to keyd's status, its name and what a person can do about it. Knows no module and no session. Any
 * thread.
 */
#ifndef KEYD_HSM_CKR_H
#define KEYD_HSM_CKR_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>

#include "keyd/base/error.h"

/* "CKR_PIN_INCORRECT"; "CKR_VENDOR_DEFINED" or "an unknown CK_RV" for numbers that are not in the
 * table. Static. */
const char *ckr_name(CK_RV rv);

/* Fills *err for a failed call: status and reason by the table, message "FUNCTION: NAME (0xRV):
 * hint". function: the PKCS #11 function's name, by which the hint may differ. rv must not be
 * CKR_OK. Returns the status. */
enum keyd_status ckr_fail(struct keyd_error *err, CK_RV rv, const char *function);

/* True for an answer after which nothing that this process holds (session, login, handles) can be
 * trusted. There is one way back: the process ends and is started afresh. */
bool ckr_is_gone(CK_RV rv);

/* The reason that ckr_fail gives exactly where ckr_is_gone is true. */
#define REASON_TOKEN_GONE "TOKEN_GONE"

/* Of a token that gives no session for writing, or takes no change. */
#define REASON_TOKEN_READ_ONLY "TOKEN_READ_ONLY"

/* Of a key for which the token wants the PIN at each signature: what keys_judge finds. */
#define REASON_ALWAYS_AUTHENTICATE "ALWAYS_AUTHENTICATE"

#endif
