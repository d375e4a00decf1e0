/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The frame of every call. */
#include "tests/mock/call.h"

#include <pthread.h>
#include <sys/types.h>
#include <unistd.h>

#include "tests/mock/token.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t initialized_by; /* 0: nobody. After fork the child has to initialise for itself */

bool call_is_initialized(void)
{
    return initialized_by == getpid();
}

void call_set_initialized(bool initialized)
{
    initialized_by = initialized ? getpid() : 0;
}

/* A token that was taken out has lost its sessions and its login, also when it is back by now. */
static void update_tokens(void)
{
    for (size_t i = 0; i < tokens_count(); i++)
        if (token_update(token_at(i)))
            session_close_all(token_at(i));
}

CK_RV call_lock(struct call *call)
{
    pthread_mutex_lock(&lock);
    call->locked = true;
    if (!call_is_initialized())
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    update_tokens();
    return CKR_OK;
}

void call_unlock(struct call *call)
{
    if (call->locked)
        pthread_mutex_unlock(&lock);
    call->locked = false;
}

CK_RV call_take(struct call *call, enum mock_function function)
{
    *call = (struct call){0};
    CK_RV rv = fault_enter(&call->fault, function);
    if (rv != CKR_OK)
        return rv;
    pthread_mutex_lock(&lock);
    call->locked = true;
    return CKR_OK;
}

CK_RV call_begin(struct call *call, enum mock_function function)
{
    *call = (struct call){0};
    CK_RV rv = fault_enter(&call->fault, function);
    return rv == CKR_OK ? call_lock(call) : rv;
}

CK_RV call_begin_session(struct call *call, enum mock_function function, CK_SESSION_HANDLE handle,
                         struct session **session)
{
    CK_RV rv = call_begin(call, function);
    if (rv == CKR_OK)
        rv = session_find(handle, session);
    if (rv == CKR_OK && call->fault.rule.kind == FAULT_SESSION_INVALID) {
        session_close(*session);
        rv = CKR_SESSION_HANDLE_INVALID;
    }
    return rv;
}

CK_RV call_end(struct call *call, CK_RV rv)
{
    call_unlock(call);
    return fault_leave(&call->fault, rv);
}
