/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/hsm/scene.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cmocka.h"

const uint8_t scene_digest[32] = {1};

/* The configuration through the shim, told to do this. */
void shim(const char *extra, const char *variables)
{
    char all[1024];
    snprintf(all, sizeof all,
             "- {name: KEYD_SHIM_MODULE, value: %s}\n- {name: KEYD_SHIM_COUNT, value: %s}\n%s",
             lab_softhsm(), lab_path("logins"), variables);
    lab_config("main", KEYD_TESTS "/shim.so", extra, all);
}

void plain(void)
{
    shim("", "");
}

int greet(Keyd__Hsm__V1__Welcome__State state, const char *message)
{
    int fd = lab_connect("main");
    lab_answer *welcome = lab_hello(fd);
    if (welcome->welcome->state != state)
        fail_msg("state %d: %s", (int)welcome->welcome->state, welcome->welcome->state_message);
    if (strstr(welcome->welcome->state_message, message) == NULL)
        fail_msg("'%s' lacks '%s'", welcome->welcome->state_message, message);
    lab_free(welcome);
    return fd;
}

void expect_error(lab_answer *answer, enum keyd_status status, const char *reason)
{
    assert_non_null(answer);
    assert_int_equal(answer->status, status);
    assert_string_equal(answer->reason, reason);
    lab_free(answer);
}

struct keyid make_key(int fd)
{
    struct keyid id = keyid_random();
    lab_answer *made = lab_create(fd, &id);
    assert_non_null(made);
    assert_string_equal(made->message, "");
    lab_free(made);
    return id;
}

void must_sign(int fd, const struct keyid *id)
{
    lab_answer *answer = lab_sign(fd, id, scene_digest, sizeof scene_digest);
    assert_non_null(answer);
    assert_string_equal(answer->message, "");
    lab_free(answer);
}

/* Lists the keys, of which there must be `count`; frees nothing of *first but the answer. */
void expect_keys(int fd, size_t count, bool usable)
{
    lab_answer *page = lab_list(fd, NULL);
    assert_non_null(page);
    assert_int_equal(page->body_case, KEYD__HSM__V1__ANSWER__BODY_KEY_PAGE);
    assert_int_equal(page->key_page->n_keys, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(page->key_page->keys[i]->unusable[0] == '\0', usable);
    lab_free(page);
}

void end(pid_t pid, int fd)
{
    close(fd);
    lab_stop(pid);
}
