/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/hsm/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/file.h"
#include "tests/cmocka.h"

char lab_folder[64];
#define RECEIVE_LIMIT_S 20

static uint64_t next_tag = 1;

const char *lab_softhsm(void)
{
    static const char *const places[] = {
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/local/lib/softhsm/libsofthsm2.so",
    };
    const char *named = getenv("TESTS_SOFTHSM");
    if (named != NULL)
        return named;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (access(places[i], R_OK) == 0)
            return places[i];
    fail_msg("no SoftHSM module: install softhsm2, or name it in TESTS_SOFTHSM");
    return NULL;
}

const char *lab_path(const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", lab_folder, name);
    return path;
}

void lab_write(const char *name, const char *text, int mode)
{
    struct keyd_error err;
    if (file_replace(lab_path(name), text, strlen(text), (mode_t)mode, &err) != KEYD_OK)
        fail_msg("%s", err.message);
}

char *lab_read(const char *name)
{
    char *text = NULL;
    size_t size;
    struct keyd_error err;
    if (file_read(lab_path(name), 16 << 20, &text, &size, &err) != KEYD_OK)
        fail_msg("%s", err.message);
    return text;
}

bool lab_exists(const char *name)
{
    return access(lab_path(name), F_OK) == 0;
}

static void run_softhsm_util(const char *label)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDOUT_FILENO);
        execlp("softhsm2-util", "softhsm2-util", "--init-token", "--free", "--label", label,
               "--pin", LAB_PIN, "--so-pin", "314159265", (char *)NULL);
        _exit(127);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

void lab_token(const char *label)
{
    run_softhsm_util(label);
}

int lab_open(void **state)
{
    (void)state;
    char text[256];
    snprintf(lab_folder, sizeof lab_folder, "/tmp/keyd-hsm.XXXXXX");
    assert_non_null(mkdtemp(lab_folder));
    assert_int_equal(mkdir(lab_path("tokens"), 0700), 0);
    assert_int_equal(mkdir(lab_path("tokens.d"), 0700), 0);
    snprintf(text, sizeof text, "directories.tokendir = %s/tokens\nlog.level = ERROR\n",
             lab_folder);
    lab_write("softhsm2.conf", text, 0600);
    setenv("SOFTHSM2_CONF", lab_path("softhsm2.conf"), 1);
    lab_token(LAB_LABEL);
    lab_write("pin", LAB_PIN "\n", 0600);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

int lab_close(void **state)
{
    (void)state;
    return nftw(lab_folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void lab_forget(const char *state)
{
    char name[128];
    snprintf(name, sizeof name, "%s/journal", state);
    unlink(lab_path(name));
    snprintf(name, sizeof name, "%s/login", state);
    unlink(lab_path(name));
}

void lab_config(const char *name, const char *module, const char *extra, const char *variables)
{
    char text[4096];
    char file[128];
    const char *label = strstr(extra, "label:") != NULL ? "" : "label: " LAB_LABEL "\n";
    snprintf(text, sizeof text,
             "module: %s\n%spin_file: ../pin\nstate_folder: ../state-%s\nsocket: ../%s.sock\n"
             "front: %u\nlog_level: debug\n%s"
             "environment:\n- {name: SOFTHSM2_CONF, value: %s/softhsm2.conf}\n%s",
             module, label, name, name, (unsigned)getuid(), extra, lab_folder, variables);
    snprintf(file, sizeof file, "tokens.d/%s.conf", name);
    lab_write(file, text, 0600);
}

void lab_edit(const char *name, const char *from, const char *to)
{
    char file[128];
    char changed[4096];
    snprintf(file, sizeof file, "tokens.d/%s.conf", name);
    char *text = lab_read(file);
    const char *at = strstr(text, from);
    assert_non_null(at);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    free(text);
    lab_write(file, changed, 0600);
}

static void become(const char *name, const char *option, int log)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind */
    char file[128];
    snprintf(file, sizeof file, "tokens.d/%s.conf", name);
    dup2(log, STDERR_FILENO);
    unsetenv("SOFTHSM2_CONF"); /* only what the configuration says */
    execl(KEYD_BIN "/keyd-hsm", "keyd-hsm", "--config", lab_path(file), option, (char *)NULL);
    _exit(127);
}

static int open_log(const char *name)
{
    char file[128];
    snprintf(file, sizeof file, "%s.log", name);
    int log = open(lab_path(file), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(log >= 0);
    return log;
}

static pid_t start(const char *name, const char *option, int log)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        become(name, option, log);
    return pid;
}

pid_t lab_start(const char *name, const char *option)
{
    int log = open_log(name);
    pid_t pid = start(name, option, log);
    close(log);
    return pid;
}

pid_t lab_start_logging_to(const char *name, int log)
{
    return start(name, NULL, log);
}

pid_t lab_start_with_socket(const char *name, int fd, const char *fds)
{
    int log = open_log(name);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char self[16];
        snprintf(self, sizeof self, "%d", (int)getpid());
        setenv("LISTEN_PID", self, 1);
        setenv("LISTEN_FDS", fds, 1);
        log = fcntl(log, F_DUPFD_CLOEXEC, 10);
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 10);
        dup2(fd, 3);
        become(name, NULL, log);
    }
    close(log);
    return pid;
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

int lab_wait(pid_t pid)
{
    int status = 0;
    for (int i = 0; i < 2000; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        pause_ms(10);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    fail_msg("process %d did not end", (int)pid);
    return -1;
}

void lab_stop(pid_t pid)
{
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(lab_wait(pid), 0);
}

int lab_count(const char *name, const char *text)
{
    int n = 0;
    if (!lab_exists(name))
        return 0;
    char *log = lab_read(name);
    for (char *at = log; (at = strstr(at, text)) != NULL; at += strlen(text))
        n++;
    free(log);
    return n;
}

int lab_connect(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/%s.sock", lab_folder, name);
    for (int i = 0; i < 1500; i++) {
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
            struct timeval limit = {.tv_sec = RECEIVE_LIMIT_S};
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
            return fd;
        }
        close(fd);
        pause_ms(10);
    }
    fail_msg("no keyd-hsm listens on %s", address.sun_path);
    return -1;
}

/* ---- Requests -------------------------------------------------------------------------------- */

void lab_envelope(lab_request *request)
{
    static uint8_t call[16] = {0xca, 0x11};
    static char principal[] = "uid:4711";
    keyd__hsm__v1__request__init(request);
    request->tag = next_tag++;
    request->call_id = (ProtobufCBinaryData){sizeof call, call};
    request->principal = principal;
    request->deadline = (uint64_t)clock_monotonic_ns() + 20000000000;
}

void lab_send(int fd, lab_request *request)
{
    static struct wall_packet packet;
    wall_packet_reset(&packet);
    assert_true(wall_packet_add(&packet, &request->base));
    assert_int_equal(send(fd, packet.data, packet.length, MSG_NOSIGNAL), packet.length);
}

static lab_answer *receive_frame(int fd)
{
    static uint8_t data[WALL_PACKET_MAX];
    static struct wall_cursor cursor;
    static int last = -1;
    const uint8_t *frame;
    size_t size;
    if (last != fd || cursor.left == 0) {
        ssize_t n = recv(fd, data, sizeof data, 0);
        if (n <= 0)
            return NULL;
        cursor = (struct wall_cursor){data, (size_t)n};
        last = fd;
    }
    assert_int_equal(wall_cursor_next(&cursor, &frame, &size), 1);
    lab_answer *answer = (lab_answer *)wall_unpack(&keyd__hsm__v1__answer__descriptor, frame, size);
    assert_non_null(answer);
    return answer;
}

lab_answer *lab_receive(int fd)
{
    int64_t until = clock_monotonic_ns() + RECEIVE_LIMIT_S * 1000000000LL;
    lab_answer *answer;
    while ((answer = receive_frame(fd)) != NULL &&
           answer->body_case == KEYD__HSM__V1__ANSWER__BODY_BEAT) {
        lab_free(answer);
        if (clock_monotonic_ns() > until)
            return NULL;
    }
    return answer;
}

void lab_free(lab_answer *answer)
{
    if (answer != NULL)
        keyd__hsm__v1__answer__free_unpacked(answer, NULL);
}

lab_answer *lab_hello(int fd)
{
    lab_request request;
    Keyd__Hsm__V1__Hello hello = KEYD__HSM__V1__HELLO__INIT;
    lab_envelope(&request);
    hello.wall_version = WALL_VERSION;
    request.body_case = KEYD__HSM__V1__REQUEST__BODY_HELLO;
    request.hello = &hello;
    lab_send(fd, &request);
    lab_answer *answer = lab_receive(fd);
    assert_non_null(answer);
    assert_int_equal(answer->status, KEYD_OK);
    assert_int_equal(answer->body_case, KEYD__HSM__V1__ANSWER__BODY_WELCOME);
    return answer;
}

lab_answer *lab_create_of(int fd, const struct keyid *id, Keyd__V1__KeySpec spec)
{
    static uint8_t digest[32] = {0xd1};
    lab_request request;
    Keyd__Hsm__V1__CreateKey create = KEYD__HSM__V1__CREATE_KEY__INIT;
    lab_envelope(&request);
    create.key_id = (ProtobufCBinaryData){KEYID_SIZE, (uint8_t *)id->bytes};
    create.key_spec = spec;
    create.key_usage = KEYD__V1__KEY_USAGE__SIGN_VERIFY;
    create.request_digest = (ProtobufCBinaryData){sizeof digest, digest};
    request.body_case = KEYD__HSM__V1__REQUEST__BODY_CREATE_KEY;
    request.create_key = &create;
    lab_send(fd, &request);
    return lab_receive(fd);
}

lab_answer *lab_create(int fd, const struct keyid *id)
{
    return lab_create_of(fd, id, KEYD__V1__KEY_SPEC__ECC_NIST_P256);
}

lab_answer *lab_sign_by(int fd, const struct keyid *id, Keyd__V1__SigningAlgorithm algorithm,
                        Keyd__V1__MessageType type, const void *message, size_t size)
{
    lab_request request;
    Keyd__Hsm__V1__Sign sign = KEYD__HSM__V1__SIGN__INIT;
    lab_envelope(&request);
    sign.key_id = (ProtobufCBinaryData){KEYID_SIZE, (uint8_t *)id->bytes};
    sign.signing_algorithm = algorithm;
    sign.message_type = type;
    sign.message = (ProtobufCBinaryData){size, (uint8_t *)(uintptr_t)message};
    request.body_case = KEYD__HSM__V1__REQUEST__BODY_SIGN;
    request.sign = &sign;
    lab_send(fd, &request);
    return lab_receive(fd);
}

lab_answer *lab_sign(int fd, const struct keyid *id, const void *digest, size_t size)
{
    return lab_sign_by(fd, id, KEYD__V1__SIGNING_ALGORITHM__ECDSA_SHA_256,
                       KEYD__V1__MESSAGE_TYPE__DIGEST, digest, size);
}

lab_answer *lab_list(int fd, const struct keyid *after)
{
    lab_request request;
    Keyd__Hsm__V1__ListKeys list = KEYD__HSM__V1__LIST_KEYS__INIT;
    lab_envelope(&request);
    if (after != NULL)
        list.after = (ProtobufCBinaryData){KEYID_SIZE, (uint8_t *)after->bytes};
    request.body_case = KEYD__HSM__V1__REQUEST__BODY_LIST_KEYS;
    request.list_keys = &list;
    lab_send(fd, &request);
    return lab_receive(fd);
}

bool lab_verifies(const ProtobufCBinaryData *public_key, const void *digest, size_t size,
                  const ProtobufCBinaryData *signature)
{
    const unsigned char *at = public_key->data;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)public_key->len);
    EVP_PKEY_CTX *ctx = key != NULL ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    bool good = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
                EVP_PKEY_verify(ctx, signature->data, signature->len, digest, size) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return good;
}
