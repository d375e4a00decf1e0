/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/keys.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/hsm/ckr.h"

#define FIND_BATCH     256 /* handles a call of C_FindObjects */
#define POINT_MAX      160 /* bytes of a CKA_EC_POINT, wrapped or not */
#define PARAMETERS_MAX 64  /* bytes of a CKA_EC_PARAMS that names its curve */
#define COUNT(table)   (sizeof(table) / sizeof(table)[0])

/* What PKCS #11 and OpenSSL call a key spec. */
struct spec_row {
    key_spec spec;
    CK_KEY_TYPE type;
    CK_MECHANISM_TYPE generate;
    CK_MECHANISM_TYPE sign;
    const uint8_t *parameters; /* CKA_EC_PARAMS: the curve's OID in DER */
    size_t parameters_size;
    const char *group; /* OpenSSL's name of the curve */
    size_t field_size; /* bytes of a coordinate, and of r and s */
    size_t digest_size;
};

/* 1.2.840.10045.3.1.7, prime256v1 (RFC 5480, 2.1.1.1) */
static const uint8_t oid_p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};

static const struct spec_row rows[] = {
    {KEYD__V1__KEY_SPEC__ECC_NIST_P256, CKK_EC, CKM_EC_KEY_PAIR_GEN, CKM_ECDSA, oid_p256,
     sizeof oid_p256, "P-256", 32, 32},
};

static const struct spec_row *row_of(key_spec spec)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].spec == spec)
            return &rows[i];
    return NULL;
}

enum keyd_status keys_offered(key_spec spec, struct keyd_error *err)
{
    if (row_of(spec) != NULL)
        return KEYD_OK;
    return keyd_fail(err, KEYD_UNIMPLEMENTED, "KEY_SPEC",
                     "this keyd-hsm does not offer key spec %s (%d); it offers ECC_NIST_P256",
                     key_spec_name(spec), (int)spec);
}

/* ---- Finding --------------------------------------------------------------------------------- */

/* All objects that match a template, *owned* in *list. */
static enum keyd_status find_all(const struct session *session, CK_ATTRIBUTE *template,
                                 CK_ULONG attributes, CK_OBJECT_HANDLE **list, size_t *count,
                                 struct keyd_error *err)
{
    const struct module *module = session->module;
    CK_OBJECT_HANDLE *handles = NULL;
    CK_ULONG got = 0;
    size_t n = 0;
    CK_RV rv = MODULE_CALL(module, C_FindObjectsInit, session->handle, template, attributes);
    if (rv != CKR_OK)
        return ckr_fail(err, rv, "C_FindObjectsInit");
    do {
        CK_OBJECT_HANDLE *larger = reallocarray(handles, n + FIND_BATCH, sizeof *larger);
        if (larger == NULL) {
            rv = CKR_HOST_MEMORY;
            break;
        }
        handles = larger;
        rv = MODULE_CALL(module, C_FindObjects, session->handle, handles + n, FIND_BATCH, &got);
        if (rv == CKR_OK && got > FIND_BATCH)
            rv = CKR_GENERAL_ERROR;
        if (rv == CKR_OK)
            n += got;
    } while (rv == CKR_OK && got > 0);
    CK_RV final = MODULE_CALL(module, C_FindObjectsFinal, session->handle);
    if (rv == CKR_OK)
        rv = final;
    if (rv != CKR_OK) {
        free(handles);
        return ckr_fail(err, rv, "C_FindObjects");
    }
    *list = handles;
    *count = n;
    return KEYD_OK;
}

enum keyd_status keys_any(const struct session *session, bool *any, struct keyd_error *err)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_SECRET_KEY};
    CK_BBOOL yes = CK_TRUE;
    *any = false;
    for (size_t i = 0; i < COUNT(classes) && !*any; i++) {
        CK_OBJECT_CLASS class = classes[i];
        CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                                   {CKA_TOKEN, &yes, sizeof yes}};
        CK_OBJECT_HANDLE *handles = NULL;
        size_t count = 0;
        enum keyd_status status =
            find_all(session, template, COUNT(template), &handles, &count, err);
        if (status != KEYD_OK)
            return status;
        free(handles);
        *any = count > 0;
    }
    return KEYD_OK;
}

enum keyd_status keys_id_used(const struct session *session, const struct keyid *id, bool *used,
                              struct keyd_error *err)
{
    CK_ATTRIBUTE template[] = {{CKA_ID, (void *)id->bytes, KEYID_SIZE}};
    CK_OBJECT_HANDLE *handles = NULL;
    size_t count = 0;
    enum keyd_status status = find_all(session, template, COUNT(template), &handles, &count, err);
    if (status != KEYD_OK)
        return status;
    free(handles);
    *used = count > 0;
    return KEYD_OK;
}

enum keyd_status keys_find(const struct session *session, CK_OBJECT_CLASS class,
                           const struct keyid *id, CK_OBJECT_HANDLE *handle, struct keyd_error *err)
{
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_TOKEN, &yes, sizeof yes},
                               {CKA_ID, (void *)id->bytes, KEYID_SIZE}};
    const char *half = class == CKO_PRIVATE_KEY ? "private" : "public";
    CK_OBJECT_HANDLE *handles = NULL;
    size_t count = 0;
    enum keyd_status status = find_all(session, template, COUNT(template), &handles, &count, err);
    if (status != KEYD_OK)
        return status;
    if (count == 1)
        *handle = handles[0];
    free(handles);
    if (count == 0)
        return keyd_fail(err, KEYD_NOT_FOUND, "KEY_MISSING", "the token has no %s half of the key",
                         half);
    if (count > 1)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "KEY_AMBIGUOUS",
                         "the token has %zu %s keys with the key's CKA_ID", count, half);
    return KEYD_OK;
}

static int by_id(const void *a, const void *b)
{
    return keyid_compare(&((const struct key_object *)a)->id, &((const struct key_object *)b)->id);
}

enum keyd_status keys_list(const struct session *session, CK_OBJECT_CLASS class,
                           struct key_object **list, size_t *count, struct keyd_error *err)
{
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, sizeof yes}};
    CK_OBJECT_HANDLE *handles = NULL;
    size_t found = 0;
    size_t n = 0;
    enum keyd_status status = find_all(session, template, COUNT(template), &handles, &found, err);
    if (status != KEYD_OK)
        return status;
    struct key_object *objects = calloc(found + 1, sizeof *objects);
    if (objects == NULL)
        status = keyd_fail_errno(err, ENOMEM, "a list of %zu objects", found);
    for (size_t i = 0; i < found && status == KEYD_OK; i++) {
        CK_ATTRIBUTE id = {CKA_ID, objects[n].id.bytes, KEYID_SIZE};
        CK_RV rv =
            MODULE_CALL(session->module, C_GetAttributeValue, session->handle, handles[i], &id, 1);
        if (rv == CKR_OK && id.ulValueLen == KEYID_SIZE)
            objects[n++].handle = handles[i];
        else if (ckr_is_gone(rv))
            status = ckr_fail(err, rv, "C_GetAttributeValue");
    }
    free(handles);
    if (status != KEYD_OK) {
        free(objects);
        return status;
    }
    qsort(objects, n, sizeof *objects, by_id);
    *list = objects;
    *count = n;
    return KEYD_OK;
}

/* ---- Making ---------------------------------------------------------------------------------- */

enum keyd_status keys_generate(const struct session *session, const struct keyid *id, key_spec spec,
                               struct keyd_error *err)
{
    const struct spec_row *row = row_of(spec);
    if (row == NULL)
        return keys_offered(spec, err);
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    char label[KEYID_TEXT];
    keyid_format(id, label);
    /* The last of each is left out where a module does not know it: it came with PKCS #11 2.40. */
    CK_ATTRIBUTE public_half[] = {
        {CKA_EC_PARAMS, (void *)row->parameters, row->parameters_size},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &no, sizeof no},
        {CKA_VERIFY, &yes, sizeof yes},
        {CKA_ID, (void *)id->bytes, KEYID_SIZE},
        {CKA_LABEL, label, KEYID_TEXT - 1},
        {CKA_MODIFIABLE, &no, sizeof no},
        {CKA_COPYABLE, &no, sizeof no},
    };
    CK_ATTRIBUTE private_half[] = {
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_SIGN, &yes, sizeof yes},
        {CKA_DECRYPT, &no, sizeof no},
        {CKA_UNWRAP, &no, sizeof no},
        {CKA_DERIVE, &no, sizeof no},
        {CKA_ID, (void *)id->bytes, KEYID_SIZE},
        {CKA_LABEL, label, KEYID_TEXT - 1},
        {CKA_MODIFIABLE, &no, sizeof no},
        {CKA_COPYABLE, &no, sizeof no},
    };
    CK_MECHANISM mechanism = {row->generate, NULL, 0};
    CK_OBJECT_HANDLE handles[2];
    CK_RV rv = CKR_OK;
    for (CK_ULONG without = 0; without <= 1; without++) {
        rv = MODULE_CALL_FOR(session->module, session->module->generation_limit_ms,
                             C_GenerateKeyPair, session->handle, &mechanism, public_half,
                             COUNT(public_half) - without, private_half,
                             COUNT(private_half) - without, &handles[0], &handles[1]);
        if (rv != CKR_ATTRIBUTE_TYPE_INVALID && rv != CKR_ATTRIBUTE_VALUE_INVALID &&
            rv != CKR_TEMPLATE_INCONSISTENT)
            break;
    }
    return rv == CKR_OK ? KEYD_OK : ckr_fail(err, rv, "C_GenerateKeyPair");
}

static enum keyd_status bad_attributes(struct keyd_error *err, const char *what)
{
    return keyd_fail(err, KEYD_FAILED_PRECONDITION, "KEY_ATTRIBUTES",
                     "the private half on the token %s", what);
}

enum keyd_status keys_judge(const struct session *session, CK_OBJECT_HANDLE private_key,
                            key_spec spec, struct keyd_error *err)
{
    const struct spec_row *row = row_of(spec);
    if (row == NULL)
        return keys_offered(spec, err);
    CK_KEY_TYPE type = CK_UNAVAILABLE_INFORMATION;
    CK_BBOOL sensitive = CK_FALSE;
    CK_BBOOL extractable = CK_TRUE;
    CK_BBOOL signs = CK_FALSE;
    uint8_t parameters[PARAMETERS_MAX];
    CK_ATTRIBUTE values[] = {
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_SENSITIVE, &sensitive, sizeof sensitive},
        {CKA_EXTRACTABLE, &extractable, sizeof extractable},
        {CKA_SIGN, &signs, sizeof signs},
        {CKA_EC_PARAMS, parameters, sizeof parameters},
    };
    CK_RV rv = MODULE_CALL(session->module, C_GetAttributeValue, session->handle, private_key,
                           values, COUNT(values));
    if (rv != CKR_OK && rv != CKR_ATTRIBUTE_TYPE_INVALID && rv != CKR_BUFFER_TOO_SMALL)
        return ckr_fail(err, rv, "C_GetAttributeValue");
    if (type != row->type || values[4].ulValueLen != row->parameters_size ||
        memcmp(parameters, row->parameters, row->parameters_size) != 0)
        return bad_attributes(err, "is of another key type or on another curve");
    if (sensitive != CK_TRUE || extractable != CK_FALSE)
        return bad_attributes(err, "is not sensitive, or may be extracted");
    if (signs != CK_TRUE)
        return bad_attributes(err, "may not sign");
    return KEYD_OK;
}

/* ---- The public half ------------------------------------------------------------------------- */

/* CKA_EC_POINT is an OCTET STRING around the uncompressed point (PKCS #11 2.40 mechanisms, 2.3.3);
 * some modules leave the wrapping out. The length tells them apart. */
static const uint8_t *bare_point(const struct spec_row *row, const uint8_t *value, size_t size)
{
    size_t bare = 1 + 2 * row->field_size;
    if (size == bare && value[0] == 0x04)
        return value;
    if (size == bare + 2 && value[0] == 0x04 && value[1] == bare && value[2] == 0x04)
        return value + 2;
    return NULL;
}

static EVP_PKEY *key_of_point(const struct spec_row *row, const uint8_t *point)
{
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)row->group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point,
                                          1 + 2 * row->field_size),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static bool is_on_its_curve(EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool good = ctx != NULL && EVP_PKEY_public_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

enum keyd_status keys_public(const struct session *session, CK_OBJECT_HANDLE public_key,
                             key_spec spec, uint8_t **der, size_t *size, struct keyd_error *err)
{
    const struct spec_row *row = row_of(spec);
    if (row == NULL)
        return keys_offered(spec, err);
    uint8_t value[POINT_MAX];
    CK_ATTRIBUTE attribute = {CKA_EC_POINT, value, sizeof value};
    CK_RV rv = MODULE_CALL(session->module, C_GetAttributeValue, session->handle, public_key,
                           &attribute, 1);
    if (rv != CKR_OK)
        return ckr_fail(err, rv, "C_GetAttributeValue (CKA_EC_POINT)");
    const uint8_t *point = bare_point(row, value, attribute.ulValueLen);
    if (point == NULL)
        return keyd_fail(err, KEYD_INTERNAL, "KEY_PUBLIC",
                         "the token gives a public key of %lu bytes that is no point of %s",
                         attribute.ulValueLen, row->group);
    EVP_PKEY *key = key_of_point(row, point);
    unsigned char *made = NULL;
    int length = key != NULL && is_on_its_curve(key) ? i2d_PUBKEY(key, &made) : 0;
    EVP_PKEY_free(key);
    if (length <= 0)
        return keyd_fail_openssl(err, "the token's public key is no point of %s", row->group);
    *der = made;
    *size = (size_t)length;
    return KEYD_OK;
}

/* ---- Signing --------------------------------------------------------------------------------- */

/* r and s, each field_size bytes (PKCS #11 2.40 mechanisms, 2.3.1), as DER (RFC 3279, 2.2.3). */
static enum keyd_status der_of(const uint8_t *pair, size_t field_size, uint8_t *signature,
                               size_t *signature_size, struct keyd_error *err)
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
    if (length > 0 && length <= KEYS_SIGNATURE_MAX)
        *signature_size = (size_t)i2d_ECDSA_SIG(parts, &signature);
    ECDSA_SIG_free(parts);
    if (length <= 0 || length > KEYS_SIGNATURE_MAX)
        return keyd_fail_openssl(err, "a signature's encoding");
    return KEYD_OK;
}

enum keyd_status keys_sign(const struct session *session, CK_OBJECT_HANDLE private_key,
                           key_spec spec, const uint8_t *digest, size_t digest_size,
                           uint8_t signature[KEYS_SIGNATURE_MAX], size_t *signature_size,
                           struct keyd_error *err)
{
    const struct spec_row *row = row_of(spec);
    if (row == NULL)
        return keys_offered(spec, err);
    if (digest_size != row->digest_size)
        return keyd_fail(err, KEYD_INTERNAL, "DIGEST_LENGTH", "a digest of %zu bytes, not %zu",
                         digest_size, row->digest_size);
    CK_MECHANISM mechanism = {row->sign, NULL, 0};
    CK_RV rv = MODULE_CALL(session->module, C_SignInit, session->handle, &mechanism, private_key);
    if (rv != CKR_OK)
        return ckr_fail(err, rv, "C_SignInit");
    uint8_t pair[KEYS_SIGNATURE_MAX];
    CK_ULONG length = sizeof pair;
    rv = MODULE_CALL(session->module, C_Sign, session->handle, (uint8_t *)digest, digest_size, pair,
                     &length);
    if (rv != CKR_OK)
        return ckr_fail(err, rv, "C_Sign");
    if (length != 2 * row->field_size)
        return keyd_fail(err, KEYD_INTERNAL, "TOKEN_FAILED",
                         "the token gives a signature of %lu bytes, not %zu", length,
                         2 * row->field_size);
    return der_of(pair, row->field_size, signature, signature_size, err);
}

static bool verifies(const uint8_t *der, size_t size, const uint8_t *digest, size_t digest_size,
                     const uint8_t *signature, size_t signature_size)
{
    EVP_PKEY *key = d2i_PUBKEY(NULL, &der, (long)size);
    EVP_PKEY_CTX *ctx = key != NULL ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    bool good = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
                EVP_PKEY_verify(ctx, signature, signature_size, digest, digest_size) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return good;
}

enum keyd_status keys_prove(const struct session *session, CK_OBJECT_HANDLE private_key,
                            key_spec spec, const struct keyid *id, const uint8_t *der, size_t size,
                            struct keyd_error *err)
{
    const struct key_spec_row *row = key_spec_find(spec);
    const struct algorithm_row *algorithm =
        row != NULL ? algorithm_find(row->default_algorithm) : NULL;
    char text[sizeof "keyd: a proof of key " + KEYID_TEXT] = "keyd: a proof of key ";
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_size = 0;
    uint8_t signature[KEYS_SIGNATURE_MAX];
    size_t signature_size = 0;
    if (algorithm == NULL || algorithm->hash == NULL)
        return keys_offered(spec, err);
    keyid_format(id, text + strlen(text));
    if (EVP_Q_digest(NULL, algorithm->hash, NULL, text, strlen(text), digest, &digest_size) != 1)
        return keyd_fail_openssl(err, "%s", algorithm->hash);
    enum keyd_status status =
        keys_sign(session, private_key, spec, digest, digest_size, signature, &signature_size, err);
    if (status != KEYD_OK)
        return status;
    if (verifies(der, size, digest, digest_size, signature, signature_size))
        return KEYD_OK;
    ERR_clear_error();
    return keyd_fail(err, KEYD_DATA_LOSS, "KEY_MISMATCH",
                     "the private half's signature does not verify with the public half");
}

/* ---- Destroying ------------------------------------------------------------------------------ */

/* The handles of both classes' objects that carry the id and its text, *owned* in *list. */
static enum keyd_status find_ours(const struct session *session, CK_OBJECT_CLASS class,
                                  const struct keyid *id, CK_OBJECT_HANDLE **list, size_t *count,
                                  struct keyd_error *err)
{
    char label[KEYID_TEXT];
    keyid_format(id, label);
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_ID, (void *)id->bytes, KEYID_SIZE},
                               {CKA_LABEL, label, KEYID_TEXT - 1}};
    return find_all(session, template, COUNT(template), list, count, err);
}

static enum keyd_status destroy_class(const struct session *session, CK_OBJECT_CLASS class,
                                      const struct keyid *id, size_t *destroyed,
                                      struct keyd_error *err)
{
    CK_OBJECT_HANDLE *handles = NULL;
    size_t count = 0;
    enum keyd_status status = find_ours(session, class, id, &handles, &count, err);
    for (size_t i = 0; i < count && status == KEYD_OK; i++) {
        CK_RV rv = MODULE_CALL(session->module, C_DestroyObject, session->handle, handles[i]);
        if (rv != CKR_OK)
            status = ckr_fail(err, rv, "C_DestroyObject");
        else
            (*destroyed)++;
    }
    free(handles);
    if (status != KEYD_OK || count == 0)
        return status;
    handles = NULL;
    status = find_ours(session, class, id, &handles, &count, err);
    free(handles);
    if (status == KEYD_OK && count > 0)
        return keyd_fail(err, KEYD_INTERNAL, "KEY_REMAINS",
                         "the token keeps an object that it said was destroyed");
    return status;
}

enum keyd_status keys_destroy(const struct session *session, const struct keyid *id,
                              size_t *destroyed, struct keyd_error *err)
{
    *destroyed = 0;
    enum keyd_status status = destroy_class(session, CKO_PRIVATE_KEY, id, destroyed, err);
    return status == KEYD_OK ? destroy_class(session, CKO_PUBLIC_KEY, id, destroyed, err) : status;
}
