/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each token's list of objects. */
#include "tests/mock/object.h"

#include <stdbool.h>
#include <stdlib.h>

#include "tests/mock/die.h"
#include "tests/mock/fault.h"
#include "tests/mock/session.h"
#include "tests/mock/state.h"
#include "tests/mock/token.h"

static CK_OBJECT_HANDLE last_handle;

/* ---- The list ----------------------------------------------------------------------------------
 */

struct object *object_new(void)
{
    return mock_alloc(sizeof(struct object));
}

void object_free(struct object *object)
{
    if (object == NULL)
        return;
    attributes_free(&object->attributes);
    EVP_PKEY_free(object->key);
    free(object);
}

void object_restore(struct token *token, struct object *object)
{
    struct object **place = &token->objects;
    while (*place != NULL)
        place = &(*place)->next;
    object->handle = ++last_handle;
    object->next = NULL;
    *place = object;
}

void object_add(const struct session *session, struct object *object)
{
    object->owner = attributes_bool(&object->attributes, CKA_TOKEN) ? 0 : session->handle;
    object_restore(session->token, object);
}

static void drop(struct token *token, bool (*unwanted)(const struct object *, CK_SESSION_HANDLE),
                 CK_SESSION_HANDLE owner)
{
    struct object **place = &token->objects;
    while (*place != NULL) {
        struct object *object = *place;
        if (unwanted(object, owner)) {
            *place = object->next;
            object_free(object);
        } else {
            place = &object->next;
        }
    }
}

static bool is_owned_by(const struct object *object, CK_SESSION_HANDLE owner)
{
    return object->owner == owner;
}

static bool is_private_of_session(const struct object *object, CK_SESSION_HANDLE owner)
{
    (void)owner;
    return object->owner != 0 && attributes_bool(&object->attributes, CKA_PRIVATE);
}

static bool is_any(const struct object *object, CK_SESSION_HANDLE owner)
{
    (void)object;
    (void)owner;
    return true;
}

void objects_drop_owned(struct token *token, CK_SESSION_HANDLE owner)
{
    drop(token, is_owned_by, owner);
}

void objects_drop_private(struct token *token)
{
    drop(token, is_private_of_session, 0);
}

void objects_drop_all(struct token *token)
{
    drop(token, is_any, 0);
}

/* ---- Rights ------------------------------------------------------------------------------------
 */

static CK_RV may_write(const struct session *session, bool on_token)
{
    if (on_token && fault_token(FAULT_READ_ONLY, session->token->serial))
        return CKR_TOKEN_WRITE_PROTECTED;
    if (on_token && !session->writable)
        return CKR_SESSION_READ_ONLY;
    return CKR_OK;
}

CK_RV object_may_add(const struct session *session, const struct attributes *attributes)
{
    bool on_token = attributes_bool(attributes, CKA_TOKEN);
    CK_RV rv = may_write(session, on_token);
    if (rv != CKR_OK)
        return rv;
    if (attributes_bool(attributes, CKA_PRIVATE) && !session->token->logged_in)
        return CKR_USER_NOT_LOGGED_IN;
    if (on_token && fault_token(FAULT_FULL, session->token->serial))
        return CKR_DEVICE_MEMORY;
    return CKR_OK;
}

static bool is_visible(const struct session *session, const struct object *object)
{
    return session->token->logged_in || !attributes_bool(&object->attributes, CKA_PRIVATE);
}

struct object *object_find(const struct session *session, CK_OBJECT_HANDLE handle)
{
    for (struct object *object = session->token->objects; object != NULL; object = object->next)
        if (object->handle == handle)
            return is_visible(session, object) ? object : NULL;
    return NULL;
}

/* The object, when the session may change it: CKR_OBJECT_HANDLE_INVALID, what may_write says, and
 * CKR_ACTION_PROHIBITED when the object's `permission` says no. */
static CK_RV find_for(const struct session *session, CK_OBJECT_HANDLE handle,
                      CK_ATTRIBUTE_TYPE permission, struct object **object)
{
    *object = object_find(session, handle);
    if (*object == NULL)
        return CKR_OBJECT_HANDLE_INVALID;
    CK_RV rv = may_write(session, (*object)->owner == 0);
    if (rv == CKR_OK && !attributes_bool(&(*object)->attributes, permission))
        rv = CKR_ACTION_PROHIBITED;
    return rv;
}

void object_search(const struct session *session, const CK_ATTRIBUTE *template, CK_ULONG count,
                   CK_OBJECT_HANDLE **handles, CK_ULONG *found)
{
    CK_ULONG total = 0;
    *found = 0;
    for (struct object *object = session->token->objects; object != NULL; object = object->next)
        total++;
    *handles = mock_alloc(total * sizeof **handles);
    for (struct object *object = session->token->objects; object != NULL; object = object->next) {
        bool matches = is_visible(session, object);
        for (CK_ULONG i = 0; i < count && matches; i++)
            matches =
                attribute_matches(&object->attributes, &template[i], session -> token -> serial);
        if (matches)
            (*handles)[(*found)++] = object->handle;
    }
}

/* ---- Making, changing, destroying --------------------------------------------------------------
 */

static void set_data_defaults(struct attributes *attributes)
{
    attributes_default_bool(attributes, CKA_TOKEN, false);
    attributes_default_bool(attributes, CKA_PRIVATE, false);
    attributes_default_bool(attributes, CKA_MODIFIABLE, true);
    attributes_default_bool(attributes, CKA_COPYABLE, true);
    attributes_default_bool(attributes, CKA_DESTROYABLE, true);
    attributes_default(attributes, CKA_LABEL, NULL, 0);
    attributes_default(attributes, CKA_APPLICATION, NULL, 0);
    attributes_default(attributes, CKA_OBJECT_ID, NULL, 0);
    attributes_default(attributes, CKA_VALUE, NULL, 0);
}

/* Adds the object, or frees it. */
static CK_RV add_new(const struct session *session, struct object *object, CK_OBJECT_HANDLE *handle)
{
    CK_RV rv = object_may_add(session, &object->attributes);
    if (rv != CKR_OK) {
        object_free(object);
        return rv;
    }
    object_add(session, object);
    *handle = object->handle;
    if (object->owner == 0)
        state_save();
    return CKR_OK;
}

CK_RV object_create(const struct session *session, const CK_ATTRIBUTE *template, CK_ULONG count,
                    CK_OBJECT_HANDLE *handle)
{
    CK_RV rv = attribute_judge(template, count, CKO_DATA, ATTRIBUTE_GIVE, session->token->serial);
    CK_OBJECT_CLASS class = CK_UNAVAILABLE_INFORMATION;
    for (CK_ULONG i = 0; template != NULL && i < count; i++)
        if (template[i].type == CKA_CLASS && template[i].pValue != NULL &&
            template[i].ulValueLen == sizeof class)
            class = *(const CK_OBJECT_CLASS *)template[i].pValue;
    if (class == CK_UNAVAILABLE_INFORMATION && rv == CKR_OK)
        return CKR_TEMPLATE_INCOMPLETE;
    if (class != CKO_DATA && rv != CKR_ARGUMENTS_BAD)
        return CKR_TEMPLATE_INCONSISTENT;
    if (rv != CKR_OK)
        return rv;
    struct object *object = object_new();
    attributes_take(&object->attributes, template, count);
    set_data_defaults(&object->attributes);
    return add_new(session, object, handle);
}

CK_RV object_copy(const struct session *session, CK_OBJECT_HANDLE original,
                  const CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *handle)
{
    const struct object *from = object_find(session, original);
    if (from == NULL)
        return CKR_OBJECT_HANDLE_INVALID;
    if (!attributes_bool(&from->attributes, CKA_COPYABLE))
        return CKR_ACTION_PROHIBITED;
    CK_RV rv = attribute_judge(template, count, attributes_number(&from->attributes, CKA_CLASS),
                               ATTRIBUTE_COPY, session->token->serial);
    if (rv == CKR_OK)
        rv = attribute_judge_change(&from->attributes, template, count);
    if (rv != CKR_OK)
        return rv;
    struct object *object = object_new();
    for (size_t i = 0; i < from->attributes.count; i++)
        attributes_set(&object->attributes, from->attributes.list[i].type,
                       from->attributes.list[i].value, from->attributes.list[i].size);
    attributes_take(&object->attributes, template, count);
    if (from->key != NULL && EVP_PKEY_up_ref(from->key) == 1)
        object->key = from->key;
    return add_new(session, object, handle);
}

CK_RV object_destroy(const struct session *session, CK_OBJECT_HANDLE handle)
{
    struct object *object;
    CK_RV rv = find_for(session, handle, CKA_DESTROYABLE, &object);
    if (rv != CKR_OK)
        return rv;
    struct object **place = &session->token->objects;
    while (*place != object)
        place = &(*place)->next;
    bool on_token = object->owner == 0;
    *place = object->next;
    object_free(object);
    if (on_token)
        state_save();
    return CKR_OK;
}

CK_RV object_size(const struct session *session, CK_OBJECT_HANDLE handle, CK_ULONG *size)
{
    const struct object *object = object_find(session, handle);
    if (object == NULL)
        return CKR_OBJECT_HANDLE_INVALID;
    *size = 0;
    for (size_t i = 0; i < object->attributes.count; i++)
        *size += object->attributes.list[i].size;
    return CKR_OK;
}

CK_RV object_read(const struct session *session, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE *template,
                  CK_ULONG count)
{
    const struct object *object = object_find(session, handle);
    CK_RV rv = CKR_OK;
    if (object == NULL)
        return CKR_OBJECT_HANDLE_INVALID;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_RV one = attribute_read(&object->attributes, &template[i], session -> token -> serial);
        if (rv == CKR_OK)
            rv = one;
    }
    return rv;
}

CK_RV object_change(const struct session *session, CK_OBJECT_HANDLE handle,
                    const CK_ATTRIBUTE *template, CK_ULONG count)
{
    struct object *object;
    CK_RV rv = find_for(session, handle, CKA_MODIFIABLE, &object);
    if (rv == CKR_OK)
        rv = attribute_judge(template, count, attributes_number(&object->attributes, CKA_CLASS),
                             ATTRIBUTE_SET, session->token->serial);
    if (rv == CKR_OK)
        rv = attribute_judge_change(&object->attributes, template, count);
    if (rv != CKR_OK)
        return rv;
    attributes_take(&object->attributes, template, count);
    if (object->owner == 0)
        state_save();
    return CKR_OK;
}
