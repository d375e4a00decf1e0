/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The vendor's PKCS #11 module and the one token of it that this process serves. The only file that
 * knows libp11: it loads and initialises the module and finds the slot; all else goes by the
 * module's own function list (libp11 would keep the PIN in its heap, and freeze threads when a
 * token is gone).
 */
#ifndef KEYD_HSM_MODULE_H
#define KEYD_HSM_MODULE_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stdint.h>

#include "keyd/base/error.h"
#include "keyd/hsm/mechanism.h"
#include "keyd/hsm/watchdog.h"

/* Bytes with the NUL; CK_TOKEN_INFO's fields without their padding (PKCS #11 2.40, 3.2). */
#define TOKEN_LABEL_TEXT        33
#define TOKEN_SERIAL_TEXT       17
#define TOKEN_MANUFACTURER_TEXT 33
#define TOKEN_MODEL_TEXT        17

/* "libraryDescription 2.6 (manufacturerID)", of CK_INFO (3.1). */
#define MODULE_NAME_TEXT 80

/* What the token says of a mechanism (CK_MECHANISM_INFO; PKCS #11 2.40, 3.5). */
struct mechanism_offer {
    bool offered; /* listed, and for the use that keyd has for it */
    CK_ULONG smallest;
    CK_ULONG largest;
};

struct module {
    const CK_FUNCTION_LIST *functions; /* never NULL once loaded */
    CK_SLOT_ID slot;
    int64_t call_limit_ms;       /* for the watchdog: any call */
    int64_t generation_limit_ms; /* for the watchdog: making a key pair */
    char name[MODULE_NAME_TEXT]; /* what it calls itself; empty when it does not say */
    char label[TOKEN_LABEL_TEXT];
    char serial[TOKEN_SERIAL_TEXT];
    char manufacturer[TOKEN_MANUFACTURER_TEXT];
    char model[TOKEN_MODEL_TEXT];
    struct mechanism_offer offers[MECHANISM_COUNT]; /* as it was when the module was loaded */
};

/* Calls a function of the module under the watchdog's eye; its value is the CK_RV. */
#define MODULE_CALL(module, function, ...)                                                         \
    MODULE_CALL_FOR(module, (module)->call_limit_ms, function, __VA_ARGS__)
#define MODULE_CALL_FOR(module, limit_ms, function, ...)                                           \
    ({                                                                                             \
        watchdog_enter(#function, limit_ms);                                                       \
        CK_RV module_call_rv = (module)->functions->function(__VA_ARGS__);                         \
        watchdog_leave();                                                                          \
        module_call_rv;                                                                            \
    })

/* Loads the module at `path` into *module, initialises it for use by many threads, and finds the
 * token with this label and this serial number (either may be NULL, not both), and what it offers.
 * The limits must be set in *module before. NOT_FOUND, TOKEN_NOT_FOUND (the message lists the
 * tokens there are); FAILED_PRECONDITION, MODULE when the module cannot be loaded;
 * FAILED_PRECONDITION, TOKEN_AMBIGUOUS when more than one token fits. Once a process, from its only
 * thread; a module is never unloaded. Blocks as long as the module does. */
enum keyd_status module_load(struct module *module, const char *path, const char *label,
                             const char *serial, struct keyd_error *err) KEYD_CHECKED;

/* Whether the token offers a mechanism, for keys of so many bits (0: for some). UNIMPLEMENTED,
 * MECHANISM, which names both, when it does not. Asks nothing of the module. Any thread. */
enum keyd_status module_offers(const struct module *module, enum mechanism mechanism, unsigned bits,
                               struct keyd_error *err) KEYD_CHECKED;

/* The token's flags of this moment (CKF_USER_PIN_COUNT_LOW and the like). */
enum keyd_status module_token_flags(const struct module *module, CK_FLAGS *flags,
                                    struct keyd_error *err) KEYD_CHECKED;

/* How many sessions the token has for all its users, and how many of these nobody has taken.
 * *limit 0: it names no limit, and *free_sessions says nothing. `own`: how many this process has
 * opened, for a token that does not count. */
struct session_room {
    CK_ULONG limit;
    CK_ULONG free_sessions;
};
enum keyd_status module_session_room(const struct module *module, unsigned own,
                                     struct session_room *room,
                                     struct keyd_error *err) KEYD_CHECKED;

/* C_Finalize. Only when no other thread can be inside the module, and then never again anything.
 * Not under the watchdog: whoever calls it is about to end the process, and has a limit of his own.
 */
void module_finalize(const struct module *module);

#endif
