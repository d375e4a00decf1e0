/* SPDX-License-Identifier: BSD-2-Clause
 * Signed zones with something wrong in them, and the verifier's word on them. What goes wrong here
 * ends the program. */
#ifndef TESTS_DNSSEC_VERIFYING_H
#define TESTS_DNSSEC_VERIFYING_H

#include "client/dnssec/verify.h"
#include "tests/dnssec/keys.h"

struct verifying {
    struct keys *keys;
    struct zone *zone;
    struct denial denial;
    char *text; /* of the signed zone */
};

/* The zone of keys.h, signed. */
struct verifying begin(struct denial denial);
void end(struct verifying *v);

/* What verify_file says of a text, with the keys and the denial of v. */
enum keyd_status judge(const struct verifying *v, const char *text, int64_t now,
                       const struct zone *zone, struct verified *verified, struct keyd_error *err);

/* A change of the line that begins so: another text for a part of it; without `from` a line in its
 * place, or none; without `line` a further line. In all texts #K and #Z are the tags of KSK and
 * ZSK, #X is one that no key has. */
struct change {
    const char *line;
    const char *from;
    const char *to;
};

struct damage {
    const char *what;
    struct change changes[4];
    const char *again; /* owner of a set to sign once more after the changes; NULL: none */
    uint16_t type;     /* of that set */
    char by;           /* 'K' or 'Z' */
    const char *wanted;
    const char *at; /* the line that is named begins so; NULL: any of the message's owner and type,
                       or of the owner where it has no such type, or none where it has no line */
};

/* Damages the text and expects the message that is wanted, and in it the right line. */
void expect_refused(const struct verifying *v, const struct damage *damage);

/* Whether a message names the line of the text that it should; at: as in struct damage. */
bool names_place(const char *text, const char *message, const char *at);

const char *find_line(const char *text, const char *begins);

enum bend { BEND_DROP, BEND_TTL, BEND_LAST, BENDS };

/* The text with one line dropped, with another TTL, or with another last character. *Owned*. */
char *bend(const char *text, const char *line, enum bend how);

#endif
