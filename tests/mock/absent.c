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

#define ABSENT(name, ...)                                                                          \
    static CK_RV absent_##name(__VA_ARGS__)                                                        \
    {                                                                                              \
        return refuse(FUNCTION_##name);                                                            \
    }

ABSENT(C_InitToken, CK_SLOT_ID a, BYTES b, CK_ULONG c, BYTES d)
ABSENT(C_InitPIN, SESSION a, BYTES b, CK_ULONG c)
ABSENT(C_SetPIN, SESSION a, BYTES b, CK_ULONG c, BYTES d, CK_ULONG e)
ABSENT(C_GetOperationState, SESSION a, BYTES b, LENGTH c)
ABSENT(C_SetOperationState, SESSION a, BYTES b, CK_ULONG c, OBJECT d, OBJECT e)
ABSENT(C_EncryptInit, SESSION a, CK_MECHANISM *b, OBJECT c)
ABSENT(C_Encrypt, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)
ABSENT(C_EncryptUpdate, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)
ABSENT(C_EncryptFinal, SESSION a, BYTES b, LENGTH c)
ABSENT(C_DecryptInit, SESSION a, CK_MECHANISM *b, OBJECT c)
ABSENT(C_Decrypt, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)
ABSENT(C_DecryptUpdate, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)
ABSENT(C_DecryptFinal, SESSION a, BYTES b, LENGTH c)
ABSENT(C_DigestInit, SESSION a, CK_MECHANISM *b)
ABSENT(C_Digest, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)
ABSENT(C_DigestUpdate, SESSION a, BYTES b, CK_ULONG c)
ABSENT(C_DigestKey, SESSION a, OBJECT b)
ABSENT(C_DigestFinal, SESSION a, BYTES b, LENGTH c)
ABSENT(C_SignUpdate, SESSION a, BYTES b, CK_ULONG c)
ABSENT(C_SignFinal, SESSION a, BYTES b, LENGTH c)
ABSENT(C_SignRecoverInit, SESSION a, CK_MECHANISM *b, OBJECT c)
ABSENT(C_SignRecover, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)
ABSENT(C_VerifyInit, SESSION a, CK_MECHANISM *b, OBJECT c)
ABSENT(C_Verify, SESSION a, BYTES b, CK_ULONG c, BYTES d, CK_ULONG e)
ABSENT(C_VerifyUpdate, SESSION a, BYTES b, CK_ULONG c)
ABSENT(C_VerifyFinal, SESSION a, BYTES b, CK_ULONG c)
ABSENT(C_VerifyRecoverInit, SESSION a, CK_MECHANISM *b, OBJECT c)
ABSENT(C_VerifyRecover, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)
ABSENT(C_DigestEncryptUpdate, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)
ABSENT(C_DecryptDigestUpdate, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)
ABSENT(C_SignEncryptUpdate, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)
ABSENT(C_DecryptVerifyUpdate, SESSION a, BYTES b, CK_ULONG c, BYTES d, LENGTH e)
ABSENT(C_GenerateKey, SESSION a, CK_MECHANISM *b, CK_ATTRIBUTE *c, CK_ULONG d, OBJECT *e)
ABSENT(C_WrapKey, SESSION a, CK_MECHANISM *b, OBJECT c, OBJECT d, BYTES e, LENGTH f)
ABSENT(C_UnwrapKey, SESSION a, CK_MECHANISM *b, OBJECT c, BYTES d, CK_ULONG e, CK_ATTRIBUTE *f,
       CK_ULONG g, OBJECT *h)
ABSENT(C_DeriveKey, SESSION a, CK_MECHANISM *b, OBJECT c, CK_ATTRIBUTE *d, CK_ULONG e, OBJECT *f)
ABSENT(C_SeedRandom, SESSION a, BYTES b, CK_ULONG c)
ABSENT(C_GetFunctionStatus, SESSION a)
ABSENT(C_CancelFunction, SESSION a)
ABSENT(C_WaitForSlotEvent, CK_FLAGS a, CK_SLOT_ID *b, void *c)

void absent_fill(CK_FUNCTION_LIST *list)
{
    list->C_InitToken = absent_C_InitToken;
    list->C_InitPIN = absent_C_InitPIN;
    list->C_SetPIN = absent_C_SetPIN;
    list->C_GetOperationState = absent_C_GetOperationState;
    list->C_SetOperationState = absent_C_SetOperationState;
    list->C_EncryptInit = absent_C_EncryptInit;
    list->C_Encrypt = absent_C_Encrypt;
    list->C_EncryptUpdate = absent_C_EncryptUpdate;
    list->C_EncryptFinal = absent_C_EncryptFinal;
    list->C_DecryptInit = absent_C_DecryptInit;
    list->C_Decrypt = absent_C_Decrypt;
    list->C_DecryptUpdate = absent_C_DecryptUpdate;
    list->C_DecryptFinal = absent_C_DecryptFinal;
    list->C_DigestInit = absent_C_DigestInit;
    list->C_Digest = absent_C_Digest;
    list->C_DigestUpdate = absent_C_DigestUpdate;
    list->C_DigestKey = absent_C_DigestKey;
    list->C_DigestFinal = absent_C_DigestFinal;
    list->C_SignUpdate = absent_C_SignUpdate;
    list->C_SignFinal = absent_C_SignFinal;
    list->C_SignRecoverInit = absent_C_SignRecoverInit;
    list->C_SignRecover = absent_C_SignRecover;
    list->C_VerifyInit = absent_C_VerifyInit;
    list->C_Verify = absent_C_Verify;
    list->C_VerifyUpdate = absent_C_VerifyUpdate;
    list->C_VerifyFinal = absent_C_VerifyFinal;
    list->C_VerifyRecoverInit = absent_C_VerifyRecoverInit;
    list->C_VerifyRecover = absent_C_VerifyRecover;
    list->C_DigestEncryptUpdate = absent_C_DigestEncryptUpdate;
    list->C_DecryptDigestUpdate = absent_C_DecryptDigestUpdate;
    list->C_SignEncryptUpdate = absent_C_SignEncryptUpdate;
    list->C_DecryptVerifyUpdate = absent_C_DecryptVerifyUpdate;
    list->C_GenerateKey = absent_C_GenerateKey;
    list->C_WrapKey = absent_C_WrapKey;
    list->C_UnwrapKey = absent_C_UnwrapKey;
    list->C_DeriveKey = absent_C_DeriveKey;
    list->C_SeedRandom = absent_C_SeedRandom;
    list->C_GetFunctionStatus = absent_C_GetFunctionStatus;
    list->C_CancelFunction = absent_C_CancelFunction;
    list->C_WaitForSlotEvent = absent_C_WaitForSlotEvent;
}
