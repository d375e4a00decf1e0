/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/maker.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyd/base/log.h"
#include "keyd/hsm/ckr.h"
#include "keyd/hsm/keys.h"
#include "keyd/hsm/lastwords.h"
#include "keyd/hsm/signature.h"
#include "keyd/hsm/spki.h"

static bool token_is_gone(const struct keyd_error *err)
{
    return strcmp(err->reason, REASON_TOKEN_GONE) == 0;
}

/* Writes a record and lets the register follow it. A register that cannot follow what is on disk by
 * now (no memory) would let the next record contradict it. */
static enum keyd_status record(struct maker *maker, const char *type, json_t *fields,
                               struct keyd_error *err)
{
    json_t *written = NULL;
    enum keyd_status status = journal_append(maker->journal, type, fields, &written, err);
    if (status == KEYD_OK && register_apply(maker->keys, written, err) != KEYD_OK) {
        log_error("%s: keyd-hsm ends, to be started afresh", err->message);
        _exit(1);
    }
    json_decref(written);
    return status;
}

/* Both halves are on the token: reads the public one, proves the pair, records the key as created.
 */
static enum keyd_status complete(struct maker *maker, const struct register_key *key, bool settled,
                                 bool *on_record, struct keyd_error *err)
{
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
    uint8_t *der = NULL;
    size_t size = 0;
    const struct session *session = &maker->session;
    *on_record = false;
    enum keyd_status status = keys_find(session, CKO_PRIVATE_KEY, &key->id, &private_key, err);
    if (status == KEYD_OK)
        status = keys_find(session, CKO_PUBLIC_KEY, &key->id, &public_key, err);
    if (status == KEYD_OK)
        status = keys_judge(session, private_key, key->spec, &maker->made, err);
    if (status == KEYD_OK)
        status = spki_read(session, public_key, key->spec, &der, &size, err);
    if (status == KEYD_OK)
        status = signature_prove(session, private_key, key->spec, &key->id, der, size, err);
    if (status == KEYD_OK) {
        *on_record = true; /* from here on a failure is the journal's, and the pair is good */
        status =
            record(maker, RECORD_KEY_CREATED, register_created(&key->id, der, size, settled), err);
    }
    if (status == KEYD_OK)
        register_set_handle(maker->keys, &key->id, private_key);
    OPENSSL_free(der);
    return status;
}

/* A creation is neither done nor undone. Not the status of what went wrong: that would tell the
 * caller that no key is made, and one may be by the next start. */
static enum keyd_status still_open(const struct keyid *id, const struct keyd_error *why,
                                   struct keyd_error *err)
{
    char text[KEYID_TEXT];
    keyid_format(id, text);
    return keyd_fail(err, KEYD_UNAVAILABLE, "CREATION_OPEN",
                     "the creation of the key %s is not settled: %s. The same request again, or "
                     "keyd-hsm's next start, settles it",
                     text, why->message);
}

/* A creation came to nothing: destroys what there is of it and records that. The id stays taken. */
static enum keyd_status abandon(struct maker *maker, const struct keyid *id,
                                const struct keyd_error *why, struct keyd_error *err)
{
    char text[KEYID_TEXT];
    size_t destroyed = 0;
    keyid_format(id, text);
    enum keyd_status status = keys_destroy(&maker->session, id, &destroyed, err);
    if (status == KEYD_OK)
        status = record(maker, RECORD_KEY_ABANDONED, register_abandoned(id, why), err);
    if (status == KEYD_OK)
        log_notice("key abandoned, %zu objects of it removed from the token key=%s: %s", destroyed,
                   text, why->message);
    else
        log_error("the remains of a creation could not be settled key=%s: %s. The next start tries "
                  "again",
                  text, err->message);
    return status;
}

/* ---- An interrupted creation ----------------------------------------------------------------- */

static enum keyd_status settle(struct maker *maker, const struct register_key *key,
                               struct keyd_error *err)
{
    bool on_record = false;
    char text[KEYID_TEXT];
    keyid_format(&key->id, text);
    enum keyd_status status = complete(maker, key, true, &on_record, err);
    if (status == KEYD_OK) {
        log_notice("an interrupted creation is completed: the key is there and usable key=%s",
                   text);
        return KEYD_OK;
    }
    if (on_record || token_is_gone(err))
        return status;
    struct keyd_error why = *err;
    return abandon(maker, &key->id, &why, err);
}

enum keyd_status maker_settle(struct maker *maker, struct keyd_error *err)
{
    struct register_key key;
    struct keyid after;
    bool first = true;
    while (register_next(maker->keys, first ? NULL : &after, REGISTER_CREATING, &key)) {
        struct keyd_error failure;
        if (settle(maker, &key, &failure) != KEYD_OK && token_is_gone(&failure)) {
            if (err != NULL)
                *err = failure;
            return failure.status;
        }
        after = key.id;
        first = false;
    }
    return KEYD_OK;
}

/* ---- The session ----------------------------------------------------------------------------- */

enum keyd_status maker_open(struct maker *maker, const struct module *module,
                            struct keyd_error *err)
{
    struct keyd_error failure;
    enum keyd_status status = session_open(&maker->session, module, true, &failure);
    maker->read_only = status != KEYD_OK && strcmp(failure.reason, REASON_TOKEN_READ_ONLY) == 0;
    if (status == KEYD_OK)
        return KEYD_OK;
    if (!maker->read_only)
        return keyd_fail(err, status, failure.reason, "%s", failure.message);
    log_warning("%s", failure.message);
    return session_open(&maker->session, module, false, err);
}

/* Asked with each creation: nobody tells when a token takes changes again. Then it is another token
 * than the one that was looked at, and keyd-hsm starts afresh. */
static enum keyd_status check_writable(struct maker *maker, struct keyd_error *err)
{
    struct session writable;
    if (!maker->read_only)
        return KEYD_OK;
    enum keyd_status status = session_open(&writable, maker->session.module, true, err);
    if (status != KEYD_OK)
        return status;
    return keyd_fail(err, KEYD_UNAVAILABLE, REASON_TOKEN_GONE,
                     "the token is not write-protected any more");
}

/* ---- What new keys are like --------------------------------------------------------------------
 */

bool maker_expects_always_authenticate(const struct maker *maker)
{
    return maker->made.known ? maker->made.always_authenticate
                             : register_always_authenticate(maker->keys);
}

enum keyd_status maker_try(struct maker *maker, struct keyd_error *err)
{
    key_spec spec = trial_spec(&maker->session);
    if (maker->read_only || maker->held.known || maker->made.known)
        return KEYD_OK;
    if (maker->untried)
        return trial_clean(&maker->session, err);
    if (spec == KEYD__V1__KEY_SPEC__KEY_SPEC_UNSPECIFIED || !lastwords_trial_begin())
        return KEYD_OK;
    enum keyd_status status = trial_make(&maker->session, spec, &maker->made, err);
    if (status == KEYD_OK)
        lastwords_trial_end();
    else
        (void)lastwords_leave("the token was gone after", "C_GenerateKeyPair");
    maker->tried = maker->made.known;
    return status;
}

/* What is expected is asked again, for the spec that is wanted: nobody tells when a token is set up
 * otherwise. So nothing is written down and undone for a key that cannot be. Where no trial went
 * well before, none is risked beside the signers. */
static enum keyd_status check_authentication(struct maker *maker, key_spec spec,
                                             struct keyd_error *err)
{
    if (!maker->tried || !maker_expects_always_authenticate(maker))
        return KEYD_OK;
    enum keyd_status status = trial_make(&maker->session, spec, &maker->made, err);
    if (status != KEYD_OK || !maker->made.always_authenticate)
        return status;
    return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_ALWAYS_AUTHENTICATE,
                     "the token makes keys of %s so that it wants the PIN anew for each signature "
                     "(CKA_ALWAYS_AUTHENTICATE), and keyd-hsm keeps no PIN: none is made. Have the "
                     "token make keys without it, with the vendor's tools",
                     key_spec_name(spec));
}

/* ---- Creating -------------------------------------------------------------------------------- */

/* Judges an id that the register has already. */
static enum keyd_status refuse_known(const struct register_key *known, struct keyd_error *err)
{
    char text[KEYID_TEXT];
    keyid_format(&known->id, text);
    if (known->state == REGISTER_CREATED)
        return keyd_fail(err, KEYD_ALREADY_EXISTS, "KEY_EXISTS", "the key %s exists", text);
    return keyd_fail(err, KEYD_ALREADY_EXISTS, "KEY_ID_SPENT",
                     "a creation of the key %s was begun and abandoned; no id is used twice", text);
}

static enum keyd_status check_id(struct maker *maker, const struct keyid *id,
                                 struct register_key *known, struct keyd_error *err)
{
    if (register_find(maker->keys, id, known)) {
        if (known->state != REGISTER_CREATING)
            return refuse_known(known, err);
        struct keyd_error failure;
        enum keyd_status status = settle(maker, known, &failure);
        if (status != KEYD_OK && token_is_gone(&failure))
            return keyd_fail(err, status, failure.reason, "%s", failure.message);
        if (status != KEYD_OK)
            return still_open(id, &failure, err);
        register_find(maker->keys, id, known);
        return refuse_known(known, err);
    }
    bool used = false;
    enum keyd_status status = keys_id_used(&maker->session, id, &used, err);
    if (status != KEYD_OK || !used)
        return status;
    char text[KEYID_TEXT];
    keyid_format(id, text);
    return keyd_fail(err, KEYD_ALREADY_EXISTS, "KEY_ID_SPENT",
                     "an object that keyd did not make has the key id %s as its CKA_ID", text);
}

/* What went wrong after the first record. */
static enum keyd_status undo(struct maker *maker, const struct keyid *id, bool on_record,
                             const struct keyd_error *failure, struct keyd_error *err)
{
    struct keyd_error remains = *failure;
    bool open =
        on_record || token_is_gone(failure) || abandon(maker, id, failure, &remains) != KEYD_OK;
    if (open && !token_is_gone(&remains))
        return still_open(id, &remains, err);
    return keyd_fail(err, remains.status, remains.reason, "%s", remains.message);
}

enum keyd_status maker_create(struct maker *maker, const struct register_key *wanted,
                              const char *call, struct register_key *made, struct keyd_error *err)
{
    enum keyd_status status = check_id(maker, &wanted->id, made, err);
    if (status == KEYD_OK)
        status = keys_offered(&maker->session, wanted->spec, err);
    if (status == KEYD_OK)
        status = check_writable(maker, err);
    if (status == KEYD_OK)
        status = check_authentication(maker, wanted->spec, err);
    if (status == KEYD_OK)
        status = record(maker, RECORD_KEY_CREATING, register_creating(wanted, call), err);
    if (status != KEYD_OK)
        return status;

    struct keyd_error failure;
    bool on_record = false;
    status = keys_generate(&maker->session, &wanted->id, wanted->spec, &failure);
    if (status == KEYD_OK) {
        status = complete(maker, wanted, false, &on_record, &failure);
        if (status != KEYD_OK && !on_record && !token_is_gone(&failure))
            keyd_wrap(&failure, "the new key pair is not proved to be good");
    }
    if (status != KEYD_OK)
        return undo(maker, &wanted->id, on_record, &failure, err);
    char text[KEYID_TEXT];
    keyid_format(&wanted->id, text);
    log_notice("key made key=%s spec=%s usage=%s by=%s call=%s", text, key_spec_name(wanted->spec),
               key_usage_name(wanted->usage), wanted->creator, call);
    register_find(maker->keys, &wanted->id, made);
    return KEYD_OK;
}

/* ---- The token against the register ---------------------------------------------------------- */

#define REASON_KEY_MISSING   "KEY_MISSING"
#define REASON_KEY_AMBIGUOUS "KEY_AMBIGUOUS"

static int by_id(const void *a, const void *b)
{
    return keyid_compare(&((const struct key_object *)a)->id, &((const struct key_object *)b)->id);
}

/* The one object with this id. Where there are more, which would be ours? */
static enum keyd_status find_only(const struct key_list *halves, const struct keyid *id,
                                  const char *half, const struct key_object **only,
                                  struct keyd_error *err)
{
    const struct key_object wanted = {.id = *id};
    const struct key_object *found = NULL;
    size_t first = 0;
    size_t count = 0;
    if (halves->count > 0)
        found = bsearch(&wanted, halves->objects, halves->count, sizeof wanted, by_id);
    if (found != NULL)
        first = (size_t)(found - halves->objects);
    while (found != NULL && first > 0 && by_id(&halves->objects[first - 1], &wanted) == 0)
        first--;
    while (found != NULL && first + count < halves->count &&
           by_id(&halves->objects[first + count], &wanted) == 0)
        count++;
    *only = found;
    if (count == 1)
        return KEYD_OK;
    if (count == 0 && halves->unread > 0)
        return keyd_fail(err, halves->failure.status, halves->failure.reason, "%s",
                         halves->failure.message);
    if (count == 0)
        return keyd_fail(err, KEYD_NOT_FOUND, REASON_KEY_MISSING,
                         "the token does not hold its %s half. Restore the token from its backup",
                         half);
    return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_KEY_AMBIGUOUS,
                     "the token holds %zu %s keys with its CKA_ID: another tool made one. Remove "
                     "that, which has not the id as its label, and start keyd-hsm again",
                     count, half);
}

static void add_traits(struct key_traits *all, const struct key_traits *one)
{
    all->known |= one->known;
    all->always_authenticate |= one->always_authenticate;
    all->copyable |= one->copyable;
}

/* Whether it says what is wrong with a key; else it says that the token has not told. */
static bool is_verdict(const struct keyd_error *why)
{
    static const char *const reasons[] = {REASON_KEY_MISSING, REASON_KEY_AMBIGUOUS,
                                          REASON_KEY_ATTRIBUTES, REASON_ALWAYS_AUTHENTICATE,
                                          REASON_KEY_SPEC};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(why->reason, reasons[i]) == 0)
            return true;
    return false;
}

static enum keyd_status match_one(struct maker *maker, const struct register_key *key,
                                  const struct key_list *private_halves,
                                  const struct key_list *public_halves, struct keyd_error *err)
{
    struct keyd_error why;
    char text[KEYID_TEXT];
    keyid_format(&key->id, text);
    const struct key_object *private_half = NULL;
    const struct key_object *public_half = NULL;
    struct key_traits traits = {0};
    enum keyd_status status = find_only(private_halves, &key->id, "private", &private_half, &why);
    if (status == KEYD_OK)
        status = find_only(public_halves, &key->id, "public", &public_half, &why);
    if (status == KEYD_OK)
        status = keys_judge(&maker->session, private_half->handle, key->spec, &traits, &why);
    add_traits(&maker->held, &traits);
    if (status == KEYD_OK) {
        register_set_handle(maker->keys, &key->id, private_half->handle);
        return KEYD_OK;
    }
    if (!is_verdict(&why))
        return keyd_fail(err, why.status, why.reason,
                         "the token does not say whether it has the key %s: %s", text, why.message);
    register_set_unusable(maker->keys, &key->id, why.message);
    log_error("key unusable key=%s: %s. Nothing is deleted", text, why.message);
    return KEYD_OK;
}

/* A key that the register does not know is another tool's, or the journal has lost its end. */
static void tell_unmanaged(struct maker *maker, const struct key_list *private_halves)
{
    size_t unmanaged = 0;
    struct register_key ignored;
    for (size_t i = 0; i < private_halves->count; i++)
        unmanaged += !register_find(maker->keys, &private_halves->objects[i].id, &ignored);
    if (unmanaged > 0)
        log_warning(
            "%zu of the token's private keys are not in the journal and stay untouched: other "
            "tools' keys; or, if keyd made them, the journal is an old copy: put the newest "
            "one in its place",
            unmanaged);
}

/* What could be anybody's. None of it is missed: then the start would have failed. */
static void tell_unknown(const struct key_list *private_halves,
                         const struct key_list *public_halves)
{
    const struct key_list *first = private_halves->unread > 0 ? private_halves : public_halves;
    if (first->unread > 0)
        log_warning("%zu of the token's keys could not be looked at and stay untouched; all of "
                    "the journal's are there without them: %s",
                    private_halves->unread + public_halves->unread, first->failure.message);
    if (private_halves->nameless + public_halves->nameless > 0)
        log_notice("%zu private and %zu public keys on the token have no CKA_ID and stay "
                   "untouched: other tools' keys; or, where a token writes a key in pieces, as "
                   "SoftHSM does, what a process left that was killed in between",
                   private_halves->nameless, public_halves->nameless);
}

enum keyd_status maker_match(struct maker *maker, struct keyd_error *err)
{
    struct key_list private_halves = {0};
    struct key_list public_halves = {0};
    enum keyd_status status = keys_list(&maker->session, CKO_PRIVATE_KEY, &private_halves, err);
    if (status == KEYD_OK)
        status = keys_list(&maker->session, CKO_PUBLIC_KEY, &public_halves, err);
    struct register_key key;
    struct keyid after;
    bool first = true;
    while (status == KEYD_OK &&
           register_next(maker->keys, first ? NULL : &after, REGISTER_CREATED, &key)) {
        status = match_one(maker, &key, &private_halves, &public_halves, err);
        after = key.id;
        first = false;
    }
    if (status == KEYD_OK) {
        tell_unmanaged(maker, &private_halves);
        tell_unknown(&private_halves, &public_halves);
    }
    keys_free(&private_halves);
    keys_free(&public_halves);
    return status;
}
