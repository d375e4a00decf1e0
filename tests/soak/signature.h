/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Signatures to ask for and to judge: each algorithm of a key in turn, RAW and DIGEST, messages of
 * any length; verified by OpenSSL. */
#ifndef TESTS_SOAK_SIGNATURE_H
#define TESTS_SOAK_SIGNATURE_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "client/lib/keyd.h"

/* One signature: what is asked for. Filled by signature_choose; used by one thread. */
struct signature_task {
    const char *algorithm; /* keyd's name; static */
    const EVP_MD *hash;    /* NULL: the algorithm takes the message whole */
    bool pss;
    bool is_digest;
    uint8_t message[KEYD_MESSAGE_SIZE_MAX];
    size_t message_length; /* bytes; the digest's where is_digest */
};

/* A random one of those that fit the key's spec, with a random message. `seed` is rand_r's. Ends
 * the program for a spec that it does not know. */
void signature_choose(struct signature_task *task, const char *key_spec, unsigned *seed);

bool signature_verifies(const struct signature_task *task, EVP_PKEY *key,
                        const struct keyd_signature *signature);

#endif
