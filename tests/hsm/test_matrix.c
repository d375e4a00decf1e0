/* SPDX-License-Identifier: BSD-2-Clause
 * Every key spec with every signing algorithm, RAW and DIGEST, on SoftHSM and on the mock: what
 * fits is verified by OpenSSL, what does not is refused before the module hears of it. */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cmocka.h"
#include "tests/hsm/lab.h"
#include "tests/hsm/scene.h"

#define SPEC(name)      KEYD__V1__KEY_SPEC__##name
#define ALGORITHM(name) KEYD__V1__SIGNING_ALGORITHM__##name
#define RAW             KEYD__V1__MESSAGE_TYPE__RAW
#define DIGEST          KEYD__V1__MESSAGE_TYPE__DIGEST
#define COUNT(table)    (sizeof(table) / sizeof(table)[0])

static const struct spec {
    Keyd__V1__KeySpec spec;
    int id; /* EVP_PKEY_get_base_id */
    int bits;
    const char *group;
    size_t signature_size; /* 0: DER, which varies */
    Keyd__V1__SigningAlgorithm standard;
} specs[] = {
    {SPEC(ECC_NIST_P256), EVP_PKEY_EC, 256, "prime256v1", 0, ALGORITHM(ECDSA_SHA_256)},
    {SPEC(ECC_NIST_P384), EVP_PKEY_EC, 384, "secp384r1", 0, ALGORITHM(ECDSA_SHA_384)},
    {SPEC(ECC_NIST_EDWARDS25519), EVP_PKEY_ED25519, 256, "", 64, ALGORITHM(ED25519_SHA_512)},
    {SPEC(RSA_2048), EVP_PKEY_RSA, 2048, "", 256, ALGORITHM(RSASSA_PKCS1_V1_5_SHA_256)},
    {SPEC(RSA_3072), EVP_PKEY_RSA, 3072, "", 384, ALGORITHM(RSASSA_PKCS1_V1_5_SHA_256)},
    {SPEC(RSA_4096), EVP_PKEY_RSA, 4096, "", 512, ALGORITHM(RSASSA_PKCS1_V1_5_SHA_256)},
};

static const struct algorithm {
    Keyd__V1__SigningAlgorithm algorithm;
    int id;
    int bits; /* of the one EC key that it goes with */
    const char *hash;
    bool pss;
} algorithms[] = {
    {ALGORITHM(ECDSA_SHA_256), EVP_PKEY_EC, 256, "SHA256", false},
    {ALGORITHM(ECDSA_SHA_384), EVP_PKEY_EC, 384, "SHA384", false},
    {ALGORITHM(ED25519_SHA_512), EVP_PKEY_ED25519, 0, NULL, false},
    {ALGORITHM(RSASSA_PKCS1_V1_5_SHA_256), EVP_PKEY_RSA, 0, "SHA256", false},
    {ALGORITHM(RSASSA_PKCS1_V1_5_SHA_384), EVP_PKEY_RSA, 0, "SHA384", false},
    {ALGORITHM(RSASSA_PKCS1_V1_5_SHA_512), EVP_PKEY_RSA, 0, "SHA512", false},
    {ALGORITHM(RSASSA_PSS_SHA_256), EVP_PKEY_RSA, 0, "SHA256", true},
    {ALGORITHM(RSASSA_PSS_SHA_384), EVP_PKEY_RSA, 0, "SHA384", true},
    {ALGORITHM(RSASSA_PSS_SHA_512), EVP_PKEY_RSA, 0, "SHA512", true},
};

static const char message[] = "a message that is longer than any digest, so that no cell of the "
                              "matrix mistakes the one for the other; 152 bytes are enough for it, "
                              "and it goes on a bit";

struct made {
    struct keyid id;
    EVP_PKEY *key;
};

static bool fits(const struct spec *spec, const struct algorithm *algorithm)
{
    return spec->id == algorithm->id && (algorithm->bits == 0 || algorithm->bits == spec->bits);
}

/* ---- OpenSSL's word -------------------------------------------------------------------------- */

static bool set_padding(EVP_PKEY_CTX *ctx, const struct algorithm *algorithm)
{
    if (algorithm->id != EVP_PKEY_RSA)
        return true;
    if (!algorithm->pss)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static bool verifies(EVP_PKEY *key, const struct algorithm *algorithm, const char *text,
                     const ProtobufCBinaryData *signature)
{
    EVP_PKEY_CTX *ctx = NULL;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool good = EVP_DigestVerifyInit_ex(md, &ctx, algorithm->hash, NULL, NULL, key, NULL) == 1 &&
                set_padding(ctx, algorithm) &&
                EVP_DigestVerify(md, signature->data, signature->len, (const uint8_t *)text,
                                 strlen(text)) == 1;
    EVP_MD_CTX_free(md);
    return good;
}

static EVP_PKEY *read_key(const struct spec *spec, const ProtobufCBinaryData *der)
{
    char group[32] = "";
    const unsigned char *at = der->data;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)der->len);
    assert_non_null(key);
    assert_ptr_equal(at, der->data + der->len);
    assert_int_equal(EVP_PKEY_get_base_id(key), spec->id);
    if (spec->id != EVP_PKEY_ED25519)
        assert_int_equal(EVP_PKEY_get_bits(key), spec->bits);
    if (spec->id == EVP_PKEY_EC)
        assert_int_equal(EVP_PKEY_get_group_name(key, group, sizeof group, NULL), 1);
    assert_string_equal(group, spec->group);
    return key;
}

/* ---- The matrix ------------------------------------------------------------------------------ */

static void make(int fd, struct made made[COUNT(specs)])
{
    for (size_t i = 0; i < COUNT(specs); i++) {
        made[i].id = keyid_random();
        lab_answer *answer = lab_create_of(fd, &made[i].id, specs[i].spec);
        assert_non_null(answer);
        assert_string_equal(answer->message, "");
        assert_int_equal(answer->key->key_spec, specs[i].spec);
        made[i].key = read_key(&specs[i], &answer->key->public_key);
        lab_free(answer);
    }
}

static lab_answer *sign(int fd, const struct made *made, const struct algorithm *algorithm,
                        Keyd__V1__MessageType type)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t size = 0;
    if (type == RAW)
        return lab_sign_by(fd, &made->id, algorithm->algorithm, RAW, message, strlen(message));
    const char *hash = algorithm->hash != NULL ? algorithm->hash : "SHA512";
    assert_int_equal(EVP_Q_digest(NULL, hash, NULL, message, strlen(message), digest, &size), 1);
    return lab_sign_by(fd, &made->id, algorithm->algorithm, DIGEST, digest, size);
}

static void must_verify(lab_answer *answer, const struct spec *spec, EVP_PKEY *key,
                        const struct algorithm *algorithm)
{
    assert_non_null(answer);
    assert_string_equal(answer->message, "");
    const ProtobufCBinaryData *signature = &answer->signature->signature;
    if (spec->signature_size != 0)
        assert_int_equal(signature->len, spec->signature_size);
    assert_true(verifies(key, algorithm, message, signature));
    assert_false(verifies(key, algorithm, "another message", signature));
    lab_free(answer);
}

/* One cell, RAW and DIGEST; whether it was to be signed. */
static int cell(int fd, const struct spec *spec, const struct made *made,
                const struct algorithm *algorithm)
{
    if (!fits(spec, algorithm)) {
        expect_error(sign(fd, made, algorithm, RAW), KEYD_INVALID_ARGUMENT, "ALGORITHM_MISMATCH");
        expect_error(sign(fd, made, algorithm, DIGEST), KEYD_INVALID_ARGUMENT,
                     "ALGORITHM_MISMATCH");
        return 0;
    }
    must_verify(sign(fd, made, algorithm, RAW), spec, made->key, algorithm);
    if (algorithm->hash == NULL) {
        expect_error(sign(fd, made, algorithm, DIGEST), KEYD_INVALID_ARGUMENT,
                     "MESSAGE_TYPE_MISMATCH");
        return 1;
    }
    must_verify(sign(fd, made, algorithm, DIGEST), spec, made->key, algorithm);
    expect_error(lab_sign_by(fd, &made->id, algorithm->algorithm, DIGEST, message, 20),
                 KEYD_INVALID_ARGUMENT, "DIGEST_LENGTH");
    expect_error(lab_sign_by(fd, &made->id, algorithm->algorithm, RAW, message, 0),
                 KEYD_INVALID_ARGUMENT, "MESSAGE_LENGTH");
    return 2;
}

static int matrix(int fd, const struct made made[COUNT(specs)])
{
    int signatures = 0;
    for (size_t i = 0; i < COUNT(specs); i++)
        for (size_t k = 0; k < COUNT(algorithms); k++)
            signatures += cell(fd, &specs[i], &made[i], &algorithms[k]);
    assert_int_equal(signatures, 2 * 2 + 1 + 3 * 6 * 2);
    return signatures;
}

/* The algorithm that is the key's own when none is named. */
static void defaults(int fd, const struct made made[COUNT(specs)])
{
    for (size_t i = 0; i < COUNT(specs); i++)
        for (size_t k = 0; k < COUNT(algorithms); k++)
            if (algorithms[k].algorithm == specs[i].standard)
                must_verify(lab_sign_by(fd, &made[i].id, ALGORITHM(SIGNING_ALGORITHM_UNSPECIFIED),
                                        RAW, message, strlen(message)),
                            &specs[i], made[i].key, &algorithms[k]);
}

static void release(struct made made[COUNT(specs)])
{
    for (size_t i = 0; i < COUNT(specs); i++)
        EVP_PKEY_free(made[i].key);
}

static void all_specs_side_by_side_on_softhsm(void **state)
{
    (void)state;
    struct made made[COUNT(specs)];
    lab_config("main", lab_softhsm(), "", "");
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    make(fd, made);
    matrix(fd, made);
    end(pid, fd);

    pid = lab_start("main", NULL); /* judged by what the token says of them */
    fd = greet(READY, "");
    expect_keys(fd, COUNT(specs), true);
    defaults(fd, made);
    end(pid, fd);
    release(made);
}

/* Ed25519 takes the message itself, however long it may be. */
static void the_longest_message_is_signed(void **state)
{
    (void)state;
    static char longest[65537];
    memset(longest, 'm', 65536);
    lab_config("main", lab_softhsm(), "", "");
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    struct keyid id = keyid_random();
    lab_answer *made = lab_create_of(fd, &id, SPEC(ECC_NIST_EDWARDS25519));
    EVP_PKEY *key = read_key(&specs[2], &made->key->public_key);
    lab_answer *signature = lab_sign_by(fd, &id, ALGORITHM(ED25519_SHA_512), RAW, longest, 65536);
    assert_string_equal(signature->message, "");
    assert_true(verifies(key, &algorithms[2], longest, &signature->signature->signature));
    lab_free(signature);
    lab_free(made);
    expect_error(lab_sign_by(fd, &id, ALGORITHM(ED25519_SHA_512), RAW, longest, 65537),
                 KEYD_INVALID_ARGUMENT, "MESSAGE_LENGTH");
    EVP_PKEY_free(key);
    end(pid, fd);
}

/* ---- On the mock ----------------------------------------------------------------------------- */

/* keyd-hsm on a fresh mock token in this weather. */
static void weather(const char *faults)
{
    char variables[1024];
    snprintf(variables, sizeof variables,
             "- {name: KEYD_MOCK_TOKENS, value: %s}\n- {name: KEYD_MOCK_PIN, value: '%s'}\n"
             "- {name: KEYD_MOCK_STATE, value: %s}\n- {name: KEYD_MOCK_COUNTS, value: %s}\n"
             "- {name: KEYD_MOCK_FAULTS, value: '%s'}\n",
             LAB_LABEL "=MOCK1", LAB_PIN, lab_path("mock-state"), lab_path("mock-counts"), faults);
    lab_config("main", KEYD_TESTS "/mock.so", "", variables);
}

static int forget_mock(void **state)
{
    (void)state;
    lab_forget("state-main");
    unlink(lab_path("mock-state"));
    unlink(lab_path("mock-counts"));
    unlink(lab_path("main.log"));
    return 0;
}

/* Calls of a function of the mock so far. */
static int calls(const char *function)
{
    char *counts = lab_read("mock-counts");
    size_t length = strlen(function);
    int n = 0;
    for (const char *line = counts; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, function, length) == 0 && line[length] == ' ')
            n = atoi(line + length);
    }
    free(counts);
    return n;
}

static void all_specs_side_by_side_on_the_mock(void **state)
{
    (void)state;
    struct made made[COUNT(specs)];
    weather("token strict=crash; token bare-point");
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    make(fd, made);
    int before = calls("C_SignInit");
    int signatures = matrix(fd, made);
    assert_int_equal(calls("C_SignInit") - before, signatures);
    end(pid, fd);
    release(made);
}

static void what_a_token_lacks_is_refused_with_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *fault;
        Keyd__V1__KeySpec spec;
        const char *name;
    } lacks[] = {
        {"token no-mechanism CKM_EDDSA", SPEC(ECC_NIST_EDWARDS25519), "CKM_EDDSA"},
        {"token no-mechanism CKM_EC_EDWARDS_KEY_PAIR_GEN", SPEC(ECC_NIST_EDWARDS25519),
         "CKM_EC_EDWARDS_KEY_PAIR_GEN"},
        {"token no-mechanism CKM_EC_KEY_PAIR_GEN", SPEC(ECC_NIST_P384), "CKM_EC_KEY_PAIR_GEN"},
        {"token no-mechanism CKM_RSA_PKCS", SPEC(RSA_2048), "CKM_RSA_PKCS"},
    };
    for (size_t i = 0; i < COUNT(lacks); i++) {
        forget_mock(NULL);
        weather(lacks[i].fault);
        pid_t pid = lab_start("main", NULL);
        int fd = greet(READY, "");
        struct keyid id = keyid_random();
        lab_answer *answer = lab_create_of(fd, &id, lacks[i].spec);
        assert_non_null(answer);
        char expected[128];
        snprintf(expected, sizeof expected, "the token '" LAB_LABEL "' does not offer %s",
                 lacks[i].name);
        assert_string_equal(answer->message, expected);
        assert_int_equal(lab_count("main.log", expected), 1);
        snprintf(expected, sizeof expected, "the token is limited: %s", lacks[i].name);
        assert_int_equal(lab_count("main.log", expected), 1); /* at start */
        expect_error(answer, KEYD_UNIMPLEMENTED, "MECHANISM");
        assert_int_equal(calls("C_GenerateKeyPair"), 0);
        assert_int_equal(lab_count("state-main/journal", "key.creating"), 0);
        end(pid, fd);
    }
}

static void a_signature_that_a_token_lacks_is_refused(void **state)
{
    (void)state;
    weather("token no-mechanism CKM_RSA_PKCS_PSS");
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    struct keyid id = keyid_random();
    lab_answer *made = lab_create_of(fd, &id, SPEC(RSA_2048));
    assert_string_equal(made->message, "");
    lab_free(made);
    int before = calls("C_SignInit");
    expect_error(lab_sign_by(fd, &id, ALGORITHM(RSASSA_PSS_SHA_256), DIGEST, scene_digest, 32),
                 KEYD_UNIMPLEMENTED, "MECHANISM");
    assert_int_equal(calls("C_SignInit"), before);
    lab_answer *signature =
        lab_sign_by(fd, &id, ALGORITHM(RSASSA_PKCS1_V1_5_SHA_256), DIGEST, scene_digest, 32);
    assert_string_equal(signature->message, "");
    lab_free(signature);
    end(pid, fd);
}

/* A creation that was cut off after the token made the pair is completed for each spec. */
static void an_interrupted_creation_is_settled_by_spec(void **state)
{
    (void)state;
    for (size_t i = 1; i < 4; i++) { /* P-384, Ed25519, RSA-2048 */
        forget_mock(NULL);
        weather("C_GenerateKeyPair kill after ever=1");
        pid_t pid = lab_start("main", NULL);
        int fd = greet(READY, "");
        struct made made = {.id = keyid_random()};
        assert_null(lab_create_of(fd, &made.id, specs[i].spec));
        close(fd);
        assert_int_equal(lab_wait(pid), 128 + SIGKILL);
        pid = lab_start("main", NULL);
        fd = greet(READY, "");
        lab_answer *answer = lab_create_of(fd, &made.id, specs[i].spec);
        assert_string_equal(answer->reason, "KEY_EXISTS");
        made.key = read_key(&specs[i], &answer->key->public_key);
        lab_free(answer);
        for (size_t k = 0; k < COUNT(algorithms); k++)
            cell(fd, &specs[i], &made, &algorithms[k]);
        assert_int_equal(calls("C_GenerateKeyPair"), 1);
        EVP_PKEY_free(made.key);
        end(pid, fd);
    }
}

/* A public half that is no key of its spec, and a signature that is none, make no key: the creation
 * is abandoned, and says why. */
static void a_pair_that_does_not_prove_itself_is_refused(void **state)
{
    (void)state;
    static const struct {
        Keyd__V1__KeySpec spec;
        const char *fault;
        const char *reason;
    } bad[] = {
        {SPEC(ECC_NIST_P384), "C_GetAttributeValue garbage CKA_EC_POINT", "KEY_PUBLIC"},
        {SPEC(ECC_NIST_P384), "C_GetAttributeValue short CKA_EC_POINT", "KEY_PUBLIC"},
        {SPEC(ECC_NIST_EDWARDS25519), "C_GetAttributeValue garbage CKA_EC_POINT", "KEY_PUBLIC"},
        {SPEC(ECC_NIST_EDWARDS25519), "C_GetAttributeValue short CKA_EC_POINT", "KEY_PUBLIC"},
        {SPEC(RSA_2048), "C_GetAttributeValue garbage CKA_PUBLIC_EXPONENT", "KEY_PUBLIC"},
        {SPEC(RSA_2048), "C_GetAttributeValue short CKA_PUBLIC_EXPONENT", "KEY_PUBLIC"},
        {SPEC(RSA_2048), "C_GetAttributeValue short CKA_MODULUS", "KEY_ATTRIBUTES"},
        {SPEC(ECC_NIST_P384), "C_Sign garbage", "KEY_MISMATCH"},
        {SPEC(ECC_NIST_P384), "C_Sign short", "TOKEN_FAILED"},
        {SPEC(ECC_NIST_EDWARDS25519), "C_Sign garbage", "KEY_MISMATCH"},
        {SPEC(ECC_NIST_EDWARDS25519), "C_Sign short", "TOKEN_FAILED"},
        {SPEC(RSA_2048), "C_Sign garbage", "KEY_MISMATCH"},
        {SPEC(RSA_2048), "C_Sign short", "TOKEN_FAILED"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        forget_mock(NULL);
        weather(bad[i].fault);
        pid_t pid = lab_start("main", NULL);
        int fd = greet(READY, "");
        struct keyid id = keyid_random();
        int before = calls("C_DestroyObject");
        lab_answer *answer = lab_create_of(fd, &id, bad[i].spec);
        assert_non_null(answer);
        assert_int_not_equal(answer->status, KEYD_OK);
        assert_string_equal(answer->reason, bad[i].reason);
        lab_free(answer);
        assert_int_equal(lab_count("state-main/journal", "key.abandoned"), 1);
        assert_int_equal(calls("C_DestroyObject") - before, 2);
        expect_keys(fd, 0, true);
        end(pid, fd);
    }
}

/* Where the token has it so, the halves are copyable, or do more than sign; all else that keyd asks
 * for stays. */
static void a_token_that_takes_less_is_asked_for_less(void **state)
{
    (void)state;
    static const struct {
        const char *fault;
        int asked;
        int copyable; /* halves */
        int notices;
    } takes[] = {
        {"", 1, 0, 0},
        {"token no-attribute CKA_DECRYPT", 2, 0, 1},
        {"C_GenerateKeyPair rv CKR_GENERAL_ERROR times=1", 2, 0, 1},
        {"token no-attribute CKA_COPYABLE", 3, 2, 0},
        {"token no-attribute CKA_COPYABLE; token no-attribute CKA_DERIVE", 4, 2, 1},
    };
    for (size_t i = 0; i < COUNT(takes); i++) {
        forget_mock(NULL);
        weather(takes[i].fault);
        pid_t pid = lab_start("main", NULL);
        int fd = greet(READY, "");
        struct keyid id = keyid_random();
        lab_answer *answer = lab_create_of(fd, &id, SPEC(ECC_NIST_P256));
        assert_string_equal(answer->message, "");
        lab_free(answer);
        must_sign(fd, &id);
        assert_int_equal(calls("C_GenerateKeyPair"), takes[i].asked);
        assert_int_equal(lab_count("mock-state", "\n171 01"), takes[i].copyable); /* CKA_COPYABLE */
        assert_int_equal(lab_count("mock-state", "\n170 00"), 2); /* CKA_MODIFIABLE */
        assert_int_equal(lab_count("main.log", "that can do nothing but sign"), takes[i].notices);
        end(pid, fd);
    }
}

/* A pair was made and the answer lost: the second one has the same CKA_ID, and neither stays. */
static void two_pairs_of_one_creation_are_none(void **state)
{
    (void)state;
    weather("C_GenerateKeyPair rv-late CKR_GENERAL_ERROR times=1");
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    struct keyid id = keyid_random();
    int before = calls("C_DestroyObject");
    expect_error(lab_create(fd, &id), KEYD_FAILED_PRECONDITION, "KEY_AMBIGUOUS");
    assert_int_equal(calls("C_DestroyObject") - before, 4);
    assert_int_equal(lab_count("mock-state", "object "), 0);
    expect_keys(fd, 0, false);
    end(pid, fd);
}

/* CKR_GENERAL_ERROR is all that some modules say when their token is lost. Where a random byte is
 * to be had, or is nobody's to have, it is this call that failed. */
static void a_module_that_can_only_fail_has_lost_its_token(void **state)
{
    (void)state;
    static const struct {
        const char *faults;
        bool gone;
    } cases[] = {
        {"C_Sign rv CKR_GENERAL_ERROR after=1", false},
        {"C_Sign rv CKR_FUNCTION_FAILED after=1; C_GenerateRandom rv CKR_RANDOM_NO_RNG", false},
        {"C_Sign rv CKR_GENERAL_ERROR after=1; C_GenerateRandom rv CKR_GENERAL_ERROR", true},
        {"C_SignInit rv CKR_FUNCTION_FAILED after=1; C_GenerateRandom rv CKR_DEVICE_ERROR", true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        forget_mock(NULL);
        weather(cases[i].faults);
        pid_t pid = lab_start("main", NULL);
        int fd = greet(READY, "");
        struct keyid id = make_key(fd);
        lab_answer *answer = lab_sign(fd, &id, scene_digest, sizeof scene_digest);
        assert_int_equal(calls("C_GenerateRandom"), 1);
        assert_int_equal(lab_count("main.log", "the module has lost the token"), cases[i].gone);
        if (!cases[i].gone) {
            expect_error(answer, KEYD_INTERNAL, "TOKEN_FAILED");
            end(pid, fd);
        } else {
            assert_null(answer);
            close(fd);
            assert_int_equal(lab_wait(pid), 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_specs_side_by_side_on_softhsm),
        cmocka_unit_test(the_longest_message_is_signed),
        cmocka_unit_test_setup(all_specs_side_by_side_on_the_mock, forget_mock),
        cmocka_unit_test(what_a_token_lacks_is_refused_with_its_name),
        cmocka_unit_test_setup(a_signature_that_a_token_lacks_is_refused, forget_mock),
        cmocka_unit_test(an_interrupted_creation_is_settled_by_spec),
        cmocka_unit_test(a_pair_that_does_not_prove_itself_is_refused),
        cmocka_unit_test(a_token_that_takes_less_is_asked_for_less),
        cmocka_unit_test_setup(two_pairs_of_one_creation_are_none, forget_mock),
        cmocka_unit_test(a_module_that_can_only_fail_has_lost_its_token),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
