/* SPDX-License-Identifier: BSD-2-Clause
 *
 * C_GenerateKeyPair in three steps: judged, made, put on the token. The middle one takes its time
 * and needs no lock; the other two want the mock's. */
#ifndef TESTS_MOCK_PAIR_H
#define TESTS_MOCK_PAIR_H

#include <stdbool.h>

#include "tests/mock/key.h"
#include "tests/mock/object.h"

/* A pair that is being made; zeroed is empty. */
struct pair {
    struct key_spec spec;
    struct object *public_half;  /* *owned* */
    struct object *private_half; /* *owned* */
};

/* What is asked for: a mechanism and a template for each half. */
struct pair_request {
    const CK_MECHANISM *mechanism;
    const CK_ATTRIBUTE *public_half;
    CK_ULONG public_count;
    const CK_ATTRIBUTE *private_half;
    CK_ULONG private_count;
};

/* Whether both halves are to go with the session. */
bool pair_is_for_session(const struct pair_request *request);

/* Judges it all, and whether the session may add what it asks for. */
CK_RV pair_begin(const struct session *session, const struct pair_request *request,
                 struct pair *pair);

/* Makes the key: CKR_FUNCTION_FAILED. */
CK_RV pair_make(struct pair *pair);

/* Puts both halves on the token, or none. */
CK_RV pair_finish(const struct session *session, struct pair *pair, CK_OBJECT_HANDLE *public_key,
                  CK_OBJECT_HANDLE *private_key);

/* Whatever has become of it. */
void pair_free(struct pair *pair);

#endif
