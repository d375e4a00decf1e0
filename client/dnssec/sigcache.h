/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Signatures kept from one signing to the next, in a file of the zone's state folder: what has not
 * changed needs no new one. The file is not believed: it is under an HMAC-SHA-256 whose key comes
 * from the private halves of the zone's ZSKs, so that only whoever could sign could have written
 * it; and a signature is taken for the same to-be-signed bytes only, by the same key.
 *
 *   magic, version              8 and 4 bytes; numbers are in network order
 *   chunk ...                   of some 256 owners in canonical order, each:
 *     2 bytes and the key       dname_key of its first owner
 *     entry ...                 of one signature each:
 *       1 byte                  which ZSK made it
 *       16 bytes                SHA-256, cut, of the bytes that were signed, the two times as zeros
 *       4, 4 bytes              inception, expiration
 *       signature               as long as those of its ZSK are
 *   the zone, its ZSKs          length and name; count; of each SHA-256 of the DNSKEY's rdata and
 *                               the length of its signatures
 *   index                       count; of each chunk its length, its SHA-256, its first owner
 *   8 bytes                     where the zone stands in the file
 *   32 bytes                    HMAC of all that is outside of the chunks
 *
 * The HMAC is checked before anything of it is used, a chunk's hash before anything of the chunk.
 * No more than the index and one chunk for each thread are held.
 *
 * A file that is missing, of another version, zone or key, or damaged costs time and nothing else.
 * So it is replaced by a rename, but not made to last: what a failing machine leaves of it is seen.
 */
#ifndef DNSSEC_SIGCACHE_H
#define DNSSEC_SIGCACHE_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/bytes.h"
#include "client/dns/dnskey.h"
#include "keyd/base/error.h"

#define SIGCACHE_FILE     "signatures" /* its name in the zone's state folder */
#define SIGCACHE_VERSION  1
#define SIGCACHE_HASH     16 /* bytes: sets that collide (2^64 tries) spoil one of themselves */
#define SIGCACHE_DIGEST   32 /* bytes of a SHA-256 */
#define SIGCACHE_KEYS_MAX 16
#define SIGCACHE_HEAD     12 /* bytes before the first chunk: magic and version */

/* HKDF-SHA-256 (RFC 5869) makes the HMAC's key of the private halves in DER, one behind the other,
 * without salt, with this as its info. */
#define SIGCACHE_LABEL "keyd-dnssec: kept signatures, version 1"

/* What a file is bound to: the zone and its ZSKs. */
struct sigcache_seal;

/* keys and pkeys: the ZSKs and their private halves, in the order in which entries count them; they
 * are looked at and not kept. INTERNAL when a private half cannot be had as bytes: then nothing can
 * be kept. *seal is *owned*. */
enum keyd_status sigcache_seal_new(const uint8_t *zone, const struct dnskey *keys,
                                   EVP_PKEY *const *pkeys, size_t count,
                                   struct sigcache_seal **seal,
                                   struct keyd_error *err) KEYD_CHECKED;
void sigcache_seal_free(struct sigcache_seal *seal); /* takes NULL */

/* Bytes of the signatures of a ZSK; 0 when there is no such one. */
size_t sigcache_signature_length(const struct sigcache_seal *seal, size_t key);

/* ---- Reading -------------------------------------------------------------------------------- */

/* An open file. May be read by any number of threads. */
struct sigcache;

/* seal is *borrowed* for as long as the cache is open. NOT_FOUND when there is no file; DATA_LOSS,
 * reason SIGCACHE, with what is wrong with it, when nothing in it can be used; other errors where
 * it cannot be read. *cache is *owned*. Blocks on the disk. */
enum keyd_status sigcache_open(const char *path, const struct sigcache_seal *seal,
                               struct sigcache **cache, struct keyd_error *err) KEYD_CHECKED;
void sigcache_close(struct sigcache *cache); /* takes NULL */

/* The number of the chunk in which an owner would be. False: in none. */
bool sigcache_locate(const struct sigcache *cache, const uint8_t *owner_key, size_t length,
                     size_t *chunk);

/* Reads a chunk in the place of what is in *bytes; its entries begin at *entries. ctx is used for
 * its hash. False when it is not what it was: noted for sigcache_damaged. Blocks on the disk. */
bool sigcache_read(struct sigcache *cache, size_t chunk, EVP_MD_CTX *ctx, struct bytes *bytes,
                   size_t *entries);

/* The SHA-256 of a chunk that was read: SIGCACHE_DIGEST bytes, the cache's. */
const uint8_t *sigcache_digest(const struct sigcache *cache, size_t chunk);

/* Whether a chunk was not what it was. Its signatures were not used, those of the others are good.
 */
bool sigcache_damaged(const struct sigcache *cache);

/* ---- Writing -------------------------------------------------------------------------------- */

struct sigcache_writer;

/* Begins a new file beside `path`, which a signal that ends the program removes (fatal_watch). seal
 * is *borrowed*. *writer is *owned*: sigcache_commit or sigcache_drop. */
enum keyd_status sigcache_begin(const char *path, const struct sigcache_seal *seal,
                                struct sigcache_writer **writer,
                                struct keyd_error *err) KEYD_CHECKED;

/* Writes one chunk; they come in canonical order. What goes wrong is told by sigcache_commit. */
void sigcache_add(struct sigcache_writer *writer, const uint8_t *chunk, size_t length,
                  const uint8_t digest[SIGCACHE_DIGEST]);

/* Puts the file in its place, whatever is there. Frees the writer, in any case. */
enum keyd_status sigcache_commit(struct sigcache_writer *writer,
                                 struct keyd_error *err) KEYD_CHECKED;
void sigcache_drop(struct sigcache_writer *writer); /* takes NULL */

#endif
