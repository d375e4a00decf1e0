/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An operator's desk: the configuration "main" through the mock module (tests/mock/README.md),
 * which counts what it is asked for, and `keyd-hsm admin login`. Everything asserts. */
#ifndef TESTS_HSM_DESK_H
#define TESTS_HSM_DESK_H

#include "tests/hsm/scene.h"

/* The mock as the token LAB_LABEL with this PIN, all well with it. */
void desk_token(const char *pin);

/* These are the mock's faults from now on; "" ends them. */
void desk_faults(const char *rules);

/* Calls of a function of the module, in all processes so far. */
int desk_count(const char *function);

/* Writes the PIN file. */
void desk_pin(const char *pin);

/* Replaces a part of the login record, which must be there. */
void desk_edit_record(const char *from, const char *to);

/* Starts keyd-hsm, which must come to this state with this part in its message; and must have tried
 * to log in so often. */
pid_t desk_start(Keyd__Hsm__V1__Welcome__State state, const char *message, int logins);

/* The same, and stops it again. */
void desk_visit(Keyd__Hsm__V1__Welcome__State state, const char *message, int logins);

/* `keyd-hsm admin login --config ... OPTION` (NULL: none), its words in FOLDER/said; its exit
 * status. */
int desk_say_login(const char *option);

/* The same, where keyd-hsm has to end and is started again, as a supervisor does. *hsm is the new
 * one. */
int desk_login(pid_t *hsm, const char *option);

/* It must have said this. */
void desk_heard(const char *words);

#endif
