/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What each request of the wall does (proto/keyd/hsm/v1/hsm.proto). Believes nothing that the front
 * says and that it can check.
 */
#ifndef KEYD_HSM_WORK_H
#define KEYD_HSM_WORK_H

#include "keyd/hsm/link.h"
#include "keyd/hsm/token.h"

/* What one thread works with. */
struct worker {
    struct token *token;           /* *borrowed*, shared */
    struct link *link;             /* *borrowed*, shared */
    struct link_worker *own;       /* its own */
    const struct session *session; /* a signer's own; NULL when the token is not ready */
};

/* A signer's part: Hello and Sign are answered, the rest is passed on to the managing thread.
 * *Given away*: item. When the token is gone the process ends. */
void work_sign(struct worker *worker, struct link_item *item);

/* The managing thread's part: ListKeys, CreateKey. */
void work_manage(struct worker *worker, struct link_item *item);

#endif
