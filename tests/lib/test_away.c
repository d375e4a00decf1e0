/* SPDX-License-Identifier: BSD-2-Clause
 * keyd away, killed, back again: what a client sees, and how soon it goes on. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "client/lib/keyd.h"
#include "tests/lib/fake.h"

static struct fake fake;
static struct keyd_error err;

static struct keyd_client *connected(void)
{
    struct keyd_client *client;
    assert_int_equal(keyd_connect(fake.socket, &client, &err), KEYD_OK);
    return client;
}

static enum keyd_status ask(struct keyd_client *client, int timeout_ms)
{
    struct keyd_service *service;
    enum keyd_status status = keyd_describe_service(client, timeout_ms, &service, &err);
    if (status == KEYD_OK)
        keyd_service_free(service);
    return status;
}

static void ask_fails_at_once(struct keyd_client *client, const char *reason)
{
    double began = seconds_now();
    assert_int_equal(ask(client, 5000), KEYD_UNAVAILABLE);
    assert_string_equal(err.reason, reason);
    assert_true(seconds_now() - began < 0.5);
}

static void says_what_is_wrong_while_keyd_is_away(void **state)
{
    (void)state;
    fake_start(&fake);
    struct keyd_client *client = connected();
    assert_int_equal(ask(client, 0), KEYD_OK);
    fake_kill(&fake);
    for (int i = 0; i < 20; i++)
        ask_fails_at_once(client, i == 0 ? err.reason : "CONNECTION_REFUSED");
    assert_non_null(strstr(err.message, fake.socket));
    assert_non_null(strstr(err.message, "systemctl status keyd"));
    unlink(fake.socket);
    sleep_ms(20); /* longer than a look at the socket is kept */
    for (int i = 0; i < 20; i++)
        ask_fails_at_once(client, "SOCKET_MISSING");
    keyd_disconnect(client);
}

/* The worst case for gRPC's back-off: it was tried all the time while keyd was away. */
static void a_restarted_keyd_is_found_at_once(void **state)
{
    (void)state;
    fake_start(&fake);
    struct keyd_client *client = connected();
    for (int round = 0; round < 3; round++) {
        assert_int_equal(ask(client, 0), KEYD_OK);
        fake_kill(&fake);
        double killed = seconds_now();
        while (seconds_now() - killed < 1.5) {
            assert_int_equal(ask(client, 0), KEYD_UNAVAILABLE);
            sleep_ms(20);
        }
        fake_start(&fake);
        double back = seconds_now();
        while (ask(client, 0) != KEYD_OK) {
            assert_int_equal(err.status, KEYD_UNAVAILABLE);
            assert_true(seconds_now() - back < 1);
            sleep_ms(1);
        }
        print_message("next success %.0f ms after keyd served again\n",
                      (seconds_now() - back) * 1000);
        assert_true(seconds_now() - back < 0.25);
    }
    keyd_disconnect(client);
    fake_kill(&fake);
}

struct load {
    struct keyd_client *client;
    atomic_bool stop;
    atomic_int signed_, unavailable, other;
};

static void *sign_all_the_time(void *context)
{
    struct load *load = context;
    uint8_t message = 1;
    struct keyd_sign_request request = {"alias/a", &message, 1, false, NULL};
    while (!load->stop) {
        struct keyd_signature *signature;
        struct keyd_error failure;
        switch (keyd_sign(load->client, &request, 0, &signature, &failure)) {
        case KEYD_OK:
            load->signed_++;
            keyd_signature_free(signature);
            break;
        case KEYD_NOT_FOUND: /* the fake forgets its keys; it has answered, though */
            load->signed_++;
            break;
        case KEYD_UNAVAILABLE:
            load->unavailable++;
            sleep_ms(1);
            break;
        default:
            load->other++;
            print_message("%s %s %s\n", keyd_status_name(failure.status), failure.reason,
                          failure.message);
        }
    }
    return NULL;
}

static void killed_under_load_every_call_succeeds_or_is_unavailable(void **state)
{
    (void)state;
    fake_start(&fake);
    struct load load = {.client = connected()};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, sign_all_the_time, &load);
    for (int round = 0; round < 6; round++) {
        int before = load.signed_;
        double began = seconds_now();
        while (load.signed_ < before + 50 && seconds_now() - began < 5)
            sleep_ms(1);
        assert_true(load.signed_ >= before + 50);
        fake_kill(&fake);
        fake_start(&fake);
    }
    load.stop = true;
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_true(load.unavailable > 0);
    assert_int_equal(load.other, 0);
    keyd_disconnect(load.client);
    fake_kill(&fake);
}

static int listen_at(const char *path, int backlog)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static void a_deaf_socket_ends_with_the_timeout(void **state)
{
    (void)state;
    int fd = listen_at(fake.socket, 16);
    struct keyd_client *client = connected();
    for (int i = 0; i < 3; i++) {
        double began = seconds_now();
        assert_int_equal(ask(client, 300), KEYD_UNAVAILABLE);
        assert_string_equal(err.reason, "NO_GRPC");
        assert_true(seconds_now() - began < 1);
    }
    keyd_disconnect(client);
    close(fd);
}

/* Takes connections, and closes each. */
static void *hang_up(void *context)
{
    int fd;
    while ((fd = accept(*(int *)context, NULL, NULL)) >= 0)
        close(fd);
    return NULL;
}

static void a_socket_that_hangs_up_fails_as_unavailable(void **state)
{
    (void)state;
    int fd = listen_at(fake.socket, 16);
    pthread_t thread;
    pthread_create(&thread, NULL, hang_up, &fd);
    struct keyd_client *client = connected();
    for (int i = 0; i < 3; i++) {
        double began = seconds_now();
        assert_int_equal(ask(client, 5000), KEYD_UNAVAILABLE);
        assert_true(seconds_now() - began < 3);
    }
    keyd_disconnect(client);
    shutdown(fd, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(fd);
}

static void *continue_soon(void *context)
{
    sleep_ms(600);
    kill(*(pid_t *)context, SIGCONT);
    return NULL;
}

/* On a busy host a connection may take longer than gRPC's first back-off. */
static void a_slow_keyd_is_waited_for(void **state)
{
    (void)state;
    fake_start(&fake);
    assert_int_equal(kill(fake.pid, SIGSTOP), 0);
    pthread_t thread;
    pthread_create(&thread, NULL, continue_soon, &fake.pid);
    struct keyd_client *client = connected();
    double began = seconds_now();
    assert_int_equal(ask(client, 0), KEYD_OK);
    assert_true(seconds_now() - began >= 0.4);
    pthread_join(thread, NULL);
    keyd_disconnect(client);
    fake_kill(&fake);
}

struct outcome {
    atomic_int calls;
    enum keyd_status status;
};

static void note(void *context, enum keyd_status status, struct keyd_signature *signature,
                 const struct keyd_error *failure)
{
    struct outcome *outcome = context;
    assert_true((status == KEYD_OK) == (failure == NULL));
    outcome->status = status;
    outcome->calls++;
    keyd_signature_free(signature);
}

static void disconnecting_cancels_what_is_in_flight(void **state)
{
    (void)state;
    fake_start(&fake);
    struct keyd_client *client = connected();
    struct outcome outcome = {0};
    uint8_t message = 1;
    struct keyd_sign_request request = {"alias/hang", &message, 1, false, NULL};
    assert_int_equal(ask(client, 0), KEYD_OK);
    for (int i = 0; i < 5; i++)
        assert_int_equal(keyd_sign_start(client, &request, 0, note, &outcome, &err), KEYD_OK);
    double began = seconds_now();
    keyd_disconnect(client);
    assert_true(seconds_now() - began < 1);
    assert_int_equal(outcome.calls, 5);
    assert_int_equal(outcome.status, KEYD_CANCELLED);
    fake_kill(&fake);
}

static void disconnecting_ends_the_wait_for_a_connection(void **state)
{
    (void)state;
    struct keyd_client *client = connected();
    ask_fails_at_once(client, "CONNECTION_REFUSED");
    int fd = listen_at(fake.socket, 16);
    sleep_ms(20);
    struct outcome outcome = {0};
    uint8_t message = 1;
    struct keyd_sign_request request = {"alias/a", &message, 1, false, NULL};
    assert_int_equal(keyd_sign_start(client, &request, 0, note, &outcome, &err), KEYD_OK);
    double began = seconds_now();
    keyd_disconnect(client);
    assert_true(seconds_now() - began < 1);
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(outcome.status, KEYD_CANCELLED);
    close(fd);
    keyd_disconnect(NULL);
}

/* In a child of a process that uses libkeyd: an error, never a hang. */
static int use_after_fork(struct keyd_client *client)
{
    struct keyd_client *another;
    uint8_t message = 1;
    struct keyd_sign_request request = {"alias/a", &message, 1, false, NULL};
    if (ask(client, 0) != KEYD_FAILED_PRECONDITION || strcmp(err.reason, "FORKED") != 0)
        return 1;
    if (keyd_sign_start(client, &request, 0, note, NULL, &err) != KEYD_FAILED_PRECONDITION)
        return 2;
    if (keyd_connect(fake.socket, &another, &err) != KEYD_FAILED_PRECONDITION)
        return 3;
    keyd_disconnect(client);
    return 0;
}

static void a_forked_child_is_told_so(void **state)
{
    (void)state;
    fake_start(&fake);
    struct keyd_client *client = connected();
    assert_int_equal(ask(client, 0), KEYD_OK);
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        _exit(use_after_fork(client));
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    keyd_disconnect(client);
    fake_kill(&fake);
}

static int begin(void **state)
{
    (void)state;
    fake_folder(&fake, "keyd.sock");
    return 0;
}

static int end(void **state)
{
    (void)state;
    fake_remove(&fake);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_wrong_while_keyd_is_away),
        cmocka_unit_test(a_restarted_keyd_is_found_at_once),
        cmocka_unit_test(killed_under_load_every_call_succeeds_or_is_unavailable),
        cmocka_unit_test(a_deaf_socket_ends_with_the_timeout),
        cmocka_unit_test(a_socket_that_hangs_up_fails_as_unavailable),
        cmocka_unit_test(a_slow_keyd_is_waited_for),
        cmocka_unit_test(disconnecting_cancels_what_is_in_flight),
        cmocka_unit_test(disconnecting_ends_the_wait_for_a_connection),
        cmocka_unit_test(a_forked_child_is_told_so),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
