/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A token's own ceiling: C_SignInit + C_Sign of P-256 over 32-byte digests, on a key that it makes
 * for itself and destroys again. Prints signatures per second.
 *
 *     ceiling MODULE LABEL PIN_FILE THREADS SECONDS
 */
#include <dlfcn.h>
#include <err.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/clock.h"
#include "keyd/base/secret.h"

#define THREADS_MAX 64
#define SLOTS_MAX   64

struct worker {
    pthread_t thread;
    CK_SESSION_HANDLE session;
    unsigned long signatures;
};

static CK_FUNCTION_LIST_PTR module;
static CK_OBJECT_HANDLE private_key;
static int64_t end_ns;

static void must(CK_RV rv, const char *call)
{
    if (rv != CKR_OK)
        errx(1, "%s: CK_RV 0x%lx", call, rv);
}

static void load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        errx(1, "%s", dlerror());
    CK_C_GetFunctionList get = NULL;
    *(void **)&get = dlsym(library, "C_GetFunctionList");
    if (get == NULL)
        errx(1, "%s has no C_GetFunctionList", path);
    must(get(&module), "C_GetFunctionList");
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    must(module->C_Initialize(&args), "C_Initialize");
}

static CK_SLOT_ID find_slot(const char *label)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    must(module->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (module->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            memcmp(info.label, label, strlen(label)) == 0 &&
            (strlen(label) == sizeof info.label || info.label[strlen(label)] == ' '))
            return slots[i];
    }
    errx(1, "no token is labelled '%s'", label);
}

static CK_SESSION_HANDLE open_session(CK_SLOT_ID slot)
{
    CK_SESSION_HANDLE session;
    must(module->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
         "C_OpenSession");
    return session;
}

static void login(CK_SESSION_HANDLE session, const char *pin_file)
{
    struct keyd_secret *pin;
    struct keyd_error error;
    if (keyd_secret_read(pin_file, 255, &pin, &error) != KEYD_OK)
        errx(1, "%s", error.message);
    must(module->C_Login(session, CKU_USER, pin->data, pin->length), "C_Login");
    keyd_secret_free(pin);
}

static void make_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *public_key)
{
    CK_BYTE p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE public_template[] = {{CKA_EC_PARAMS, p256, sizeof p256},
                                      {CKA_TOKEN, &yes, sizeof yes},
                                      {CKA_VERIFY, &yes, sizeof yes}};
    CK_ATTRIBUTE private_template[] = {{CKA_TOKEN, &yes, sizeof yes},
                                       {CKA_PRIVATE, &yes, sizeof yes},
                                       {CKA_SIGN, &yes, sizeof yes},
                                       {CKA_SENSITIVE, &yes, sizeof yes},
                                       {CKA_EXTRACTABLE, &no, sizeof no}};
    CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    must(module->C_GenerateKeyPair(session, &mechanism, public_template, 3, private_template, 5,
                                   public_key, &private_key),
         "C_GenerateKeyPair");
}

static void *sign_until_the_end(void *context)
{
    struct worker *worker = context;
    CK_BYTE digest[32] = {1};
    while (clock_monotonic_ns() < end_ns) {
        CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
        CK_BYTE signature[64];
        CK_ULONG length = sizeof signature;
        must(module->C_SignInit(worker->session, &mechanism, private_key), "C_SignInit");
        must(module->C_Sign(worker->session, digest, sizeof digest, signature, &length), "C_Sign");
        worker->signatures++;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static struct worker workers[THREADS_MAX];
    int threads = argc == 6 ? atoi(argv[4]) : 0;
    double seconds = argc == 6 ? atof(argv[5]) : 0;
    if (threads < 1 || threads > THREADS_MAX || seconds <= 0)
        errx(2, "usage: ceiling MODULE LABEL PIN_FILE THREADS SECONDS");
    load(argv[1]);
    CK_SLOT_ID slot = find_slot(argv[2]);
    CK_SESSION_HANDLE session = open_session(slot);
    CK_OBJECT_HANDLE public_key;
    login(session, argv[3]);
    make_key(session, &public_key);

    int64_t begin_ns = clock_monotonic_ns();
    end_ns = begin_ns + (int64_t)(seconds * 1e9);
    for (int i = 0; i < threads; i++) {
        workers[i].session = open_session(slot);
        pthread_create(&workers[i].thread, NULL, sign_until_the_end, &workers[i]);
    }
    unsigned long signatures = 0;
    for (int i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        signatures += workers[i].signatures;
    }
    printf("%.0f\n", (double)signatures * 1e9 / (double)(clock_monotonic_ns() - begin_ns));

    must(module->C_DestroyObject(session, private_key), "C_DestroyObject");
    must(module->C_DestroyObject(session, public_key), "C_DestroyObject");
    must(module->C_Finalize(NULL), "C_Finalize");
    return 0;
}
