/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/keys.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/log.h"
#include "keyd/hsm/ckr.h"
#include "keyd/hsm/mechanism.h"

#define FIND_BATCH   256  /* handles a call of C_FindObjects */
#define IDENTITY_MAX 1024 /* bytes of what tells a key's spec: CKA_MODULUS, or CKA_EC_PARAMS */

/* Objects of one search. The largest tokens hold some hundred thousand keys; a module that lists
 * without an end would otherwise take all memory, each of its calls in time. */
#define OBJECTS_MAX (1024 * 1024)

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum keyd_status keys_offered(const struct session *session, key_spec spec, struct keyd_error *err)
{
    const struct spec_row *row = spec_row_find(spec);
    const struct key_spec_row *known = key_spec_find(spec);
    if (row == NULL || known == NULL)
        return keyd_fail(err, KEYD_UNIMPLEMENTED, REASON_KEY_SPEC,
                         "this keyd-hsm does not offer key spec %s (%d)", key_spec_name(spec),
                         (int)spec);
    const struct signing_row *proof = signing_row_find(known->default_algorithm);
    enum keyd_status status = module_offers(session->module, row->generate, known->bits, err);
    if (status == KEYD_OK && proof != NULL)
        status = module_offers(session->module, proof->mechanism, known->bits, err);
    return status;
}

/* ---- Finding --------------------------------------------------------------------------------- */

/* Room for one more batch after n handles; `handles` is *given away*. NULL when there is none. */
static CK_OBJECT_HANDLE *make_room(CK_OBJECT_HANDLE *handles, size_t n, size_t *room)
{
    if (n + FIND_BATCH <= *room)
        return handles;
    *room = 2 * (n + FIND_BATCH);
    CK_OBJECT_HANDLE *larger = reallocarray(handles, *room, sizeof *larger);
    if (larger == NULL)
        free(handles);
    return larger;
}

/* All objects that match a template, *owned* in *list. */
static enum keyd_status find_all(const struct session *session, CK_ATTRIBUTE *template,
                                 CK_ULONG attributes, CK_OBJECT_HANDLE **list, size_t *count,
                                 struct keyd_error *err)
{
    const struct module *module = session->module;
    CK_OBJECT_HANDLE *handles = NULL;
    CK_ULONG got = 0;
    size_t n = 0;
    size_t room = 0;
    CK_RV rv = MODULE_CALL(module, C_FindObjectsInit, session->handle, template, attributes);
    if (rv != CKR_OK)
        return ckr_fail(err, rv, "C_FindObjectsInit");
    do {
        handles = make_room(handles, n, &room);
        if (handles == NULL) {
            rv = CKR_HOST_MEMORY;
            break;
        }
        rv = MODULE_CALL(module, C_FindObjects, session->handle, handles + n, FIND_BATCH, &got);
        if (rv == CKR_OK && got > FIND_BATCH)
            rv = CKR_GENERAL_ERROR;
        if (rv == CKR_OK)
            n += got;
    } while (rv == CKR_OK && got > 0 && n <= OBJECTS_MAX);
    CK_RV final = MODULE_CALL(module, C_FindObjectsFinal, session->handle);
    if (rv == CKR_OK)
        rv = final;
    if (rv != CKR_OK) {
        free(handles);
        return ckr_fail(err, rv, "C_FindObjects");
    }
    if (n > OBJECTS_MAX) {
        free(handles);
        return keyd_fail(
            err, KEYD_INTERNAL, "TOKEN_FAILED",
            "C_FindObjects: the module lists more than %d objects, and no end of them: "
            "see its own log. If the token does hold that many, use one that does not",
            OBJECTS_MAX);
    }
    *list = handles;
    *count = n;
    return KEYD_OK;
}

enum keyd_status keys_any(const struct session *session, bool *any, struct keyd_error *err)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_SECRET_KEY};
    CK_BBOOL yes = CK_TRUE;
    *any = false;
    for (size_t i = 0; i < COUNT(classes) && !*any; i++) {
        CK_OBJECT_CLASS class = classes[i];
        CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                                   {CKA_TOKEN, &yes, sizeof yes}};
        CK_OBJECT_HANDLE *handles = NULL;
        size_t count = 0;
        enum keyd_status status =
            find_all(session, template, COUNT(template), &handles, &count, err);
        if (status != KEYD_OK)
            return status;
        free(handles);
        *any = count > 0;
    }
    return KEYD_OK;
}

enum keyd_status keys_id_used(const struct session *session, const struct keyid *id, bool *used,
                              struct keyd_error *err)
{
    CK_ATTRIBUTE template[] = {{CKA_ID, (void *)id->bytes, KEYID_SIZE}};
    CK_OBJECT_HANDLE *handles = NULL;
    size_t count = 0;
    enum keyd_status status = find_all(session, template, COUNT(template), &handles, &count, err);
    if (status != KEYD_OK)
        return status;
    free(handles);
    *used = count > 0;
    return KEYD_OK;
}

enum keyd_status keys_find(const struct session *session, CK_OBJECT_CLASS class,
                           const struct keyid *id, CK_OBJECT_HANDLE *handle, struct keyd_error *err)
{
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_TOKEN, &yes, sizeof yes},
                               {CKA_ID, (void *)id->bytes, KEYID_SIZE}};
    const char *half = class == CKO_PRIVATE_KEY ? "private" : "public";
    CK_OBJECT_HANDLE *handles = NULL;
    size_t count = 0;
    enum keyd_status status = find_all(session, template, COUNT(template), &handles, &count, err);
    if (status != KEYD_OK)
        return status;
    if (count == 1)
        *handle = handles[0];
    free(handles);
    if (count == 0)
        return keyd_fail(err, KEYD_NOT_FOUND, "KEY_MISSING", "the token has no %s half of the key",
                         half);
    if (count > 1)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "KEY_AMBIGUOUS",
                         "the token has %zu %s keys with the key's CKA_ID", count, half);
    return KEYD_OK;
}

static int by_id(const void *a, const void *b)
{
    return keyid_compare(&((const struct key_object *)a)->id, &((const struct key_object *)b)->id);
}

/* Whether C_GetAttributeValue has done its work, and an attribute of the template is not there, not
 * shown, or longer than there is room for: "not true errors" (PKCS #11 2.40, 5.7). */
static bool is_about_attributes(CK_RV rv)
{
    return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE ||
           rv == CKR_BUFFER_TOO_SMALL;
}

/* Adds an object to the list, which has room for it, or to those that are not in it. */
static enum keyd_status take_object(const struct session *session, CK_OBJECT_HANDLE handle,
                                    struct key_list *list, struct keyd_error *err)
{
    struct key_object *object = &list->objects[list->count];
    CK_ATTRIBUTE id = {CKA_ID, object->id.bytes, KEYID_SIZE};
    CK_RV rv = MODULE_CALL(session->module, C_GetAttributeValue, session->handle, handle, &id, 1);
    if (ckr_is_gone(rv))
        return ckr_fail(err, rv, "C_GetAttributeValue");
    if (rv != CKR_OK && !is_about_attributes(rv)) {
        if (list->unread++ == 0)
            ckr_fail(&list->failure, rv, "C_GetAttributeValue");
        return KEYD_OK;
    }
    if (rv == CKR_ATTRIBUTE_TYPE_INVALID || (rv == CKR_OK && id.ulValueLen == 0))
        list->nameless++;
    if (rv != CKR_OK || id.ulValueLen != KEYID_SIZE)
        return KEYD_OK;
    object->handle = handle;
    list->count++;
    return KEYD_OK;
}

enum keyd_status keys_list(const struct session *session, CK_OBJECT_CLASS class,
                           struct key_list *list, struct keyd_error *err)
{
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, sizeof yes}};
    CK_OBJECT_HANDLE *handles = NULL;
    size_t found = 0;
    *list = (struct key_list){0};
    enum keyd_status status = find_all(session, template, COUNT(template), &handles, &found, err);
    if (status != KEYD_OK)
        return status;
    list->objects = calloc(found + 1, sizeof *list->objects);
    if (list->objects == NULL)
        status = keyd_fail_errno(err, ENOMEM, "a list of %zu objects", found);
    for (size_t i = 0; i < found && status == KEYD_OK; i++)
        status = take_object(session, handles[i], list, err);
    free(handles);
    if (status == KEYD_OK)
        qsort(list->objects, list->count, sizeof *list->objects, by_id);
    return status;
}

void keys_free(struct key_list *list)
{
    free(list->objects);
    *list = (struct key_list){0};
}

/* ---- Making ---------------------------------------------------------------------------------- */

#define HALF_MAX 16 /* attributes of one half's template */

struct half {
    CK_ATTRIBUTE attributes[HALF_MAX];
    CK_ULONG count;
};

static void add(struct half *half, CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
    assert(half->count < HALF_MAX);
    half->attributes[half->count++] = (CK_ATTRIBUTE){type, (void *)(uintptr_t)value, size};
}

static void add_flag(struct half *half, CK_ATTRIBUTE_TYPE type, bool set)
{
    static const CK_BBOOL yes = CK_TRUE;
    static const CK_BBOOL no = CK_FALSE;
    add(half, type, set ? &yes : &no, sizeof yes);
}

/* What a pair is asked for beyond what it must have. Tokens differ in what of it they take. */
struct extras {
    bool not_copyable; /* CKA_COPYABLE came with PKCS #11 2.40 */
    bool only_signs;   /* CKA_DECRYPT and its like: to some, what verifies can decrypt as well */
};

/* From all of it to nothing, what says least about the key first. */
static const struct extras extras_in_turn[] = {
    {true, true}, {true, false}, {false, true}, {false, false}};

/* What is the pair's own, on the token or in the session alone. */
static void add_own(struct half *half, const struct keyid *id, const char *label, bool on_token)
{
    add_flag(half, CKA_TOKEN, on_token);
    add(half, CKA_ID, id->bytes, KEYID_SIZE);
    add(half, CKA_LABEL, label, KEYID_TEXT - 1);
    add_flag(half, CKA_MODIFIABLE, false);
}

static void fill_public(struct half *half, const struct spec_row *row, const CK_ULONG *bits)
{
    static const uint8_t f4[] = {0x01, 0x00, 0x01};
    if (row->type == CKK_RSA) {
        add(half, CKA_MODULUS_BITS, bits, sizeof *bits);
        add(half, CKA_PUBLIC_EXPONENT, f4, sizeof f4);
    } else {
        add(half, CKA_EC_PARAMS, row->curve.bytes, row->curve.size);
    }
    add_flag(half, CKA_PRIVATE, false);
    /* Nobody verifies on the token. But where what verifies can decrypt, as in a TPM, only an RSA
     * key that can do so signs by CKM_RSA_PKCS; an EC key that cannot signs all the same. */
    if (row->type == CKK_RSA)
        add_flag(half, CKA_VERIFY, true);
}

static void fill_private(struct half *half, bool only_signs)
{
    add_flag(half, CKA_PRIVATE, true);
    add_flag(half, CKA_SENSITIVE, true);
    add_flag(half, CKA_EXTRACTABLE, false);
    add_flag(half, CKA_SIGN, true);
    if (!only_signs)
        return;
    add_flag(half, CKA_DECRYPT, false);
    add_flag(half, CKA_UNWRAP, false);
    add_flag(half, CKA_DERIVE, false);
}

/* A pair that is asked for. */
struct wanted {
    const struct keyid *id;
    const struct spec_row *row;
    bool on_token;
};

static CK_RV generate(const struct session *session, const struct wanted *wanted,
                      const struct extras *extras, CK_OBJECT_HANDLE *private_key)
{
    const struct spec_row *row = wanted->row;
    const struct module *module = session->module;
    char label[KEYID_TEXT];
    keyid_format(wanted->id, label);
    CK_ULONG bits = row->field_size * 8;
    struct half public_half = {.count = 0};
    struct half private_half = {.count = 0};
    fill_public(&public_half, row, &bits);
    fill_private(&private_half, extras->only_signs);
    add_own(&public_half, wanted->id, label, wanted->on_token);
    add_own(&private_half, wanted->id, label, wanted->on_token);
    if (extras->not_copyable) {
        add_flag(&public_half, CKA_COPYABLE, false);
        add_flag(&private_half, CKA_COPYABLE, false);
    }
    CK_MECHANISM mechanism = {mechanism_rows[row->generate].type, NULL, 0};
    CK_OBJECT_HANDLE public_key;
    return MODULE_CALL_FOR(module, module->generation_limit_ms, C_GenerateKeyPair, session->handle,
                           &mechanism, public_half.attributes, public_half.count,
                           private_half.attributes, private_half.count, &public_key, private_key);
}

/* tpm2-pkcs11 has no better word than CKR_GENERAL_ERROR for a template that it does not take. */
static bool is_refusal(CK_RV rv)
{
    return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID ||
           rv == CKR_TEMPLATE_INCONSISTENT || rv == CKR_GENERAL_ERROR;
}

static enum keyd_status generate_in_turn(const struct session *session, const struct wanted *wanted,
                                         CK_OBJECT_HANDLE *private_key, struct keyd_error *err)
{
    size_t turn = 0;
    CK_RV rv = generate(session, wanted, &extras_in_turn[turn], private_key);
    while (is_refusal(rv) && ++turn < COUNT(extras_in_turn))
        rv = generate(session, wanted, &extras_in_turn[turn], private_key);
    if (rv != CKR_OK)
        return session_fail(session, rv, "C_GenerateKeyPair", err);
    if (wanted->on_token && !extras_in_turn[turn].only_signs)
        log_notice("the token '%s' makes no keys that can do nothing but sign: what else this one "
                   "may do there is the token's choice",
                   session->module->label);
    return KEYD_OK;
}

enum keyd_status keys_generate(const struct session *session, const struct keyid *id, key_spec spec,
                               struct keyd_error *err)
{
    const struct wanted wanted = {id, spec_row_find(spec), true};
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
    enum keyd_status status = keys_offered(session, spec, err);
    return status == KEYD_OK ? generate_in_turn(session, &wanted, &private_key, err) : status;
}

enum keyd_status keys_generate_for_session(const struct session *session, const struct keyid *id,
                                           key_spec spec, CK_OBJECT_HANDLE *private_key,
                                           struct keyd_error *err)
{
    const struct wanted wanted = {id, spec_row_find(spec), false};
    enum keyd_status status = keys_offered(session, spec, err);
    return status == KEYD_OK ? generate_in_turn(session, &wanted, private_key, err) : status;
}

/* ---- Judging --------------------------------------------------------------------------------- */

/* rv: what C_GetAttributeValue said, which may be why. */
static enum keyd_status bad_attributes(struct keyd_error *err, CK_RV rv, const char *what)
{
    return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_KEY_ATTRIBUTES,
                     "the private half on the token %s%s%s%s", what,
                     rv != CKR_OK ? " (C_GetAttributeValue: " : "",
                     rv != CKR_OK ? ckr_name(rv) : "", rv != CKR_OK ? ")" : "");
}

static bool is_der(const struct der_bytes *der, const uint8_t *value, size_t size)
{
    return der->size != 0 && size == der->size && memcmp(value, der->bytes, size) == 0;
}

/* value: CKA_EC_PARAMS, or RSA's CKA_MODULUS. */
static bool is_of_spec(const struct spec_row *row, const uint8_t *value, size_t size)
{
    if (row->type != CKK_RSA)
        return is_der(&row->curve, value, size) || is_der(&row->curve_name, value, size);
    while (size > 0 && value[0] == 0) {
        value++;
        size--;
    }
    return size == row->field_size && (value[0] & 0x80) != 0;
}

enum keyd_status keys_judge(const struct session *session, CK_OBJECT_HANDLE private_key,
                            key_spec spec, struct key_traits *traits, struct keyd_error *err)
{
    const struct spec_row *row = spec_row_find(spec);
    *traits = (struct key_traits){0};
    if (row == NULL)
        return keys_offered(session, spec, err);
    CK_KEY_TYPE type = CK_UNAVAILABLE_INFORMATION;
    CK_BBOOL sensitive = CK_FALSE;
    CK_BBOOL extractable = CK_TRUE;
    CK_BBOOL signs = CK_FALSE;
    CK_BBOOL always_authenticate = CK_FALSE;
    CK_BBOOL copyable = CK_TRUE;
    uint8_t identity[IDENTITY_MAX];
    CK_ATTRIBUTE values[] = {
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_SENSITIVE, &sensitive, sizeof sensitive},
        {CKA_EXTRACTABLE, &extractable, sizeof extractable},
        {CKA_SIGN, &signs, sizeof signs},
        {row->type == CKK_RSA ? CKA_MODULUS : CKA_EC_PARAMS, identity, sizeof identity},
        {CKA_ALWAYS_AUTHENTICATE, &always_authenticate, sizeof always_authenticate},
        {CKA_COPYABLE, &copyable, sizeof copyable},
    };
    CK_RV rv = MODULE_CALL(session->module, C_GetAttributeValue, session->handle, private_key,
                           values, COUNT(values));
    if (rv != CKR_OK && !is_about_attributes(rv))
        return ckr_fail(err, rv, "C_GetAttributeValue");
    size_t size = values[4].ulValueLen <= sizeof identity ? values[4].ulValueLen : 0;
    if (type != row->type || !is_of_spec(row, identity, size))
        return bad_attributes(err, rv, "is of another key type, size or curve");
    if (sensitive != CK_TRUE || extractable != CK_FALSE)
        return bad_attributes(err, rv, "is not sensitive, or may be extracted");
    if (signs != CK_TRUE)
        return bad_attributes(err, rv, "may not sign");
    *traits = (struct key_traits){true, always_authenticate != CK_FALSE, copyable != CK_FALSE};
    if (traits->always_authenticate)
        return keyd_fail(
            err, KEYD_FAILED_PRECONDITION, REASON_ALWAYS_AUTHENTICATE,
            "the token wants the PIN anew for each signature with the key "
            "(CKA_ALWAYS_AUTHENTICATE), and keyd-hsm keeps no PIN. Have the token make "
            "keys without it, with the vendor's tools");
    return KEYD_OK;
}

/* ---- Destroying ------------------------------------------------------------------------------ */

/* The handles of a class' objects that carry the id and its text, *owned* in *list. */
static enum keyd_status find_ours(const struct session *session, CK_OBJECT_CLASS class,
                                  const struct keyid *id, CK_OBJECT_HANDLE **list, size_t *count,
                                  struct keyd_error *err)
{
    char label[KEYID_TEXT];
    keyid_format(id, label);
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_ID, (void *)id->bytes, KEYID_SIZE},
                               {CKA_LABEL, label, KEYID_TEXT - 1}};
    return find_all(session, template, COUNT(template), list, count, err);
}

static enum keyd_status destroy_class(const struct session *session, CK_OBJECT_CLASS class,
                                      const struct keyid *id, size_t *destroyed,
                                      struct keyd_error *err)
{
    CK_OBJECT_HANDLE *handles = NULL;
    size_t count = 0;
    enum keyd_status status = find_ours(session, class, id, &handles, &count, err);
    for (size_t i = 0; i < count && status == KEYD_OK; i++) {
        CK_RV rv = MODULE_CALL(session->module, C_DestroyObject, session->handle, handles[i]);
        if (rv != CKR_OK)
            status = ckr_fail(err, rv, "C_DestroyObject");
        else
            (*destroyed)++;
    }
    free(handles);
    if (status != KEYD_OK || count == 0)
        return status;
    handles = NULL;
    status = find_ours(session, class, id, &handles, &count, err);
    free(handles);
    if (status == KEYD_OK && count > 0)
        return keyd_fail(err, KEYD_INTERNAL, "KEY_REMAINS",
                         "the token keeps an object that it said was destroyed");
    return status;
}

enum keyd_status keys_destroy(const struct session *session, const struct keyid *id,
                              size_t *destroyed, struct keyd_error *err)
{
    *destroyed = 0;
    enum keyd_status status = destroy_class(session, CKO_PRIVATE_KEY, id, destroyed, err);
    return status == KEYD_OK ? destroy_class(session, CKO_PUBLIC_KEY, id, destroyed, err) : status;
}
