/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A throw-away folder with a SoftHSM token, its PIN file and a configuration of keyd-hsm, for
 * tests. Everything asserts: a lab that does not come up is a failed test. */
#ifndef TESTS_HSM_LAB_H
#define TESTS_HSM_LAB_H

#include <stdbool.h>
#include <sys/types.h>

#include "keyd/base/keyid.h"
#include "keyd/hsm/v1/hsm.pb-c.h"
#include "keyd/wall/packet.h"

#define LAB_LABEL "lab"
#define LAB_PIN   "271828182"

/* The token's real module; TESTS_SOFTHSM in the environment names another place. */
const char *lab_softhsm(void);

extern char lab_folder[64]; /* "/tmp/keyd-hsm.XXXXXX" */

/* cmocka group fixtures: the folder with a fresh token; all of it removed. */
int lab_open(void **state);
int lab_close(void **state);

/* "FOLDER/name", in one of a few static buffers. */
const char *lab_path(const char *name);

void lab_write(const char *name, const char *text, int mode);
char *lab_read(const char *name); /* *owned* */
bool lab_exists(const char *name);

/* Another fresh token with this label, PIN LAB_PIN. */
void lab_token(const char *label);

/* Removes the journal and the login record of a state folder. */
void lab_forget(const char *state);

/* Writes tokens.d/NAME.conf for the token LAB_LABEL through `module`; extra: more lines, or "". The
 * environment begins with SOFTHSM2_CONF; variables: more entries "- {name: A, value: B}\n", or "".
 */
void lab_config(const char *name, const char *module, const char *extra, const char *variables);

/* Replaces a part of tokens.d/NAME.conf, which must be there. */
void lab_edit(const char *name, const char *from, const char *to);

/* keyd-hsm as a child with its log in FOLDER/NAME.log (appended to). */
pid_t lab_start(const char *name, const char *option);

/* The same with this log, *borrowed*. */
pid_t lab_start_logging_to(const char *name, int log);

/* The same, with `fd` as systemd would give it (sd_listen_fds(3)); fds: LISTEN_FDS. */
pid_t lab_start_with_socket(const char *name, int fd, const char *fds);

/* Waits up to 20 s; the exit status, or 128 + signal. */
int lab_wait(pid_t pid);

/* SIGTERM, then lab_wait, which must be 0. */
void lab_stop(pid_t pid);

/* How often `text` is in a file of the folder; 0 when there is no such file. */
int lab_count(const char *name, const char *text);

/* Connects to the keyd-hsm of `name`, waiting for it; a raw SEQPACKET socket. */
int lab_connect(const char *name);

/* ---- One request, one answer ---- */

typedef Keyd__Hsm__V1__Request lab_request;
typedef Keyd__Hsm__V1__Answer lab_answer;

void lab_send(int fd, lab_request *request);
/* NULL when the connection is closed instead. Free with lab_free. Takes packed answers apart. */
lab_answer *lab_receive(int fd); /* NULL at the end; no Beat */
void lab_free(lab_answer *answer);

lab_answer *lab_hello(int fd); /* version WALL_VERSION; asserts that it is a Welcome */
lab_answer *lab_create(int fd, const struct keyid *id); /* on P-256 */
lab_answer *lab_create_of(int fd, const struct keyid *id, Keyd__V1__KeySpec spec);
lab_answer *lab_sign_by(int fd, const struct keyid *id, Keyd__V1__SigningAlgorithm algorithm,
                        Keyd__V1__MessageType type, const void *message, size_t size);
/* A digest by ECDSA_SHA_256. */
lab_answer *lab_sign(int fd, const struct keyid *id, const void *digest, size_t size);
lab_answer *lab_list(int fd, const struct keyid *after);

/* Fills in what every request has; the next lab_... uses another tag. */
void lab_envelope(lab_request *request);

/* Verifies an ECDSA_SHA_256 signature over a digest. */
bool lab_verifies(const ProtobufCBinaryData *public_key, const void *digest, size_t size,
                  const ProtobufCBinaryData *signature);

#endif
