/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/signing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/dns/rrtype.h"
#include "client/dns/ttl.h"
#include "client/dnssec/cdscheck.h"
#include "client/dnssec/keeping.h"
#include "client/dnssec/publish.h"
#include "client/dnssec/reload.h"
#include "client/dnssec/sign.h"
#include "client/dnssec/softsigner.h"
#include "client/dnssec/source.h"
#include "client/dnssec/stream.h"
#include "client/dnssec/waits.h"
#include "client/show/meter.h"
#include "keyd/base/clock.h"

#define CLOCK_EARLIEST INT64_C(1577836800) /* 2020: an earlier clock was never set */

#define SERIAL_TEXT 48 /* characters of wanted_text with the NUL */

#define CLOCK_MAY_GO_BACK 3600 /* seconds: as much as SIGNATURES_BEFORE makes up for */

/* The signers of a zone's keys and what stands behind them. */
struct signers {
    struct dns_signer ksks[STATE_KEYS_MAX];
    struct dns_signer zsks[STATE_KEYS_MAX];
    size_t ksk_count;
    size_t zsk_count;
    struct hsm_signer hsm[STATE_KEYS_MAX];
    struct soft_signer soft[STATE_KEYS_MAX];
};

static void signers_close(struct signers *signers)
{
    for (size_t i = 0; i < signers->zsk_count; i++)
        EVP_PKEY_free(signers->soft[i].pkey);
}

static enum keyd_status signers_open(struct session *session, struct signers *signers,
                                     struct keyd_error *err)
{
    enum keyd_status status = session_hsm(session, err);
    for (size_t i = 0; i < session->state.key_count && status == KEYD_OK; i++) {
        const struct zone_key *key = &session->state.keys[i];
        const struct dnssec_algorithm *algorithm = dnssec_algorithm_find(key->dnskey.algorithm);
        if (key->dnskey.flags & DNSKEY_SEP) {
            struct hsm_signer *hsm = &signers->hsm[signers->ksk_count];
            *hsm = (struct hsm_signer){session->backend, session->hsm, algorithm, key->key_id};
            signers->ksks[signers->ksk_count++] = hsm_signer(hsm, &key->dnskey);
        } else {
            struct soft_signer *soft = &signers->soft[signers->zsk_count];
            soft->algorithm = algorithm;
            status = keyfile_load(session->folder, key->file, &key->dnskey, &soft->pkey, err);
            if (status == KEYD_OK)
                signers->zsks[signers->zsk_count++] = soft_signer(soft, &key->dnskey);
        }
    }
    return status;
}

/* A clock that went back makes signatures that end too early, or have ended: unseen, since the same
 * clock judges them. */
static enum keyd_status check_order(const struct zone_state *state, bool have_now, int64_t now,
                                    struct keyd_error *err)
{
    char before[CLOCK_TEXT_MAX];
    char text[CLOCK_TEXT_MAX];
    if (have_now || state->signed_ms <= (now + CLOCK_MAY_GO_BACK) * 1000)
        return KEYD_OK;
    clock_format(now * 1000, text);
    clock_format(state->signed_ms, before);
    return keyd_fail(err, KEYD_FAILED_PRECONDITION, "CLOCK",
                     "this host's clock shows %s, but the zone was last signed at %s: set the "
                     "clock; or, if it is right and was wrong then, say so with --now %s",
                     text, before, text);
}

enum keyd_status signing_check_clock(const struct session *session, struct keyd_error *err)
{
    int64_t now = clock_now() / 1000;
    if (now < CLOCK_EARLIEST || now + SIGNATURES_LONGEST > UINT32_MAX)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "CLOCK",
                         session->options->have_now
                             ? "--now cannot be right: RRSIGs carry times of 2020 to 2106"
                             : "this host's clock cannot be right: set it (RRSIGs carry times of "
                               "2020 to 2106)");
    return check_order(&session->state, session->options->have_now, now, err);
}

static enum keyd_status check_ready(const struct session *session, struct keyd_error *err)
{
    struct zone_state state = session->state;
    if (state_ksk(&state) == NULL || state_zsk(&state) == NULL)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "ZONE_NOT_ENABLED",
                         "enabling %s stopped half-way: run keyd-dnssec enable %s again",
                         session->options->zone_text, session->options->zone_text);
    return signing_check_clock(session, err);
}

/* Why it is not what the policy asks for. */
static void report_raised(struct report *report, const struct zone_state *state, uint32_t serial,
                          const char *wanted)
{
    bool given_out = state->enabled_ms != 0;
    report_add(report, "Serial", "serial", json_integer(serial),
               "%" PRIu32 " (%s; %" PRIu32 " %s, and secondaries need a higher one)", serial,
               wanted, state->serial,
               given_out ? "is the last one given out" : "may be served already");
}

/* What the policy asks for, for people: "the zone file has 5". */
static void wanted_text(const struct serial_source *source, const char *where,
                        char text[SERIAL_TEXT])
{
    static const char *const what[] = {
        [SERIAL_KEEP] = " has",
        [SERIAL_INCREMENT] = "one more is",
        [SERIAL_UNIXTIME] = "the time is",
        [SERIAL_DATE] = "the date is",
    };
    snprintf(text, SERIAL_TEXT, "%s%s %" PRIu32, source->policy == SERIAL_KEEP ? where : "",
             what[source->policy], serial_wanted(source));
}

/* Why it is what the policy asks for. */
static void report_wanted(struct report *report, const struct serial_source *source,
                          uint32_t serial, const char *where)
{
    json_t *value = json_integer(serial);
    if (source->policy == SERIAL_KEEP)
        report_add(report, "Serial", "serial", value, "%" PRIu32 ", as in %s", serial, where);
    else if (source->policy == SERIAL_INCREMENT)
        report_add(report, "Serial", "serial", value,
                   "%" PRIu32 ", one above %s's and the last one given out", serial, where);
    else
        report_add(report, "Serial", "serial", value, "%" PRIu32 ", the %s of signing", serial,
                   source->policy == SERIAL_DATE ? "date" : "time");
}

static void report_serial(struct report *report, const struct session *session,
                          const struct serial_source *source, uint32_t serial)
{
    char wanted[SERIAL_TEXT];
    const char *where = source_noun(session->options, &session->state);
    wanted_text(source, where, wanted);
    if (serial == serial_wanted(source))
        report_wanted(report, source, serial, where);
    else
        report_raised(report, &session->state, serial, wanted);
    report_add_data(report, "unsigned_serial", json_integer(source->file));
    report_add_data(report, "serial_policy", json_string(serial_policy_name(source->policy)));
}

static void report_signatures(struct report *report, const struct sign_count *count)
{
    size_t made = count->signatures - count->kept;
    report_add(report, "Signatures", "signatures",
               json_pack("{s:I, s:I}", "made", (json_int_t)made, "kept", (json_int_t)count->kept),
               "%zu made, %zu kept", made, count->kept);
}

static void report_verified(struct report *report, const struct verified *verified,
                            struct denial denial)
{
    const char *kind = denial.kind == DENIAL_NSEC3 ? "NSEC3" : "NSEC";
    report_add(report, "Verified", "verified",
               json_pack("{s:I, s:I, s:I}", "rrsets", (json_int_t)verified->rrsets, "signatures",
                         (json_int_t)verified->signatures, "checked",
                         (json_int_t)verified->checked),
               verified->checked == verified->signatures
                   ? "%zu RRsets, %s chain, DNSKEYs from the DS on, all %zu signatures"
                   : "%zu RRsets, %s chain, DNSKEYs from the DS on, %zu of %zu signatures",
               verified->rrsets, kind, verified->checked, verified->signatures);
}

/* How long signatures last. */
struct validity {
    uint32_t longest; /* seconds from now */
    uint32_t jitter;  /* seconds less, at most */
    uint32_t least;   /* seconds that one that is kept lasts yet */
};

/* One signing. */
struct pass {
    uint32_t serial;
    int64_t now; /* seconds since 1970 */
    struct validity validity;
    struct sign_count count;
    struct keeping keeping;
};

/* When the signatures begin that it makes. */
static uint32_t inception_of(const struct pass *pass)
{
    return (uint32_t)(pass->now - SIGNATURES_BEFORE);
}

/* For messages and reports. */
static const char *output_name(const char *path)
{
    return is_standard_stream(path) ? "standard output" : path;
}

/* shown: as in struct verification. */
static enum keyd_status verify_with(const struct session *session, const char *path,
                                    const char *shown, const struct zone *zone,
                                    const uint32_t *serial, const struct pass *pass,
                                    enum verify_mode mode, struct verified *verified,
                                    struct keyd_error *err)
{
    struct dnskey dnskeys[STATE_KEYS_MAX];
    const struct zone_state *state = &session->state;
    const struct verification verification = {.shown = shown,
                                              .apex = session->options->zone.wire,
                                              .dnskeys = dnskeys,
                                              .dnskey_count = session_dnskeys(session, dnskeys),
                                              .others = state->others,
                                              .other_count = state->other_count,
                                              .unsigned_zone = zone,
                                              .signatures = pass->count.signatures,
                                              .kept = pass->count.kept,
                                              .inception = inception_of(pass),
                                              .serial = serial,
                                              .denial = state->denial,
                                              .zonemd = state->zonemd,
                                              .now = clock_now() / 1000,
                                              .now_is_given = session->options->have_now,
                                              .mode = mode,
                                              .progress = meter_step("Verifying", NULL)};
    return verify_file(path, &verification, verified, err);
}

enum keyd_status signing_verify(const struct session *session, const char *path,
                                struct verified *verified, struct keyd_error *err)
{
    enum verify_mode mode =
        session->options->verify == VERIFY_DEFAULT ? VERIFY_FULL : session->options->verify;
    const struct pass none = {0};
    if (path == NULL)
        path = session->state.signed_zone;
    if (is_standard_stream(path))
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "USAGE",
                         "the signed zone of %s goes to standard output: name the file that it is "
                         "in now with --signed-zone FILE",
                         session->options->zone_text);
    return verify_with(session, path, NULL, NULL, NULL, &none, mode, verified, err);
}

/* A record must not outlive its signature in a cache (RFC 6781, 4.4.2): none lasts less than the
 * zone's largest TTL. Where that is beyond reason it is told, and left to resolvers, which cut such
 * a TTL (RFC 4035, 5.3.3). */
static struct validity choose_validity(const struct zone_state *state, const struct zone *zone,
                                       struct report *report)
{
    struct zone_ttls ttls;
    char type[TYPE_TEXT];
    zone_ttls(zone, &ttls);
    uint32_t largest = ttls.largest;
    if (largest > SIGNATURES_LONGEST) {
        rrtype_format(ttls.largest_type, type);
        report_notice(report,
                      json_pack("{s:s, s:I}", "kind", "large_ttl", "ttl", (json_int_t)largest),
                      "the TTL of %s %s, %" PRIu32 " seconds, is longer than signatures last: "
                      "resolvers keep the record for less",
                      ttls.largest_owner, type, largest);
        largest = SIGNATURES_LONGEST;
    }
    struct validity validity = {.longest = SIGNATURES_AFTER,
                                .jitter = state->jitter,
                                .least = largest > KEEPING_LEAST ? largest : KEEPING_LEAST};
    if (largest > validity.longest)
        validity.longest = largest;
    if (validity.jitter > validity.longest - largest)
        validity.jitter = validity.longest - largest;
    return validity;
}

static void begin_keeping(const struct session *session, const struct signers *signers,
                          struct pass *pass)
{
    struct dnskey dnskeys[STATE_KEYS_MAX];
    EVP_PKEY *pkeys[STATE_KEYS_MAX];
    size_t count = 0;
    const struct sigpage_times times = {.begun = (uint32_t)pass->now,
                                        .least = (uint32_t)(pass->now + pass->validity.least)};
    for (size_t i = 0; i < session->state.key_count; i++) {
        const struct dnskey *key = &session->state.keys[i].dnskey;
        if (key->flags & DNSKEY_SEP)
            continue;
        dnskeys[count] = *key;
        pkeys[count] = signers->soft[count].pkey;
        count++;
    }
    keeping_begin(&pass->keeping, session, dnskeys, pkeys, count, &times);
}

/* Ours, and those of others. */
static size_t all_dnskeys(const struct session *session,
                          struct dnskey dnskeys[STATE_KEYS_MAX + STATE_OTHERS_MAX])
{
    const struct zone_state *state = &session->state;
    size_t own = session_dnskeys(session, dnskeys);
    for (size_t i = 0; i < state->other_count; i++)
        dnskeys[own + i] = state->others[i];
    return own + state->other_count;
}

/* The signed zone into a publication that has begun. pass->keeping is begun: keeping_end. */
static enum keyd_status make_signed(struct session *session, const struct zone *zone,
                                    struct pass *pass, struct publication *publication,
                                    struct keyd_error *err)
{
    struct dnskey dnskeys[STATE_KEYS_MAX + STATE_OTHERS_MAX];
    struct signers signers = {0};
    const struct zone_state *state = &session->state;
    size_t dnskey_count = all_dnskeys(session, dnskeys);
    enum keyd_status status = cdscheck(zone, dnskeys, dnskey_count, err);
    if (status == KEYD_OK)
        status = signers_open(session, &signers, err);
    if (status == KEYD_OK)
        begin_keeping(session, &signers, pass);
    const struct signing signing = {.dnskeys = dnskeys,
                                    .dnskey_count = dnskey_count,
                                    .ksks = signers.ksks,
                                    .ksk_count = signers.ksk_count,
                                    .zsks = signers.zsks,
                                    .zsk_count = signers.zsk_count,
                                    .dnskey_ttl = state->dnskey_ttl,
                                    .inception = inception_of(pass),
                                    .expiration = (uint32_t)(pass->now + pass->validity.longest),
                                    .jitter = pass->validity.jitter,
                                    .serial = pass->serial,
                                    .denial = state->denial,
                                    .zonemd = state->zonemd,
                                    .keeping = keeping_sign(&pass->keeping),
                                    .progress = meter_step("Signing", "names")};
    const struct sign_output output = {publish_add, publish_patch, publication};
    if (status == KEYD_OK)
        status = sign_zone(zone, &signing, &output, &pass->count, err);
    meter_step("Writing", NULL);
    if (status == KEYD_OK)
        status = publish_end(publication, err);
    if (status == KEYD_OK)
        keeping_commit(&pass->keeping);
    signers_close(&signers);
    return status;
}

/* Those of the zone that were not ours, but for a key that has become ours since. */
static void take_others(struct session *session)
{
    struct zone_state *state = &session->state;
    const struct intake *intake = &session->intake;
    state->other_count = 0;
    for (size_t i = 0; i < intake->other_count; i++) {
        bool own = false;
        for (size_t j = 0; j < state->key_count; j++)
            own = own || dnskey_equal(&intake->others[i], &state->keys[j].dnskey);
        if (!own)
            state->others[state->other_count++] = intake->others[i];
    }
}

/* Puts the verified file in its place. The serial is on disk before it is out. */
static enum keyd_status put_in_place(struct session *session, struct publication *publication,
                                     const struct verified *verified, int64_t now,
                                     struct keyd_error *err)
{
    struct zone_state *state = &session->state;
    state->have_serial = true;
    state->serial = verified->serial;
    enum keyd_status status = session_save(session, err);
    if (status != KEYD_OK) {
        publish_drop(publication);
        return status;
    }
    status = publish_commit(publication, err);
    if (status != KEYD_OK)
        return status;
    state->signed_ms = now * 1000;
    state->expiration_ms = verified->expiration * 1000;
    if (state->enabled_ms == 0)
        state->enabled_ms = state->signed_ms;
    return session_save(session, err);
}

static enum keyd_status reload(const struct session *session, struct report *report,
                               struct keyd_error *err)
{
    const char *command = session->state.reload;
    if (command[0] == '\0') {
        report_add(report, "Reload", "reload", json_null(),
                   "no command: make the name server load the zone");
        return KEYD_OK;
    }
    enum keyd_status status = reload_run(command, RELOAD_TIMEOUT_MS, err);
    report_add(report, "Reload", "reload",
               json_pack("{s:s, s:b}", "command", command, "done", status == KEYD_OK), "%s: %s",
               command, status == KEYD_OK ? "done" : "FAILED");
    if (status != KEYD_OK)
        return keyd_wrap(err, "the signed zone is in place, but the reload command failed");
    return KEYD_OK;
}

static enum keyd_status publish(struct session *session, struct publication *publication,
                                const struct verified *verified, struct pass *pass,
                                struct report *report, struct keyd_error *err)
{
    const char *path = session->state.signed_zone;
    report_add_data(report, "dry_run", json_boolean(session->options->dry_run));
    if (session->options->dry_run) {
        publish_drop(publication);
        report_add(report, "Signed zone", "signed_zone", json_string(path),
                   is_standard_stream(path) ? "%s gets nothing (--dry-run)"
                                            : "%s is left as it is (--dry-run)",
                   output_name(path));
        report_add_data(report, "reload", json_null());
        return KEYD_OK;
    }
    enum keyd_status status = put_in_place(session, publication, verified, pass->now, err);
    if (status != KEYD_OK)
        return status;
    keeping_end(&pass->keeping, true);
    report_add(report, "Signed zone", "signed_zone", json_string(path), "%s", output_name(path));
    return reload(session, report, err);
}

static void report_made(struct report *report, const struct session *session,
                        const struct serial_source *source, const struct pass *pass,
                        const struct verified *verified)
{
    char when[WHEN_MAX];
    const struct zone_state *state = &session->state;
    report_serial(report, session, source, pass->serial);
    report_signatures(report, &pass->count);
    report_verified(report, verified, state->denial);
    report_add(report, "Denial", "denial", json_string(denial_name(state->denial)), "%s",
               denial_text(state->denial));
    report_add(report, "Digest", "zonemd", json_boolean(state->zonemd), "%s",
               state->zonemd ? ZONEMD_TEXT : "none");
    when_text(verified->expiration * 1000, pass->now * 1000, when);
    report_add(report, "Signatures end", "signatures_end", when_json(verified->expiration * 1000),
               "%s", when);
}

static enum keyd_status run(struct session *session, const struct zone *zone, struct pass *pass,
                            struct report *report, struct keyd_error *err)
{
    struct publication publication;
    struct verified verified;
    const struct zone_state *state = &session->state;
    const struct serial_source source = {.policy = state->serial_policy,
                                         .file = zone_serial(zone),
                                         .have_last = state->have_serial,
                                         .last = state->serial,
                                         .now = pass->now};
    enum keyd_status status = check_ready(session, err);
    if (status == KEYD_OK)
        status = publish_begin(state->signed_zone, session->options->dry_run, &publication, err);
    if (status != KEYD_OK)
        return status;
    take_others(session);
    pass->serial = serial_choose(&source);
    pass->validity = choose_validity(state, zone, report);
    status = make_signed(session, zone, pass, &publication, err);
    if (status != KEYD_OK) {
        publish_drop(&publication);
        return status;
    }
    status = verify_with(session, publication.fresh, output_name(state->signed_zone), zone,
                         &pass->serial, pass, session->options->verify, &verified, err);
    if (status != KEYD_OK) {
        publish_drop(&publication);
        return err != NULL ? keyd_wrap(err, "the new signed zone is not published") : status;
    }
    meter_close(); /* the zone may go to the terminal, and the reload command speak there */
    report_made(report, session, &source, pass, &verified);
    return publish(session, &publication, &verified, pass, report, err);
}

enum keyd_status signing_run(struct session *session, const struct zone *zone,
                             struct report *report, struct keyd_error *err)
{
    struct pass pass = {.now = clock_now() / 1000};
    enum keyd_status status = run(session, zone, &pass, report, err);
    keeping_end(&pass.keeping, false);
    return status;
}
