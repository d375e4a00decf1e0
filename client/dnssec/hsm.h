/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Keys in an HSM, as far as this program needs them. A table of functions, so that tests put a
 * software key behind it; hsm_keyd, over libkeyd, is the real one and lives in the only file that
 * calls libkeyd.
 */
#ifndef DNSSEC_HSM_H
#define DNSSEC_HSM_H

#include <stddef.h>
#include <stdint.h>

#include "client/dnssec/signer.h"
#include "keyd/base/error.h"
#include "keyd/base/keyid.h"

#define HSM_WORD_MAX 64   /* characters of a spec, usage, state or token name, with the NUL */
#define HSM_SPKI_MAX 1024 /* bytes: RSA-4096 has 550 */

struct hsm_key {
    char key_id[KEYID_TEXT];
    char spec[HSM_WORD_MAX];
    char usage[HSM_WORD_MAX];
    char state[HSM_WORD_MAX];
    char state_reason[256];
    char token[HSM_WORD_MAX];
    uint8_t spki[HSM_SPKI_MAX]; /* SubjectPublicKeyInfo */
    size_t spki_length;
};

struct hsm_new_key {
    const char *spec;
    const char *alias;
    const char *token; /* NULL: the service's default */
    const char *description;
    const char *request_id; /* the same twice makes one key */
};

struct hsm;

/* All of them block for up to libkeyd's default timeouts; their errors are the service's. */
struct hsm_backend {
    /* socket: NULL for the default. *hsm is *owned*: close. */
    enum keyd_status (*open)(const char *socket, struct hsm **hsm, struct keyd_error *err);
    void (*close)(struct hsm *hsm); /* takes NULL */
    /* By key id or alias; NOT_FOUND when there is no such key. */
    enum keyd_status (*find)(struct hsm *hsm, const char *key_id, struct hsm_key *key,
                             struct keyd_error *err);
    enum keyd_status (*create)(struct hsm *hsm, const struct hsm_new_key *wanted,
                               struct hsm_key *key, struct keyd_error *err);
    /* Signs a whole message; the signature comes in the form that KMS has (ECDSA: DER). */
    enum keyd_status (*sign)(struct hsm *hsm, const char *key_id, const char *signing_algorithm,
                             const uint8_t *message, size_t length,
                             uint8_t signature[DNSSEC_SIGNATURE_MAX], size_t *signature_length,
                             struct keyd_error *err);
};

extern const struct hsm_backend hsm_keyd;

/* A dns_signer over a key in the HSM. All is *borrowed* and must outlive the signer, but for the
 * DNSKEY, which is looked at and not kept. */
struct hsm_signer {
    const struct hsm_backend *backend;
    struct hsm *hsm;
    const struct dnssec_algorithm *algorithm;
    const char *key_id;
};
struct dns_signer hsm_signer(struct hsm_signer *signer, const struct dnskey *key);

#endif
