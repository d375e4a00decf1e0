/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The mock on the bench: loaded as keyd-hsm loads it, with a folder for its files. Whatever goes
 * wrong in here fails the test. */
#ifndef TESTS_MOCK_LAB_H
#define TESTS_MOCK_LAB_H

#include <openssl/evp.h>
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAB_PIN    "2468"
#define LAB_SERIAL "0001" /* of the first token, "first" */
#define LAB_OTHER  "0002" /* of the second, "second" */

#define LAB_COUNT(list) (sizeof(list) / sizeof(list)[0])

/* A call that has to say CKR_OK, and one that has to say something else. */
#define LAB_OK(call)       assert_int_equal(call, CKR_OK)
#define LAB_SAYS(rv, call) assert_int_equal(call, rv)

extern CK_FUNCTION_LIST *lab; /* the module's */
extern CK_SLOT_ID lab_slot;   /* of the first token */

/* cmocka's setup and teardown: a new folder, state and counts in it, no faults, C_Initialize; and
 * C_Finalize. */
int lab_open(void **state);
int lab_close(void **state);

/* C_Finalize and C_Initialize: what a new process would see. */
void lab_again(void);

/* The faults from now on, as KEYD_MOCK_FAULTS_FILE. */
void lab_faults(const char *rules);

/* A file in the folder; the text of one, *owned*. */
const char *lab_path(const char *name);
char *lab_read(const char *name);

/* What KEYD_MOCK_COUNTS says. */
unsigned long lab_count(const char *name);

/* A session with the first token; the second logs in. */
CK_SESSION_HANDLE lab_session(CK_FLAGS flags);
CK_SESSION_HANDLE lab_login(void);

CK_FLAGS lab_token_flags(void);

/* Runs in a child process, which initialises the module for itself; the child's status by waitpid.
 */
int lab_in_child(void (*work)(void));

/* Kinds of keys. */
enum lab_kind { LAB_P256, LAB_P384, LAB_ED25519, LAB_RSA, LAB_KINDS };

struct lab_key {
    CK_OBJECT_HANDLE public_half;
    CK_OBJECT_HANDLE private_half;
};

/* A pair of token objects with the default attributes, with one more for its private half (NULL:
 * none); its CKA_ID is `id`. The second says what came of it. */
struct lab_key lab_make(CK_SESSION_HANDLE session, enum lab_kind kind, uint8_t id);
CK_RV lab_try(CK_SESSION_HANDLE session, enum lab_kind kind, uint8_t id, const CK_ATTRIBUTE *more,
              struct lab_key *key);

/* Its public half by its attributes, *owned*. */
EVP_PKEY *lab_public(CK_SESSION_HANDLE session, enum lab_kind kind, CK_OBJECT_HANDLE public_half);

/* C_SignInit and C_Sign of a digest of `digest_size` bytes 0x11; the length is in and out. */
CK_RV lab_sign(CK_SESSION_HANDLE session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
               size_t digest_size, uint8_t *signature, CK_ULONG *length);

/* An ECDSA or Ed25519 signature that lab_sign made verifies. */
bool lab_verifies(EVP_PKEY *key, size_t digest_size, const uint8_t *signature, CK_ULONG length);

/* How many objects the session sees with this CKA_ID. */
CK_ULONG lab_find(CK_SESSION_HANDLE session, uint8_t id, CK_OBJECT_HANDLE *handles, CK_ULONG max);

#endif
