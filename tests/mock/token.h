/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Slots with their tokens: what KEYD_MOCK_TOKENS lists, and their PIN. With the mock's lock held.
 */
#ifndef TESTS_MOCK_TOKEN_H
#define TESTS_MOCK_TOKEN_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stddef.h>

#define TOKENS_MAX         15 /* and the twin, so that a session's handle has 4 bits for it */
#define TOKEN_LABEL_SIZE   32 /* bytes, CK_TOKEN_INFO */
#define TOKEN_SERIAL_SIZE  16
#define TOKEN_PIN_MIN      4
#define TOKEN_PIN_MAX      64
#define TOKEN_TRIES        3  /* wrong PINs that lock it, where KEYD_MOCK_PIN_TRIES does not say */
#define TOKEN_SLOT_FIRST   17 /* no index: who takes it for one shall notice */
#define TOKEN_TWIN_SERIAL  "TWIN"
#define TOKEN_DEFAULT_PIN  "1234"
#define TOKEN_DEFAULT_LIST "mock"

struct object;

struct token {
    CK_SLOT_ID slot;
    size_t index;
    char label[TOKEN_LABEL_SIZE + 1];
    char serial[TOKEN_SERIAL_SIZE + 1];
    bool twin; /* there only while duplicate-label is in force */
    bool away; /* since the last token_update */
    bool logged_in;
    unsigned wrong_pins; /* in a row */
    unsigned sessions;
    unsigned rw_sessions;
    struct object *objects; /* *owned*, see object.h */
};

/* Makes the tokens that the environment lists. */
void tokens_open(void);

/* Forgets them; their objects are gone already. */
void tokens_close(void);

size_t tokens_count(void); /* the twin is the last of them */
struct token *token_at(size_t index);

/* NULL when there is none. */
struct token *token_by_slot(CK_SLOT_ID slot);
struct token *token_by_serial(const char *serial);

/* Sees whether the token is in its slot; true when it went away by this. */
bool token_update(struct token *token);

/* C_GetSlotList, C_GetSlotInfo, C_GetTokenInfo (which says CKR_TOKEN_NOT_PRESENT). */
CK_RV token_slot_list(bool present, CK_SLOT_ID *list, CK_ULONG *count);
void token_slot_info(const struct token *token, CK_SLOT_INFO *info);
CK_RV token_info(const struct token *token, CK_TOKEN_INFO *info);

/* How many sessions it gives at once; CK_UNAVAILABLE_INFORMATION: as many as are wanted. */
CK_ULONG token_sessions_max(const struct token *token);

/* Tries a PIN, NULL for the protected path, and counts: CKR_OK, CKR_PIN_INCORRECT, CKR_PIN_LOCKED,
 * CKR_PIN_LEN_RANGE (not counted), CKR_ARGUMENTS_BAD. *counted: the count has changed. */
CK_RV token_try_pin(struct token *token, const unsigned char *pin, CK_ULONG length, bool *counted);

#endif
