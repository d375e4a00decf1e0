/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The lines of a private key in BIND's format v1.3 that hold the key itself: "PrivateKey: ..." for
 * ECDSA and Ed25519, eight numbers for RSA. From and to OpenSSL's keys; what passes through this
 * room's hands is wiped.
 */
#ifndef DNSSEC_KEYTEXT_H
#define DNSSEC_KEYTEXT_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "client/dns/dnskey.h"
#include "keyd/base/error.h"
#include "keyd/base/secret.h"

/* Bytes of a whole key file: RSA-4096 has some 3,800. */
#define KEYTEXT_FILE_MAX 8192

/* Appends text. The caller sees to it that KEYTEXT_FILE_MAX is not passed, by what it writes. */
void keytext_append(struct keyd_secret *text, const char *part);

/* Appends the lines of a key. False when OpenSSL does not give them. */
bool keytext_append_key(struct keyd_secret *text, const struct dnssec_algorithm *algorithm,
                        const EVP_PKEY *pkey);

/* The value of "NAME: value", up to the end of the text; NULL when there is no such line. */
char *keytext_field(char *text, const char *name);

/* The private key of the lines in a text, which must belong to the DNSKEY. The text is as it was
 * when it returns. *pkey is *owned*. DATA_LOSS, KEY_FILE; path is for messages. */
enum keyd_status keytext_parse_key(const char *path, char *text, const struct dnskey *key,
                                   EVP_PKEY **pkey, struct keyd_error *err) KEYD_CHECKED;

#endif
