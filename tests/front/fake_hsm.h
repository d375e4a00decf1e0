/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A keyd-hsm for tests: the wall's other end on a real SEQPACKET socket, with P-256 keys of
 * OpenSSL's in memory, and named faults. Keys outlive its restarts, as those of a token do.
 */
#ifndef TESTS_FRONT_FAKE_HSM_H
#define TESTS_FRONT_FAKE_HSM_H

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>

#include "keyd/base/keyid.h"
#include "keyd/hsm/v1/hsm.pb-c.h"

#define FAKE_KEYS_MAX 4096

enum fake_fault {
    FAKE_NONE,
    FAKE_SILENT,            /* takes requests, answers none but Hello and ListKeys */
    FAKE_FROZEN,            /* takes nothing and says nothing, not even that it runs */
    FAKE_DIE_BEFORE_CREATE, /* hangs up when asked for a key, which is not made */
    FAKE_DIE_AFTER_CREATE,  /* makes the key, hangs up without an answer */
    FAKE_SPENT,             /* answers the next `spent` CreateKeys with KEY_ID_SPENT */
    FAKE_NO_KEY,            /* answers CreateKey with INTERNAL: no key is made */
    FAKE_OPEN,              /* answers it with CREATION_OPEN */
    FAKE_GARBAGE,           /* answers with what is no frame */
};

struct fake_key {
    struct keyid id;
    EVP_PKEY *pair;
    uint8_t spki[128];
    size_t spki_size;
    uint8_t digest[32];
    char creator[32];
};

struct fake_hsm {
    /* To be set before fake_hsm_up, or changed while it runs. */
    const char *socket;
    const char *token;
    Keyd__Hsm__V1__Welcome__State state;
    const char *state_message;
    unsigned page; /* keys on a page of ListKeys; 0: 100 */
    atomic_int fault;
    atomic_int spent;
    /* To be read. */
    atomic_uint connections;
    atomic_uint packets; /* received since the last fake_hsm_up */
    atomic_uint frames;
    atomic_uint signatures;
    atomic_uint key_count;

    /* Its own. */
    struct fake_key keys[FAKE_KEYS_MAX]; /* in the order of their ids */
    int listener;
    int connection;
    int stop[2];
    pthread_t thread;
    bool running;
};

/* Adds a key without asking; gives its id. Only while it is down. */
struct keyid fake_hsm_add_key(struct fake_hsm *fake);

void fake_hsm_up(struct fake_hsm *fake);
void fake_hsm_down(struct fake_hsm *fake); /* connection and socket are gone; keys stay */
void fake_hsm_free(struct fake_hsm *fake); /* down, and the keys with it */

#endif
