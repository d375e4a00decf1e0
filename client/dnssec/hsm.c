/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/hsm.h"

static enum keyd_status sign_in_hsm(void *context, void *desk, const uint8_t *message,
                                    size_t length, uint8_t signature[DNSSEC_SIGNATURE_MAX],
                                    size_t *signature_length, struct keyd_error *err)
{
    (void)desk;
    struct hsm_signer *signer = context;
    return signer->backend->sign(signer->hsm, signer->key_id, signer->algorithm->signing_algorithm,
                                 message, length, signature, signature_length, err);
}

struct dns_signer hsm_signer(struct hsm_signer *signer, const struct dnskey *key)
{
    return (struct dns_signer){.algorithm = signer->algorithm,
                               .key_tag = dnskey_tag(key),
                               .signature_length = dnskey_signature_length(key),
                               .sign = sign_in_hsm,
                               .context = signer};
}
