/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Keys of TSIG (RFC 8945): a name, an algorithm and a secret that two servers share, from a file as
 * tsig-keygen writes it and named reads it:
 *
 *   key "NAME" {
 *       algorithm hmac-sha256;
 *       secret "BASE64";
 *   };
 */
#ifndef DNS_TSIGKEY_H
#define DNS_TSIGKEY_H

#include <stdint.h>

#include "client/dns/dname.h"
#include "keyd/base/error.h"
#include "keyd/base/secret.h"

#define TSIG_MAC_MAX 64 /* bytes of a MAC: those of SHA-512 */
#define TSIG_FILE_MAX                                                                              \
    ((size_t)16 * 1024)      /* bytes of a key's file: one key and some words on it                \
                              */
#define TSIG_SECRET_MAX 1024 /* bytes of a secret; tsig-keygen makes at most 64 */

/* hmac-sha224 to hmac-sha512. MD5 and SHA-1 are broken or going (RFC 8945, 6): they have no row. */
struct tsig_algorithm {
    const char *name;   /* on the wire and in files, "hmac-sha256" */
    const char *digest; /* OpenSSL's name */
    size_t mac;         /* bytes */
};

struct tsig_key {
    struct dname name;                      /* lower case */
    const struct tsig_algorithm *algorithm; /* static */
    struct keyd_secret *secret;             /* *owned* */
};

/* The algorithm of that name, in any case and with or without a final dot; NULL when there is none.
 */
const struct tsig_algorithm *tsig_algorithm_find(const char *name, size_t length);

/* Reads a file that holds one key. *key is *owned*: tsig_key_free. The secret is never outside of
 * locked memory. The errors of keyd_secret_read; INVALID_ARGUMENT, reason TSIG_KEY, "FILE:LINE:
 * what" for what is none, another algorithm, a second key. Blocks on the disk. */
enum keyd_status tsig_key_read(const char *path, struct tsig_key *key,
                               struct keyd_error *err) KEYD_CHECKED;
void tsig_key_free(struct tsig_key *key); /* takes one that is all zero */

#endif
