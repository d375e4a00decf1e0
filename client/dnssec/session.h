/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One run on one zone: its folder, its lock, its state, and the way to the HSM once it is needed.
 */
#ifndef DNSSEC_SESSION_H
#define DNSSEC_SESSION_H

#include "client/dns/zone.h"
#include "client/dnssec/hsm.h"
#include "client/dnssec/intake.h"
#include "client/dnssec/options.h"
#include "client/dnssec/state.h"

struct session {
    const struct options *options; /* *borrowed* */
    const struct hsm_backend *backend;
    struct hsm *hsm; /* NULL until session_hsm */
    char folder[PATH_MAX];
    int lock;       /* -1: not held, or the zone has no folder yet */
    bool new_place; /* the signed zone's was named in this run */
    struct zone_state state;
    struct intake intake; /* of session_zone: what was in the zone already */
};

/* Begins with everything closed; session_close after it, always. */
void session_init(struct session *session, const struct options *options,
                  const struct hsm_backend *backend);
void session_close(struct session *session);

/* Finds the zone's folder and reads the state, for commands that only look. */
enum keyd_status session_read(struct session *session, struct keyd_error *err) KEYD_CHECKED;

/* The same under the lock, for those that write. */
enum keyd_status session_write(struct session *session, struct keyd_error *err) KEYD_CHECKED;

/* Reads the state under the lock, or begins a fresh one. Of a zone that is new nothing is made
 * before the first session_save, so that what is refused leaves nothing; of a dry run nothing at
 * all. */
enum keyd_status session_begin(struct session *session, struct keyd_error *err) KEYD_CHECKED;

/* state_save, but for a dry run. Makes the folder and takes the lock first, where the zone is new;
 * ABORTED, ZONE_BUSY, when another run began with it meanwhile. */
enum keyd_status session_save(struct session *session, struct keyd_error *err) KEYD_CHECKED;

/* Connects on the first call. */
enum keyd_status session_hsm(struct session *session, struct keyd_error *err) KEYD_CHECKED;

/* Reads the zone (source, intake) and judges it (zonecheck). *zone is *owned*. Tells a TTL conflict
 * on standard error. */
enum keyd_status session_zone(struct session *session, struct zone **zone,
                              struct keyd_error *err) KEYD_CHECKED;

/* The DNSKEYs of all the state's keys; returns how many. */
size_t session_dnskeys(const struct session *session, struct dnskey keys[STATE_KEYS_MAX]);

/* Whether a key that is to be the zone's would have the tag of another one of ours or of another
 * signer, now or once one of them is revoked. */
bool session_tag_is_taken(const struct session *session, const struct dnskey *key);

#endif
