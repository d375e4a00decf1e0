/* SPDX-License-Identifier: BSD-2-Clause
 * What a user reads whose socket is not there, is none, or may not be used. */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "client/lib/keyd.h"
#include "tests/lib/fake.h"

#define NOBODY 65534

static struct fake place; /* its folder alone */
static struct keyd_error err;

static void connect_fails(const char *socket, enum keyd_status status, const char *reason,
                          const char *words)
{
    struct keyd_client *client = NULL;
    assert_int_equal(keyd_connect(socket, &client, &err), status);
    assert_string_equal(err.reason, reason);
    if (strstr(err.message, words) == NULL)
        fail_msg("'%s' is not in: %s", words, err.message);
    assert_null(client);
}

static void a_missing_socket_is_not_found(void **state)
{
    (void)state;
    connect_fails(place.socket, KEYD_NOT_FOUND, "SOCKET_MISSING", "systemctl status keyd");
    connect_fails("/dev/null/keyd.sock", KEYD_NOT_FOUND, "SOCKET_MISSING", "/dev/null/keyd.sock");
}

static void what_is_no_socket_is_refused(void **state)
{
    (void)state;
    connect_fails("/dev/null", KEYD_INVALID_ARGUMENT, "SOCKET_PATH", "not a socket");
    connect_fails("", KEYD_INVALID_ARGUMENT, "SOCKET_PATH", "empty");
}

static void a_path_is_as_long_as_sun_path_allows(void **state)
{
    (void)state;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
    memset(path, 'x', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    connect_fails(path, KEYD_INVALID_ARGUMENT, "SOCKET_PATH", "at most 107");
    path[sizeof path - 2] = '\0';
    connect_fails(path, KEYD_NOT_FOUND, "SOCKET_MISSING", path);
}

static void the_environment_names_the_socket(void **state)
{
    (void)state;
    assert_int_equal(setenv("KEYD_SOCKET", "/dev/null", 1), 0);
    connect_fails(NULL, KEYD_INVALID_ARGUMENT, "SOCKET_PATH", "/dev/null");
    connect_fails(place.socket, KEYD_NOT_FOUND, "SOCKET_MISSING", place.socket);
    assert_int_equal(unsetenv("KEYD_SOCKET"), 0);
}

/* In a child, since root has to become somebody else first. */
static int without_permission(const char *socket)
{
    if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) != 0)
        return 1;
    char words[64];
    snprintf(words, sizeof words, "this process, uid %u, may not connect", (unsigned)geteuid());
    struct keyd_client *client;
    return keyd_connect(socket, &client, &err) != KEYD_PERMISSION_DENIED ||
           strcmp(err.reason, "SOCKET_PERMISSION") != 0 || strstr(err.message, words) == NULL;
}

static void a_closed_folder_names_the_uid(void **state)
{
    (void)state;
    assert_int_equal(chmod(place.folder, 0), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(without_permission(place.socket));
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    assert_int_equal(chmod(place.folder, 0700), 0);
}

/* The folder is open, the socket is not: seen by the first call. */
static int call_without_permission(const char *socket)
{
    if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) != 0)
        return 1;
    struct keyd_client *client;
    struct keyd_service *service;
    if (keyd_connect(socket, &client, &err) != KEYD_OK)
        return 2;
    int result = 0;
    for (int i = 0; i < 3; i++)
        if (keyd_describe_service(client, 0, &service, &err) != KEYD_PERMISSION_DENIED ||
            strcmp(err.reason, "SOCKET_PERMISSION") != 0)
            result = 3;
    keyd_disconnect(client);
    return result;
}

static void a_closed_socket_names_the_uid(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", place.socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(chmod(place.socket, 0), 0);
    assert_int_equal(chmod(place.folder, 0755), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(call_without_permission(place.socket));
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    close(fd);
    unlink(place.socket);
}

static void a_status_has_grpcs_name(void **state)
{
    (void)state;
    assert_string_equal(keyd_status_name(KEYD_NOT_FOUND), "NOT_FOUND");
    assert_string_equal(keyd_version(), "0.1.0");
}

static int begin(void **state)
{
    (void)state;
    fake_folder(&place, "keyd.sock");
    return 0;
}

static int end(void **state)
{
    (void)state;
    fake_remove(&place);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_socket_is_not_found),
        cmocka_unit_test(what_is_no_socket_is_refused),
        cmocka_unit_test(a_path_is_as_long_as_sun_path_allows),
        cmocka_unit_test(the_environment_names_the_socket),
        cmocka_unit_test(a_closed_folder_names_the_uid),
        cmocka_unit_test(a_closed_socket_names_the_uid),
        cmocka_unit_test(a_status_has_grpcs_name),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
