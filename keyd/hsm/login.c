/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/log.h"
#include "keyd/base/notify.h"
#include "keyd/hsm/ckr.h"

/* The token has counted at least one wrong PIN since the last right one. */
#define COUNTED (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED)

#define MARGIN_S 10 /* for the supervisor, on top of what a person at the pad may take */

/* One start's login. */
struct attempt {
    struct login *login;
    CK_FLAGS flags;
    struct tries tries;
    enum permit permit;          /* taken out of the record: what is written next has it no more */
    struct keyd_error unwritten; /* why the record on disk says less than it should; or KEYD_OK */
};

bool login_is_needed(const struct keyd_error *err)
{
    return strcmp(err->reason, REASON_LOGIN_NEEDED) == 0 ||
           strcmp(err->reason, REASON_LOGIN_NOT_TRIED) == 0;
}

/* ---- What is not tried ----------------------------------------------------------------------- */

/* A former start may have used the permit up and not lived to tell: something was tried then. */
#define refuse(attempt, err, ...)                                                                  \
    keyd_fail(err, KEYD_FAILED_PRECONDITION,                                                       \
              (attempt)->tries.now.spent ? REASON_LOGIN_NEEDED : REASON_LOGIN_NOT_TRIED,           \
              __VA_ARGS__)

#define UNLOCK                                                                                     \
    "Unlock it with the security officer's PIN, or wait where it unlocks itself (a TPM does), "    \
    "then say `keyd-hsm admin login --config %s`"

static enum keyd_status judge_flags(const struct attempt *attempt, struct keyd_error *err)
{
    const char *file = attempt->login->config->file;
    if ((attempt->flags & CKF_USER_PIN_LOCKED) != 0)
        return refuse(attempt, err, "the token says that its user PIN is locked. " UNLOCK, file);
    if ((attempt->flags & CKF_USER_PIN_FINAL_TRY) == 0 || attempt->permit == PERMIT_FINAL_TRY)
        return KEYD_OK;
    return refuse(
        attempt, err,
        "the token says that one more wrong PIN locks it; keyd-hsm does not take that try. "
        "Log in once with the vendor's tools and the right PIN, which resets the count, "
        "then say `keyd-hsm admin login --config %s`; with --final-try it takes the try",
        file);
}

static enum keyd_status refuse_refused(const struct attempt *attempt, const struct pin_hash *hash,
                                       struct keyd_error *err)
{
    const struct pin *pin = attempt->login->pin;
    const char *file = attempt->login->config->file;
    if (tries_is_locked(&attempt->tries, hash))
        return refuse(attempt, err,
                      "the token said at the last try that its user PIN is locked; the PIN from %s "
                      "is not tried again. " UNLOCK,
                      pin->name, file);
    bool counted = (attempt->flags & COUNTED) != 0;
    return refuse(
        attempt, err,
        "the token has refused the PIN from %s before, and it is not tried again%s. Is it "
        "the right one by now? Then say `keyd-hsm admin login --config %s`; else %s%s",
        pin->name, pin->oddity, file, pin->remedy, counted ? " first" : pin->notice);
}

static enum keyd_status judge_unsettled(const struct attempt *attempt, const struct pin_hash *hash,
                                        struct keyd_error *err)
{
    const struct pin *pin = attempt->login->pin;
    size_t count = tries_unsettled(&attempt->tries, hash);
    if (count < (tries_is_good(&attempt->tries, hash) ? LOGIN_UNSETTLED_MAX : 1))
        return KEYD_OK;
    char logins[PIN_NAME_MAX + 80];
    if (count == 1)
        snprintf(logins, sizeof logins, "the last login with the PIN from %s", pin->name);
    else
        snprintf(logins, sizeof logins, "the last %zu logins with the PIN from %s", count,
                 pin->name);
    return refuse(
        attempt, err,
        "%s never came to an end (keyd-hsm ended, or was asked to, before the token had said "
        "yes or no), and whether the token counted it nobody knows: it is not tried again. See "
        "that the token is well and the PIN the right one, then say "
        "`keyd-hsm admin login --config %s`; else %s%s",
        logins, attempt->login->config->file, pin->remedy, pin->notice);
}

static enum keyd_status judge_pin(const struct attempt *attempt, const struct pin_hash *hash,
                                  struct keyd_error *err)
{
    const struct login *login = attempt->login;
    if (attempt->permit != PERMIT_NONE)
        return KEYD_OK;
    if (tries_is_refused(&attempt->tries, hash))
        return refuse_refused(attempt, hash, err);
    if ((attempt->flags & COUNTED) != 0 && !tries_is_good(&attempt->tries, hash))
        return refuse(
            attempt, err,
            "the token counts wrong PINs, and keyd-hsm has no good login with the PIN from "
            "%s on record: it is not tried. Is it the right one? Then say `keyd-hsm admin "
            "login --config %s`; else %s first",
            login->pin->name, login->config->file, login->pin->remedy);
    return judge_unsettled(attempt, hash, err);
}

static enum keyd_status judge_pad(const struct attempt *attempt, struct keyd_error *err)
{
    if (attempt->permit != PERMIT_NONE)
        return KEYD_OK;
    return refuse(
        attempt, err,
        "the token takes its PIN at its own pad, and at a start nobody stands there. Stand "
        "at it and say `keyd-hsm admin login --config %s`",
        attempt->login->config->file);
}

/* ---- One try --------------------------------------------------------------------------------- */

static bool is_refusal(CK_RV rv)
{
    return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE;
}

static bool is_login(CK_RV rv)
{
    return rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN;
}

static bool has_pad(const struct attempt *attempt)
{
    return (attempt->flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
}

/* Whether the token has answered without a look at the PIN: it has none yet, somebody is logged in,
 * or it takes the PIN at its pad only. (CKR_PIN_LOCKED is none of these: PKCS #11 2.40, 5.6, has it
 * for a token that was locked before and for the try that locks it.) */
static bool did_not_look(const struct attempt *attempt, CK_RV rv)
{
    static const CK_RV answers[] = {CKR_USER_PIN_NOT_INITIALIZED, CKR_USER_ALREADY_LOGGED_IN,
                                    CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CKR_USER_TOO_MANY_TYPES,
                                    CKR_USER_TYPE_INVALID};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (answers[i] == rv)
            return true;
    return rv == CKR_ARGUMENTS_BAD && has_pad(attempt);
}

/* Writes the record; where that fails it is remembered, for whoever goes on trying. */
static enum keyd_status write_down(struct attempt *attempt, struct keyd_error *err)
{
    enum keyd_status status = tries_write(&attempt->tries, &attempt->unwritten);
    if (status == KEYD_OK) {
        attempt->unwritten = (struct keyd_error){0};
        return KEYD_OK;
    }
    log_error("what came of the login is not on disk: %s", attempt->unwritten.message);
    return keyd_fail(err, status, attempt->unwritten.reason, "%s", attempt->unwritten.message);
}

/* Writes down what came of it. Where the token did not look the try counts for nothing; what is
 * neither yes nor no leaves it unsettled. */
static enum keyd_status settle(struct attempt *attempt, CK_RV rv, struct keyd_error *err)
{
    struct tries *tries = &attempt->tries;
    if (rv == CKR_OK || rv == CKR_PIN_EXPIRED)
        tries_good(tries);
    else if (is_refusal(rv))
        tries_refused(tries);
    else if (rv == CKR_PIN_LOCKED)
        tries_locked(tries);
    else if (did_not_look(attempt, rv))
        tries_void(tries);
    else
        return KEYD_OK;
    return write_down(attempt, err);
}

/* Begins a try, on disk; hash: NULL at the pad. A permit has gone into it then. */
static enum keyd_status begin_try(struct attempt *attempt, const struct pin_hash *hash,
                                  struct keyd_error *err)
{
    struct tries *tries = &attempt->tries;
    struct keyd_error failure;
    bool spent = tries->now.spent;
    tries_begin(tries, hash);
    tries->now.spent = spent || attempt->permit != PERMIT_NONE;
    enum keyd_status status = tries_write(tries, &failure);
    if (status == KEYD_OK)
        return KEYD_OK;
    tries_void(tries);
    tries->now.spent = spent;
    return keyd_fail(err, status, failure.reason,
                     "no login is tried that is not on disk first: %s; keyd-hsm tries again by "
                     "itself",
                     failure.message);
}

/* C_Login, which is on record as begun. OK only when it is logged in, and that is on record; *rv:
 * what the token said. *Given away*: pin. */
static enum keyd_status try_once(struct attempt *attempt, int64_t limit_ms, struct keyd_secret *pin,
                                 CK_RV *rv, struct keyd_error *err)
{
    const struct session *session = attempt->login->session;
    struct keyd_error failure;
    *rv = MODULE_CALL_FOR(session->module, limit_ms, C_Login, session->handle, CKU_USER,
                          pin != NULL ? pin->data : NULL, pin != NULL ? pin->length : 0);
    keyd_secret_free(pin);
    enum keyd_status status = settle(attempt, *rv, &failure);
    if (status == KEYD_OK)
        return is_login(*rv) ? KEYD_OK : ckr_fail(err, *rv, "C_Login");
    if (is_login(*rv))
        return keyd_fail(err, status, failure.reason,
                         "the login went well, and %s; keyd-hsm starts again by itself",
                         failure.message);
    return ckr_fail(err, *rv, "C_Login");
}

/* The token's flags after the try; those before it where it does not say. */
static CK_FLAGS flags_now(const struct attempt *attempt)
{
    CK_FLAGS flags = 0;
    if (module_token_flags(attempt->login->session->module, &flags, NULL) != KEYD_OK)
        return attempt->flags;
    return flags;
}

#define needed(err, ...) keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_LOGIN_NEEDED, __VA_ARGS__)

static enum keyd_status tell_locked(const struct attempt *attempt, CK_RV rv, struct keyd_error *err)
{
    return needed(err,
                  "C_Login: %s (0x%lx): the user PIN is locked now. It was tried once and is not "
                  "tried again. " UNLOCK,
                  ckr_name(rv), rv, attempt->login->config->file);
}

/* What is to be done depends on what the token says of itself after the refusal. */
static enum keyd_status tell_refused(const struct attempt *attempt, CK_RV rv, const char *message,
                                     struct keyd_error *err)
{
    const struct pin *pin = attempt->login->pin;
    const char *file = attempt->login->config->file;
    CK_FLAGS flags = flags_now(attempt);
    if ((flags & CKF_USER_PIN_LOCKED) != 0)
        return tell_locked(attempt, rv, err);
    if ((flags & CKF_USER_PIN_FINAL_TRY) != 0)
        return needed(err,
                      "%s%s. It was tried once and is not tried again, and one more wrong PIN "
                      "locks the token: %s, log in once with the vendor's tools, which resets the "
                      "count, then say `keyd-hsm admin login --config %s`",
                      message, pin->oddity, pin->remedy, file);
    if ((flags & COUNTED) != 0)
        return needed(err,
                      "%s%s. It was tried once and is not tried again, and the token counts wrong "
                      "PINs: %s, then say `keyd-hsm admin login --config %s`",
                      message, pin->oddity, pin->remedy, file);
    return needed(err,
                  "%s%s. It was tried once and is not tried again: %s%s. If the token counts wrong "
                  "PINs by then, say `keyd-hsm admin login --config %s` as well",
                  message, pin->oddity, pin->remedy, pin->notice, file);
}

/* *Given away*: pin. */
static enum keyd_status try_pin(struct attempt *attempt, struct keyd_secret *pin,
                                struct keyd_error *err)
{
    const struct login *login = attempt->login;
    struct keyd_error failure = {0};
    CK_RV rv = CKR_OK;
    enum keyd_status status =
        try_once(attempt, login->session->module->call_limit_ms, pin, &rv, &failure);
    if (status == KEYD_OK)
        return KEYD_OK;
    if (rv == CKR_PIN_LOCKED)
        return tell_locked(attempt, rv, err);
    if (is_refusal(rv))
        return tell_refused(attempt, rv, failure.message, err);
    if (rv == CKR_ARGUMENTS_BAD && has_pad(attempt))
        return needed(err,
                      "%s. The token takes its PIN at its own pad only: take the PIN's field out "
                      "of %s and start keyd-hsm again",
                      failure.message, login->config->file);
    return keyd_fail(err, failure.status, failure.reason, "%s", failure.message);
}

/* Whatever goes wrong at the pad, it takes a person to try again. */
static enum keyd_status try_pad(struct attempt *attempt, struct keyd_error *err)
{
    const struct login *login = attempt->login;
    struct keyd_error failure = {0};
    CK_RV rv = CKR_OK;
    char text[80];
    snprintf(text, sizeof text, "EXTEND_TIMEOUT_USEC=%d000000", LOGIN_PAD_LIMIT_S + MARGIN_S);
    notify_supervisor(text);
    log_notice("the token waits for its PIN at its own pad, for %d seconds", LOGIN_PAD_LIMIT_S);
    enum keyd_status status = try_once(attempt, LOGIN_PAD_LIMIT_S * 1000, NULL, &rv, &failure);
    if (status == KEYD_OK)
        return KEYD_OK;
    if (rv == CKR_PIN_LOCKED || (is_refusal(rv) && (flags_now(attempt) & CKF_USER_PIN_LOCKED) != 0))
        return tell_locked(attempt, rv, err);
    if (rv == CKR_OK || ckr_is_gone(rv))
        return keyd_fail(err, failure.status, failure.reason, "%s", failure.message);
    return needed(err,
                  "at the token's pad: %s. Stand at it and say `keyd-hsm admin login --config %s`",
                  failure.message, login->config->file);
}

/* ---- All of it ------------------------------------------------------------------------------- */

/* A try that was begun and never settled: the process ended inside C_Login or right after, or the
 * token gave no answer to it. When the token has counted a wrong PIN since, that was it; else it
 * stays among those that came to no end. */
static enum keyd_status settle_former(struct attempt *attempt, struct keyd_error *err)
{
    struct tries *tries = &attempt->tries;
    if (tries->now.trying != TRYING_PIN || (attempt->flags & COUNTED) == 0) {
        tries->now.trying = TRYING_NONE;
        return KEYD_OK;
    }
    log_warning("the last login was never settled and the token counts a wrong PIN: that PIN is "
                "taken for refused");
    tries_refused(tries);
    return tries_write(tries, err);
}

static enum keyd_status with_pin(struct attempt *attempt, struct keyd_error *err)
{
    struct keyd_secret *pin = NULL;
    struct keyd_error failure;
    struct pin_hash hash;
    if (pin_read(attempt->login->pin, &pin, &failure) != KEYD_OK)
        return needed(err, "no PIN: %s", failure.message);
    enum keyd_status status = tries_hash(&attempt->tries, pin, &hash, err);
    if (status == KEYD_OK)
        status = judge_pin(attempt, &hash, err);
    if (status == KEYD_OK)
        status = begin_try(attempt, &hash, err);
    if (status == KEYD_OK)
        return try_pin(attempt, pin, err);
    keyd_secret_free(pin);
    return status;
}

static enum keyd_status at_pad(struct attempt *attempt, struct keyd_error *err)
{
    enum keyd_status status = judge_pad(attempt, err);
    if (status == KEYD_OK)
        status = begin_try(attempt, NULL, err);
    return status == KEYD_OK ? try_pad(attempt, err) : status;
}

static enum keyd_status judge_and_try(struct attempt *attempt, struct keyd_error *err)
{
    const struct login *login = attempt->login;
    enum keyd_status status = judge_flags(attempt, err);
    if (status != KEYD_OK)
        return status;
    if (login->at_pad)
        return at_pad(attempt, err);
    if (login->pin->kind != PIN_NONE)
        return with_pin(attempt, err);
    return needed(err,
                  "no PIN: the token has no pad of its own, and %s has none of `pin_file`, "
                  "`pin_credential` and `pin_descriptor`. Add one and start keyd-hsm again",
                  login->config->file);
}

static enum keyd_status begin(struct attempt *attempt, struct keyd_error *err)
{
    struct login *login = attempt->login;
    const struct module *module = login->session->module;
    struct keyd_error failure;
    enum keyd_status status = module_token_flags(module, &attempt->flags, err);
    if (status != KEYD_OK)
        return status;
    login->at_pad =
        login->pin->kind == PIN_NONE && (attempt->flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
    status = tries_read(&attempt->tries, login->record_file, module->serial, &failure);
    if (status == KEYD_FAILED_PRECONDITION)
        return keyd_fail(err, status, REASON_LOGIN_NOT_TRIED, "%s", failure.message);
    if (status != KEYD_OK)
        return keyd_fail(err, status, failure.reason, "%s", failure.message);
    attempt->permit = attempt->tries.now.permit;
    attempt->tries.now.permit = PERMIT_NONE;
    return settle_former(attempt, err);
}

/* A state that waits for a person goes on trying to write what is not on disk, and says so: a start
 * before that would know of less, and might try what this one has tried. */
static enum keyd_status keep_unwritten(const struct attempt *attempt, const struct keyd_error *what,
                                       struct keyd_error *err)
{
    struct tries *kept = malloc(sizeof *kept);
    if (kept == NULL)
        return keyd_fail(err, what->status, what->reason, "%s", what->message);
    *kept = attempt->tries;
    attempt->login->unwritten = kept;
    return keyd_fail(err, what->status, what->reason,
                     "leave keyd-hsm running until its log says that the login record is on disk; "
                     "it goes on trying: %s. %s",
                     attempt->unwritten.message, what->message);
}

enum keyd_status login_perform(struct login *login, struct keyd_error *err)
{
    struct attempt attempt = {.login = login};
    struct keyd_error failure;
    login->unwritten = NULL;
    enum keyd_status status = begin(&attempt, &failure);
    if (status != KEYD_OK)
        return keyd_fail(err, status, failure.reason, "%s", failure.message);
    bool permitted = attempt.permit != PERMIT_NONE;
    if (permitted)
        log_notice("an operator has permitted one login%s",
                   attempt.permit == PERMIT_FINAL_TRY ? ", the token's final try" : "");
    status = judge_and_try(&attempt, &failure);
    if (status == KEYD_OK)
        return KEYD_OK;
    /* Where nothing was tried, the permit is still in the file. */
    if (permitted)
        (void)write_down(&attempt, NULL);
    if (attempt.unwritten.status != KEYD_OK && login_is_needed(&failure))
        return keep_unwritten(&attempt, &failure, err);
    return keyd_fail(err, status, failure.reason, "%s", failure.message);
}
