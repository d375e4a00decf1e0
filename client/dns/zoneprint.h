/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Records as text: one a line, absolute, so that BIND, Knot and NSD all read them back. Pure
 * functions but for the memory that struct bytes takes.
 */
#ifndef DNS_ZONEPRINT_H
#define DNS_ZONEPRINT_H

#include <stddef.h>
#include <stdint.h>

#include "client/dns/bytes.h"
#include "client/dns/dname.h"
#include "client/dns/zone.h"

/* An owner's text, made once for all of its records. */
struct owner_text {
    char text[DNAME_TEXT];
    size_t length;
};

void owner_text(const uint8_t *owner, struct owner_text *text);

/* Appends the line of a record. */
void print_record(struct bytes *out, const struct owner_text *owner, uint32_t ttl, uint16_t type,
                  const uint8_t *rdata, size_t length);

/* What the lines of a zone's RRSIGs have in common between owner and signature: most are those of
 * one of a few. All zero at first. */
#define RRSIG_HEADS      8
#define RRSIG_HEAD_FIXED 18                 /* bytes of rdata before the signer's name */
#define RRSIG_HEAD_TEXT  (DNAME_TEXT + 128) /* characters */
struct rrsig_heads {
    struct rrsig_head {
        uint8_t fixed[RRSIG_HEAD_FIXED];
        uint32_t ttl;
        size_t length; /* of the text; 0: there is none */
        char text[RRSIG_HEAD_TEXT];
    } heads[RRSIG_HEADS];
};

/* print_record of an RRSIG, in half the time. All that are printed with the same heads have the
 * same signer's name, of signer_length bytes. */
void print_rrsig(struct bytes *out, const struct owner_text *owner, uint32_t ttl,
                 const uint8_t *rdata, size_t length, size_t signer_length,
                 struct rrsig_heads *heads);

/* Appends the lines of a set. */
void print_set(struct bytes *out, const struct owner_text *owner, const struct rrset *set);

#endif
