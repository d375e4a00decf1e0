/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The login: whether the PIN may be tried, and the one try. A real token locks itself after a few
 * wrong PINs, and a supervisor that restarts a daemon would use them up in seconds. So:
 *   - a PIN that was refused is not tried again, nor is one whose try came to no end (an answer
 *     that says neither yes nor no, a hang, a crash, an end of keyd-hsm that was asked for): the
 *     token may have counted it and not say so. The PIN that was good the last time has
 *     LOGIN_UNSETTLED_MAX such tries in a row: a crash in one of them shall need nobody;
 *   - where the token counts wrong PINs (CKF_USER_PIN_COUNT_LOW), only the PIN that was good the
 *     last time is tried;
 *   - where one more wrong PIN locks it, or it is locked (FINAL_TRY, LOCKED), none is. A token that
 *     says so by its answer alone (CKR_PIN_LOCKED) has refused that PIN, perhaps by the very try
 *     that locked it;
 *   - each try is on disk before C_Login and settled after it (keyd/hsm/tries.h).
 * An operator's permit lifts the first two for one try, and the third where it says so; a token
 * whose flags say LOCKED is asked by nobody. A token with a pad of its own
 * (CKF_PROTECTED_AUTHENTICATION_PATH) and no PIN in the configuration is asked by a permit alone:
 * somebody must stand there.
 */
#ifndef KEYD_HSM_LOGIN_H
#define KEYD_HSM_LOGIN_H

#include "keyd/hsm/pin.h"
#include "keyd/hsm/session.h"
#include "keyd/hsm/tries.h"

/* How long a person may take to type the PIN at the token's pad, in seconds. */
#define LOGIN_PAD_LIMIT_S 120

/* Tries in a row, without an end, of the PIN that was good the last time. It may have been changed
 * on the token since, and a token that shows no flags counts them unseen: most lock at the third
 * wrong one, and that one is left to the operator. */
#define LOGIN_UNSETTLED_MAX 2

/* The reasons of failures that nothing helps but a person. */
#define REASON_LOGIN_NEEDED "LOGIN_NEEDED" /* there is no PIN, or a try of it failed */
/* Nothing was tried, neither now nor by a former start that had the last permit. */
#define REASON_LOGIN_NOT_TRIED "LOGIN_NOT_TRIED"

bool login_is_needed(const struct keyd_error *err); /* whether it is one of the two */

struct login {
    const struct session *session;   /* all sessions of the process share the login */
    const struct hsm_config *config; /* for messages */
    struct pin *pin;
    const char *record_file;
    /* Set by login_perform: */
    bool at_pad;             /* the token's own pad is where the PIN is typed */
    struct tries *unwritten; /* the record as it should be, where it could not be written: it says
                              * no to a PIN, and what is on disk does not. *Owned*: free */
};

/* Judges the PIN by the token's flags, the record and an operator's permit, and logs in; the PIN is
 * wiped before this returns. A permit counts once, whatever comes of it. FAILED_PRECONDITION with
 * one of the two reasons and what to do, and what is not on disk yet; other errors are the token's
 * or the disk's, and a later start may help. Blocks: disk, the PIN's pipe, scrypt, a person at a
 * pad. Once a process. */
enum keyd_status login_perform(struct login *login, struct keyd_error *err) KEYD_CHECKED;

#endif
