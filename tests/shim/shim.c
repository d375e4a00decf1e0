/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A PKCS #11 module for tests: forwards to the real module and, where the environment says so, does
 * what a bad module or a bad moment would do.
 *
 *   KEYD_SHIM_MODULE         the real module's path; required
 *   KEYD_SHIM_KILL           "before" or "after": SIGKILL to its own process at C_GenerateKeyPair
 *   KEYD_SHIM_KILL_FUNCTION  the function that KEYD_SHIM_KILL is about, where it is another one
 *   KEYD_SHIM_HANG           the function that never comes back
 *   KEYD_SHIM_ONCE           a file: KILL and HANG happen while it is not there, and make it
 *   KEYD_SHIM_FAIL           "C_Sign=0x30": the function that answers with this CK_RV; or a list of
 *                            such, with a comma between them
 *   KEYD_SHIM_FAIL_AFTER     so many calls of them go well before
 *   KEYD_SHIM_FULL           the function after which no file of this process grows any more
 *   KEYD_SHIM_NO_COPYABLE    set: CKA_COPYABLE in a template is CKR_ATTRIBUTE_TYPE_INVALID
 *   KEYD_SHIM_FLAGS          set in CK_TOKEN_INFO.flags as well, as "0x20000"
 *   KEYD_SHIM_COUNT          a file that gets one line for each call of C_Login
 *
 * C_GenerateKeyPair is the one that makes a key on the token; where it makes one that goes with its
 * session it is called session_pair here.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST shim;

static bool is(const char *variable, const char *value)
{
    const char *text = getenv(variable);
    return text != NULL && strcmp(text, value) == 0;
}

/* True the first time in the life of the test, where it is to happen once. */
static bool is_due(void)
{
    const char *path = getenv("KEYD_SHIM_ONCE");
    int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    if (fd >= 0)
        close(fd);
    return path == NULL || fd >= 0;
}

static void kill_at(const char *function, const char *moment)
{
    const char *about = getenv("KEYD_SHIM_KILL_FUNCTION");
    if (is("KEYD_SHIM_KILL", moment) &&
        strcmp(about != NULL ? about : "C_GenerateKeyPair", function) == 0 && is_due())
        kill(getpid(), SIGKILL);
}

/* The CK_RV that the list has for this function; CKR_OK when it is not in it. */
static CK_RV listed(const char *list, const char *function)
{
    size_t length = strlen(function);
    while (list != NULL) {
        if (strncmp(list, function, length) == 0 && list[length] == '=')
            return strtoul(list + length + 1, NULL, 0);
        list = strchr(list, ',');
        list = list != NULL ? list + 1 : NULL;
    }
    return CKR_OK;
}

/* What stands before a call: CKR_OK lets it through. */
static CK_RV before(const char *function)
{
    static atomic_int calls;
    const char *good = getenv("KEYD_SHIM_FAIL_AFTER");
    CK_RV rv = listed(getenv("KEYD_SHIM_FAIL"), function);
    kill_at(function, "before");
    if (is("KEYD_SHIM_HANG", function) && is_due())
        for (;;)
            pause();
    if (rv != CKR_OK && atomic_fetch_add(&calls, 1) < (good != NULL ? atoi(good) : 0))
        return CKR_OK;
    return rv;
}

static void after(const char *function)
{
    struct rlimit limit;
    kill_at(function, "after");
    if (!is("KEYD_SHIM_FULL", function) || getrlimit(RLIMIT_FSIZE, &limit) != 0)
        return;
    limit.rlim_cur = 1;
    setrlimit(RLIMIT_FSIZE, &limit);
}

#define FORWARD(function, ...)                                                                     \
    CK_RV rv = before(#function);                                                                  \
    if (rv == CKR_OK)                                                                              \
        rv = real->function(__VA_ARGS__);                                                          \
    after(#function);                                                                              \
    return rv

static CK_RV shim_initialize(void *args)
{
    FORWARD(C_Initialize, args);
}

static CK_RV shim_finalize(void *reserved)
{
    FORWARD(C_Finalize, reserved);
}

static CK_RV shim_close_all(CK_SLOT_ID slot)
{
    FORWARD(C_CloseAllSessions, slot);
}

static CK_RV shim_open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                               CK_SESSION_HANDLE *session)
{
    FORWARD(C_OpenSession, slot, flags, application, notify, session);
}

static CK_RV shim_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    const char *flags = getenv("KEYD_SHIM_FLAGS");
    CK_RV rv = before("C_GetTokenInfo");
    if (rv == CKR_OK)
        rv = real->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK && flags != NULL)
        info->flags |= strtoul(flags, NULL, 0);
    return rv;
}

static CK_RV shim_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char *pin,
                        CK_ULONG length)
{
    const char *path = getenv("KEYD_SHIM_COUNT");
    int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (fd >= 0 && write(fd, "C_Login\n", 8) != 8)
        abort();
    if (fd >= 0)
        close(fd);
    FORWARD(C_Login, session, user, pin, length);
}

static const CK_ATTRIBUTE *find(const CK_ATTRIBUTE *template, CK_ULONG count,
                                CK_ATTRIBUTE_TYPE type)
{
    for (CK_ULONG i = 0; i < count; i++)
        if (template[i].type == type)
            return &template[i];
    return NULL;
}

static bool is_for_token(const CK_ATTRIBUTE *template, CK_ULONG count)
{
    const CK_ATTRIBUTE *token = find(template, count, CKA_TOKEN);
    return token != NULL && *(const CK_BBOOL *)token->pValue != CK_FALSE;
}

static CK_RV shim_generate(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                           CK_ATTRIBUTE *public_half, CK_ULONG public_count,
                           CK_ATTRIBUTE *private_half, CK_ULONG private_count,
                           CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
    if (getenv("KEYD_SHIM_NO_COPYABLE") != NULL &&
        (find(public_half, public_count, CKA_COPYABLE) != NULL ||
         find(private_half, private_count, CKA_COPYABLE) != NULL))
        return CKR_ATTRIBUTE_TYPE_INVALID;
    const char *name =
        is_for_token(private_half, private_count) ? "C_GenerateKeyPair" : "session_pair";
    CK_RV rv = before(name);
    if (rv == CKR_OK)
        rv = real->C_GenerateKeyPair(session, mechanism, public_half, public_count, private_half,
                                     private_count, public_key, private_key);
    after(name);
    return rv;
}

static CK_RV shim_sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                            CK_OBJECT_HANDLE key)
{
    FORWARD(C_SignInit, session, mechanism, key);
}

static CK_RV shim_sign(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG length,
                       unsigned char *signature, CK_ULONG *signature_length)
{
    FORWARD(C_Sign, session, data, length, signature, signature_length);
}

static CK_RV shim_destroy(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    FORWARD(C_DestroyObject, session, object);
}

static CK_RV shim_find_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count)
{
    FORWARD(C_FindObjectsInit, session, template, count);
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    if (before("C_GetFunctionList") != CKR_OK)
        return CKR_GENERAL_ERROR;
    const char *path = getenv("KEYD_SHIM_MODULE");
    void *library = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    CK_C_GetFunctionList get = NULL;
    if (library != NULL)
        *(void **)&get = dlsym(library, "C_GetFunctionList");
    if (get == NULL || get(&real) != CKR_OK)
        return CKR_GENERAL_ERROR;
    shim = *real;
    shim.C_GetFunctionList = C_GetFunctionList;
    shim.C_Initialize = shim_initialize;
    shim.C_Finalize = shim_finalize;
    shim.C_CloseAllSessions = shim_close_all;
    shim.C_OpenSession = shim_open_session;
    shim.C_GetTokenInfo = shim_token_info;
    shim.C_Login = shim_login;
    shim.C_GenerateKeyPair = shim_generate;
    shim.C_SignInit = shim_sign_init;
    shim.C_Sign = shim_sign;
    shim.C_DestroyObject = shim_destroy;
    shim.C_FindObjectsInit = shim_find_init;
    *list = &shim;
    return CKR_OK;
}
