/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/ckr.h"

#include <stddef.h>
#include <string.h>

struct ckr_row {
    CK_RV rv;
    const char *name;
    enum keyd_status status;
    const char *reason;
    const char *hint; /* what it means here, or what to do next */
};

#define ROW(rv, status, reason, hint)                                                              \
    {                                                                                              \
        rv, #rv, KEYD_##status, reason, hint                                                       \
    }
#define GONE(rv, hint)                                                                             \
    {                                                                                              \
        rv, #rv, KEYD_UNAVAILABLE, REASON_TOKEN_GONE, hint                                         \
    }

/* For what no function that keyd-hsm calls may answer. */
#define ODD(rv)                                                                                    \
    {                                                                                              \
        rv, #rv, KEYD_INTERNAL, "TOKEN_FAILED", fault                                              \
    }

/* PKCS #11 3.0; a module of that version gives them to a caller of 2.40 too. */
#define CKR_TOKEN_RESOURCE_EXCEEDED 0x201UL
#define CKR_OPERATION_CANCEL_FAILED 0x202UL
#define CKR_KEY_EXHAUSTED           0x203UL

static const char again[] = "keyd-hsm starts afresh, try again";
static const char fault[] = "keyd and the module do not understand each other; report it with the "
                            "names and versions of both";

static const char silent[] =
    "the module does not say why: see its own log, and for a software token "
    "its disk and its configuration";
static const char busy[] = "the token has no memory free for it: try again, and end other users of "
                           "it if that goes on";
static const char full[] = "the token is full: make room with the vendor's tools, or use another "
                           "token";
static const char protected[] = "the token is write-protected: its keys can be used and none made. "
                                "Lift that with the vendor's tools";

static const struct ckr_row rows[] = {
    GONE(CKR_DEVICE_ERROR, again),
    GONE(CKR_DEVICE_REMOVED, "the token was taken away; keyd-hsm waits for it"),
    GONE(CKR_TOKEN_NOT_PRESENT, "the token is away; keyd-hsm waits for it"),
    GONE(CKR_TOKEN_NOT_RECOGNIZED, "the token is not in order; see the vendor's tools"),
    GONE(CKR_SLOT_ID_INVALID, again),
    GONE(CKR_SESSION_CLOSED, again),
    GONE(CKR_SESSION_HANDLE_INVALID, again),
    GONE(CKR_USER_NOT_LOGGED_IN, again),
    GONE(CKR_CRYPTOKI_NOT_INITIALIZED, again),
    GONE(CKR_KEY_HANDLE_INVALID, again),
    GONE(CKR_OBJECT_HANDLE_INVALID, again),
    GONE(CKR_OPERATION_ACTIVE, again),
    GONE(CKR_OPERATION_NOT_INITIALIZED, again),
    GONE(CKR_MUTEX_BAD, again),
    GONE(CKR_MUTEX_NOT_LOCKED, again),
    GONE(CKR_OPERATION_CANCEL_FAILED, again),
    GONE(CKR_FIPS_SELF_TEST_FAILED, "the token's self-test failed, and it does nothing until it is "
                                    "initialised anew; keyd-hsm starts afresh. If it goes on, see "
                                    "the vendor's tools"),
    ROW(CKR_HOST_MEMORY, RESOURCE_EXHAUSTED, "TOKEN_MEMORY", "this host has no memory left for it"),
    ROW(CKR_DEVICE_MEMORY, RESOURCE_EXHAUSTED, "TOKEN_MEMORY", busy),
    ROW(CKR_TOKEN_RESOURCE_EXCEEDED, RESOURCE_EXHAUSTED, "TOKEN_MEMORY",
        "the token has no room left for it: see the vendor's tools"),
    ROW(CKR_SESSION_COUNT, RESOURCE_EXHAUSTED, "TOKEN_SESSIONS",
        "the token gives no more sessions: lower `signers`, or end other users of it"),
    ROW(CKR_CANCEL, UNAVAILABLE, "TOKEN_FAILED", "the token gave up; try again"),
    ROW(CKR_FUNCTION_CANCELED, UNAVAILABLE, "TOKEN_FAILED", "the token gave up; try again"),
    ROW(CKR_EXCEEDED_MAX_ITERATIONS, UNAVAILABLE, "TOKEN_FAILED", "the token gave up; try again"),
    ROW(CKR_FUNCTION_REJECTED, PERMISSION_DENIED, "TOKEN_REFUSED", "the token's user refused it"),
    ROW(CKR_GENERAL_ERROR, INTERNAL, "TOKEN_FAILED", silent),
    ROW(CKR_FUNCTION_FAILED, INTERNAL, "TOKEN_FAILED", silent),
    ROW(CKR_ARGUMENTS_BAD, INTERNAL, "TOKEN_FAILED", "the module does not take keyd's arguments"),
    ROW(CKR_DATA_INVALID, INTERNAL, "TOKEN_FAILED", fault),
    ROW(CKR_DATA_LEN_RANGE, INTERNAL, "TOKEN_FAILED", fault),
    ROW(CKR_BUFFER_TOO_SMALL, INTERNAL, "TOKEN_FAILED", fault),
    ROW(CKR_NEED_TO_CREATE_THREADS, FAILED_PRECONDITION, "MODULE",
        "the module wants to be alone in its process; see the vendor's manual"),
    ROW(CKR_CANT_LOCK, FAILED_PRECONDITION, "MODULE",
        "the module cannot be used by more than one thread"),
    ROW(CKR_CRYPTOKI_ALREADY_INITIALIZED, INTERNAL, "MODULE", fault),
    ROW(CKR_LIBRARY_LOAD_FAILED, FAILED_PRECONDITION, "MODULE",
        "the module misses a library of its own"),
    ROW(CKR_FUNCTION_NOT_SUPPORTED, UNIMPLEMENTED, "TOKEN_LACKS", "the token does not offer it"),
    ROW(CKR_MECHANISM_INVALID, UNIMPLEMENTED, "TOKEN_LACKS",
        "the token does not offer this mechanism"),
    ROW(CKR_MECHANISM_PARAM_INVALID, UNIMPLEMENTED, "TOKEN_LACKS", fault),
    ROW(CKR_CURVE_NOT_SUPPORTED, UNIMPLEMENTED, "TOKEN_LACKS",
        "the token does not offer this curve"),
    ROW(CKR_DOMAIN_PARAMS_INVALID, UNIMPLEMENTED, "TOKEN_LACKS",
        "the token does not offer this curve"),
    ROW(CKR_KEY_SIZE_RANGE, UNIMPLEMENTED, "TOKEN_LACKS",
        "the token does not offer keys of this size"),
    ROW(CKR_ATTRIBUTE_READ_ONLY, UNIMPLEMENTED, "TOKEN_TEMPLATE", fault),
    ROW(CKR_ATTRIBUTE_SENSITIVE, INTERNAL, "TOKEN_TEMPLATE", fault),
    ROW(CKR_ATTRIBUTE_TYPE_INVALID, UNIMPLEMENTED, "TOKEN_TEMPLATE",
        "the token does not know an attribute that keyd asks for"),
    ROW(CKR_ATTRIBUTE_VALUE_INVALID, UNIMPLEMENTED, "TOKEN_TEMPLATE",
        "the token does not take an attribute as keyd asks for it"),
    ROW(CKR_TEMPLATE_INCOMPLETE, UNIMPLEMENTED, "TOKEN_TEMPLATE",
        "the token wants an attribute that keyd does not give"),
    ROW(CKR_TEMPLATE_INCONSISTENT, UNIMPLEMENTED, "TOKEN_TEMPLATE",
        "the token does not take keyd's attributes together"),
    ROW(CKR_ACTION_PROHIBITED, FAILED_PRECONDITION, "TOKEN_REFUSED",
        "the token's policy forbids it"),
    ROW(CKR_KEY_TYPE_INCONSISTENT, INTERNAL, "KEY_TYPE", fault),
    ROW(CKR_KEY_EXHAUSTED, FAILED_PRECONDITION, "KEY_TYPE",
        "the key has made as many signatures as the token lets it"),
    ROW(CKR_KEY_FUNCTION_NOT_PERMITTED, FAILED_PRECONDITION, "KEY_TYPE",
        "the key on the token may not sign"),
    ROW(CKR_TOKEN_WRITE_PROTECTED, FAILED_PRECONDITION, REASON_TOKEN_READ_ONLY, protected),
    ROW(CKR_SESSION_READ_ONLY, FAILED_PRECONDITION, REASON_TOKEN_READ_ONLY, protected),
    ROW(CKR_PIN_INCORRECT, FAILED_PRECONDITION, "LOGIN_NEEDED", "the PIN is wrong"),
    ROW(CKR_PIN_INVALID, FAILED_PRECONDITION, "LOGIN_NEEDED",
        "the PIN has characters that this token does not take"),
    ROW(CKR_PIN_LEN_RANGE, FAILED_PRECONDITION, "LOGIN_NEEDED",
        "the PIN is too short or too long for this token"),
    ROW(CKR_PIN_EXPIRED, FAILED_PRECONDITION, "LOGIN_NEEDED",
        "the PIN is to be changed: do it with the vendor's tools"),
    ROW(CKR_PIN_LOCKED, FAILED_PRECONDITION, "LOGIN_NEEDED",
        "the PIN is locked: unlock it with the security officer's PIN"),
    ROW(CKR_USER_PIN_NOT_INITIALIZED, FAILED_PRECONDITION, "LOGIN_NEEDED",
        "the token has no user PIN yet: set one with the vendor's tools"),
    ROW(CKR_SESSION_READ_WRITE_SO_EXISTS, FAILED_PRECONDITION, "TOKEN_IN_USE",
        "the security officer is logged in: end that session"),
    ROW(CKR_RANDOM_NO_RNG, FAILED_PRECONDITION, "TOKEN_LACKS",
        "the token has no random numbers: see the vendor's tools"),
    ROW(CKR_USER_ALREADY_LOGGED_IN, INTERNAL, "TOKEN_FAILED", fault),
    ROW(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, FAILED_PRECONDITION, "TOKEN_IN_USE",
        "the security officer is logged in: end that session"),
    ROW(CKR_USER_TOO_MANY_TYPES, RESOURCE_EXHAUSTED, "TOKEN_IN_USE",
        "somebody else is logged in: end other users of the token"),
    ROW(CKR_USER_TYPE_INVALID, INTERNAL, "TOKEN_FAILED", fault),
    /* Of functions that keyd-hsm does not call; named, for a module that gives them all the same.
     */
    ODD(CKR_NO_EVENT),
    ODD(CKR_FUNCTION_NOT_PARALLEL),
    ODD(CKR_KEY_CHANGED),
    ODD(CKR_KEY_INDIGESTIBLE),
    ODD(CKR_KEY_NEEDED),
    ODD(CKR_KEY_NOT_NEEDED),
    ODD(CKR_KEY_NOT_WRAPPABLE),
    ODD(CKR_KEY_UNEXTRACTABLE),
    ODD(CKR_ENCRYPTED_DATA_INVALID),
    ODD(CKR_ENCRYPTED_DATA_LEN_RANGE),
    ODD(CKR_INFORMATION_SENSITIVE),
    ODD(CKR_NEW_PIN_MODE),
    ODD(CKR_NEXT_OTP),
    ODD(CKR_PIN_TOO_WEAK),
    ODD(CKR_PUBLIC_KEY_INVALID),
    ODD(CKR_RANDOM_SEED_NOT_SUPPORTED),
    ODD(CKR_SAVED_STATE_INVALID),
    ODD(CKR_SESSION_EXISTS),
    ODD(CKR_SESSION_PARALLEL_NOT_SUPPORTED),
    ODD(CKR_SESSION_READ_ONLY_EXISTS),
    ODD(CKR_SIGNATURE_INVALID),
    ODD(CKR_SIGNATURE_LEN_RANGE),
    ODD(CKR_STATE_UNSAVEABLE),
    ODD(CKR_UNWRAPPING_KEY_HANDLE_INVALID),
    ODD(CKR_UNWRAPPING_KEY_SIZE_RANGE),
    ODD(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT),
    ODD(CKR_WRAPPED_KEY_INVALID),
    ODD(CKR_WRAPPED_KEY_LEN_RANGE),
    ODD(CKR_WRAPPING_KEY_HANDLE_INVALID),
    ODD(CKR_WRAPPING_KEY_SIZE_RANGE),
    ODD(CKR_WRAPPING_KEY_TYPE_INCONSISTENT),
};

static const struct ckr_row *find(CK_RV rv)
{
    static const struct ckr_row unknown = {0, "an unknown CK_RV", KEYD_INTERNAL, "TOKEN_FAILED",
                                           "see the module's manual"};
    static const struct ckr_row vendor = {0, "CKR_VENDOR_DEFINED", KEYD_INTERNAL, "TOKEN_FAILED",
                                          "see the module's manual"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].rv == rv)
            return &rows[i];
    return (rv & CKR_VENDOR_DEFINED) != 0 ? &vendor : &unknown;
}

const char *ckr_name(CK_RV rv)
{
    return rv == CKR_OK ? "CKR_OK" : find(rv)->name;
}

/* Only what makes objects can find the token full. */
static const char *hint_of(const struct ckr_row *row, const char *function)
{
    bool makes = strcmp(function, "C_GenerateKeyPair") == 0;
    return makes && row->rv == CKR_DEVICE_MEMORY ? full : row->hint;
}

enum keyd_status ckr_fail(struct keyd_error *err, CK_RV rv, const char *function)
{
    const struct ckr_row *row = find(rv);
    return keyd_fail(err, row->status, row->reason, "%s: %s (0x%lx): %s", function, row->name, rv,
                     hint_of(row, function));
}

bool ckr_is_gone(CK_RV rv)
{
    return strcmp(find(rv)->reason, REASON_TOKEN_GONE) == 0;
}
