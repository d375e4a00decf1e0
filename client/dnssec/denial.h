/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How a zone says that a name is not there.
 */
#ifndef DNSSEC_DENIAL_H
#define DNSSEC_DENIAL_H

#include <stdbool.h>

enum denial_kind {
    DENIAL_NSEC,  /* RFC 4034: the names can be listed */
    DENIAL_NSEC3, /* RFC 5155, SHA-1, 0 iterations, empty salt (RFC 9276) */
};

struct denial {
    enum denial_kind kind;
    bool opt_out; /* NSEC3: without delegations that have no DS */
};

/* "NSEC", "NSEC3", "NSEC3 with opt-out"; static. */
const char *denial_text(struct denial denial);

/* The same for files: "nsec", "nsec3", "nsec3-opt-out"; static. False: it is none of them. */
const char *denial_name(struct denial denial);
bool denial_parse(const char *name, struct denial *denial);

#endif
