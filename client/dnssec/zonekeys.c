/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/zonekeys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/show/meter.h"
#include "keyd/base/clock.h"

#define TAG_TRIES 32 /* two keys share a tag once in some 16,000 */

static enum keyd_status remember(struct session *session, const struct zone_key *key,
                                 struct keyd_error *err)
{
    struct zone_state *state = &session->state;
    if (state->key_count == STATE_KEYS_MAX)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "TOO_MANY_KEYS",
                         "%s has %d keys already, more are not kept", session->options->zone_text,
                         STATE_KEYS_MAX);
    state->keys[state->key_count++] = *key;
    return session_save(session, err);
}

/* ---- KSK ------------------------------------------------------------------------------------ */

static const struct dnssec_algorithm *algorithm_of(const struct session *session)
{
    return dnssec_algorithm_find(session->state.algorithm);
}

static bool fits(const struct dnssec_algorithm *algorithm, unsigned key_size, const char *spec)
{
    const struct dnssec_key_spec *specs = algorithm->key_specs;
    for (size_t i = 0; i < DNSSEC_KEY_SPECS_MAX && specs[i].name != NULL; i++) {
        if (strcmp(specs[i].name, spec) == 0)
            return key_size == 0 || specs[i].bits == key_size;
    }
    return false;
}

/* "RSA_2048, RSA_3072 or RSA_4096"; a key size leaves one. */
static void name_specs(const struct dnssec_algorithm *algorithm, unsigned key_size, char text[128])
{
    size_t used = 0;
    size_t count = 0;
    while (count < DNSSEC_KEY_SPECS_MAX && algorithm->key_specs[count].name != NULL)
        count++;
    if (key_size != 0) {
        snprintf(text, 128, "%s", dnssec_key_spec(algorithm, key_size)->name);
        return;
    }
    for (size_t i = 0; i < count && used < 128; i++) {
        const char *link = i == 0 ? "" : i + 1 < count ? ", " : " or ";
        used +=
            (size_t)snprintf(text + used, 128 - used, "%s%s", link, algorithm->key_specs[i].name);
    }
}

static enum keyd_status judge(const struct session *session, const char *name,
                              const struct hsm_key *key, struct keyd_error *err)
{
    char wanted[128];
    const struct dnssec_algorithm *algorithm = algorithm_of(session);
    unsigned key_size = session->state.key_size;
    if (!fits(algorithm, key_size, key->spec) || strcmp(key->usage, "SIGN_VERIFY") != 0) {
        name_specs(algorithm, key_size, wanted);
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "KEY_MISMATCH",
                         "%s (%s) is a %s key for %s, a KSK of algorithm %s needs %s for "
                         "SIGN_VERIFY: name another key with --key, a new name makes one",
                         name, key->key_id, key->spec, key->usage, algorithm->mnemonic, wanted);
    }
    if (strcmp(key->state, "ENABLED") != 0)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "KEY_STATE", "%s (%s) is %s%s%s", name,
                         key->key_id, key->state, key->state_reason[0] != '\0' ? ": " : "",
                         key->state_reason);
    const char *token = session->state.token;
    if (token[0] != '\0' && strcmp(token, key->token) != 0)
        return keyd_fail(
            err, KEYD_FAILED_PRECONDITION, "KEY_MISMATCH",
            "%s (%s) lies on the token %s, not on %s: leave --token out to take it, or "
            "name another key with --key",
            name, key->key_id, key->token, token);
    return KEYD_OK;
}

static enum keyd_status check_known(struct session *session, const struct zone_key *known,
                                    struct keyd_error *err)
{
    struct hsm_key key;
    struct dnskey dnskey;
    enum keyd_status status = session->backend->find(session->hsm, known->key_id, &key, err);
    if (status == KEYD_NOT_FOUND)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "KEY_MISSING",
                         "keyd does not have the KSK of %s, key %s (%s): is it the right keyd (see "
                         "--socket), with the right token?",
                         session->options->zone_text, known->key_id, known->alias);
    if (status == KEYD_OK)
        status = judge(session, known->alias, &key, err);
    if (status == KEYD_OK)
        status = dnskey_from_spki(algorithm_of(session), known->dnskey.flags, key.spki,
                                  key.spki_length, &dnskey, err);
    if (status == KEYD_OK && !dnskey_equal(&dnskey, &known->dnskey))
        return keyd_fail(
            err, KEYD_FAILED_PRECONDITION, "KEY_MISMATCH",
            "key %s in keyd has another public key than the KSK of %s: is it the right "
            "keyd (see --socket)?",
            known->key_id, session->options->zone_text);
    return status;
}

/* An alias that was moved asks for another KSK: a rollover, which must not happen by itself. */
static enum keyd_status check_alias(struct session *session, const struct zone_key *known,
                                    struct keyd_error *err)
{
    struct hsm_key key;
    enum keyd_status status = session->backend->find(session->hsm, known->alias, &key, err);
    if (status == KEYD_NOT_FOUND)
        return KEYD_OK; /* the key was found by its id */
    if (status == KEYD_OK && strcmp(key.key_id, known->key_id) != 0)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "KEY_MISMATCH",
                         "%s names key %s now, but the KSK of %s is key %s: point the alias back; "
                         "to change the KSK without a rollover would break the zone",
                         known->alias, key.key_id, session->options->zone_text, known->key_id);
    return status;
}

enum keyd_status zonekeys_check_ksk(struct session *session, struct keyd_error *err)
{
    const struct zone_key *known = state_ksk(&session->state);
    if (known == NULL)
        return KEYD_OK;
    enum keyd_status status = session_hsm(session, err);
    return status == KEYD_OK ? check_known(session, known, err) : status;
}

/* A request id that belongs to what is asked for, on disk before it is used. */
static enum keyd_status prepare_request(struct session *session, struct keyd_error *err)
{
    if (session->state.request_id[0] != '\0')
        return KEYD_OK;
    struct keyid id = keyid_random();
    keyid_format(&id, session->state.request_id);
    return session_save(session, err);
}

static enum keyd_status create(struct session *session, struct hsm_key *key, struct keyd_error *err)
{
    char description[DNAME_TEXT + 16];
    const struct zone_state *state = &session->state;
    enum keyd_status status = prepare_request(session, err);
    if (status != KEYD_OK)
        return status;
    snprintf(description, sizeof description, "KSK of %.900s", session->options->zone_text);
    const struct hsm_new_key wanted = {
        .spec = dnssec_key_spec(algorithm_of(session), state->key_size)->name,
        .alias = state->alias,
        .token = state->token[0] != '\0' ? state->token : NULL,
        .description = description,
        .request_id = state->request_id};
    meter_step("Making the KSK", NULL);
    return session->backend->create(session->hsm, &wanted, key, err);
}

static enum keyd_status take(struct session *session, const struct hsm_key *key,
                             struct keyd_error *err)
{
    struct zone_key made = {.created_ms = clock_now()};
    enum keyd_status status = judge(session, session->state.alias, key, err);
    if (status == KEYD_OK)
        status = dnskey_from_spki(algorithm_of(session), DNSKEY_KSK, key->spki, key->spki_length,
                                  &made.dnskey, err);
    if (status != KEYD_OK)
        return status;
    if (session_tag_is_taken(session, &made.dnskey))
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "KEY_TAG",
                         "key %s has the key tag %u, which another key of the zone has: name "
                         "another key with --key",
                         key->key_id, dnskey_tag(&made.dnskey));
    snprintf(made.key_id, sizeof made.key_id, "%s", key->key_id);
    snprintf(made.alias, sizeof made.alias, "%s", session->state.alias);
    snprintf(made.token, sizeof made.token, "%s", key->token);
    session->state.request_id[0] = '\0';
    return remember(session, &made, err);
}

enum keyd_status zonekeys_ksk(struct session *session, enum zonekey_came *came,
                              struct keyd_error *err)
{
    struct hsm_key key;
    enum keyd_status status = session_hsm(session, err);
    if (status != KEYD_OK)
        return status;
    const struct zone_key *known = state_ksk(&session->state);
    if (known != NULL) {
        *came = KEY_KNOWN;
        status = check_known(session, known, err);
        return status == KEYD_OK ? check_alias(session, known, err) : status;
    }
    *came = KEY_TAKEN;
    status = session->backend->find(session->hsm, session->state.alias, &key, err);
    if (status == KEYD_NOT_FOUND) {
        *came = KEY_MADE;
        if (session->options->dry_run)
            return KEYD_OK;
        status = create(session, &key, err);
    }
    return status == KEYD_OK ? take(session, &key, err) : status;
}

/* ---- ZSK ------------------------------------------------------------------------------------ */

/* Whether an entry of the folder is a key file of the zone with this ending. stem: without it. */
static bool is_key_file(const struct session *session, const char *entry, const char *ending,
                        char stem[KEYFILE_NAME])
{
    char prefix[KEYFILE_NAME];
    char zone[KEYFILE_NAME];
    size_t length = strlen(entry);
    size_t end = strlen(ending);
    keyfile_zone_name(session->options->zone.wire, zone);
    snprintf(prefix, sizeof prefix, "K%.780s+", zone);
    if (strncmp(entry, prefix, strlen(prefix)) != 0 || length <= end || length >= KEYFILE_NAME ||
        strcmp(entry + length - end, ending) != 0)
        return false;
    snprintf(stem, KEYFILE_NAME, "%.*s", (int)(length - end), entry);
    return true;
}

/* Files of a run that stopped before it wrote the state: a complete pair, ours, a ZSK of the zone's
 * algorithm. */
static bool find_left_over(const struct session *session, struct zone_key *key)
{
    bool found = false;
    DIR *folder = opendir(session->folder);
    for (struct dirent *entry; folder != NULL && !found && (entry = readdir(folder)) != NULL;) {
        EVP_PKEY *pkey = NULL;
        if (!is_key_file(session, entry->d_name, ".private", key->file))
            continue;
        found = keyfile_load_public(session->folder, key->file, session->options->zone.wire,
                                    &key->dnskey, NULL) == KEYD_OK &&
                key->dnskey.flags == DNSKEY_ZSK &&
                key->dnskey.algorithm == session->state.algorithm &&
                !session_tag_is_taken(session, &key->dnskey) &&
                keyfile_load(session->folder, key->file, &key->dnskey, &pkey, NULL) == KEYD_OK;
        EVP_PKEY_free(pkey);
    }
    if (folder != NULL)
        closedir(folder);
    return found;
}

/* Public halves whose private halves a killed run did not come to write. The state has no ZSK, so
 * that they are nobody's. */
static void remove_halves(const struct session *session)
{
    DIR *folder = opendir(session->folder);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char stem[KEYFILE_NAME];
        char private[KEYFILE_NAME + 16];
        if (!is_key_file(session, entry->d_name, ".key", stem))
            continue;
        snprintf(private, sizeof private, "%s.private", stem);
        if (faccessat(dirfd(folder), private, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder != NULL)
        closedir(folder);
}

static enum keyd_status make(struct session *session, struct zone_key *key, struct keyd_error *err)
{
    EVP_PKEY *pkey = NULL;
    enum keyd_status status = KEYD_OK;
    meter_step("Making the ZSK", NULL);
    for (unsigned tries = 0; tries < TAG_TRIES && status == KEYD_OK; tries++) {
        status = keyfile_generate(algorithm_of(session), DNSKEY_ZSK, &pkey, &key->dnskey, err);
        if (status == KEYD_OK && !session_tag_is_taken(session, &key->dnskey))
            break;
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    if (status == KEYD_OK && pkey == NULL)
        return keyd_fail(err, KEYD_INTERNAL, "KEY_TAG", "no ZSK with a free key tag came up");
    if (status == KEYD_OK)
        status = keyfile_write(session->folder, session->options->zone.wire, pkey, &key->dnskey,
                               clock_now(), err);
    EVP_PKEY_free(pkey);
    keyfile_name(session->options->zone.wire, &key->dnskey, key->file);
    return status;
}

static enum keyd_status check_zsk(const struct session *session, const struct dnskey *key,
                                  struct keyd_error *err)
{
    const char *path = session->options->zsk_file;
    const struct zone_key *known = NULL;
    for (size_t i = 0; i < session->state.key_count; i++) {
        if ((session->state.keys[i].dnskey.flags & DNSKEY_SEP) == 0)
            known = &session->state.keys[i];
    }
    if (key->flags != DNSKEY_ZSK)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "KEY_MISMATCH",
                         "%s: a key with flags %u, a ZSK has 256", path, key->flags);
    if (key->algorithm != session->state.algorithm)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "KEY_MISMATCH",
                         "%s: a key of algorithm %u, the zone has %u: KSK and ZSK need the same "
                         "(see --algorithm)",
                         path, key->algorithm, session->state.algorithm);
    if (known != NULL && !dnskey_equal(&known->dnskey, key))
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "KEY_MISMATCH",
                         "%s has the ZSK %s already: to change it to %s would break the zone "
                         "without a rollover, which this version does not do",
                         session->options->zone_text, known->file, path);
    return KEYD_OK;
}

static enum keyd_status load_file(const struct session *session, struct dnskey *key,
                                  EVP_PKEY **pkey, struct keyd_error *err)
{
    const uint8_t *zone = session->options->zone.wire;
    EVP_PKEY *loaded = NULL;
    enum keyd_status status =
        keyfile_load_pair(session->options->zsk_file, zone, key, &loaded, err);
    if (status != KEYD_OK)
        return keyd_wrap(err, "the ZSK of --zsk-file cannot be taken");
    status = check_zsk(session, key, err);
    if (status == KEYD_OK && pkey != NULL)
        *pkey = loaded;
    else
        EVP_PKEY_free(loaded);
    return status;
}

enum keyd_status zonekeys_check_file(struct session *session, struct keyd_error *err)
{
    struct dnskey key;
    return session->options->zsk_file != NULL ? load_file(session, &key, NULL, err) : KEYD_OK;
}

/* Copies the files into the zone's folder. */
static enum keyd_status take_file(struct session *session, struct keyd_error *err)
{
    EVP_PKEY *pkey = NULL;
    struct zone_key key = {.created_ms = clock_now()};
    const uint8_t *zone = session->options->zone.wire;
    enum keyd_status status = load_file(session, &key.dnskey, &pkey, err);
    if (status == KEYD_OK && session_tag_is_taken(session, &key.dnskey))
        status = keyd_fail(err, KEYD_FAILED_PRECONDITION, "KEY_TAG",
                           "%s has the key tag %u, which another key of the zone has: make another "
                           "one",
                           session->options->zsk_file, dnskey_tag(&key.dnskey));
    if (status == KEYD_OK && !session->options->dry_run)
        status = keyfile_write(session->folder, zone, pkey, &key.dnskey, key.created_ms, err);
    EVP_PKEY_free(pkey);
    if (status != KEYD_OK || session->options->dry_run)
        return status;
    keyfile_name(zone, &key.dnskey, key.file);
    return remember(session, &key, err);
}

enum keyd_status zonekeys_zsk(struct session *session, enum zonekey_came *came,
                              struct keyd_error *err)
{
    struct zone_key key = {.created_ms = clock_now()};
    *came = KEY_KNOWN;
    if (state_zsk(&session->state) != NULL)
        return KEYD_OK;
    *came = KEY_TAKEN;
    if (session->options->zsk_file != NULL)
        return take_file(session, err);
    if (!find_left_over(session, &key)) {
        *came = KEY_MADE;
        if (session->options->dry_run)
            return KEYD_OK;
        remove_halves(session);
        key = (struct zone_key){.created_ms = clock_now()};
        enum keyd_status status = make(session, &key, err);
        if (status != KEYD_OK)
            return status;
    }
    return remember(session, &key, err);
}
