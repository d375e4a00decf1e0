/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Objects on tokens: who may see them, make, change and destroy them (PKCS #11 2.40, 4.4, 5.7).
 * With the mock's lock held. What changes a token object has the state written (state.h). */
#ifndef TESTS_MOCK_OBJECT_H
#define TESTS_MOCK_OBJECT_H

#include <openssl/evp.h>
#include <p11-kit/pkcs11.h>
#include <stddef.h>

#include "tests/mock/attribute.h"

struct session;
struct token;

struct object {
    CK_OBJECT_HANDLE handle; /* never used for another one */
    CK_SESSION_HANDLE owner; /* of a session object; 0 for a token object */
    struct attributes attributes;
    EVP_PKEY *key; /* of a private key: *owned* */
    struct object *next;
};

struct object *object_new(void);
void object_free(struct object *object); /* takes NULL */

/* Whether a session may add an object with these attributes now: CKR_SESSION_READ_ONLY,
 * CKR_TOKEN_WRITE_PROTECTED, CKR_USER_NOT_LOGGED_IN, CKR_DEVICE_MEMORY. */
CK_RV object_may_add(const struct session *session, const struct attributes *attributes);

/* Puts it on the token; the object is *given away*. The state is not written. */
void object_add(const struct session *session, struct object *object);

/* As above, when it comes from the state file. */
void object_restore(struct token *token, struct object *object);

/* NULL when the session cannot see such an object. *Borrowed*. */
struct object *object_find(const struct session *session, CK_OBJECT_HANDLE handle);

/* All that the session can see and that match; *handles is *owned*. */
void object_search(const struct session *session, const CK_ATTRIBUTE *template, CK_ULONG count,
                   CK_OBJECT_HANDLE **handles, CK_ULONG *found);

/* The functions of these names. */
CK_RV object_create(const struct session *session, const CK_ATTRIBUTE *template, CK_ULONG count,
                    CK_OBJECT_HANDLE *handle);
CK_RV object_copy(const struct session *session, CK_OBJECT_HANDLE original,
                  const CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *handle);
CK_RV object_destroy(const struct session *session, CK_OBJECT_HANDLE handle);
CK_RV object_size(const struct session *session, CK_OBJECT_HANDLE handle, CK_ULONG *size);
CK_RV object_read(const struct session *session, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE *template,
                  CK_ULONG count);
CK_RV object_change(const struct session *session, CK_OBJECT_HANDLE handle,
                    const CK_ATTRIBUTE *template, CK_ULONG count);

/* Destroys the session objects of one session; those that are private; all objects. */
void objects_drop_owned(struct token *token, CK_SESSION_HANDLE owner);
void objects_drop_private(struct token *token);
void objects_drop_all(struct token *token);

#endif
