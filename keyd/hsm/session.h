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

#endif
