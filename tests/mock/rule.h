/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One line of KEYD_MOCK_FAULTS or of the file of faults: what shall go wrong, where and when.
 * README.md is the language's reference. */
#ifndef TESTS_MOCK_RULE_H
#define TESTS_MOCK_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/mock/function.h"

#define RULES_MAX        64
#define RULE_SERIAL_TEXT 17 /* a serial number with its NUL */
#define RULE_NO_ARGUMENT (~0ul)

enum fault_kind {
    FAULT_NONE,
    /* of a function */
    FAULT_RV,
    FAULT_RV_LATE,
    FAULT_HANG,
    FAULT_CRASH,
    FAULT_KILL,
    FAULT_SLOW,
    FAULT_GARBAGE,
    FAULT_SHORT,
    FAULT_SESSION_INVALID,
    FAULT_ENDLESS,
    FAULT_EXAGGERATE,
    /* of a token */
    FAULT_REMOVED,
    FAULT_MAX_SESSIONS,
    FAULT_NO_MECHANISM,
    FAULT_NO_ATTRIBUTE,
    FAULT_FLAGS,
    FAULT_NO_FLAGS,
    FAULT_ALWAYS_AUTHENTICATE,
    FAULT_PROTECTED_PATH,
    FAULT_READ_ONLY,
    FAULT_FULL,
    FAULT_NO_SESSION_PAIRS,
    FAULT_PAIRS_STAY,
    FAULT_DUPLICATE_LABEL,
    FAULT_BARE_POINT,
    FAULT_ODD_TEXT,
    FAULT_STRICT_CRASH,
    FAULT_COUNT,
};

struct rule {
    enum fault_kind kind;
    bool of_token;
    bool any_function;             /* "*" */
    enum mock_function function;   /* when neither of the two */
    char serial[RULE_SERIAL_TEXT]; /* of the one token that it is about; "" for all */
    unsigned long argument; /* CK_RV, milliseconds, CKM_, CKA_, CKF_, count: as the kind has it */
    bool late;              /* hang, crash, kill: when the work is done */
    uint64_t after;         /* so many calls go well first */
    uint64_t times;         /* then it happens so often; UINT64_MAX: always */
    uint64_t ever;          /* and no more than that in all processes; UINT64_MAX: no such limit */
    uint64_t seen;          /* calls that it was about, in this process */
    uint64_t happened;
    bool in_force; /* of a token's: now */
};

/* The kind's word in the language. */
const char *rule_kind_name(enum fault_kind kind);

/* Whether a function's rule is about calls of `function`. */
bool rule_is_about(const struct rule *rule, enum mock_function function);

/* Reads rules, separated by newlines or semicolons, into rules[RULES_MAX], and gives their number.
 * `source` is named in what it says before it ends the process over a rule that is not one. */
size_t rule_parse(const char *text, const char *source, struct rule *rules);

#endif
