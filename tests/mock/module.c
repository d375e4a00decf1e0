/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The function list, and C_GetFunctionList, which is all that the library exports. README.md tells
 * who writes tests what it can do. */
#include <openssl/rand.h>
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <string.h>

#include "tests/mock/absent.h"
#include "tests/mock/call.h"
#include "tests/mock/mechanism.h"
#include "tests/mock/object.h"
#include "tests/mock/pair.h"
#include "tests/mock/sign.h"
#include "tests/mock/state.h"
#include "tests/mock/token.h"

#define GARBAGE    0x5a    /* what is done to bytes by exclusive or */
#define RANDOM_MAX 1048576 /* bytes of one C_GenerateRandom */

static CK_FUNCTION_LIST functions;

/* ---- The module --------------------------------------------------------------------------------
 */

/* PKCS #11 2.40, 5.4. Ours is the system's locking; who allows his own only is told so. */
static CK_RV judge_arguments(const CK_C_INITIALIZE_ARGS *args)
{
    if (args == NULL)
        return CKR_OK;
    int given = (args->CreateMutex != NULL) + (args->DestroyMutex != NULL) +
                (args->LockMutex != NULL) + (args->UnlockMutex != NULL);
    if (args->pReserved != NULL || (given != 0 && given != 4))
        return CKR_ARGUMENTS_BAD;
    return given == 4 && (args->flags & CKF_OS_LOCKING_OK) == 0 ? CKR_CANT_LOCK : CKR_OK;
}

static void forget_all(void)
{
    for (size_t i = 0; i < tokens_count(); i++) {
        session_close_all(token_at(i));
        objects_drop_all(token_at(i));
    }
    tokens_close();
}

static CK_RV mock_initialize(void *args)
{
    struct call call;
    CK_RV rv = call_take(&call, FUNCTION_C_Initialize);
    if (rv == CKR_OK && call_is_initialized())
        rv = CKR_CRYPTOKI_ALREADY_INITIALIZED;
    if (rv == CKR_OK)
        rv = judge_arguments(args);
    if (rv == CKR_OK) {
        forget_all();
        tokens_open();
        state_load();
        for (size_t i = 0; i < tokens_count(); i++)
            (void)token_update(token_at(i));
        call_set_initialized(true);
    }
    return call_end(&call, rv);
}

static CK_RV mock_finalize(void *nothing)
{
    struct call call;
    CK_RV rv = call_take(&call, FUNCTION_C_Finalize);
    if (rv == CKR_OK && nothing != NULL)
        rv = CKR_ARGUMENTS_BAD;
    if (rv == CKR_OK && !call_is_initialized())
        rv = CKR_CRYPTOKI_NOT_INITIALIZED;
    if (rv == CKR_OK) {
        forget_all();
        call_set_initialized(false);
    }
    return call_end(&call, rv);
}

static CK_RV mock_get_info(CK_INFO *info)
{
    static const char maker[] = "keyd tests";
    static const char what[] = "mock";
    struct call call;
    CK_RV rv = call_begin(&call, FUNCTION_C_GetInfo);
    if (rv == CKR_OK && info == NULL)
        rv = CKR_ARGUMENTS_BAD;
    if (rv == CKR_OK) {
        *info = (CK_INFO){.cryptokiVersion = {2, 40}, .libraryVersion = {1, 0}};
        memset(info->manufacturerID, ' ', sizeof info->manufacturerID);
        memset(info->libraryDescription, ' ', sizeof info->libraryDescription);
        memcpy(info->manufacturerID, maker, sizeof maker - 1);
        memcpy(info->libraryDescription, what, sizeof what - 1);
    }
    return call_end(&call, rv);
}

/* ---- Slots and tokens --------------------------------------------------------------------------
 */

#define EXAGGERATION 1000000

/* A list is longer by its count than by what is in it. */
static void exaggerate(const struct call *call, const void *list, CK_ULONG *count)
{
    if (list != NULL && call->fault.rule.kind == FAULT_EXAGGERATE)
        *count += EXAGGERATION;
}

static CK_RV mock_get_slot_list(unsigned char present, CK_SLOT_ID *list, CK_ULONG *count)
{
    struct call call;
    CK_RV rv = call_begin(&call, FUNCTION_C_GetSlotList);
    if (rv == CKR_OK)
        rv = count == NULL ? CKR_ARGUMENTS_BAD : token_slot_list(present != 0, list, count);
    if (rv == CKR_OK)
        exaggerate(&call, list, count);
    return call_end(&call, rv);
}

/* Begins a call about a slot, with somewhere to put its answer. */
static CK_RV begin_slot(struct call *call, enum mock_function function, CK_SLOT_ID slot,
                        const void *answer, struct token **token)
{
    CK_RV rv = call_begin(call, function);
    if (rv != CKR_OK)
        return rv;
    *token = token_by_slot(slot);
    if (*token == NULL)
        return CKR_SLOT_ID_INVALID;
    return answer == NULL ? CKR_ARGUMENTS_BAD : CKR_OK;
}

static CK_RV mock_get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    struct call call;
    struct token *token;
    CK_RV rv = begin_slot(&call, FUNCTION_C_GetSlotInfo, slot, info, &token);
    if (rv == CKR_OK)
        token_slot_info(token, info);
    return call_end(&call, rv);
}

static CK_RV mock_get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    struct call call;
    struct token *token;
    CK_RV rv = begin_slot(&call, FUNCTION_C_GetTokenInfo, slot, info, &token);
    if (rv == CKR_OK)
        rv = token_info(token, info);
    return call_end(&call, rv);
}

static CK_RV mock_get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
    struct call call;
    struct token *token;
    CK_RV rv = begin_slot(&call, FUNCTION_C_GetMechanismList, slot, count, &token);
    if (rv == CKR_OK && token->away)
        rv = CKR_TOKEN_NOT_PRESENT;
    if (rv == CKR_OK)
        rv = mechanism_list(token->serial, list, count);
    if (rv == CKR_OK)
        exaggerate(&call, list, count);
    return call_end(&call, rv);
}

static CK_RV mock_get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type,
                                     CK_MECHANISM_INFO *info)
{
    struct call call;
    struct token *token;
    CK_RV rv = begin_slot(&call, FUNCTION_C_GetMechanismInfo, slot, info, &token);
    if (rv == CKR_OK && token->away)
        rv = CKR_TOKEN_NOT_PRESENT;
    if (rv == CKR_OK) {
        const struct mechanism_row *row = mechanism_find(type, token->serial);
        if (row == NULL)
            rv = CKR_MECHANISM_INVALID;
        else
            *info = row->info;
    }
    return call_end(&call, rv);
}

/* ---- Sessions ----------------------------------------------------------------------------------
 */

static CK_RV mock_open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                               CK_SESSION_HANDLE *handle)
{
    struct call call;
    struct token *token;
    (void)application;
    (void)notify;
    CK_RV rv = begin_slot(&call, FUNCTION_C_OpenSession, slot, handle, &token);
    if (rv == CKR_OK)
        rv = session_open(token, flags, handle);
    return call_end(&call, rv);
}

static CK_RV mock_close_session(CK_SESSION_HANDLE handle)
{
    struct call call;
    struct session *session;
    CK_RV rv = call_begin_session(&call, FUNCTION_C_CloseSession, handle, &session);
    if (rv == CKR_OK)
        session_close(session);
    return call_end(&call, rv);
}

static CK_RV mock_close_all_sessions(CK_SLOT_ID slot)
{
    struct call call;
    struct token *token;
    CK_RV rv = begin_slot(&call, FUNCTION_C_CloseAllSessions, slot, &call, &token);
    if (rv == CKR_OK)
        session_close_all(token);
    return call_end(&call, rv);
}

static CK_RV mock_get_session_info(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
    struct call call;
    struct session *session;
    CK_RV rv = call_begin_session(&call, FUNCTION_C_GetSessionInfo, handle, &session);
    if (rv == CKR_OK && info == NULL)
        rv = CKR_ARGUMENTS_BAD;
    if (rv == CKR_OK)
        session_info(session, info);
    return call_end(&call, rv);
}

static CK_RV mock_login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, unsigned char *pin,
                        CK_ULONG length)
{
    struct call call;
    struct session *session;
    CK_RV rv = call_begin_session(&call, FUNCTION_C_Login, handle, &session);
    if (rv == CKR_OK)
        rv = session_login(session, user, pin, length);
    return call_end(&call, rv);
}

static CK_RV mock_logout(CK_SESSION_HANDLE handle)
{
    struct call call;
    struct session *session;
    CK_RV rv = call_begin_session(&call, FUNCTION_C_Logout, handle, &session);
    if (rv == CKR_OK)
        rv = session_logout(session);
    return call_end(&call, rv);
}

/* ---- Objects -----------------------------------------------------------------------------------
 */

static CK_RV mock_create_object(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *template, CK_ULONG count,
                                CK_OBJECT_HANDLE *object)
{
    struct call call;
    struct session *session;
    CK_RV rv = call_begin_session(&call, FUNCTION_C_CreateObject, handle, &session);
    if (rv == CKR_OK)
        rv = object == NULL ? CKR_ARGUMENTS_BAD : object_create(session, template, count, object);
    return call_end(&call, rv);
}

static CK_RV mock_copy_object(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE original,
                              CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *object)
{
    struct call call;
    struct session *session;
    CK_RV rv = call_begin_session(&call, FUNCTION_C_CopyObject, handle, &session);
    if (rv == CKR_OK)
        rv = object == NULL ? CKR_ARGUMENTS_BAD
                            : object_copy(session, original, template, count, object);
    return call_end(&call, rv);
}

static CK_RV mock_destroy_object(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object)
{
    struct call call;
    struct session *session;
    CK_RV rv = call_begin_session(&call, FUNCTION_C_DestroyObject, handle, &session);
    if (rv == CKR_OK)
        rv = object_destroy(session, object);
    return call_end(&call, rv);
}

static CK_RV mock_get_object_size(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ULONG *size)
{
    struct call call;
    struct session *session;
    CK_RV rv = call_begin_session(&call, FUNCTION_C_GetObjectSize, handle, &session);
    if (rv == CKR_OK)
        rv = size == NULL ? CKR_ARGUMENTS_BAD : object_size(session, object, size);
    return call_end(&call, rv);
}

/* Wrong bytes, or one too few: in what was just handed out. */
static void spoil(const struct call *call, unsigned char *bytes, CK_ULONG *length)
{
    if (bytes == NULL || *length == CK_UNAVAILABLE_INFORMATION)
        return;
    for (CK_ULONG i = 0; call->fault.rule.kind == FAULT_GARBAGE && i < *length; i++)
        bytes[i] ^= GARBAGE;
    if (call->fault.rule.kind == FAULT_SHORT && *length > 0)
        (*length)--;
}

static CK_RV mock_get_attribute_value(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object,
                                      CK_ATTRIBUTE *template, CK_ULONG count)
{
    struct call call;
    struct session *session;
    CK_RV rv = call_begin_session(&call, FUNCTION_C_GetAttributeValue, handle, &session);
    if (rv != CKR_OK)
        return call_end(&call, rv);
    if (template == NULL)
        return call_end(&call, CKR_ARGUMENTS_BAD);
    rv = object_read(session, object, template, count);
    unsigned long only = call.fault.rule.argument;
    for (CK_ULONG i = 0; rv != CKR_OBJECT_HANDLE_INVALID && i < count; i++)
        if (only == RULE_NO_ARGUMENT || only == template[i].type)
            spoil(&call, template[i].pValue, &template[i].ulValueLen);
    return call_end(&call, rv);
}

static CK_RV mock_set_attribute_value(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object,
                                      CK_ATTRIBUTE *template, CK_ULONG count)
{
    struct call call;
    struct session *session;
    CK_RV rv = call_begin_session(&call, FUNCTION_C_SetAttributeValue, handle, &session);
    if (rv == CKR_OK)
        rv = object_change(session, object, template, count);
    return call_end(&call, rv);
}

static CK_RV mock_find_objects_init(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *template,
                                    CK_ULONG count)
{
    struct call call;
    struct session *session;
    CK_RV rv = call_begin_session(&call, FUNCTION_C_FindObjectsInit, handle, &session);
    if (rv == CKR_OK)
        rv = session_find_begin(session, template, count);
    return call_end(&call, rv);
}

/* The batch is full, whatever there is: of handles that no object has. */
static void fill_batch(CK_OBJECT_HANDLE *objects, CK_ULONG max, CK_ULONG *count)
{
    static CK_OBJECT_HANDLE last = 0x70000000;
    for (*count = 0; *count < max; (*count)++)
        objects[*count] = ++last;
}

static CK_RV mock_find_objects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *objects, CK_ULONG max,
                               CK_ULONG *count)
{
    struct call call;
    struct session *session;
    CK_RV rv = call_begin_session(&call, FUNCTION_C_FindObjects, handle, &session);
    if (rv == CKR_OK)
        rv = objects == NULL || count == NULL ? CKR_ARGUMENTS_BAD
                                              : session_find_next(session, objects, max, count);
    if (rv == CKR_OK && call.fault.rule.kind == FAULT_ENDLESS)
        fill_batch(objects, max, count);
    return call_end(&call, rv);
}

static CK_RV mock_find_objects_final(CK_SESSION_HANDLE handle)
{
    struct call call;
    struct session *session;
    CK_RV rv = call_begin_session(&call, FUNCTION_C_FindObjectsFinal, handle, &session);
    if (rv == CKR_OK)
        rv = session_find_end(session);
    return call_end(&call, rv);
}

/* ---- Keys --------------------------------------------------------------------------------------
 */

static enum mock_function pair_function(const struct pair_request *request)
{
    return pair_is_for_session(request) ? FUNCTION_session_pair : FUNCTION_C_GenerateKeyPair;
}

static CK_RV mock_generate_key_pair(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism,
                                    CK_ATTRIBUTE *public_half, CK_ULONG public_count,
                                    CK_ATTRIBUTE *private_half, CK_ULONG private_count,
                                    CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
    struct call call;
    struct session *session;
    struct pair pair = {0};
    struct pair_request request = {mechanism, public_half, public_count, private_half,
                                   private_count};
    CK_RV rv = call_begin_session(&call, pair_function(&request), handle, &session);
    if (rv == CKR_OK && (public_key == NULL || private_key == NULL))
        rv = CKR_ARGUMENTS_BAD;
    if (rv == CKR_OK)
        rv = pair_begin(session, &request, &pair);
    if (rv == CKR_OK) {
        call_unlock(&call);
        rv = pair_make(&pair);
        CK_RV locked = call_lock(&call);
        if (rv == CKR_OK)
            rv = locked;
    }
    if (rv == CKR_OK)
        rv = session_find(handle, &session);
    if (rv == CKR_OK)
        rv = pair_finish(session, &pair, public_key, private_key);
    pair_free(&pair);
    return call_end(&call, rv);
}

static CK_RV mock_sign_init(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    struct call call;
    struct session *session;
    bool crash = false;
    CK_RV rv = call_begin_session(&call, FUNCTION_C_SignInit, handle, &session);
    if (rv == CKR_OK)
        rv = sign_begin(session, mechanism, key, &crash);
    if (crash)
        fault_crash();
    return call_end(&call, rv);
}

/* "A call to C_Sign always terminates the active signing operation unless it returns
 * CKR_BUFFER_TOO_SMALL" (5.11): also one to which a fault has answered. */
static void end_signing(struct call *call, CK_SESSION_HANDLE handle)
{
    struct session *session;
    if (call->locked || (call_lock(call) == CKR_OK))
        if (session_find(handle, &session) == CKR_OK)
            sign_end(&session->sign);
}

static CK_RV mock_sign(CK_SESSION_HANDLE handle, unsigned char *data, CK_ULONG data_length,
                       unsigned char *signature, CK_ULONG *signature_length)
{
    struct call call;
    struct session *session;
    struct sign_operation job = {0};
    CK_RV rv = call_begin_session(&call, FUNCTION_C_Sign, handle, &session);
    if (rv != CKR_OK && rv != CKR_BUFFER_TOO_SMALL)
        end_signing(&call, handle);
    if (rv == CKR_OK && (signature_length == NULL || (data == NULL && data_length > 0)))
        rv = CKR_ARGUMENTS_BAD;
    if (rv == CKR_OK)
        rv = sign_take(session, data_length, signature, signature_length, &job);
    call_unlock(&call);
    if (rv == CKR_OK && job.active)
        rv = sign_perform(&job, data, data_length, signature, signature_length);
    if (rv == CKR_OK && job.active)
        spoil(&call, signature, signature_length);
    sign_end(&job);
    return call_end(&call, rv);
}

static CK_RV mock_generate_random(CK_SESSION_HANDLE handle, unsigned char *bytes, CK_ULONG length)
{
    struct call call;
    struct session *session;
    CK_RV rv = call_begin_session(&call, FUNCTION_C_GenerateRandom, handle, &session);
    if (rv == CKR_OK && (bytes == NULL || length > RANDOM_MAX))
        rv = CKR_ARGUMENTS_BAD;
    if (rv == CKR_OK && RAND_bytes(bytes, (int)length) != 1)
        rv = CKR_FUNCTION_FAILED;
    return call_end(&call, rv);
}

/* ---- The list ----------------------------------------------------------------------------------
 */

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    struct fault_call call;
    CK_RV rv = fault_enter(&call, FUNCTION_C_GetFunctionList);
    if (rv == CKR_OK && list == NULL)
        rv = CKR_ARGUMENTS_BAD;
    if (rv == CKR_OK)
        *list = &functions;
    return fault_leave(&call, rv);
}

static CK_FUNCTION_LIST functions = {
    .version = {2, 40},
    .C_Initialize = mock_initialize,
    .C_Finalize = mock_finalize,
    .C_GetInfo = mock_get_info,
    .C_GetFunctionList = C_GetFunctionList,
    .C_GetSlotList = mock_get_slot_list,
    .C_GetSlotInfo = mock_get_slot_info,
    .C_GetTokenInfo = mock_get_token_info,
    .C_GetMechanismList = mock_get_mechanism_list,
    .C_GetMechanismInfo = mock_get_mechanism_info,
    .C_OpenSession = mock_open_session,
    .C_CloseSession = mock_close_session,
    .C_CloseAllSessions = mock_close_all_sessions,
    .C_GetSessionInfo = mock_get_session_info,
    .C_Login = mock_login,
    .C_Logout = mock_logout,
    .C_CreateObject = mock_create_object,
    .C_CopyObject = mock_copy_object,
    .C_DestroyObject = mock_destroy_object,
    .C_GetObjectSize = mock_get_object_size,
    .C_GetAttributeValue = mock_get_attribute_value,
    .C_SetAttributeValue = mock_set_attribute_value,
    .C_FindObjectsInit = mock_find_objects_init,
    .C_FindObjects = mock_find_objects,
    .C_FindObjectsFinal = mock_find_objects_final,
    .C_SignInit = mock_sign_init,
    .C_Sign = mock_sign,
    .C_GenerateKeyPair = mock_generate_key_pair,
    .C_GenerateRandom = mock_generate_random,
};

/* Runs in dlopen: the place for a module that does not survive being loaded. */
__attribute__((constructor)) static void load(void)
{
    struct fault_call call;
    absent_fill(&functions);
    CK_RV rv = fault_enter(&call, FUNCTION_load);
    (void)fault_leave(&call, rv);
}
