/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A zone's keys: found or made, and remembered at once, so that a run that stops afterwards loses
 * none and the next one makes none twice.
 */
#ifndef DNSSEC_ZONEKEYS_H
#define DNSSEC_ZONEKEYS_H

#include <stdbool.h>

#include "client/dnssec/session.h"

enum zonekey_came {
    KEY_KNOWN, /* in the state already */
    KEY_TAKEN, /* found: in the HSM under the alias, or in the zone's folder */
    KEY_MADE,
};

/* The KSK: the state's, else the HSM's key with the state's alias, else a new one. On a dry run
 * none is made: *came then says KEY_MADE and the state has no KSK. FAILED_PRECONDITION,
 * KEY_MISMATCH, when the key is not one that can be this zone's KSK, or the alias of the state's
 * KSK names another key now. Blocks on keyd. */
enum keyd_status zonekeys_ksk(struct session *session, enum zonekey_came *came,
                              struct keyd_error *err) KEYD_CHECKED;

/* Whether the state's KSK, where there is one, is in keyd still, enabled, and has the public key
 * that the zone has. By its id: an alias that was moved must not keep a zone from being signed
 * again. FAILED_PRECONDITION, KEY_MISSING, KEY_STATE or KEY_MISMATCH. Blocks on keyd. */
enum keyd_status zonekeys_check_ksk(struct session *session, struct keyd_error *err) KEYD_CHECKED;

/* Whether the files of --zsk-file, where it was given, are those of a ZSK that this zone can have:
 * before anything is made. FAILED_PRECONDITION, KEY_MISMATCH, when they are not, or when it has
 * another ZSK already. */
enum keyd_status zonekeys_check_file(struct session *session, struct keyd_error *err) KEYD_CHECKED;

/* The ZSK: the state's, else that of --zsk-file, whose files are copied, else one whose files are
 * in the zone's folder, else a new one. After the KSK, whose tag it must not share. On a dry run
 * none is made or taken. */
enum keyd_status zonekeys_zsk(struct session *session, enum zonekey_came *came,
                              struct keyd_error *err) KEYD_CHECKED;

#endif
