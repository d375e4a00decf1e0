/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/module.h"

#include <dlfcn.h>
#include <libp11.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/log.h"
#include "keyd/base/text.h"
#include "keyd/hsm/ckr.h"
#include "keyd/hsm/lastwords.h"
#include "keyd/hsm/survey.h"

/* ---- The locks that we offer to the module -------------------------------------------------- */

static CK_RV lock_create(void **lock)
{
    pthread_mutexattr_t kind;
    pthread_mutex_t *made = malloc(sizeof *made);
    if (made == NULL)
        return CKR_HOST_MEMORY;
    /* Spins for a moment before it sleeps: a software token holds its lock for microseconds. */
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ADAPTIVE_NP);
    int errnum = pthread_mutex_init(made, &kind);
    pthread_mutexattr_destroy(&kind);
    if (errnum != 0) {
        free(made);
        return CKR_GENERAL_ERROR;
    }
    *lock = made;
    return CKR_OK;
}

static CK_RV lock_destroy(void *lock)
{
    pthread_mutex_destroy(lock);
    free(lock);
    return CKR_OK;
}

static CK_RV lock_lock(void *lock)
{
    return pthread_mutex_lock(lock) == 0 ? CKR_OK : CKR_MUTEX_BAD;
}

static CK_RV lock_unlock(void *lock)
{
    return pthread_mutex_unlock(lock) == 0 ? CKR_OK : CKR_MUTEX_NOT_LOCKED;
}

/* ---- Loading --------------------------------------------------------------------------------- */

/* libp11 initialises with CKF_OS_LOCKING_OK alone and takes a module that is initialised already.
 * So ours comes first, and where a module wants none of our locks, libp11's call decides. */
static CK_RV initialize(const struct module *module)
{
    CK_C_INITIALIZE_ARGS args = {.CreateMutex = lock_create,
                                 .DestroyMutex = lock_destroy,
                                 .LockMutex = lock_lock,
                                 .UnlockMutex = lock_unlock,
                                 .flags = CKF_OS_LOCKING_OK};
    return MODULE_CALL(module, C_Initialize, &args);
}

/* What a module may say of our locks, and of being initialised by another library of this process.
 */
static bool is_about_locks(CK_RV rv)
{
    return rv == CKR_CANT_LOCK || rv == CKR_NEED_TO_CREATE_THREADS || rv == CKR_ARGUMENTS_BAD ||
           rv == CKR_CRYPTOKI_ALREADY_INITIALIZED;
}

/* A failed call of the module's, with its path. */
static enum keyd_status module_fail(const char *path, CK_RV rv, const char *function,
                                    struct keyd_error *err)
{
    ckr_fail(err, rv, function);
    return keyd_wrap(err, "%s", path);
}

static enum keyd_status take_functions(struct module *module, void *library, const char *path,
                                       struct keyd_error *err)
{
    CK_C_GetFunctionList get = NULL;
    *(void **)&get = dlsym(library, "C_GetFunctionList");
    if (get == NULL)
        return keyd_fail(
            err, KEYD_FAILED_PRECONDITION, "MODULE",
            "%s is no PKCS #11 module: it gives no C_GetFunctionList. Correct `module`", path);
    CK_FUNCTION_LIST *functions = NULL;
    watchdog_enter("C_GetFunctionList", module->call_limit_ms);
    CK_RV rv = get(&functions);
    watchdog_leave();
    if (rv != CKR_OK)
        return module_fail(path, rv, "C_GetFunctionList", err);
    if (functions == NULL)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "MODULE",
                         "%s: C_GetFunctionList gives no list of functions, and says that it does. "
                         "Correct `module`, or ask its vendor",
                         path);
    module->functions = functions;
    return KEYD_OK;
}

static enum keyd_status open_library(struct module *module, const char *path,
                                     struct keyd_error *err)
{
    watchdog_enter("dlopen", module->call_limit_ms); /* a library may do much as it is loaded */
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    watchdog_leave();
    if (library == NULL)
        return keyd_fail(
            err, KEYD_FAILED_PRECONDITION, "MODULE",
            "the PKCS #11 module cannot be loaded: %s. Correct `module`, or install it", dlerror());
    return take_functions(module, library, path, err);
}

/* Those that are not initialised have no name, and some modules always show one. */
static bool is_named(const PKCS11_TOKEN *token)
{
    return token != NULL && token->initialized && token->label != NULL && token->serialnr != NULL;
}

/* Modules give text in whatever their maker had: the bytes that are no UTF-8 are '?' here, wherever
 * the text goes from there, and in what it is compared with. */
static void take_names(const PKCS11_SLOT *slots, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (is_named(slots[i].token)) {
            text_repair(slots[i].token->label);
            text_repair(slots[i].token->serialnr);
        }
}

static bool fits(const PKCS11_TOKEN *token, const char *label, const char *serial)
{
    return is_named(token) && (label == NULL || strcmp(token->label, label) == 0) &&
           (serial == NULL || strcmp(token->serialnr, serial) == 0);
}

/* "'a' (serial 1), 'b' (serial 2)", as many as fit. */
static void list_tokens(const PKCS11_SLOT *slots, unsigned count, char *text, size_t size)
{
    static const char more[] = ", and more";
    size_t used = 0;
    unsigned blank = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < count; i++) {
        if (!is_named(slots[i].token))
            continue;
        int n = snprintf(text + used, size - used, "%s'%s' (serial %s)", used > 0 ? ", " : "",
                         slots[i].token->label, slots[i].token->serialnr);
        if (n < 0 || (size_t)n >= size - used - sizeof more) {
            memcpy(text + used, more, sizeof more);
            return;
        }
        used += (size_t)n;
    }
    for (unsigned i = 0; i < count; i++)
        blank += slots[i].token != NULL && !slots[i].token->initialized;
    if (used == 0 && blank > 0)
        snprintf(text, size, "%u, not initialised: the vendor's tools do that", blank);
    else if (used == 0)
        snprintf(text, size, "none");
}

static enum keyd_status find_token(struct module *module, PKCS11_SLOT *slots, unsigned count,
                                   const char *label, const char *serial, struct keyd_error *err)
{
    PKCS11_SLOT *found = NULL;
    unsigned fitting = 0;
    take_names(slots, count);
    for (unsigned i = 0; i < count; i++) {
        if (!fits(slots[i].token, label, serial))
            continue;
        found = &slots[i];
        fitting++;
    }
    char there[400];
    list_tokens(slots, count, there, sizeof there);
    if (fitting == 0)
        return keyd_fail(err, KEYD_NOT_FOUND, "TOKEN_NOT_FOUND",
                         "the module has no token with%s%s%s%s%s%s. Tokens there: %s",
                         label != NULL ? " label '" : "", label != NULL ? label : "",
                         label != NULL ? "'" : "", serial != NULL ? " serial '" : "",
                         serial != NULL ? serial : "", serial != NULL ? "'" : "", there);
    if (fitting > 1)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "TOKEN_AMBIGUOUS",
                         "%u tokens fit: give `serial`. Tokens there: %s", fitting, there);
    module->slot = PKCS11_get_slotid_from_slot(found);
    return KEYD_OK;
}

/* A field of CK_TOKEN_INFO or CK_INFO: padded with blanks, not terminated. */
static void take_text(char *text, const unsigned char *field, size_t size)
{
    while (size > 0 && (field[size - 1] == ' ' || field[size - 1] == '\0'))
        size--;
    memcpy(text, field, size);
    text[size] = '\0';
    text_repair(text);
}

static enum keyd_status token_info(const struct module *module, CK_TOKEN_INFO *info,
                                   struct keyd_error *err)
{
    *info = (CK_TOKEN_INFO){0};
    CK_RV rv = MODULE_CALL(module, C_GetTokenInfo, module->slot, info);
    return rv == CKR_OK ? KEYD_OK : ckr_fail(err, rv, "C_GetTokenInfo");
}

static enum keyd_status take_token_info(struct module *module, struct keyd_error *err)
{
    CK_TOKEN_INFO info;
    enum keyd_status status = token_info(module, &info, err);
    if (status != KEYD_OK)
        return status;
    take_text(module->label, info.label, sizeof info.label);
    take_text(module->serial, info.serialNumber, sizeof info.serialNumber);
    take_text(module->manufacturer, info.manufacturerID, sizeof info.manufacturerID);
    take_text(module->model, info.model, sizeof info.model);
    return KEYD_OK;
}

/* ---- Mechanisms ------------------------------------------------------------------------------ */

/* Mechanisms of a token; PKCS #11 has some hundreds. A count that is larger is a module's mistake.
 */
#define MECHANISMS_MAX 65536

static enum keyd_status fail_mechanisms(CK_ULONG count, CK_ULONG room, struct keyd_error *err)
{
    return keyd_fail(err, KEYD_INTERNAL, "TOKEN_FAILED",
                     "C_GetMechanismList: the module gives %lu mechanisms where it has room for "
                     "%lu: a fault of its own. Look for another version of it",
                     count, room);
}

static enum keyd_status list_mechanisms(const struct module *module, CK_MECHANISM_TYPE **list,
                                        CK_ULONG *count, struct keyd_error *err)
{
    CK_ULONG room = 0;
    CK_RV rv = MODULE_CALL(module, C_GetMechanismList, module->slot, NULL, &room);
    if (rv == CKR_OK && room > MECHANISMS_MAX)
        return fail_mechanisms(room, MECHANISMS_MAX, err);
    if (rv != CKR_OK)
        return ckr_fail(err, rv, "C_GetMechanismList");
    CK_MECHANISM_TYPE *types = calloc(room + 1, sizeof *types);
    *count = room;
    rv = types == NULL ? CKR_HOST_MEMORY
                       : MODULE_CALL(module, C_GetMechanismList, module->slot, types, count);
    if (rv == CKR_OK && *count <= room) {
        *list = types;
        return KEYD_OK;
    }
    free(types);
    return rv == CKR_OK ? fail_mechanisms(*count, room, err)
                        : ckr_fail(err, rv, "C_GetMechanismList");
}

static enum keyd_status take_offer(const struct module *module, const struct mechanism_row *row,
                                   struct mechanism_offer *offer, struct keyd_error *err)
{
    CK_MECHANISM_INFO info = {0};
    CK_RV rv = MODULE_CALL(module, C_GetMechanismInfo, module->slot, row->type, &info);
    if (rv != CKR_OK && rv != CKR_MECHANISM_INVALID)
        return ckr_fail(err, rv, "C_GetMechanismInfo");
    if (rv == CKR_OK)
        *offer = (struct mechanism_offer){(info.flags & row->use) != 0, info.ulMinKeySize,
                                          info.ulMaxKeySize};
    return KEYD_OK;
}

static enum keyd_status take_offers(struct module *module, struct keyd_error *err)
{
    CK_MECHANISM_TYPE *list = NULL;
    CK_ULONG count = 0;
    enum keyd_status status = list_mechanisms(module, &list, &count, err);
    for (size_t i = 0; i < MECHANISM_COUNT && status == KEYD_OK; i++)
        for (CK_ULONG k = 0; k < count && status == KEYD_OK; k++)
            if (list[k] == mechanism_rows[i].type)
                status = take_offer(module, &mechanism_rows[i], &module->offers[i], err);
    free(list);
    return status;
}

enum keyd_status module_offers(const struct module *module, enum mechanism mechanism, unsigned bits,
                               struct keyd_error *err)
{
    const struct mechanism_row *row = &mechanism_rows[mechanism];
    const struct mechanism_offer *offer = &module->offers[mechanism];
    if (!offer->offered)
        return keyd_fail(err, KEYD_UNIMPLEMENTED, "MECHANISM", "the token '%s' does not offer %s",
                         module->label, row->name);
    /* Less than keyd's smallest key: the module counts bytes, or says nothing. Then it judges. */
    if (bits == 0 || row->least == 0 || offer->largest < row->least ||
        (bits >= offer->smallest && bits <= offer->largest))
        return KEYD_OK;
    return keyd_fail(err, KEYD_UNIMPLEMENTED, "MECHANISM",
                     "the token '%s' offers %s for keys of %lu to %lu bits, and not of %u",
                     module->label, row->name, offer->smallest, offer->largest, bits);
}

/* ---- All of it ------------------------------------------------------------------------------- */

/* What libp11 was given by the module. Its slots are released when the token is found. */
struct listing {
    PKCS11_CTX *ctx;
    PKCS11_SLOT *slots;
    unsigned count;
};

/* libp11 says what it was told, and not by which function of those that it calls. */
static enum keyd_status fail_to_list(const char *path, const char *functions,
                                     struct keyd_error *err)
{
    unsigned long code = ERR_peek_error();
    if (ERR_GET_LIB(code) != ERR_get_CKR_code())
        return keyd_fail_openssl(err,
                                 "%s: the module does not list its tokens; see its own log and the "
                                 "vendor's tools",
                                 path);
    ERR_clear_error();
    return module_fail(path, (CK_RV)ERR_GET_REASON(code), functions, err);
}

/* What libp11 calls, where it would not say which of them it was. */
static const char at_load[] = "C_Initialize or C_GetInfo";
static const char at_list[] = "C_GetSlotList, C_GetSlotInfo or C_GetTokenInfo";

/* libp11 initialises with the system's locks, where ours were not taken. */
static enum keyd_status load_libp11(const struct module *module, const char *path, CK_RV ours,
                                    PKCS11_CTX *ctx, struct keyd_error *err)
{
    watchdog_enter(at_load, module->call_limit_ms);
    int failed = PKCS11_CTX_load(ctx, path);
    watchdog_leave();
    if (failed == 0)
        return KEYD_OK;
    return ours != CKR_OK ? module_fail(path, ours, "C_Initialize", err)
                          : fail_to_list(path, at_load, err);
}

static enum keyd_status list_slots(const struct module *module, const char *path,
                                   struct listing *listing, struct keyd_error *err)
{
    lastwords_stage(at_list);
    if (survey_slots(module, err) != KEYD_OK)
        return keyd_wrap(err, "%s", path);
    watchdog_enter(at_list, module->call_limit_ms);
    int failed = PKCS11_enumerate_slots(listing->ctx, &listing->slots, &listing->count);
    watchdog_leave();
    return failed == 0 ? KEYD_OK : fail_to_list(path, at_list, err);
}

/* Before libp11 asks. It would take a module that does not say what it is for none. */
static enum keyd_status take_module_name(struct module *module, const char *path,
                                         struct keyd_error *err)
{
    CK_INFO info = {0};
    char description[sizeof info.libraryDescription + 1];
    char manufacturer[sizeof info.manufacturerID + 1];
    CK_RV rv = MODULE_CALL(module, C_GetInfo, &info);
    if (rv != CKR_OK)
        return module_fail(path, rv, "C_GetInfo", err);
    take_text(description, info.libraryDescription, sizeof info.libraryDescription);
    take_text(manufacturer, info.manufacturerID, sizeof info.manufacturerID);
    snprintf(module->name, sizeof module->name, "%s %d.%d (%s)", description,
             info.libraryVersion.major, info.libraryVersion.minor, manufacturer);
    return KEYD_OK;
}

static enum keyd_status start_library(struct module *module, const char *path,
                                      struct listing *listing, struct keyd_error *err)
{
    lastwords_stage("C_Initialize");
    CK_RV rv = initialize(module);
    if (rv != CKR_OK && !is_about_locks(rv))
        return module_fail(path, rv, "C_Initialize", err);
    if (rv != CKR_OK)
        log_info("the module does not take keyd's locks (%s): it shall use the system's",
                 ckr_name(rv));
    /* Kept for good: to free it would be to finalise and unload the module. */
    static PKCS11_CTX *ctx;
    listing->ctx = ctx = PKCS11_CTX_new();
    if (ctx == NULL)
        return keyd_fail_openssl(err, "PKCS11_CTX_new");
    ERR_clear_error(); /* libp11 tells through this queue; a module's leavings are not its words */
    lastwords_stage(at_load);
    enum keyd_status status = KEYD_OK;
    if (!is_about_locks(rv)) /* else it is libp11's call that initialises */
        status = take_module_name(module, path, err);
    if (status == KEYD_OK)
        status = load_libp11(module, path, rv, ctx, err);
    if (status == KEYD_OK && is_about_locks(rv))
        status = take_module_name(module, path, err);
    return status == KEYD_OK ? list_slots(module, path, listing, err) : status;
}

enum keyd_status module_load(struct module *module, const char *path, const char *label,
                             const char *serial, struct keyd_error *err)
{
    struct listing listing = {0};
    lastwords_stage("dlopen");
    enum keyd_status status = open_library(module, path, err);
    if (status == KEYD_OK)
        status = start_library(module, path, &listing, err);
    lastwords_stage(NULL);
    if (status != KEYD_OK)
        return status;
    status = find_token(module, listing.slots, listing.count, label, serial, err);
    watchdog_enter("C_CloseAllSessions", module->call_limit_ms);
    PKCS11_release_all_slots(listing.ctx, listing.slots, listing.count);
    watchdog_leave();
    if (status == KEYD_OK)
        status = take_token_info(module, err);
    return status == KEYD_OK ? take_offers(module, err) : status;
}

enum keyd_status module_token_flags(const struct module *module, CK_FLAGS *flags,
                                    struct keyd_error *err)
{
    CK_TOKEN_INFO info;
    enum keyd_status status = token_info(module, &info, err);
    *flags = info.flags;
    return status;
}

enum keyd_status module_session_room(const struct module *module, unsigned own,
                                     struct session_room *room, struct keyd_error *err)
{
    CK_TOKEN_INFO info;
    enum keyd_status status = token_info(module, &info, err);
    *room = (struct session_room){0};
    if (status != KEYD_OK || info.ulMaxSessionCount == CK_EFFECTIVELY_INFINITE ||
        info.ulMaxSessionCount == CK_UNAVAILABLE_INFORMATION)
        return status;
    CK_ULONG taken = info.ulSessionCount != CK_UNAVAILABLE_INFORMATION ? info.ulSessionCount : own;
    room->limit = info.ulMaxSessionCount;
    room->free_sessions = taken < room->limit ? room->limit - taken : 0;
    return KEYD_OK;
}

void module_finalize(const struct module *module)
{
    CK_RV rv = module->functions->C_Finalize(NULL);
    if (rv != CKR_OK)
        log_warning("C_Finalize: %s (0x%lx)", ckr_name(rv), rv);
}
