/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of mechanisms. */
#include "tests/mock/mechanism.h"

#include <stddef.h>

#include "tests/mock/fault.h"

#define CURVES (CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS)

static const struct mechanism_row rows[] = {
    {CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, {2048, 4096, CKF_GENERATE_KEY_PAIR}},
    {CKM_RSA_PKCS, CKK_RSA, {2048, 4096, CKF_SIGN}},
    {CKM_RSA_PKCS_PSS, CKK_RSA, {2048, 4096, CKF_SIGN}},
    {CKM_EC_KEY_PAIR_GEN, CKK_EC, {256, 384, CKF_GENERATE_KEY_PAIR | CURVES}},
    {CKM_ECDSA, CKK_EC, {256, 384, CKF_SIGN | CURVES}},
    {CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, {255, 255, CKF_GENERATE_KEY_PAIR}},
    {CKM_EDDSA, CKK_EC_EDWARDS, {255, 255, CKF_SIGN}},
};

#define ROWS (sizeof rows / sizeof rows[0])

const struct mechanism_row *mechanism_find(CK_MECHANISM_TYPE type, const char *serial)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].type == type)
            return fault_token_names(FAULT_NO_MECHANISM, serial, type) ? NULL : &rows[i];
    return NULL;
}

CK_RV mechanism_list(const char *serial, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
    CK_MECHANISM_TYPE offered[ROWS];
    CK_ULONG n = 0;
    for (size_t i = 0; i < ROWS; i++)
        if (mechanism_find(rows[i].type, serial) != NULL)
            offered[n++] = rows[i].type;
    CK_ULONG room = *count;
    *count = n;
    if (list == NULL)
        return CKR_OK;
    if (room < n)
        return CKR_BUFFER_TOO_SMALL;
    for (CK_ULONG i = 0; i < n; i++)
        list[i] = offered[i];
    return CKR_OK;
}
