/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The record of logins, which outlives the process: what was tried on the token, what came of it,
 * and whether an operator has permitted one more try. No PIN is in it: a PIN is known by a salted
 * scrypt hash (RFC 7914). What follows from it is login's business.
 *
 * It is one small file (JSON, 0600), replaced whole:
 *   v          3; records of versions 1 and 2 are read as well, and lack some of the following
 *   token      the serial number of the token that it is about
 *   salt       16 bytes, hexadecimal; one for all hashes of that token
 *   trying     the hash of the PIN that is being tried, or "pad", where that has not been settled
 *   unsettled  the hashes of PINs whose try never came to an end, one for each such try since the
 *              last settled one of the same PIN
 *   good       the hash of the PIN that the token took last
 *   refused    the hashes of PINs that were refused and not taken since
 *   last       "good", "refused" or "locked": what came of the last settled try
 *   permit     "once" or "final_try": an operator's word for the next try, and
 *   permit_until   when that ends to count
 *   spent      true when the last permit went into a try. It stays so, whatever came of the try,
 *              until the next permit: a start after that one may be the first to tell the operator
 *              what became of his word, and must not say that nothing was tried
 *   time       when the token was the file's last
 *   former     the same, but for v and former, of tokens that were here before, the oldest first
 */
#ifndef KEYD_HSM_TRIES_H
#define KEYD_HSM_TRIES_H

#include <stdbool.h>
#include <stdint.h>

#include "keyd/base/secret.h"
#include "keyd/hsm/module.h"

#define TRIES_SALT 16 /* bytes */
#define TRIES_HASH 32 /* bytes */

/* Entries of a list of PINs that are remembered; the oldest goes first. Every token has locked
 * itself by then. */
#define TRIES_PINS_MAX 64

/* Former tokens that are remembered; the oldest goes first. */
#define TRIES_FORMER_MAX 16

/* How long a permit counts: a start that comes later is not the one that its operator waits for. */
#define TRIES_PERMIT_S 300

struct pin_hash {
    uint8_t bytes[TRIES_HASH];
};

enum trying { TRYING_NONE, TRYING_PIN, TRYING_PAD };
enum permit { PERMIT_NONE, PERMIT_ONCE, PERMIT_FINAL_TRY };
enum outcome { OUTCOME_NONE, OUTCOME_GOOD, OUTCOME_REFUSED, OUTCOME_LOCKED };

struct pin_list {
    size_t count;
    struct pin_hash pins[TRIES_PINS_MAX];
};

/* What is known of one token. */
struct token_tries {
    char serial[TOKEN_SERIAL_TEXT];
    uint8_t salt[TRIES_SALT];
    enum trying trying;
    struct pin_hash trying_hash; /* with TRYING_PIN */
    struct pin_list unsettled;   /* a PIN is in it once for each try */
    bool has_good;
    struct pin_hash good;
    struct pin_list refused;
    enum outcome last;
    enum permit permit; /* one that counts no more is read as PERMIT_NONE */
    int64_t permit_until;
    bool spent;
    int64_t time;
};

struct tries {
    const char *path; /* *borrowed* */
    struct token_tries now;
    size_t former_count;
    struct token_tries former[TRIES_FORMER_MAX];
};

/* Reads the record at `path` and makes this token its present one; a token that it does not know,
 * as where there is no file, has an empty record. FAILED_PRECONDITION, TRIES when the file is there
 * and cannot be read: it may be the one that says no. Any thread; blocks on the disk, as does the
 * next. */
enum keyd_status tries_read(struct tries *tries, const char *path, const char *serial,
                            struct keyd_error *err) KEYD_CHECKED;

/* On disk when it returns OK; else the message says what to do. */
enum keyd_status tries_write(const struct tries *tries, struct keyd_error *err) KEYD_CHECKED;

/* Some 50 ms and 16 MiB. */
enum keyd_status tries_hash(const struct tries *tries, const struct keyd_secret *pin,
                            struct pin_hash *hash, struct keyd_error *err) KEYD_CHECKED;

bool tries_is_refused(const struct tries *tries, const struct pin_hash *hash);

/* Whether the token said at the last try, of this PIN, that it is locked. */
bool tries_is_locked(const struct tries *tries, const struct pin_hash *hash);

bool tries_is_good(const struct tries *tries, const struct pin_hash *hash);

/* Tries with this PIN that never came to an end, since the last that did. */
size_t tries_unsettled(const struct tries *tries, const struct pin_hash *hash);

/* Begins a try, in memory: tries_write makes it last. hash: of the PIN; NULL: at the pad. Unless
 * it is settled it counts as one that never came to an end. */
void tries_begin(struct tries *tries, const struct pin_hash *hash);

/* Settle what is being tried, in memory: tries_write makes it last. tries_locked: refused, and the
 * token is locked by now; tries_void: the token has not looked at it. */
void tries_good(struct tries *tries);
void tries_refused(struct tries *tries);
void tries_locked(struct tries *tries);
void tries_void(struct tries *tries);

/* Writes a permit for the next try of this token into the record at `path`. */
enum keyd_status tries_permit(const char *path, const char *serial, enum permit permit,
                              struct keyd_error *err) KEYD_CHECKED;

#endif
