/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sessions, their operations, and the login that all sessions of a token share (PKCS
 * #11 2.40, 5.6). With the mock's lock held. */
#ifndef TESTS_MOCK_SESSION_H
#define TESTS_MOCK_SESSION_H

#include <openssl/evp.h>
#include <p11-kit/pkcs11.h>
#include <stdbool.h>

struct token;

/* From C_SignInit to the C_Sign that ends it. */
struct sign_operation {
    bool active;
    CK_MECHANISM_TYPE mechanism;
    CK_RSA_PKCS_PSS_PARAMS pss; /* of CKM_RSA_PKCS_PSS */
    EVP_PKEY *key;              /* a reference of its own */
    bool wants_login;           /* CKA_ALWAYS_AUTHENTICATE, and not yet done */
};

/* From C_FindObjectsInit to C_FindObjectsFinal. */
struct find_operation {
    bool active;
    CK_OBJECT_HANDLE *handles; /* *owned* */
    CK_ULONG count;
    CK_ULONG next;
};

struct session {
    CK_SESSION_HANDLE handle; /* never used for another one */
    struct token *token;
    bool writable;
    struct sign_operation sign;
    struct find_operation find;
    struct session *next;
};

CK_RV session_open(struct token *token, CK_FLAGS flags, CK_SESSION_HANDLE *handle);

/* CKR_SESSION_HANDLE_INVALID; CKR_DEVICE_REMOVED while its token is away. *Borrowed*. */
CK_RV session_find(CK_SESSION_HANDLE handle, struct session **session);

/* Ends it with its operations and objects; the token's last one ends the login. */
void session_close(struct session *session);
void session_close_all(const struct token *token);

void session_info(const struct session *session, CK_SESSION_INFO *info);

CK_RV session_login(struct session *session, CK_USER_TYPE user, const unsigned char *pin,
                    CK_ULONG length);
CK_RV session_logout(struct session *session);

CK_RV session_find_begin(struct session *session, const CK_ATTRIBUTE *template, CK_ULONG count);
CK_RV session_find_next(struct session *session, CK_OBJECT_HANDLE *handles, CK_ULONG max,
                        CK_ULONG *count);
CK_RV session_find_end(struct session *session);

#endif
