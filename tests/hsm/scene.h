/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the tests of keyd-hsm in trouble share: the configuration "main" through tests/shim, and
 * what a front asks of it and expects. Everything asserts. */
#ifndef TESTS_HSM_SCENE_H
#define TESTS_HSM_SCENE_H

#include "keyd/base/status.h"
#include "tests/hsm/lab.h"

#define READY        KEYD__HSM__V1__WELCOME__STATE__READY
#define LOGIN_NEEDED KEYD__HSM__V1__WELCOME__STATE__LOGIN_NEEDED
#define FAULTY       KEYD__HSM__V1__WELCOME__STATE__FAULTY

extern const uint8_t scene_digest[32]; /* what is signed */

/* The configuration through the shim, told to do this; both as lab_config's. Calls of C_Login are
 * counted in FOLDER/logins. */
void shim(const char *extra, const char *variables);

/* The shim that only forwards. */
void plain(void);

/* Connects and greets; the token must be in this state, with this part in its message. */
int greet(Keyd__Hsm__V1__Welcome__State state, const char *message);

void expect_error(lab_answer *answer, enum keyd_status status, const char *reason);
struct keyid make_key(int fd);
void must_sign(int fd, const struct keyid *id);

/* There must be `count` keys, all of them usable or none. */
void expect_keys(int fd, size_t count, bool usable);

/* Disconnects and stops keyd-hsm. */
void end(pid_t pid, int fd);

#endif
