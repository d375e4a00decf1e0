/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which signing algorithm fits which key, as two tables. Both sides of the wall judge by them, each
 * for itself: the front to answer fast, keyd-hsm because a mechanism that does not fit a key can
 * crash a module.
 */
#ifndef KEYD_BASE_ALGORITHM_H
#define KEYD_BASE_ALGORITHM_H

#include <stdbool.h>
#include <stddef.h>

#include "keyd/base/error.h"
#include "keyd/v1/key.pb-c.h"

/* Short names for the generated ones. */
typedef Keyd__V1__KeySpec key_spec;
typedef Keyd__V1__KeyUsage key_usage;
typedef Keyd__V1__KeyState key_state;
typedef Keyd__V1__SigningAlgorithm signing_algorithm;
typedef Keyd__V1__MessageType message_type;

/* Bytes of a RAW message: the largest DNS message, RFC 1035, 4.2.2. */
#define SIGN_MESSAGE_MAX 65536

enum key_kind { KEY_KIND_EC, KEY_KIND_EDWARDS, KEY_KIND_RSA };

struct key_spec_row {
    key_spec spec;
    enum key_kind kind;
    unsigned bits;                       /* of the field, or of the RSA modulus */
    signing_algorithm default_algorithm; /* what Sign uses when it names none */
};

struct algorithm_row {
    signing_algorithm algorithm;
    enum key_kind kind;
    unsigned ec_bits;   /* the one EC field size that it goes with; 0 where the kind says it all */
    size_t digest_size; /* bytes that a DIGEST must have; 0: RAW only */
    const char *hash;   /* OpenSSL's name of the hash of a RAW message; NULL: the token hashes */
};

/* NULL for a number that this build does not know. */
const struct key_spec_row *key_spec_find(key_spec spec);
const struct algorithm_row *algorithm_find(signing_algorithm algorithm);

bool algorithm_fits(const struct algorithm_row *algorithm, const struct key_spec_row *spec);

/* All algorithms that fit a spec, in the table's order, at most `max`; returns how many. */
size_t algorithms_of(key_spec spec, signing_algorithm *list, size_t max);
#define ALGORITHMS_PER_SPEC_MAX 6

/* Judges one Sign before anything is asked of a token. *algorithm: what the caller named,
 * UNSPECIFIED is replaced by the key's default. INVALID_ARGUMENT with reasons ALGORITHM_MISMATCH,
 * MESSAGE_TYPE_MISMATCH, DIGEST_LENGTH, MESSAGE_LENGTH; the message names sizes and what would fit.
 */
enum keyd_status sign_check(key_spec spec, signing_algorithm *algorithm, message_type type,
                            size_t message_length, struct keyd_error *err) KEYD_CHECKED;

/* The names in the proto files, as "ECC_NIST_P256"; "UNKNOWN" for a number that is none. Static. */
const char *key_spec_name(key_spec spec);
const char *key_usage_name(key_usage usage);
const char *key_state_name(key_state state);
const char *algorithm_name(signing_algorithm algorithm);

/* The number of a name; false when there is none such (UNSPECIFIED's name is none). */
bool key_spec_parse(const char *name, key_spec *spec);
bool key_usage_parse(const char *name, key_usage *usage);
bool algorithm_parse(const char *name, signing_algorithm *algorithm);

#endif
