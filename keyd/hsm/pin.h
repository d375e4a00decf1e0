/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where the token's user PIN comes from: a file, a systemd credential, an inherited descriptor, or
 * nowhere (a token with a pad of its own). What is tried with it is login's business.
 */
#ifndef KEYD_HSM_PIN_H
#define KEYD_HSM_PIN_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "keyd/base/secret.h"
#include "keyd/hsm/config.h"

#define PIN_MAX 255 /* bytes; PKCS #11 has no limit of its own, tokens take 32 to 255 */

/* How long the writer of a pipe may take to write the PIN and close it. */
#define PIN_WAIT_MS 10000

/* Bytes with the NUL of a source's name and of a remedy, which has the name in it. */
#define PIN_NAME_MAX   400
#define PIN_REMEDY_MAX 512

enum pin_kind { PIN_NONE, PIN_FILE, PIN_CREDENTIAL, PIN_DESCRIPTOR };

struct pin {
    enum pin_kind kind;
    char path[PATH_MAX];         /* of a file or credential; empty: no CREDENTIALS_DIRECTORY */
    int descriptor;              /* -1: it was not inherited, or has been read */
    char name[PIN_NAME_MAX];     /* for messages: "PATH", "the credential NAME", "descriptor N" */
    char remedy[PIN_REMEDY_MAX]; /* how another PIN comes to keyd-hsm: "write ... " */
    const char *notice;          /* what follows by itself then, a sentence's end; or "" */
    const char *oddity; /* once it is read: what may be wrong with it, in brackets; or "" */
    bool there;         /* with seen: the file as it was at the start */
    struct stat seen;
};

/* Takes what the configuration names. A descriptor is this process' from now on, and of none that
 * it starts. Call before anything else opens a file that stays open. */
void pin_prepare(struct pin *pin, const struct hsm_config *config);

/* Whether descriptor N is one of systemd's sockets (LISTEN_FDS of this process; sd_listen_fds(3)):
 * INVALID_ARGUMENT, CONFIGURATION. */
enum keyd_status pin_check(const struct hsm_config *config, const char *config_file,
                           struct keyd_error *err) KEYD_CHECKED;

/* Reads the PIN; *secret is *owned*. A descriptor is closed, whatever comes of it. Fails with what
 * was wrong and, as the message's last sentence, what to do; INVALID_ARGUMENT, PIN_FORM for what
 * can be no PIN: a NUL, a byte order mark, more than one line (PKCS #11 2.40, 5.6: UTF-8 text; what
 * a person types). A blank at either end may belong to it: pin->oddity. kind must not be PIN_NONE.
 * Blocks: disk; a pipe for PIN_WAIT_MS at most. */
enum keyd_status pin_read(struct pin *pin, struct keyd_secret **secret,
                          struct keyd_error *err) KEYD_CHECKED;

/* Whether the file is another one than at the start; never for a descriptor. Blocks: one stat. */
bool pin_changed(const struct pin *pin);

#endif
