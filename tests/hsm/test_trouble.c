/* SPDX-License-Identifier: BSD-2-Clause
 * keyd-hsm when things go wrong: at its start, at its end, in the module. The real program on a
 * real token, with tests/shim between them where the module has to misbehave. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/status.h"
#include "tests/cmocka.h"
#include "tests/hsm/desk.h"

/* ---- The module ------------------------------------------------------------------------------ */

static void a_module_that_hangs_is_left_by_the_watchdog(void **state)
{
    (void)state;
    shim("", "");
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    struct keyid id = make_key(fd);
    end(pid, fd);
    shim("module_call_limit: 1\n", "- {name: KEYD_SHIM_HANG, value: C_Sign}\n");
    pid = lab_start("main", NULL);
    fd = greet(READY, "");
    int64_t began = clock_monotonic_ns();
    assert_null(lab_sign(fd, &id, scene_digest, sizeof scene_digest));
    close(fd);
    assert_int_equal(lab_wait(pid), 1);
    int64_t took = (clock_monotonic_ns() - began) / 1000000;
    assert_true(took >= 1000 && took < 5000);
    assert_int_equal(lab_count("main.log", "has not come back from C_Sign within 1.0 seconds"), 1);
}

static void a_module_that_hangs_at_its_start_is_left_too(void **state)
{
    (void)state;
    static const char *const functions[] = {"C_GetFunctionList",  "C_Initialize",  "C_GetTokenInfo",
                                            "C_CloseAllSessions", "C_OpenSession", "C_Login",
                                            "C_FindObjectsInit"};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        char variables[80];
        snprintf(variables, sizeof variables, "- {name: KEYD_SHIM_HANG, value: %s}\n",
                 functions[i]);
        shim("module_call_limit: 1\n", variables);
        lab_forget("state-main"); /* a login that hung is not tried again */
        pid_t pid = lab_start("main", NULL);
        assert_int_equal(lab_wait(pid), 1);
        assert_int_equal(lab_count("main.log", "has not come back from"), i + 1);
        assert_int_equal(lab_count("state-main/last-words", "the module has not come back"), 1);
        assert_int_equal(unlink(lab_path("state-main/last-words")), 0);
    }
    assert_int_equal(lab_count("main.log", "has not come back from C_CloseAllSessions"), 1);
}

/* Nobody could be told before it was served: the next start says what became of the last one, tries
 * again after 5 s, and is well when the module is. */
static void a_start_that_ended_in_the_module_is_told_by_the_next(void **state)
{
    (void)state;
    shim("module_call_limit: 1\n", "- {name: KEYD_SHIM_HANG, value: C_Initialize}\n");
    pid_t pid = lab_start("main", NULL);
    assert_int_equal(lab_wait(pid), 1);
    plain();
    pid = lab_start("main", NULL);
    int fd = greet(FAULTY, "shim.so: the module has not come back from C_Initialize");
    assert_false(lab_exists("state-main/last-words"));
    assert_int_equal(lab_wait(pid), 1);
    close(fd);
    pid = lab_start("main", NULL);
    fd = greet(READY, "");
    make_key(fd);
    assert_false(lab_exists("state-main/last-words"));
    end(pid, fd);
}

static void crash_by_mock(const char *faults)
{
    char variables[256];
    snprintf(variables, sizeof variables,
             "- {name: KEYD_MOCK_TOKENS, value: %s}\n- {name: KEYD_MOCK_PIN, value: '%s'}\n"
             "- {name: KEYD_MOCK_FAULTS, value: '%s'}\n",
             LAB_LABEL "=MOCK1", LAB_PIN, faults);
    lab_config("main", KEYD_TESTS "/mock.so", "", variables);
}

static void a_crash_is_said_to_be_the_modules(void **state)
{
    (void)state;
    static const char *const functions[] = {"dlopen", "C_Initialize", "C_Login"};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        char words[80];
        snprintf(words, sizeof words, "%s crash", i == 0 ? "load" : functions[i]);
        crash_by_mock(words);
        pid_t pid = lab_start("main", NULL);
        lab_wait(pid); /* SIGSEGV, or what a sanitizer makes of it */
        snprintf(words, sizeof words, "the module crashed (SIGSEGV) in %s\n", functions[i]);
        assert_int_equal(lab_count("state-main/last-words", words), 1);
        assert_int_equal(unlink(lab_path("state-main/last-words")), 0);
        assert_int_equal(
            lab_count("main.log", "Z keyd-hsm[main] error: the module crashed (SIGSEGV)"), i + 1);
    }
    /* Later ones too; but then there is nothing to be told by the next start. */
    crash_by_mock("C_Sign crash after=1");
    lab_forget("state-main");
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    struct keyid id = make_key(fd);
    assert_null(lab_sign(fd, &id, scene_digest, sizeof scene_digest));
    close(fd);
    lab_wait(pid);
    assert_int_equal(lab_count("main.log", "the module crashed (SIGSEGV) in C_Sign: keyd-hsm"), 1);
    assert_false(lab_exists("state-main/last-words"));
}

static void a_module_that_hangs_at_its_end_is_left_too(void **state)
{
    (void)state;
    shim("module_call_limit: 1\n", "- {name: KEYD_SHIM_HANG, value: C_Finalize}\n");
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    kill(pid, SIGTERM);
    /* The front is not kept waiting for it: long before, it hears that nobody answers any more. */
    struct pollfd over = {.fd = fd, .events = POLLRDHUP};
    assert_int_equal(poll(&over, 1, 2000), 1);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    close(fd);
    assert_int_equal(lab_wait(pid), 0);
    assert_int_equal(lab_count("main.log", "C_Finalize does not come back"), 1);
}

static void a_log_that_nobody_reads_does_not_hold_up_the_watchdog(void **state)
{
    (void)state;
    static const char filling[4096];
    int log[2];
    shim("module_call_limit: 1\n", "- {name: KEYD_SHIM_HANG, value: C_Initialize}\n");
    assert_int_equal(pipe2(log, O_CLOEXEC), 0);
    assert_int_equal(fcntl(log[1], F_SETFL, O_NONBLOCK), 0);
    while (write(log[1], filling, sizeof filling) > 0)
        continue;
    assert_int_equal(fcntl(log[1], F_SETFL, 0), 0);
    pid_t pid = lab_start_logging_to("main", log[1]);
    assert_int_equal(lab_wait(pid), 128 + SIGALRM);
    close(log[0]);
    close(log[1]);
}

static void a_long_key_generation_has_a_limit_of_its_own(void **state)
{
    (void)state;
    shim("module_call_limit: 1\nkey_generation_limit: 2\n",
         "- {name: KEYD_SHIM_HANG, value: C_GenerateKeyPair}\n");
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    struct keyid id = keyid_random();
    assert_null(lab_create(fd, &id));
    close(fd);
    assert_int_equal(lab_wait(pid), 1);
    assert_int_equal(lab_count("main.log", "C_GenerateKeyPair within 2.0 seconds"), 1);
}

static void a_token_that_is_gone_ends_the_process(void **state)
{
    (void)state;
    plain();
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    struct keyid id = make_key(fd);
    end(pid, fd);
    shim("", "- {name: KEYD_SHIM_FAIL, value: C_Sign=0x32}\n");
    pid = lab_start("main", NULL);
    fd = greet(READY, "");
    assert_null(lab_sign(fd, &id, scene_digest, sizeof scene_digest));
    close(fd);
    assert_int_equal(lab_wait(pid), 1);
    assert_int_equal(lab_count("main.log", "C_Sign: CKR_DEVICE_REMOVED (0x32)"), 1);
}

static void a_failure_of_one_signature_is_that_calls_alone(void **state)
{
    (void)state;
    plain();
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    struct keyid id = make_key(fd);
    end(pid, fd);
    shim("", "- {name: KEYD_SHIM_FAIL, value: C_SignInit=0x2}\n"
             "- {name: KEYD_SHIM_FAIL_AFTER, value: '1'}\n");
    pid = lab_start("main", NULL);
    fd = greet(READY, "");
    must_sign(fd, &id);
    expect_error(lab_sign(fd, &id, scene_digest, sizeof scene_digest), KEYD_RESOURCE_EXHAUSTED,
                 "TOKEN_MEMORY");
    end(pid, fd);
}

static void few_sessions_are_few_signers(void **state)
{
    (void)state;
    /* One is the managing thread's, two are signers'. */
    shim("", "- {name: KEYD_SHIM_FAIL, value: C_OpenSession=0xb1}\n"
             "- {name: KEYD_SHIM_FAIL_AFTER, value: '3'}\n");
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    struct keyid id = make_key(fd);
    must_sign(fd, &id);
    assert_int_equal(lab_count("main.log", "sessions for 2 of 4 signers"), 1);
    end(pid, fd);
}

static void without_module_or_token_it_says_so_and_tries_again(void **state)
{
    (void)state;
    lab_config("main", "/nonexistent/module.so", "", "");
    pid_t pid = lab_start("main", NULL);
    int fd = greet(FAULTY, "cannot be loaded");
    struct keyid id = keyid_random();
    expect_error(lab_create(fd, &id), KEYD_UNAVAILABLE, "TOKEN_FAULTY");
    expect_error(lab_sign(fd, &id, scene_digest, sizeof scene_digest), KEYD_UNAVAILABLE,
                 "TOKEN_FAULTY");
    expect_keys(fd, 0, true);
    assert_int_equal(lab_wait(pid), 1); /* after 5 s */
    close(fd);

    lab_config("main", lab_softhsm(), "label: nobody\n", "");
    pid = lab_start("main", NULL);
    fd = greet(FAULTY, "no token with label 'nobody'. Tokens there: 'lab'");
    assert_int_equal(lab_wait(pid), 1);
    close(fd);

    lab_token(LAB_LABEL);
    plain();
    pid = lab_start("main", NULL);
    fd = greet(FAULTY, "2 tokens fit: give `serial`");
    end(pid, fd);
}

/* ---- The socket ------------------------------------------------------------------------------ */

/* A socket as a socket unit would make it. */
static int listening(const char *name, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", lab_path(name));
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static void systemds_socket_is_taken(void **state)
{
    (void)state;
    int given = listening("main.sock", SOCK_SEQPACKET);
    plain();
    lab_edit("main", "socket: ../main.sock\n", "");
    pid_t pid = lab_start("main", NULL);
    assert_int_equal(lab_wait(pid), 2);
    assert_int_equal(lab_count("main.log", "systemd gave none (LISTEN_FDS)"), 1);

    pid = lab_start_with_socket("main", given, "1");
    int fd = greet(READY, "");
    struct keyid id = make_key(fd);
    end(pid, fd);
    /* It stays systemd's: a front that connects in between is served by the next start. */
    fd = lab_connect("main");
    pid = lab_start_with_socket("main", given, "1");
    lab_free(lab_hello(fd));
    must_sign(fd, &id);
    end(pid, fd);
    close(given);
}

static void what_systemd_gives_must_be_the_one_socket(void **state)
{
    (void)state;
    int stream = listening("stream.sock", SOCK_STREAM);
    int good = listening("main.sock", SOCK_SEQPACKET);
    plain();
    pid_t pid = lab_start_with_socket("main", stream, "1");
    assert_int_equal(lab_wait(pid), 2);
    assert_int_equal(lab_count("main.log", "is no listening Unix SOCK_SEQPACKET"), 1);
    pid = lab_start_with_socket("main", good, "2");
    assert_int_equal(lab_wait(pid), 2);
    assert_int_equal(lab_count("main.log", "systemd gave 2 sockets"), 1);
    close(stream);
    close(good);
}

/* Not even one that is not ready, and so has neither journal nor login. */
static void a_second_keyd_hsm_disturbs_nobody(void **state)
{
    (void)state;
    plain();
    lab_write("pin", "86420975\n", 0600);
    pid_t pid = lab_start("main", NULL);
    int fd = greet(LOGIN_NEEDED, "CKR_PIN_INCORRECT");
    pid_t second = lab_start("main", "--new-journal");
    assert_int_equal(lab_wait(second), 1);
    assert_int_equal(lab_count("main.log", "state-main is held by another keyd-hsm"), 1);
    expect_keys(fd, 0, true);
    end(pid, fd);
    assert_int_equal(lab_count("main.log", "has taken its place"), 0);
    assert_int_equal(lab_count("logins", "C_Login"), 1);
}

/* ---- The PIN --------------------------------------------------------------------------------- */

static void a_wrong_pin_is_tried_once(void **state)
{
    (void)state;
    plain();
    lab_write("pin", "86420975\n", 0600);
    for (int start = 0; start < 3; start++) {
        pid_t pid = lab_start("main", NULL);
        int fd = greet(LOGIN_NEEDED, start == 0 ? "CKR_PIN_INCORRECT" : "refused the PIN");
        struct keyid id = keyid_random();
        expect_error(lab_sign(fd, &id, scene_digest, sizeof scene_digest), KEYD_FAILED_PRECONDITION,
                     "LOGIN_NEEDED");
        expect_error(lab_create(fd, &id), KEYD_FAILED_PRECONDITION, "LOGIN_NEEDED");
        expect_keys(fd, 0, true);
        end(pid, fd);
    }
    assert_int_equal(lab_count("logins", "C_Login"), 1);
    assert_int_equal(lab_count("main.log", "86420975"), 0);
    struct stat st;
    assert_int_equal(stat(lab_path("state-main/login"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);

    /* SoftHSM counts it: now only an operator's word has another one tried, once. */
    lab_write("pin", LAB_PIN "\n", 0600);
    pid_t pid = lab_start("main", NULL);
    close(greet(LOGIN_NEEDED, "the token counts wrong PINs"));
    assert_int_equal(lab_count("logins", "C_Login"), 1);
    assert_int_equal(desk_login(&pid, NULL), 0);
    end(pid, greet(READY, ""));
    assert_int_equal(lab_count("logins", "C_Login"), 2);
    assert_int_equal(lab_count("state-main/login", "\"last\": \"good\""), 1);
}

static void a_new_pin_is_noticed(void **state)
{
    (void)state;
    plain();
    lab_write("pin", LAB_PIN "\n", 0600);
    pid_t pid = lab_start("main", NULL);
    end(pid, greet(READY, ""));
    lab_write("pin", "86420975\n", 0600);
    pid = lab_start("main", NULL);
    int fd = greet(LOGIN_NEEDED, "CKR_PIN_INCORRECT");

    /* The one that was good on record: keyd-hsm ends, and its next start is well. */
    lab_write("pin", LAB_PIN "\n", 0600);
    assert_int_equal(lab_wait(pid), 1);
    close(fd);
    pid = lab_start("main", NULL);
    end(pid, greet(READY, ""));
    assert_int_equal(lab_count("logins", "C_Login"), 3);
}

static void a_pin_whose_try_was_cut_short_counts_as_refused(void **state)
{
    (void)state;
    lab_write("pin", "86420975\n", 0600);
    shim("", "- {name: KEYD_SHIM_KILL, value: after}\n"
             "- {name: KEYD_SHIM_KILL_FUNCTION, value: C_Login}\n");
    pid_t pid = lab_start("main", NULL);
    assert_int_equal(lab_wait(pid), 128 + SIGKILL);
    assert_int_equal(lab_count("state-main/login", "trying"), 1);
    plain();
    pid = lab_start("main", NULL);
    end(pid, greet(LOGIN_NEEDED, "refused the PIN"));
    assert_int_equal(lab_count("logins", "C_Login"), 1);
    assert_int_equal(lab_count("main.log", "that PIN is taken for refused"), 1);
}

/* Good on record, that is. */
static void a_good_pin_whose_try_was_cut_short_is_tried_again(void **state)
{
    (void)state;
    plain();
    lab_write("pin", LAB_PIN "\n", 0600);
    pid_t first = lab_start("main", NULL);
    end(first, greet(READY, ""));
    shim("", "- {name: KEYD_SHIM_KILL, value: after}\n"
             "- {name: KEYD_SHIM_KILL_FUNCTION, value: C_Login}\n");
    pid_t pid = lab_start("main", NULL);
    assert_int_equal(lab_wait(pid), 128 + SIGKILL);
    plain();
    pid = lab_start("main", NULL);
    end(pid, greet(READY, ""));
    assert_int_equal(lab_count("logins", "C_Login"), 3);
}

static void the_last_try_of_a_token_is_never_taken(void **state)
{
    (void)state;
    shim("", "- {name: KEYD_SHIM_FLAGS, value: '0x20000'}\n");
    pid_t pid = lab_start("main", NULL);
    end(pid, greet(LOGIN_NEEDED, "one more wrong PIN locks it"));
    shim("", "- {name: KEYD_SHIM_FLAGS, value: '0x40000'}\n");
    pid = lab_start("main", NULL);
    end(pid, greet(LOGIN_NEEDED, "user PIN is locked"));
    assert_int_equal(lab_count("logins", "C_Login"), 0);
}

static void a_damaged_login_record_is_no_reason_to_try(void **state)
{
    (void)state;
    plain();
    assert_int_equal(mkdir(lab_path("state-main"), 0700), 0);
    lab_write("state-main/login", "{\"v\":1}", 0600);
    pid_t pid = lab_start("main", NULL);
    end(pid, greet(LOGIN_NEEDED, "is damaged or from a newer version"));
    assert_int_equal(lab_count("logins", "C_Login"), 0);
}

static void a_pin_file_that_is_no_good_is_waited_for(void **state)
{
    (void)state;
    plain();
    lab_write("pin", LAB_PIN "\n", 0640);
    pid_t pid = lab_start("main", NULL);
    int fd = greet(LOGIN_NEEDED, "make it 0600");
    assert_int_equal(chmod(lab_path("pin"), 0600), 0);
    assert_int_equal(lab_wait(pid), 1);
    close(fd);
    unlink(lab_path("pin"));
    pid = lab_start("main", NULL);
    fd = greet(LOGIN_NEEDED, "No such file");
    lab_write("pin", LAB_PIN "\n", 0600);
    assert_int_equal(lab_wait(pid), 1);
    close(fd);
    pid = lab_start("main", NULL);
    end(pid, greet(READY, ""));
    assert_int_equal(lab_count("logins", "C_Login"), 1);
}

static void a_pin_of_no_or_too_many_bytes_is_not_tried(void **state)
{
    (void)state;
    char longest[258];
    memset(longest, '7', sizeof longest);
    longest[257] = '\0';
    const char *const pins[] = {"", "\n", "\r\n", longest, longest + 1};
    plain();
    for (size_t i = 0; i < sizeof pins / sizeof pins[0]; i++) {
        lab_write("pin", pins[i], 0600);
        pid_t pid = lab_start("main", NULL);
        end(pid, greet(LOGIN_NEEDED, "`pin_file` must be"));
    }
    assert_int_equal(lab_count("logins", "C_Login"), 0);
    lab_write("pin", longest + 2, 0600); /* 255: the token may judge it */
    pid_t pid = lab_start("main", NULL);
    end(pid, greet(LOGIN_NEEDED, "C_Login: CKR_PIN_"));
    assert_int_equal(lab_count("logins", "C_Login"), 1);
    assert_int_equal(lab_count("main.log", "7777"), 0);
}

/* ---- The journal ----------------------------------------------------------------------------- */

static void a_used_token_without_a_journal_has_lost_it(void **state)
{
    (void)state;
    plain();
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    struct keyid id = make_key(fd);
    expect_error(lab_create(fd, &id), KEYD_ALREADY_EXISTS, "KEY_EXISTS");
    end(pid, fd);
    pid = lab_start("main", "--new-journal");
    assert_int_equal(lab_wait(pid), 3);
    assert_int_equal(lab_count("main.log", "--new-journal is for a token whose journal is lost"),
                     1);

    lab_forget("state-main");
    pid = lab_start("main", NULL);
    end(pid, greet(FAULTY, "--new-journal"));
    pid = lab_start("main", "--new-journal");
    fd = greet(READY, "");
    expect_keys(fd, 0, true);
    expect_error(lab_create(fd, &id), KEYD_ALREADY_EXISTS, "KEY_ID_SPENT");
    make_key(fd);
    end(pid, fd);
}

static void another_tokens_journal_is_refused(void **state)
{
    (void)state;
    plain();
    pid_t pid = lab_start("main", NULL);
    end(pid, greet(READY, ""));
    lab_token("second");
    shim("label: second\n", "");
    pid = lab_start("main", NULL);
    int fd = greet(FAULTY, "is about the token with serial");
    nanosleep(&(struct timespec){.tv_sec = 6}, NULL); /* it stays: no start afresh can help */
    expect_keys(fd, 0, true);
    end(pid, fd);
}

static void a_broken_journal_is_refused(void **state)
{
    (void)state;
    plain();
    assert_int_equal(mkdir(lab_path("state-main"), 0700), 0);
    lab_write("state-main/journal", "no journal\n", 0600);
    pid_t pid = lab_start("main", NULL);
    end(pid, greet(FAULTY, "journal:1: the line is no record"));
    char *text = lab_read("state-main/journal");
    assert_string_equal(text, "no journal\n");
    free(text);
}

/* Nothing is waited for, and nothing in the journal's place is touched. */
static void what_is_no_journal_file_says_what_to_do(void **state)
{
    (void)state;
    char path[128];
    plain();
    snprintf(path, sizeof path, "%s", lab_path("state-main/journal"));
    assert_int_equal(mkdir(lab_path("state-main"), 0700), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    pid_t pid = lab_start("main", NULL);
    end(pid, greet(FAULTY, "/journal is no regular file. Put the journal in its place"));
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    pid = lab_start("main", NULL);
    end(pid, greet(FAULTY, "/journal is no regular file. Put the journal in its place"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("journal.elsewhere", path), 0);
    pid = lab_start("main", NULL);
    end(pid, greet(FAULTY, "/journal is a symbolic link, and keyd-hsm follows none there. Put"));
    assert_false(lab_exists("state-main/journal.elsewhere"));
    assert_int_equal(unlink(path), 0);
    lab_edit("main", "state_folder: ../state-main", "state_folder: ../state-file");
    lab_write("state-file", "no folder", 0600);
    pid = lab_start("main", NULL);
    end(pid, greet(FAULTY, "journal: Not a directory. See to the journal's and its folder's"));
    lab_edit("main", "state_folder: ../state-file", "state_folder: ../state-file/deeper");
    pid = lab_start("main", NULL);
    end(pid, greet(FAULTY, "the state folder cannot be made: "));
    pid = lab_start("main", NULL);
    end(pid, greet(FAULTY, "for keyd-hsm's user and with mode 0700; keyd-hsm tries again"));
}

static void keys_that_the_token_lost_are_unusable(void **state)
{
    (void)state;
    plain();
    pid_t pid = lab_start("main", NULL);
    int fd = greet(READY, "");
    struct keyid id = make_key(fd);
    end(pid, fd);
    /* As if somebody had destroyed it with the vendor's tool. */
    char label[KEYID_TEXT];
    char command[400];
    keyid_format(&id, label);
    snprintf(command, sizeof command,
             "rm $(grep -l -a -r -e %s %s/tokens --include='*.object') 2>/dev/null", label,
             lab_folder);
    assert_int_equal(system(command), 0);
    pid = lab_start("main", NULL);
    fd = greet(READY, "");
    expect_keys(fd, 1, false);
    expect_error(lab_sign(fd, &id, scene_digest, sizeof scene_digest), KEYD_FAILED_PRECONDITION,
                 "KEY_UNUSABLE");
    assert_int_equal(lab_count("main.log", "key unusable key="), 1);
    end(pid, fd);
}

/* ---- The command line ------------------------------------------------------------------------ */

static void a_bad_configuration_ends_with_status_2(void **state)
{
    (void)state;
    plain();
    pid_t pid = lab_start("main", "--check-config");
    assert_int_equal(lab_wait(pid), 0);
    shim("signers: 65\nmodule_call_limit: 0\n", "");
    for (int i = 0; i < 2; i++) {
        pid = lab_start("main", i == 0 ? "--check-config" : NULL);
        assert_int_equal(lab_wait(pid), 2);
    }
    assert_int_equal(lab_count("main.log", ": signers: is 65"), 2);
    assert_int_equal(lab_count("main.log", ": module_call_limit: is 0"), 2);
    pid = lab_start("main", "--version");
    assert_int_equal(lab_wait(pid), 0);
    pid = lab_start("main", "--no-such-option");
    assert_int_equal(lab_wait(pid), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_open, lab_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_module_that_hangs_is_left_by_the_watchdog),
        TEST(a_module_that_hangs_at_its_start_is_left_too),
        TEST(a_start_that_ended_in_the_module_is_told_by_the_next),
        TEST(a_crash_is_said_to_be_the_modules),
        TEST(a_module_that_hangs_at_its_end_is_left_too),
        TEST(a_log_that_nobody_reads_does_not_hold_up_the_watchdog),
        TEST(a_long_key_generation_has_a_limit_of_its_own),
        TEST(a_token_that_is_gone_ends_the_process),
        TEST(a_failure_of_one_signature_is_that_calls_alone),
        TEST(few_sessions_are_few_signers),
        TEST(without_module_or_token_it_says_so_and_tries_again),
        TEST(systemds_socket_is_taken),
        TEST(what_systemd_gives_must_be_the_one_socket),
        TEST(a_second_keyd_hsm_disturbs_nobody),
        TEST(a_wrong_pin_is_tried_once),
        TEST(a_new_pin_is_noticed),
        TEST(a_pin_whose_try_was_cut_short_counts_as_refused),
        TEST(a_good_pin_whose_try_was_cut_short_is_tried_again),
        TEST(the_last_try_of_a_token_is_never_taken),
        TEST(a_damaged_login_record_is_no_reason_to_try),
        TEST(a_pin_file_that_is_no_good_is_waited_for),
        TEST(a_pin_of_no_or_too_many_bytes_is_not_tried),
        TEST(a_used_token_without_a_journal_has_lost_it),
        TEST(another_tokens_journal_is_refused),
        TEST(a_broken_journal_is_refused),
        TEST(what_is_no_journal_file_says_what_to_do),
        TEST(keys_that_the_token_lost_are_unusable),
        TEST(a_bad_configuration_ends_with_status_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
