/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/front/service/facts.h"

#include <stdio.h>
#include <string.h>

#include "keyd/base/text.h"

void facts_copy_text(char *to, size_t size, const char *from)
{
    bool good = strlen(from) < size && text_is_utf8(from, strlen(from));
    snprintf(to, size, "%s", good ? from : "");
}

#define COPY(facts, from, field)                                                                   \
    facts_copy_text((facts)->field, sizeof(facts)->field, (from)->field)

static void take_limitations(struct token_facts *facts, const Keyd__Hsm__V1__Welcome *welcome)
{
    for (size_t i = 0; i < welcome->n_limitations && i < FACTS_LIMITATIONS_MAX; i++) {
        struct limitation_fact *limitation = &facts->limitations[facts->limitation_count];
        COPY(limitation, welcome->limitations[i], name);
        COPY(limitation, welcome->limitations[i], description);
        if (limitation->name[0] != '\0')
            facts->limitation_count++;
    }
}

void facts_take(struct token_facts *facts, const Keyd__Hsm__V1__Welcome *welcome)
{
    if (welcome->serial[0] == '\0')
        return;
    *facts = (struct token_facts){.session_limit = welcome->session_limit,
                                  .free_sessions = welcome->free_sessions};
    COPY(facts, welcome, label);
    COPY(facts, welcome, serial);
    COPY(facts, welcome, manufacturer);
    COPY(facts, welcome, model);
    COPY(facts, welcome, module);
    take_limitations(facts, welcome);
}
