/* SPDX-License-Identifier: BSD-2-Clause
 * The admin socket: whom it hears, and that nobody holds it up. The real program on the mock
 * module, with peers that do not keep to proto/keyd/hsm/v1/admin.proto. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/hsm/admin.h"
#include "tests/cmocka.h"
#include "tests/hsm/desk.h"

#define STRANGER 65534

static int connect_to_admin(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = 15};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", lab_path("state-main/admin.sock"));
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    return fd;
}

/* The answer's message, or "" where it has none; static. NULL: disconnected. */
static const char *answer_on(int fd)
{
    static char text[KEYD_MESSAGE_MAX];
    uint8_t packet[ADMIN_PACKET_MAX];
    ssize_t size = recv(fd, packet, sizeof packet, 0);
    if (size <= 0)
        return NULL;
    Keyd__Hsm__V1__AdminAnswer *answer =
        keyd__hsm__v1__admin_answer__unpack(NULL, (size_t)size, packet);
    assert_non_null(answer);
    assert_int_equal(answer->instance.len, 16);
    snprintf(text, sizeof text, "%s", answer->message);
    keyd__hsm__v1__admin_answer__free_unpacked(answer, NULL);
    return text;
}

static const char *say(const void *packet, size_t size)
{
    int fd = connect_to_admin();
    assert_int_equal(send(fd, packet, size, MSG_NOSIGNAL), size);
    const char *heard = answer_on(fd);
    assert_int_equal(recv(fd, (char[1]){0}, 1, 0), 0); /* one packet each way */
    close(fd);
    return heard;
}

static void says_its_state(void)
{
    assert_string_equal(say("\x52\x00", 2), ""); /* GetState */
}

static void it_is_there_in_every_state(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    pid_t pid = desk_start(READY, "", 1);
    says_its_state();
    assert_int_equal(desk_say_login(NULL), 3);
    desk_heard("is logged in to the token main already");
    lab_stop(pid);
    assert_int_equal(desk_say_login(NULL), 1);
    desk_heard("no keyd-hsm listens on");

    lab_edit("main", "label: lab\n", "label: nobody\n");
    pid = lab_start("main", NULL);
    close(greet(FAULTY, "no token with label 'nobody'"));
    says_its_state();
    assert_int_equal(desk_say_login(NULL), 3);
    desk_heard("is faulty, and no login helps: the module has no token");
    lab_stop(pid);
    struct stat st;
    assert_int_equal(stat(lab_path("state-main/admin.sock"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void what_is_no_request_is_answered_so(void **state)
{
    (void)state;
    static const char large[ADMIN_PACKET_MAX + 1];
    desk_token(LAB_PIN);
    pid_t pid = desk_start(READY, "", 1);
    assert_non_null(strstr(say("\xff\xff\xff", 3), "are no keyd.hsm.v1.AdminRequest"));
    assert_non_null(strstr(say("\x52\x7f", 2), "are no keyd.hsm.v1.AdminRequest"));
    assert_non_null(strstr(say(large, sizeof large), "a request has at most 4096 bytes"));
    assert_non_null(strstr(say("\xfa\x3e\x00", 3), "does not know that request"));
    says_its_state();
    lab_stop(pid);
}

static void silent_peers_are_let_go(void **state)
{
    (void)state;
    int silent[ADMIN_PEERS + 1];
    desk_token(LAB_PIN);
    pid_t pid = desk_start(READY, "", 1);
    int64_t began = clock_monotonic_ns();
    for (size_t i = 0; i < ADMIN_PEERS + 1; i++)
        silent[i] = connect_to_admin();
    /* The front is served meanwhile. */
    int fd = greet(READY, "");
    struct keyid id = make_key(fd);
    must_sign(fd, &id);
    close(fd);
    says_its_state(); /* once one of them has had his time */
    int64_t took_ms = (clock_monotonic_ns() - began) / 1000000;
    assert_in_range(took_ms, ADMIN_PATIENCE_MS, ADMIN_PATIENCE_MS + 3000);
    for (size_t i = 0; i < ADMIN_PEERS; i++)
        assert_null(answer_on(silent[i]));
    for (size_t i = 0; i < ADMIN_PEERS + 1; i++)
        close(silent[i]);
    says_its_state();
    lab_stop(pid);
}

static void peers_that_hang_up_are_let_go_at_once(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    pid_t pid = desk_start(READY, "", 1);
    int64_t began = clock_monotonic_ns();
    for (size_t i = 0; i < 20 * ADMIN_PEERS; i++)
        close(connect_to_admin());
    says_its_state();
    assert_in_range((clock_monotonic_ns() - began) / 1000000, 0, ADMIN_PATIENCE_MS - 1000);
    lab_stop(pid);
}

static void a_stranger_is_not_heard(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can be somebody else */
    desk_token("11111111");
    pid_t pid = desk_start(LOGIN_NEEDED, "CKR_PIN_INCORRECT", 1);
    assert_int_equal(chmod(lab_folder, 0755), 0);
    assert_int_equal(chmod(lab_path("state-main"), 0755), 0);
    assert_int_equal(chmod(lab_path("state-main/admin.sock"), 0666), 0);
    pid_t stranger = fork();
    if (stranger == 0) {
        static const char login[] = {0x5a, 0x00};
        if (setresuid(STRANGER, STRANGER, STRANGER) != 0)
            _exit(1);
        int fd = connect_to_admin();
        ssize_t sent = send(fd, login, sizeof login, MSG_NOSIGNAL);
        (void)sent; /* he may be gone already */
        const char *heard = answer_on(fd);
        _exit(heard != NULL && strstr(heard, "uid 65534 may not ask this") != NULL ? 0 : 1);
    }
    assert_int_equal(lab_wait(stranger), 0);
    assert_int_equal(lab_count("main.log", "refused uid=65534"), 1);
    assert_int_equal(lab_count("state-main/login", "permit"), 0);
    says_its_state();
    lab_stop(pid);
}

static void without_a_place_for_it_the_token_is_served(void **state)
{
    (void)state;
    desk_token(LAB_PIN);
    lab_edit("main", "front:", "admin_socket: /nonexistent/admin.sock\nfront:");
    desk_visit(READY, "", 1);
    assert_int_equal(lab_count("main.log", "no admin socket: the socket /nonexistent/admin.sock"),
                     1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_open, lab_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_there_in_every_state), TEST(what_is_no_request_is_answered_so),
        TEST(silent_peers_are_let_go),    TEST(peers_that_hang_up_are_let_go_at_once),
        TEST(a_stranger_is_not_heard),    TEST(without_a_place_for_it_the_token_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
