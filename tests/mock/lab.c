/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The mock on the bench. */
#include "tests/mock/lab.h"

#include <dirent.h>
#include <dlfcn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/cmocka.h"

#define FILE_SIZE_MAX 65536
#define VALUE_MAX     1024
#define MESSAGE_BYTE  0x11

CK_FUNCTION_LIST *lab;
CK_SLOT_ID lab_slot;
static char folder[64];

static const struct {
    CK_MECHANISM_TYPE generate;
    const char *parameters;
    size_t parameters_size;
    const char *group;
    size_t field_size;
} kinds[LAB_KINDS] = {
    [LAB_P256] = {CKM_EC_KEY_PAIR_GEN, "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10, "P-256", 32},
    [LAB_P384] = {CKM_EC_KEY_PAIR_GEN, "\x06\x05\x2b\x81\x04\x00\x22", 7, "P-384", 48},
    [LAB_ED25519] = {CKM_EC_EDWARDS_KEY_PAIR_GEN, "\x06\x03\x2b\x65\x70", 5, NULL, 32},
    [LAB_RSA] = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0, NULL, 0},
};

/* ---- The module and its files ------------------------------------------------------------------
 */

const char *lab_path(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % LAB_COUNT(paths)];
    int length = snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    assert_in_range(length, 1, sizeof paths[0] - 1);
    return path;
}

char *lab_read(const char *name)
{
    char *text = calloc(1, FILE_SIZE_MAX);
    FILE *file = fopen(lab_path(name), "re");
    assert_non_null(text);
    assert_non_null(file);
    assert_true(fread(text, 1, FILE_SIZE_MAX - 1, file) < FILE_SIZE_MAX - 1);
    fclose(file);
    return text;
}

void lab_faults(const char *rules)
{
    FILE *file = fopen(lab_path("faults.new"), "we");
    assert_non_null(file);
    fputs(rules, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(lab_path("faults.new"), lab_path("faults")), 0);
}

unsigned long lab_count(const char *name)
{
    char *text = lab_read("counts");
    char *rest = NULL;
    unsigned long count = 0;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ' ')
            count = strtoul(line + strlen(name), NULL, 10);
    free(text);
    return count;
}

static void set_environment(void)
{
    setenv("KEYD_MOCK_TOKENS", "first=" LAB_SERIAL ",second=" LAB_OTHER, 1);
    setenv("KEYD_MOCK_PIN", LAB_PIN, 1);
    setenv("KEYD_MOCK_STATE", lab_path("state"), 1);
    setenv("KEYD_MOCK_COUNTS", lab_path("counts"), 1);
    setenv("KEYD_MOCK_FAULTS_FILE", lab_path("faults"), 1);
    unsetenv("KEYD_MOCK_FAULTS");
    unsetenv("KEYD_MOCK_PIN_TRIES");
}

static void initialize(void)
{
    CK_ULONG count = 1;
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    LAB_OK(lab->C_Initialize(&args));
    CK_RV rv = lab->C_GetSlotList(CK_FALSE, &lab_slot, &count);
    assert_true(rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL);
}

int lab_open(void **state)
{
    (void)state;
    CK_C_GetFunctionList get = NULL;
    snprintf(folder, sizeof folder, "/tmp/keyd-mock.XXXXXX");
    assert_non_null(mkdtemp(folder));
    set_environment();
    void *library = dlopen(KEYD_TESTS "/mock.so", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        fail_msg("%s", dlerror());
    *(void **)&get = dlsym(library, "C_GetFunctionList");
    assert_non_null(get);
    LAB_OK(get(&lab));
    initialize();
    return 0;
}

int lab_close(void **state)
{
    (void)state;
    struct dirent *entry;
    lab_faults("");
    LAB_OK(lab->C_Finalize(NULL));
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            unlink(lab_path(entry->d_name));
    closedir(dir);
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

void lab_again(void)
{
    LAB_OK(lab->C_Finalize(NULL));
    initialize();
}

int lab_in_child(void (*work)(void))
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
        setenv("CMOCKA_TEST_ABORT", "1", 1); /* what fails here is no test of the parent's */
        signal(SIGSEGV, SIG_DFL);            /* neither cmocka's nor a sanitizer's */
        if (freopen("/dev/null", "w", stderr) == NULL || lab->C_Initialize(&args) != CKR_OK)
            _exit(120);
        work();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* ---- Sessions ----------------------------------------------------------------------------------
 */

CK_SESSION_HANDLE lab_session(CK_FLAGS flags)
{
    CK_SESSION_HANDLE session;
    LAB_OK(lab->C_OpenSession(lab_slot, CKF_SERIAL_SESSION | flags, NULL, NULL, &session));
    return session;
}

CK_SESSION_HANDLE lab_login(void)
{
    CK_SESSION_HANDLE session = lab_session(CKF_RW_SESSION);
    LAB_OK(lab->C_Login(session, CKU_USER, (unsigned char *)LAB_PIN, sizeof LAB_PIN - 1));
    return session;
}

CK_FLAGS lab_token_flags(void)
{
    CK_TOKEN_INFO info;
    LAB_OK(lab->C_GetTokenInfo(lab_slot, &info));
    return info.flags;
}

/* ---- Keys --------------------------------------------------------------------------------------
 */

CK_RV lab_try(CK_SESSION_HANDLE session, enum lab_kind kind, uint8_t id, const CK_ATTRIBUTE *more,
              struct lab_key *key)
{
    CK_BBOOL yes = CK_TRUE;
    CK_ULONG bits = 2048;
    CK_ATTRIBUTE public_half[] = {
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_ID, &id, sizeof id},
        {CKA_EC_PARAMS, (void *)kinds[kind].parameters, kinds[kind].parameters_size},
    };
    CK_ATTRIBUTE private_half[] = {
        {CKA_TOKEN, &yes, sizeof yes}, {CKA_ID, &id, sizeof id}, {CKA_SIGN, &yes, sizeof yes}};
    if (kind == LAB_RSA)
        public_half[2] = (CK_ATTRIBUTE){CKA_MODULUS_BITS, &bits, sizeof bits};
    if (more != NULL)
        private_half[2] = *more;
    CK_MECHANISM mechanism = {kinds[kind].generate, NULL, 0};
    return lab->C_GenerateKeyPair(session, &mechanism, public_half, LAB_COUNT(public_half),
                                  private_half, LAB_COUNT(private_half), &key->public_half,
                                  &key->private_half);
}

struct lab_key lab_make(CK_SESSION_HANDLE session, enum lab_kind kind, uint8_t id)
{
    struct lab_key key;
    LAB_OK(lab_try(session, kind, id, NULL, &key));
    return key;
}

static EVP_PKEY *from_data(const char *type, OSSL_PARAM *parameters)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    assert_non_null(ctx);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, parameters), 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *rsa_public(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE public_half)
{
    uint8_t modulus[VALUE_MAX];
    uint8_t exponent[VALUE_MAX];
    CK_ATTRIBUTE values[] = {{CKA_MODULUS, modulus, sizeof modulus},
                             {CKA_PUBLIC_EXPONENT, exponent, sizeof exponent}};
    LAB_OK(lab->C_GetAttributeValue(session, public_half, values, 2));
    BIGNUM *n = BN_bin2bn(modulus, (int)values[0].ulValueLen, NULL);
    BIGNUM *e = BN_bin2bn(exponent, (int)values[1].ulValueLen, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e), 1);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY *key = from_data("RSA", parameters);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    BN_free(e);
    return key;
}

EVP_PKEY *lab_public(CK_SESSION_HANDLE session, enum lab_kind kind, CK_OBJECT_HANDLE public_half)
{
    uint8_t point[VALUE_MAX];
    CK_ATTRIBUTE value = {CKA_EC_POINT, point, sizeof point};
    if (kind == LAB_RSA)
        return rsa_public(session, public_half);
    LAB_OK(lab->C_GetAttributeValue(session, public_half, &value, 1));
    assert_int_equal(point[0], 0x04); /* an OCTET STRING */
    assert_int_equal(point[1], value.ulValueLen - 2);
    if (kind == LAB_ED25519)
        return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point + 2, 32);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)kinds[kind].group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point + 2, point[1]),
        OSSL_PARAM_construct_end(),
    };
    return from_data("EC", parameters);
}

CK_RV lab_sign(CK_SESSION_HANDLE session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
               size_t digest_size, uint8_t *signature, CK_ULONG *length)
{
    uint8_t digest[VALUE_MAX];
    memset(digest, MESSAGE_BYTE, sizeof digest);
    CK_RV rv = lab->C_SignInit(session, (CK_MECHANISM *)mechanism, key);
    return rv == CKR_OK ? lab->C_Sign(session, digest, digest_size, signature, length) : rv;
}

static bool verifies_ecdsa(EVP_PKEY *key, const uint8_t *digest, size_t digest_size,
                           const uint8_t *signature, CK_ULONG length)
{
    unsigned char *der = NULL;
    ECDSA_SIG *parts = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, (int)length / 2, NULL);
    BIGNUM *s = BN_bin2bn(signature + length / 2, (int)length / 2, NULL);
    assert_int_equal(ECDSA_SIG_set0(parts, r, s), 1);
    int size = i2d_ECDSA_SIG(parts, &der);
    assert_true(size > 0);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
    bool good = EVP_PKEY_verify(ctx, der, (size_t)size, digest, digest_size) == 1;
    EVP_PKEY_CTX_free(ctx);
    OPENSSL_free(der);
    ECDSA_SIG_free(parts);
    return good;
}

bool lab_verifies(EVP_PKEY *key, size_t digest_size, const uint8_t *signature, CK_ULONG length)
{
    uint8_t digest[VALUE_MAX];
    memset(digest, MESSAGE_BYTE, sizeof digest);
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
        return verifies_ecdsa(key, digest, digest_size, signature, length);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key), 1);
    bool good = EVP_DigestVerify(ctx, signature, length, digest, digest_size) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

CK_ULONG lab_find(CK_SESSION_HANDLE session, uint8_t id, CK_OBJECT_HANDLE *handles, CK_ULONG max)
{
    CK_ULONG count = 0;
    CK_ATTRIBUTE template = {CKA_ID, &id, sizeof id};
    LAB_OK(lab->C_FindObjectsInit(session, &template, 1));
    LAB_OK(lab->C_FindObjects(session, handles, max, &count));
    LAB_OK(lab->C_FindObjectsFinal(session));
    return count;
}
