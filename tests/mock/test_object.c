/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The mock's objects, sessions and logins, as PKCS #11 has them. */
#include <stdlib.h>
#include <string.h>

#include "tests/mock/lab.h"

#include "tests/cmocka.h"

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;
static CK_OBJECT_CLASS data_class = CKO_DATA;

/* A data object with two attributes of the caller's. */
static CK_RV make_data(CK_SESSION_HANDLE session, CK_ATTRIBUTE one, CK_ATTRIBUTE two,
                       CK_OBJECT_HANDLE *handle)
{
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &data_class, sizeof data_class}, {CKA_VALUE, (void *)"value", 5}, one, two};
    return lab->C_CreateObject(session, template, LAB_COUNT(template), handle);
}

static CK_ATTRIBUTE flag(CK_ATTRIBUTE_TYPE type, CK_BBOOL *value)
{
    return (CK_ATTRIBUTE){type, value, sizeof *value};
}

static CK_RV set_flag(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                      CK_BBOOL *value)
{
    CK_ATTRIBUTE attribute = flag(type, value);
    return lab->C_SetAttributeValue(session, object, &attribute, 1);
}

static CK_BBOOL get_flag(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = 2;
    CK_ATTRIBUTE attribute = flag(type, &value);
    LAB_OK(lab->C_GetAttributeValue(session, object, &attribute, 1));
    return value;
}

static CK_ULONG count_all(CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE handles[32];
    CK_ULONG count = 0;
    LAB_OK(lab->C_FindObjectsInit(session, NULL, 0));
    LAB_OK(lab->C_FindObjects(session, handles, LAB_COUNT(handles), &count));
    LAB_OK(lab->C_FindObjectsFinal(session));
    return count;
}

static void test_rights(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE object;
    CK_SESSION_HANDLE reader = lab_session(0);
    CK_SESSION_HANDLE writer = lab_session(CKF_RW_SESSION);
    LAB_SAYS(CKR_SESSION_READ_ONLY,
             make_data(reader, flag(CKA_TOKEN, &yes), flag(CKA_PRIVATE, &no), &object));
    LAB_SAYS(CKR_USER_NOT_LOGGED_IN,
             make_data(writer, flag(CKA_TOKEN, &yes), flag(CKA_PRIVATE, &yes), &object));
    LAB_OK(make_data(reader, flag(CKA_TOKEN, &no), flag(CKA_PRIVATE, &no), &object));
    LAB_OK(make_data(writer, flag(CKA_TOKEN, &yes), flag(CKA_PRIVATE, &no), &object));
    LAB_SAYS(CKR_SESSION_READ_ONLY, lab->C_DestroyObject(reader, object));
    LAB_SAYS(CKR_SESSION_READ_ONLY, set_flag(reader, object, CKA_COPYABLE, &no));
    assert_int_equal(count_all(writer), 2);
    LAB_OK(lab->C_CloseSession(reader)); /* and with it its session object */
    assert_int_equal(count_all(writer), 1);

    CK_SESSION_HANDLE user = lab_login();
    LAB_OK(make_data(writer, flag(CKA_TOKEN, &yes), flag(CKA_PRIVATE, &yes), &object));
    LAB_OK(make_data(writer, flag(CKA_TOKEN, &no), flag(CKA_PRIVATE, &yes), &object));
    assert_int_equal(count_all(writer), 3);
    LAB_OK(lab->C_Logout(user));
    assert_int_equal(count_all(writer), 1);
    LAB_SAYS(CKR_OBJECT_HANDLE_INVALID, lab->C_DestroyObject(writer, object));
    LAB_OK(lab->C_Login(user, CKU_USER, (unsigned char *)LAB_PIN, 4));
    assert_int_equal(count_all(writer), 2); /* the private session object is gone for good */
}

static void test_permissions(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE object;
    CK_OBJECT_HANDLE copy;
    CK_SESSION_HANDLE session = lab_login();
    CK_ATTRIBUTE on_token = flag(CKA_TOKEN, &yes);
    LAB_OK(make_data(session, on_token, flag(CKA_MODIFIABLE, &no), &object));
    LAB_SAYS(CKR_ACTION_PROHIBITED, set_flag(session, object, CKA_COPYABLE, &no));
    LAB_OK(lab->C_CopyObject(session, object, NULL, 0, &copy));
    LAB_OK(lab->C_DestroyObject(session, object));
    LAB_SAYS(CKR_OBJECT_HANDLE_INVALID, lab->C_DestroyObject(session, object));
    LAB_OK(make_data(session, on_token, flag(CKA_COPYABLE, &no), &object));
    LAB_SAYS(CKR_ACTION_PROHIBITED, lab->C_CopyObject(session, object, NULL, 0, &copy));
    LAB_SAYS(CKR_ATTRIBUTE_READ_ONLY, set_flag(session, object, CKA_COPYABLE, &yes));
    LAB_OK(make_data(session, on_token, flag(CKA_DESTROYABLE, &no), &object));
    LAB_SAYS(CKR_ACTION_PROHIBITED, lab->C_DestroyObject(session, object));
    CK_ATTRIBUTE value = {CKA_VALUE, (void *)"other", 5};
    LAB_OK(lab->C_SetAttributeValue(session, object, &value, 1));
    char text[5] = "";
    value.pValue = text;
    LAB_OK(lab->C_GetAttributeValue(session, object, &value, 1));
    assert_memory_equal(text, "other", 5);
}

static void test_secrets(void **state)
{
    static const CK_ATTRIBUTE_TYPE rsa_secrets[] = {CKA_PRIVATE_EXPONENT, CKA_PRIME_1,
                                                    CKA_PRIME_2,          CKA_EXPONENT_1,
                                                    CKA_EXPONENT_2,       CKA_COEFFICIENT};
    (void)state;
    uint8_t value[512];
    CK_SESSION_HANDLE session = lab_login();
    struct lab_key key = lab_make(session, LAB_P256, 1);
    CK_ATTRIBUTE secret = {CKA_VALUE, value, sizeof value};
    LAB_SAYS(CKR_ATTRIBUTE_SENSITIVE,
             lab->C_GetAttributeValue(session, key.private_half, &secret, 1));
    assert_int_equal(secret.ulValueLen, CK_UNAVAILABLE_INFORMATION);
    assert_int_equal(get_flag(session, key.private_half, CKA_ALWAYS_SENSITIVE), CK_TRUE);
    assert_int_equal(get_flag(session, key.private_half, CKA_NEVER_EXTRACTABLE), CK_TRUE);
    assert_int_equal(get_flag(session, key.private_half, CKA_LOCAL), CK_TRUE);
    LAB_SAYS(CKR_ATTRIBUTE_READ_ONLY, set_flag(session, key.private_half, CKA_SENSITIVE, &no));
    LAB_SAYS(CKR_ATTRIBUTE_READ_ONLY, set_flag(session, key.private_half, CKA_EXTRACTABLE, &yes));
    LAB_SAYS(CKR_ATTRIBUTE_READ_ONLY, set_flag(session, key.private_half, CKA_LOCAL, &no));

    CK_ATTRIBUTE not_sensitive = flag(CKA_SENSITIVE, &no);
    LAB_OK(lab_try(session, LAB_P256, 2, &not_sensitive, &key));
    secret.ulValueLen = sizeof value;
    LAB_SAYS(CKR_ATTRIBUTE_SENSITIVE, /* not extractable either */
             lab->C_GetAttributeValue(session, key.private_half, &secret, 1));
    key = lab_make(session, LAB_RSA, 3);
    for (size_t i = 0; i < LAB_COUNT(rsa_secrets); i++) {
        secret = (CK_ATTRIBUTE){rsa_secrets[i], value, sizeof value};
        LAB_SAYS(CKR_ATTRIBUTE_SENSITIVE,
                 lab->C_GetAttributeValue(session, key.private_half, &secret, 1));
    }
}

/* A key that nobody protects can be read, and is the key. */
static void test_extractable(void **state)
{
    (void)state;
    uint8_t value[64];
    CK_MECHANISM mechanism = {CKM_EC_EDWARDS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public_half = {CKA_EC_PARAMS, (void *)"\x06\x03\x2b\x65\x70", 5};
    CK_ATTRIBUTE private_half[] = {flag(CKA_SENSITIVE, &no), flag(CKA_EXTRACTABLE, &yes)};
    struct lab_key key;
    CK_SESSION_HANDLE session = lab_login();
    LAB_OK(lab->C_GenerateKeyPair(session, &mechanism, &public_half, 1, private_half, 2,
                                  &key.public_half, &key.private_half));
    CK_ATTRIBUTE secret = {CKA_VALUE, value, sizeof value};
    LAB_OK(lab->C_GetAttributeValue(session, key.private_half, &secret, 1));
    assert_int_equal(secret.ulValueLen, 32);
    EVP_PKEY *whole = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, value, 32);
    EVP_PKEY *public_key = lab_public(session, LAB_ED25519, key.public_half);
    assert_int_equal(EVP_PKEY_eq(whole, public_key), 1);
    EVP_PKEY_free(whole);
    EVP_PKEY_free(public_key);
    assert_int_equal(get_flag(session, key.private_half, CKA_NEVER_EXTRACTABLE), CK_FALSE);
    LAB_OK(set_flag(session, key.private_half, CKA_SENSITIVE, &yes));
    assert_int_equal(get_flag(session, key.private_half, CKA_ALWAYS_SENSITIVE), CK_FALSE);
    LAB_SAYS(CKR_ATTRIBUTE_SENSITIVE,
             lab->C_GetAttributeValue(session, key.private_half, &secret, 1));
}

static void test_templates(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE object;
    CK_BBOOL odd = 2;
    CK_OBJECT_CLASS key_class = CKO_PRIVATE_KEY;
    CK_SESSION_HANDLE session = lab_login();
    CK_ATTRIBUTE label = {CKA_LABEL, (void *)"a", 1};
    CK_ATTRIBUTE key = {CKA_CLASS, &key_class, sizeof key_class};
    LAB_SAYS(CKR_TEMPLATE_INCONSISTENT, make_data(session, label, label, &object));
    LAB_SAYS(CKR_ATTRIBUTE_VALUE_INVALID,
             make_data(session, label, flag(CKA_TOKEN, &odd), &object));
    LAB_SAYS(CKR_ATTRIBUTE_TYPE_INVALID, make_data(session, label, flag(CKA_SIGN, &yes), &object));
    LAB_SAYS(CKR_TEMPLATE_INCOMPLETE, lab->C_CreateObject(session, &label, 1, &object));
    LAB_SAYS(CKR_TEMPLATE_INCONSISTENT, lab->C_CreateObject(session, &key, 1, &object));
    LAB_SAYS(CKR_ARGUMENTS_BAD, lab->C_CreateObject(session, NULL, 1, &object));
    LAB_OK(make_data(session, label, flag(CKA_TOKEN, &yes), &object));
    char text[8];
    CK_ATTRIBUTE read[] = {{CKA_VALUE, text, 4}, {CKA_LABEL, NULL, 0}, {CKA_ID, text, sizeof text}};
    LAB_SAYS(CKR_BUFFER_TOO_SMALL, lab->C_GetAttributeValue(session, object, read, 2));
    assert_int_equal(read[0].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    assert_int_equal(read[1].ulValueLen, 1);
    LAB_SAYS(CKR_ATTRIBUTE_TYPE_INVALID, lab->C_GetAttributeValue(session, object, read + 1, 2));
}

static void test_finding(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE handles[4];
    CK_ULONG count;
    CK_SESSION_HANDLE session = lab_login();
    lab_make(session, LAB_P256, 1);
    lab_make(session, LAB_P256, 2);
    assert_int_equal(lab_find(session, 1, handles, 4), 2);
    assert_int_equal(lab_find(session, 3, handles, 4), 0);
    LAB_SAYS(CKR_OPERATION_NOT_INITIALIZED, lab->C_FindObjects(session, handles, 4, &count));
    LAB_OK(lab->C_FindObjectsInit(session, NULL, 0));
    LAB_SAYS(CKR_OPERATION_ACTIVE, lab->C_FindObjectsInit(session, NULL, 0));
    LAB_OK(lab->C_FindObjects(session, handles, 3, &count));
    assert_int_equal(count, 3);
    LAB_OK(lab->C_FindObjects(session, handles, 3, &count));
    assert_int_equal(count, 1);
    LAB_OK(lab->C_FindObjects(session, handles, 3, &count));
    assert_int_equal(count, 0);
    LAB_OK(lab->C_FindObjectsFinal(session));
    /* Searching is no way to guess a secret. */
    uint8_t guess = 0;
    CK_ATTRIBUTE secret = {CKA_VALUE, &guess, sizeof guess};
    LAB_OK(lab->C_FindObjectsInit(session, &secret, 1));
    LAB_OK(lab->C_FindObjects(session, handles, 3, &count));
    assert_int_equal(count, 0);
}

static CK_RV try_pin(CK_SESSION_HANDLE session, CK_USER_TYPE user, const char *pin)
{
    return lab->C_Login(session, user, (unsigned char *)pin, strlen(pin));
}

#define PIN_FLAGS (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED)

static void test_pins(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = lab_session(0);
    assert_int_equal(lab_token_flags() & PIN_FLAGS, 0);
    LAB_SAYS(CKR_PIN_LEN_RANGE, try_pin(session, CKU_USER, "123"));
    assert_int_equal(lab_token_flags() & PIN_FLAGS, 0);
    LAB_SAYS(CKR_PIN_INCORRECT, try_pin(session, CKU_USER, "1111"));
    assert_int_equal(lab_token_flags() & PIN_FLAGS, CKF_USER_PIN_COUNT_LOW);
    LAB_SAYS(CKR_PIN_INCORRECT, try_pin(session, CKU_USER, "1111"));
    assert_int_equal(lab_token_flags() & PIN_FLAGS,
                     CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
    LAB_OK(try_pin(session, CKU_USER, LAB_PIN));
    assert_int_equal(lab_token_flags() & PIN_FLAGS, 0);
    LAB_SAYS(CKR_USER_ALREADY_LOGGED_IN, try_pin(session, CKU_USER, LAB_PIN));
    LAB_OK(lab->C_Logout(session));
    for (unsigned i = 0; i < 3; i++)
        LAB_SAYS(CKR_PIN_INCORRECT, try_pin(session, CKU_USER, "1111"));
    assert_int_equal(lab_token_flags() & PIN_FLAGS, CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED);
    LAB_SAYS(CKR_PIN_LOCKED, try_pin(session, CKU_USER, LAB_PIN));
    LAB_SAYS(CKR_USER_TYPE_INVALID, try_pin(session, CKU_SO, LAB_PIN));
}

static void test_login_is_the_tokens(void **state)
{
    (void)state;
    CK_SESSION_INFO info;
    CK_SESSION_HANDLE session = lab_session(0);
    CK_SESSION_HANDLE writer = lab_login();
    LAB_OK(lab->C_GetSessionInfo(session, &info));
    assert_int_equal(info.state, CKS_RO_USER_FUNCTIONS);
    LAB_OK(lab->C_GetSessionInfo(writer, &info));
    assert_int_equal(info.state, CKS_RW_USER_FUNCTIONS);
    LAB_OK(lab->C_CloseSession(writer));
    LAB_OK(lab->C_GetSessionInfo(session, &info));
    assert_int_equal(info.state, CKS_RO_USER_FUNCTIONS);
    LAB_OK(lab->C_CloseAllSessions(lab_slot));
    LAB_SAYS(CKR_SESSION_HANDLE_INVALID, lab->C_GetSessionInfo(session, &info));
    session = lab_session(CKF_RW_SESSION);
    LAB_OK(lab->C_GetSessionInfo(session, &info));
    assert_int_equal(info.state, CKS_RW_PUBLIC_SESSION);
    LAB_SAYS(CKR_SESSION_PARALLEL_NOT_SUPPORTED,
             lab->C_OpenSession(lab_slot, CKF_RW_SESSION, NULL, NULL, &session));
    LAB_SAYS(CKR_SLOT_ID_INVALID, lab->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session));
}

static void test_initialize(void **state)
{
    (void)state;
    CK_INFO info;
    CK_C_INITIALIZE_ARGS reserved = {.pReserved = &info};
    LAB_SAYS(CKR_CRYPTOKI_ALREADY_INITIALIZED, lab->C_Initialize(NULL));
    LAB_OK(lab->C_GetInfo(&info));
    assert_int_equal(info.cryptokiVersion.major, 2);
    assert_int_equal(info.cryptokiVersion.minor, 40);
    LAB_OK(lab->C_Finalize(NULL));
    LAB_SAYS(CKR_CRYPTOKI_NOT_INITIALIZED, lab->C_GetInfo(&info));
    LAB_SAYS(CKR_ARGUMENTS_BAD, lab->C_Initialize(&reserved));
    LAB_OK(lab->C_Initialize(NULL));
    /* What it does not offer says so, and none of the list is empty. */
    LAB_SAYS(CKR_FUNCTION_NOT_SUPPORTED, lab->C_DigestInit(1, NULL));
    for (void **function = (void **)&lab->C_Initialize;
         function <= (void **)&lab->C_WaitForSlotEvent; function++)
        assert_non_null(*function);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rights, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_permissions, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_secrets, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_extractable, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_templates, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_finding, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_pins, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_login_is_the_tokens, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_initialize, lab_open, lab_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
