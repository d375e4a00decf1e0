/* SPDX-License-Identifier: BSD-2-Clause
 *
 * PKCS #11's constants by their names, for faults. */
#ifndef TESTS_MOCK_NAME_H
#define TESTS_MOCK_NAME_H

#include <stdbool.h>

enum name_kind {
    NAME_RV,        /* CKR_... */
    NAME_MECHANISM, /* CKM_..., those that the mock offers */
    NAME_ATTRIBUTE, /* CKA_..., those that the mock knows */
    NAME_FLAG,      /* CKF_... of CK_TOKEN_INFO, also without CKF_ or CKF_USER_PIN_ before it */
};

/* The constant that `text` names, or the number that it is (as strtoul takes it, base 0). False
 * when it is neither. */
bool name_value(enum name_kind kind, const char *text, unsigned long *value);

#endif
