/* SPDX-License-Identifier: BSD-2-Clause
 * keyd-hsm as its front sees it: a real process, a real socket, a real SoftHSM token. */
#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/status.h"
#include "tests/cmocka.h"
#include "tests/hsm/lab.h"

static const uint8_t digest[32] = {1, 2, 3};
static pid_t daemon_pid;
static int wall;

static int start(void **state)
{
    (void)state;
    lab_config("main", lab_softhsm(), "", "");
    daemon_pid = lab_start("main", NULL);
    wall = lab_connect("main");
    lab_answer *welcome = lab_hello(wall);
    assert_string_equal(welcome->welcome->state_message, "");
    assert_int_equal(welcome->welcome->state, KEYD__HSM__V1__WELCOME__STATE__READY);
    assert_string_equal(welcome->welcome->token, "main");
    assert_string_equal(welcome->welcome->label, LAB_LABEL);
    assert_int_equal(welcome->welcome->wall_version, WALL_VERSION);
    assert_true(strlen(welcome->welcome->serial) > 0);
    lab_free(welcome);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    close(wall);
    lab_stop(daemon_pid);
    return 0;
}

static void expect_error(lab_answer *answer, enum keyd_status status, const char *reason)
{
    assert_non_null(answer);
    assert_int_equal(answer->status, status);
    assert_string_equal(answer->reason, reason);
    assert_true(strlen(answer->message) > 0);
    lab_free(answer);
}

static struct keyid make_key(void)
{
    struct keyid id = keyid_random();
    lab_answer *answer = lab_create(wall, &id);
    assert_non_null(answer);
    assert_string_equal(answer->message, "");
    assert_int_equal(answer->body_case, KEYD__HSM__V1__ANSWER__BODY_KEY);
    assert_memory_equal(answer->key->key_id.data, id.bytes, KEYID_SIZE);
    lab_free(answer);
    return id;
}

static void a_key_is_made_and_signs(void **state)
{
    (void)state;
    struct keyid id = keyid_random();
    lab_answer *made = lab_create(wall, &id);
    assert_non_null(made);
    assert_int_equal(made->status, KEYD_OK);
    assert_string_equal(made->key->creator, "uid:4711");
    assert_int_equal(made->key->key_spec, KEYD__V1__KEY_SPEC__ECC_NIST_P256);
    assert_string_equal(made->key->unusable, "");

    lab_answer *answer = lab_sign(wall, &id, digest, sizeof digest);
    assert_int_equal(answer->status, KEYD_OK);
    assert_true(
        lab_verifies(&made->key->public_key, digest, sizeof digest, &answer->signature->signature));
    lab_free(answer);
    lab_free(made);
}

static void a_raw_message_is_hashed_here(void **state)
{
    (void)state;
    struct keyid id = keyid_random();
    lab_answer *made = lab_create(wall, &id);
    static uint8_t message[65536];
    memset(message, 'm', sizeof message);
    unsigned char hash[32];
    assert_int_equal(EVP_Digest(message, sizeof message, hash, NULL, EVP_sha256(), NULL), 1);

    lab_request request;
    Keyd__Hsm__V1__Sign sign = KEYD__HSM__V1__SIGN__INIT;
    lab_envelope(&request);
    sign.key_id = (ProtobufCBinaryData){KEYID_SIZE, id.bytes};
    sign.signing_algorithm = KEYD__V1__SIGNING_ALGORITHM__ECDSA_SHA_256;
    sign.message_type = KEYD__V1__MESSAGE_TYPE__RAW;
    sign.message = (ProtobufCBinaryData){sizeof message, message};
    request.body_case = KEYD__HSM__V1__REQUEST__BODY_SIGN;
    request.sign = &sign;
    lab_send(wall, &request);
    lab_answer *answer = lab_receive(wall);
    assert_int_equal(answer->tag, request.tag);
    assert_int_equal(answer->status, KEYD_OK);
    assert_true(
        lab_verifies(&made->key->public_key, hash, sizeof hash, &answer->signature->signature));
    lab_free(answer);
    lab_free(made);
}

static void an_id_is_used_once(void **state)
{
    (void)state;
    struct keyid id = make_key();
    lab_answer *again = lab_create(wall, &id);
    assert_int_equal(again->status, KEYD_ALREADY_EXISTS);
    assert_string_equal(again->reason, "KEY_EXISTS");
    assert_int_equal(again->body_case, KEYD__HSM__V1__ANSWER__BODY_KEY);
    assert_memory_equal(again->key->key_id.data, id.bytes, KEYID_SIZE);
    assert_int_equal(again->key->request_digest.data[0], 0xd1);
    lab_free(again);
}

/* How many bytes the journal has, and its last record but one: a key.creating. */
static void measure_journal(size_t *size, size_t *creating)
{
    char *journal = lab_read("state-main/journal");
    char *last = strstr(journal, "\n"), *before = NULL, *at = last;
    while ((at = strstr(at + 1, "\n")) != NULL) {
        *creating = before != NULL ? (size_t)(last - before) : 0;
        before = last;
        last = at;
    }
    *size = strlen(journal);
    free(journal);
}

static void a_creation_that_is_left_open_is_said_to_be_and_settled(void **state)
{
    (void)state;
    struct keyid id = keyid_random();
    struct rlimit before, tight;
    size_t size = 0, creating = 0;
    make_key();
    measure_journal(&size, &creating);
    assert_in_range(creating, 100, 1000);
    assert_int_equal(prlimit(daemon_pid, RLIMIT_FSIZE, NULL, &before), 0);
    tight = before;
    tight.rlim_cur = size + creating + 50; /* key.created does not fit */
    assert_int_equal(prlimit(daemon_pid, RLIMIT_FSIZE, &tight, NULL), 0);
    expect_error(lab_create(wall, &id), KEYD_UNAVAILABLE, "CREATION_OPEN");
    expect_error(lab_create(wall, &id), KEYD_UNAVAILABLE, "CREATION_OPEN");
    assert_int_equal(prlimit(daemon_pid, RLIMIT_FSIZE, &before, NULL), 0);
    lab_answer *answer = lab_create(wall, &id);
    assert_string_equal(answer->reason, "KEY_EXISTS");
    assert_int_equal(answer->body_case, KEYD__HSM__V1__ANSWER__BODY_KEY);
    lab_free(answer);
    lab_answer *signed_by_it = lab_sign(wall, &id, digest, sizeof digest);
    assert_int_equal(signed_by_it->status, KEYD_OK);
    lab_free(signed_by_it);
}

static void what_cannot_be_signed_is_refused(void **state)
{
    (void)state;
    struct keyid id = make_key();
    struct keyid other = keyid_random();
    expect_error(lab_sign(wall, &id, digest, 31), KEYD_INVALID_ARGUMENT, "DIGEST_LENGTH");
    expect_error(lab_sign(wall, &other, digest, 32), KEYD_NOT_FOUND, "KEY_NOT_FOUND");
}

static lab_answer *ask(lab_request *request)
{
    lab_send(wall, request);
    return lab_receive(wall);
}

static void what_cannot_be_made_is_refused(void **state)
{
    (void)state;
    struct keyid id = keyid_random();
    static uint8_t request_digest[32];
    lab_request request;
    Keyd__Hsm__V1__CreateKey create = KEYD__HSM__V1__CREATE_KEY__INIT;
    lab_envelope(&request);
    create.key_id = (ProtobufCBinaryData){KEYID_SIZE, id.bytes};
    create.key_spec = (Keyd__V1__KeySpec)99;
    create.request_digest = (ProtobufCBinaryData){sizeof request_digest, request_digest};
    request.body_case = KEYD__HSM__V1__REQUEST__BODY_CREATE_KEY;
    request.create_key = &create;
    expect_error(ask(&request), KEYD_UNIMPLEMENTED, "KEY_SPEC");
    create.key_spec = KEYD__V1__KEY_SPEC__ECC_NIST_P256;
    create.key_usage = KEYD__V1__KEY_USAGE__DNSSEC_KSK;
    expect_error(ask(&request), KEYD_UNIMPLEMENTED, "KEY_USAGE");
    create.key_usage = KEYD__V1__KEY_USAGE__SIGN_VERIFY;
    create.key_id.len = 15;
    expect_error(ask(&request), KEYD_INVALID_ARGUMENT, "REQUEST");
    create.key_id.len = KEYID_SIZE;
    create.request_digest.len = 31;
    expect_error(ask(&request), KEYD_INVALID_ARGUMENT, "REQUEST");
    create.request_digest.len = 32;
    request.call_id.len = 15;
    expect_error(ask(&request), KEYD_INVALID_ARGUMENT, "REQUEST");
    request.call_id.len = 16;
    request.deadline = 1;
    expect_error(ask(&request), KEYD_DEADLINE_EXCEEDED, "");
}

static void a_call_that_is_late_never_reaches_the_token(void **state)
{
    (void)state;
    struct keyid id = make_key();
    lab_request request;
    Keyd__Hsm__V1__Sign sign = KEYD__HSM__V1__SIGN__INIT;
    lab_envelope(&request);
    request.deadline = 1;
    sign.key_id = (ProtobufCBinaryData){KEYID_SIZE, id.bytes};
    sign.signing_algorithm = KEYD__V1__SIGNING_ALGORITHM__ECDSA_SHA_256;
    sign.message_type = KEYD__V1__MESSAGE_TYPE__DIGEST;
    sign.message = (ProtobufCBinaryData){sizeof digest, (uint8_t *)(uintptr_t)digest};
    request.body_case = KEYD__HSM__V1__REQUEST__BODY_SIGN;
    request.sign = &sign;
    expect_error(ask(&request), KEYD_DEADLINE_EXCEEDED, "");
}

static void keys_are_listed_in_order(void **state)
{
    (void)state;
    struct keyid ids[3] = {make_key(), make_key(), make_key()};
    struct keyid after = {{0}};
    bool more = true;
    int found = 0;
    while (more) {
        lab_answer *page = lab_list(wall, &after);
        assert_int_equal(page->body_case, KEYD__HSM__V1__ANSWER__BODY_KEY_PAGE);
        for (size_t i = 0; i < page->key_page->n_keys; i++) {
            struct keyid id;
            memcpy(id.bytes, page->key_page->keys[i]->key_id.data, KEYID_SIZE);
            assert_true(keyid_compare(&after, &id) < 0);
            after = id;
            for (int k = 0; k < 3; k++)
                found += keyid_compare(&ids[k], &id) == 0;
        }
        more = page->key_page->more;
        lab_free(page);
    }
    assert_int_equal(found, 3);
}

/* Sends `count` Signs packed into as few packets as they fit, and takes all answers. */
static unsigned sign_many(int fd, const struct keyid *id, unsigned count)
{
    static struct wall_packet packet;
    wall_packet_reset(&packet);
    for (unsigned i = 0; i < count; i++) {
        lab_request request;
        Keyd__Hsm__V1__Sign sign = KEYD__HSM__V1__SIGN__INIT;
        lab_envelope(&request);
        sign.key_id = (ProtobufCBinaryData){KEYID_SIZE, (uint8_t *)id->bytes};
        sign.signing_algorithm = KEYD__V1__SIGNING_ALGORITHM__ECDSA_SHA_256;
        sign.message_type = KEYD__V1__MESSAGE_TYPE__DIGEST;
        sign.message = (ProtobufCBinaryData){sizeof digest, (uint8_t *)(uintptr_t)digest};
        request.body_case = KEYD__HSM__V1__REQUEST__BODY_SIGN;
        request.sign = &sign;
        if (!wall_packet_add(&packet, &request.base)) {
            assert_int_equal(send(fd, packet.data, packet.length, 0), packet.length);
            wall_packet_reset(&packet);
            assert_true(wall_packet_add(&packet, &request.base));
        }
    }
    assert_int_equal(send(fd, packet.data, packet.length, 0), packet.length);
    unsigned good = 0;
    for (unsigned i = 0; i < count; i++) {
        lab_answer *answer = lab_receive(fd);
        assert_non_null(answer);
        good += answer->status == KEYD_OK;
        lab_free(answer);
    }
    return good;
}

static void packets_of_many_frames_are_answered_whole(void **state)
{
    (void)state;
    struct keyid id = make_key();
    for (int round = 0; round < 5; round++)
        assert_int_equal(sign_many(wall, &id, 64), 64);
    /* More than one packet's, more than a queue holds: what is too much waits in the socket. */
    assert_int_equal(sign_many(wall, &id, 2 * WALL_IN_FLIGHT_MAX), 2 * WALL_IN_FLIGHT_MAX);
}

static void more_frames_than_a_queue_holds_are_refused_at_once(void **state)
{
    (void)state;
    static struct wall_packet packet;
    struct keyid id = make_key();
    unsigned beyond = 10;
    wall_packet_reset(&packet);
    for (unsigned i = 0; i < WALL_IN_FLIGHT_MAX + beyond; i++) {
        lab_request request;
        lab_envelope(&request);
        assert_true(wall_packet_add(&packet, &request.base));
    }
    assert_int_equal(send(wall, packet.data, packet.length, 0), packet.length);
    unsigned taken = 0;
    unsigned refused = 0;
    for (unsigned i = 0; i < WALL_IN_FLIGHT_MAX + beyond; i++) {
        lab_answer *answer = lab_receive(wall);
        assert_non_null(answer);
        taken += answer->status == KEYD_UNIMPLEMENTED;
        refused += answer->status == KEYD_RESOURCE_EXHAUSTED;
        lab_free(answer);
    }
    assert_int_equal(taken, WALL_IN_FLIGHT_MAX);
    assert_int_equal(refused, beyond);
    assert_int_equal(sign_many(wall, &id, 8), 8);
}

static void one_front_replaces_the_other(void **state)
{
    (void)state;
    int former = wall;
    wall = lab_connect("main");
    lab_free(lab_hello(wall));
    assert_null(lab_receive(former));
    close(former);
    make_key();
}

static unsigned count_keys(int fd)
{
    struct keyid after = {{0}};
    unsigned count = 0;
    bool more = true;
    while (more) {
        lab_answer *page = lab_list(fd, &after);
        assert_int_equal(page->body_case, KEYD__HSM__V1__ANSWER__BODY_KEY_PAGE);
        size_t n = page->key_page->n_keys;
        count += (unsigned)n;
        if (n > 0)
            memcpy(after.bytes, page->key_page->keys[n - 1]->key_id.data, KEYID_SIZE);
        more = page->key_page->more;
        lab_free(page);
    }
    return count;
}

/* A front drops what it had asked for when the listing does not show it: it must not come later. */
static void a_listing_is_all_that_becomes_of_a_former_front(void **state)
{
    (void)state;
    enum { ASKED = 50 };
    static struct wall_packet packet;
    struct keyid ids[ASKED];
    uint8_t asked[32] = {1};
    unsigned before = count_keys(wall);
    wall_packet_reset(&packet);
    for (int i = 0; i < ASKED; i++) {
        lab_request request;
        Keyd__Hsm__V1__CreateKey create = KEYD__HSM__V1__CREATE_KEY__INIT;
        ids[i] = keyid_random();
        lab_envelope(&request);
        create.key_id = (ProtobufCBinaryData){KEYID_SIZE, ids[i].bytes};
        create.key_spec = KEYD__V1__KEY_SPEC__ECC_NIST_P256;
        create.request_digest = (ProtobufCBinaryData){sizeof asked, asked};
        request.body_case = KEYD__HSM__V1__REQUEST__BODY_CREATE_KEY;
        request.create_key = &create;
        assert_true(wall_packet_add(&packet, &request.base));
    }
    assert_int_equal(send(wall, packet.data, packet.length, 0), packet.length);
    lab_free(lab_receive(wall)); /* they are under way */
    int former = wall;
    wall = lab_connect("main");
    lab_free(lab_hello(wall));
    unsigned listed = count_keys(wall);
    assert_in_range(listed, before + 1, before + ASKED - 1);
    usleep(300000);
    assert_int_equal(count_keys(wall), listed);
    close(former);
}

/* The rest of the file's connections: each breaks one rule, is disconnected, and a new one works.
 */
static void expect_disconnect(int fd)
{
    assert_null(lab_receive(fd));
    close(fd);
    wall = lab_connect("main");
    lab_free(lab_hello(wall));
}

static void broken_framing_disconnects(void **state)
{
    (void)state;
    static const uint8_t too_long[] = {0xff, 0xff, 0xff, 0x7f, 1, 2, 3};
    assert_int_equal(send(wall, too_long, sizeof too_long, 0), sizeof too_long);
    expect_disconnect(wall);
    static const uint8_t no_request[] = {3, 0, 0, 0, 0xff, 0xff, 0xff};
    assert_int_equal(send(wall, no_request, sizeof no_request, 0), sizeof no_request);
    expect_disconnect(wall);
}

static void hello_comes_first_and_once(void **state)
{
    (void)state;
    lab_request request;
    Keyd__Hsm__V1__Hello hello = KEYD__HSM__V1__HELLO__INIT;
    lab_envelope(&request);
    hello.wall_version = WALL_VERSION;
    request.body_case = KEYD__HSM__V1__REQUEST__BODY_HELLO;
    request.hello = &hello;
    lab_send(wall, &request);
    expect_disconnect(wall);

    close(wall);
    wall = lab_connect("main");
    assert_null(lab_list(wall, NULL));
    expect_disconnect(wall);
}

static void another_version_is_refused(void **state)
{
    (void)state;
    close(wall);
    wall = lab_connect("main");
    lab_request request;
    Keyd__Hsm__V1__Hello hello = KEYD__HSM__V1__HELLO__INIT;
    lab_envelope(&request);
    hello.wall_version = WALL_VERSION + 1;
    request.body_case = KEYD__HSM__V1__REQUEST__BODY_HELLO;
    request.hello = &hello;
    expect_error(ask(&request), KEYD_FAILED_PRECONDITION, "WALL_VERSION");
    assert_null(lab_list(wall, NULL));
    expect_disconnect(wall);
}

static void a_front_that_does_not_read_is_disconnected(void **state)
{
    (void)state;
    static struct wall_packet packet;
    struct pollfd hung_up = {.fd = wall};
    int64_t until = clock_monotonic_ns() + 30000000000;
    wall_packet_reset(&packet);
    for (int i = 0; i < 64; i++) {
        lab_request request;
        lab_envelope(&request);
        assert_true(wall_packet_add(&packet, &request.base));
    }
    while (poll(&hung_up, 1, 10) == 0 && clock_monotonic_ns() < until)
        if (send(wall, packet.data, packet.length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            assert_true(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
    assert_true((hung_up.revents & POLLHUP) != 0);
    assert_true(lab_count("main.log", "it does not read its answers") == 1);
    close(wall);
    wall = lab_connect("main");
    lab_free(lab_hello(wall));
    make_key();
}

static void keys_are_there_after_a_restart(void **state)
{
    struct keyid id = make_key();
    stop(state);
    start(state);
    lab_answer *answer = lab_sign(wall, &id, digest, sizeof digest);
    assert_int_equal(answer->status, KEYD_OK);
    lab_free(answer);
}

static void a_killed_daemon_comes_back_on_its_socket(void **state)
{
    struct keyid id = make_key();
    kill(daemon_pid, SIGKILL);
    assert_int_equal(lab_wait(daemon_pid), 128 + SIGKILL);
    assert_null(lab_receive(wall));
    close(wall);
    start(state);
    lab_answer *answer = lab_sign(wall, &id, digest, sizeof digest);
    assert_int_equal(answer->status, KEYD_OK);
    lab_free(answer);
}

/* Started by mistake: the first one and its front do not even notice. */
static void a_second_daemon_is_refused(void **state)
{
    (void)state;
    int disconnected = lab_count("main.log", "front disconnected");
    int logins = lab_count("main.log", "logged in to the token");
    pid_t second = lab_start("main", NULL);
    assert_int_equal(lab_wait(second), 1);
    assert_true(lab_count("main.log", "is held by another keyd-hsm") >= 1);
    make_key();
    lab_config("copy", lab_softhsm(), "", "");
    lab_edit("copy", "socket: ../copy.sock", "socket: ../main.sock");
    second = lab_start("copy", NULL);
    assert_int_equal(lab_wait(second), 1);
    assert_int_equal(lab_count("copy.log", "main.sock is another process' socket"), 1);
    assert_int_equal(lab_count("copy.log", "logged in to the token"), 0);
    make_key();
    assert_int_equal(lab_count("main.log", "front disconnected"), disconnected);
    assert_int_equal(lab_count("main.log", "logged in to the token"), logins);
}

static void what_is_no_socket_is_left_alone(void **state)
{
    (void)state;
    lab_config("file", lab_softhsm(), "", "");
    lab_write("file.sock", "precious", 0600);
    pid_t pid = lab_start("file", NULL);
    assert_int_equal(lab_wait(pid), 1);
    assert_int_equal(lab_count("file.log", "or no socket"), 1);
    assert_int_equal(lab_count("file.sock", "precious"), 1);
}

static void a_stranger_is_refused(void **state)
{
    (void)state;
    lab_config("other", lab_softhsm(), "", "");
    char front[32];
    snprintf(front, sizeof front, "front: %u\n", (unsigned)getuid());
    lab_edit("other", front, "front: 54321\n");
    lab_token("strange");
    pid_t pid = lab_start("other", NULL);
    int fd = lab_connect("other");
    assert_null(lab_receive(fd));
    close(fd);
    lab_stop(pid);
    assert_true(lab_count("other.log", "only uid=54321") >= 1);
}

static void the_log_names_key_and_call_and_no_pin(void **state)
{
    (void)state;
    assert_true(lab_count("main.log", "key made key=") > 0);
    assert_true(lab_count("main.log", "call=ca110000-") > 0);
    assert_true(lab_count("main.log", "front connected uid=") > 0);
    assert_true(lab_count("main.log", "front disconnected uid=") > 0);
    assert_true(lab_count("main.log", "logged in to the token") > 0);
    assert_int_equal(lab_count("main.log", LAB_PIN), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_made_and_signs),
        cmocka_unit_test(a_raw_message_is_hashed_here),
        cmocka_unit_test(an_id_is_used_once),
        cmocka_unit_test(a_creation_that_is_left_open_is_said_to_be_and_settled),
        cmocka_unit_test(what_cannot_be_signed_is_refused),
        cmocka_unit_test(what_cannot_be_made_is_refused),
        cmocka_unit_test(a_call_that_is_late_never_reaches_the_token),
        cmocka_unit_test(keys_are_listed_in_order),
        cmocka_unit_test(packets_of_many_frames_are_answered_whole),
        cmocka_unit_test(more_frames_than_a_queue_holds_are_refused_at_once),
        cmocka_unit_test(one_front_replaces_the_other),
        cmocka_unit_test(a_listing_is_all_that_becomes_of_a_former_front),
        cmocka_unit_test(broken_framing_disconnects),
        cmocka_unit_test(hello_comes_first_and_once),
        cmocka_unit_test(another_version_is_refused),
        cmocka_unit_test(a_front_that_does_not_read_is_disconnected),
        cmocka_unit_test(keys_are_there_after_a_restart),
        cmocka_unit_test(a_killed_daemon_comes_back_on_its_socket),
        cmocka_unit_test(a_second_daemon_is_refused),
        cmocka_unit_test(what_is_no_socket_is_left_alone),
        cmocka_unit_test(a_stranger_is_refused),
        cmocka_unit_test(the_log_names_key_and_call_and_no_pin),
    };
    if (lab_open(NULL) != 0 || start(NULL) != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    stop(NULL);
    lab_close(NULL);
    return failed;
}
