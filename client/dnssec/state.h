/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What keyd-dnssec remembers of a zone: STATE/ZONE/state.json, next to its ZSKs' files, in a folder
 * of mode 0700. The file has a version; one of another version is refused and left as it is.
 * Members that came later than the version may be missing and then have a default. It is replaced
 * as a whole, so that a reader needs no lock; writers hold state_lock.
 */
#ifndef DNSSEC_STATE_H
#define DNSSEC_STATE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/dns/dname.h"
#include "client/dns/dnskey.h"
#include "client/dns/serial.h"
#include "client/dns/tcp.h"
#include "client/dnssec/denial.h"
#include "client/dnssec/keyfile.h"
#include "keyd/base/error.h"
#include "keyd/base/keyid.h"

#define STATE_VERSION        1
#define STATE_DEFAULT_FOLDER "/var/lib/keyd-dnssec"
#define STATE_KEYS_MAX       8 /* two KSKs, two ZSKs and their successors: more is a mistake */
#define STATE_OTHERS_MAX     8 /* the same for those of other signers */
#define STATE_JITTER_MAX     (6 * 86400) /* seconds: a day is left when it is time to sign again */
#define STATE_DNSKEY_TTL     3600        /* seconds: an hour is soon over when a key must change */

/* A key with the SEP flag is a KSK in the HSM, others are ZSKs in files. */
struct zone_key {
    struct dnskey dnskey;
    char key_id[KEYID_TEXT]; /* KSK: in keyd; else empty */
    char alias[ALIAS_TEXT];  /* KSK: the name that it was asked for by */
    char token[64];          /* KSK: where it lies */
    char file[KEYFILE_NAME]; /* ZSK: name in the zone's folder, without ending; else empty */
    int64_t created_ms;      /* when this program made or took it */
};

struct zone_state {
    struct dname zone;
    char zone_file[PATH_MAX];      /* absolute, or "-"; empty: from the server */
    char from_server[SERVER_TEXT]; /* ADDRESS#PORT; empty: from the file */
    char tsig_file[PATH_MAX];      /* absolute; empty: no TSIG */
    char signed_zone[PATH_MAX];    /* absolute, or "-" */
    char reload[1024];             /* command; empty: none */
    char alias[ALIAS_TEXT];        /* the KSK that was asked for */
    char token[64];                /* empty: the service's default */
    uint8_t algorithm;             /* of all keys, RFC 6840, 5.11 */
    unsigned key_size;             /* bits of the RSA KSK that was asked for; 0: any */
    char request_id[KEYID_TEXT];   /* of CreateKey, stored before it is sent; empty: none yet */
    struct zone_key keys[STATE_KEYS_MAX];
    size_t key_count;
    struct dnskey others[STATE_OTHERS_MAX]; /* of other signers, published last */
    size_t other_count;
    struct denial denial;
    bool drop_outside; /* records outside of the zone are left out; else they are an error */
    uint32_t jitter;   /* seconds: by how much the ends of signatures are spread; 0: not at all */
    bool zonemd;       /* RFC 8976: a digest of the zone at its apex */
    enum serial_policy serial_policy;
    bool have_serial;
    uint32_t serial; /* the last one given out, stored before it is published */
    uint32_t dnskey_ttl;
    uint32_t unsigned_largest_ttl; /* of the zone as it was served unsigned, with its MINIMUM */
    int64_t enabled_ms;            /* first published; 0: not yet, as the two below */
    int64_t signed_ms;
    int64_t expiration_ms; /* of the signatures published last */
};

/* FOLDER/ZONE: the zone's name with bytes outside of [a-z0-9_-.] as %XX, the root as "%root". */
enum keyd_status state_folder(const char *folder, const uint8_t *zone, char path[PATH_MAX],
                              struct keyd_error *err) KEYD_CHECKED;

/* folder: the zone's. FAILED_PRECONDITION, ZONE_NOT_ENABLED, when there is none; STATE_VERSION for
 * another version; DATA_LOSS, STATE, when it cannot be read. Blocks on the disk. */
enum keyd_status state_load(const char *folder, const uint8_t *zone, struct zone_state *state,
                            struct keyd_error *err) KEYD_CHECKED;

/* INVALID_ARGUMENT, USAGE, "WHAT, 'TEXT', is not UTF-8 ...": the state is JSON. Pure. */
enum keyd_status state_check_text(const char *what, const char *text,
                                  struct keyd_error *err) KEYD_CHECKED;

enum keyd_status state_save(const char *folder, const struct zone_state *state,
                            struct keyd_error *err) KEYD_CHECKED;

/* One run at a time for a zone, as long as *fd is open. ABORTED, ZONE_BUSY, when there is another.
 * Removes temporary files, which may hold half a key, that a killed run left in the folder. */
enum keyd_status state_lock(const char *folder, int *fd, struct keyd_error *err) KEYD_CHECKED;

/* Calls visit for each zone below the folder that has a state, sorted by name; ends at its first
 * error. An absent folder has none. */
enum keyd_status state_each(const char *folder,
                            enum keyd_status (*visit)(void *context, const char *zone,
                                                      struct keyd_error *err),
                            void *context, struct keyd_error *err) KEYD_CHECKED;

/* NULL when there is none. */
struct zone_key *state_ksk(struct zone_state *state);
struct zone_key *state_zsk(struct zone_state *state);

#endif
