/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What each class of objects may have for attributes, who sets them (PKCS #11 2.40, 4), and a list
 * of attributes as objects keep it. With the mock's lock held. */
#ifndef TESTS_MOCK_ATTRIBUTE_H
#define TESTS_MOCK_ATTRIBUTE_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATTRIBUTE_SIZE_MAX 65536 /* bytes of a value */

/* A private key in DER, as the state file keeps it. Callers of the module never see it. */
#define ATTRIBUTE_MOCK_KEY (CKA_VENDOR_DEFINED | 0x6d6f636bUL)

struct attribute {
    CK_ATTRIBUTE_TYPE type;
    size_t size;
    uint8_t *value; /* *owned* */
};

/* An object's attributes, each type once; zeroed is empty. */
struct attributes {
    struct attribute *list;
    size_t count;
};

void attributes_free(struct attributes *attributes);

/* Sets or replaces; copies the value. */
void attributes_set(struct attributes *attributes, CK_ATTRIBUTE_TYPE type, const void *value,
                    size_t size);
void attributes_set_bool(struct attributes *attributes, CK_ATTRIBUTE_TYPE type, bool value);
void attributes_set_number(struct attributes *attributes, CK_ATTRIBUTE_TYPE type, CK_ULONG value);

/* As the template has it, all of it. */
void attributes_take(struct attributes *attributes, const CK_ATTRIBUTE *template, CK_ULONG count);

/* Sets what is not there yet. */
void attributes_default(struct attributes *attributes, CK_ATTRIBUTE_TYPE type, const void *value,
                        size_t size);
void attributes_default_bool(struct attributes *attributes, CK_ATTRIBUTE_TYPE type, bool value);

/* NULL when it is not there. *Borrowed* until the list changes. */
const struct attribute *attributes_find(const struct attributes *attributes,
                                        CK_ATTRIBUTE_TYPE type);

/* False, or CK_UNAVAILABLE_INFORMATION, when it is not there. */
bool attributes_bool(const struct attributes *attributes, CK_ATTRIBUTE_TYPE type);
CK_ULONG attributes_number(const struct attributes *attributes, CK_ATTRIBUTE_TYPE type);

/* How a template is going to be used. */
enum attribute_use {
    ATTRIBUTE_GIVE = 1, /* for a new object */
    ATTRIBUTE_COPY = 2, /* C_CopyObject */
    ATTRIBUTE_SET = 4,  /* C_SetAttributeValue */
};

/* Judges a template for an object of `class` on the token with this serial number:
 * CKR_ARGUMENTS_BAD, CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_READ_ONLY,
 * CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT (the same twice). */
CK_RV attribute_judge(const CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_CLASS class,
                      enum attribute_use use, const char *serial);

/* Judges a change of an object by a template that was judged before: what may only go one way
 * (CKA_SENSITIVE and the like) is CKR_ATTRIBUTE_READ_ONLY the other way. */
CK_RV attribute_judge_change(const struct attributes *attributes, const CK_ATTRIBUTE *template,
                             CK_ULONG count);

/* Reads one attribute as C_GetAttributeValue does: CKR_OK, CKR_ATTRIBUTE_SENSITIVE,
 * CKR_ATTRIBUTE_TYPE_INVALID or CKR_BUFFER_TOO_SMALL, with wanted->ulValueLen set to match. */
CK_RV attribute_read(const struct attributes *attributes, CK_ATTRIBUTE *wanted, const char *serial);

/* Whether the caller would read just this value: what C_FindObjects looks at. */
bool attribute_matches(const struct attributes *attributes, const CK_ATTRIBUTE *wanted,
                       const char *serial);

#endif
