/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/soak/signature.h"

#include <err.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#define USUAL_LENGTH_MAX 400 /* bytes of a message: an RRset */
#define LONG_ONES        64  /* one of so many is of any length */

struct algorithm {
    const char *key_spec; /* how it begins */
    const char *name;
    const char *hash; /* NULL: none */
    bool pss;
};

static const struct algorithm algorithms[] = {
    {"ECC_NIST_P256", "ECDSA_SHA_256", "SHA256", false},
    {"ECC_NIST_P384", "ECDSA_SHA_384", "SHA384", false},
    {"ECC_NIST_EDWARDS25519", "ED25519_SHA_512", NULL, false},
    {"RSA_", "RSASSA_PKCS1_V1_5_SHA_256", "SHA256", false},
    {"RSA_", "RSASSA_PKCS1_V1_5_SHA_384", "SHA384", false},
    {"RSA_", "RSASSA_PKCS1_V1_5_SHA_512", "SHA512", false},
    {"RSA_", "RSASSA_PSS_SHA_256", "SHA256", true},
    {"RSA_", "RSASSA_PSS_SHA_384", "SHA384", true},
    {"RSA_", "RSASSA_PSS_SHA_512", "SHA512", true},
};
#define ALGORITHMS (sizeof algorithms / sizeof algorithms[0])

static const struct algorithm *choose_algorithm(const char *key_spec, unsigned *seed)
{
    const struct algorithm *fitting[ALGORITHMS];
    size_t count = 0;
    for (size_t i = 0; i < ALGORITHMS; i++)
        if (strncmp(key_spec, algorithms[i].key_spec, strlen(algorithms[i].key_spec)) == 0)
            fitting[count++] = &algorithms[i];
    if (count == 0)
        errx(2, "there is no algorithm for %s", key_spec);
    return fitting[(size_t)rand_r(seed) % count];
}

void signature_choose(struct signature_task *task, const char *key_spec, unsigned *seed)
{
    const struct algorithm *algorithm = choose_algorithm(key_spec, seed);
    size_t longest = rand_r(seed) % LONG_ONES == 0 ? sizeof task->message : USUAL_LENGTH_MAX;
    task->algorithm = algorithm->name;
    task->pss = algorithm->pss;
    task->hash = algorithm->hash != NULL ? EVP_get_digestbyname(algorithm->hash) : NULL;
    task->is_digest = task->hash != NULL && rand_r(seed) % 2 == 0;
    task->message_length =
        task->is_digest ? (size_t)EVP_MD_get_size(task->hash) : 1 + (size_t)rand_r(seed) % longest;
    for (size_t i = 0; i < task->message_length; i++)
        task->message[i] = (uint8_t)(rand_r(seed) >> 8);
}

static bool set_padding(EVP_PKEY_CTX *ctx, bool pss)
{
    return !pss || (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                    EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
}

static bool verify_message(const struct signature_task *task, EVP_PKEY *key,
                           const struct keyd_signature *signature)
{
    EVP_PKEY_CTX *padding; /* the other's */
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestVerifyInit(ctx, &padding, task->hash, NULL, key) == 1 &&
                set_padding(padding, task->pss) &&
                EVP_DigestVerify(ctx, signature->bytes, signature->length, task->message,
                                 task->message_length) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

static bool verify_digest(const struct signature_task *task, EVP_PKEY *key,
                          const struct keyd_signature *signature)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool good = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 && set_padding(ctx, task->pss) &&
                EVP_PKEY_CTX_set_signature_md(ctx, task->hash) == 1 &&
                EVP_PKEY_verify(ctx, signature->bytes, signature->length, task->message,
                                task->message_length) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

bool signature_verifies(const struct signature_task *task, EVP_PKEY *key,
                        const struct keyd_signature *signature)
{
    return strcmp(signature->signing_algorithm, task->algorithm) == 0 &&
           (task->is_digest ? verify_digest(task, key, signature)
                            : verify_message(task, key, signature));
}
