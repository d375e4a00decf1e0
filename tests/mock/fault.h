/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The weather: which faults are in force, and what happens to a call because of them. Rules come
 * from KEYD_MOCK_FAULTS and from the file that KEYD_MOCK_FAULTS_FILE names; either is read again
 * when it has changed, and its rules count from nothing then. Any thread; the mock's lock need not
 * be held, and must not be held in fault_enter and fault_leave, which may never come back. */
#ifndef TESTS_MOCK_FAULT_H
#define TESTS_MOCK_FAULT_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "tests/mock/function.h"
#include "tests/mock/rule.h"

/* One call of a function, from fault_enter to fault_leave. */
struct fault_call {
    enum mock_function function;
    struct rule rule; /* .kind FAULT_NONE when nothing goes wrong */
    bool slow;        /* it ends no sooner than `until`, CLOCK_MONOTONIC */
    struct timespec until;
};

/* Counts the call, and does what shall happen before it. Anything but CKR_OK is the call's answer
 * (by fault_leave). garbage, short and session-invalid are left to the caller: see call->rule. */
CK_RV fault_enter(struct fault_call *call, enum mock_function function);

/* What shall happen after the work; gives the call's answer. */
CK_RV fault_leave(const struct fault_call *call, CK_RV rv);

/* Whether a token has a fault now. */
bool fault_token(enum fault_kind kind, const char *serial);

/* The arguments of all rules of this kind that are in force for a token: at most RULES_MAX of each
 * source. Gives their number. */
size_t fault_token_values(enum fault_kind kind, const char *serial,
                          unsigned long values[2 * RULES_MAX]);

/* Whether one of these arguments is `value`. */
bool fault_token_names(enum fault_kind kind, const char *serial, unsigned long value);

/* Ends the process by SIGSEGV, as a bug in a module would. */
_Noreturn void fault_crash(void);

#endif
