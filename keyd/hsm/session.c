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

enum keyd_status session_fail(const struct session *session, CK_RV rv, const char *function,
                              struct keyd_error *err)
{
    if (rv != CKR_GENERAL_ERROR && rv != CKR_FUNCTION_FAILED)
        return ckr_fail(err, rv, function);
    CK_BYTE byte;
    CK_RV probe =
        MODULE_CALL(session->module, C_GenerateRandom, session->handle, &byte, sizeof byte);
    if (probe == CKR_OK || probe == CKR_RANDOM_NO_RNG || probe == CKR_FUNCTION_NOT_SUPPORTED)
        return ckr_fail(err, rv, function);
    return keyd_fail(err, KEYD_UNAVAILABLE, REASON_TOKEN_GONE,
                     "%s: %s (0x%lx), and for a random byte %s (0x%lx): the module has lost the "
                     "token; see its own log. keyd-hsm starts afresh, try again",
                     function, ckr_name(rv), rv, ckr_name(probe), probe);
}
