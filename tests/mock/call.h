/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What every function of the module begins and ends with: the weather (fault.h), the mock's one
 * lock, whether C_Initialize was called, whether tokens are in their slots. */
#ifndef TESTS_MOCK_CALL_H
#define TESTS_MOCK_CALL_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>

#include "tests/mock/fault.h"
#include "tests/mock/session.h"

struct call {
    struct fault_call fault;
    bool locked;
};

/* Counts the call, lets the weather at it, and takes the lock: CKR_CRYPTOKI_NOT_INITIALIZED, or a
 * fault's answer. Whatever it says, call_end has to follow. */
CK_RV call_begin(struct call *call, enum mock_function function);

/* The same for a function of a session, which is *borrowed* until call_unlock or call_end. The
 * fault session-invalid happens here. */
CK_RV call_begin_session(struct call *call, enum mock_function function, CK_SESSION_HANDLE handle,
                         struct session **session);

/* Around work that takes its time. After call_lock the session must be looked for again. */
void call_unlock(struct call *call);
CK_RV call_lock(struct call *call);

/* Gives the lock back, lets the weather at the answer, and gives that. */
CK_RV call_end(struct call *call, CK_RV rv);

/* C_Initialize and C_Finalize, between call_take and call_end: call_begin without the question
 * whether C_Initialize was called. */
CK_RV call_take(struct call *call, enum mock_function function);
bool call_is_initialized(void);
void call_set_initialized(bool initialized);

#endif
