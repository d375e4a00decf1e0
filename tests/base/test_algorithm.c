/* SPDX-License-Identifier: BSD-2-Clause
 * What fits a key and what does not, and what the caller is told. */
#include "keyd/base/algorithm.h"

#include <string.h>

#include "tests/cmocka.h"

#define SPEC(name) KEYD__V1__KEY_SPEC__##name
#define ALG(name)  KEYD__V1__SIGNING_ALGORITHM__##name
#define RAW        KEYD__V1__MESSAGE_TYPE__RAW
#define DIGEST     KEYD__V1__MESSAGE_TYPE__DIGEST

static enum keyd_status check(key_spec spec, signing_algorithm algorithm, message_type type,
                              size_t length, const char *reason)
{
    struct keyd_error err = {0};
    enum keyd_status status = sign_check(spec, &algorithm, type, length, &err);
    assert_string_equal(err.reason, reason);
    return status;
}

static void a_key_has_a_default_algorithm(void **state)
{
    (void)state;
    signing_algorithm algorithm = ALG(SIGNING_ALGORITHM_UNSPECIFIED);
    assert_int_equal(sign_check(SPEC(ECC_NIST_P256), &algorithm, RAW, 5, NULL), KEYD_OK);
    assert_int_equal(algorithm, ALG(ECDSA_SHA_256));
    algorithm = ALG(SIGNING_ALGORITHM_UNSPECIFIED);
    assert_int_equal(sign_check(SPEC(RSA_2048), &algorithm, DIGEST, 32, NULL), KEYD_OK);
    assert_int_equal(algorithm, ALG(RSASSA_PKCS1_V1_5_SHA_256));
}

static void lengths_are_judged_at_their_limits(void **state)
{
    (void)state;
    assert_int_equal(check(SPEC(ECC_NIST_P256), ALG(ECDSA_SHA_256), RAW, 65536, ""), KEYD_OK);
    assert_int_equal(check(SPEC(ECC_NIST_P256), ALG(ECDSA_SHA_256), RAW, 65537, "MESSAGE_LENGTH"),
                     KEYD_INVALID_ARGUMENT);
    assert_int_equal(check(SPEC(ECC_NIST_P256), ALG(ECDSA_SHA_256), RAW, 0, "MESSAGE_LENGTH"),
                     KEYD_INVALID_ARGUMENT);
    assert_int_equal(check(SPEC(ECC_NIST_P256), ALG(ECDSA_SHA_256), DIGEST, 32, ""), KEYD_OK);
    assert_int_equal(check(SPEC(ECC_NIST_P256), ALG(ECDSA_SHA_256), DIGEST, 31, "DIGEST_LENGTH"),
                     KEYD_INVALID_ARGUMENT);
    assert_int_equal(check(SPEC(ECC_NIST_P256), ALG(ECDSA_SHA_256), DIGEST, 33, "DIGEST_LENGTH"),
                     KEYD_INVALID_ARGUMENT);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    const char *mismatch = "ALGORITHM_MISMATCH";
    assert_int_equal(check(SPEC(ECC_NIST_P256), ALG(ECDSA_SHA_384), RAW, 5, mismatch),
                     KEYD_INVALID_ARGUMENT);
    assert_int_equal(check(SPEC(ECC_NIST_P256), ALG(RSASSA_PSS_SHA_256), RAW, 5, mismatch),
                     KEYD_INVALID_ARGUMENT);
    assert_int_equal(check(SPEC(ECC_NIST_P256), (signing_algorithm)99, RAW, 5, mismatch),
                     KEYD_INVALID_ARGUMENT);
    assert_int_equal(check(SPEC(ECC_NIST_EDWARDS25519), ALG(ED25519_SHA_512), DIGEST, 64,
                           "MESSAGE_TYPE_MISMATCH"),
                     KEYD_INVALID_ARGUMENT);
    assert_int_equal(check(SPEC(ECC_NIST_P256), ALG(ECDSA_SHA_256), (message_type)7, 32,
                           "MESSAGE_TYPE_MISMATCH"),
                     KEYD_INVALID_ARGUMENT);
    assert_int_equal(check((key_spec)99, ALG(ECDSA_SHA_256), RAW, 5, "KEY_SPEC"),
                     KEYD_UNIMPLEMENTED);
}

static void names_are_kms_names(void **state)
{
    (void)state;
    key_spec spec;
    signing_algorithm algorithm;
    assert_true(key_spec_parse("ECC_NIST_P256", &spec));
    assert_int_equal(spec, SPEC(ECC_NIST_P256));
    assert_false(key_spec_parse("KEY_SPEC_UNSPECIFIED", &spec));
    assert_false(key_spec_parse("ecc_nist_p256", &spec));
    assert_true(algorithm_parse("ECDSA_SHA_256", &algorithm));
    assert_string_equal(algorithm_name(ALG(RSASSA_PKCS1_V1_5_SHA_256)),
                        "RSASSA_PKCS1_V1_5_SHA_256");
    assert_string_equal(key_spec_name((key_spec)99), "UNKNOWN");
    signing_algorithm list[ALGORITHMS_PER_SPEC_MAX];
    assert_int_equal(algorithms_of(SPEC(RSA_2048), list, ALGORITHMS_PER_SPEC_MAX), 6);
    assert_int_equal(algorithms_of(SPEC(ECC_NIST_P384), list, ALGORITHMS_PER_SPEC_MAX), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_has_a_default_algorithm),
        cmocka_unit_test(lengths_are_judged_at_their_limits),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(names_are_kms_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
