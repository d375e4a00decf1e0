/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A signer whose key is here, read from a file: signs with OpenSSL, on as many threads as there
 * are.
 */
#ifndef DNSSEC_SOFTSIGNER_H
#define DNSSEC_SOFTSIGNER_H

#include "client/dnssec/signer.h"

/* pkey is *borrowed* and must outlive the signer, as must the soft_signer. */
struct soft_signer {
    const struct dnssec_algorithm *algorithm;
    EVP_PKEY *pkey;
};

/* The DNSKEY is looked at and not kept. */
struct dns_signer soft_signer(struct soft_signer *soft, const struct dnskey *key);

#endif
