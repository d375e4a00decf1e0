/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The ceiling of zone signing: the seconds that so many signatures alone take, with OpenSSL, on all
 * cores, each from a copy of a prepared context.
 *
 *   bare ALGORITHM SIGNATURES THREADS     "13 400000 2" prints seconds
 */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGE     100 /* bytes: an A record's is about as long */
#define THREADS_MAX 64

struct share {
    EVP_PKEY *pkey;
    const char *hash;
    size_t count;
    pthread_t thread;
};

static void die(const char *what)
{
    fprintf(stderr, "bare: %s\n", what);
    exit(2);
}

static void *sign(void *context)
{
    const struct share *share = context;
    EVP_MD_CTX *prepared = EVP_MD_CTX_new();
    EVP_MD_CTX *work = EVP_MD_CTX_new();
    unsigned char message[MESSAGE] = {0};
    if (EVP_DigestSignInit_ex(prepared, NULL, share->hash, NULL, NULL, share->pkey, NULL) != 1)
        die("the key cannot sign");
    for (size_t i = 0; i < share->count; i++) {
        unsigned char signature[512];
        size_t length = sizeof signature;
        memcpy(message, &i, sizeof i);
        if (EVP_MD_CTX_copy_ex(work, prepared) != 1 ||
            EVP_DigestSign(work, signature, &length, message, sizeof message) != 1)
            die("a signature failed");
    }
    EVP_MD_CTX_free(prepared);
    EVP_MD_CTX_free(work);
    return NULL;
}

static EVP_PKEY *make_key(unsigned long algorithm, const char **hash)
{
    *hash = algorithm == 15   ? NULL
            : algorithm == 14 ? "SHA384"
            : algorithm == 10 ? "SHA512"
                              : "SHA256";
    switch (algorithm) {
    case 8:
    case 10:
        return EVP_RSA_gen(2048);
    case 13:
        return EVP_EC_gen("P-256");
    case 14:
        return EVP_EC_gen("P-384");
    case 15:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    default:
        return NULL;
    }
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static struct share shares[THREADS_MAX];
    if (argc != 4)
        die("usage: bare ALGORITHM SIGNATURES THREADS");
    size_t total = strtoull(argv[2], NULL, 10);
    size_t threads = strtoull(argv[3], NULL, 10);
    const char *hash = NULL;
    EVP_PKEY *pkey = make_key(strtoul(argv[1], NULL, 10), &hash);
    if (pkey == NULL || threads < 1 || threads > THREADS_MAX)
        die("no such algorithm, or number of threads");
    double begin = now();
    for (size_t i = 0; i < threads; i++) {
        size_t count = total / threads + (i < total % threads ? 1 : 0);
        shares[i] = (struct share){.pkey = pkey, .hash = hash, .count = count};
        if (pthread_create(&shares[i].thread, NULL, sign, &shares[i]) != 0)
            die("a thread cannot be made");
    }
    for (size_t i = 0; i < threads; i++)
        pthread_join(shares[i].thread, NULL);
    printf("%.4f\n", now() - begin);
    EVP_PKEY_free(pkey);
    return 0;
}
