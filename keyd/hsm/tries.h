/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The record of logins, which outlives the process: what was tried on the token, what came of it,
 * and whether an operator has permitted one more try. No PIN is in it: a PIN is known by a salted
 * scrypt hash (RFC 7914). What follows from it is login's business.
 *
 * It is one small file (JSON, 0600), replaced whole:
 *   v        2; records of version 1 have no good, permit and permit_until, and are read as well
 *   token    the serial number that it is about; a record about another token counts as none
 *   salt     16 bytes, hexadecimal; one for all hashes of the record
 *   trying   the hash of the PIN that is being tried, or "pad", where that has not been settled
 *   good     the hash of the PIN that the token took last
 *   refused  the hashes of PINs that were refused and not taken since
 *   last     "good" or "refused": what came of the last settled try
 *   permit   "once" or "final_try": an operator's word for the next try, and
 *   permit_until   when that ends to count
 *   time     when the file was written
 */
#ifndef KEYD_HSM_TRIES_H
#define KEYD_HSM_TRIES_H

#include <stdbool.h>
#include <stdint.h>

#include "keyd/base/secret.h"
#include "keyd/hsm/module.h"

#define TRIES_SALT 16 /* bytes */
#define TRIES_HASH 32 /* bytes */

/* Refused PINs that are remembered; the oldest goes first. Every token has locked itself by then.
 */
#define TRIES_REFUSED_MAX 64

/* How long a permit counts: a start that comes later is not the one that its operator waits for. */
#define TRIES_PERMIT_S 300

struct pin_hash {
    uint8_t bytes[TRIES_HASH];
};

enum trying { TRYING_NONE, TRYING_PIN, TRYING_PAD };
enum permit { PERMIT_NONE, PERMIT_ONCE, PERMIT_FINAL_TRY };
enum outcome { OUTCOME_NONE, OUTCOME_GOOD, OUTCOME_REFUSED };

struct tries {
    const char *path; /* *borrowed* */
    char serial[TOKEN_SERIAL_TEXT];
    uint8_t salt[TRIES_SALT];
    enum trying trying;
    struct pin_hash trying_hash; /* with TRYING_PIN */
    bool has_good;
    struct pin_hash good;
    size_t refused_count;
    struct pin_hash refused[TRIES_REFUSED_MAX];
    enum outcome last;
    enum permit permit; /* one that counts no more is read as PERMIT_NONE */
    int64_t permit_until;
};

/* Reads the record of this token at `path`; one that is not there, or is another token's, is empty.
 * FAILED_PRECONDITION, TRIES when it is there and cannot be read: it may be the one that says no.
 * Any thread; blocks on the disk, as does the next. */
enum keyd_status tries_read(struct tries *tries, const char *path, const char *serial,
                            struct keyd_error *err) KEYD_CHECKED;

/* On disk when it returns OK. */
enum keyd_status tries_write(const struct tries *tries, struct keyd_error *err) KEYD_CHECKED;

/* Some 50 ms and 16 MiB. */
enum keyd_status tries_hash(const struct tries *tries, const struct keyd_secret *pin,
                            struct pin_hash *hash, struct keyd_error *err) KEYD_CHECKED;

bool tries_is_refused(const struct tries *tries, const struct pin_hash *hash);
bool tries_is_good(const struct tries *tries, const struct pin_hash *hash);

/* Settle what is being tried, in memory: tries_write makes it last. tries_void: the token has not
 * looked at it. */
void tries_good(struct tries *tries);
void tries_refused(struct tries *tries);
void tries_void(struct tries *tries);

/* Writes a permit for the next try into the record at `path`. */
enum keyd_status tries_permit(const char *path, const char *serial, enum permit permit,
                              struct keyd_error *err) KEYD_CHECKED;

#endif
