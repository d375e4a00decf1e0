/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each of the mock's faults does what README.md says of it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/mock/lab.h"

#include "tests/cmocka.h"

static CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0};
static CK_SESSION_HANDLE session;
static struct lab_key key;

static int open_with_key(void **state)
{
    lab_open(state);
    session = lab_login();
    key = lab_make(session, LAB_P256, 1);
    return 0;
}

static CK_RV sign(void)
{
    uint8_t signature[64];
    CK_ULONG length = sizeof signature;
    return lab_sign(session, &ecdsa, key.private_half, 32, signature, &length);
}

/* ---- Of functions ------------------------------------------------------------------------------
 */

static void test_rv(void **state)
{
    (void)state;
    lab_faults("C_SignInit rv CKR_DEVICE_ERROR after=1 times=2; C_SignInit rv 0x31");
    unsigned long before = lab_count("C_SignInit");
    LAB_SAYS(CKR_DEVICE_MEMORY, sign());
    LAB_SAYS(CKR_DEVICE_ERROR, sign());
    LAB_SAYS(CKR_DEVICE_ERROR, sign());
    LAB_SAYS(CKR_DEVICE_MEMORY, sign());
    assert_int_equal(lab_count("C_SignInit") - before, 4);
    assert_int_equal(lab_count("C_SignInit:rv"), 4);
    lab_faults("# C_SignInit rv CKR_DEVICE_ERROR\n");
    LAB_OK(sign());
}

static void test_rv_from_the_environment(void **state)
{
    (void)state;
    setenv("KEYD_MOCK_FAULTS", "* rv CKR_VENDOR_DEFINED times=1", 1);
    LAB_SAYS(CKR_VENDOR_DEFINED, sign());
    LAB_OK(sign());
}

static void test_rv_late(void **state)
{
    CK_OBJECT_HANDLE handles[4];
    struct lab_key other;
    (void)state;
    lab_faults("C_GenerateKeyPair rv-late CKR_DEVICE_ERROR times=1");
    LAB_SAYS(CKR_DEVICE_ERROR, lab_try(session, LAB_P256, 2, NULL, &other));
    assert_int_equal(lab_find(session, 2, handles, 4), 2);
    lab_faults("C_GenerateKeyPair rv CKR_DEVICE_ERROR times=1");
    LAB_SAYS(CKR_DEVICE_ERROR, lab_try(session, LAB_P256, 3, NULL, &other));
    assert_int_equal(lab_find(session, 3, handles, 4), 0);
}

/* For children: each begins with the state file's key of CKA_ID 1. */
static void sign_once(void)
{
    CK_OBJECT_HANDLE handles[2];
    session = lab_login();
    if (lab_find(session, 1, handles, 2) != 2)
        _exit(99);
    key.private_half = handles[1];
    (void)sign();
}

static void make_another(void)
{
    session = lab_login();
    key = lab_make(session, LAB_P256, 2);
}

static void expect_signal(void (*work)(void), int signal)
{
    int status = lab_in_child(work);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), signal);
}

static void test_endings(void **state)
{
    CK_OBJECT_HANDLE handles[2];
    (void)state;
    lab_faults("C_Sign crash");
    expect_signal(sign_once, SIGSEGV);
    lab_faults("C_Sign kill");
    expect_signal(sign_once, SIGKILL);
    lab_faults("C_GenerateKeyPair kill before");
    expect_signal(make_another, SIGKILL);
    lab_again();
    session = lab_login();
    assert_int_equal(lab_find(session, 2, handles, 2), 0);
    lab_faults("C_GenerateKeyPair kill after");
    expect_signal(make_another, SIGKILL);
    lab_again();
    session = lab_login();
    assert_int_equal(lab_find(session, 2, handles, 2), 2);
}

static void test_ever(void **state)
{
    (void)state;
    lab_faults("C_Sign kill ever=2");
    expect_signal(sign_once, SIGKILL);
    expect_signal(sign_once, SIGKILL);
    assert_int_equal(lab_in_child(sign_once), 0);
    assert_int_equal(lab_count("C_Sign:kill"), 2);
    assert_int_equal(lab_count("C_Sign"), 3);
}

static void sign_with_an_alarm(void)
{
    signal(SIGALRM, SIG_DFL);
    alarm(1);
    sign_once();
}

static void test_hang(void **state)
{
    (void)state;
    lab_faults("C_Sign hang");
    expect_signal(sign_with_an_alarm, SIGALRM);
    lab_faults("C_Sign hang after");
    expect_signal(sign_with_an_alarm, SIGALRM);
}

static long milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void test_slow(void **state)
{
    (void)state;
    lab_faults("C_Sign slow 60; C_Sign rv CKR_DEVICE_ERROR after=1");
    for (unsigned i = 0; i < 2; i++) {
        long before = milliseconds();
        LAB_SAYS(i == 0 ? CKR_OK : CKR_DEVICE_ERROR, sign());
        assert_in_range(milliseconds() - before, 59, 1000);
    }
}

static void test_garbage_and_short(void **state)
{
    (void)state;
    uint8_t signature[64];
    CK_ULONG length = sizeof signature;
    EVP_PKEY *public_half = lab_public(session, LAB_P256, key.public_half);
    lab_faults("C_Sign garbage");
    LAB_OK(lab_sign(session, &ecdsa, key.private_half, 32, signature, &length));
    assert_int_equal(length, 64);
    assert_false(lab_verifies(public_half, 32, signature, length));
    lab_faults("C_Sign short");
    LAB_OK(lab_sign(session, &ecdsa, key.private_half, 32, signature, &length));
    assert_int_equal(length, 63);
    lab_faults("");
    length = sizeof signature;
    LAB_OK(lab_sign(session, &ecdsa, key.private_half, 32, signature, &length));
    assert_true(lab_verifies(public_half, 32, signature, length));
    EVP_PKEY_free(public_half);
}

static void test_garbage_attributes(void **state)
{
    (void)state;
    uint8_t point[80];
    uint8_t id;
    CK_ATTRIBUTE values[] = {{CKA_EC_POINT, point, sizeof point}, {CKA_ID, &id, sizeof id}};
    lab_faults("C_GetAttributeValue garbage CKA_EC_POINT");
    LAB_OK(lab->C_GetAttributeValue(session, key.public_half, values, 2));
    assert_int_equal(values[0].ulValueLen, 67);
    assert_int_equal(point[0], 0x04 ^ 0x5a);
    assert_int_equal(id, 1);
    lab_faults("C_GetAttributeValue short");
    LAB_OK(lab->C_GetAttributeValue(session, key.public_half, values, 2));
    assert_int_equal(values[0].ulValueLen, 66);
    assert_int_equal(values[1].ulValueLen, 0);
}

static void test_session_invalid(void **state)
{
    (void)state;
    CK_SESSION_HANDLE other = lab_session(0);
    CK_SESSION_INFO info;
    lab_faults("C_Sign session-invalid after=2 times=1");
    LAB_OK(sign());
    LAB_OK(sign());
    LAB_SAYS(CKR_SESSION_HANDLE_INVALID, sign());
    LAB_SAYS(CKR_SESSION_HANDLE_INVALID, sign());
    LAB_OK(lab->C_GetSessionInfo(other, &info));
}

/* ---- Of tokens ---------------------------------------------------------------------------------
 */

static void test_endless(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE handles[3];
    CK_ULONG count = 0;
    lab_faults("C_FindObjects endless times=2");
    LAB_OK(lab->C_FindObjectsInit(session, NULL, 0));
    for (int i = 0; i < 2; i++) {
        LAB_OK(lab->C_FindObjects(session, handles, 3, &count));
        assert_int_equal(count, 3);
        LAB_SAYS(CKR_OBJECT_HANDLE_INVALID, lab->C_DestroyObject(session, handles[2]));
    }
    LAB_OK(lab->C_FindObjects(session, handles, 3, &count));
    assert_int_equal(count, 0);
    LAB_OK(lab->C_FindObjectsFinal(session));
}

static void test_exaggerate(void **state)
{
    (void)state;
    CK_MECHANISM_TYPE types[64];
    CK_SLOT_ID slots[16];
    CK_ULONG count = 0;
    lab_faults("C_GetMechanismList exaggerate; C_GetSlotList exaggerate");
    LAB_OK(lab->C_GetMechanismList(lab_slot, NULL, &count));
    assert_in_range(count, 1, 64);
    CK_ULONG told = count;
    LAB_OK(lab->C_GetMechanismList(lab_slot, types, &count));
    assert_int_equal(count, told + 1000000);
    LAB_OK(lab->C_GetSlotList(CK_TRUE, NULL, &count));
    told = count;
    LAB_OK(lab->C_GetSlotList(CK_TRUE, slots, &count));
    assert_int_equal(count, told + 1000000);
}

static void test_odd_text(void **state)
{
    (void)state;
    CK_TOKEN_INFO info;
    lab_faults("token:" LAB_OTHER " odd-text");
    LAB_OK(lab->C_GetTokenInfo(lab_slot, &info));
    assert_memory_equal(info.model, "mock ", 5);
    lab_faults("token odd-text");
    LAB_OK(lab->C_GetTokenInfo(lab_slot, &info));
    assert_memory_equal(info.model, "m\xfcller ", 7);
    assert_memory_equal(info.manufacturerID, "k\xe4se ", 5);
}

static void test_removed(void **state)
{
    (void)state;
    CK_SLOT_ID slots[4];
    CK_ULONG count = LAB_COUNT(slots);
    CK_TOKEN_INFO info;
    CK_SESSION_HANDLE other;
    lab_faults("token:" LAB_SERIAL " removed");
    LAB_SAYS(CKR_DEVICE_REMOVED, sign());
    LAB_SAYS(CKR_DEVICE_REMOVED, sign());
    LAB_SAYS(CKR_TOKEN_NOT_PRESENT, lab->C_GetTokenInfo(lab_slot, &info));
    LAB_SAYS(CKR_TOKEN_NOT_PRESENT,
             lab->C_OpenSession(lab_slot, CKF_SERIAL_SESSION, NULL, NULL, &other));
    LAB_OK(lab->C_GetSlotList(CK_TRUE, slots, &count));
    assert_int_equal(count, 1);
    LAB_OK(lab->C_OpenSession(slots[0], CKF_SERIAL_SESSION, NULL, NULL, &other));
    count = LAB_COUNT(slots);
    LAB_OK(lab->C_GetSlotList(CK_FALSE, slots, &count));
    assert_int_equal(count, 2);
    lab_faults("");
    LAB_SAYS(CKR_SESSION_HANDLE_INVALID, sign());
    session = lab_session(0);
    LAB_SAYS(CKR_KEY_HANDLE_INVALID, sign()); /* not logged in any more */
    LAB_OK(lab->C_CloseSession(session));
    session = lab_login();
    LAB_OK(sign());
    assert_int_equal(lab_count("token:removed"), 1);
}

static void test_removed_for_a_while(void **state)
{
    (void)state;
    CK_TOKEN_INFO info;
    lab_faults("token removed after=2 times=2");
    for (unsigned i = 0; i < 6; i++)
        LAB_SAYS(i == 2 || i == 3 ? CKR_TOKEN_NOT_PRESENT : CKR_OK,
                 lab->C_GetTokenInfo(lab_slot, &info));
    LAB_SAYS(CKR_SESSION_HANDLE_INVALID, sign());
}

static void test_max_sessions(void **state)
{
    (void)state;
    CK_TOKEN_INFO info;
    CK_SESSION_HANDLE handle;
    lab_faults("token max-sessions 2");
    LAB_OK(lab->C_GetTokenInfo(lab_slot, &info));
    assert_int_equal(info.ulMaxSessionCount, 2);
    assert_int_equal(info.ulSessionCount, 1);
    LAB_OK(lab->C_OpenSession(lab_slot, CKF_SERIAL_SESSION, NULL, NULL, &handle));
    LAB_SAYS(CKR_SESSION_COUNT,
             lab->C_OpenSession(lab_slot, CKF_SERIAL_SESSION, NULL, NULL, &handle));
}

static void test_no_mechanism(void **state)
{
    (void)state;
    CK_MECHANISM_TYPE list[16];
    CK_ULONG count = LAB_COUNT(list);
    CK_MECHANISM_INFO info;
    struct lab_key other;
    lab_faults("token no-mechanism CKM_EDDSA\ntoken no-mechanism CKM_EC_EDWARDS_KEY_PAIR_GEN");
    LAB_OK(lab->C_GetMechanismList(lab_slot, list, &count));
    assert_int_equal(count, 5);
    LAB_SAYS(CKR_MECHANISM_INVALID, lab->C_GetMechanismInfo(lab_slot, CKM_EDDSA, &info));
    LAB_OK(lab->C_GetMechanismInfo(lab_slot, CKM_ECDSA, &info));
    LAB_SAYS(CKR_MECHANISM_INVALID, lab_try(session, LAB_ED25519, 2, NULL, &other));
    lab_faults("token no-mechanism CKM_EDDSA");
    CK_MECHANISM eddsa = {CKM_EDDSA, NULL, 0};
    other = lab_make(session, LAB_ED25519, 2);
    LAB_SAYS(CKR_MECHANISM_INVALID, lab->C_SignInit(session, &eddsa, other.private_half));
}

static void test_no_attribute(void **state)
{
    (void)state;
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE copyable = {CKA_COPYABLE, &value, sizeof value};
    struct lab_key other;
    LAB_OK(lab_try(session, LAB_P256, 2, &copyable, &other));
    lab_faults("token no-attribute CKA_COPYABLE");
    LAB_SAYS(CKR_ATTRIBUTE_TYPE_INVALID, lab_try(session, LAB_P256, 3, &copyable, &other));
    LAB_SAYS(CKR_ATTRIBUTE_TYPE_INVALID,
             lab->C_GetAttributeValue(session, key.private_half, &copyable, 1));
    LAB_OK(lab_try(session, LAB_P256, 3, NULL, &other));
}

static void test_flags(void **state)
{
    (void)state;
    lab_faults("token flags FINAL_TRY,CKF_USER_PIN_COUNT_LOW; token no-flags LOGIN_REQUIRED");
    assert_int_equal(lab_token_flags(), CKF_RNG | CKF_USER_PIN_INITIALIZED | CKF_TOKEN_INITIALIZED |
                                            CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_COUNT_LOW);
    lab_faults("token:" LAB_OTHER " flags 0x40000");
    assert_int_equal(lab_token_flags() & CKF_USER_PIN_LOCKED, 0);
}

static CK_RV confirm(const char *pin)
{
    return lab->C_Login(session, CKU_CONTEXT_SPECIFIC, (unsigned char *)pin, strlen(pin));
}

/* One signature of an operation that has begun. */
static CK_RV finish(void)
{
    uint8_t digest[32] = {0};
    uint8_t signature[64];
    CK_ULONG length = sizeof signature;
    return lab->C_Sign(session, digest, sizeof digest, signature, &length);
}

static void expect_authentication(void)
{
    LAB_SAYS(CKR_USER_NOT_LOGGED_IN, sign());
    LAB_SAYS(CKR_OPERATION_NOT_INITIALIZED, confirm(LAB_PIN));
    LAB_OK(lab->C_SignInit(session, &ecdsa, key.private_half));
    LAB_SAYS(CKR_PIN_INCORRECT, confirm("1111"));
    LAB_OK(confirm(LAB_PIN));
    LAB_OK(finish());
    LAB_SAYS(CKR_USER_NOT_LOGGED_IN, sign()); /* for each signature anew */
}

static void test_always_authenticate(void **state)
{
    (void)state;
    CK_BBOOL value = CK_TRUE;
    CK_ATTRIBUTE always = {CKA_ALWAYS_AUTHENTICATE, &value, sizeof value};
    lab_faults("token always-authenticate");
    expect_authentication();
    struct lab_key made = lab_make(session, LAB_P256, 2);
    value = CK_FALSE;
    LAB_OK(lab->C_GetAttributeValue(session, made.private_half, &always, 1));
    assert_int_equal(value, CK_TRUE);
    lab_faults("");
    LAB_OK(sign());
    LAB_OK(lab_try(session, LAB_P256, 3, &always, &key));
    expect_authentication();
}

static void test_protected_path(void **state)
{
    (void)state;
    LAB_SAYS(CKR_USER_ALREADY_LOGGED_IN, lab->C_Login(session, CKU_USER, NULL, 0));
    LAB_OK(lab->C_Logout(session));
    LAB_SAYS(CKR_ARGUMENTS_BAD, lab->C_Login(session, CKU_USER, NULL, 0));
    lab_faults("token protected-path");
    assert_int_not_equal(lab_token_flags() & CKF_PROTECTED_AUTHENTICATION_PATH, 0);
    LAB_SAYS(CKR_ARGUMENTS_BAD, lab->C_Login(session, CKU_USER, (unsigned char *)LAB_PIN, 4));
    LAB_OK(lab->C_Login(session, CKU_USER, NULL, 0));
    LAB_OK(sign());
}

static void test_read_only(void **state)
{
    (void)state;
    struct lab_key other;
    CK_SESSION_HANDLE handle;
    lab_faults("token read-only");
    assert_int_not_equal(lab_token_flags() & CKF_WRITE_PROTECTED, 0);
    LAB_SAYS(CKR_TOKEN_WRITE_PROTECTED, lab_try(session, LAB_P256, 2, NULL, &other));
    LAB_SAYS(CKR_TOKEN_WRITE_PROTECTED, lab->C_DestroyObject(session, key.public_half));
    LAB_SAYS(
        CKR_TOKEN_WRITE_PROTECTED,
        lab->C_OpenSession(lab_slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &handle));
    LAB_OK(lab->C_OpenSession(lab_slot, CKF_SERIAL_SESSION, NULL, NULL, &handle));
    LAB_OK(sign());
}

static void test_full(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE handles[2];
    struct lab_key other;
    CK_TOKEN_INFO info;
    lab_faults("token full");
    LAB_SAYS(CKR_DEVICE_MEMORY, lab_try(session, LAB_P256, 2, NULL, &other));
    assert_int_equal(lab_find(session, 2, handles, 2), 0);
    LAB_OK(lab->C_GetTokenInfo(lab_slot, &info));
    assert_int_equal(info.ulFreePrivateMemory, 0);
    LAB_OK(lab->C_DestroyObject(session, key.public_half));
}

/* Another key of the session, with CKA_ID 9. */
static CK_RV try_session_pair(struct lab_key *made)
{
    CK_BYTE id = 9;
    CK_BBOOL no = CK_FALSE;
    CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public_half[] = {
        {CKA_EC_PARAMS, (void *)"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10},
        {CKA_TOKEN, &no, sizeof no},
        {CKA_ID, &id, sizeof id}};
    CK_ATTRIBUTE private_half[] = {{CKA_TOKEN, &no, sizeof no}, {CKA_ID, &id, sizeof id}};
    return lab->C_GenerateKeyPair(session, &mechanism, public_half, LAB_COUNT(public_half),
                                  private_half, LAB_COUNT(private_half), &made->public_half,
                                  &made->private_half);
}

/* They have a name of their own, for faults and counters; what is said of C_GenerateKeyPair is
 * about the others. */
static void test_session_pairs(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE handles[4];
    struct lab_key made;
    lab_faults("C_GenerateKeyPair rv CKR_DEVICE_ERROR; token full");
    LAB_OK(try_session_pair(&made));
    assert_int_equal(lab_find(session, 9, handles, 4), 2);
    lab_faults("session_pair rv CKR_DEVICE_ERROR");
    LAB_SAYS(CKR_DEVICE_ERROR, try_session_pair(&made));
    LAB_OK(lab_try(session, LAB_P256, 2, NULL, &made));
    lab_faults("token no-session-pairs");
    LAB_SAYS(CKR_ATTRIBUTE_VALUE_INVALID, try_session_pair(&made));
    LAB_OK(lab_try(session, LAB_P256, 3, NULL, &made));
    lab_again();
    session = lab_login();
    assert_int_equal(lab_find(session, 9, handles, 4), 0);
    lab_faults("token pairs-stay");
    LAB_OK(try_session_pair(&made));
    lab_again();
    session = lab_login();
    assert_int_equal(lab_find(session, 9, handles, 4), 2);
}

static void test_duplicate_label(void **state)
{
    (void)state;
    CK_SLOT_ID slots[4];
    CK_TOKEN_INFO first;
    CK_TOKEN_INFO twin;
    CK_ULONG count = LAB_COUNT(slots);
    LAB_OK(lab->C_GetSlotList(CK_FALSE, slots, &count));
    assert_int_equal(count, 2);
    lab_faults("token duplicate-label");
    count = LAB_COUNT(slots);
    LAB_OK(lab->C_GetSlotList(CK_TRUE, slots, &count));
    assert_int_equal(count, 3);
    LAB_OK(lab->C_GetTokenInfo(slots[0], &first));
    LAB_OK(lab->C_GetTokenInfo(slots[2], &twin));
    assert_memory_equal(first.label, twin.label, sizeof first.label);
    assert_memory_equal(twin.serialNumber, "TWIN            ", 16);
}

static void test_bare_point(void **state)
{
    (void)state;
    uint8_t point[80];
    CK_ATTRIBUTE value = {CKA_EC_POINT, point, sizeof point};
    lab_faults("token bare-point");
    LAB_OK(lab->C_GetAttributeValue(session, key.public_half, &value, 1));
    assert_int_equal(value.ulValueLen, 65);
    assert_int_equal(point[0], 0x04);
}

/* ---- Rules that are none -----------------------------------------------------------------------
 */

static void call_once(void)
{
    CK_INFO info;
    (void)lab->C_GetInfo(&info);
}

static void test_misspelt(void **state)
{
    static const char *const rules[] = {
        "C_Sgin rv CKR_OK",
        "C_Sign",
        "C_Sign rv",
        "C_Sign rv CKR_NO_SUCH",
        "C_Sign slow soon",
        "C_Sign hang later",
        "C_Sign removed",
        "C_Login garbage",
        "C_Sign garbage CKA_ID",
        "C_GetSlotList session-invalid",
        "C_Sign endless",
        "C_FindObjects exaggerate",
        "C_Sign odd-text",
        "C_Sign rv CKR_OK after=x",
        "C_Sign rv CKR_OK often=2",
        "token hang",
        "token removed ever=1",
        "token flags FINAL_TRY,FIRST_TRY",
        "token:12345678901234567 full",
    };
    (void)state;
    assert_int_equal(lab_in_child(call_once), 0);
    for (size_t i = 0; i < LAB_COUNT(rules); i++) {
        setenv("KEYD_MOCK_FAULTS", rules[i], 1);
        int status = lab_in_child(call_once);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
            fail_msg("'%s' is taken", rules[i]);
    }
    unsetenv("KEYD_MOCK_FAULTS");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_with_key, lab_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rv),
        TEST(test_rv_from_the_environment),
        TEST(test_rv_late),
        TEST(test_endings),
        TEST(test_ever),
        TEST(test_hang),
        TEST(test_slow),
        TEST(test_garbage_and_short),
        TEST(test_garbage_attributes),
        TEST(test_session_invalid),
        TEST(test_endless),
        TEST(test_exaggerate),
        TEST(test_odd_text),
        TEST(test_removed),
        TEST(test_removed_for_a_while),
        TEST(test_max_sessions),
        TEST(test_no_mechanism),
        TEST(test_no_attribute),
        TEST(test_flags),
        TEST(test_always_authenticate),
        TEST(test_protected_path),
        TEST(test_read_only),
        TEST(test_full),
        TEST(test_session_pairs),
        TEST(test_duplicate_label),
        TEST(test_bare_point),
        TEST(test_misspelt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
