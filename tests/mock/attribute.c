/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of attributes, and lists of them. */
#include "tests/mock/attribute.h"

#include <stdlib.h>
#include <string.h>

#include "tests/mock/die.h"
#include "tests/mock/fault.h"

enum value_kind { VALUE_BOOL, VALUE_NUMBER, VALUE_DATE, VALUE_BYTES };

#define OF_DATA     1u
#define OF_PUBLIC   2u
#define OF_PRIVATE  4u
#define OF_KEYS     (OF_PUBLIC | OF_PRIVATE)
#define OF_ALL      (OF_DATA | OF_KEYS)
#define MADE        0u /* by the token alone */
#define GIVE_COPY   ((unsigned)ATTRIBUTE_GIVE | (unsigned)ATTRIBUTE_COPY)
#define ALWAYS      (GIVE_COPY | (unsigned)ATTRIBUTE_SET)
#define ONLY_GIVE   ((unsigned)ATTRIBUTE_GIVE)
#define SECRET      true
#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static const struct row {
    CK_ATTRIBUTE_TYPE type;
    enum value_kind kind;
    unsigned classes;
    unsigned uses;
    bool secret; /* not read out of a key that is sensitive or not extractable */
} rows[] = {
    {CKA_CLASS, VALUE_NUMBER, OF_ALL, ONLY_GIVE, false},
    {CKA_TOKEN, VALUE_BOOL, OF_ALL, GIVE_COPY, false},
    {CKA_PRIVATE, VALUE_BOOL, OF_ALL, GIVE_COPY, false},
    {CKA_MODIFIABLE, VALUE_BOOL, OF_ALL, GIVE_COPY, false},
    {CKA_COPYABLE, VALUE_BOOL, OF_ALL, ALWAYS, false},
    {CKA_DESTROYABLE, VALUE_BOOL, OF_ALL, GIVE_COPY, false},
    {CKA_LABEL, VALUE_BYTES, OF_ALL, ALWAYS, false},
    {CKA_APPLICATION, VALUE_BYTES, OF_DATA, ALWAYS, false},
    {CKA_OBJECT_ID, VALUE_BYTES, OF_DATA, ALWAYS, false},
    {CKA_VALUE, VALUE_BYTES, OF_DATA, ALWAYS, false},
    {CKA_KEY_TYPE, VALUE_NUMBER, OF_KEYS, ONLY_GIVE, false},
    {CKA_ID, VALUE_BYTES, OF_KEYS, ALWAYS, false},
    {CKA_SUBJECT, VALUE_BYTES, OF_KEYS, ALWAYS, false},
    {CKA_START_DATE, VALUE_DATE, OF_KEYS, ALWAYS, false},
    {CKA_END_DATE, VALUE_DATE, OF_KEYS, ALWAYS, false},
    {CKA_DERIVE, VALUE_BOOL, OF_KEYS, ALWAYS, false},
    {CKA_LOCAL, VALUE_BOOL, OF_KEYS, MADE, false},
    {CKA_KEY_GEN_MECHANISM, VALUE_NUMBER, OF_KEYS, MADE, false},
    {CKA_ENCRYPT, VALUE_BOOL, OF_PUBLIC, ALWAYS, false},
    {CKA_VERIFY, VALUE_BOOL, OF_PUBLIC, ALWAYS, false},
    {CKA_VERIFY_RECOVER, VALUE_BOOL, OF_PUBLIC, ALWAYS, false},
    {CKA_WRAP, VALUE_BOOL, OF_PUBLIC, ALWAYS, false},
    {CKA_DECRYPT, VALUE_BOOL, OF_PRIVATE, ALWAYS, false},
    {CKA_SIGN, VALUE_BOOL, OF_PRIVATE, ALWAYS, false},
    {CKA_SIGN_RECOVER, VALUE_BOOL, OF_PRIVATE, ALWAYS, false},
    {CKA_UNWRAP, VALUE_BOOL, OF_PRIVATE, ALWAYS, false},
    {CKA_SENSITIVE, VALUE_BOOL, OF_PRIVATE, ALWAYS, false},
    {CKA_EXTRACTABLE, VALUE_BOOL, OF_PRIVATE, ALWAYS, false},
    {CKA_ALWAYS_SENSITIVE, VALUE_BOOL, OF_PRIVATE, MADE, false},
    {CKA_NEVER_EXTRACTABLE, VALUE_BOOL, OF_PRIVATE, MADE, false},
    {CKA_ALWAYS_AUTHENTICATE, VALUE_BOOL, OF_PRIVATE, ONLY_GIVE, false},
    {CKA_WRAP_WITH_TRUSTED, VALUE_BOOL, OF_PRIVATE, ONLY_GIVE, false},
    {CKA_EC_PARAMS, VALUE_BYTES, OF_PUBLIC, ONLY_GIVE, false},
    {CKA_EC_PARAMS, VALUE_BYTES, OF_PRIVATE, MADE, false},
    {CKA_EC_POINT, VALUE_BYTES, OF_PUBLIC, MADE, false},
    {CKA_MODULUS_BITS, VALUE_NUMBER, OF_PUBLIC, ONLY_GIVE, false},
    {CKA_MODULUS, VALUE_BYTES, OF_KEYS, MADE, false},
    {CKA_PUBLIC_EXPONENT, VALUE_BYTES, OF_PUBLIC, ONLY_GIVE, false},
    {CKA_PUBLIC_EXPONENT, VALUE_BYTES, OF_PRIVATE, MADE, false},
    {CKA_VALUE, VALUE_BYTES, OF_PRIVATE, MADE, SECRET},
    {CKA_PRIVATE_EXPONENT, VALUE_BYTES, OF_PRIVATE, MADE, SECRET},
    {CKA_PRIME_1, VALUE_BYTES, OF_PRIVATE, MADE, SECRET},
    {CKA_PRIME_2, VALUE_BYTES, OF_PRIVATE, MADE, SECRET},
    {CKA_EXPONENT_1, VALUE_BYTES, OF_PRIVATE, MADE, SECRET},
    {CKA_EXPONENT_2, VALUE_BYTES, OF_PRIVATE, MADE, SECRET},
    {CKA_COEFFICIENT, VALUE_BYTES, OF_PRIVATE, MADE, SECRET},
};

/* What may go one way only once the object is there (PKCS #11 2.40, 4.4 and 4.9). */
static const struct {
    CK_ATTRIBUTE_TYPE type;
    bool to;
} one_way[] = {{CKA_SENSITIVE, true}, {CKA_EXTRACTABLE, false}, {CKA_COPYABLE, false}};

/* ---- Lists -------------------------------------------------------------------------------------
 */

void attributes_free(struct attributes *attributes)
{
    for (size_t i = 0; i < attributes->count; i++)
        free(attributes->list[i].value);
    free(attributes->list);
    *attributes = (struct attributes){0};
}

const struct attribute *attributes_find(const struct attributes *attributes, CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = 0; i < attributes->count; i++)
        if (attributes->list[i].type == type)
            return &attributes->list[i];
    return NULL;
}

void attributes_set(struct attributes *attributes, CK_ATTRIBUTE_TYPE type, const void *value,
                    size_t size)
{
    struct attribute *place = (struct attribute *)attributes_find(attributes, type);
    uint8_t *copy = mock_copy(value, size);
    if (place == NULL) {
        size_t count = attributes->count + 1;
        attributes->list = reallocarray(attributes->list, count, sizeof *attributes->list);
        if (attributes->list == NULL)
            mock_die("no memory for %zu attributes", count);
        attributes->count = count;
        place = &attributes->list[count - 1];
    } else {
        free(place->value);
    }
    *place = (struct attribute){type, size, copy};
}

void attributes_set_bool(struct attributes *attributes, CK_ATTRIBUTE_TYPE type, bool value)
{
    CK_BBOOL byte = value ? CK_TRUE : CK_FALSE;
    attributes_set(attributes, type, &byte, sizeof byte);
}

void attributes_set_number(struct attributes *attributes, CK_ATTRIBUTE_TYPE type, CK_ULONG value)
{
    attributes_set(attributes, type, &value, sizeof value);
}

void attributes_take(struct attributes *attributes, const CK_ATTRIBUTE *template, CK_ULONG count)
{
    for (CK_ULONG i = 0; i < count; i++)
        attributes_set(attributes, template[i].type, template[i].pValue, template[i].ulValueLen);
}

void attributes_default(struct attributes *attributes, CK_ATTRIBUTE_TYPE type, const void *value,
                        size_t size)
{
    if (attributes_find(attributes, type) == NULL)
        attributes_set(attributes, type, value, size);
}

void attributes_default_bool(struct attributes *attributes, CK_ATTRIBUTE_TYPE type, bool value)
{
    if (attributes_find(attributes, type) == NULL)
        attributes_set_bool(attributes, type, value);
}

bool attributes_bool(const struct attributes *attributes, CK_ATTRIBUTE_TYPE type)
{
    const struct attribute *found = attributes_find(attributes, type);
    return found != NULL && found->size == 1 && found->value[0] != CK_FALSE;
}

CK_ULONG attributes_number(const struct attributes *attributes, CK_ATTRIBUTE_TYPE type)
{
    const struct attribute *found = attributes_find(attributes, type);
    CK_ULONG value = CK_UNAVAILABLE_INFORMATION;
    if (found != NULL && found->size == sizeof value)
        memcpy(&value, found->value, sizeof value);
    return value;
}

/* ---- Judging -----------------------------------------------------------------------------------
 */

static unsigned class_bit(CK_OBJECT_CLASS class)
{
    switch (class) {
    case CKO_DATA:
        return OF_DATA;
    case CKO_PUBLIC_KEY:
        return OF_PUBLIC;
    case CKO_PRIVATE_KEY:
        return OF_PRIVATE;
    default:
        return 0;
    }
}

static const struct row *find_row(CK_ATTRIBUTE_TYPE type, CK_OBJECT_CLASS class, const char *serial)
{
    if (fault_token_names(FAULT_NO_ATTRIBUTE, serial, type))
        return NULL;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].type == type && (rows[i].classes & class_bit(class)) != 0)
            return &rows[i];
    return NULL;
}

static bool is_valid(const struct row *row, const CK_ATTRIBUTE *given)
{
    const CK_BBOOL *byte = given->pValue;
    switch (row->kind) {
    case VALUE_BOOL:
        return given->ulValueLen == sizeof *byte && (*byte == CK_TRUE || *byte == CK_FALSE);
    case VALUE_NUMBER:
        return given->ulValueLen == sizeof(CK_ULONG);
    case VALUE_DATE:
        return given->ulValueLen == 0 || given->ulValueLen == sizeof(CK_DATE);
    case VALUE_BYTES:
        break;
    }
    return given->ulValueLen <= ATTRIBUTE_SIZE_MAX;
}

static bool has_twice(const CK_ATTRIBUTE *template, CK_ULONG count, CK_ATTRIBUTE_TYPE type)
{
    unsigned seen = 0;
    for (CK_ULONG i = 0; i < count; i++)
        if (template[i].type == type)
            seen++;
    return seen > 1;
}

CK_RV attribute_judge(const CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_CLASS class,
                      enum attribute_use use, const char *serial)
{
    if (template == NULL && count > 0)
        return CKR_ARGUMENTS_BAD;
    for (CK_ULONG i = 0; i < count; i++) {
        const struct row *row = find_row(template[i].type, class, serial);
        if (row == NULL)
            return CKR_ATTRIBUTE_TYPE_INVALID;
        if ((row->uses & (unsigned)use) == 0)
            return CKR_ATTRIBUTE_READ_ONLY;
        if (template[i].pValue == NULL && template[i].ulValueLen > 0)
            return CKR_ARGUMENTS_BAD;
        if (!is_valid(row, &template[i]))
            return CKR_ATTRIBUTE_VALUE_INVALID;
        if (has_twice(template, count, template[i].type))
            return CKR_TEMPLATE_INCONSISTENT;
    }
    return CKR_OK;
}

CK_RV attribute_judge_change(const struct attributes *attributes, const CK_ATTRIBUTE *template,
                             CK_ULONG count)
{
    for (CK_ULONG i = 0; i < count; i++)
        for (size_t k = 0; k < COUNT(one_way); k++) {
            if (template[i].type != one_way[k].type)
                continue;
            bool to = *(const CK_BBOOL *)template[i].pValue != CK_FALSE;
            if (to != one_way[k].to && attributes_bool(attributes, one_way[k].type) != to)
                return CKR_ATTRIBUTE_READ_ONLY;
        }
    return CKR_OK;
}

/* ---- Reading -----------------------------------------------------------------------------------
 */

static bool is_hidden(const struct attributes *attributes, const struct row *row)
{
    return row->secret && (attributes_bool(attributes, CKA_SENSITIVE) ||
                           !attributes_bool(attributes, CKA_EXTRACTABLE));
}

CK_RV attribute_read(const struct attributes *attributes, CK_ATTRIBUTE *wanted, const char *serial)
{
    CK_OBJECT_CLASS class = attributes_number(attributes, CKA_CLASS);
    const struct attribute *found = attributes_find(attributes, wanted->type);
    const struct row *row = find_row(wanted->type, class, serial);
    CK_ULONG room = wanted->ulValueLen;
    wanted->ulValueLen = CK_UNAVAILABLE_INFORMATION;
    if (found == NULL || row == NULL)
        return CKR_ATTRIBUTE_TYPE_INVALID;
    if (is_hidden(attributes, row))
        return CKR_ATTRIBUTE_SENSITIVE;
    const uint8_t *value = found->value;
    size_t size = found->size;
    if (wanted->type == CKA_EC_POINT && size > 2 && fault_token(FAULT_BARE_POINT, serial)) {
        value += 2; /* the tag and the length of the OCTET STRING: all our points are short */
        size -= 2;
    }
    if (wanted->pValue != NULL && room < size)
        return CKR_BUFFER_TOO_SMALL;
    if (wanted->pValue != NULL && size > 0)
        memcpy(wanted->pValue, value, size);
    wanted->ulValueLen = size;
    return CKR_OK;
}

bool attribute_matches(const struct attributes *attributes, const CK_ATTRIBUTE *wanted,
                       const char *serial)
{
    CK_ATTRIBUTE there = {wanted->type, NULL, 0};
    if (attribute_read(attributes, &there, serial) != CKR_OK ||
        there.ulValueLen != wanted->ulValueLen)
        return false;
    there.pValue = mock_alloc(there.ulValueLen);
    bool same =
        attribute_read(attributes, &there, serial) == CKR_OK &&
        (there.ulValueLen == 0 || memcmp(there.pValue, wanted->pValue, there.ulValueLen) == 0);
    free(there.pValue);
    return same;
}
