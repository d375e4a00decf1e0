/* SPDX-License-Identifier: BSD-2-Clause
 * Key files: round trip, modes, names, damage; and RFC 6605's key as BIND writes it. */
#include <stdlib.h>
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

static void round_trip_of(const struct dnssec_algorithm *row)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY *again = NULL;
    struct dnskey key;
    struct dnskey public;
    char name[KEYFILE_NAME];
    char file[KEYFILE_NAME + 16];
    struct dname zone = lab_name("Example.org");
    assert_int_equal(keyfile_generate(row, DNSKEY_ZSK, &pkey, &key, NULL), KEYD_OK);
    assert_int_equal(
        keyfile_write(lab_path("."), zone.wire, pkey, &key, INT64_C(1795509062000), NULL), KEYD_OK);
    keyfile_name(zone.wire, &key, name);
    snprintf(file, sizeof file, "Kexample.org.+%03u+", row->number);
    assert_memory_equal(name, file, 18);
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

static void round_trip(void **state)
{
    (void)state;
    const struct dnssec_algorithm *row = NULL;
    size_t count = 0;
    for (; (row = dnssec_algorithm_at(count)) != NULL; count++)
        round_trip_of(row);
    assert_int_equal(count, 5);
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

/* RFC 6605, 6.2, and RFC 8080, 6.1. */
static void reads_what_other_rfcs_print(void **state)
{
    (void)state;
    static const struct {
        unsigned algorithm;
        const char *public;
        const char *text;
    } rows[] = {
        {14,
         "xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/"
         "uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
         "Private-key-format: v1.2\nAlgorithm: 14 (ECDSAP384SHA384)\nPrivateKey: "
         "WURgWHCcYIYUPWgeLmiPY2DJJk02vgrmTfitxgqcL4vwW7BOrbawVmVe0d9V94SR\n"},
        {15, "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
         "Private-key-format: v1.2\nAlgorithm: 15 (ED25519)\nPrivateKey: "
         "ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dnskey key = {.flags = DNSKEY_KSK, .algorithm = (uint8_t)rows[i].algorithm};
        assert_true(base64_decode(rows[i].public, key.key, sizeof key.key, &key.length));
        assert_int_equal(load_text(rows[i].text, &key, NULL), KEYD_OK);
        key.key[5] ^= 1;
        assert_int_equal(load_text(rows[i].text, &key, NULL), KEYD_DATA_LOSS);
    }
}

/* Each of RSA's eight numbers counts, as does the modulus being the DNSKEY's. */
static void damage_of_rsa_is_told(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "Modulus: ", "PublicExponent: ", "PrivateExponent: ", "Prime1: ",
        "Prime2: ",  "Exponent1: ",      "Exponent2: ",       "Coefficient: "};
    EVP_PKEY *pkey = NULL;
    struct dnskey key;
    char name[KEYFILE_NAME];
    char file[KEYFILE_NAME + 16];
    char *text = NULL;
    size_t size = 0;
    struct keyd_error err;
    struct dname zone = lab_name("damaged.org");
    const struct dnssec_algorithm *rsa = dnssec_algorithm_find(8);
    assert_int_equal(keyfile_generate(rsa, DNSKEY_ZSK, &pkey, &key, NULL), KEYD_OK);
    assert_int_equal(keyfile_write(lab_path("."), zone.wire, pkey, &key, 0, NULL), KEYD_OK);
    EVP_PKEY_free(pkey);
    keyfile_name(zone.wire, &key, name);
    snprintf(file, sizeof file, "%s.private", name);
    assert_int_equal(file_read(lab_path(file), 8192, &text, &size, NULL), KEYD_OK);
    assert_int_equal(load_text(text, &key, &err), KEYD_OK);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        char line[32];
        snprintf(line, sizeof line, "\n%s", fields[i]);
        char *at = strstr(text, line);
        assert_non_null(at);
        char *digit = at + strlen(line) + 1;
        char kept = *digit;
        *digit = kept == 'B' ? 'C' : 'B';
        if (load_text(text, &key, &err) != KEYD_DATA_LOSS)
            fail_msg("a damaged %s is taken", fields[i]);
        *digit = '!';
        assert_int_equal(load_text(text, &key, &err), KEYD_DATA_LOSS);
        assert_non_null(strstr(err.message, "is missing or damaged"));
        *digit = kept;
        at[1] = 'X';
        assert_int_equal(load_text(text, &key, &err), KEYD_DATA_LOSS);
        assert_non_null(strstr(err.message, "is missing or damaged"));
        at[1] = fields[i][0];
    }
    key.key[key.length - 1] ^= 2;
    assert_int_equal(load_text(text, &key, &err), KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "is not the private half"));
    free(text);
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

/* RSA's and Ed25519's have DNSSEC's form already; only the length can be wrong. */
static void a_bare_signature_has_its_length(void **state)
{
    (void)state;
    static const struct {
        unsigned algorithm;
        size_t length;
    } rows[] = {{8, 256}, {10, 512}, {15, 64}};
    uint8_t data[DNSSEC_SIGNATURE_MAX + 1];
    memset(data, 7, sizeof data);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t signature[DNSSEC_SIGNATURE_MAX];
        const struct dnssec_algorithm *row = dnssec_algorithm_find(rows[i].algorithm);
        size_t length = rows[i].length;
        assert_int_equal(signature_to_dns(row, length, data, length, signature, NULL), KEYD_OK);
        assert_memory_equal(signature, data, length);
        assert_int_equal(signature_to_dns(row, length, data, length - 1, signature, NULL),
                         KEYD_DATA_LOSS);
        assert_int_equal(signature_to_dns(row, length, data, length + 1, signature, NULL),
                         KEYD_DATA_LOSS);
        assert_int_equal(signature_to_dns(row, 0, data, 0, signature, NULL), KEYD_DATA_LOSS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(reads_what_the_rfc_prints),
        cmocka_unit_test(reads_what_other_rfcs_print),
        cmocka_unit_test(damage_of_rsa_is_told),
        cmocka_unit_test(damage_is_told),
        cmocka_unit_test(an_open_file_is_refused),
        cmocka_unit_test(names_are_safe_for_a_folder),
        cmocka_unit_test(a_signature_is_padded),
        cmocka_unit_test(a_bare_signature_has_its_length),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
