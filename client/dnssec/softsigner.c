/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Threads that sign with one EVP_PKEY meet at its locks and counters, and at those of OpenSSL's
 * library context, several times a signature. So each has a context and a copy of the key of its
 * own, from its first signature on: that takes a millisecond. */
#include "client/dnssec/softsigner.h"

#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>

/* Signing a digest with a context that is used again is the shortest way there is; Ed25519 takes
 * whole messages only, each with a context copied from a prepared one. */
struct desk {
    const struct soft_signer *soft;
    OSSL_LIB_CTX *library;
    EVP_PKEY *pkey;
    EVP_MD *hash; /* NULL: Ed25519 */
    EVP_MD_CTX *hashing;
    EVP_PKEY_CTX *digest_signing;
    EVP_MD_CTX *prepared;
    EVP_MD_CTX *message_signing;
};

/* With what the host's openssl.cnf says, a FIPS provider say. */
static OSSL_LIB_CTX *new_library(void)
{
    OSSL_LIB_CTX *library = OSSL_LIB_CTX_new();
    char *file = CONF_get1_default_config_file();
    if (library != NULL && file != NULL && OSSL_LIB_CTX_load_config(library, file) != 1)
        ERR_clear_error(); /* there is none, as for OpenSSL's own context */
    OPENSSL_free(file);
    return library;
}

static EVP_PKEY *copy_key(const EVP_PKEY *pkey, OSSL_LIB_CTX *library)
{
    unsigned char *der = NULL;
    int length = i2d_PrivateKey(pkey, &der);
    if (length <= 0)
        return NULL;
    const unsigned char *at = der;
    EVP_PKEY *copy = d2i_AutoPrivateKey_ex(NULL, &at, length, library, NULL);
    OPENSSL_clear_free(der, (size_t)length);
    return copy;
}

static bool prepare_digests(struct desk *desk)
{
    desk->hash = EVP_MD_fetch(desk->library, desk->soft->algorithm->hash, NULL);
    desk->hashing = EVP_MD_CTX_new();
    desk->digest_signing = EVP_PKEY_CTX_new_from_pkey(desk->library, desk->pkey, NULL);
    return desk->hash != NULL && desk->hashing != NULL && desk->digest_signing != NULL &&
           EVP_PKEY_sign_init(desk->digest_signing) == 1 &&
           EVP_PKEY_CTX_set_signature_md(desk->digest_signing, desk->hash) == 1;
}

static bool prepare_messages(struct desk *desk)
{
    desk->prepared = EVP_MD_CTX_new();
    desk->message_signing = EVP_MD_CTX_new();
    return desk->prepared != NULL && desk->message_signing != NULL &&
           EVP_DigestSignInit_ex(desk->prepared, NULL, NULL, desk->library, NULL, desk->pkey,
                                 NULL) == 1;
}

/* Takes one of which only a part was prepared. */
static void clear(struct desk *desk)
{
    EVP_MD_CTX_free(desk->message_signing);
    EVP_MD_CTX_free(desk->prepared);
    EVP_PKEY_CTX_free(desk->digest_signing);
    EVP_MD_CTX_free(desk->hashing);
    EVP_MD_free(desk->hash);
    EVP_PKEY_free(desk->pkey);
    OSSL_LIB_CTX_free(desk->library);
    *desk = (struct desk){.soft = desk->soft};
}

static bool prepare(struct desk *desk)
{
    desk->library = new_library();
    desk->pkey = desk->library != NULL ? copy_key(desk->soft->pkey, desk->library) : NULL;
    if (desk->pkey != NULL &&
        (desk->soft->algorithm->hash != NULL ? prepare_digests(desk) : prepare_messages(desk)))
        return true;
    clear(desk);
    return false;
}

static void desk_free(void *context)
{
    clear(context);
    free(context);
}

static void *desk_new(void *context)
{
    struct desk *desk = calloc(1, sizeof *desk);
    if (desk != NULL)
        desk->soft = context;
    return desk;
}

static bool sign_digest(struct desk *desk, const uint8_t *message, size_t length,
                        uint8_t *signature, size_t *signature_length)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_length = 0;
    return EVP_DigestInit_ex2(desk->hashing, desk->hash, NULL) == 1 &&
           EVP_DigestUpdate(desk->hashing, message, length) == 1 &&
           EVP_DigestFinal_ex(desk->hashing, digest, &digest_length) == 1 &&
           EVP_PKEY_sign(desk->digest_signing, signature, signature_length, digest,
                         digest_length) == 1;
}

static bool sign_message(struct desk *desk, const uint8_t *message, size_t length,
                         uint8_t *signature, size_t *signature_length)
{
    return EVP_MD_CTX_copy_ex(desk->message_signing, desk->prepared) == 1 &&
           EVP_DigestSign(desk->message_signing, signature, signature_length, message, length) == 1;
}

static enum keyd_status sign(void *context, void *at, const uint8_t *message, size_t length,
                             uint8_t signature[DNSSEC_SIGNATURE_MAX], size_t *signature_length,
                             struct keyd_error *err)
{
    (void)context;
    struct desk *desk = at;
    *signature_length = DNSSEC_SIGNATURE_MAX;
    if (desk->library == NULL && !prepare(desk))
        return keyd_fail_openssl(err, "the ZSK cannot sign");
    bool good = desk->hash != NULL
                    ? sign_digest(desk, message, length, signature, signature_length)
                    : sign_message(desk, message, length, signature, signature_length);
    return good ? KEYD_OK : keyd_fail_openssl(err, "signing with the ZSK");
}

struct dns_signer soft_signer(struct soft_signer *soft, const struct dnskey *key)
{
    return (struct dns_signer){.algorithm = soft->algorithm,
                               .key_tag = dnskey_tag(key),
                               .signature_length = dnskey_signature_length(key),
                               .sign = sign,
                               .desk_new = desk_new,
                               .desk_free = desk_free,
                               .context = soft};
}
