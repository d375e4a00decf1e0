/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The public half of a pair: from a token's attributes to SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
 * Modules write an EC point in several forms; what comes out here has one.
 */
#ifndef KEYD_HSM_SPKI_H
#define KEYD_HSM_SPKI_H

#include "keyd/hsm/mechanism.h"
#include "keyd/hsm/session.h"

/* A public half as DER SubjectPublicKeyInfo, checked to be a key of its spec: a point of its curve;
 * a modulus of its size that is no prime, and the exponent 65537. *der is *owned* (OPENSSL_free).
 * INTERNAL, KEY_PUBLIC when it is none; UNIMPLEMENTED, KEY_SPEC. Blocks as long as the module does.
 */
enum keyd_status spki_read(const struct session *session, CK_OBJECT_HANDLE public_key,
                           key_spec spec, uint8_t **der, size_t *size,
                           struct keyd_error *err) KEYD_CHECKED;

#endif
