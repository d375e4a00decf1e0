/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Private keys in files, in BIND's format v1.3: K<zone>.+<algorithm>+<tag>.private (0600) and .key
 * (0644, the DNSKEY record). BIND's and ldns' tools read them. The private half's text is held in a
 * keyd_secret, its binary form only in OpenSSL's key.
 */
#ifndef DNSSEC_KEYFILE_H
#define DNSSEC_KEYFILE_H

#include <openssl/evp.h>
#include <stdint.h>

#include "client/dns/dnskey.h"
#include "keyd/base/error.h"

#define KEYFILE_NAME                                                                               \
    800 /* characters with the NUL: a name with every byte as %XX, and the rest                    \
         */

/* A zone's name as a file's: lower case, bytes outside of [a-z0-9_-] as %XX, as BIND does; with the
 * final dot, the root is ".". */
void keyfile_zone_name(const uint8_t *zone, char name[KEYFILE_NAME]);

/* "Kexample.org.+013+12345", without folder and ending. */
void keyfile_name(const uint8_t *zone, const struct dnskey *key, char name[KEYFILE_NAME]);

#define KEYFILE_RSA_BITS 2048 /* of a ZSK, whose signatures fill every answer */

/* A new key pair of an algorithm, with OpenSSL; RSA: of KEYFILE_RSA_BITS. *pkey is *owned*:
 * EVP_PKEY_free. */
enum keyd_status keyfile_generate(const struct dnssec_algorithm *algorithm, uint16_t flags,
                                  EVP_PKEY **pkey, struct dnskey *key,
                                  struct keyd_error *err) KEYD_CHECKED;

/* Writes both files, the private one last: where it is, the pair is complete. now_ms: for the
 * times in it. */
enum keyd_status keyfile_write(const char *folder, const uint8_t *zone, const EVP_PKEY *pkey,
                               const struct dnskey *key, int64_t now_ms,
                               struct keyd_error *err) KEYD_CHECKED;

/* Reads FOLDER/NAME.private, and checks that it is the private half of *key. *pkey is *owned*. */
enum keyd_status keyfile_load(const char *folder, const char *name, const struct dnskey *key,
                              EVP_PKEY **pkey, struct keyd_error *err) KEYD_CHECKED;

/* Reads the DNSKEY of FOLDER/NAME.key, whose owner must be the zone. */
enum keyd_status keyfile_load_public(const char *folder, const char *name, const uint8_t *zone,
                                     struct dnskey *key, struct keyd_error *err) KEYD_CHECKED;

/* A pair made elsewhere, such as by dnssec-keygen or ldns-keygen: path is that of either file or
 * what they have in common. The files must be as keyfile_load and keyfile_load_public want them.
 * *pkey is *owned*. */
enum keyd_status keyfile_load_pair(const char *path, const uint8_t *zone, struct dnskey *key,
                                   EVP_PKEY **pkey, struct keyd_error *err) KEYD_CHECKED;

/* The paths of the two. */
enum keyd_status keyfile_pair(const char *path, char public[PATH_MAX], char private[PATH_MAX],
                              struct keyd_error *err) KEYD_CHECKED;

#define KEYFILE_TIMES 160 /* characters of keyfile_times with the NUL */

/* What BIND's times in the .key file of such a pair say against signing with it now: "Inactive
 * 20270101000000, ...". Empty when there is nothing. */
void keyfile_times(const char *path, int64_t now_ms, char text[KEYFILE_TIMES]);

#endif
