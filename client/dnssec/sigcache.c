/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file and what protects it; what is in a chunk is sigpage.c's to know. */
#include "client/dnssec/sigcache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/dns/dname.h"
#include "keyd/base/fatal.h"
#include "keyd/base/secret.h"

#define MAC        32
#define TAIL       (8 + MAC)
#define INDEX_MAX  ((size_t)256 << 20) /* bytes: of some billion signatures */
#define CHUNK_MAX  ((size_t)256 << 20) /* bytes: 256 owners have 50,000, with many keys more */
#define BUFFER     ((size_t)1 << 20)   /* bytes that are written at once */
#define PKEY_MAX   16384               /* bytes of a private half: RSA-4096 has 2,400 */
#define LEAF_FIXED (4 + SIGCACHE_DIGEST + 2)

static const uint8_t magic[8] = {'K', 'E', 'Y', 'D', 'S', 'I', 'G', '\n'};

struct sigcache_seal {
    struct bytes head;          /* magic and version */
    struct bytes bond;          /* the zone and its ZSKs, as they stand in the file */
    size_t zone_length;         /* of that: what says the zone */
    struct keyd_secret *secret; /* MAC bytes: the HMAC's key */
    size_t lengths[SIGCACHE_KEYS_MAX];
    size_t count;
};

/* ---- The seal ------------------------------------------------------------------------------- */

static enum keyd_status bind_key(struct sigcache_seal *seal, const struct dnskey *key,
                                 struct keyd_error *err)
{
    struct bytes rdata = {0};
    uint8_t digest[SIGCACHE_DIGEST];
    dnskey_rdata(key, &rdata);
    bool good = !rdata.failed &&
                EVP_Q_digest(NULL, "SHA256", NULL, rdata.data, rdata.length, digest, NULL) == 1;
    bytes_free(&rdata);
    if (!good)
        return keyd_fail_openssl(err, "the ZSK's hash");
    seal->lengths[seal->count++] = dnskey_signature_length(key);
    bytes_add(&seal->bond, digest, sizeof digest);
    bytes_u16(&seal->bond, (unsigned)dnskey_signature_length(key));
    return KEYD_OK;
}

/* Appends a private half in DER. */
static enum keyd_status add_private(const EVP_PKEY *pkey, struct keyd_secret *secret,
                                    struct keyd_error *err)
{
    unsigned char *at = secret->data + secret->length;
    int length = i2d_PrivateKey(pkey, NULL);
    if (length > 0 && (size_t)length <= secret->size - secret->length &&
        i2d_PrivateKey(pkey, &at) == length) {
        secret->length += (size_t)length;
        return KEYD_OK;
    }
    return keyd_fail_openssl(err, "the ZSK's private half cannot be had as bytes");
}

/* RFC 5869. */
static bool derive(const struct keyd_secret *from, struct keyd_secret *to)
{
    char label[] = SIGCACHE_LABEL;
    char hash[] = "SHA256";
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, hash, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, from->data, from->length),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, label, sizeof label - 1),
        OSSL_PARAM_construct_end()};
    bool good = ctx != NULL && EVP_KDF_derive(ctx, to->data, MAC, params) == 1;
    to->length = MAC;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return good;
}

static enum keyd_status make_secret(struct sigcache_seal *seal, EVP_PKEY *const *pkeys,
                                    size_t count, struct keyd_error *err)
{
    enum keyd_status status = KEYD_OK;
    struct keyd_secret *halves = keyd_secret_new(PKEY_MAX);
    seal->secret = keyd_secret_new(MAC);
    if (halves == NULL || seal->secret == NULL)
        status = keyd_fail_errno(err, errno, "memory for a secret");
    for (size_t i = 0; i < count && status == KEYD_OK; i++)
        status = add_private(pkeys[i], halves, err);
    if (status == KEYD_OK && !derive(halves, seal->secret))
        status = keyd_fail_openssl(err, "a key from the ZSK's private half");
    keyd_secret_free(halves);
    return status;
}

static enum keyd_status bind_all(struct sigcache_seal *seal, const uint8_t *zone,
                                 const struct dnskey *keys, size_t count, struct keyd_error *err)
{
    enum keyd_status status = KEYD_OK;
    bytes_add(&seal->head, magic, sizeof magic);
    bytes_u32(&seal->head, SIGCACHE_VERSION);
    bytes_u8(&seal->bond, (unsigned)dname_length(zone));
    bytes_add(&seal->bond, zone, dname_length(zone));
    if (!seal->bond.failed)
        dname_lower(seal->bond.data + 1);
    seal->zone_length = seal->bond.length;
    bytes_u8(&seal->bond, (unsigned)count);
    for (size_t i = 0; i < count && status == KEYD_OK; i++)
        status = bind_key(seal, &keys[i], err);
    if (status == KEYD_OK && (seal->head.failed || seal->bond.failed))
        status = keyd_fail_errno(err, ENOMEM, "the kept signatures");
    return status;
}

enum keyd_status sigcache_seal_new(const uint8_t *zone, const struct dnskey *keys,
                                   EVP_PKEY *const *pkeys, size_t count,
                                   struct sigcache_seal **seal, struct keyd_error *err)
{
    struct sigcache_seal *made = calloc(1, sizeof *made);
    if (made == NULL)
        return keyd_fail_errno(err, ENOMEM, "the kept signatures");
    enum keyd_status status =
        count > SIGCACHE_KEYS_MAX
            ? keyd_fail(err, KEYD_INTERNAL, "KEYS", "more than %d ZSKs", SIGCACHE_KEYS_MAX)
            : bind_all(made, zone, keys, count, err);
    if (status == KEYD_OK)
        status = make_secret(made, pkeys, count, err);
    if (status != KEYD_OK) {
        sigcache_seal_free(made);
        return status;
    }
    *seal = made;
    return KEYD_OK;
}

void sigcache_seal_free(struct sigcache_seal *seal)
{
    if (seal == NULL)
        return;
    bytes_free(&seal->head);
    bytes_free(&seal->bond);
    keyd_secret_free(seal->secret);
    free(seal);
}

size_t sigcache_signature_length(const struct sigcache_seal *seal, size_t key)
{
    return key < seal->count ? seal->lengths[key] : 0;
}

/* The HMAC of all that is outside of the chunks. */
static bool make_mac(const struct sigcache_seal *seal, const struct bytes *data, uint8_t mac[MAC])
{
    size_t length = 0;
    return EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, seal->secret->data, seal->secret->length,
                     data->data, data->length, mac, MAC, &length) != NULL &&
           length == MAC;
}

/* ---- Reading -------------------------------------------------------------------------------- */

struct leaf {
    uint64_t at; /* in the file */
    uint32_t length;
    const uint8_t *digest;
    const uint8_t *owner_key;
    uint16_t key_length;
};

struct sigcache {
    char path[PATH_MAX];
    const struct sigcache_seal *seal;
    int fd;
    uint64_t size;
    uint64_t end_of_chunks;
    struct bytes outside; /* of the chunks: head, bond, index, and where they begin */
    uint8_t mac[MAC];
    struct leaf *leaves;
    size_t count;
    atomic_bool damaged;
};

static enum keyd_status useless(const struct sigcache *cache, struct keyd_error *err,
                                const char *what)
{
    return keyd_fail(err, KEYD_DATA_LOSS, "SIGCACHE", "%s: %s", cache->path, what);
}

static enum keyd_status damaged(const struct sigcache *cache, struct keyd_error *err)
{
    return useless(cache, err, "it is damaged");
}

/* False: with errno, 0 where the file ends before. */
static bool read_at(int fd, uint8_t *to, size_t length, uint64_t at)
{
    while (length > 0) {
        ssize_t n = pread(fd, to, length, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = 0;
        if (n <= 0)
            return false;
        to += n;
        at += (uint64_t)n;
        length -= (size_t)n;
    }
    return true;
}

static enum keyd_status append_at(struct sigcache *cache, uint64_t at, size_t length,
                                  struct keyd_error *err)
{
    uint8_t *room = bytes_room(&cache->outside, length);
    if (room == NULL)
        return keyd_fail_errno(err, ENOMEM, "%s", cache->path);
    if (!read_at(cache->fd, room, length, at))
        return errno != 0 ? keyd_fail_errno(err, errno, "%s", cache->path) : damaged(cache, err);
    bytes_used(&cache->outside, length);
    return KEYD_OK;
}

static enum keyd_status check_head(struct sigcache *cache, struct keyd_error *err)
{
    struct stat st;
    if (fstat(cache->fd, &st) != 0)
        return keyd_fail_errno(err, errno, "%s", cache->path);
    if (!S_ISREG(st.st_mode) || st.st_size < SIGCACHE_HEAD)
        return damaged(cache, err);
    cache->size = (uint64_t)st.st_size;
    enum keyd_status status = append_at(cache, 0, SIGCACHE_HEAD, err);
    if (status != KEYD_OK)
        return status;
    struct cursor head = cursor_over(cache->outside.data, SIGCACHE_HEAD);
    if (memcmp(cursor_take(&head, sizeof magic), magic, sizeof magic) != 0)
        return damaged(cache, err);
    uint32_t version = cursor_u32(&head);
    if (version != SIGCACHE_VERSION)
        return keyd_fail(err, KEYD_DATA_LOSS, "SIGCACHE",
                         "%s: it is of version %u, this program has version %d", cache->path,
                         version, SIGCACHE_VERSION);
    return KEYD_OK;
}

/* What is behind the chunks, without the HMAC. */
static enum keyd_status read_outside(struct sigcache *cache, struct keyd_error *err)
{
    uint8_t tail[TAIL];
    if (cache->size < SIGCACHE_HEAD + TAIL)
        return damaged(cache, err);
    if (!read_at(cache->fd, tail, TAIL, cache->size - TAIL))
        return errno != 0 ? keyd_fail_errno(err, errno, "%s", cache->path) : damaged(cache, err);
    struct cursor cursor = cursor_over(tail, TAIL);
    uint64_t high = cursor_u32(&cursor);
    cache->end_of_chunks = high << 32 | cursor_u32(&cursor);
    memcpy(cache->mac, tail + 8, MAC);
    if (cache->end_of_chunks < SIGCACHE_HEAD || cache->end_of_chunks > cache->size - TAIL ||
        cache->size - TAIL - cache->end_of_chunks > INDEX_MAX)
        return damaged(cache, err);
    return append_at(cache, cache->end_of_chunks,
                     (size_t)(cache->size - MAC - cache->end_of_chunks), err);
}

/* The HMAC would not fit either, but this can say why. */
static enum keyd_status check_bond(const struct sigcache *cache, struct cursor *outside,
                                   struct keyd_error *err)
{
    const struct bytes *bond = &cache->seal->bond;
    size_t left = cursor_left(outside);
    const uint8_t *at = outside->at;
    if (left < bond->length || memcmp(at, bond->data, cache->seal->zone_length) != 0)
        return useless(cache, err, "it is of another zone, or damaged");
    if (memcmp(at, bond->data, bond->length) != 0)
        return useless(cache, err, "it is of other ZSKs, or damaged");
    cursor_take(outside, bond->length);
    return KEYD_OK;
}

static enum keyd_status check_mac(const struct sigcache *cache, struct keyd_error *err)
{
    uint8_t mac[MAC];
    if (!make_mac(cache->seal, &cache->outside, mac))
        return keyd_fail_openssl(err, "%s", cache->path);
    return CRYPTO_memcmp(mac, cache->mac, MAC) == 0
               ? KEYD_OK
               : useless(cache, err, "it is damaged, or the ZSK's owner did not write it");
}

static enum keyd_status take_leaves(struct sigcache *cache, struct cursor *index,
                                    struct keyd_error *err)
{
    uint64_t at = SIGCACHE_HEAD;
    size_t count = cursor_u32(index);
    if (count > cursor_left(index) / LEAF_FIXED)
        return damaged(cache, err);
    cache->leaves = calloc(count + 1, sizeof *cache->leaves);
    if (cache->leaves == NULL)
        return keyd_fail_errno(err, ENOMEM, "%s", cache->path);
    for (; cache->count < count; cache->count++) {
        struct leaf *leaf = &cache->leaves[cache->count];
        leaf->at = at;
        leaf->length = cursor_u32(index);
        leaf->digest = cursor_take(index, SIGCACHE_DIGEST);
        leaf->key_length = cursor_u16(index);
        leaf->owner_key = cursor_take(index, leaf->key_length);
        at += leaf->length;
        if (index->failed || leaf->length > CHUNK_MAX || leaf->length < 2U + leaf->key_length)
            return damaged(cache, err);
    }
    return at == cache->end_of_chunks && cursor_left(index) == 8 ? KEYD_OK : damaged(cache, err);
}

static enum keyd_status open_all(struct sigcache *cache, struct keyd_error *err)
{
    enum keyd_status status = check_head(cache, err);
    if (status == KEYD_OK)
        status = read_outside(cache, err);
    if (status != KEYD_OK)
        return status;
    struct cursor outside = cursor_over(cache->outside.data, cache->outside.length);
    cursor_take(&outside, SIGCACHE_HEAD);
    status = check_bond(cache, &outside, err);
    if (status == KEYD_OK)
        status = check_mac(cache, err);
    return status == KEYD_OK ? take_leaves(cache, &outside, err) : status;
}

enum keyd_status sigcache_open(const char *path, const struct sigcache_seal *seal,
                               struct sigcache **cache, struct keyd_error *err)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return keyd_fail_errno(err, errno, "%s", path);
    struct sigcache *made = calloc(1, sizeof *made);
    if (made == NULL) {
        close(fd);
        return keyd_fail_errno(err, ENOMEM, "%s", path);
    }
    made->fd = fd;
    made->seal = seal;
    snprintf(made->path, sizeof made->path, "%s", path);
    enum keyd_status status = open_all(made, err);
    if (status != KEYD_OK) {
        sigcache_close(made);
        return status;
    }
    *cache = made;
    return KEYD_OK;
}

void sigcache_close(struct sigcache *cache)
{
    if (cache == NULL)
        return;
    close(cache->fd);
    bytes_free(&cache->outside);
    free(cache->leaves);
    free(cache);
}

static int compare_keys(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
    size_t shorter = a_length < b_length ? a_length : b_length;
    int difference = shorter > 0 ? memcmp(a, b, shorter) : 0;
    return difference != 0 ? difference : (a_length > b_length) - (a_length < b_length);
}

bool sigcache_locate(const struct sigcache *cache, const uint8_t *owner_key, size_t length,
                     size_t *chunk)
{
    size_t low = 0;
    size_t high = cache->count; /* the first chunk that begins behind the owner */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct leaf *leaf = &cache->leaves[middle];
        if (compare_keys(leaf->owner_key, leaf->key_length, owner_key, length) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    *chunk = low - 1;
    return low > 0;
}

bool sigcache_read(struct sigcache *cache, size_t chunk, EVP_MD_CTX *ctx, struct bytes *bytes,
                   size_t *entries)
{
    const struct leaf *leaf = &cache->leaves[chunk];
    uint8_t digest[SIGCACHE_DIGEST];
    bytes_reset(bytes);
    uint8_t *room = bytes_room(bytes, leaf->length);
    if (room == NULL)
        return false; /* no memory for it: its signatures are made */
    bool good = read_at(cache->fd, room, leaf->length, leaf->at) &&
                EVP_DigestInit_ex2(ctx, NULL, NULL) == 1 &&
                EVP_DigestUpdate(ctx, room, leaf->length) == 1 &&
                EVP_DigestFinal_ex(ctx, digest, NULL) == 1 &&
                memcmp(digest, leaf->digest, sizeof digest) == 0;
    if (!good) {
        atomic_store(&cache->damaged, true);
        return false;
    }
    bytes_used(bytes, leaf->length);
    *entries = 2U + leaf->key_length;
    return true;
}

const uint8_t *sigcache_digest(const struct sigcache *cache, size_t chunk)
{
    return cache->leaves[chunk].digest;
}

bool sigcache_damaged(const struct sigcache *cache)
{
    return atomic_load(&cache->damaged);
}

/* ---- Writing -------------------------------------------------------------------------------- */

struct sigcache_writer {
    char path[PATH_MAX];
    char fresh[PATH_MAX];
    const struct sigcache_seal *seal;
    int fd;
    int pending; /* of fatal_remove */
    uint64_t written;
    struct bytes buffer;
    struct bytes index;
    uint32_t count;
    enum keyd_status status;
    struct keyd_error err;
};

static void flush_buffer(struct sigcache_writer *writer)
{
    const uint8_t *at = writer->buffer.data;
    size_t length = writer->buffer.length;
    while (length > 0 && writer->status == KEYD_OK) {
        ssize_t n = write(writer->fd, at, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            writer->status = keyd_fail_errno(&writer->err, errno, "%s", writer->fresh);
            return;
        }
        at += n;
        length -= (size_t)n;
    }
    bytes_reset(&writer->buffer);
}

static void put(struct sigcache_writer *writer, const void *data, size_t length)
{
    bytes_add(&writer->buffer, data, length);
    writer->written += length;
    if (writer->buffer.failed && writer->status == KEYD_OK)
        writer->status = keyd_fail_errno(&writer->err, ENOMEM, "%s", writer->fresh);
    if (writer->buffer.length >= BUFFER)
        flush_buffer(writer);
}

enum keyd_status sigcache_begin(const char *path, const struct sigcache_seal *seal,
                                struct sigcache_writer **writer, struct keyd_error *err)
{
    struct sigcache_writer *made = calloc(1, sizeof *made);
    if (made == NULL)
        return keyd_fail_errno(err, ENOMEM, "%s", path);
    made->seal = seal;
    made->fd = -1;
    snprintf(made->path, sizeof made->path, "%s", path);
    if (snprintf(made->fresh, sizeof made->fresh, "%s.XXXXXX", path) >= (int)sizeof made->fresh)
        errno = ENAMETOOLONG;
    else
        made->fd = mkostemp(made->fresh, O_CLOEXEC);
    if (made->fd < 0) {
        int saved = errno;
        free(made);
        return keyd_fail_errno(err, saved, "%s", path);
    }
    made->pending = fatal_remove(made->fresh);
    put(made, seal->head.data, seal->head.length);
    *writer = made;
    return KEYD_OK;
}

void sigcache_add(struct sigcache_writer *writer, const uint8_t *chunk, size_t length,
                  const uint8_t digest[SIGCACHE_DIGEST])
{
    struct cursor cursor = cursor_over(chunk, length);
    uint16_t key_length = cursor_u16(&cursor);
    bytes_u32(&writer->index, (uint32_t)length);
    bytes_add(&writer->index, digest, SIGCACHE_DIGEST);
    bytes_u16(&writer->index, key_length);
    bytes_add(&writer->index, cursor_take(&cursor, key_length), key_length);
    writer->count++;
    put(writer, chunk, length);
}

/* The zone, the index, where they begin, and the HMAC. */
static void put_outside(struct sigcache_writer *writer)
{
    uint8_t mac[MAC];
    struct bytes outside = {0};
    uint64_t end_of_chunks = writer->written;
    bytes_add(&outside, writer->seal->head.data, writer->seal->head.length);
    bytes_add(&outside, writer->seal->bond.data, writer->seal->bond.length);
    bytes_u32(&outside, writer->count);
    bytes_add(&outside, writer->index.data, writer->index.length);
    bytes_u32(&outside, (uint32_t)(end_of_chunks >> 32));
    bytes_u32(&outside, (uint32_t)end_of_chunks);
    if (writer->index.failed || outside.failed)
        writer->status = keyd_fail_errno(&writer->err, ENOMEM, "%s", writer->fresh);
    else if (!make_mac(writer->seal, &outside, mac))
        writer->status = keyd_fail_openssl(&writer->err, "%s", writer->fresh);
    else
        put(writer, outside.data + SIGCACHE_HEAD, outside.length - SIGCACHE_HEAD);
    if (writer->status == KEYD_OK)
        put(writer, mac, MAC);
    bytes_free(&outside);
}

static void release(struct sigcache_writer *writer)
{
    fatal_keep(writer->pending);
    close(writer->fd);
    bytes_free(&writer->buffer);
    bytes_free(&writer->index);
    free(writer);
}

enum keyd_status sigcache_commit(struct sigcache_writer *writer, struct keyd_error *err)
{
    if (writer->status == KEYD_OK)
        put_outside(writer);
    if (writer->status == KEYD_OK)
        flush_buffer(writer);
    if (writer->status == KEYD_OK && rename(writer->fresh, writer->path) != 0)
        writer->status = keyd_fail_errno(&writer->err, errno, "%s", writer->path);
    enum keyd_status status = writer->status;
    if (status != KEYD_OK) {
        unlink(writer->fresh);
        if (err != NULL)
            *err = writer->err;
    }
    release(writer);
    return status;
}

void sigcache_drop(struct sigcache_writer *writer)
{
    if (writer == NULL)
        return;
    unlink(writer->fresh);
    release(writer);
}
