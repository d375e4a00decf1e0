/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The verifier's look at one name after the other, in canonical order: its sets, their RRSIGs, and,
 * through chain.h, what is said of it by NSEC or NSEC3. Holds one name at a time. Inside of the
 * verifier; its door is verify.h.
 */
#ifndef DNSSEC_JUDGE_H
#define DNSSEC_JUDGE_H

#include "client/dns/bytes.h"
#include "client/dnssec/canon.h"
#include "client/dnssec/chain.h"
#include "client/dnssec/checker.h"
#include "client/dnssec/digest.h"
#include "client/dnssec/verify.h"

/* One record of the name. `at` is where its rdata is in `given` and in `canonical`. */
struct here_record {
    uint16_t type;
    uint16_t group; /* the type; of RRSIG: the one that it covers */
    uint32_t ttl;
    unsigned line;
    size_t at;
    size_t length;
};

/* The records of one type, and the RRSIGs that cover them, which follow. */
struct here_set {
    uint16_t type;
    size_t first;
    size_t rrsigs;
    size_t end;
};

/* The name that is judged. Its records are sorted by group, RRSIGs last, then by canonical rdata,
 * and none is there twice. */
struct here {
    uint8_t owner[CANON_NAME_MAX];
    unsigned line;
    bool apex;
    bool below_cut;
    bool delegation;
    bool hashed; /* nothing but an NSEC3 and its RRSIGs */
    struct here_record *records;
    uint16_t *types; /* room for one more than there are records */
    size_t count;
    size_t room;
    struct bytes given;
    struct bytes canonical;
};

/* Which signatures are checked. */
struct sample {
    size_t every;      /* one in so many; 1: all */
    size_t until_next; /* signatures to pass over */
    size_t left;       /* that are expected yet */
};

struct judge {
    const char *shown; /* the file's name in messages */
    const struct verification *wanted;
    struct verified *verified;
    struct checker *checker;
    uint16_t *key_tags; /* of the wanted DNSKEYs */
    struct sample made; /* of the new signatures */
    struct sample kept; /* of those from the signing before */
    uint32_t denial_ttl;
    bool have_apex;
    bool have_cut;
    uint8_t cut[CANON_NAME_MAX]; /* the last delegation */
    struct here here;
    struct chain chain;
    struct digest digest;
    struct bytes message; /* that one RRSIG signs */
};

/* DATA_LOSS, VERIFICATION: "FILE:LINE: owner type: what". The line is that of the set in
 * judge->here, else of its name; where it is another name's it is not known and left out. */
enum keyd_status judge_bad(const struct judge *judge, const uint8_t *owner, uint16_t type,
                           struct keyd_error *err, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The same at another line; 0: not known. */
enum keyd_status judge_bad_at(const struct judge *judge, unsigned line, const uint8_t *owner,
                              uint16_t type, struct keyd_error *err, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* Judges the name that is gathered in judge->here, but for what the unsigned zone says. */
enum keyd_status judge_name(struct judge *judge, struct keyd_error *err) KEYD_CHECKED;

/* The set of a type, which must have records of its own. False when there is none. */
bool here_find(const struct here *here, uint16_t type, struct here_set *set);

/* To the next set of the name; begin with {0}. False after the last. */
bool here_next_set(const struct here *here, struct here_set *set);

const uint8_t *here_given(const struct here *here, size_t i);
const uint8_t *here_canonical(const struct here *here, size_t i);

/* What of a name needs an RRSIG. */
bool here_must_be_signed(const struct here *here, uint16_t type);

#endif
