/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the words of a zone file mean: a record's owner, TTL, class, type and data, from one entry
 * of zonetext.h to a sink of zonefile.h. Knows what goes over from one record to the next (the
 * owner, the TTL), but no files and no directives: those are zonefile.c's. One thread.
 */
#ifndef DNS_ZONERECORD_H
#define DNS_ZONERECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/dname.h"
#include "client/dns/zonefile.h"
#include "client/dns/zonetext.h"

#define OWNER_TEXT_MAX 64 /* characters of an owner that is kept to be compared */

struct record_reader {
    const struct zonefile_options *options; /* *borrowed* */
    const uint8_t *apex;                    /* *borrowed* */
    zone_sink sink;                         /* takes the records */
    void *context;                          /* the sink's */
    const struct zonetext *text;            /* *borrowed*: the file that is read now */
    struct place place;                     /* of the entry that is read */
    bool generated;                         /* by $GENERATE, */
    uint32_t generated_at;                  /* for this number, */
    const struct token *generated_from; /* from this word of the entry, *borrowed*; NULL: unknown */
    struct dname origin;
    struct dname owner;
    bool have_owner;
    bool outside;            /* the owner is not in the zone */
    uint32_t default_ttl;    /* of $TTL; ZONEFILE_NO_TTL: none was given */
    uint32_t last_ttl;       /* of the record before */
    size_t dropped;          /* records outside of the zone */
    uint8_t *rdata;          /* RDATA_MAX bytes, *borrowed*, to work in */
    bool origin_inside;      /* the origin is in the zone: so are the names below it */
    char why[RDATA_WHY_MAX]; /* of the rdata, to work in */
    char owner_text[OWNER_TEXT_MAX];
    size_t owner_text_length; /* 0: that of the owner is not known */
};

/* What stands between the owner and the rdata. */
struct record_head {
    uint32_t ttl; /* ZONEFILE_NO_TTL: none was given */
    uint16_t type;
    size_t next; /* index of the first token of the rdata */
};

/* Reads an entry that is a record, and adds it. Fails as zonetext_fail does. */
enum keyd_status record_read(struct record_reader *reader, const struct entry *entry,
                             struct keyd_error *err) KEYD_CHECKED;

/* Its parts, for directives: the head from the token `first` on; a name; a TTL; another owner (no
 * token: `token` NULL leaves the last one); and the rdata, with which the record is complete. */
enum keyd_status record_head(const struct record_reader *reader, const struct entry *entry,
                             size_t first, struct record_head *head,
                             struct keyd_error *err) KEYD_CHECKED;
enum keyd_status record_name(const struct record_reader *reader, const struct token *token,
                             struct dname *name, struct keyd_error *err) KEYD_CHECKED;
enum keyd_status record_ttl(const struct record_reader *reader, const struct token *token,
                            uint32_t *ttl, struct keyd_error *err) KEYD_CHECKED;
enum keyd_status record_owner(struct record_reader *reader, const struct token *token,
                              struct keyd_error *err) KEYD_CHECKED;
enum keyd_status record_add(struct record_reader *reader, struct record_head *head,
                            const struct token *tokens, size_t count,
                            struct keyd_error *err) KEYD_CHECKED;

/* The origin was set, or the owner: what was known of them as text is forgotten. */
void record_new_origin(struct record_reader *reader);

/* Whether a token is this word, in any case and not in quotes. */
bool record_is_word(const struct token *token, const char *word);

/* Fails at a token's or any other byte of the entry. */
enum keyd_status record_fail(const struct record_reader *reader, const char *at,
                             struct keyd_error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A word for a message: one line of printable ASCII, cut. */
#define RECORD_SHOWN 80
const char *record_show(const struct token *token, char shown[RECORD_SHOWN]);

#endif
