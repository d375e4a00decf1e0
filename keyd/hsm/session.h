/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A session with the token (PKCS #11 2.40, 5.6). Each thread has one of its own and uses no other;
 * it is never closed: closing one can free what another thread still holds, and the process' end
 * closes all.
 */
#ifndef KEYD_HSM_SESSION_H
#define KEYD_HSM_SESSION_H

#include <stdbool.h>

#include "keyd/hsm/module.h"

struct session {
    const struct module *module; /* *borrowed* */
    CK_SESSION_HANDLE handle;
};

/* Opens a session; writable: CKF_RW_SESSION. Log in once on the first one that is opened: all of a
 * process' sessions share the login. RESOURCE_EXHAUSTED, TOKEN_SESSIONS when the token gives no
 * more.
 */
enum keyd_status session_open(struct session *session, const struct module *module, bool writable,
                              struct keyd_error *err) KEYD_CHECKED;

/* As ckr_fail (keyd/hsm/ckr.h), for what a call of this session answered. But where the module has
 * no better word than that it failed, it is asked for a random byte: one that cannot give that has
 * lost its token, and comes back by a start afresh alone. Then UNAVAILABLE, TOKEN_GONE. Blocks as
 * long as the module does. */
enum keyd_status session_fail(const struct session *session, CK_RV rv, const char *function,
                              struct keyd_error *err);

#endif
