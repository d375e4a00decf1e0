/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/sigpage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_FIXED (1 + SIGCACHE_HASH + 4 + 4)
#define NO_CHUNK    SIZE_MAX

struct sigpage {
    const struct sigcache_seal *seal;
    struct sigcache *cache;
    struct sigpage_times times;
    EVP_MD *md;
    EVP_MD_CTX *ctx;
    size_t chunk; /* of the cache: the one that is in `old` */
    struct bytes old;
    size_t entries;    /* where they begin in it */
    size_t at;         /* the entry behind the one that was found last */
    struct bytes kept; /* a chunk for the next cache */
};

enum keyd_status sigpage_new(const struct sigcache_seal *seal, struct sigcache *cache,
                             const struct sigpage_times *times, struct sigpage **page,
                             struct keyd_error *err)
{
    struct sigpage *made = calloc(1, sizeof *made);
    if (made == NULL)
        return keyd_fail_errno(err, ENOMEM, "the kept signatures");
    made->seal = seal;
    made->cache = cache;
    made->times = *times;
    made->chunk = NO_CHUNK;
    made->md = EVP_MD_fetch(NULL, "SHA256", NULL);
    made->ctx = EVP_MD_CTX_new();
    if (made->md == NULL || made->ctx == NULL ||
        EVP_DigestInit_ex2(made->ctx, made->md, NULL) != 1) {
        sigpage_free(made);
        return keyd_fail_openssl(err, "the kept signatures");
    }
    *page = made;
    return KEYD_OK;
}

void sigpage_free(struct sigpage *page)
{
    if (page == NULL)
        return;
    EVP_MD_CTX_free(page->ctx);
    EVP_MD_free(page->md);
    bytes_free(&page->old);
    bytes_free(&page->kept);
    free(page);
}

/* By the context that was prepared once: to fetch the hash takes longer than to hash a set. */
static bool hash_with(EVP_MD_CTX *ctx, const uint8_t *data, size_t length,
                      uint8_t digest[SIGCACHE_DIGEST])
{
    return EVP_DigestInit_ex2(ctx, NULL, NULL) == 1 && EVP_DigestUpdate(ctx, data, length) == 1 &&
           EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
}

enum keyd_status sigpage_hash(struct sigpage *page, const uint8_t *message, size_t length,
                              uint8_t hash[SIGCACHE_HASH], struct keyd_error *err)
{
    uint8_t digest[SIGCACHE_DIGEST];
    if (!hash_with(page->ctx, message, length, digest))
        return keyd_fail_openssl(err, "the hash of an RRset");
    memcpy(hash, digest, SIGCACHE_HASH);
    return KEYD_OK;
}

/* ---- Finding -------------------------------------------------------------------------------- */

/* Length of the entry there; 0 when there is none. */
static size_t entry_length(const struct sigpage *page, size_t at)
{
    if (at >= page->old.length)
        return 0;
    size_t signature = sigcache_signature_length(page->seal, page->old.data[at]);
    size_t length = ENTRY_FIXED + signature;
    return signature > 0 && length <= page->old.length - at ? length : 0;
}

static bool is_of(const struct sigpage *page, size_t at, const struct sigpage_set *set)
{
    const uint8_t *entry = page->old.data + at;
    return entry_length(page, at) > 0 && entry[0] == set->zsk &&
           memcmp(entry + 1, set->hash, SIGCACHE_HASH) == 0;
}

/* Makes the chunk in which the set would be the one at hand. */
static bool turn_to(struct sigpage *page, const struct sigpage_set *set)
{
    size_t chunk;
    if (!sigcache_locate(page->cache, set->owner_key, set->key_length, &chunk))
        return false;
    if (chunk != page->chunk) {
        page->chunk = chunk;
        if (!sigcache_read(page->cache, chunk, page->ctx, &page->old, &page->entries))
            bytes_reset(&page->old);
    }
    page->at = page->entries;
    return true;
}

static bool search(struct sigpage *page, const struct sigpage_set *set)
{
    if (page->chunk != NO_CHUNK && is_of(page, page->at, set))
        return true;
    if (!turn_to(page, set))
        return false;
    size_t length;
    for (; (length = entry_length(page, page->at)) > 0; page->at += length) {
        if (is_of(page, page->at, set))
            return true;
    }
    return false;
}

bool sigpage_find(struct sigpage *page, const struct sigpage_set *set,
                  struct sigpage_signature *signature)
{
    if (page->cache == NULL || !search(page, set))
        return false;
    size_t length = entry_length(page, page->at);
    struct cursor entry = cursor_over(page->old.data + page->at, length);
    cursor_take(&entry, 1 + SIGCACHE_HASH);
    struct sigpage_signature found = {.inception = cursor_u32(&entry),
                                      .expiration = cursor_u32(&entry)};
    found.bytes = entry.at;
    page->at += length;
    if (found.inception > page->times.begun || found.expiration < page->times.least ||
        found.expiration > set->latest)
        return false;
    *signature = found;
    return true;
}

/* ---- Keeping -------------------------------------------------------------------------------- */

void sigpage_keep(struct sigpage *page, const struct sigpage_set *set,
                  const struct sigpage_signature *signature)
{
    struct bytes *kept = &page->kept;
    if (kept->length == 0) {
        bytes_u16(kept, (unsigned)set->key_length);
        bytes_add(kept, set->owner_key, set->key_length);
    }
    bytes_u8(kept, (unsigned)set->zsk);
    bytes_add(kept, set->hash, SIGCACHE_HASH);
    bytes_u32(kept, signature->inception);
    bytes_u32(kept, signature->expiration);
    bytes_add(kept, signature->bytes, sigcache_signature_length(page->seal, set->zsk));
}

/* A chunk that is as it was has the hash that it had. */
static bool digest_kept(const struct sigpage *page, uint8_t digest[SIGCACHE_DIGEST])
{
    const struct bytes *kept = &page->kept;
    bool as_it_was = page->chunk != NO_CHUNK && kept->length == page->old.length &&
                     memcmp(kept->data, page->old.data, kept->length) == 0;
    if (!as_it_was)
        return hash_with(page->ctx, kept->data, kept->length, digest);
    memcpy(digest, sigcache_digest(page->cache, page->chunk), SIGCACHE_DIGEST);
    return true;
}

enum keyd_status sigpage_take(struct sigpage *page, struct bytes *out, struct keyd_error *err)
{
    uint8_t digest[SIGCACHE_DIGEST] = {0};
    struct bytes *kept = &page->kept;
    if (kept->failed)
        return keyd_fail_errno(err, ENOMEM, "the kept signatures");
    if (kept->length > 0 && !digest_kept(page, digest))
        return keyd_fail_openssl(err, "the kept signatures");
    bytes_add(out, kept->data, kept->length);
    bytes_add(out, digest, sizeof digest);
    bytes_u32(out, (uint32_t)kept->length);
    bytes_reset(kept);
    return KEYD_OK;
}

size_t sigpage_write(struct sigcache_writer *writer, const uint8_t *data, size_t length)
{
    struct cursor tail = cursor_over(data + length - 4, 4);
    size_t chunk = cursor_u32(&tail);
    size_t before = length - 4 - SIGCACHE_DIGEST - chunk;
    if (chunk > 0)
        sigcache_add(writer, data + before, chunk, data + before + chunk);
    return before;
}
