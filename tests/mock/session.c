/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The list of sessions. */
#include "tests/mock/session.h"

#include <stdlib.h>

#include "tests/mock/die.h"
#include "tests/mock/fault.h"
#include "tests/mock/object.h"
#include "tests/mock/sign.h"
#include "tests/mock/state.h"
#include "tests/mock/token.h"

/* A handle is a number that only grows, and the index of the token in its last bits. */
#define TOKEN_BITS 4
#define TOKEN_MASK ((1u << TOKEN_BITS) - 1)

static struct session *sessions;
static CK_SESSION_HANDLE last_number;

/* ---- Opening and closing -----------------------------------------------------------------------
 */

CK_RV session_open(struct token *token, CK_FLAGS flags, CK_SESSION_HANDLE *handle)
{
    bool writable = (flags & CKF_RW_SESSION) != 0;
    if ((flags & CKF_SERIAL_SESSION) == 0)
        return CKR_SESSION_PARALLEL_NOT_SUPPORTED;
    if (token->away)
        return CKR_TOKEN_NOT_PRESENT;
    if (writable && fault_token(FAULT_READ_ONLY, token->serial))
        return CKR_TOKEN_WRITE_PROTECTED;
    if (token->sessions >= token_sessions_max(token))
        return CKR_SESSION_COUNT;
    struct session *session = mock_alloc(sizeof *session);
    *session = (struct session){
        .handle = (++last_number << TOKEN_BITS) | token->index,
        .token = token,
        .writable = writable,
        .next = sessions,
    };
    sessions = session;
    token->sessions++;
    token->rw_sessions += writable;
    *handle = session->handle;
    return CKR_OK;
}

CK_RV session_find(CK_SESSION_HANDLE handle, struct session **session)
{
    size_t index = handle & TOKEN_MASK;
    for (struct session *one = sessions; one != NULL; one = one->next)
        if (one->handle == handle) {
            *session = one;
            return CKR_OK;
        }
    bool known = handle >> TOKEN_BITS > 0 && handle >> TOKEN_BITS <= last_number;
    if (known && index < tokens_count() && token_at(index)->away)
        return CKR_DEVICE_REMOVED;
    return CKR_SESSION_HANDLE_INVALID;
}

static void end_operations(struct session *session)
{
    sign_end(&session->sign);
    free(session->find.handles);
    session->find = (struct find_operation){0};
}

void session_close(struct session *session)
{
    struct token *token = session->token;
    struct session **place = &sessions;
    while (*place != session)
        place = &(*place)->next;
    *place = session->next;
    end_operations(session);
    objects_drop_owned(token, session->handle);
    token->sessions--;
    token->rw_sessions -= session->writable;
    if (token->sessions == 0)
        token->logged_in = false;
    free(session);
}

void session_close_all(const struct token *token)
{
    struct session *next;
    for (struct session *session = sessions; session != NULL; session = next) {
        next = session->next;
        if (session->token == token)
            session_close(session);
    }
}

void session_info(const struct session *session, CK_SESSION_INFO *info)
{
    bool in = session->token->logged_in;
    CK_STATE read_only = in ? CKS_RO_USER_FUNCTIONS : CKS_RO_PUBLIC_SESSION;
    CK_STATE read_write = in ? CKS_RW_USER_FUNCTIONS : CKS_RW_PUBLIC_SESSION;
    *info = (CK_SESSION_INFO){
        .slotID = session->token->slot,
        .state = session->writable ? read_write : read_only,
        .flags = CKF_SERIAL_SESSION | (session->writable ? CKF_RW_SESSION : 0),
    };
}

/* ---- Login -------------------------------------------------------------------------------------
 */

static CK_RV try_pin(struct token *token, const unsigned char *pin, CK_ULONG length)
{
    bool counted;
    CK_RV rv = token_try_pin(token, pin, length, &counted);
    if (counted)
        state_save();
    return rv;
}

CK_RV session_login(struct session *session, CK_USER_TYPE user, const unsigned char *pin,
                    CK_ULONG length)
{
    CK_RV rv;
    if (user != CKU_USER && user != CKU_CONTEXT_SPECIFIC)
        return CKR_USER_TYPE_INVALID;
    if (user == CKU_CONTEXT_SPECIFIC && !(session->sign.active && session->sign.wants_login))
        return CKR_OPERATION_NOT_INITIALIZED;
    if (user == CKU_USER && session->token->logged_in)
        return CKR_USER_ALREADY_LOGGED_IN;
    rv = try_pin(session->token, pin, length);
    if (rv == CKR_OK && user == CKU_CONTEXT_SPECIFIC)
        session->sign.wants_login = false;
    if (rv == CKR_OK && user == CKU_USER)
        session->token->logged_in = true;
    return rv;
}

CK_RV session_logout(struct session *session)
{
    if (!session->token->logged_in)
        return CKR_USER_NOT_LOGGED_IN;
    session->token->logged_in = false;
    for (struct session *one = sessions; one != NULL; one = one->next)
        if (one->token == session->token)
            end_operations(one);
    objects_drop_private(session->token);
    return CKR_OK;
}

/* ---- Finding -----------------------------------------------------------------------------------
 */

CK_RV session_find_begin(struct session *session, const CK_ATTRIBUTE *template, CK_ULONG count)
{
    struct find_operation *find = &session->find;
    if (template == NULL && count > 0)
        return CKR_ARGUMENTS_BAD;
    for (CK_ULONG i = 0; i < count; i++)
        if (template[i].pValue == NULL && template[i].ulValueLen > 0)
            return CKR_ARGUMENTS_BAD;
    if (find->active)
        return CKR_OPERATION_ACTIVE;
    object_search(session, template, count, &find->handles, &find->count);
    find->active = true;
    return CKR_OK;
}

CK_RV session_find_next(struct session *session, CK_OBJECT_HANDLE *handles, CK_ULONG max,
                        CK_ULONG *count)
{
    struct find_operation *find = &session->find;
    if (!find->active)
        return CKR_OPERATION_NOT_INITIALIZED;
    *count = 0;
    while (*count < max && find->next < find->count)
        handles[(*count)++] = find->handles[find->next++];
    return CKR_OK;
}

CK_RV session_find_end(struct session *session)
{
    if (!session->find.active)
        return CKR_OPERATION_NOT_INITIALIZED;
    free(session->find.handles);
    session->find = (struct find_operation){0};
    return CKR_OK;
}
