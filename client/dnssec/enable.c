/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/enable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/dns/rrtype.h"
#include "client/dnssec/publish.h"
#include "client/dnssec/sign.h"
#include "client/dnssec/signing.h"
#include "client/dnssec/source.h"
#include "client/dnssec/stream.h"
#include "client/dnssec/takeover.h"
#include "client/dnssec/zonekeys.h"
#include "keyd/base/clock.h"

/* ---- Settings ------------------------------------------------------------------------------- */

static enum keyd_status set_text(char *to, size_t size, const char *what, const char *value,
                                 struct keyd_error *err)
{
    if (snprintf(to, size, "%s", value) >= (int)size)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "USAGE", "%s is longer than %zu characters",
                         what, size - 1);
    return state_check_text(what, value, err);
}

static enum keyd_status set_signed_zone(struct session *session, struct keyd_error *err)
{
    const struct options *options = session->options;
    struct zone_state *state = &session->state;
    char folder[PATH_MAX] = "";
    char path[PATH_MAX];
    int n = 0;
    if (options->signed_zone == NULL && state->signed_zone[0] != '\0')
        return KEYD_OK;
    session->new_place = true;
    bool from_file = state->from_server[0] == '\0' && !is_standard_stream(state->zone_file);
    if (options->signed_zone == NULL && !from_file)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "USAGE",
                         "--signed-zone is missing: the file for the signed zone, - for standard "
                         "output");
    if (options->signed_zone == NULL)
        n = snprintf(path, sizeof path, "%s.signed", state->zone_file);
    else if (options->signed_zone[0] == '/' || is_standard_stream(options->signed_zone))
        n = snprintf(path, sizeof path, "%s", options->signed_zone);
    else if (getcwd(folder, sizeof folder) == NULL)
        return keyd_fail_errno(err, errno, "the current folder");
    else
        n = snprintf(path, sizeof path, "%s/%s", folder, options->signed_zone);
    if (n >= (int)sizeof path)
        return keyd_fail_errno(err, ENAMETOOLONG, "the signed zone");
    return set_text(state->signed_zone, sizeof state->signed_zone, "--signed-zone", path, err);
}

static enum keyd_status check_other_file(const struct zone_state *state, const char *what,
                                         const char *path, struct keyd_error *err)
{
    struct stat st;
    if (path[0] == '\0' || is_standard_stream(path) || stat(path, &st) != 0 ||
        !publish_would_replace(state->signed_zone, &st))
        return KEYD_OK;
    return keyd_fail(err, KEYD_INVALID_ARGUMENT, "USAGE",
                     "%s would be both %s and the signed zone: name another file with "
                     "--signed-zone",
                     path, what);
}

/* What the signed zone must not take the place of; what the zone file includes is seen when it is
 * read. */
static enum keyd_status check_other_files(const struct session *session, struct keyd_error *err)
{
    const struct zone_state *state = &session->state;
    const char *zsk = session->options->zsk_file;
    char public[PATH_MAX] = "";
    char private[PATH_MAX] = "";
    enum keyd_status status = zsk != NULL ? keyfile_pair(zsk, public, private, err) : KEYD_OK;
    if (status == KEYD_OK)
        status = check_other_file(state, "the zone file", state->zone_file, err);
    if (status == KEYD_OK)
        status = check_other_file(state, "the key for TSIG", state->tsig_file, err);
    if (status == KEYD_OK)
        status = check_other_file(state, "a ZSK's file", public, err);
    if (status == KEYD_OK)
        status = check_other_file(state, "a ZSK's file", private, err);
    if (status == KEYD_OK && publish_is_in(state->signed_zone, session->folder))
        status = keyd_fail(err, KEYD_INVALID_ARGUMENT, "USAGE",
                           "%s is in the zone's state folder, where no name server may read: name "
                           "another place with --signed-zone",
                           state->signed_zone);
    bool nothing_goes_out = session->options->dry_run && is_standard_stream(state->signed_zone);
    if (status != KEYD_OK || nothing_goes_out)
        return status;
    return publish_check(state->signed_zone, err);
}

/* alias/animalsforlife-org-ksk */
static enum keyd_status default_alias(const struct session *session, char *alias, size_t size,
                                      struct keyd_error *err)
{
    const char *zone =
        strcmp(session->options->zone_text, ".") == 0 ? "root" : session->options->zone_text;
    int n = snprintf(alias, size, ALIAS_PREFIX "%s-ksk", zone);
    for (char *at = alias; *at != '\0'; at++) {
        if (*at == '.')
            *at = '-';
    }
    if (n >= (int)size || !alias_is_valid(alias))
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "USAGE",
                         "%.256s gives no alias for its KSK: name one with --key alias/NAME", zone);
    return KEYD_OK;
}

static enum keyd_status change_of_algorithm(const struct session *session,
                                            const struct zone_key *ksk, struct keyd_error *err)
{
    unsigned bits = dnskey_bits(&ksk->dnskey);
    const struct dnssec_algorithm *has = dnssec_algorithm_find(ksk->dnskey.algorithm);
    const struct dnssec_algorithm *wanted = session->options->algorithm;
    unsigned key_size = session->options->key_size;
    if (wanted != NULL && wanted != has)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "ZONE_HAS_KSK",
                         "%s is enabled with algorithm %s (%u): to change it to %s (%u) would "
                         "break the zone without a rollover, which this version does not do",
                         session->options->zone_text, has->mnemonic, has->number, wanted->mnemonic,
                         wanted->number);
    if (key_size != 0 && key_size != bits)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "ZONE_HAS_KSK",
                         "the KSK of %s is a key of %u bits, not of %u: to change it would break "
                         "the zone without a rollover, which this version does not do",
                         session->options->zone_text, bits, key_size);
    return KEYD_OK;
}

static enum keyd_status set_algorithm(struct session *session, struct keyd_error *err)
{
    struct zone_state *state = &session->state;
    const struct options *options = session->options;
    const struct zone_key *ksk = state_ksk(state);
    if (ksk != NULL)
        return change_of_algorithm(session, ksk, err);
    const struct dnssec_algorithm *algorithm = dnssec_algorithm_find(state->algorithm);
    unsigned key_size = state->key_size;
    if (options->algorithm != NULL && options->algorithm != algorithm) {
        algorithm = options->algorithm;
        key_size = 0; /* it was said of another algorithm */
    }
    if (options->key_size != 0)
        key_size = options->key_size;
    if (dnssec_key_spec(algorithm, key_size) == NULL)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "USAGE",
                         "--key-size is for RSA: a key of algorithm %s (%u) has one size alone",
                         algorithm->mnemonic, algorithm->number);
    if (state->algorithm != algorithm->number || state->key_size != key_size)
        state->request_id[0] = '\0'; /* it named another request */
    state->algorithm = algorithm->number;
    state->key_size = key_size;
    return KEYD_OK;
}

static enum keyd_status set_key(struct session *session, struct keyd_error *err)
{
    const struct options *options = session->options;
    struct zone_state *state = &session->state;
    char alias[ALIAS_TEXT];
    enum keyd_status status = KEYD_OK;
    if (options->key != NULL)
        status = set_text(alias, sizeof alias, "--key", options->key, err);
    else if (state->alias[0] != '\0')
        status = set_text(alias, sizeof alias, "--key", state->alias, err);
    else
        status = default_alias(session, alias, sizeof alias, err);
    if (status != KEYD_OK)
        return status;
    const char *token = options->token != NULL ? options->token : state->token;
    const struct zone_key *ksk = state_ksk(state);
    if (ksk != NULL && strcmp(ksk->alias, alias) != 0)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "ZONE_HAS_KSK",
                         "%s is enabled with the KSK %s (%s): to change it to %s would break the "
                         "zone without a rollover, which this version does not do",
                         options->zone_text, ksk->alias, ksk->key_id, alias);
    if (ksk != NULL && options->token != NULL && strcmp(ksk->token, token) != 0)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "ZONE_HAS_KSK",
                         "the KSK of %s lies on the token %s, not on %s", options->zone_text,
                         ksk->token, token);
    if (strcmp(state->alias, alias) != 0 || strcmp(state->token, token) != 0)
        state->request_id[0] = '\0'; /* it named another request */
    status = set_text(state->alias, sizeof state->alias, "--key", alias, err);
    if (status == KEYD_OK && options->token != NULL)
        status = set_text(state->token, sizeof state->token, "--token", options->token, err);
    return status;
}

/* Looked at until this program has published there. */
static enum keyd_status check_place(const struct session *session, struct takeover *takeover,
                                    struct keyd_error *err)
{
    struct dnskey known[STATE_KEYS_MAX + STATE_OTHERS_MAX];
    const struct zone_state *state = &session->state;
    if ((state->enabled_ms != 0 && !session->new_place) || is_standard_stream(state->signed_zone))
        return KEYD_OK;
    size_t count = session_dnskeys(session, known);
    for (size_t i = 0; i < state->other_count; i++)
        known[count++] = state->others[i];
    return takeover_check(state->signed_zone, state->zone.wire, known, count, takeover, err);
}

static enum keyd_status set_all(struct session *session, struct keyd_error *err)
{
    const char *reload = session->options->reload;
    enum keyd_status status = source_set(session->options, &session->state, err);
    if (status == KEYD_OK)
        status = set_signed_zone(session, err);
    if (status == KEYD_OK)
        status = check_other_files(session, err);
    if (status == KEYD_OK)
        status = set_key(session, err);
    if (status == KEYD_OK)
        status = set_algorithm(session, err);
    if (session->options->have_denial)
        session->state.denial = session->options->denial;
    if (session->options->have_serial)
        session->state.serial_policy = session->options->serial;
    if (session->options->have_out_of_zone)
        session->state.drop_outside = session->options->drop_outside;
    if (session->options->have_jitter)
        session->state.jitter = session->options->jitter;
    if (session->options->have_zonemd)
        session->state.zonemd = session->options->zonemd;
    if (status == KEYD_OK)
        status = zonekeys_check_file(session, err);
    if (status == KEYD_OK && reload != NULL)
        status =
            set_text(session->state.reload, sizeof session->state.reload, "--reload", reload, err);
    if (status == KEYD_OK && session->state.reload[0] != '\0' &&
        is_standard_stream(session->state.signed_zone))
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "USAGE",
                         "a signed zone that goes to standard output is in no place to be loaded "
                         "from: leave the reload command out (--reload '')");
    return status;
}

static void raise_serial(struct zone_state *state, uint32_t serial)
{
    if (!state->have_serial || serial_is_newer(serial, state->serial))
        state->serial = serial;
    state->have_serial = true;
}

/* What the world has seen so far: the zone as it was served unsigned. */
static void observe(struct zone_state *state, const struct zone *zone,
                    const struct takeover *takeover, struct zone_ttls *ttls)
{
    zone_ttls(zone, ttls);
    if (takeover->have_serial)
        raise_serial(state, takeover->serial);
    if (state->enabled_ms != 0)
        return;
    uint32_t served = ttls->largest > ttls->minimum ? ttls->largest : ttls->minimum;
    if (served > state->unsigned_largest_ttl)
        state->unsigned_largest_ttl = served <= INT32_MAX ? served : INT32_MAX;
    raise_serial(state, zone_serial(zone));
}

/* ---- Keys ----------------------------------------------------------------------------------- */

static void tell_times(const struct session *session, struct report *report)
{
    char times[KEYFILE_TIMES];
    const char *path = session->options->zsk_file;
    if (path == NULL)
        return;
    keyfile_times(path, clock_now(), times);
    if (times[0] != '\0')
        report_notice(
            report, json_pack("{s:s, s:s, s:s}", "kind", "key_times", "file", path, "times", times),
            "the times in %s are not followed, the key signs from now on: %s", path, times);
}

static const char *came_text(enum zonekey_came came, bool dry_run)
{
    if (came == KEY_MADE)
        return dry_run ? "would be made" : "made";
    return came == KEY_TAKEN ? "found and taken" : "there already";
}

static void report_key(struct report *report, const struct session *session, const char *label,
                       const char *data_key, const struct zone_key *key, enum zonekey_came came)
{
    const char *how = came_text(came, session->options->dry_run);
    if (key == NULL) {
        report_add(report, label, data_key, json_pack("{s:s}", "came", how), "%s", how);
        return;
    }
    unsigned tag = dnskey_tag(&key->dnskey);
    const struct dnssec_algorithm *algorithm = dnssec_algorithm_find(key->dnskey.algorithm);
    bool ksk = (key->dnskey.flags & DNSKEY_SEP) != 0;
    json_t *data =
        json_pack("{s:s, s:i, s:i, s:i, s:s, s:s}", "came", how, "key_tag", (int)tag, "flags",
                  key->dnskey.flags, "algorithm", key->dnskey.algorithm, "mnemonic",
                  algorithm->mnemonic, ksk ? "key_id" : "file", ksk ? key->key_id : key->file);
    report_add(report, label, data_key, data, "tag %u, flags %u, %s (%u), %s: %s%s%s%s", tag,
               key->dnskey.flags, algorithm->mnemonic, algorithm->number, how,
               ksk ? key->alias : key->file, ksk ? " = " : "", ksk ? key->key_id : "",
               ksk ? "" : ".private");
}

static enum keyd_status ensure_keys(struct session *session, struct report *report,
                                    struct keyd_error *err)
{
    enum zonekey_came came;
    enum keyd_status status = zonekeys_ksk(session, &came, err);
    if (status != KEYD_OK)
        return status;
    report_key(report, session, "KSK in the HSM", "ksk", state_ksk(&session->state), came);
    status = zonekeys_zsk(session, &came, err);
    if (status == KEYD_OK)
        report_key(report, session, "ZSK on this host", "zsk", state_zsk(&session->state), came);
    if (status == KEYD_OK)
        tell_times(session, report);
    return status;
}

static void report_nothing_signed(const struct session *session, struct report *report)
{
    static const char *const later[] = {"serial",   "unsigned_serial", "serial_policy",
                                        "verified", "denial",          "zonemd",
                                        "reload",   "signatures_end",  "signatures"};
    const char *path = session->state.signed_zone;
    report_add_data(report, "dry_run", json_true());
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        report_add_data(report, later[i], json_null());
    report_add(report, "Signed zone", "signed_zone", json_string(path),
               "%s would be made; without keys nothing was signed (--dry-run)",
               is_standard_stream(path) ? "standard output" : path);
}

/* ---- All of it ------------------------------------------------------------------------------ */

static void plan(const struct session *session, const struct zone_ttls *ttls,
                 struct enabled *enabled)
{
    const struct zone_state *state = &session->state;
    enabled->waits_are_before = session->options->dry_run && state->enabled_ms == 0;
    if (enabled->waits_are_before)
        enabled->wait_count = waits_before(ttls, clock_now() / 1000, enabled->waits);
    else
        enabled->wait_count =
            waits_after(ttls, state->unsigned_largest_ttl, state->serial,
                        session->options->zone_text, state->enabled_ms / 1000, enabled->waits);
}

static enum keyd_status enable_zone(struct session *session, const struct zone *zone,
                                    const struct takeover *takeover, struct report *report,
                                    struct enabled *enabled, struct keyd_error *err)
{
    struct zone_ttls ttls;
    observe(&session->state, zone, takeover, &ttls);
    enum keyd_status status = ensure_keys(session, report, err);
    bool nothing_to_sign_with =
        state_ksk(&session->state) == NULL || state_zsk(&session->state) == NULL;
    if (status == KEYD_OK && session->options->dry_run && nothing_to_sign_with)
        report_nothing_signed(session, report);
    else if (status == KEYD_OK)
        status = signing_run(session, zone, report, err);
    if (session->state.enabled_ms != 0 || (session->options->dry_run && status == KEYD_OK))
        plan(session, &ttls, enabled);
    return status;
}

enum keyd_status enable_run(struct session *session, struct report *report, struct enabled *enabled,
                            struct keyd_error *err)
{
    struct zone *zone = NULL;
    struct takeover takeover = {0};
    *enabled = (struct enabled){0};
    enum keyd_status status = set_all(session, err);
    if (status == KEYD_OK)
        status = signing_check_clock(session, err);
    if (status == KEYD_OK)
        status = check_place(session, &takeover, err);
    if (status == KEYD_OK)
        status = session_zone(session, &zone, err);
    if (status == KEYD_OK)
        intake_report(&session->intake, report);
    if (status == KEYD_OK)
        status = enable_zone(session, zone, &takeover, report, enabled, err);
    zone_free(zone);
    return status;
}
