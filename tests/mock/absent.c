/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Functions that say no. */
#include "tests/mock/absent.h"

#include "tests/mock/fault.h"

#define SESSION CK_SESSION_HANDLE
#define OBJECT  CK_OBJECT_HANDLE
#define BYTES   unsigned char *
#define LENGTH  CK_ULONG *

/* Only their types tell them apart. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

static CK_RV refuse(enum mock_function function)
{
    struct fault_call call;
    CK_RV rv = fault_enter(&call, function);
    return fault_leave(&call, rv == CKR_OK ? CKR_FUNCTION_NOT_SUPPORTED : rv);
}

/* The functions and what they are given. */
#define ABSENT(X)                                                                                  \
    X(C_InitToken, CK_SLOT_ID a, BYTES b, CK_ULONG c, BYTES d)                                     \
    X(C_InitPIN, SESSION a, BYTES b, CK_ULONG c)                                                   \
    X(C_SetPIN, SESSION a, BYTES b, CK_ULONG c, BYTES d, CK_ULONG e)                               \
    X(C_GetOperationState, SESSION a, BYTES b, LENGTH c)                                           \
    X(C_SetOperationState, SESSION a, BYTES b, CK_ULONG c, OBJECT d, OBJECT e)                     \
    X(C_EncryptInit, SESSION a, CK_MECHANISM *b, OBJECT c)                                         \
    X(C_Encrypt, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)                                \
    X(C_EncryptUpdate, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)                          \
    X(C_EncryptFinal, SESSION a, BYTES b, LENGTH c)                                                \
    X(C_DecryptInit, SESSION a, CK_MECHANISM *b, OBJECT c)                                         \
    X(C_Decrypt, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)                                \
    X(C_DecryptUpdate, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)                          \
    X(C_DecryptFinal, SESSION a, BYTES b, LENGTH c)                                                \
    X(C_DigestInit, SESSION a, CK_MECHANISM *b)                                                    \
    X(C_Digest, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)                                 \
    X(C_DigestUpdate, SESSION a, BYTES b, CK_ULONG c)                                              \
    X(C_DigestKey, SESSION a, OBJECT b)                                                            \
    X(C_DigestFinal, SESSION a, BYTES b, LENGTH c)                                                 \
    X(C_SignUpdate, SESSION a, BYTES b, CK_ULONG c)                                                \
    X(C_SignFinal, SESSION a, BYTES b, LENGTH c)                                                   \
    X(C_SignRecoverInit, SESSION a, CK_MECHANISM *b, OBJECT c)                                     \
    X(C_SignRecover, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)                            \
    X(C_VerifyInit, SESSION a, CK_MECHANISM *b, OBJECT c)                                          \
    X(C_Verify, SESSION a, BYTES b, CK_ULONG c, BYTES d, CK_ULONG e)                               \
    X(C_VerifyUpdate, SESSION a, BYTES b, CK_ULONG c)                                              \
    X(C_VerifyFinal, SESSION a, BYTES b, CK_ULONG c)                                               \
    X(C_VerifyRecoverInit, SESSION a, CK_MECHANISM *b, OBJECT c)                                   \
    X(C_VerifyRecover, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)                          \
    X(C_DigestEncryptUpdate, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)                    \
    X(C_DecryptDigestUpdate, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)                    \
    X(C_SignEncryptUpdate, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)                      \
    X(C_DecryptVerifyUpdate, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)                    \
    X(C_GenerateKey, SESSION a, CK_MECHANISM *b, CK_ATTRIBUTE *c, CK_ULONG d, OBJECT *e)           \
    X(C_WrapKey, SESSION a, CK_MECHANISM *b, OBJECT c, OBJECT d, BYTES e, LENGTH f)                \
    X(C_UnwrapKey, SESSION a, CK_MECHANISM *b, OBJECT c, BYTES d, CK_ULONG e, CK_ATTRIBUTE *f,     \
      CK_ULONG g, OBJECT *h)                                                                       \
    X(C_DeriveKey, SESSION a, CK_MECHANISM *b, OBJECT c, CK_ATTRIBUTE *d, CK_ULONG e, OBJECT *f)   \
    X(C_SeedRandom, SESSION a, BYTES b, CK_ULONG c)                                                \
    X(C_GetFunctionStatus, SESSION a)                                                              \
    X(C_CancelFunction, SESSION a)                                                                 \
    X(C_WaitForSlotEvent, CK_FLAGS a, CK_SLOT_ID *b, void *c)

#define REFUSE(name, ...)                                                                          \
    static CK_RV absent_##name(__VA_ARGS__)                                                        \
    {                                                                                              \
        return refuse(FUNCTION_##name);                                                            \
    }
ABSENT(REFUSE)

#define FILL(name, ...) list->name = absent_##name;

void absent_fill(CK_FUNCTION_LIST *list)
{
    ABSENT(FILL)
}
