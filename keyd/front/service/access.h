/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who may do what. The one place that decides it; every handler asks here, by memory alone.
 */
#ifndef KEYD_FRONT_SERVICE_ACCESS_H
#define KEYD_FRONT_SERVICE_ACCESS_H

#include "keyd/front/service/call.h"
#include "keyd/front/service/keyring.h"

enum access_action {
    ACCESS_CREATE_KEY, /* no key yet */
    ACCESS_DESCRIBE_KEY,
    ACCESS_GET_PUBLIC_KEY,
    ACCESS_LIST_KEYS, /* asked for each key of a page, which shows those that are permitted */
    ACCESS_LIST_TOKENS,
    ACCESS_SIGN,
};

/* OK, or PERMISSION_DENIED with reason ACCESS_DENIED. key: NULL where the action has none.
 *
 * There are no policies yet: the configuration's `allow` decides who gets as far as here, and each
 * of them may do everything. The server's own entry has been checked before, so an identity is one
 * of `allow`. Any thread; does not block. */
enum keyd_status access_check(const struct identity *identity, enum access_action action,
                              const struct keyring_key *key, struct keyd_error *err) KEYD_CHECKED;

#endif
