/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/mechanism.h"

#define COUNT(table)    (sizeof(table) / sizeof(table)[0])
#define SPEC(name)      KEYD__V1__KEY_SPEC__##name
#define ALGORITHM(name) KEYD__V1__SIGNING_ALGORITHM__##name
#define DER(table)                                                                                 \
    {                                                                                              \
        table, sizeof(table)                                                                       \
    }
#define NO_DER                                                                                     \
    {                                                                                              \
        NULL, 0                                                                                    \
    }

#define MECHANISM(name, use, least) [MECHANISM_##name] = {CKM_##name, "CKM_" #name, use, least}

/* The sizes of CK_MECHANISM_INFO are bits for EC and RSA (PKCS #11 2.40 mechanisms, 2.1 and 2.3);
 * for Edwards curves modules say bits of the field, of the key, or something else. */
const struct mechanism_row mechanism_rows[MECHANISM_COUNT] = {
    MECHANISM(EC_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, 256),
    MECHANISM(ECDSA, CKF_SIGN, 256),
    MECHANISM(EC_EDWARDS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, 0),
    MECHANISM(EDDSA, CKF_SIGN, 0),
    MECHANISM(RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, 2048),
    MECHANISM(RSA_PKCS, CKF_SIGN, 2048),
    MECHANISM(RSA_PKCS_PSS, CKF_SIGN, 2048),
};

/* 1.2.840.10045.3.1.7, prime256v1, and 1.3.132.0.34, secp384r1 (RFC 5480, 2.1.1.1) */
static const uint8_t oid_p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t oid_p384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};

/* 1.3.101.112 (RFC 8410, 3), and PrintableString "edwards25519" (PKCS #11 3.0, 2.3.10) */
static const uint8_t oid_ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
static const uint8_t name_ed25519[] = {0x13, 0x0c, 'e', 'd', 'w', 'a', 'r',
                                       'd',  's',  '2', '5', '5', '1', '9'};

#define RSA(bits)                                                                                  \
    {                                                                                              \
        SPEC(RSA_##bits), CKK_RSA, MECHANISM_RSA_PKCS_KEY_PAIR_GEN, NO_DER, NO_DER, "RSA-" #bits,  \
            (bits) / 8, (bits) / 8                                                                 \
    }

static const struct spec_row specs[] = {
    {SPEC(ECC_NIST_P256), CKK_EC, MECHANISM_EC_KEY_PAIR_GEN, DER(oid_p256), NO_DER, "P-256", 32,
     64},
    {SPEC(ECC_NIST_P384), CKK_EC, MECHANISM_EC_KEY_PAIR_GEN, DER(oid_p384), NO_DER, "P-384", 48,
     96},
    {SPEC(ECC_NIST_EDWARDS25519), CKK_EC_EDWARDS, MECHANISM_EC_EDWARDS_KEY_PAIR_GEN,
     DER(oid_ed25519), DER(name_ed25519), "Ed25519", 32, 64},
    RSA(2048),
    RSA(3072),
    RSA(4096),
};

/* RFC 8017, 9.2, note 1 */
#define SHA2_PREFIX(whole, inner, number, size)                                                    \
    {                                                                                              \
        0x30, whole, 0x30, inner, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,      \
            number, 0x05, 0x00, 0x04, size                                                         \
    }
static const uint8_t prefix_sha256[DIGEST_INFO_PREFIX] = SHA2_PREFIX(0x31, 0x0d, 0x01, 32);
static const uint8_t prefix_sha384[DIGEST_INFO_PREFIX] = SHA2_PREFIX(0x41, 0x0d, 0x02, 48);
static const uint8_t prefix_sha512[DIGEST_INFO_PREFIX] = SHA2_PREFIX(0x51, 0x0d, 0x03, 64);

static const struct signing_row algorithms[] = {
    {ALGORITHM(ECDSA_SHA_256), MECHANISM_ECDSA, NULL, 0, 0},
    {ALGORITHM(ECDSA_SHA_384), MECHANISM_ECDSA, NULL, 0, 0},
    {ALGORITHM(ED25519_SHA_512), MECHANISM_EDDSA, NULL, 0, 0},
    {ALGORITHM(RSASSA_PKCS1_V1_5_SHA_256), MECHANISM_RSA_PKCS, prefix_sha256, 0, 0},
    {ALGORITHM(RSASSA_PKCS1_V1_5_SHA_384), MECHANISM_RSA_PKCS, prefix_sha384, 0, 0},
    {ALGORITHM(RSASSA_PKCS1_V1_5_SHA_512), MECHANISM_RSA_PKCS, prefix_sha512, 0, 0},
    {ALGORITHM(RSASSA_PSS_SHA_256), MECHANISM_RSA_PKCS_PSS, NULL, CKM_SHA256, CKG_MGF1_SHA256},
    {ALGORITHM(RSASSA_PSS_SHA_384), MECHANISM_RSA_PKCS_PSS, NULL, CKM_SHA384, CKG_MGF1_SHA384},
    {ALGORITHM(RSASSA_PSS_SHA_512), MECHANISM_RSA_PKCS_PSS, NULL, CKM_SHA512, CKG_MGF1_SHA512},
};

const struct spec_row *spec_row_find(key_spec spec)
{
    for (size_t i = 0; i < COUNT(specs); i++)
        if (specs[i].spec == spec)
            return &specs[i];
    return NULL;
}

const struct signing_row *signing_row_find(signing_algorithm algorithm)
{
    for (size_t i = 0; i < COUNT(algorithms); i++)
        if (algorithms[i].algorithm == algorithm)
            return &algorithms[i];
    return NULL;
}

const struct spec_row *spec_row_at(size_t number)
{
    return number < COUNT(specs) ? &specs[number] : NULL;
}

const struct signing_row *signing_row_at(size_t number)
{
    return number < COUNT(algorithms) ? &algorithms[number] : NULL;
}
