/* SPDX-License-Identifier: BSD-2-Clause
 * Keys on a real token, in this process: what the token says of a key that keyd-hsm made, and that
 * the login leaves no PIN in memory. */
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keyd/hsm/ckr.h"
#include "keyd/hsm/keys.h"
#include "keyd/hsm/login.h"
#include "keyd/hsm/signature.h"
#include "keyd/hsm/spki.h"
#include "keyd/hsm/trial.h"
#include "tests/cmocka.h"
#include "tests/hsm/lab.h"

static const key_spec spec = KEYD__V1__KEY_SPEC__ECC_NIST_P256;
static struct module module = {.call_limit_ms = 10000, .generation_limit_ms = 60000};
static struct session session;
static struct key_traits traits;
static struct keyd_error err;

static void good(enum keyd_status status)
{
    if (status != KEYD_OK)
        fail_msg("%s", err.message);
}

/* ---- The login ------------------------------------------------------------------------------- */

/* A token with a PIN that this process has never seen: a child makes both. */
static void make_canary_token(void)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char command[600];
        snprintf(command, sizeof command,
                 "umask 077; pin=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \\n'); "
                 "echo \"$pin\" > %s/canary-pin; softhsm2-util --init-token --free --label canary "
                 "--pin \"$pin\" --so-pin 31415926 > /dev/null",
                 lab_folder);
        _exit(system(command) == 0 ? 0 : 1);
    }
    assert_int_equal(lab_wait(pid), 0);
}

/* How often the needle is in this process' memory, outside of its own page. */
static int count_in_memory(const char *needle, size_t length)
{
    char line[512];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    size_t size = 1 << 20;
    char *window = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_non_null(maps);
    assert_true(memory >= 0 && window != MAP_FAILED);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from;
        unsigned long to;
        char mode[8];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[0] != 'r')
            continue;
        if ((from <= (unsigned long)needle && (unsigned long)needle < to) ||
            (from <= (unsigned long)window && (unsigned long)window < to))
            continue;
        if (to - from > 1UL << 30) /* a sanitizer's shadow: terabytes of nothing */
            continue;
        for (unsigned long at = from; at < to; at += size - 64) {
            size_t wanted = to - at < size ? to - at : size;
            ssize_t n = pread(memory, window, wanted, (off_t)at);
            if (n > 0 && memmem(window, (size_t)n, needle, length) != NULL)
                found++;
        }
    }
    OPENSSL_cleanse(window, size);
    munmap(window, size);
    fclose(maps);
    close(memory);
    return found;
}

static void the_login_leaves_no_pin_in_memory(void **state)
{
    (void)state;
    size_t page = 4096;
    struct hsm_config config = {.pin_file = (char *)(uintptr_t)lab_path("canary-pin"),
                                .pin_descriptor = -1};
    struct pin source;
    pin_prepare(&source, &config);
    struct login login = {
        .session = &session, .config = &config, .pin = &source, .record_file = lab_path("login")};
    good(login_perform(&login, &err));

    /* Guards below and above keep the kernel from merging it with a mapping that counts. */
    char *apart = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(apart != MAP_FAILED);
    char *pin = apart + page;
    assert_int_equal(mprotect(pin, page, PROT_READ | PROT_WRITE), 0);
    int fd = open(lab_path("canary-pin"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, pin, page), 17);
    close(fd);
    assert_int_equal(count_in_memory(pin, 16), 0);

    char *copy = malloc(64); /* and it would have been found */
    memcpy(copy, pin, 17);
    assert_true(count_in_memory(pin, 16) > 0);
    OPENSSL_cleanse(copy, 64);
    free(copy);
    munmap(apart, 3 * page);
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static CK_BBOOL flag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = 0xff;
    CK_ATTRIBUTE attribute = {type, &value, sizeof value};
    assert_int_equal(module.functions->C_GetAttributeValue(session.handle, object, &attribute, 1),
                     CKR_OK);
    return value;
}

static void a_key_is_what_it_should_be(void **state)
{
    (void)state;
    struct keyid id = keyid_random();
    CK_OBJECT_HANDLE private_key;
    CK_OBJECT_HANDLE public_key;
    bool used = true;
    good(keys_id_used(&session, &id, &used, &err));
    assert_false(used);
    good(keys_generate(&session, &id, spec, &err));
    good(keys_id_used(&session, &id, &used, &err));
    assert_true(used);
    good(keys_find(&session, CKO_PRIVATE_KEY, &id, &private_key, &err));
    good(keys_find(&session, CKO_PUBLIC_KEY, &id, &public_key, &err));

    static const CK_ATTRIBUTE_TYPE yes[] = {CKA_TOKEN, CKA_PRIVATE,          CKA_SENSITIVE,
                                            CKA_SIGN,  CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE,
                                            CKA_LOCAL};
    static const CK_ATTRIBUTE_TYPE no[] = {CKA_EXTRACTABLE, CKA_MODIFIABLE, CKA_COPYABLE,
                                           CKA_DECRYPT,     CKA_UNWRAP,     CKA_DERIVE};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_int_equal(flag(private_key, yes[i]), CK_TRUE);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_int_equal(flag(private_key, no[i]), CK_FALSE);
    assert_int_equal(flag(public_key, CKA_TOKEN), CK_TRUE);
    assert_int_equal(flag(public_key, CKA_MODIFIABLE), CK_FALSE);

    char label[64];
    char text[KEYID_TEXT];
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, sizeof label};
    assert_int_equal(
        module.functions->C_GetAttributeValue(session.handle, private_key, &attribute, 1), CKR_OK);
    keyid_format(&id, text);
    assert_int_equal(attribute.ulValueLen, KEYID_TEXT - 1);
    assert_memory_equal(label, text, KEYID_TEXT - 1);
    good(keys_judge(&session, private_key, spec, &traits, &err));
}

static void it_signs_what_openssl_verifies(void **state)
{
    (void)state;
    struct keyid id = keyid_random();
    CK_OBJECT_HANDLE private_key;
    CK_OBJECT_HANDLE public_key;
    uint8_t *der = NULL;
    size_t size = 0;
    good(keys_generate(&session, &id, spec, &err));
    good(keys_find(&session, CKO_PRIVATE_KEY, &id, &private_key, &err));
    good(keys_find(&session, CKO_PUBLIC_KEY, &id, &public_key, &err));
    good(spki_read(&session, public_key, spec, &der, &size, &err));
    ProtobufCBinaryData spki = {size, der};
    for (unsigned i = 0; i < 300; i++) { /* r and s of all lengths that come up */
        uint8_t digest[32] = {(uint8_t)i, (uint8_t)(i >> 8)};
        uint8_t signature[SIGNATURE_MAX];
        ProtobufCBinaryData made = {0, signature};
        good(signature_make(&session, private_key, spec, KEYD__V1__SIGNING_ALGORITHM__ECDSA_SHA_256,
                            digest, sizeof digest, signature, &made.len, &err));
        assert_true(lab_verifies(&spki, digest, sizeof digest, &made));
    }
    good(signature_prove(&session, private_key, spec, &id, der, size, &err));

    struct keyid other = keyid_random(); /* a half that is not this one's */
    CK_OBJECT_HANDLE stranger;
    good(keys_generate(&session, &other, spec, &err));
    good(keys_find(&session, CKO_PRIVATE_KEY, &other, &stranger, &err));
    assert_int_equal(signature_prove(&session, stranger, spec, &id, der, size, &err),
                     KEYD_DATA_LOSS);
    assert_string_equal(err.reason, "KEY_MISMATCH");
    OPENSSL_free(der);
}

static void a_destroyed_key_is_gone(void **state)
{
    (void)state;
    struct keyid id = keyid_random();
    size_t destroyed = 0;
    bool used = true;
    good(keys_generate(&session, &id, spec, &err));
    good(keys_destroy(&session, &id, &destroyed, &err));
    assert_int_equal(destroyed, 2);
    good(keys_id_used(&session, &id, &used, &err));
    assert_false(used);
    good(keys_destroy(&session, &id, &destroyed, &err));
    assert_int_equal(destroyed, 0);
}

static size_t objects(CK_BBOOL on_token)
{
    CK_ATTRIBUTE template = {CKA_TOKEN, &on_token, sizeof on_token};
    CK_OBJECT_HANDLE handles[256];
    CK_ULONG count = 0;
    assert_int_equal(module.functions->C_FindObjectsInit(session.handle, &template, 1), CKR_OK);
    assert_int_equal(module.functions->C_FindObjects(session.handle, handles, 256, &count), CKR_OK);
    assert_int_equal(module.functions->C_FindObjectsFinal(session.handle), CKR_OK);
    return count;
}

/* For the session it is the same pair: only where it lives is another. */
static void a_pair_for_the_session_is_not_on_the_token(void **state)
{
    (void)state;
    struct keyid id = keyid_random();
    CK_OBJECT_HANDLE private_key;
    size_t destroyed = 0;
    size_t before = objects(CK_TRUE);
    good(keys_generate_for_session(&session, &id, spec, &private_key, &err));
    assert_int_equal(flag(private_key, CKA_TOKEN), CK_FALSE);
    assert_int_equal(flag(private_key, CKA_PRIVATE), CK_TRUE);
    assert_int_equal(flag(private_key, CKA_MODIFIABLE), CK_FALSE);
    good(keys_judge(&session, private_key, spec, &traits, &err));
    assert_true(traits.known && !traits.always_authenticate && !traits.copyable);
    assert_int_equal(objects(CK_TRUE), before);
    assert_int_equal(objects(CK_FALSE), 2);
    good(keys_destroy(&session, &id, &destroyed, &err));
    assert_int_equal(destroyed, 2);
}

static void a_trial_tells_and_leaves_nothing(void **state)
{
    (void)state;
    size_t before = objects(CK_TRUE);
    traits = (struct key_traits){0};
    good(trial_make(&session, trial_spec(&session), &traits, &err));
    assert_true(traits.known && !traits.always_authenticate && !traits.copyable);
    assert_int_equal(objects(CK_TRUE), before);
    assert_int_equal(objects(CK_FALSE), 0);
}

/* The cheapest, and RSA never. */
static void a_trial_is_of_what_the_token_offers(void **state)
{
    (void)state;
    static const struct mechanism_offer any = {true, 0, 0};
    struct module token = {.label = "token"};
    struct session there = {.module = &token};
    assert_int_equal(trial_spec(&there), KEYD__V1__KEY_SPEC__KEY_SPEC_UNSPECIFIED);
    token.offers[MECHANISM_RSA_PKCS_KEY_PAIR_GEN] = token.offers[MECHANISM_RSA_PKCS] = any;
    token.offers[MECHANISM_EC_KEY_PAIR_GEN] = any; /* which sign by nothing */
    assert_int_equal(trial_spec(&there), KEYD__V1__KEY_SPEC__KEY_SPEC_UNSPECIFIED);
    token.offers[MECHANISM_EC_EDWARDS_KEY_PAIR_GEN] = token.offers[MECHANISM_EDDSA] = any;
    assert_int_equal(trial_spec(&there), KEYD__V1__KEY_SPEC__ECC_NIST_EDWARDS25519);
    token.offers[MECHANISM_ECDSA] = (struct mechanism_offer){true, 384, 521};
    assert_int_equal(trial_spec(&there), KEYD__V1__KEY_SPEC__ECC_NIST_P384);
    token.offers[MECHANISM_ECDSA] = any;
    assert_int_equal(trial_spec(&there), KEYD__V1__KEY_SPEC__ECC_NIST_P256);
}

static void foreign_objects_are_neither_used_nor_destroyed(void **state)
{
    (void)state;
    struct keyid id = keyid_random();
    CK_OBJECT_HANDLE handle;
    CK_ULONG bits = 1024;
    CK_BBOOL yes = CK_TRUE;
    char label[] = "somebody else's";
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public_half[] = {{CKA_MODULUS_BITS, &bits, sizeof bits},
                                  {CKA_TOKEN, &yes, sizeof yes},
                                  {CKA_ID, id.bytes, KEYID_SIZE},
                                  {CKA_LABEL, label, sizeof label - 1}};
    CK_ATTRIBUTE private_half[] = {{CKA_TOKEN, &yes, sizeof yes},
                                   {CKA_ID, id.bytes, KEYID_SIZE},
                                   {CKA_LABEL, label, sizeof label - 1}};
    CK_OBJECT_HANDLE public_key;
    assert_int_equal(module.functions->C_GenerateKeyPair(session.handle, &mechanism, public_half, 4,
                                                         private_half, 3, &public_key, &handle),
                     CKR_OK);
    assert_int_equal(keys_judge(&session, handle, spec, &traits, &err), KEYD_FAILED_PRECONDITION);
    assert_string_equal(err.reason, "KEY_ATTRIBUTES");
    size_t destroyed = 0;
    bool used = false;
    good(keys_destroy(&session, &id, &destroyed, &err));
    assert_int_equal(destroyed, 0);
    good(keys_id_used(&session, &id, &used, &err));
    assert_true(used);
}

static void keys_are_listed_by_id(void **state)
{
    (void)state;
    struct key_list list;
    good(keys_list(&session, CKO_PRIVATE_KEY, &list, &err));
    assert_true(list.count >= 3);
    assert_int_equal(list.nameless + list.unread, 0);
    for (size_t i = 1; i < list.count; i++)
        assert_true(keyid_compare(&list.objects[i - 1].id, &list.objects[i].id) < 0);
    keys_free(&list);
    bool any = false;
    good(keys_any(&session, &any, &err));
    assert_true(any);
    struct keyid id = keyid_random();
    CK_OBJECT_HANDLE handle;
    assert_int_equal(keys_find(&session, CKO_PRIVATE_KEY, &id, &handle, &err), KEYD_NOT_FOUND);
}

/* As SoftHSM leaves it when a process is killed while it makes a pair. */
static void a_key_without_an_id_is_counted_and_left_alone(void **state)
{
    (void)state;
    CK_BBOOL yes = CK_TRUE;
    CK_ULONG bits = 1024;
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public_half[] = {{CKA_MODULUS_BITS, &bits, sizeof bits},
                                  {CKA_TOKEN, &yes, sizeof yes}};
    CK_ATTRIBUTE private_half[] = {{CKA_TOKEN, &yes, sizeof yes}};
    CK_OBJECT_HANDLE handle;
    CK_OBJECT_HANDLE public_key;
    struct key_list before;
    struct key_list after;
    good(keys_list(&session, CKO_PRIVATE_KEY, &before, &err));
    assert_int_equal(module.functions->C_GenerateKeyPair(session.handle, &mechanism, public_half, 2,
                                                         private_half, 1, &public_key, &handle),
                     CKR_OK);
    good(keys_list(&session, CKO_PRIVATE_KEY, &after, &err));
    assert_int_equal(after.count, before.count);
    assert_int_equal(after.nameless, before.nameless + 1);
    assert_int_equal(after.unread, 0);
    keys_free(&before);
    keys_free(&after);
}

static const key_spec quick[] = {
    KEYD__V1__KEY_SPEC__ECC_NIST_P256,
    KEYD__V1__KEY_SPEC__ECC_NIST_P384,
    KEYD__V1__KEY_SPEC__ECC_NIST_EDWARDS25519,
    KEYD__V1__KEY_SPEC__RSA_2048,
    KEYD__V1__KEY_SPEC__RSA_3072,
};
#define QUICK (sizeof quick / sizeof quick[0])

/* SoftHSM crashes on a mechanism that is not for the key's type: neither a key that is another
 * than on record nor an algorithm that is another key's comes so far. */
static void a_key_is_judged_by_its_spec(void **state)
{
    (void)state;
    uint8_t data[64] = {1};
    uint8_t signature[SIGNATURE_MAX];
    size_t size = 0;
    for (size_t i = 0; i < QUICK; i++) {
        struct keyid id = keyid_random();
        CK_OBJECT_HANDLE private_key;
        CK_OBJECT_HANDLE public_key;
        uint8_t *der = NULL;
        good(keys_generate(&session, &id, quick[i], &err));
        good(keys_find(&session, CKO_PRIVATE_KEY, &id, &private_key, &err));
        good(keys_find(&session, CKO_PUBLIC_KEY, &id, &public_key, &err));
        good(spki_read(&session, public_key, quick[i], &der, &size, &err));
        good(signature_prove(&session, private_key, quick[i], &id, der, size, &err));
        OPENSSL_free(der);
        for (size_t k = 0; k < QUICK; k++) {
            if (k == i) {
                good(keys_judge(&session, private_key, quick[k], &traits, &err));
                continue;
            }
            assert_int_equal(keys_judge(&session, private_key, quick[k], &traits, &err),
                             KEYD_FAILED_PRECONDITION);
            assert_string_equal(err.reason, "KEY_ATTRIBUTES");
            assert_int_not_equal(spki_read(&session, public_key, quick[k], &der, &size, &err),
                                 KEYD_OK);
        }
        for (int a = 1; algorithm_find((signing_algorithm)a) != NULL; a++) {
            const struct algorithm_row *row = algorithm_find((signing_algorithm)a);
            if (algorithm_fits(row, key_spec_find(quick[i])))
                continue;
            assert_int_equal(signature_make(&session, private_key, quick[i], row->algorithm, data,
                                            row->digest_size, signature, &size, &err),
                             KEYD_INTERNAL);
            assert_string_equal(err.reason, "ALGORITHM_MISMATCH");
        }
    }
}

/* Tools name the curve by its OID or by its name; a token gives back what it was given. */
static void a_curve_may_go_by_its_name(void **state)
{
    (void)state;
    const key_spec edwards = KEYD__V1__KEY_SPEC__ECC_NIST_EDWARDS25519;
    struct keyid id = keyid_random();
    char curve[] = "\x13\x0c"
                   "edwards25519";
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_MECHANISM mechanism = {CKM_EC_EDWARDS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public_half[] = {{CKA_EC_PARAMS, curve, sizeof curve - 1}};
    CK_ATTRIBUTE private_half[] = {{CKA_SIGN, &yes, sizeof yes},
                                   {CKA_SENSITIVE, &yes, sizeof yes},
                                   {CKA_EXTRACTABLE, &no, sizeof no}};
    CK_OBJECT_HANDLE public_key;
    CK_OBJECT_HANDLE private_key;
    uint8_t *der = NULL;
    size_t size = 0;
    assert_int_equal(module.functions->C_GenerateKeyPair(session.handle, &mechanism, public_half, 1,
                                                         private_half, 3, &public_key,
                                                         &private_key),
                     CKR_OK);
    good(keys_judge(&session, private_key, edwards, &traits, &err));
    good(spki_read(&session, public_key, edwards, &der, &size, &err));
    good(signature_prove(&session, private_key, edwards, &id, der, size, &err));
    OPENSSL_free(der);
}

static void a_mechanism_is_offered_for_sizes_in_bits(void **state)
{
    (void)state;
    struct module small = {.label = "small"};
    struct mechanism_offer *offer = &small.offers[MECHANISM_RSA_PKCS_KEY_PAIR_GEN];
    assert_int_equal(module_offers(&small, MECHANISM_RSA_PKCS_KEY_PAIR_GEN, 2048, &err),
                     KEYD_UNIMPLEMENTED);
    assert_string_equal(err.reason, "MECHANISM");
    *offer = (struct mechanism_offer){true, 3072, 3072};
    good(module_offers(&small, MECHANISM_RSA_PKCS_KEY_PAIR_GEN, 0, &err));
    good(module_offers(&small, MECHANISM_RSA_PKCS_KEY_PAIR_GEN, 3072, &err));
    assert_int_equal(module_offers(&small, MECHANISM_RSA_PKCS_KEY_PAIR_GEN, 2048, &err),
                     KEYD_UNIMPLEMENTED);
    assert_int_equal(module_offers(&small, MECHANISM_RSA_PKCS_KEY_PAIR_GEN, 4096, &err),
                     KEYD_UNIMPLEMENTED);
    assert_string_equal(err.message,
                        "the token 'small' offers CKM_RSA_PKCS_KEY_PAIR_GEN for keys of 3072 to "
                        "3072 bits, and not of 4096");
    *offer = (struct mechanism_offer){true, 64, 512}; /* bytes */
    good(module_offers(&small, MECHANISM_RSA_PKCS_KEY_PAIR_GEN, 4096, &err));
}

static void unknown_specs_are_not_offered(void **state)
{
    (void)state;
    struct keyid id = keyid_random();
    assert_int_equal(keys_generate(&session, &id, (key_spec)99, &err), KEYD_UNIMPLEMENTED);
    assert_string_equal(err.reason, "KEY_SPEC");
}

static void what_a_module_answers_has_a_name_and_a_status(void **state)
{
    (void)state;
    assert_int_equal(ckr_fail(&err, CKR_DEVICE_REMOVED, "C_Sign"), KEYD_UNAVAILABLE);
    assert_string_equal(err.reason, REASON_TOKEN_GONE);
    assert_non_null(strstr(err.message, "C_Sign: CKR_DEVICE_REMOVED (0x32): "));
    assert_true(ckr_is_gone(CKR_SESSION_HANDLE_INVALID));
    assert_true(ckr_is_gone(CKR_USER_NOT_LOGGED_IN));
    assert_true(ckr_is_gone(CKR_TOKEN_NOT_PRESENT));
    assert_false(ckr_is_gone(CKR_OK));
    assert_false(ckr_is_gone(CKR_DEVICE_MEMORY));
    assert_false(ckr_is_gone(CKR_VENDOR_DEFINED | 7));
    assert_string_equal(ckr_name(CKR_OK), "CKR_OK");
    assert_int_equal(ckr_fail(&err, CKR_VENDOR_DEFINED | 7, "C_Sign"), KEYD_INTERNAL);
    assert_non_null(strstr(err.message, "CKR_VENDOR_DEFINED (0x80000007)"));
    assert_int_equal(ckr_fail(&err, 0x7777, "C_Sign"), KEYD_INTERNAL);
}

static int open_token(void **state)
{
    lab_open(state);
    make_canary_token();
    good(module_load(&module, lab_softhsm(), "canary", NULL, &err));
    assert_string_equal(module.label, "canary");
    good(session_open(&session, &module, true, &err));
    return 0;
}

static int close_token(void **state)
{
    module_finalize(&module);
    return lab_close(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_login_leaves_no_pin_in_memory),
        cmocka_unit_test(a_key_is_what_it_should_be),
        cmocka_unit_test(it_signs_what_openssl_verifies),
        cmocka_unit_test(a_destroyed_key_is_gone),
        cmocka_unit_test(a_pair_for_the_session_is_not_on_the_token),
        cmocka_unit_test(a_trial_tells_and_leaves_nothing),
        cmocka_unit_test(a_trial_is_of_what_the_token_offers),
        cmocka_unit_test(foreign_objects_are_neither_used_nor_destroyed),
        cmocka_unit_test(keys_are_listed_by_id),
        cmocka_unit_test(a_key_without_an_id_is_counted_and_left_alone),
        cmocka_unit_test(a_key_is_judged_by_its_spec),
        cmocka_unit_test(a_curve_may_go_by_its_name),
        cmocka_unit_test(a_mechanism_is_offered_for_sizes_in_bits),
        cmocka_unit_test(unknown_specs_are_not_offered),
        cmocka_unit_test(what_a_module_answers_has_a_name_and_a_status),
    };
    return cmocka_run_group_tests(tests, open_token, close_token);
}
