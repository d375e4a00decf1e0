/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The functions that the mock does not offer. */
#ifndef TESTS_MOCK_ABSENT_H
#define TESTS_MOCK_ABSENT_H

#include <p11-kit/pkcs11.h>

/* Puts them in their places: each counts, has its weather, and answers CKR_FUNCTION_NOT_SUPPORTED.
 */
void absent_fill(CK_FUNCTION_LIST *list);

#endif
