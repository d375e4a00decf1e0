/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/hsm.h"

static enum keyd_status sign_in_hsm(void *context, const uint8_t *message, size_t length,
                                    uint8_t signature[DNSSEC_SIGNATURE_MAX], struct keyd_error *err)
{
    struct hsm_signer *signer = context;
    uint8_t answer[DNSSEC_SIGNATURE_MAX];
    size_t answer_length = 0;
    enum keyd_status status =
        signer->backend->sign(signer->hsm, signer->key_id, signer->algorithm->signing_algorithm,
                              message, length, answer, &answer_length, err);
    if (status != KEYD_OK)
        return status;
    return signature_to_dns(signer->algorithm, answer, answer_length, signature, err);
}

struct dns_signer hsm_signer(struct hsm_signer *signer, uint16_t key_tag)
{
    return (struct dns_signer){
        .algorithm = signer->algorithm, .key_tag = key_tag, .sign = sign_in_hsm, .context = signer};
}
