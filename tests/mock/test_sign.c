/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The mock's keys and signatures, judged by OpenSSL. */
#include <openssl/rsa.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/mock/lab.h"

#include "tests/cmocka.h"

#define SIGNATURE_MAX 512

static CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0};
static CK_MECHANISM eddsa = {CKM_EDDSA, NULL, 0};
static CK_MECHANISM rsa = {CKM_RSA_PKCS, NULL, 0};

static void test_curves(void **state)
{
    static const struct {
        enum lab_kind kind;
        CK_MECHANISM *mechanism;
        size_t message;
        CK_ULONG signature;
    } rows[] = {
        {LAB_P256, &ecdsa, 32, 64}, {LAB_P384, &ecdsa, 48, 96}, {LAB_ED25519, &eddsa, 900, 64}};
    (void)state;
    CK_SESSION_HANDLE session = lab_login();
    for (size_t i = 0; i < LAB_COUNT(rows); i++) {
        uint8_t signature[SIGNATURE_MAX];
        CK_ULONG length = sizeof signature;
        struct lab_key key = lab_make(session, rows[i].kind, 1);
        EVP_PKEY *public_half = lab_public(session, rows[i].kind, key.public_half);
        LAB_OK(lab_sign(session, rows[i].mechanism, key.private_half, rows[i].message, signature,
                        &length));
        assert_int_equal(length, rows[i].signature);
        assert_true(lab_verifies(public_half, rows[i].message, signature, length));
        assert_false(lab_verifies(public_half, rows[i].message - 1, signature, length));
        EVP_PKEY_free(public_half);
    }
}

/* Verifies over the digest of 0x11 bytes that lab_sign was given, or the digest at the end of it.
 */
static bool verifies_rsa(EVP_PKEY *key, const EVP_MD *md, int padding, const uint8_t *digest,
                         const uint8_t *signature, CK_ULONG length)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
    assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, md), 1);
    if (padding == RSA_PKCS1_PSS_PADDING)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST), 1);
    bool good = EVP_PKEY_verify(ctx, signature, length, digest, (size_t)EVP_MD_get_size(md)) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

static void test_rsa(void **state)
{
    static const uint8_t info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                   0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    static const struct {
        CK_RSA_PKCS_PSS_PARAMS pss;
        const char *name;
    } rows[] = {{{CKM_SHA256, CKG_MGF1_SHA256, 32}, "SHA256"},
                {{CKM_SHA384, CKG_MGF1_SHA384, 48}, "SHA384"},
                {{CKM_SHA512, CKG_MGF1_SHA512, 64}, "SHA512"}};
    (void)state;
    CK_SESSION_HANDLE session = lab_login();
    struct lab_key key = lab_make(session, LAB_RSA, 1);
    EVP_PKEY *public_half = lab_public(session, LAB_RSA, key.public_half);
    uint8_t signature[SIGNATURE_MAX];
    uint8_t digest[64];
    memset(digest, 0x11, sizeof digest);
    for (size_t i = 0; i < LAB_COUNT(rows); i++) {
        CK_RSA_PKCS_PSS_PARAMS pss = rows[i].pss;
        CK_MECHANISM mechanism = {CKM_RSA_PKCS_PSS, &pss, sizeof pss};
        CK_ULONG length = sizeof signature;
        LAB_OK(lab_sign(session, &mechanism, key.private_half, pss.sLen, signature, &length));
        assert_true(verifies_rsa(public_half, EVP_get_digestbyname(rows[i].name),
                                 RSA_PKCS1_PSS_PADDING, digest, signature, length));
        LAB_SAYS(CKR_DATA_LEN_RANGE,
                 lab_sign(session, &mechanism, key.private_half, pss.sLen - 1, signature, &length));
    }
    uint8_t encoded[sizeof info + 32];
    CK_ULONG length = sizeof signature;
    memcpy(encoded, info, sizeof info);
    memcpy(encoded + sizeof info, digest, 32);
    LAB_OK(lab->C_SignInit(session, &rsa, key.private_half));
    LAB_OK(lab->C_Sign(session, encoded, sizeof encoded, signature, &length));
    assert_int_equal(length, 256);
    assert_true(
        verifies_rsa(public_half, EVP_sha256(), RSA_PKCS1_PADDING, digest, signature, length));
    LAB_SAYS(CKR_DATA_LEN_RANGE,
             lab_sign(session, &rsa, key.private_half, 256 - 10, signature, &length));
    EVP_PKEY_free(public_half);
}

static void test_operation(void **state)
{
    (void)state;
    uint8_t digest[32] = {0};
    uint8_t signature[64];
    CK_SESSION_HANDLE session = lab_login();
    CK_SESSION_HANDLE other = lab_session(0);
    struct lab_key key = lab_make(session, LAB_P256, 1);
    CK_ULONG length = 0;
    LAB_SAYS(CKR_OPERATION_NOT_INITIALIZED,
             lab->C_Sign(session, digest, sizeof digest, signature, &length));
    LAB_OK(lab->C_SignInit(session, &ecdsa, key.private_half));
    LAB_SAYS(CKR_OPERATION_ACTIVE, lab->C_SignInit(session, &ecdsa, key.private_half));
    LAB_SAYS(CKR_OPERATION_NOT_INITIALIZED,
             lab->C_Sign(other, digest, sizeof digest, signature, &length));
    LAB_OK(lab->C_Sign(session, digest, sizeof digest, NULL, &length));
    assert_int_equal(length, sizeof signature);
    length = sizeof signature - 1;
    LAB_SAYS(CKR_BUFFER_TOO_SMALL, lab->C_Sign(session, digest, sizeof digest, signature, &length));
    assert_int_equal(length, sizeof signature);
    LAB_OK(lab->C_Sign(session, digest, sizeof digest, signature, &length));
    LAB_SAYS(CKR_OPERATION_NOT_INITIALIZED,
             lab->C_Sign(session, digest, sizeof digest, signature, &length));
    LAB_SAYS(CKR_DATA_LEN_RANGE,
             lab_sign(session, &ecdsa, key.private_half, 65, signature, &length));
    LAB_SAYS(CKR_OPERATION_NOT_INITIALIZED,
             lab->C_Sign(session, digest, sizeof digest, signature, &length));
}

static void test_what_does_not_fit(void **state)
{
    CK_RSA_PKCS_PSS_PARAMS odd = {CKM_SHA256, CKG_MGF1_SHA256, 256 - 32 - 1};
    CK_MECHANISM pss = {CKM_RSA_PKCS_PSS, &odd, sizeof odd};
    CK_MECHANISM bare = {CKM_RSA_PKCS_PSS, NULL, 0};
    CK_MECHANISM unknown = {CKM_SHA256_RSA_PKCS, NULL, 0};
    CK_MECHANISM *of[LAB_KINDS] = {&ecdsa, &ecdsa, &eddsa, &rsa};
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE useless = {CKA_SIGN, &no, sizeof no};
    struct lab_key key = {0, 0};
    (void)state;
    CK_SESSION_HANDLE session = lab_login();
    for (int kind = 0; kind < LAB_KINDS; kind++) {
        key = lab_make(session, (enum lab_kind)kind, 1);
        for (size_t i = 0; i < LAB_KINDS; i++)
            if (of[i] != of[kind])
                LAB_SAYS(CKR_KEY_TYPE_INCONSISTENT,
                         lab->C_SignInit(session, of[i], key.private_half));
        LAB_SAYS(CKR_KEY_TYPE_INCONSISTENT, lab->C_SignInit(session, of[kind], key.public_half));
    }
    LAB_SAYS(CKR_MECHANISM_PARAM_INVALID, lab->C_SignInit(session, &pss, key.private_half));
    LAB_SAYS(CKR_MECHANISM_PARAM_INVALID, lab->C_SignInit(session, &bare, key.private_half));
    LAB_SAYS(CKR_MECHANISM_INVALID, lab->C_SignInit(session, &unknown, key.private_half));
    LAB_SAYS(CKR_KEY_HANDLE_INVALID, lab->C_SignInit(session, &rsa, 999));
    odd.sLen--;
    LAB_OK(lab->C_SignInit(session, &pss, key.private_half));
    LAB_OK(lab_try(session, LAB_P256, 2, &useless, &key));
    session = lab_session(0);
    LAB_SAYS(CKR_KEY_FUNCTION_NOT_PERMITTED, lab->C_SignInit(session, &ecdsa, key.private_half));
}

static void sign_with_the_wrong_mechanism(void)
{
    CK_SESSION_HANDLE session = lab_login();
    struct lab_key key = lab_make(session, LAB_P256, 1);
    lab->C_SignInit(session, &eddsa, key.private_half);
}

static void test_strict_crash(void **state)
{
    (void)state;
    assert_int_equal(lab_in_child(sign_with_the_wrong_mechanism), 0);
    lab_faults("token strict=crash");
    int status = lab_in_child(sign_with_the_wrong_mechanism);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
}

/* What C_GenerateKeyPair says to parameters of a curve. */
static CK_RV make_curve(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, const char *parameters,
                        size_t size)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_ATTRIBUTE public_half = {CKA_EC_PARAMS, (void *)parameters, size};
    CK_OBJECT_HANDLE handles[2];
    return lab->C_GenerateKeyPair(session, &mechanism, &public_half, 1, NULL, 0, &handles[0],
                                  &handles[1]);
}

static CK_RV make_rsa(CK_SESSION_HANDLE session, CK_ULONG bits)
{
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public_half = {CKA_MODULUS_BITS, &bits, sizeof bits};
    CK_OBJECT_HANDLE handles[2];
    return lab->C_GenerateKeyPair(session, &mechanism, &public_half, 1, NULL, 0, &handles[0],
                                  &handles[1]);
}

static void test_what_can_be_made(void **state)
{
    static const char p521[] = "\x06\x05\x2b\x81\x04\x00\x23";
    static const char name[] = "\x13\x0c"
                               "edwards25519";
    (void)state;
    CK_MECHANISM no_generator = {CKM_ECDSA, NULL, 0};
    CK_OBJECT_HANDLE handles[2];
    CK_SESSION_HANDLE session = lab_login();
    LAB_OK(make_curve(session, CKM_EC_EDWARDS_KEY_PAIR_GEN, name, sizeof name - 1));
    LAB_SAYS(CKR_CURVE_NOT_SUPPORTED,
             make_curve(session, CKM_EC_KEY_PAIR_GEN, name, sizeof name - 1));
    LAB_SAYS(CKR_CURVE_NOT_SUPPORTED,
             make_curve(session, CKM_EC_KEY_PAIR_GEN, p521, sizeof p521 - 1));
    LAB_SAYS(CKR_DOMAIN_PARAMS_INVALID, make_curve(session, CKM_EC_KEY_PAIR_GEN, "\x30\x00", 2));
    LAB_SAYS(CKR_KEY_SIZE_RANGE, make_rsa(session, 1024));
    LAB_SAYS(CKR_KEY_SIZE_RANGE, make_rsa(session, 2049));
    LAB_SAYS(CKR_KEY_SIZE_RANGE, make_rsa(session, 8192));
    LAB_OK(make_rsa(session, 3072));
    LAB_OK(make_rsa(session, 4096));
    LAB_SAYS(CKR_MECHANISM_INVALID, lab->C_GenerateKeyPair(session, &no_generator, NULL, 0, NULL, 0,
                                                           &handles[0], &handles[1]));
    CK_MECHANISM incomplete = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    LAB_SAYS(CKR_TEMPLATE_INCOMPLETE, lab->C_GenerateKeyPair(session, &incomplete, NULL, 0, NULL, 0,
                                                             &handles[0], &handles[1]));
}

/* Threads of one process sign with one key while pairs come and go. */
struct work {
    CK_OBJECT_HANDLE key;
    EVP_PKEY *public_half;
    unsigned good;
};

static void *sign_often(void *context)
{
    struct work *work = context;
    CK_SESSION_HANDLE session;
    if (lab->C_OpenSession(lab_slot, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
        return NULL;
    for (unsigned i = 0; i < 200; i++) {
        uint8_t signature[64];
        CK_ULONG length = sizeof signature;
        if (lab_sign(session, &ecdsa, work->key, 32, signature, &length) == CKR_OK &&
            lab_verifies(work->public_half, 32, signature, length))
            work->good++;
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct work work[LAB_COUNT(threads)];
    CK_SESSION_HANDLE session = lab_login();
    struct lab_key key = lab_make(session, LAB_P256, 1);
    for (size_t i = 0; i < LAB_COUNT(threads); i++) {
        work[i] =
            (struct work){key.private_half, lab_public(session, LAB_P256, key.public_half), 0};
        assert_int_equal(pthread_create(&threads[i], NULL, sign_often, &work[i]), 0);
    }
    for (unsigned i = 0; i < 30; i++) {
        struct lab_key passing = lab_make(session, LAB_P256, 2);
        LAB_OK(lab->C_DestroyObject(session, passing.private_half));
        LAB_OK(lab->C_DestroyObject(session, passing.public_half));
    }
    for (size_t i = 0; i < LAB_COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(work[i].good, 200);
        EVP_PKEY_free(work[i].public_half);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_curves, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_rsa, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_operation, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_what_does_not_fit, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_strict_crash, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_what_can_be_made, lab_open, lab_close),
        cmocka_unit_test_setup_teardown(test_threads, lab_open, lab_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
