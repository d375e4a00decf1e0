/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Keys in OpenSSL: which kinds there are, making them, and their attributes in PKCS #11's terms. */
#ifndef TESTS_MOCK_KEY_H
#define TESTS_MOCK_KEY_H

#include <openssl/evp.h>
#include <p11-kit/pkcs11.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/mock/attribute.h"

#define KEY_MODULUS_MIN 2048 /* bits */
#define KEY_MODULUS_MAX 4096

/* What a key is to be. */
struct key_spec {
    CK_KEY_TYPE type;
    const char *group; /* OpenSSL's name of the curve; NULL for RSA */
    unsigned bits;     /* of RSA's modulus: 2048, 3072 or 4096 */
    uint64_t exponent; /* RSA's public one */
};

/* From the public half's attributes: CKR_TEMPLATE_INCOMPLETE, CKR_TEMPLATE_INCONSISTENT,
 * CKR_CURVE_NOT_SUPPORTED, CKR_DOMAIN_PARAMS_INVALID, CKR_KEY_SIZE_RANGE,
 * CKR_ATTRIBUTE_VALUE_INVALID. */
CK_RV key_spec_read(CK_KEY_TYPE type, const struct attributes *public_half, struct key_spec *spec);

/* A new key, *owned*; NULL when OpenSSL fails. Takes its time (RSA: seconds): no lock is needed. */
EVP_PKEY *key_make(const struct key_spec *spec);

/* Sets what describes the key in both halves, and ATTRIBUTE_MOCK_KEY in the private one. */
void key_describe(EVP_PKEY *key, const struct key_spec *spec, struct attributes *public_half,
                  struct attributes *private_half);

/* The bytes of a signature by this key, as PKCS #11 has it. */
size_t key_signature_size(const EVP_PKEY *key);

/* Bytes of r and of s; 0 when the key is on no curve of ECDSA. */
size_t key_field_size(const EVP_PKEY *key);

/* CKK_RSA, CKK_EC, CKK_EC_EDWARDS. */
CK_KEY_TYPE key_type(const EVP_PKEY *key);

#endif
