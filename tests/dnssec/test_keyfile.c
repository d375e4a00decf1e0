/* SPDX-License-Identifier: BSD-2-Clause
 * Key files: round trip, modes, names, damage; and RFC 6605's key as BIND writes it. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/dnssec/keyfile.h"
#include "client/dnssec/signer.h"
#include "keyd/base/clock.h"
#include "keyd/base/encode.h"
#include "keyd/base/file.h"
#include "tests/cmocka.h"
#include "tests/dnssec/lab.h"

static const struct dnssec_algorithm *algorithm(void)
{
    return dnssec_algorithm_find(13);
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void round_trip(void **state)
{
    (void)state;
    EVP_PKEY *pkey = NULL;
    EVP_PKEY *again = NULL;
    struct dnskey key;
    struct dnskey public;
    char name[KEYFILE_NAME];
    char file[KEYFILE_NAME + 16];
    struct dname zone = lab_name("Example.org");
    assert_int_equal(keyfile_generate(algorithm(), DNSKEY_ZSK, &pkey, &key, NULL), KEYD_OK);
    assert_int_equal(
        keyfile_write(lab_path("."), zone.wire, pkey, &key, INT64_C(1795509062000), NULL), KEYD_OK);
    keyfile_name(zone.wire, &key, name);
    assert_memory_equal(name, "Kexample.org.+013+", 18);
    snprintf(file, sizeof file, "%s.private", name);
    assert_int_equal(mode_of(lab_path(file)), 0600);
    snprintf(file, sizeof file, "%s.key", name);
    assert_int_equal(mode_of(lab_path(file)), 0644);

    assert_int_equal(keyfile_load_public(lab_path("."), name, zone.wire, &public, NULL), KEYD_OK);
    assert_true(dnskey_equal(&key, &public));
    assert_int_equal(keyfile_load(lab_path("."), name, &key, &again, NULL), KEYD_OK);
    assert_int_equal(EVP_PKEY_eq(pkey, again), 1);
    EVP_PKEY_free(pkey);
    EVP_PKEY_free(again);
}

static const char rfc6605_private[] = "Private-key-format: v1.2\n"
                                      "Algorithm: 13 (ECDSAP256SHA256)\n"
                                      "PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=\n";

static struct dnskey rfc6605_key(void)
{
    struct dnskey key = {.flags = DNSKEY_KSK, .algorithm = 13};
    assert_true(base64_decode("GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+"
                              "e+MAnLr+Wi9xMWyQLc8NAA==",
                              key.key, sizeof key.key, &key.length));
    return key;
}

static enum keyd_status load_text(const char *text, const struct dnskey *key,
                                  struct keyd_error *err)
{
    EVP_PKEY *pkey = NULL;
    lab_file("Kexample.net.+013+55648.private", text);
    enum keyd_status status =
        keyfile_load(lab_path("."), "Kexample.net.+013+55648", key, &pkey, err);
    EVP_PKEY_free(pkey);
    return status;
}

static void reads_what_the_rfc_prints(void **state)
{
    (void)state;
    struct dnskey key = rfc6605_key();
    assert_int_equal(load_text(rfc6605_private, &key, NULL), KEYD_OK);
}

static void damage_is_told(void **state)
{
    (void)state;
    struct keyd_error err;
    struct dnskey key = rfc6605_key();
    assert_int_equal(load_text("hello\n", &key, &err), KEYD_DATA_LOSS);
    assert_int_equal(
        load_text("Private-key-format: v1.3\nAlgorithm: 8 (RSASHA256)\nPrivateKey: x\n", &key,
                  &err),
        KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "not of algorithm 13"));
    assert_int_equal(
        load_text("Private-key-format: v1.3\nAlgorithm: 13\nPrivateKey: AAA!\n", &key, &err),
        KEYD_DATA_LOSS);
    key.key[63] ^= 1;
    assert_int_equal(load_text(rfc6605_private, &key, &err), KEYD_DATA_LOSS);
    key = rfc6605_key();
    assert_int_equal(load_text("Private-key-format: v1.3\nAlgorithm: 13\n"
                               "PrivateKey: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\n",
                               &key, &err),
                     KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "is not the private half of the key with tag 55648"));
}

static void an_open_file_is_refused(void **state)
{
    (void)state;
    struct keyd_error err;
    EVP_PKEY *pkey = NULL;
    struct dnskey key = rfc6605_key();
    const char *path = lab_file("open.private", rfc6605_private);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(keyfile_load(lab_path("."), "open", &key, &pkey, &err),
                     KEYD_FAILED_PRECONDITION);
    assert_string_equal(err.reason, "SECRET_FILE_MODE");
    assert_int_equal(keyfile_load(lab_path("."), "none", &key, &pkey, &err),
                     KEYD_FAILED_PRECONDITION);
    assert_string_equal(err.reason, "KEY_FILE_MISSING");
}

static void names_are_safe_for_a_folder(void **state)
{
    (void)state;
    char name[KEYFILE_NAME];
    keyfile_zone_name(lab_name("0/26.2.0.192.IN-addr.arpa").wire, name);
    assert_string_equal(name, "0%2F26.2.0.192.in-addr.arpa.");
    keyfile_zone_name(lab_name(".").wire, name);
    assert_string_equal(name, ".");
    keyfile_zone_name(lab_name("\\046\\046.org").wire, name);
    assert_string_equal(name, "%2E%2E.org.");
}

/* The signature has two halves of 32 bytes, whatever DER makes of small numbers. */
static void a_signature_is_padded(void **state)
{
    (void)state;
    static const uint8_t der[] = {0x30, 0x06, 0x02, 0x01, 0x05, 0x02, 0x01, 0x07};
    static const uint8_t negative[] = {0x30, 0x06, 0x02, 0x01, 0x85, 0x02, 0x01, 0x07};
    uint8_t signature[DNSSEC_SIGNATURE_MAX];
    uint8_t wanted[64] = {0};
    wanted[31] = 5;
    wanted[63] = 7;
    assert_int_equal(signature_to_dns(algorithm(), 64, der, sizeof der, signature, NULL), KEYD_OK);
    assert_memory_equal(signature, wanted, sizeof wanted);
    assert_int_equal(signature_to_dns(algorithm(), 64, der, sizeof der - 1, signature, NULL),
                     KEYD_DATA_LOSS);
    assert_int_equal(signature_to_dns(algorithm(), 64, negative, sizeof negative, signature, NULL),
                     KEYD_DATA_LOSS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(reads_what_the_rfc_prints),
        cmocka_unit_test(damage_is_told),
        cmocka_unit_test(an_open_file_is_refused),
        cmocka_unit_test(names_are_safe_for_a_folder),
        cmocka_unit_test(a_signature_is_padded),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
