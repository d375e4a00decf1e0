/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The mechanisms that the mock offers. */
#ifndef TESTS_MOCK_MECHANISM_H
#define TESTS_MOCK_MECHANISM_H

#include <p11-kit/pkcs11.h>

struct mechanism_row {
    CK_MECHANISM_TYPE type;
    CK_KEY_TYPE key_type; /* of the keys that it makes, or signs with */
    CK_MECHANISM_INFO info;
};

/* NULL when the mock, or the token with this serial number by a fault, does not offer it. */
const struct mechanism_row *mechanism_find(CK_MECHANISM_TYPE type, const char *serial);

/* C_GetMechanismList for this token. */
CK_RV mechanism_list(const char *serial, CK_MECHANISM_TYPE *list, CK_ULONG *count);

#endif
