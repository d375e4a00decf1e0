/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Key pairs in the making. */
#include "tests/mock/pair.h"

#include <stdbool.h>

#include "tests/mock/fault.h"
#include "tests/mock/mechanism.h"
#include "tests/mock/session.h"
#include "tests/mock/state.h"
#include "tests/mock/token.h"

/* ---- Judging -----------------------------------------------------------------------------------
 */

/* A template may say what the mechanism says, and nothing else. */
static CK_RV take_template(struct attributes *attributes, const CK_ATTRIBUTE *template,
                           CK_ULONG count, CK_OBJECT_CLASS class, CK_KEY_TYPE type,
                           const char *serial)
{
    CK_RV rv = attribute_judge(template, count, class, ATTRIBUTE_GIVE, serial);
    if (rv != CKR_OK)
        return rv;
    attributes_take(attributes, template, count);
    attributes_default(attributes, CKA_CLASS, &class, sizeof class);
    attributes_default(attributes, CKA_KEY_TYPE, &type, sizeof type);
    if (attributes_number(attributes, CKA_CLASS) != class ||
        attributes_number(attributes, CKA_KEY_TYPE) != type)
        return CKR_TEMPLATE_INCONSISTENT;
    return CKR_OK;
}

static bool is_for_token(const CK_ATTRIBUTE *template, CK_ULONG count)
{
    for (CK_ULONG i = 0; template != NULL && i < count; i++)
        if (template[i].type == CKA_TOKEN && template[i].pValue != NULL &&
            template[i].ulValueLen == sizeof(CK_BBOOL))
            return *(const CK_BBOOL *)template[i].pValue != CK_FALSE;
    return false;
}

bool pair_is_for_session(const struct pair_request *request)
{
    return !is_for_token(request->public_half, request->public_count) &&
           !is_for_token(request->private_half, request->private_count);
}

/* What a module makes of CKA_TOKEN that has a will of its own. */
static CK_RV judge_life(const struct pair_request *request, const char *serial, struct pair *pair)
{
    if (!pair_is_for_session(request))
        return CKR_OK;
    if (fault_token(FAULT_NO_SESSION_PAIRS, serial))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    if (fault_token(FAULT_PAIRS_STAY, serial)) {
        attributes_set_bool(&pair->public_half->attributes, CKA_TOKEN, true);
        attributes_set_bool(&pair->private_half->attributes, CKA_TOKEN, true);
    }
    return CKR_OK;
}

static void set_defaults(struct attributes *attributes, CK_MECHANISM_TYPE mechanism, bool private)
{
    attributes_default_bool(attributes, CKA_TOKEN, false);
    attributes_default_bool(attributes, CKA_PRIVATE, private);
    attributes_default_bool(attributes, CKA_MODIFIABLE, true);
    attributes_default_bool(attributes, CKA_COPYABLE, true);
    attributes_default_bool(attributes, CKA_DESTROYABLE, true);
    attributes_default(attributes, CKA_LABEL, NULL, 0);
    attributes_default(attributes, CKA_ID, NULL, 0);
    attributes_default(attributes, CKA_SUBJECT, NULL, 0);
    attributes_default(attributes, CKA_START_DATE, NULL, 0);
    attributes_default(attributes, CKA_END_DATE, NULL, 0);
    attributes_default_bool(attributes, CKA_DERIVE, false);
    attributes_set_bool(attributes, CKA_LOCAL, true);
    attributes_set_number(attributes, CKA_KEY_GEN_MECHANISM, mechanism);
}

static void set_public_defaults(struct attributes *attributes)
{
    attributes_default_bool(attributes, CKA_ENCRYPT, false);
    attributes_default_bool(attributes, CKA_VERIFY, true);
    attributes_default_bool(attributes, CKA_VERIFY_RECOVER, false);
    attributes_default_bool(attributes, CKA_WRAP, false);
}

static void set_private_defaults(struct attributes *attributes, bool always_authenticate)
{
    attributes_default_bool(attributes, CKA_SENSITIVE, true);
    attributes_default_bool(attributes, CKA_EXTRACTABLE, false);
    attributes_default_bool(attributes, CKA_SIGN, true);
    attributes_default_bool(attributes, CKA_SIGN_RECOVER, false);
    attributes_default_bool(attributes, CKA_DECRYPT, false);
    attributes_default_bool(attributes, CKA_UNWRAP, false);
    attributes_default_bool(attributes, CKA_WRAP_WITH_TRUSTED, false);
    attributes_default_bool(attributes, CKA_ALWAYS_AUTHENTICATE, always_authenticate);
    attributes_set_bool(attributes, CKA_ALWAYS_SENSITIVE,
                        attributes_bool(attributes, CKA_SENSITIVE));
    attributes_set_bool(attributes, CKA_NEVER_EXTRACTABLE,
                        !attributes_bool(attributes, CKA_EXTRACTABLE));
}

static CK_RV judge(const struct session *session, const struct pair_request *request,
                   const struct mechanism_row *row, struct pair *pair)
{
    const char *serial = session->token->serial;
    struct attributes *public_half = &pair->public_half->attributes;
    struct attributes *private_half = &pair->private_half->attributes;
    CK_RV rv = take_template(public_half, request->public_half, request->public_count,
                             CKO_PUBLIC_KEY, row->key_type, serial);
    if (rv == CKR_OK)
        rv = take_template(private_half, request->private_half, request->private_count,
                           CKO_PRIVATE_KEY, row->key_type, serial);
    if (rv == CKR_OK)
        rv = judge_life(request, serial, pair);
    if (rv == CKR_OK)
        rv = key_spec_read(row->key_type, public_half, &pair->spec);
    if (rv != CKR_OK)
        return rv;
    set_defaults(public_half, row->type, false);
    set_public_defaults(public_half);
    set_defaults(private_half, row->type, true);
    set_private_defaults(private_half, fault_token(FAULT_ALWAYS_AUTHENTICATE, serial));
    /* A key that wants a login for each use has to be private (PKCS #11 2.40, 4.9). */
    if (attributes_bool(private_half, CKA_ALWAYS_AUTHENTICATE) &&
        !attributes_bool(private_half, CKA_PRIVATE))
        return CKR_TEMPLATE_INCONSISTENT;
    return CKR_OK;
}

static CK_RV may_add(const struct session *session, const struct pair *pair)
{
    CK_RV rv = object_may_add(session, &pair->public_half->attributes);
    return rv == CKR_OK ? object_may_add(session, &pair->private_half->attributes) : rv;
}

CK_RV pair_begin(const struct session *session, const struct pair_request *request,
                 struct pair *pair)
{
    *pair = (struct pair){0};
    if (request->mechanism == NULL)
        return CKR_ARGUMENTS_BAD;
    const struct mechanism_row *row =
        mechanism_find(request->mechanism->mechanism, session->token->serial);
    if (row == NULL || (row->info.flags & CKF_GENERATE_KEY_PAIR) == 0)
        return CKR_MECHANISM_INVALID;
    if (request->mechanism->pParameter != NULL || request->mechanism->ulParameterLen > 0)
        return CKR_MECHANISM_PARAM_INVALID;
    pair->public_half = object_new();
    pair->private_half = object_new();
    CK_RV rv = judge(session, request, row, pair);
    return rv == CKR_OK ? may_add(session, pair) : rv;
}

/* ---- Making ------------------------------------------------------------------------------------
 */

CK_RV pair_make(struct pair *pair)
{
    EVP_PKEY *key = key_make(&pair->spec);
    if (key == NULL)
        return CKR_FUNCTION_FAILED;
    key_describe(key, &pair->spec, &pair->public_half->attributes, &pair->private_half->attributes);
    pair->private_half->key = key;
    return CKR_OK;
}

CK_RV pair_finish(const struct session *session, struct pair *pair, CK_OBJECT_HANDLE *public_key,
                  CK_OBJECT_HANDLE *private_key)
{
    CK_RV rv = may_add(session, pair);
    if (rv != CKR_OK)
        return rv;
    struct object *halves[] = {pair->public_half, pair->private_half};
    *pair = (struct pair){0};
    object_add(session, halves[0]);
    object_add(session, halves[1]);
    *public_key = halves[0]->handle;
    *private_key = halves[1]->handle;
    if (halves[0]->owner == 0 || halves[1]->owner == 0)
        state_save();
    return CKR_OK;
}

void pair_free(struct pair *pair)
{
    object_free(pair->public_half);
    object_free(pair->private_half);
    *pair = (struct pair){0};
}
