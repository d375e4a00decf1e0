/* SPDX-License-Identifier: BSD-2-Clause
 *
 * TSIG (RFC 8945) for one question and its answer of one or more messages: the question is signed,
 * and each message of the answer is judged before it is used. A truncated MAC is never taken. Pure
 * but for memory; one thread at a time.
 */
#ifndef DNS_TSIG_H
#define DNS_TSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dns/bytes.h"
#include "client/dns/message.h"
#include "client/dns/tsigkey.h"
#include "keyd/base/error.h"

#define TSIG_FUDGE        300 /* seconds that two clocks may be apart (RFC 8945, 10) */
#define TSIG_UNSIGNED_MAX 99  /* messages between two signed ones (RFC 8945, 5.3.1) */

struct tsig;

/* NULL when there is no memory, or no HMAC in this OpenSSL. The key is *borrowed*. The result is
 * *owned*: tsig_free. */
struct tsig *tsig_new(const struct tsig_key *key);
void tsig_free(struct tsig *tsig); /* takes NULL */

/* Puts a TSIG behind the question. now: seconds since 1970. INTERNAL when that fails. */
enum keyd_status tsig_sign(struct tsig *tsig, struct bytes *query, int64_t now,
                           struct keyd_error *err) KEYD_CHECKED;

/* Judges the next message of the answer. UNAUTHENTICATED, reason TSIG: it is not signed and would
 * have to be, is signed with another key, the MAC is wrong or truncated, or the time is not now.
 * One between two signed ones is judged with the next signed one: what was taken from it is to be
 * thrown away when that fails. */
enum keyd_status tsig_check(struct tsig *tsig, const uint8_t *data, size_t length, int64_t now,
                            struct keyd_error *err) KEYD_CHECKED;

/* Whether the last message that passed tsig_check was signed itself, and so all before it: what the
 * last one of an answer must be. */
bool tsig_is_settled(const struct tsig *tsig);

/* ---- What is in one ------------------------------------------------------------------------- */

struct tsig_record {
    struct dname key;
    struct dname algorithm;
    size_t start; /* where in the message the record begins */
    uint64_t time;
    uint16_t fudge;
    const uint8_t *mac; /* *borrowed* from the message, as is `other` */
    uint16_t mac_length;
    uint16_t original_id;
    uint16_t error;
    const uint8_t *other;
    uint16_t other_length;
};

enum tsig_found { TSIG_NONE, TSIG_FOUND, TSIG_MALFORMED };

/* Looks for the TSIG of a message, which must be the last of its records, and the only one. */
enum tsig_found tsig_find(const uint8_t *data, size_t length, struct tsig_record *record);

#endif
