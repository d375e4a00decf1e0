/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/denial.h"

#include <stddef.h>
#include <string.h>

static const struct row {
    struct denial denial;
    const char *name;
    const char *text;
} rows[] = {
    {{DENIAL_NSEC, false}, "nsec", "NSEC"},
    {{DENIAL_NSEC3, false}, "nsec3", "NSEC3"},
    {{DENIAL_NSEC3, true}, "nsec3-opt-out", "NSEC3 with opt-out"},
};

static const struct row *row_of(struct denial denial)
{
    if (denial.kind == DENIAL_NSEC)
        return &rows[0];
    return denial.opt_out ? &rows[2] : &rows[1];
}

const char *denial_text(struct denial denial)
{
    return row_of(denial)->text;
}

const char *denial_name(struct denial denial)
{
    return row_of(denial)->name;
}

bool denial_parse(const char *name, struct denial *denial)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *denial = rows[i].denial;
            return true;
        }
    }
    return false;
}
