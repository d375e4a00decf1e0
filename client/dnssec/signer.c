/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/signer.h"

#include <openssl/ecdsa.h>

enum keyd_status signature_to_dns(const struct dnssec_algorithm *algorithm, const uint8_t *data,
                                  size_t length, uint8_t signature[DNSSEC_SIGNATURE_MAX],
                                  struct keyd_error *err)
{
    const unsigned char *at = data;
    ECDSA_SIG *pair = length <= INT32_MAX ? d2i_ECDSA_SIG(NULL, &at, (long)length) : NULL;
    int field = (int)algorithm->field;
    int good = pair != NULL && at == data + length && !BN_is_negative(ECDSA_SIG_get0_r(pair)) &&
               !BN_is_negative(ECDSA_SIG_get0_s(pair)) &&
               BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, field) == field &&
               BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + field, field) == field;
    ECDSA_SIG_free(pair);
    if (!good)
        return keyd_fail(err, KEYD_DATA_LOSS, "SIGNATURE",
                         "%zu bytes that are no %s signature came back", length,
                         algorithm->signing_algorithm);
    return KEYD_OK;
}

static enum keyd_status sign_softly(void *context, const uint8_t *message, size_t length,
                                    uint8_t signature[DNSSEC_SIGNATURE_MAX], struct keyd_error *err)
{
    struct soft_signer *soft = context;
    uint8_t der[DNSSEC_SIGNATURE_MAX];
    size_t der_length = sizeof der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int done = ctx != NULL &&
               EVP_DigestSignInit_ex(ctx, NULL, soft->algorithm->hash, NULL, NULL, soft->pkey,
                                     NULL) == 1 &&
               EVP_DigestSign(ctx, der, &der_length, message, length) == 1;
    EVP_MD_CTX_free(ctx);
    if (!done)
        return keyd_fail_openssl(err, "signing with the ZSK");
    return signature_to_dns(soft->algorithm, der, der_length, signature, err);
}

struct dns_signer soft_signer(struct soft_signer *soft, uint16_t key_tag)
{
    return (struct dns_signer){
        .algorithm = soft->algorithm, .key_tag = key_tag, .sign = sign_softly, .context = soft};
}
