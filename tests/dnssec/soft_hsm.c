/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/dnssec/soft_hsm.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct hsm {
    const char *folder;
};

/* KMS' words, and OpenSSL's for the same. */
static const struct {
    const char *spec;
    const char *type;
    const char *group;
    size_t bits;
} specs[] = {
    {"ECC_NIST_P256", "EC", "prime256v1", 256},
    {"ECC_NIST_P384", "EC", "secp384r1", 384},
    {"ECC_NIST_EDWARDS25519", "ED25519", NULL, 256},
    {"RSA_2048", "RSA", NULL, 2048},
    {"RSA_3072", "RSA", NULL, 3072},
    {"RSA_4096", "RSA", NULL, 4096},
};

#define SPECS (sizeof specs / sizeof specs[0])

static const struct {
    const char *name;
    const char *type;
    size_t bits; /* 0: any */
    const char *hash;
} algorithms[] = {
    {"ECDSA_SHA_256", "EC", 256, "SHA256"},
    {"ECDSA_SHA_384", "EC", 384, "SHA384"},
    {"ED25519_SHA_512", "ED25519", 0, NULL},
    {"RSASSA_PKCS1_V1_5_SHA_256", "RSA", 0, "SHA256"},
    {"RSASSA_PKCS1_V1_5_SHA_512", "RSA", 0, "SHA512"},
};

#define ALGORITHMS (sizeof algorithms / sizeof algorithms[0])

static EVP_PKEY *generate(const char *spec)
{
    for (size_t i = 0; i < SPECS; i++) {
        if (strcmp(specs[i].spec, spec) != 0)
            continue;
        if (strcmp(specs[i].type, "RSA") == 0)
            return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", specs[i].bits);
        return EVP_PKEY_Q_keygen(NULL, NULL, specs[i].type, specs[i].group);
    }
    return NULL;
}

static const char *spec_of(EVP_PKEY *pkey)
{
    for (size_t i = 0; i < SPECS; i++) {
        if (EVP_PKEY_is_a(pkey, specs[i].type) && (size_t)EVP_PKEY_get_bits(pkey) == specs[i].bits)
            return specs[i].spec;
    }
    return "UNKNOWN";
}

/* Index of a signing algorithm that fits a key; ALGORITHMS when it does not. */
static size_t algorithm_for(EVP_PKEY *pkey, const char *name)
{
    size_t i = 0;
    while (i < ALGORITHMS && strcmp(algorithms[i].name, name) != 0)
        i++;
    if (i == ALGORITHMS || !EVP_PKEY_is_a(pkey, algorithms[i].type) ||
        (algorithms[i].bits != 0 && (size_t)EVP_PKEY_get_bits(pkey) != algorithms[i].bits))
        return ALGORITHMS;
    return i;
}

static void path_of(const struct hsm *hsm, const char *name, const char *ending, char path[512])
{
    const char *slash = strrchr(name, '/');
    snprintf(path, 512, "%s/%s%s", hsm->folder, slash != NULL ? slash + 1 : name, ending);
}

static bool has_file(const struct hsm *hsm, const char *name)
{
    char path[512];
    path_of(hsm, name, "", path);
    return access(path, F_OK) == 0;
}

static void note(const struct hsm *hsm, const char *call, const char *name)
{
    char path[512];
    path_of(hsm, "calls", "", path);
    FILE *file = fopen(path, "a");
    if (file == NULL)
        return;
    fprintf(file, "%s %s\n", call, name);
    fclose(file);
}

static enum keyd_status open_folder(const char *socket, struct hsm **hsm, struct keyd_error *err)
{
    (void)socket;
    const char *folder = getenv("KEYD_SOFT_HSM");
    if (folder == NULL)
        return keyd_fail(err, KEYD_NOT_FOUND, "SOCKET_MISSING", "keyd is not running: no socket");
    *hsm = malloc(sizeof **hsm);
    if (*hsm == NULL)
        return keyd_fail_errno(err, ENOMEM, "soft HSM");
    (*hsm)->folder = folder;
    return KEYD_OK;
}

static void close_folder(struct hsm *hsm)
{
    free(hsm);
}

/* A key's id is a symbolic link FOLDER/ID.pem to NAME.pem. */
static EVP_PKEY *load(const struct hsm *hsm, const char *name)
{
    char path[512];
    path_of(hsm, name, ".pem", path);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return NULL;
    EVP_PKEY *pkey = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    return pkey;
}

/* The id is derived from the public key, so that all names of a key give the same. All RSA keys end
 * in the same exponent: the bytes before it. */
static void describe(EVP_PKEY *pkey, struct hsm_key *key)
{
    unsigned char *der = NULL;
    int length = i2d_PUBKEY(pkey, &der);
    char hash[40] = "";
    size_t tail = EVP_PKEY_is_a(pkey, "RSA") ? 5 : 0;
    *key = (struct hsm_key){.spki_length = (size_t)length};
    memcpy(key->spki, der, (size_t)length);
    OPENSSL_free(der);
    for (size_t i = 0; i < 16; i++)
        snprintf(hash + 2 * i, 3, "%02x", key->spki[(size_t)length - 16 - tail + i]);
    snprintf(key->key_id, sizeof key->key_id, "%.8s-%.4s-%.4s-%.4s-%.12s", hash, hash + 8,
             hash + 12, hash + 16, hash + 20);
    snprintf(key->spec, sizeof key->spec, "%s", spec_of(pkey));
    snprintf(key->usage, sizeof key->usage, "SIGN_VERIFY");
    snprintf(key->state, sizeof key->state, "ENABLED");
    snprintf(key->token, sizeof key->token, "soft");
}

static enum keyd_status find(struct hsm *hsm, const char *key_id, struct hsm_key *key,
                             struct keyd_error *err)
{
    note(hsm, "find", key_id);
    EVP_PKEY *pkey = load(hsm, key_id);
    if (pkey == NULL)
        return keyd_fail(err, KEYD_NOT_FOUND, "KEY_NOT_FOUND", "no key %s", key_id);
    describe(pkey, key);
    EVP_PKEY_free(pkey);
    return KEYD_OK;
}

static enum keyd_status create(struct hsm *hsm, const struct hsm_new_key *wanted,
                               struct hsm_key *key, struct keyd_error *err)
{
    char path[512];
    char link[512];
    char half[512];
    note(hsm, "create", wanted->alias);
    note(hsm, "spec", wanted->spec);
    if (has_file(hsm, "fail-create"))
        return keyd_fail(err, KEYD_UNAVAILABLE, "TOKEN_AWAY", "token soft is away");
    EVP_PKEY *pkey = generate(wanted->spec);
    path_of(hsm, wanted->alias, ".pem", path);
    path_of(hsm, wanted->alias, ".half", half);
    FILE *file = access(path, F_OK) != 0 ? fopen(half, "w") : NULL;
    if (pkey == NULL || file == NULL ||
        PEM_write_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL) != 1)
        abort();
    fclose(file);
    describe(pkey, key);
    EVP_PKEY_free(pkey);
    path_of(hsm, key->key_id, ".pem", link);
    if (symlink(path, link) != 0 || rename(half, path) != 0) /* whole or not there, as a real one */
        abort();
    return KEYD_OK;
}

static enum keyd_status sign(struct hsm *hsm, const char *key_id, const char *signing_algorithm,
                             const uint8_t *message, size_t length,
                             uint8_t signature[DNSSEC_SIGNATURE_MAX], size_t *signature_length,
                             struct keyd_error *err)
{
    note(hsm, "sign", key_id);
    EVP_PKEY *pkey = load(hsm, key_id);
    size_t algorithm = pkey != NULL ? algorithm_for(pkey, signing_algorithm) : ALGORITHMS;
    if (algorithm == ALGORITHMS || has_file(hsm, "fail-sign")) {
        EVP_PKEY_free(pkey);
        return keyd_fail(err, KEYD_UNAVAILABLE, "TOKEN_AWAY", "token soft is away");
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    *signature_length = DNSSEC_SIGNATURE_MAX;
    if (ctx == NULL ||
        EVP_DigestSignInit_ex(ctx, NULL, algorithms[algorithm].hash, NULL, NULL, pkey, NULL) != 1 ||
        EVP_DigestSign(ctx, signature, signature_length, message,
                       has_file(hsm, "bad-signature") ? length - 1 : length) != 1)
        abort();
    if (has_file(hsm, "short-signature"))
        --*signature_length;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return KEYD_OK;
}

const struct hsm_backend soft_hsm = {
    .open = open_folder, .close = close_folder, .find = find, .create = create, .sign = sign};
