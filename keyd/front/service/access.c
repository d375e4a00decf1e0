/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/front/service/access.h"

enum keyd_status access_check(const struct identity *identity, enum access_action action,
                              const struct keyring_key *key, struct keyd_error *err)
{
    (void)action;
    (void)key;
    if (identity == NULL || identity->principal[0] == '\0')
        return keyd_fail(err, KEYD_PERMISSION_DENIED, "ACCESS_DENIED",
                         "this call has no principal");
    return KEYD_OK;
}
