/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/session.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/dns/rrtype.h"
#include "client/dnssec/cdscheck.h"
#include "client/dnssec/source.h"
#include "client/dnssec/zonecheck.h"
#include "client/show/meter.h"
#include "keyd/base/file.h"

void session_init(struct session *session, const struct options *options,
                  const struct hsm_backend *backend)
{
    *session = (struct session){.options = options, .backend = backend, .lock = -1};
}

void session_close(struct session *session)
{
    if (session->hsm != NULL)
        session->backend->close(session->hsm);
    if (session->lock >= 0)
        close(session->lock);
    session->hsm = NULL;
    session->lock = -1;
}

enum keyd_status session_read(struct session *session, struct keyd_error *err)
{
    const struct options *options = session->options;
    enum keyd_status status =
        state_folder(options->state_folder, options->zone.wire, session->folder, err);
    if (status == KEYD_OK)
        status = state_load(session->folder, options->zone.wire, &session->state, err);
    return status;
}

enum keyd_status session_write(struct session *session, struct keyd_error *err)
{
    enum keyd_status status = session_read(session, err);
    if (status == KEYD_OK)
        status = state_lock(session->folder, &session->lock, err);
    /* Read again: another run may have ended between the two. */
    if (status == KEYD_OK)
        status = session_read(session, err);
    return status;
}

/* The folder of a zone that is new. */
static enum keyd_status make_folder(struct session *session, struct keyd_error *err)
{
    struct zone_state other;
    struct keyd_error load;
    enum keyd_status status = file_make_folder(session->folder, 0700, err);
    if (status != KEYD_OK)
        return keyd_wrap(err, "the state folder cannot be made (see --state-folder)");
    status = state_lock(session->folder, &session->lock, err);
    if (status != KEYD_OK)
        return status;
    status = state_load(session->folder, session->options->zone.wire, &other, &load);
    if (status != KEYD_OK && strcmp(load.reason, "ZONE_NOT_ENABLED") == 0)
        return KEYD_OK;
    close(session->lock);
    session->lock = -1;
    if (status == KEYD_OK)
        return keyd_fail(err, KEYD_ABORTED, "ZONE_BUSY",
                         "another keyd-dnssec has enabled %s meanwhile: run this again",
                         session->options->zone_text);
    *err = load;
    return status;
}

enum keyd_status session_begin(struct session *session, struct keyd_error *err)
{
    const struct options *options = session->options;
    struct keyd_error load;
    enum keyd_status status =
        state_folder(options->state_folder, options->zone.wire, session->folder, err);
    if (status == KEYD_OK && !options->dry_run && access(session->folder, F_OK) == 0)
        status = state_lock(session->folder, &session->lock, err);
    if (status != KEYD_OK)
        return status;
    status = state_load(session->folder, options->zone.wire, &session->state, &load);
    if (status == KEYD_OK)
        return KEYD_OK;
    if (strcmp(load.reason, "ZONE_NOT_ENABLED") != 0) {
        *err = load;
        return status;
    }
    session->state = (struct zone_state){.zone = options->zone,
                                         .algorithm = DNSSEC_DEFAULT_ALGORITHM,
                                         .dnskey_ttl = STATE_DNSKEY_TTL};
    return KEYD_OK;
}

enum keyd_status session_save(struct session *session, struct keyd_error *err)
{
    enum keyd_status status = KEYD_OK;
    if (session->options->dry_run)
        return KEYD_OK;
    if (session->lock < 0)
        status = make_folder(session, err);
    return status != KEYD_OK ? status : state_save(session->folder, &session->state, err);
}

enum keyd_status session_hsm(struct session *session, struct keyd_error *err)
{
    if (session->hsm != NULL)
        return KEYD_OK;
    meter_step("Asking keyd", NULL);
    return session->backend->open(session->options->socket, &session->hsm, err);
}

static void tell_conflict(const struct session *session, const struct zone *zone)
{
    char owner[DNAME_TEXT];
    char type[TYPE_TEXT];
    char where[PLACE_TEXT];
    char includes[KEYD_MESSAGE_MAX] = "";
    struct zone_name name;
    struct rrset set;
    if (session->options->quiet || !zone_ttl_conflict(zone, &name, &set))
        return;
    dname_format(set.owner, owner);
    rrtype_format(set.type, type);
    const struct place place = rrset_place(&set);
    place_append_includes(place.file, includes, sizeof includes);
    complain("%s: the TTLs of %s %s differ (RFC 2181, 5.2): the smallest, %u, is taken for all%s",
             place_text(&place, where), owner, type, set.ttl, includes);
}

static enum keyd_status load(struct session *session, struct keyd_error *err)
{
    struct dnskey own[STATE_KEYS_MAX];
    struct intake *intake = &session->intake;
    const char *name = source_name(session->options, &session->state);
    *intake = (struct intake){.zone = zone_new(session->options->zone.wire)};
    if (intake->zone == NULL)
        return keyd_fail_errno(err, ENOMEM, "%s", name);
    enum keyd_status status = source_read(session->options, &session->state, intake, err);
    if (status == KEYD_OK)
        status = zone_finish(intake->zone, err);
    if (status == KEYD_OK)
        status = zonecheck(intake->zone, &intake->misplaced, err);
    if (status == KEYD_OK)
        status =
            intake_keys(intake, session->state.algorithm, own, session_dnskeys(session, own), err);
    if (status == KEYD_OK)
        status = cdscheck_algorithm(intake->zone, session->state.algorithm, err);
    return status;
}

enum keyd_status session_zone(struct session *session, struct zone **zone, struct keyd_error *err)
{
    enum keyd_status status = load(session, err);
    struct zone *loaded = session->intake.zone;
    session->intake.zone = NULL;
    if (status != KEYD_OK) {
        zone_free(loaded);
        return status;
    }
    tell_conflict(session, loaded);
    *zone = loaded;
    return KEYD_OK;
}

size_t session_dnskeys(const struct session *session, struct dnskey keys[STATE_KEYS_MAX])
{
    for (size_t i = 0; i < session->state.key_count; i++)
        keys[i] = session->state.keys[i].dnskey;
    return session->state.key_count;
}

bool session_tag_is_taken(const struct session *session, const struct dnskey *key)
{
    const struct zone_state *state = &session->state;
    const struct intake *intake = &session->intake;
    for (size_t i = 0; i < state->key_count; i++) {
        if (dnskey_tags_collide(&state->keys[i].dnskey, key))
            return true;
    }
    for (size_t i = 0; i < intake->other_count; i++) {
        if (dnskey_tags_collide(&intake->others[i], key) && !dnskey_equal(&intake->others[i], key))
            return true;
    }
    return false;
}
