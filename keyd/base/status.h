/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What came of a call: a status, and where it failed, an error. The numbers are gRPC's status
 * codes, so that no table stands between a function in keyd-hsm and what its remote caller sees.
 * This header is part of libkeyd's public interface.
 */
#ifndef KEYD_BASE_STATUS_H
#define KEYD_BASE_STATUS_H

enum keyd_status {
    KEYD_OK = 0,
    KEYD_CANCELLED = 1,
    KEYD_UNKNOWN = 2,
    KEYD_INVALID_ARGUMENT = 3,    /* can never succeed as it is */
    KEYD_DEADLINE_EXCEEDED = 4,   /* the caller's time is over */
    KEYD_NOT_FOUND = 5,           /* no such key, alias, token, file */
    KEYD_ALREADY_EXISTS = 6,      /* the name is taken */
    KEYD_PERMISSION_DENIED = 7,   /* this caller may not */
    KEYD_RESOURCE_EXHAUSTED = 8,  /* too much at once; later, yes */
    KEYD_FAILED_PRECONDITION = 9, /* somebody must change a state first */
    KEYD_ABORTED = 10,            /* lost a race; start again */
    KEYD_OUT_OF_RANGE = 11,
    KEYD_UNIMPLEMENTED = 12, /* this build, or this token, does not offer it */
    KEYD_INTERNAL = 13,      /* a fault of keyd's own */
    KEYD_UNAVAILABLE = 14,   /* away for the moment; safe to try again */
    KEYD_DATA_LOSS = 15,     /* what is on disk is not what was written */
    KEYD_UNAUTHENTICATED = 16,
};

/* What went wrong, for a program (status, reason) and for a person (message: what, where, what to
 * do next). A plain struct that the caller owns, on its stack as a rule; nothing to free, nothing
 * global. */
#define KEYD_REASON_MAX  40  /* bytes with the NUL: one UPPER_SNAKE word */
#define KEYD_MESSAGE_MAX 768 /* bytes with the NUL: a few sentences with a path in them */

struct keyd_error {
    enum keyd_status status;
    char reason[KEYD_REASON_MAX];   /* stable, as "KEY_NOT_FOUND"; empty where status says it all */
    char message[KEYD_MESSAGE_MAX]; /* UTF-8, no line feed, no final full stop */
};

/* A status must be looked at. */
#define KEYD_CHECKED __attribute__((warn_unused_result))

/* The status' name as gRPC spells it, "NOT_FOUND"; static, never NULL. Any thread. libkeyd exports
 * it, whatever the visibility that the rest of this is built with. */
__attribute__((visibility("default"))) const char *keyd_status_name(enum keyd_status status);

#endif
