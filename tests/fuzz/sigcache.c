/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A file of kept signatures: whatever is in it, it is used or refused in one line; and of bytes
 * that nobody sealed nothing is used. The first byte says what becomes of the others: the file as
 * it is; the file, with an HMAC that fits put on its end; or a chunk of a file that fits. */
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/dnssec/sigpage.h"
#include "tests/fuzz/fuzz.h"

#define MAC 32

static const uint8_t zone[] = "\7example\3org";

static struct sigcache_seal *seal;
static uint8_t mac_key[MAC];
static volatile uint8_t read_byte;

static void must(bool good)
{
    if (!good)
        abort();
}

/* The same key in each run, so that the corpus is of use. */
static void prepare(void)
{
    static const uint8_t half[32] = "a private half that all may know";
    struct dnskey key = {.flags = DNSKEY_ZSK, .algorithm = 15, .length = 32};
    size_t length = sizeof half;
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, half, sizeof half);
    must(pkey != NULL && EVP_PKEY_get_raw_public_key(pkey, key.key, &length) == 1);
    must(sigcache_seal_new(zone, &key, &pkey, 1, &seal, NULL) == KEYD_OK);
    unsigned char *der = NULL;
    int der_length = i2d_PrivateKey(pkey, &der);
    char hash[] = "SHA256";
    char label[] = SIGCACHE_LABEL;
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, hash, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, der, (size_t)der_length),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, label, sizeof label - 1),
        OSSL_PARAM_construct_end()};
    must(ctx != NULL && EVP_KDF_derive(ctx, mac_key, MAC, params) == 1);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    OPENSSL_free(der);
    EVP_PKEY_free(pkey);
}

/* Over head, tail without HMAC; as the file's own number says where the tail begins. */
static void put_mac(uint8_t *data, size_t size)
{
    struct bytes outside = {0};
    size_t length = 0;
    uint64_t at = 0;
    if (size < SIGCACHE_HEAD + 8 + MAC)
        return;
    for (size_t i = 0; i < 8; i++)
        at = at << 8 | data[size - MAC - 8 + i];
    if (at < SIGCACHE_HEAD || at > size - MAC - 8)
        return;
    bytes_add(&outside, data, SIGCACHE_HEAD);
    bytes_add(&outside, data + at, size - MAC - (size_t)at);
    must(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, mac_key, MAC, outside.data, outside.length,
                   data + size - MAC, MAC, &length) != NULL);
    bytes_free(&outside);
}

/* Looks for sets in all of its chunks. */
static size_t look_through(struct sigcache *cache)
{
    static const struct sigpage_times times = {UINT32_MAX, 0};
    static const char *const owners[] = {"", "a", "m", "\xff"};
    struct sigpage *page = NULL;
    size_t found = 0;
    must(sigpage_new(seal, cache, &times, &page, NULL) == KEYD_OK);
    for (size_t i = 0; i < 16; i++) {
        const char *owner = owners[i % 4];
        struct sigpage_set set = {
            .owner_key = (const uint8_t *)owner, .key_length = strlen(owner), .latest = UINT32_MAX};
        struct sigpage_signature signature;
        memset(set.hash, (int)(i / 4), sizeof set.hash);
        if (!sigpage_find(page, &set, &signature))
            continue;
        found++;
        for (size_t j = 0; j < 64; j++)
            read_byte ^= signature.bytes[j]; /* it is all there */
    }
    sigpage_free(page);
    return found;
}

static size_t open_file(const char *path)
{
    struct sigcache *cache = NULL;
    struct keyd_error err = {.message = ""};
    if (sigcache_open(path, seal, &cache, &err) != KEYD_OK) {
        must(err.message[0] != '\0' && strchr(err.message, '\n') == NULL);
        return 0;
    }
    size_t found = look_through(cache);
    sigcache_close(cache);
    return found;
}

static size_t as_a_file(const uint8_t *data, size_t size, bool sealed)
{
    char path[64];
    int fd = memfd_create("signatures", MFD_CLOEXEC);
    uint8_t *copy = malloc(size + 1);
    must(fd >= 0 && copy != NULL);
    memcpy(copy, data, size);
    if (sealed)
        put_mac(copy, size);
    must(write(fd, copy, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    size_t found = open_file(path);
    free(copy);
    close(fd);
    return found;
}

/* Entries that were sealed, whatever they are. */
static void as_entries(const uint8_t *data, size_t size)
{
    char folder[] = "/tmp/keyd-fuzz.XXXXXX";
    char path[64];
    uint8_t digest[SIGCACHE_DIGEST];
    struct sigcache_writer *writer = NULL;
    struct bytes chunk = {0};
    must(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/signatures", folder);
    must(sigcache_begin(path, seal, &writer, NULL) == KEYD_OK);
    bytes_u16(&chunk, 0);
    bytes_add(&chunk, data, size);
    must(EVP_Q_digest(NULL, "SHA256", NULL, chunk.data, chunk.length, digest, NULL) == 1);
    sigcache_add(writer, chunk.data, chunk.length, digest);
    must(sigcache_commit(writer, NULL) == KEYD_OK);
    open_file(path);
    bytes_free(&chunk);
    unlink(path);
    rmdir(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (seal == NULL)
        prepare();
    if (size == 0)
        return 0;
    if (data[0] == 'E')
        as_entries(data + 1, size - 1);
    else if (data[0] == 'S')
        as_a_file(data + 1, size - 1, true);
    else if (as_a_file(data + 1, size - 1, false) > 0)
        abort();
    return 0;
}
