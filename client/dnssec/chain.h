/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The verifier's look at the denial of a whole zone: that the NSECs or NSEC3s form one closed chain
 * in canonical order, that no name is missing in it and none too many, and that each bitmap names
 * what is there. NSEC is judged as the names come; of NSEC3 and of the names that it must cover
 * some 32 bytes each are held to the end. Inside of the verifier.
 */
#ifndef DNSSEC_CHAIN_H
#define DNSSEC_CHAIN_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/dnssec/canon.h"
#include "keyd/base/error.h"

struct judge;

/* A hash with the types that are, or should be, at its name. */
struct hashed {
    uint8_t hash[CANON_SHA1];
    uint8_t types[8]; /* the bitmap, or a hash of it where it is longer than 7 bytes */
    uint32_t line;    /* in the file, for messages */
    bool optional;    /* opt-out: the NSEC3 may be missing */
};

struct hashed_list {
    struct hashed *items;
    size_t count;
    size_t room;
};

/* All zero at first. */
struct chain {
    bool any;
    unsigned last_line;               /* of the last NSEC or NSEC3 */
    uint8_t previous[CANON_NAME_MAX]; /* NSEC: the last owner */
    uint8_t promised[CANON_NAME_MAX]; /* NSEC: the owner that it leads to */
    uint8_t first_hash[CANON_SHA1];
    uint8_t promised_hash[CANON_SHA1];
    uint8_t last_owner[CANON_NAME_MAX]; /* NSEC3: of the last one */
    struct hashed_list names;
    struct hashed_list nsec3s;
    bool have_covered;
    uint8_t covered[CANON_NAME_MAX]; /* the last name that a chain must cover */
    bool have_required;
    uint8_t required[CANON_NAME_MAX]; /* the last one that is not optional */
    EVP_MD *sha1;
    EVP_MD_CTX *ctx;
    uint8_t bitmap[CANON_TYPES_MAX];
};

/* Takes the name that is gathered. */
enum keyd_status chain_add(struct judge *judge, struct keyd_error *err) KEYD_CHECKED;

/* After the last name. */
enum keyd_status chain_end(struct judge *judge, struct keyd_error *err) KEYD_CHECKED;
void chain_free(struct chain *chain); /* takes one that is all zero */

#endif
