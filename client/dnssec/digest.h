/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The verifier's look at the digest of a whole zone (RFC 8976, scheme SIMPLE, SHA-384), from the
 * records as they were read, in canonical order. Inside of the verifier.
 */
#ifndef DNSSEC_DIGEST_H
#define DNSSEC_DIGEST_H

#include <openssl/evp.h>
#include <stdint.h>

#include "client/dns/bytes.h"
#include "keyd/base/error.h"

#define DIGEST_SHA384 48 /* bytes */

struct judge;

/* All zero at first. */
struct digest {
    EVP_MD_CTX *ctx;
    struct bytes pending; /* what is digested next */
    uint8_t told[DIGEST_SHA384];
    unsigned line; /* of what told it */
};

/* At the apex: what its ZONEMD says, or that it has none where none is wanted. */
enum keyd_status digest_begin(struct judge *judge, struct keyd_error *err) KEYD_CHECKED;

/* Takes the name that is gathered, the apex too; does nothing where no ZONEMD is wanted. */
enum keyd_status digest_name(struct judge *judge, struct keyd_error *err) KEYD_CHECKED;

/* After the last name. */
enum keyd_status digest_end(struct judge *judge, struct keyd_error *err) KEYD_CHECKED;
void digest_free(struct digest *digest); /* takes one that is all zero */

#endif
