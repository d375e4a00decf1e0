/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/login.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
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
    enum permit permit; /* taken out of the record: what is written next has it no more */
};

bool login_is_needed(const struct keyd_error *err)
{
    return strcmp(err->reason, REASON_LOGIN_NEEDED) == 0 ||
           strcmp(err->reason, REASON_LOGIN_NOT_TRIED) == 0;
}

/* ---- What is not tried ----------------------------------------------------------------------- */

#define refuse(err, ...)                                                                           \
    keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_LOGIN_NOT_TRIED, __VA_ARGS__)

static enum keyd_status refuse_locked(const struct login *login, struct keyd_error *err)
{
    return refuse(
        err,
        "the token says that its user PIN is locked. Unlock it with the security officer's "
        "PIN, then say `keyd-hsm admin login --config %s`",
        login->config->file);
}

static enum keyd_status judge_flags(const struct attempt *attempt, struct keyd_error *err)
{
    if ((attempt->flags & CKF_USER_PIN_LOCKED) != 0)
        return refuse_locked(attempt->login, err);
    if ((attempt->flags & CKF_USER_PIN_FINAL_TRY) == 0 || attempt->permit == PERMIT_FINAL_TRY)
        return KEYD_OK;
    const char *file = attempt->login->config->file;
    return refuse(
        err,
        "the token says that one more wrong PIN locks it; keyd-hsm does not take that try. "
        "Log in once with the vendor's tools and the right PIN, which resets the count, "
        "then say `keyd-hsm admin login --config %s`; with --final-try it takes the try",
        file);
}

static enum keyd_status judge_pin(const struct attempt *attempt, const struct pin_hash *hash,
                                  struct keyd_error *err)
{
    const struct login *login = attempt->login;
    if (attempt->permit != PERMIT_NONE)
        return KEYD_OK;
    if (tries_is_refused(&attempt->tries, hash))
        return refuse(
            err,
            "the token has refused the PIN from %s before, and it is not tried again. Is "
            "it the right one by now? Then say `keyd-hsm admin login --config %s`; else %s",
            login->pin->name, login->config->file, login->pin->remedy);
    if ((attempt->flags & COUNTED) != 0 && !tries_is_good(&attempt->tries, hash))
        return refuse(
            err,
            "the token counts wrong PINs, and keyd-hsm has no good login with the PIN from "
            "%s on record: it is not tried. Is it the right one? Then say `keyd-hsm admin "
            "login --config %s`; else %s",
            login->pin->name, login->config->file, login->pin->remedy);
    return KEYD_OK;
}

static enum keyd_status judge_pad(const struct attempt *attempt, struct keyd_error *err)
{
    if (attempt->permit != PERMIT_NONE)
        return KEYD_OK;
    return refuse(
        err,
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

/* Whether the token has answered without a look at the PIN: it is locked or has none, it takes it
 * at its pad only, or somebody is logged in. */
static bool did_not_look(CK_RV rv)
{
    static const CK_RV answers[] = {CKR_PIN_LOCKED,
                                    CKR_USER_PIN_NOT_INITIALIZED,
                                    CKR_ARGUMENTS_BAD,
                                    CKR_USER_ALREADY_LOGGED_IN,
                                    CKR_USER_ANOTHER_ALREADY_LOGGED_IN,
                                    CKR_USER_TOO_MANY_TYPES,
                                    CKR_USER_TYPE_INVALID};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (answers[i] == rv)
            return true;
    return false;
}

/* Writes down what came of it. Where the token did not look the try counts for nothing; what is
 * neither yes nor no leaves it unsettled. */
static enum keyd_status settle(struct tries *tries, CK_RV rv, struct keyd_error *err)
{
    if (rv == CKR_OK || rv == CKR_PIN_EXPIRED)
        tries_good(tries);
    else if (is_refusal(rv))
        tries_refused(tries);
    else if (did_not_look(rv))
        tries_void(tries);
    else
        return KEYD_OK;
    return tries_write(tries, err);
}

/* C_Login between its two records. OK only when it is logged in, and that is on record; *rv: what
 * the token said, CKR_OK where it was not asked. *Given away*: pin. */
static enum keyd_status try_once(struct attempt *attempt, int64_t limit_ms, struct keyd_secret *pin,
                                 CK_RV *rv, struct keyd_error *err)
{
    const struct session *session = attempt->login->session;
    enum keyd_status status = tries_write(&attempt->tries, err);
    if (status != KEYD_OK) {
        keyd_secret_free(pin);
        return status;
    }
    *rv = MODULE_CALL_FOR(session->module, limit_ms, C_Login, session->handle, CKU_USER,
                          pin != NULL ? pin->data : NULL, pin != NULL ? pin->length : 0);
    keyd_secret_free(pin);
    status = settle(&attempt->tries, *rv, err);
    if (is_login(*rv))
        return status;
    if (status != KEYD_OK)
        log_error("the login's outcome could not be written down: %s", err->message);
    return ckr_fail(err, *rv, "C_Login");
}

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
        return refuse_locked(login, err);
    if (is_refusal(rv))
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_LOGIN_NEEDED,
                         "%s. It was tried once and is not tried again: %s", failure.message,
                         login->pin->remedy);
    if (rv == CKR_ARGUMENTS_BAD && (attempt->flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0)
        return keyd_fail(
            err, KEYD_FAILED_PRECONDITION, REASON_LOGIN_NEEDED,
            "%s. The token takes its PIN at its own pad only: take the PIN's field out "
            "of %s and start keyd-hsm again",
            failure.message, login->config->file);
    return keyd_fail(err, failure.status, failure.reason, "%s", failure.message);
}

/* serve is not there yet to take them, and nobody waits two minutes for an end. */
static void let_signals_end(bool on)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(on ? SIG_UNBLOCK : SIG_BLOCK, &ends, NULL);
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
    let_signals_end(true);
    enum keyd_status status = try_once(attempt, LOGIN_PAD_LIMIT_S * 1000, NULL, &rv, &failure);
    let_signals_end(false);
    if (status == KEYD_OK)
        return KEYD_OK;
    if (rv == CKR_PIN_LOCKED)
        return refuse_locked(login, err);
    if (rv == CKR_OK || ckr_is_gone(rv))
        return keyd_fail(err, failure.status, failure.reason, "%s", failure.message);
    return keyd_fail(
        err, KEYD_FAILED_PRECONDITION, REASON_LOGIN_NEEDED,
        "at the token's pad: %s. Stand at it and say `keyd-hsm admin login --config %s`",
        failure.message, login->config->file);
}

/* ---- All of it ------------------------------------------------------------------------------- */

/* A try that was begun and never settled: the process ended inside C_Login, or right after. When
 * the token has counted a wrong PIN since, that was it. */
static enum keyd_status settle_former(struct attempt *attempt, struct keyd_error *err)
{
    struct tries *tries = &attempt->tries;
    if (tries->trying == TRYING_NONE)
        return KEYD_OK;
    if ((attempt->flags & COUNTED) == 0 || tries->trying == TRYING_PAD) {
        tries_void(tries);
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
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_LOGIN_NEEDED, "no PIN: %s",
                         failure.message);
    enum keyd_status status = tries_hash(&attempt->tries, pin, &hash, err);
    if (status == KEYD_OK)
        status = judge_pin(attempt, &hash, err);
    if (status != KEYD_OK) {
        keyd_secret_free(pin);
        return status;
    }
    attempt->tries.trying = TRYING_PIN;
    attempt->tries.trying_hash = hash;
    return try_pin(attempt, pin, err);
}

static enum keyd_status at_pad(struct attempt *attempt, struct keyd_error *err)
{
    enum keyd_status status = judge_pad(attempt, err);
    if (status != KEYD_OK)
        return status;
    attempt->tries.trying = TRYING_PAD;
    return try_pad(attempt, err);
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
    return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_LOGIN_NEEDED,
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
        return refuse(err, "%s", failure.message);
    if (status != KEYD_OK)
        return keyd_fail(err, status, failure.reason, "%s", failure.message);
    attempt->permit = attempt->tries.permit;
    attempt->tries.permit = PERMIT_NONE;
    return settle_former(attempt, err);
}

enum keyd_status login_perform(struct login *login, struct keyd_error *err)
{
    struct attempt attempt = {.login = login};
    enum keyd_status status = begin(&attempt, err);
    if (status != KEYD_OK)
        return status;
    bool permitted = attempt.permit != PERMIT_NONE;
    if (permitted)
        log_notice("an operator has permitted one login%s",
                   attempt.permit == PERMIT_FINAL_TRY ? ", the token's final try" : "");
    status = judge_and_try(&attempt, err);
    /* Where nothing was tried, the permit is still in the file. */
    struct keyd_error failure;
    if (status != KEYD_OK && permitted && tries_write(&attempt.tries, &failure) != KEYD_OK)
        log_error("a permit that is used up could not be taken back: %s", failure.message);
    return status;
}
