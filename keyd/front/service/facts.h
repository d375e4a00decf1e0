/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a keyd-hsm says of its token when it greets (hsm.proto, Welcome), judged and copied: texts
 * that are too long or no UTF-8 are left out. Empty until a token was first seen; kept while it is
 * away.
 */
#ifndef KEYD_FRONT_SERVICE_FACTS_H
#define KEYD_FRONT_SERVICE_FACTS_H

#include <stddef.h>

#include "keyd/hsm/v1/hsm.pb-c.h"

#define FACTS_LIMITATIONS_MAX 32 /* more are left out */

struct limitation_fact {
    char name[64];
    char description[256];
};

/* keyd-hsm's words on a token that it could not come to (no serial) leave the last ones as they
 * are.
 */
struct token_facts {
    char label[64];
    char serial[32];
    char manufacturer[64];
    char model[32];
    char module[128];
    unsigned session_limit;
    unsigned free_sessions;
    size_t limitation_count;
    struct limitation_fact limitations[FACTS_LIMITATIONS_MAX];
};

void facts_take(struct token_facts *facts, const Keyd__Hsm__V1__Welcome *welcome);

/* One text of keyd-hsm's, copied; empty if it does not fit or is no UTF-8. */
void facts_copy_text(char *to, size_t size, const char *from);

#endif
