/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/dnssec/signing.h"
#include "client/dnssec/source.h"
#include "client/dnssec/stream.h"
#include "keyd/base/clock.h"
#include "keyd/base/encode.h"

static void upper(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text >= 'a' && *text <= 'f')
            *text = (char)(*text - ('a' - 'A'));
    }
}

static void report_ds(struct report *report, const struct zone_key *ksk, const struct ds *ds,
                      const char *zone, const char *line, const char *digest)
{
    char public[BASE64_TEXT(DNSSEC_PUBLIC_KEY_MAX)];
    const struct dnssec_algorithm *algorithm = dnssec_algorithm_find(ds->algorithm);
    base64_encode(ksk->dnskey.key, ksk->dnskey.length, public);
    report_add(report, "Zone", "zone", json_string(zone), "%s", zone);
    report_add(report, "DS record", "ds_record", json_string(line), "%s", line);
    report_add(report, "Key tag", "key_tag", json_integer(ds->key_tag), "%u", ds->key_tag);
    report_add(report, "Flags", "flags", json_integer(ksk->dnskey.flags), "%u (KSK)",
               ksk->dnskey.flags);
    report_add(
        report, "Signing algorithm", "signing_algorithm",
        json_pack("{s:s, s:i}", "mnemonic", algorithm->mnemonic, "number", algorithm->number),
        "%s (%u)", algorithm->mnemonic, algorithm->number);
    report_add(report, "Digest type", "digest_type",
               json_pack("{s:s, s:i}", "mnemonic", dnssec_digest_name(ds->digest_type), "number",
                         ds->digest_type),
               "%s (%u)", dnssec_digest_name(ds->digest_type), ds->digest_type);
    report_add(report, "Digest", "digest", json_string(digest), "%s", digest);
    report_add(report, "Public key", "public_key", json_string(public), "%s", public);
    report_add(report, "DNSKEY record", "dnskey_record",
               json_sprintf("%s IN DNSKEY %u %u %u %s", zone, ksk->dnskey.flags, DNSKEY_PROTOCOL,
                            ds->algorithm, public),
               "%s IN DNSKEY %u %u %u %s", zone, ksk->dnskey.flags, DNSKEY_PROTOCOL, ds->algorithm,
               public);
    report_add_data(report, "key_id", json_string(ksk->key_id));
    report_add_data(report, "alias", json_string(ksk->alias));
}

enum keyd_status show_ds(struct session *session, struct report *report, char line[DS_LINE_MAX],
                         struct keyd_error *err)
{
    struct ds ds;
    char digest[HEX_TEXT(DS_DIGEST_MAX)];
    char zone[DNAME_TEXT];
    const char *name = session->options->zone_text;
    const struct zone_key *ksk = state_ksk(&session->state);
    if (ksk == NULL || session->state.enabled_ms == 0)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "ZONE_NOT_ENABLED",
                         "%s was never published signed, so its DS must not go anywhere yet: run "
                         "keyd-dnssec enable %s again, it stopped half-way",
                         name, name);
    enum keyd_status status =
        dnskey_ds(&ksk->dnskey, session->options->zone.wire, DS_SHA256, &ds, err);
    if (status != KEYD_OK)
        return status;
    hex_encode(ds.digest, ds.length, digest);
    upper(digest);
    dname_format(session->options->zone.wire, zone);
    snprintf(line, DS_LINE_MAX, "%s IN DS %u %u %u %s", zone, ds.key_tag, ds.algorithm,
             ds.digest_type, digest);
    report_ds(report, ksk, &ds, zone, line, digest);
    return KEYD_OK;
}

/* The one thing that the operator has to do next. */
static void next_step(const struct session *session, int64_t now, char *text, size_t size)
{
    const struct zone_state *state = &session->state;
    const char *zone = session->options->zone_text;
    char when[WHEN_MAX];
    int64_t refresh = state->expiration_ms - (int64_t)SIGNATURES_REFRESH * 1000;
    int64_t ds = state->enabled_ms + (int64_t)state->unsigned_largest_ttl * 1000;
    if (state->enabled_ms == 0) {
        snprintf(text, size, "run keyd-dnssec enable %s again: it stopped half-way", zone);
    } else if (state->expiration_ms <= now) {
        snprintf(text, size,
                 "run keyd-dnssec sign %s AT ONCE: the signatures have ended, validating resolvers "
                 "refuse the zone",
                 zone);
    } else if (refresh <= now) {
        snprintf(text, size, "run keyd-dnssec sign %s now: the signatures end soon", zone);
    } else if (now < ds) {
        when_text(ds, now, when);
        snprintf(text, size, "wait until %s, then give the parent the DS: keyd-dnssec ds %s", when,
                 zone);
    } else {
        when_text(refresh, now, when);
        snprintf(text, size, "see that the parent has the DS (keyd-dnssec ds %s); sign again by %s",
                 zone, when);
    }
}

static json_t *key_json(const struct zone_key *key)
{
    bool ksk = (key->dnskey.flags & DNSKEY_SEP) != 0;
    json_t *json =
        json_pack("{s:s, s:i, s:i, s:s, s:i, s:o}", "role", ksk ? "KSK" : "ZSK", "key_tag",
                  dnskey_tag(&key->dnskey), "algorithm", key->dnskey.algorithm, "mnemonic",
                  dnssec_algorithm_find(key->dnskey.algorithm)->mnemonic, "flags",
                  key->dnskey.flags, "created", when_json(key->created_ms));
    if (json == NULL)
        return NULL;
    if (!ksk) {
        json_object_set_new(json, "file", json_string(key->file));
        return json;
    }
    json_object_set_new(json, "key_id", json_string(key->key_id));
    json_object_set_new(json, "alias", json_string(key->alias));
    json_object_set_new(json, "token", json_string(key->token));
    return json;
}

static json_t *keys_json(const struct zone_state *state)
{
    json_t *keys = json_array();
    for (size_t i = 0; i < state->key_count; i++)
        json_array_append_new(keys, key_json(&state->keys[i]));
    return keys;
}

static void report_keys(struct report *report, const struct session *session)
{
    const struct zone_state *state = &session->state;
    for (size_t i = 0; i < state->key_count; i++) {
        const struct zone_key *key = &state->keys[i];
        const struct dnssec_algorithm *algorithm = dnssec_algorithm_find(key->dnskey.algorithm);
        unsigned tag = dnskey_tag(&key->dnskey);
        if (key->dnskey.flags & DNSKEY_SEP)
            report_add(report, "KSK", NULL, NULL, "tag %u, flags %u, %s (%u), %s = %s on token %s",
                       tag, key->dnskey.flags, algorithm->mnemonic, algorithm->number, key->alias,
                       key->key_id, key->token);
        else
            report_add(report, "ZSK", NULL, NULL, "tag %u, flags %u, %s (%u), %s/%s.private", tag,
                       key->dnskey.flags, algorithm->mnemonic, algorithm->number, session->folder,
                       key->file);
    }
    report_add_data(report, "keys", keys_json(state));
}

static void report_time(struct report *report, const char *label, const char *key, int64_t ms,
                        int64_t now)
{
    char when[WHEN_MAX];
    when_text(ms, now, when);
    report_add(report, label, key, when_json(ms), "%s", when);
}

static json_t *text_json(const char *text)
{
    return text[0] != '\0' ? json_string(text) : json_null();
}

static void report_source(struct report *report, const struct session *session)
{
    const struct zone_state *state = &session->state;
    const char *name = source_name(session->options, state);
    if (state->from_server[0] == '\0') {
        report_add(report, "Zone file", "zone_file", json_string(state->zone_file), "%s", name);
        report_add_data(report, "from_server", json_null());
        report_add_data(report, "tsig_file", json_null());
        return;
    }
    report_add_data(report, "zone_file", json_null());
    report_add(report, "From server", "from_server", json_string(name), "%s", name);
    report_add(report, "TSIG key", "tsig_file", text_json(state->tsig_file), "%s",
               state->tsig_file[0] != '\0' ? state->tsig_file : "none");
}

enum keyd_status show_status(struct session *session, struct report *report, struct keyd_error *err)
{
    (void)err;
    char next[1400];
    const struct zone_state *state = &session->state;
    int64_t now = clock_now();
    next_step(session, now, next, sizeof next);
    report_add(report, "Zone", "zone", json_string(session->options->zone_text), "%s",
               session->options->zone_text);
    report_keys(report, session);
    if (state->enabled_ms != 0)
        report_add(report, "Serial", "serial", json_integer(state->serial), "%" PRIu32,
                   state->serial);
    else
        report_add_data(report, "serial", json_null());
    report_add(report, "Serial policy", "serial_policy",
               json_string(serial_policy_name(state->serial_policy)), "%s",
               serial_policy_name(state->serial_policy));
    report_add(report, "Denial", "denial", json_string(denial_name(state->denial)), "%s",
               denial_text(state->denial));
    report_add(report, "Digest", "zonemd", json_boolean(state->zonemd), "%s",
               state->zonemd ? ZONEMD_TEXT : "none");
    report_time(report, "Enabled", "enabled", state->enabled_ms, now);
    report_time(report, "Last signed", "signed", state->signed_ms, now);
    report_time(report, "Signatures end", "signatures_end", state->expiration_ms, now);
    report_source(report, session);
    report_add(report, "Signed zone", "signed_zone", json_string(state->signed_zone), "%s",
               is_standard_stream(state->signed_zone) ? "standard output" : state->signed_zone);
    report_add(report, "Reload", "reload",
               state->reload[0] != '\0' ? json_string(state->reload) : json_null(), "%s",
               state->reload[0] != '\0' ? state->reload : "no command");
    report_add(report, "Next", "next", json_string(next), "%s", next);
    return KEYD_OK;
}
