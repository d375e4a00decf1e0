/* SPDX-License-Identifier: BSD-2-Clause
 * Secrets that a service is given: by systemd as a credential, by whoever starts it on an open
 * descriptor. (A file of one's own is in test_error.c.) */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyd/base/file.h"
#include "keyd/base/secret.h"
#include "tests/cmocka.h"

#define MAX      4
#define LIMIT_MS 200

static char folder[] = "/tmp/keyd-secret.XXXXXX";
static char path[64];

static void write_file(const char *text, mode_t mode)
{
    assert_int_equal(file_replace(path, text, strlen(text), mode, NULL), KEYD_OK);
}

static void takes(int fd, const char *wanted)
{
    struct keyd_error err;
    struct keyd_secret *secret;
    if (keyd_secret_take(fd, "descriptor 7", MAX, LIMIT_MS, &secret, &err) != KEYD_OK)
        fail_msg("%s", err.message);
    assert_int_equal(secret->length, strlen(wanted));
    assert_memory_equal(secret->data, wanted, strlen(wanted));
    keyd_secret_free(secret);
}

static void refuses(int fd, enum keyd_status status, const char *reason)
{
    struct keyd_error err;
    struct keyd_secret *secret = NULL;
    assert_int_equal(keyd_secret_take(fd, "descriptor 7", MAX, LIMIT_MS, &secret, &err), status);
    assert_string_equal(err.reason, reason);
    assert_non_null(strstr(err.message, "descriptor 7"));
    assert_null(secret);
}

/* The reading end of a pipe or socket with this text in it. */
static int filled(int ends[2], const char *text)
{
    assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
    close(ends[1]);
    return ends[0];
}

static int pipe_with(const char *text)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    return filled(ends, text);
}

static void a_pipe_is_read_to_its_end(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *secret; /* NULL: refused */
    } cases[] = {{"1234", "1234"}, {"1234\n", "1234"}, {"1234\r\n", "1234"}, {"12\n34", NULL},
                 {"12345", NULL},  {"", NULL},         {"\n", NULL},         {"123456789", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = pipe_with(cases[i].text);
        if (cases[i].secret != NULL)
            takes(fd, cases[i].secret);
        else
            refuses(fd, KEYD_INVALID_ARGUMENT, "SECRET_FILE_LENGTH");
        close(fd);
    }
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    int fd = filled(ends, "1234\n");
    takes(fd, "1234");
    close(fd);
}

static void a_pipe_that_is_not_closed_is_waited_for_and_left(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    refuses(ends[0], KEYD_DEADLINE_EXCEEDED, "SECRET_LATE");
    assert_int_equal(write(ends[1], "123", 3), 3);
    refuses(ends[0], KEYD_DEADLINE_EXCEEDED, "SECRET_LATE");
    close(ends[0]);
    close(ends[1]);
}

static void a_file_is_judged_and_read_from_its_beginning(void **state)
{
    (void)state;
    write_file("1234\n", 0600);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    takes(fd, "1234");
    takes(fd, "1234"); /* whoever is started next inherits the same open file */
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    assert_int_equal(chmod(path, 0640), 0);
    refuses(fd, KEYD_FAILED_PRECONDITION, "SECRET_FILE_MODE");
    unlink(path);
    takes(fd, "1234");
    close(fd);

    fd = memfd_create("pin", MFD_CLOEXEC);
    assert_int_equal(write(fd, "1234", 4), 4);
    takes(fd, "1234");
    close(fd);
}

static void what_holds_no_secret_is_refused(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    refuses(fd, KEYD_FAILED_PRECONDITION, "SECRET_FILE_MODE");
    close(fd);
    fd = open(folder, O_RDONLY | O_CLOEXEC);
    refuses(fd, KEYD_FAILED_PRECONDITION, "SECRET_FILE_MODE");
    close(fd);
    refuses(fd, KEYD_INTERNAL, "EBADF");
}

static void a_mode_is_told_by_what_it_opens(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        const char *words;
    } cases[] = {{0640, "has mode 0640, so others can read it: make it 0600"},
                 {0602, "has mode 0602, so others can write it: make it 0600"},
                 {0666, "has mode 0666, so others can read and write it: make it 0600"},
                 {0601, "has mode 0601, so others can run it: make it 0600"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct keyd_error err;
        struct keyd_secret *secret = NULL;
        write_file("1234", cases[i].mode);
        assert_int_equal(keyd_secret_read(path, MAX, &secret, &err), KEYD_FAILED_PRECONDITION);
        assert_non_null(strstr(err.message, cases[i].words));
        assert_int_equal(keyd_secret_read_credential(path, MAX, &secret, &err),
                         KEYD_FAILED_PRECONDITION);
        assert_non_null(strstr(err.message, "a credential has mode 0400, or is root's with 0440"));
        assert_null(secret);
        unlink(path);
    }
}

static void a_credential_of_systemd_may_show_its_acl(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        bool good; /* when root owns it */
    } cases[] = {{0400, true}, {0440, true}, {0640, false}, {0444, false}, {0460, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct keyd_error err;
        struct keyd_secret *secret = NULL;
        write_file("1234", cases[i].mode);
        bool good = cases[i].good && (geteuid() == 0 || cases[i].mode == 0400);
        enum keyd_status status = keyd_secret_read_credential(path, MAX, &secret, &err);
        assert_int_equal(status, good ? KEYD_OK : KEYD_FAILED_PRECONDITION);
        keyd_secret_free(secret);
        status = keyd_secret_read(path, MAX, &secret, &err);
        assert_int_equal(status, cases[i].mode == 0400 ? KEYD_OK : KEYD_FAILED_PRECONDITION);
        if (status == KEYD_OK)
            keyd_secret_free(secret);
        unlink(path);
    }
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/pin", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipe_is_read_to_its_end),
        cmocka_unit_test(a_pipe_that_is_not_closed_is_waited_for_and_left),
        cmocka_unit_test(a_file_is_judged_and_read_from_its_beginning),
        cmocka_unit_test(what_holds_no_secret_is_refused),
        cmocka_unit_test(a_mode_is_told_by_what_it_opens),
        cmocka_unit_test(a_credential_of_systemd_may_show_its_acl),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
