/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/trial.h"

#include <string.h>

#include "keyd/base/log.h"
#include "keyd/hsm/ckr.h"
#include "keyd/hsm/mechanism.h"

/* Sixteen letters. A key's id is a UUID of version 4 or 8, and this would be one of version 7. */
static const struct keyid trial_id = {"keyd: trial pair"};

key_spec trial_spec(const struct session *session)
{
    const struct spec_row *row;
    for (size_t i = 0; (row = spec_row_at(i)) != NULL; i++)
        if (row->type != CKK_RSA && keys_offered(session, row->spec, NULL) == KEYD_OK)
            return row->spec;
    return KEYD__V1__KEY_SPEC__KEY_SPEC_UNSPECIFIED;
}

/* *left: something of a trial is there and cannot be removed, which is logged. */
static enum keyd_status clean(const struct session *session, bool *left, struct keyd_error *err)
{
    struct keyd_error failure;
    size_t destroyed = 0;
    enum keyd_status status = keys_destroy(session, &trial_id, &destroyed, &failure);
    *left = status != KEYD_OK;
    if (status == KEYD_OK)
        return KEYD_OK;
    if (strcmp(failure.reason, REASON_TOKEN_GONE) == 0)
        return keyd_fail(err, status, failure.reason, "%s", failure.message);
    char text[KEYID_TEXT];
    keyid_format(&trial_id, text);
    log_warning("what is left of a trial pair could not be removed key=%s: %s. No further trial is "
                "made before it is gone",
                text, failure.message);
    return KEYD_OK;
}

enum keyd_status trial_clean(const struct session *session, struct keyd_error *err)
{
    bool left;
    return clean(session, &left, err);
}

/* What the making answers says little of the token: some modules have CKR_DEVICE_ERROR for all that
 * they do not like. Whether it is there is seen by the cleaning. The first cleaning is so that
 * pairs do not pile up on a token that keeps them and removes none. */
enum keyd_status trial_make(const struct session *session, key_spec spec, struct key_traits *traits,
                            struct keyd_error *err)
{
    bool left;
    struct keyd_error why;
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
    enum keyd_status status = clean(session, &left, err);
    if (status != KEYD_OK || left)
        return status;
    *traits = (struct key_traits){0};
    status = keys_generate_for_session(session, &trial_id, spec, &private_key, &why);
    if (status == KEYD_OK)
        status = keys_judge(session, private_key, spec, traits, &why);
    if (status != KEYD_OK && !traits->known)
        log_info("no pair for the session can be made and looked at: %s. What new keys are like is "
                 "seen with the first one",
                 why.message);
    return clean(session, &left, err);
}
