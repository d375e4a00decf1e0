/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/keytext.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/encode.h"

#define NUMBER_MAX (DNSSEC_RSA_BITS_MAX / 8) /* bytes of the largest number in a file */

static const struct {
    const char *name;  /* BIND's */
    const char *param; /* OpenSSL's */
} rsa_fields[] = {
    {"Modulus", OSSL_PKEY_PARAM_RSA_N},           {"PublicExponent", OSSL_PKEY_PARAM_RSA_E},
    {"PrivateExponent", OSSL_PKEY_PARAM_RSA_D},   {"Prime1", OSSL_PKEY_PARAM_RSA_FACTOR1},
    {"Prime2", OSSL_PKEY_PARAM_RSA_FACTOR2},      {"Exponent1", OSSL_PKEY_PARAM_RSA_EXPONENT1},
    {"Exponent2", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"Coefficient", OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
};

#define RSA_FIELDS (sizeof rsa_fields / sizeof rsa_fields[0])

/* ---- Writing -------------------------------------------------------------------------------- */

void keytext_append(struct keyd_secret *text, const char *part)
{
    size_t length = strlen(part);
    if (text->size - text->length < length)
        abort(); /* KEYTEXT_FILE_MAX is far more than the lines below */
    memcpy(text->data + text->length, part, length);
    text->length += length;
}

static void append_line(struct keyd_secret *text, const char *name, const uint8_t *value,
                        size_t length)
{
    char printed[BASE64_TEXT(NUMBER_MAX)];
    base64_encode(value, length, printed);
    keytext_append(text, name);
    keytext_append(text, ": ");
    keytext_append(text, printed);
    keytext_append(text, "\n");
    OPENSSL_cleanse(printed, sizeof printed);
}

/* width: bytes that the number is padded to; 0: as many as it has. */
static bool append_number(struct keyd_secret *text, const char *name, const EVP_PKEY *pkey,
                          const char *param, size_t width)
{
    uint8_t value[NUMBER_MAX];
    BIGNUM *number = NULL;
    bool good = EVP_PKEY_get_bn_param(pkey, param, &number) == 1;
    int bytes = good && width == 0 ? BN_num_bytes(number) : (int)width;
    good = good && bytes <= NUMBER_MAX && BN_bn2binpad(number, value, bytes) == bytes;
    if (good)
        append_line(text, name, value, (size_t)bytes);
    BN_clear_free(number);
    OPENSSL_cleanse(value, sizeof value);
    return good;
}

static bool append_rsa(struct keyd_secret *text, const EVP_PKEY *pkey)
{
    bool good = true;
    for (size_t i = 0; i < RSA_FIELDS && good; i++)
        good = append_number(text, rsa_fields[i].name, pkey, rsa_fields[i].param, 0);
    return good;
}

static bool append_raw(struct keyd_secret *text, const EVP_PKEY *pkey)
{
    uint8_t value[NUMBER_MAX];
    size_t length = sizeof value;
    bool good = EVP_PKEY_get_raw_private_key(pkey, value, &length) == 1;
    if (good)
        append_line(text, "PrivateKey", value, length);
    OPENSSL_cleanse(value, sizeof value);
    return good;
}

bool keytext_append_key(struct keyd_secret *text, const struct dnssec_algorithm *algorithm,
                        const EVP_PKEY *pkey)
{
    switch (algorithm->kind) {
    case DNSSEC_RSA:
        return append_rsa(text, pkey);
    case DNSSEC_ECDSA:
        return append_number(text, "PrivateKey", pkey, OSSL_PKEY_PARAM_PRIV_KEY,
                             algorithm->public_key / 2);
    case DNSSEC_EDWARDS:
        return append_raw(text, pkey);
    }
    return false;
}

/* ---- Reading -------------------------------------------------------------------------------- */

char *keytext_field(char *text, const char *name)
{
    size_t length = strlen(name);
    for (char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " \t");
    }
    return NULL;
}

static bool decode_field(char *text, const char *name, uint8_t value[NUMBER_MAX], size_t *length)
{
    char *printed = keytext_field(text, name);
    if (printed == NULL)
        return false;
    char *end = printed + strcspn(printed, "\r\n");
    char kept = *end;
    *end = '\0';
    bool good = base64_decode(printed, value, NUMBER_MAX, length) && *length > 0;
    *end = kept;
    return good;
}

static BIGNUM *number_field(char *text, const char *name)
{
    uint8_t value[NUMBER_MAX];
    size_t length = 0;
    BIGNUM *number =
        decode_field(text, name, value, &length) ? BN_bin2bn(value, (int)length, NULL) : NULL;
    OPENSSL_cleanse(value, sizeof value);
    return number;
}

/* A key of what was pushed; wipes the copies. */
static EVP_PKEY *build(const char *type, OSSL_PARAM_BLD *parts)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(parts);
    if (ctx != NULL && params != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
        pkey = NULL;
    for (OSSL_PARAM *param = params; param != NULL && param->key != NULL; param++)
        OPENSSL_cleanse(param->data, param->data_size);
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

static EVP_PKEY *parse_rsa(char *text)
{
    BIGNUM *numbers[RSA_FIELDS] = {NULL};
    OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
    bool good = parts != NULL;
    for (size_t i = 0; i < RSA_FIELDS && good; i++) {
        numbers[i] = number_field(text, rsa_fields[i].name);
        good = numbers[i] != NULL &&
               OSSL_PARAM_BLD_push_BN(parts, rsa_fields[i].param, numbers[i]) == 1;
    }
    EVP_PKEY *pkey = good ? build("RSA", parts) : NULL;
    OSSL_PARAM_BLD_free(parts);
    for (size_t i = 0; i < RSA_FIELDS; i++)
        BN_clear_free(numbers[i]);
    return pkey;
}

static EVP_PKEY *parse_ecdsa(char *text, const struct dnssec_algorithm *algorithm,
                             const struct dnskey *key)
{
    uint8_t point[1 + DNSSEC_PUBLIC_KEY_MAX] = {POINT_CONVERSION_UNCOMPRESSED};
    memcpy(point + 1, key->key, key->length);
    BIGNUM *private = number_field(text, "PrivateKey");
    OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
    EVP_PKEY *pkey = NULL;
    if (private != NULL && BN_num_bytes(private) <= (int)(algorithm->public_key / 2) &&
        parts != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(parts, OSSL_PKEY_PARAM_GROUP_NAME, algorithm->group, 0) &&
        OSSL_PARAM_BLD_push_octet_string(parts, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + key->length) &&
        OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_PRIV_KEY, private))
        pkey = build("EC", parts);
    OSSL_PARAM_BLD_free(parts);
    BN_clear_free(private);
    return pkey;
}

/* OpenSSL makes the public half of it. */
static EVP_PKEY *parse_edwards(char *text, const struct dnssec_algorithm *algorithm)
{
    uint8_t value[NUMBER_MAX];
    size_t length = 0;
    EVP_PKEY *pkey = NULL;
    if (decode_field(text, "PrivateKey", value, &length))
        pkey = EVP_PKEY_new_raw_private_key_ex(NULL, algorithm->key_type, NULL, value, length);
    OPENSSL_cleanse(value, sizeof value);
    return pkey;
}

static EVP_PKEY *parse(char *text, const struct dnssec_algorithm *algorithm,
                       const struct dnskey *key)
{
    switch (algorithm->kind) {
    case DNSSEC_RSA:
        return parse_rsa(text);
    case DNSSEC_ECDSA:
        return parse_ecdsa(text, algorithm, key);
    case DNSSEC_EDWARDS:
        return parse_edwards(text, algorithm);
    }
    return NULL;
}

/* Whether private and public half belong together, and the public half is the DNSKEY's. */
static bool belongs_to(EVP_PKEY *pkey, const struct dnssec_algorithm *algorithm,
                       const struct dnskey *key)
{
    struct dnskey public;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool good = dnskey_from_pkey(algorithm, key->flags, pkey, &public, NULL) == KEYD_OK &&
                dnskey_equal(&public, key) && ctx != NULL && EVP_PKEY_pairwise_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

static enum keyd_status check_fields(const char *path, char *text, bool rsa, struct keyd_error *err)
{
    uint8_t value[NUMBER_MAX];
    size_t length = 0;
    const char *wrong = NULL;
    for (size_t i = 0; i < (rsa ? RSA_FIELDS : 1) && wrong == NULL; i++) {
        const char *name = rsa ? rsa_fields[i].name : "PrivateKey";
        if (!decode_field(text, name, value, &length))
            wrong = name;
    }
    OPENSSL_cleanse(value, sizeof value);
    if (wrong == NULL)
        return KEYD_OK;
    return keyd_fail(err, KEYD_DATA_LOSS, "KEY_FILE", "%s: %s is missing or damaged", path, wrong);
}

enum keyd_status keytext_parse_key(const char *path, char *text, const struct dnskey *key,
                                   EVP_PKEY **pkey, struct keyd_error *err)
{
    const struct dnssec_algorithm *algorithm = dnssec_algorithm_find(key->algorithm);
    if (algorithm == NULL)
        return keyd_fail(err, KEYD_DATA_LOSS, "KEY_FILE", "%s: algorithm %u is not known", path,
                         key->algorithm);
    enum keyd_status status = check_fields(path, text, algorithm->kind == DNSSEC_RSA, err);
    if (status != KEYD_OK)
        return status;
    EVP_PKEY *made = parse(text, algorithm, key);
    if (made == NULL || !belongs_to(made, algorithm, key)) {
        EVP_PKEY_free(made);
        ERR_clear_error();
        return keyd_fail(err, KEYD_DATA_LOSS, "KEY_FILE",
                         "%s is not the private half of the key with tag %u: put the right file "
                         "back from a backup",
                         path, dnskey_tag(key));
    }
    *pkey = made;
    return KEYD_OK;
}
