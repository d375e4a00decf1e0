/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The functions of a PKCS #11 module by their names, as faults and counters know them. */
#ifndef TESTS_MOCK_FUNCTION_H
#define TESTS_MOCK_FUNCTION_H

#define TAKES_SESSION 1u  /* its first argument is a session */
#define GIVES_BYTES   2u  /* signatures or attributes come out of it: may be garbage, or short */
#define STANDS_APART  4u  /* no part of what a fault for "*" means */
#define FILLS_BATCHES 8u  /* handles come out of it, by and by: may have no end */
#define GIVES_COUNT   16u /* a list comes out of it, and how long it is */

/* "load" is no function: it is what runs while the module is being loaded. "session_pair" is
 * C_GenerateKeyPair where neither half is to stay on the token; that name is for the rest of it. */
#define MOCK_FUNCTIONS(X)                                                                          \
    X(load, STANDS_APART)                                                                          \
    X(C_GetFunctionList, STANDS_APART)                                                             \
    X(C_Initialize, STANDS_APART)                                                                  \
    X(C_Finalize, STANDS_APART)                                                                    \
    X(C_GetInfo, 0)                                                                                \
    X(C_GetSlotList, GIVES_COUNT)                                                                  \
    X(C_GetSlotInfo, 0)                                                                            \
    X(C_GetTokenInfo, 0)                                                                           \
    X(C_GetMechanismList, GIVES_COUNT)                                                             \
    X(C_GetMechanismInfo, 0)                                                                       \
    X(C_InitToken, 0)                                                                              \
    X(C_InitPIN, TAKES_SESSION)                                                                    \
    X(C_SetPIN, TAKES_SESSION)                                                                     \
    X(C_OpenSession, 0)                                                                            \
    X(C_CloseSession, TAKES_SESSION)                                                               \
    X(C_CloseAllSessions, 0)                                                                       \
    X(C_GetSessionInfo, TAKES_SESSION)                                                             \
    X(C_GetOperationState, TAKES_SESSION)                                                          \
    X(C_SetOperationState, TAKES_SESSION)                                                          \
    X(C_Login, TAKES_SESSION)                                                                      \
    X(C_Logout, TAKES_SESSION)                                                                     \
    X(C_CreateObject, TAKES_SESSION)                                                               \
    X(C_CopyObject, TAKES_SESSION)                                                                 \
    X(C_DestroyObject, TAKES_SESSION)                                                              \
    X(C_GetObjectSize, TAKES_SESSION)                                                              \
    X(C_GetAttributeValue, TAKES_SESSION | GIVES_BYTES)                                            \
    X(C_SetAttributeValue, TAKES_SESSION)                                                          \
    X(C_FindObjectsInit, TAKES_SESSION)                                                            \
    X(C_FindObjects, TAKES_SESSION | FILLS_BATCHES)                                                \
    X(C_FindObjectsFinal, TAKES_SESSION)                                                           \
    X(C_EncryptInit, TAKES_SESSION)                                                                \
    X(C_Encrypt, TAKES_SESSION)                                                                    \
    X(C_EncryptUpdate, TAKES_SESSION)                                                              \
    X(C_EncryptFinal, TAKES_SESSION)                                                               \
    X(C_DecryptInit, TAKES_SESSION)                                                                \
    X(C_Decrypt, TAKES_SESSION)                                                                    \
    X(C_DecryptUpdate, TAKES_SESSION)                                                              \
    X(C_DecryptFinal, TAKES_SESSION)                                                               \
    X(C_DigestInit, TAKES_SESSION)                                                                 \
    X(C_Digest, TAKES_SESSION)                                                                     \
    X(C_DigestUpdate, TAKES_SESSION)                                                               \
    X(C_DigestKey, TAKES_SESSION)                                                                  \
    X(C_DigestFinal, TAKES_SESSION)                                                                \
    X(C_SignInit, TAKES_SESSION)                                                                   \
    X(C_Sign, TAKES_SESSION | GIVES_BYTES)                                                         \
    X(C_SignUpdate, TAKES_SESSION)                                                                 \
    X(C_SignFinal, TAKES_SESSION)                                                                  \
    X(C_SignRecoverInit, TAKES_SESSION)                                                            \
    X(C_SignRecover, TAKES_SESSION)                                                                \
    X(C_VerifyInit, TAKES_SESSION)                                                                 \
    X(C_Verify, TAKES_SESSION)                                                                     \
    X(C_VerifyUpdate, TAKES_SESSION)                                                               \
    X(C_VerifyFinal, TAKES_SESSION)                                                                \
    X(C_VerifyRecoverInit, TAKES_SESSION)                                                          \
    X(C_VerifyRecover, TAKES_SESSION)                                                              \
    X(C_DigestEncryptUpdate, TAKES_SESSION)                                                        \
    X(C_DecryptDigestUpdate, TAKES_SESSION)                                                        \
    X(C_SignEncryptUpdate, TAKES_SESSION)                                                          \
    X(C_DecryptVerifyUpdate, TAKES_SESSION)                                                        \
    X(C_GenerateKey, TAKES_SESSION)                                                                \
    X(C_GenerateKeyPair, TAKES_SESSION)                                                            \
    X(session_pair, TAKES_SESSION)                                                                 \
    X(C_WrapKey, TAKES_SESSION)                                                                    \
    X(C_UnwrapKey, TAKES_SESSION)                                                                  \
    X(C_DeriveKey, TAKES_SESSION)                                                                  \
    X(C_SeedRandom, TAKES_SESSION)                                                                 \
    X(C_GenerateRandom, TAKES_SESSION)                                                             \
    X(C_GetFunctionStatus, TAKES_SESSION)                                                          \
    X(C_CancelFunction, TAKES_SESSION)                                                             \
    X(C_WaitForSlotEvent, 0)

#define FUNCTION_VALUE(name, traits) FUNCTION_##name,
enum mock_function { MOCK_FUNCTIONS(FUNCTION_VALUE) FUNCTION_COUNT };

struct function_row {
    const char *name;
    unsigned traits;
};

extern const struct function_row function_rows[FUNCTION_COUNT];

#endif
