/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/signature.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "keyd/hsm/ckr.h"

/* r and s, each field_size bytes (PKCS #11 2.40 mechanisms, 2.3.1), as DER (RFC 3279, 2.2.3). */
static enum keyd_status der_of(const uint8_t *pair, size_t field_size,
                               uint8_t signature[SIGNATURE_MAX], size_t *signature_size,
                               struct keyd_error *err)
{
    ECDSA_SIG *parts = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(pair, (int)field_size, NULL);
    BIGNUM *s = BN_bin2bn(pair + field_size, (int)field_size, NULL);
    if (parts == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(parts, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(parts);
        return keyd_fail_openssl(err, "a signature's encoding");
    }
    int length = i2d_ECDSA_SIG(parts, NULL);
    if (length > 0 && length <= SIGNATURE_MAX)
        *signature_size = (size_t)i2d_ECDSA_SIG(parts, &signature);
    ECDSA_SIG_free(parts);
    if (length <= 0 || length > SIGNATURE_MAX)
        return keyd_fail_openssl(err, "a signature's encoding");
    return KEYD_OK;
}

static enum keyd_status judge(const struct spec_row *row, const struct algorithm_row *algorithm,
                              size_t size, struct keyd_error *err)
{
    const struct key_spec_row *spec = key_spec_find(row->spec);
    if (spec == NULL || !algorithm_fits(algorithm, spec))
        return keyd_fail(err, KEYD_INTERNAL, "ALGORITHM_MISMATCH", "%s does not fit a %s key",
                         algorithm_name(algorithm->algorithm), row->group);
    if (algorithm->digest_size != 0 && size != algorithm->digest_size)
        return keyd_fail(err, KEYD_INTERNAL, "DIGEST_LENGTH", "a digest of %zu bytes, not %zu",
                         size, algorithm->digest_size);
    return KEYD_OK;
}

/* What C_Sign gives, of exactly the length that the spec has. */
static enum keyd_status call_token(const struct session *session, CK_OBJECT_HANDLE private_key,
                                   const struct spec_row *row, CK_MECHANISM *mechanism,
                                   const uint8_t *data, size_t data_size,
                                   uint8_t bytes[SIGNATURE_MAX], struct keyd_error *err)
{
    CK_RV rv = MODULE_CALL(session->module, C_SignInit, session->handle, mechanism, private_key);
    if (rv != CKR_OK)
        return session_fail(session, rv, "C_SignInit", err);
    CK_ULONG length = SIGNATURE_MAX;
    rv = MODULE_CALL(session->module, C_Sign, session->handle, (uint8_t *)data, data_size, bytes,
                     &length);
    /* There is room for any signature. And this answer leaves the session in the operation (5.11
     * C_Sign), where the next call would find it. */
    if (rv == CKR_BUFFER_TOO_SMALL)
        return keyd_fail(err, KEYD_UNAVAILABLE, REASON_TOKEN_GONE,
                         "C_Sign: CKR_BUFFER_TOO_SMALL for %d bytes", SIGNATURE_MAX);
    if (rv != CKR_OK)
        return session_fail(session, rv, "C_Sign", err);
    if (length != row->signature_size)
        return keyd_fail(err, KEYD_INTERNAL, "TOKEN_FAILED",
                         "the token gives a signature of %lu bytes, not %zu", length,
                         row->signature_size);
    return KEYD_OK;
}

static enum keyd_status call_with(const struct session *session, CK_OBJECT_HANDLE private_key,
                                  const struct spec_row *row, const struct signing_row *how,
                                  const uint8_t *data, size_t data_size,
                                  uint8_t bytes[SIGNATURE_MAX], struct keyd_error *err)
{
    CK_RSA_PKCS_PSS_PARAMS pss = {how->hash, how->mgf, data_size}; /* salt: as long as the digest */
    CK_MECHANISM mechanism = {mechanism_rows[how->mechanism].type, NULL, 0};
    uint8_t info[DIGEST_INFO_PREFIX + EVP_MAX_MD_SIZE];
    if (how->mechanism == MECHANISM_RSA_PKCS_PSS) {
        mechanism.pParameter = &pss;
        mechanism.ulParameterLen = sizeof pss;
    }
    if (how->prefix != NULL) { /* CKM_RSA_PKCS pads what it is given, and adds no DigestInfo */
        memcpy(info, how->prefix, DIGEST_INFO_PREFIX);
        memcpy(info + DIGEST_INFO_PREFIX, data, data_size);
        data = info;
        data_size += DIGEST_INFO_PREFIX;
    }
    return call_token(session, private_key, row, &mechanism, data, data_size, bytes, err);
}

enum keyd_status signature_make(const struct session *session, CK_OBJECT_HANDLE private_key,
                                key_spec spec, signing_algorithm algorithm, const uint8_t *data,
                                size_t data_size, uint8_t signature[SIGNATURE_MAX],
                                size_t *signature_size, struct keyd_error *err)
{
    const struct spec_row *row = spec_row_find(spec);
    const struct algorithm_row *known = algorithm_find(algorithm);
    const struct signing_row *how = signing_row_find(algorithm);
    if (row == NULL || known == NULL || how == NULL)
        return keyd_fail(err, KEYD_UNIMPLEMENTED, "KEY_SPEC",
                         "this keyd-hsm does not sign with key spec %d by algorithm %d", (int)spec,
                         (int)algorithm);
    uint8_t pair[SIGNATURE_MAX];
    bool ecdsa = row->type == CKK_EC;
    enum keyd_status status = judge(row, known, data_size, err);
    if (status == KEYD_OK)
        status = module_offers(session->module, how->mechanism, 0, err);
    if (status == KEYD_OK)
        status = call_with(session, private_key, row, how, data, data_size,
                           ecdsa ? pair : signature, err);
    if (status != KEYD_OK)
        return status;
    if (ecdsa)
        return der_of(pair, row->field_size, signature, signature_size, err);
    *signature_size = row->signature_size;
    return KEYD_OK;
}

/* ---- The proof ------------------------------------------------------------------------------- */

/* By the default algorithm of the key, which is never PSS. */
static bool verifies(const uint8_t *der, size_t size, const char *hash, const char *text,
                     const uint8_t *signature, size_t signature_size)
{
    EVP_PKEY *key = d2i_PUBKEY(NULL, &der, (long)size);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good =
        key != NULL && ctx != NULL &&
        EVP_DigestVerifyInit_ex(ctx, NULL, hash, NULL, NULL, key, NULL) == 1 &&
        EVP_DigestVerify(ctx, signature, signature_size, (const uint8_t *)text, strlen(text)) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return good;
}

enum keyd_status signature_prove(const struct session *session, CK_OBJECT_HANDLE private_key,
                                 key_spec spec, const struct keyid *id, const uint8_t *der,
                                 size_t size, struct keyd_error *err)
{
    const struct key_spec_row *row = key_spec_find(spec);
    const struct algorithm_row *algorithm =
        row != NULL ? algorithm_find(row->default_algorithm) : NULL;
    char text[sizeof "keyd: a proof of key " + KEYID_TEXT] = "keyd: a proof of key ";
    uint8_t digest[EVP_MAX_MD_SIZE];
    uint8_t signature[SIGNATURE_MAX];
    size_t signature_size = 0;
    if (algorithm == NULL)
        return keyd_fail(err, KEYD_UNIMPLEMENTED, "KEY_SPEC",
                         "this keyd-hsm does not know key spec %d", (int)spec);
    keyid_format(id, text + strlen(text));
    const uint8_t *data = (const uint8_t *)text;
    size_t data_size = strlen(text);
    if (algorithm->hash != NULL) {
        if (EVP_Q_digest(NULL, algorithm->hash, NULL, text, strlen(text), digest, &data_size) != 1)
            return keyd_fail_openssl(err, "%s", algorithm->hash);
        data = digest;
    }
    enum keyd_status status = signature_make(session, private_key, spec, algorithm->algorithm, data,
                                             data_size, signature, &signature_size, err);
    if (status != KEYD_OK)
        return status;
    if (verifies(der, size, algorithm->hash, text, signature, signature_size))
        return KEYD_OK;
    return keyd_fail(err, KEYD_DATA_LOSS, "KEY_MISMATCH",
                     "the private half's signature does not verify with the public half");
}
