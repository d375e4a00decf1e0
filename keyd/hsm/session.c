/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/session.h"

#include "keyd/hsm/ckr.h"

enum keyd_status session_open(struct session *session, const struct module *module, bool writable,
                              struct keyd_error *err)
{
    CK_FLAGS flags = CKF_SERIAL_SESSION | (writable ? CKF_RW_SESSION : 0);
    session->module = module;
    CK_RV rv =
        MODULE_CALL(module, C_OpenSession, module->slot, flags, NULL, NULL, &session->handle);
    return rv == CKR_OK ? KEYD_OK : ckr_fail(err, rv, "C_OpenSession");
}
