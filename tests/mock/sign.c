/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Signatures by OpenSSL. */
#include "tests/mock/sign.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mock/die.h"
#include "tests/mock/fault.h"
#include "tests/mock/key.h"
#include "tests/mock/mechanism.h"
#include "tests/mock/object.h"
#include "tests/mock/token.h"

#define PKCS1_PADDING 11 /* bytes at least (RFC 8017, 9.2) */
#define ECDSA_MAX     64 /* bytes of a digest: SHA-512 is the longest */

static const struct digest_row {
    CK_MECHANISM_TYPE mechanism;
    CK_RSA_PKCS_MGF_TYPE mgf;
    CK_ULONG size;
    const EVP_MD *(*md)(void);
} digests[] = {
    {CKM_SHA256, CKG_MGF1_SHA256, 32, EVP_sha256},
    {CKM_SHA384, CKG_MGF1_SHA384, 48, EVP_sha384},
    {CKM_SHA512, CKG_MGF1_SHA512, 64, EVP_sha512},
};

#define DIGESTS (sizeof digests / sizeof digests[0])

/* ---- Beginning ---------------------------------------------------------------------------------
 */

static const struct digest_row *digest_of(CK_MECHANISM_TYPE mechanism)
{
    for (size_t i = 0; i < DIGESTS; i++)
        if (digests[i].mechanism == mechanism)
            return &digests[i];
    return NULL;
}

static const struct digest_row *digest_of_mgf(CK_RSA_PKCS_MGF_TYPE mgf)
{
    for (size_t i = 0; i < DIGESTS; i++)
        if (digests[i].mgf == mgf)
            return &digests[i];
    return NULL;
}

/* PSS needs room for its salt, its hash and two bytes (RFC 8017, 9.1.1). */
static bool is_pss_good(const CK_RSA_PKCS_PSS_PARAMS *pss, const EVP_PKEY *key)
{
    const struct digest_row *digest = digest_of(pss->hashAlg);
    CK_ULONG room = (CK_ULONG)(EVP_PKEY_get_bits(key) - 1 + 7) / 8;
    return digest != NULL && digest_of_mgf(pss->mgf) != NULL && digest->size + 2 <= room &&
           pss->sLen <= room - digest->size - 2;
}

static CK_RV take_parameters(const CK_MECHANISM *mechanism, const EVP_PKEY *key,
                             CK_RSA_PKCS_PSS_PARAMS *pss)
{
    if (mechanism->mechanism != CKM_RSA_PKCS_PSS)
        return mechanism->pParameter == NULL && mechanism->ulParameterLen == 0
                   ? CKR_OK
                   : CKR_MECHANISM_PARAM_INVALID;
    if (mechanism->pParameter == NULL || mechanism->ulParameterLen != sizeof *pss)
        return CKR_MECHANISM_PARAM_INVALID;
    memcpy(pss, mechanism->pParameter, sizeof *pss);
    return is_pss_good(pss, key) ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

/* The key as such, then whether it may be used like this. */
static CK_RV judge_key(const struct object *object, const struct mechanism_row *row)
{
    if (object->key == NULL ||
        attributes_number(&object->attributes, CKA_KEY_TYPE) != row->key_type)
        return CKR_KEY_TYPE_INCONSISTENT;
    if (!attributes_bool(&object->attributes, CKA_SIGN))
        return CKR_KEY_FUNCTION_NOT_PERMITTED;
    return CKR_OK;
}

CK_RV sign_begin(struct session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                 bool *crash)
{
    const char *serial = session->token->serial;
    *crash = false;
    if (mechanism == NULL)
        return CKR_ARGUMENTS_BAD;
    if (session->sign.active)
        return CKR_OPERATION_ACTIVE;
    const struct mechanism_row *row = mechanism_find(mechanism->mechanism, serial);
    if (row == NULL || (row->info.flags & CKF_SIGN) == 0)
        return CKR_MECHANISM_INVALID;
    const struct object *object = object_find(session, key);
    if (object == NULL)
        return CKR_KEY_HANDLE_INVALID;
    CK_RV rv = judge_key(object, row);
    *crash = rv == CKR_KEY_TYPE_INCONSISTENT && fault_token(FAULT_STRICT_CRASH, serial);
    struct sign_operation operation = {.active = true, .mechanism = mechanism->mechanism};
    if (rv == CKR_OK)
        rv = take_parameters(mechanism, object->key, &operation.pss);
    if (rv != CKR_OK)
        return rv;
    if (EVP_PKEY_up_ref(object->key) != 1)
        return CKR_HOST_MEMORY;
    operation.key = object->key;
    operation.wants_login = attributes_bool(&object->attributes, CKA_ALWAYS_AUTHENTICATE) ||
                            fault_token(FAULT_ALWAYS_AUTHENTICATE, serial);
    session->sign = operation;
    return CKR_OK;
}

void sign_end(struct sign_operation *operation)
{
    EVP_PKEY_free(operation->key);
    *operation = (struct sign_operation){0};
}

/* ---- Signing -----------------------------------------------------------------------------------
 */

static bool is_length_good(const struct sign_operation *job, CK_ULONG length)
{
    switch (job->mechanism) {
    case CKM_RSA_PKCS:
        return length + PKCS1_PADDING <= key_signature_size(job->key);
    case CKM_RSA_PKCS_PSS:
        return length == digest_of(job->pss.hashAlg)->size;
    case CKM_ECDSA:
        return length > 0 && length <= ECDSA_MAX;
    default:
        return true;
    }
}

CK_RV sign_take(struct session *session, CK_ULONG data_length, const unsigned char *signature,
                CK_ULONG *signature_length, struct sign_operation *job)
{
    *job = (struct sign_operation){0};
    if (!session->sign.active)
        return CKR_OPERATION_NOT_INITIALIZED;
    CK_ULONG room = *signature_length;
    CK_ULONG size = key_signature_size(session->sign.key);
    if (signature == NULL || room < size) {
        *signature_length = size;
        return signature == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
    }
    CK_RV rv = CKR_OK;
    if (session->sign.wants_login)
        rv = CKR_USER_NOT_LOGGED_IN;
    else if (!is_length_good(&session->sign, data_length))
        rv = CKR_DATA_LEN_RANGE;
    if (rv != CKR_OK) {
        sign_end(&session->sign);
        return rv;
    }
    *job = session->sign;
    session->sign = (struct sign_operation){0};
    return CKR_OK;
}

/* r and s in a field's size each, out of DER. */
static bool unwrap_ecdsa(const unsigned char *der, size_t size, size_t field,
                         unsigned char *signature)
{
    ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &der, (long)size);
    bool good = parts != NULL &&
                BN_bn2binpad(ECDSA_SIG_get0_r(parts), signature, (int)field) == (int)field &&
                BN_bn2binpad(ECDSA_SIG_get0_s(parts), signature + field, (int)field) == (int)field;
    ECDSA_SIG_free(parts);
    return good;
}

static bool set_padding(const struct sign_operation *job, EVP_PKEY_CTX *ctx)
{
    if (job->mechanism == CKM_RSA_PKCS)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
    if (job->mechanism != CKM_RSA_PKCS_PSS)
        return true;
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(ctx, digest_of(job->pss.hashAlg)->md()) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, digest_of_mgf(job->pss.mgf)->md()) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)job->pss.sLen) == 1;
}

static bool sign_digest(const struct sign_operation *job, const unsigned char *data, size_t length,
                        unsigned char *signature, size_t *size)
{
    size_t field = key_field_size(job->key);
    size_t room = (size_t)EVP_PKEY_get_size(job->key);
    unsigned char *made = mock_alloc(room);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, job->key, NULL);
    bool good = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 && set_padding(job, ctx) &&
                EVP_PKEY_sign(ctx, made, &room, data, length) == 1;
    if (good && field > 0)
        good = unwrap_ecdsa(made, room, field, signature);
    else if (good)
        memcpy(signature, made, room);
    *size = field > 0 ? 2 * field : room;
    EVP_PKEY_CTX_free(ctx);
    free(made);
    return good;
}

static bool sign_message(EVP_PKEY *key, const unsigned char *data, size_t length,
                         unsigned char *signature, size_t *size)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, key, NULL) == 1 &&
                EVP_DigestSign(ctx, signature, size, data, length) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

CK_RV sign_perform(const struct sign_operation *job, const unsigned char *data,
                   CK_ULONG data_length, unsigned char *signature, CK_ULONG *signature_length)
{
    size_t size = *signature_length;
    bool good = job->mechanism == CKM_EDDSA
                    ? sign_message(job->key, data, data_length, signature, &size)
                    : sign_digest(job, data, data_length, signature, &size);
    if (!good) {
        ERR_clear_error();
        return CKR_FUNCTION_FAILED;
    }
    *signature_length = size;
    return CKR_OK;
}
