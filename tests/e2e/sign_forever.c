/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A client of libkeyd that signs without pause, as a user's program would, until it is ended. Each
 * call is one line: when it ended (CLOCK_MONOTONIC, ns), its status, and on failure the message. A
 * signature that OpenSSL does not verify is told as WRONG.
 *
 *     sign_forever SOCKET KEY_ID
 */
#include <err.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <unistd.h>

#include "client/lib/keyd.h"
#include "keyd/base/clock.h"

#define PAUSE_US 1000 /* between two calls: kills are to meet calls, not to fill a disk */

static const uint8_t message[] = "a message to sign";

static EVP_PKEY *public_key(struct keyd_client *client, const char *key_id)
{
    struct keyd_error error;
    struct keyd_public_key *key;
    if (keyd_get_public_key(client, key_id, 0, &key, &error) != KEYD_OK)
        errx(1, "%s", error.message);
    const uint8_t *der = key->der;
    EVP_PKEY *made = d2i_PUBKEY(NULL, &der, (long)key->der_length);
    if (made == NULL)
        errx(1, "the public key is none");
    keyd_public_key_free(key);
    return made;
}

static bool verifies(EVP_PKEY *key, const struct keyd_signature *signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good =
        EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestVerify(ctx, signature->bytes, signature->length, message, sizeof message) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        errx(2, "usage: sign_forever SOCKET KEY_ID");
    struct keyd_error error;
    struct keyd_client *client;
    if (keyd_connect(argv[1], &client, &error) != KEYD_OK)
        errx(1, "%s", error.message);
    EVP_PKEY *key = public_key(client, argv[2]);
    const struct keyd_sign_request request = {
        .key_id = argv[2], .message = message, .message_length = sizeof message};
    for (;;) {
        struct keyd_signature *signature = NULL;
        enum keyd_status status = keyd_sign(client, &request, 0, &signature, &error);
        bool wrong = status == KEYD_OK && !verifies(key, signature);
        printf("%" PRId64 " %s %s\n", clock_monotonic_ns(),
               wrong ? "WRONG" : keyd_status_name(status), status == KEYD_OK ? "" : error.message);
        fflush(stdout);
        keyd_signature_free(signature);
        usleep(PAUSE_US);
    }
}
