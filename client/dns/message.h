/* SPDX-License-Identifier: BSD-2-Clause
 *
 * DNS messages (RFC 1035, 4.1) as strangers send them: every length and every pointer is looked at
 * before it is followed. And questions, as they are asked. Pure functions but for the memory that
 * struct bytes takes; any thread.
 */
#ifndef DNS_MESSAGE_H
#define DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/bytes.h"
#include "client/dns/dname.h"

#define MESSAGE_MAX    65535 /* bytes: what the length before a message over TCP can say */
#define MESSAGE_HEADER 12    /* bytes */

#define CLASS_IN  1
#define CLASS_ANY 255

/* The header's second word. */
#define MESSAGE_QR     0x8000
#define MESSAGE_TC     0x0200
#define MESSAGE_OPCODE 0x7800
#define MESSAGE_RCODE  0x000f

enum section { SECTION_QUESTION, SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL };

enum {
    RCODE_NOERROR = 0,
    RCODE_FORMERR = 1,
    RCODE_SERVFAIL = 2,
    RCODE_NXDOMAIN = 3,
    RCODE_NOTIMP = 4,
    RCODE_REFUSED = 5,
    RCODE_NOTAUTH = 9,
    RCODE_BADSIG = 16, /* this one and those below stand in a TSIG alone (RFC 8945, 3) */
    RCODE_BADKEY = 17,
    RCODE_BADTIME = 18,
    RCODE_BADTRUNC = 22,
};

/* One that is being read, from its question to its last record. */
struct message {
    const uint8_t *data; /* *borrowed* */
    size_t length;       /* bytes */
    size_t at;           /* where to read on */
    uint16_t id;
    uint16_t flags;
    uint16_t counts[4]; /* by enum section, as the header has them */
};

struct message_question {
    struct dname name;
    uint16_t type;
    uint16_t class;
};

struct message_record {
    size_t start; /* where in the message it begins */
    struct dname owner;
    uint16_t type;
    uint16_t class;
    uint32_t ttl;
    size_t rdata;    /* where in the message that begins */
    uint16_t length; /* of it, as it stands there */
};

/* False when it is shorter than a header. */
bool message_open(struct message *message, const uint8_t *data, size_t length);

/* The next question or record; the caller counts. False, once and for all, when there is none that
 * could be read. */
bool message_question(struct message *message, struct message_question *question);
bool message_record(struct message *message, struct message_record *record);

/* The record's rdata, with the names in it that may be compressed (RFC 3597, 4) written out, in
 * place of what was in *rdata. False when it cannot be read, is longer than RDATA_MAX, is none of
 * its type (rdata_check), or there is no memory. */
bool message_rdata(const struct message *message, const struct message_record *record,
                   struct bytes *rdata);

/* A question in class IN, in place of what was in *query. Nothing but the question: no recursion is
 * desired. */
void message_ask(struct bytes *query, uint16_t id, const uint8_t *name, uint16_t type);

/* "REFUSED"; "RCODE11" for one without a name. */
#define RCODE_TEXT 12 /* characters with the NUL */
void rcode_format(unsigned rcode, char text[RCODE_TEXT]);

#endif
