/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the keys are: the journal's replay, in memory. It changes by records alone, one after the
 * other, at the start and later alike, so it cannot disagree with the journal. Beside that each key
 * has the handle of its private half, which the token gave to this process.
 *
 * The record types it knows, and their fields:
 *   key.creating   key, spec, usage, creator, request_digest (hexadecimal), call: a
 *                  creation has begun
 *   key.created    key, public_key (base64, DER SubjectPublicKeyInfo); settled: true where an
 *                  interrupted creation was found complete at a later start
 *   key.abandoned  key, why: the creation came to nothing; its id is never used again
 *
 * Any thread may look; one thread at a time may change.
 */
#ifndef KEYD_HSM_REGISTER_H
#define KEYD_HSM_REGISTER_H

#include <jansson.h>
#include <stddef.h>

#include "keyd/base/algorithm.h"
#include "keyd/base/keyid.h"

#define PRINCIPAL_MAX       128 /* bytes, without a NUL: hsm.proto, Request.principal */
#define REQUEST_DIGEST_SIZE 32

#define RECORD_KEY_CREATING  "key.creating"
#define RECORD_KEY_CREATED   "key.created"
#define RECORD_KEY_ABANDONED "key.abandoned"

enum register_state { REGISTER_CREATING, REGISTER_CREATED, REGISTER_ABANDONED };

/* One key. What is const here never changes and lives as long as the register. */
struct register_key {
    struct keyid id;
    key_spec spec;
    key_usage usage;
    int64_t creation_time; /* of its key.creating, milliseconds since 1970-01-01 UTC */
    char creator[PRINCIPAL_MAX + 1];
    uint8_t request_digest[REQUEST_DIGEST_SIZE];
    enum register_state state;
    const uint8_t *public_key; /* DER SubjectPublicKeyInfo, *borrowed*; NULL until it is created */
    size_t public_key_size;
    const char *unusable; /* created, and why it cannot sign; *borrowed*; NULL: it can */
    unsigned long handle; /* the private half's; 0: unusable, or the token was not asked yet */
};

struct key_register;

struct key_register *register_new(void); /* NULL: no memory. *Owned*: register_free */
void register_free(struct key_register *keys);

/* Takes one record; a journal_visitor with the register as its context. Refuses (JOURNAL_BROKEN)
 * what cannot follow from what was before, and (JOURNAL_NEWER) types, specs and usages it does not
 * know; the register is as it was then. */
enum keyd_status register_apply(void *keys, const json_t *record,
                                struct keyd_error *err) KEYD_CHECKED;

/* The fields of a record, for journal_append; NULL when there is no memory or the creator is no
 * UTF-8. *Owned*. call: a UUID's text. public_key: DER. */
json_t *register_creating(const struct register_key *key, const char *call);
json_t *register_created(const struct keyid *id, const uint8_t *public_key, size_t size,
                         bool settled);
json_t *register_abandoned(const struct keyid *id, const struct keyd_error *why);

/* Copies one key to *key; false when there is none such. */
bool register_find(struct key_register *keys, const struct keyid *id, struct register_key *key);

/* The first key with an id larger than *after (NULL: the first of all) that has this state. */
bool register_next(struct key_register *keys, const struct keyid *after, enum register_state state,
                   struct register_key *key);

/* What the token holds of a created key: the private half's handle, or why there is none to sign
 * with. Each is said once. */
void register_set_handle(struct key_register *keys, const struct keyid *id, unsigned long handle);
void register_set_unusable(struct key_register *keys, const struct keyid *id, const char *why);

/* Whether the last creation that came to an end was abandoned for REASON_ALWAYS_AUTHENTICATE. */
bool register_always_authenticate(struct key_register *keys);

size_t register_count(struct key_register *keys, enum register_state state);

#endif
