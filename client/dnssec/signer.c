/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/signer.h"

#include <openssl/ecdsa.h>
#include <string.h>

static bool split_der(const uint8_t *data, size_t length, size_t wanted, uint8_t *signature)
{
    const unsigned char *at = data;
    ECDSA_SIG *pair = length <= INT32_MAX ? d2i_ECDSA_SIG(NULL, &at, (long)length) : NULL;
    int field = (int)(wanted / 2);
    bool good = pair != NULL && at == data + length && !BN_is_negative(ECDSA_SIG_get0_r(pair)) &&
                !BN_is_negative(ECDSA_SIG_get0_s(pair)) &&
                BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, field) == field &&
                BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + field, field) == field;
    ECDSA_SIG_free(pair);
    return good;
}

enum keyd_status signature_to_dns(const struct dnssec_algorithm *algorithm, size_t wanted,
                                  const uint8_t *data, size_t length,
                                  uint8_t signature[DNSSEC_SIGNATURE_MAX], struct keyd_error *err)
{
    bool good = false;
    if (algorithm->kind == DNSSEC_ECDSA) {
        good = split_der(data, length, wanted, signature);
    } else if (length == wanted && length > 0 && length <= DNSSEC_SIGNATURE_MAX) {
        memcpy(signature, data, length);
        good = true;
    }
    if (good)
        return KEYD_OK;
    return keyd_fail(err, KEYD_DATA_LOSS, "SIGNATURE",
                     "%zu bytes that are no %s signature came back", length,
                     algorithm->signing_algorithm);
}

enum keyd_status signer_sign(const struct dns_signer *signer, const uint8_t *message, size_t length,
                             uint8_t signature[DNSSEC_SIGNATURE_MAX], struct keyd_error *err)
{
    uint8_t answer[DNSSEC_SIGNATURE_MAX];
    size_t answer_length = 0;
    enum keyd_status status =
        signer->sign(signer->context, message, length, answer, &answer_length, err);
    if (status != KEYD_OK)
        return status;
    return signature_to_dns(signer->algorithm, signer->signature_length, answer, answer_length,
                            signature, err);
}

static enum keyd_status sign_softly(void *context, const uint8_t *message, size_t length,
                                    uint8_t signature[DNSSEC_SIGNATURE_MAX],
                                    size_t *signature_length, struct keyd_error *err)
{
    struct soft_signer *soft = context;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    *signature_length = DNSSEC_SIGNATURE_MAX;
    int done = ctx != NULL &&
               EVP_DigestSignInit_ex(ctx, NULL, soft->algorithm->hash, NULL, NULL, soft->pkey,
                                     NULL) == 1 &&
               EVP_DigestSign(ctx, signature, signature_length, message, length) == 1;
    EVP_MD_CTX_free(ctx);
    return done ? KEYD_OK : keyd_fail_openssl(err, "signing with the ZSK");
}

struct dns_signer soft_signer(struct soft_signer *soft, const struct dnskey *key)
{
    return (struct dns_signer){.algorithm = soft->algorithm,
                               .key_tag = dnskey_tag(key),
                               .signature_length = dnskey_signature_length(key),
                               .sign = sign_softly,
                               .context = soft};
}
