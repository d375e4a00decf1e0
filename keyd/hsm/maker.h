/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How a key comes to be. A creation is two records with the making between them:
 *
 *     key.creating -> C_GenerateKeyPair -> checked, proved by a signature -> key.created
 *
 * so that whenever the process ends in between, the next start finds the creation open and settles
 * it: the key is there and usable, or gone on both sides. One maker a process, used by one thread
 * at a time, with a session of its own.
 */
#ifndef KEYD_HSM_MAKER_H
#define KEYD_HSM_MAKER_H

#include "keyd/hsm/journal.h"
#include "keyd/hsm/register.h"
#include "keyd/hsm/session.h"
#include "keyd/hsm/trial.h"

struct maker {
    struct session session;
    bool read_only;            /* the token gave no session for writing */
    struct key_traits held;    /* of the keys that are here, each of its traits of any */
    struct key_traits made;    /* of the last pair that was made, for a key or for a trial */
    bool untried;              /* the last start ended in its trial: this one makes none */
    bool tried;                /* a trial of this process has told something */
    struct key_register *keys; /* *borrowed* */
    struct journal *journal;   /* *borrowed* */
};

/* Opens the maker's session: for writing, or, where the token is write-protected, for what can be
 * done with its keys all the same; a creation tries again. Other errors are session_open's. */
enum keyd_status maker_open(struct maker *maker, const struct module *module,
                            struct keyd_error *err) KEYD_CHECKED;

/* Creates the key that *wanted describes (id, spec, usage, creator, request_digest; the rest is not
 * looked at). call: the RPC's id as text. On KEYD_OK and on ALREADY_EXISTS, KEY_EXISTS *made is the
 * key. ALREADY_EXISTS, KEY_ID_SPENT: the id was abandoned once, or an object of the token has it.
 * UNIMPLEMENTED, KEY_SPEC. FAILED_PRECONDITION, TOKEN_READ_ONLY. FAILED_PRECONDITION,
 * ALWAYS_AUTHENTICATE. UNAVAILABLE, CREATION_OPEN: the
 * first record is written, and neither could the creation be completed and recorded nor undone; the
 * same call again settles it, or the next start. UNAVAILABLE, TOKEN_GONE: end the process. All
 * else: no key is made. Blocks: the token, the disk. */
enum keyd_status maker_create(struct maker *maker, const struct register_key *wanted,
                              const char *call, struct register_key *made,
                              struct keyd_error *err) KEYD_CHECKED;

/* Settles every creation that the register has open; logs each. A remainder that the token does not
 * let go of stays open for the next start. Only what makes the token unusable is an error. */
enum keyd_status maker_settle(struct maker *maker, struct keyd_error *err) KEYD_CHECKED;

/* Looks up the handles of all created keys; a key whose halves are not both there, once each and
 * with the right attributes, is unusable from now on, with an error line in the log. Where the
 * token does not answer whether they are, that is an error: no verdict comes of it. */
enum keyd_status maker_match(struct maker *maker, struct keyd_error *err) KEYD_CHECKED;

/* Learns by a trial what new keys are like, where keys can be made and none that is here tells.
 * Part of a start, after maker_match. Only what makes the token unusable is an error. */
enum keyd_status maker_try(struct maker *maker, struct keyd_error *err) KEYD_CHECKED;

/* Whether new keys are known to be such that the token wants the PIN for each signature: as was the
 * last pair that this process made, or else the key of the last creation that came to an end. */
bool maker_expects_always_authenticate(const struct maker *maker);

#endif
