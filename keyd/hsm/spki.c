/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/spki.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "keyd/hsm/ckr.h"

#define POINT_MAX    160  /* bytes of a CKA_EC_POINT, wrapped or not */
#define MODULUS_MAX  1024 /* bytes of a CKA_MODULUS: RSA-4096 has 512, and zeros may lead */
#define EXPONENT_MAX 64   /* bytes of a CKA_PUBLIC_EXPONENT */

static enum keyd_status read_attributes(const struct session *session, CK_OBJECT_HANDLE object,
                                        CK_ATTRIBUTE *attributes, CK_ULONG count,
                                        struct keyd_error *err)
{
    CK_RV rv = MODULE_CALL(session->module, C_GetAttributeValue, session->handle, object,
                           attributes, count);
    return rv == CKR_OK ? KEYD_OK : ckr_fail(err, rv, "C_GetAttributeValue (public key)");
}

static EVP_PKEY *key_from(const char *type, OSSL_PARAM *parameters)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* ---- Elliptic curves ------------------------------------------------------------------------- */

/* CKA_EC_POINT is an OCTET STRING around the point (PKCS #11 2.40 mechanisms, 2.3.3); some modules
 * leave the wrapping out, and for Edwards curves, where it was a BIT STRING once, PKCS #11 3.0 is
 * read both ways. The length tells them apart. */
static const uint8_t *unwrap(const uint8_t *value, size_t size, size_t bare)
{
    if (size == bare)
        return value;
    if (size == bare + 2 && value[0] == 0x04 && value[1] == bare)
        return value + 2;
    if (size == bare + 3 && value[0] == 0x03 && value[1] == bare + 1 && value[2] == 0)
        return value + 3;
    return NULL;
}

static EVP_PKEY *key_of_point(const struct spec_row *row, const uint8_t *value, size_t size)
{
    size_t bare = 1 + 2 * row->field_size;
    const uint8_t *point = unwrap(value, size, bare);
    if (point == NULL || point[0] != 0x04) /* uncompressed (SEC 1, 2.3.3) */
        return NULL;
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)row->group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point, bare),
        OSSL_PARAM_construct_end(),
    };
    return key_from("EC", parameters);
}

static EVP_PKEY *key_of_edwards_point(const struct spec_row *row, const uint8_t *value, size_t size)
{
    const uint8_t *point = unwrap(value, size, row->field_size);
    return point != NULL
               ? EVP_PKEY_new_raw_public_key_ex(NULL, row->group, NULL, point, row->field_size)
               : NULL;
}

static enum keyd_status read_point(const struct session *session, CK_OBJECT_HANDLE public_key,
                                   const struct spec_row *row, EVP_PKEY **key,
                                   struct keyd_error *err)
{
    uint8_t value[POINT_MAX];
    CK_ATTRIBUTE attribute = {CKA_EC_POINT, value, sizeof value};
    enum keyd_status status = read_attributes(session, public_key, &attribute, 1, err);
    if (status != KEYD_OK)
        return status;
    size_t size = attribute.ulValueLen <= sizeof value ? attribute.ulValueLen : 0;
    *key = row->type == CKK_EC_EDWARDS ? key_of_edwards_point(row, value, size)
                                       : key_of_point(row, value, size);
    return KEYD_OK;
}

/* ---- RSA ------------------------------------------------------------------------------------- */

static EVP_PKEY *key_of_modulus(const BIGNUM *n, const BIGNUM *e)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *parameters = NULL;
    if (build != NULL && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY *key = parameters != NULL ? key_from("RSA", parameters) : NULL;
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    return key;
}

static enum keyd_status read_modulus(const struct session *session, CK_OBJECT_HANDLE public_key,
                                     const struct spec_row *row, EVP_PKEY **key,
                                     struct keyd_error *err)
{
    uint8_t modulus[MODULUS_MAX];
    uint8_t exponent[EXPONENT_MAX];
    CK_ATTRIBUTE values[] = {{CKA_MODULUS, modulus, sizeof modulus},
                             {CKA_PUBLIC_EXPONENT, exponent, sizeof exponent}};
    enum keyd_status status = read_attributes(session, public_key, values, 2, err);
    if (status != KEYD_OK)
        return status;
    if (values[0].ulValueLen > sizeof modulus || values[1].ulValueLen > sizeof exponent)
        return KEYD_OK;
    BIGNUM *n = BN_bin2bn(modulus, (int)values[0].ulValueLen, NULL);
    BIGNUM *e = BN_bin2bn(exponent, (int)values[1].ulValueLen, NULL);
    if (n != NULL && e != NULL && (size_t)BN_num_bits(n) == row->field_size * 8 &&
        BN_is_word(e, RSA_F4))
        *key = key_of_modulus(n, e);
    BN_free(n);
    BN_free(e);
    return KEYD_OK;
}

/* ---- Both ------------------------------------------------------------------------------------ */

static bool is_sound(EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool good = ctx != NULL && EVP_PKEY_public_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

enum keyd_status spki_read(const struct session *session, CK_OBJECT_HANDLE public_key,
                           key_spec spec, uint8_t **der, size_t *size, struct keyd_error *err)
{
    const struct spec_row *row = spec_row_find(spec);
    if (row == NULL)
        return keyd_fail(err, KEYD_UNIMPLEMENTED, "KEY_SPEC",
                         "this keyd-hsm does not know key spec %d", (int)spec);
    EVP_PKEY *key = NULL;
    unsigned char *made = NULL;
    enum keyd_status status = row->type == CKK_RSA
                                  ? read_modulus(session, public_key, row, &key, err)
                                  : read_point(session, public_key, row, &key, err);
    if (status != KEYD_OK)
        return status;
    int length = key != NULL && is_sound(key) ? i2d_PUBKEY(key, &made) : 0;
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (length <= 0)
        return keyd_fail(err, KEYD_INTERNAL, "KEY_PUBLIC",
                         "the token gives a public key that is no %s key", row->group);
    *der = made;
    *size = (size_t)length;
    return KEYD_OK;
}
