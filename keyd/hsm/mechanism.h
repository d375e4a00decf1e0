/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What PKCS #11 and OpenSSL call the key specs and signing algorithms, as tables. Which algorithm
 * goes with which spec is not here: keyd/base/algorithm.h. Knows no module and no session.
 */
#ifndef KEYD_HSM_MECHANISM_H
#define KEYD_HSM_MECHANISM_H

#include <p11-kit/pkcs11.h>
#include <stdint.h>

#include "keyd/base/algorithm.h"

/* The mechanisms that keyd uses; a module's offers are kept by these numbers. */
enum mechanism {
    MECHANISM_EC_KEY_PAIR_GEN,
    MECHANISM_ECDSA,
    MECHANISM_EC_EDWARDS_KEY_PAIR_GEN,
    MECHANISM_EDDSA,
    MECHANISM_RSA_PKCS_KEY_PAIR_GEN,
    MECHANISM_RSA_PKCS,
    MECHANISM_RSA_PKCS_PSS,
    MECHANISM_COUNT
};

struct mechanism_row {
    CK_MECHANISM_TYPE type;
    const char *name; /* "CKM_ECDSA" */
    CK_FLAGS use;     /* what keyd does with it: CKF_SIGN or CKF_GENERATE_KEY_PAIR */
    CK_ULONG least;   /* bits of the smallest key that keyd has for it; 0: sizes say nothing */
};

/* By enum mechanism. */
extern const struct mechanism_row mechanism_rows[MECHANISM_COUNT];

struct der_bytes {
    const uint8_t *bytes;
    size_t size; /* 0: there is none */
};

/* A key spec on the token. */
struct spec_row {
    key_spec spec;
    CK_KEY_TYPE type;
    enum mechanism generate;
    struct der_bytes curve;      /* CKA_EC_PARAMS for a new pair: the curve's OID */
    struct der_bytes curve_name; /* CKA_EC_PARAMS in its other form: the curve's name */
    const char *group;           /* OpenSSL's name of the curve, or of the kind of key */
    size_t field_size;           /* bytes of a coordinate, of r and of s; RSA: of the modulus */
    size_t signature_size;       /* bytes that C_Sign gives */
};

#define DIGEST_INFO_PREFIX 19 /* bytes of a DigestInfo before the digest, for all of SHA-2 */

/* A signing algorithm on the token. */
struct signing_row {
    signing_algorithm algorithm;
    enum mechanism mechanism;
    const uint8_t *prefix;    /* DigestInfo up to the digest; NULL: the bare digest or message */
    CK_MECHANISM_TYPE hash;   /* of CK_RSA_PKCS_PSS_PARAMS; otherwise 0 */
    CK_RSA_PKCS_MGF_TYPE mgf; /* the same */
};

/* NULL for what this build does not know. */
const struct spec_row *spec_row_find(key_spec spec);
const struct signing_row *signing_row_find(signing_algorithm algorithm);

/* The rows one by one, from 0; NULL past the last. */
const struct spec_row *spec_row_at(size_t number);
const struct signing_row *signing_row_at(size_t number);

#endif
