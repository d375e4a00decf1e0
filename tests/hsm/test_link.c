/* SPDX-License-Identifier: BSD-2-Clause
 * The wall's keyd-hsm side by itself: who gets which request, and when answers leave. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/hsm/link.h"
#include "tests/cmocka.h"

static struct link *wall;
static struct link_worker *signer;

/* A link and its workers last as long as their process, so there is nothing to free them with. */
static void *kept[16];
static unsigned kept_count;

static void *keep(void *made)
{
    assert_non_null(made);
    kept[kept_count++] = made;
    return made;
}

static int fresh(void **state)
{
    (void)state;
    wall = keep(link_new());
    signer = keep(link_worker_new());
    return 0;
}

static int away(void **state)
{
    (void)state;
    link_stop(wall);
    return 0;
}

/* A front's end of a new connection; *here: ours, which the link has now. */
static int connect_front(int *here)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    *here = ends[0];
    link_accept(wall, ends[0], 1, 1);
    return ends[1];
}

/* One packet with requests of these tags; the first of a connection goes alone. */
static void ask(int front, uint64_t tag, unsigned count)
{
    static struct wall_packet packet;
    wall_packet_reset(&packet);
    for (unsigned i = 0; i < count; i++) {
        wall_request request = KEYD__HSM__V1__REQUEST__INIT;
        request.tag = tag + i;
        assert_true(wall_packet_add(&packet, &request.base));
    }
    assert_int_equal(send(front, packet.data, packet.length, 0), packet.length);
}

static uint64_t tag_of(const struct link_item *item)
{
    wall_request *request =
        (wall_request *)wall_unpack(&keyd__hsm__v1__request__descriptor, item->frame, item->size);
    assert_non_null(request);
    uint64_t tag = request->tag;
    keyd__hsm__v1__request__free_unpacked(request, NULL);
    return tag;
}

static void answer(struct link_item *item, bool at_once)
{
    wall_answer made = KEYD__HSM__V1__ANSWER__INIT;
    made.tag = tag_of(item);
    item->taken_ns = clock_monotonic_ns(); /* it took no time */
    link_answer(wall, signer, item, &made, at_once);
}

/* Something to read at a front's end within this time. */
static bool hears(int front, int ms)
{
    struct pollfd coming = {.fd = front, .events = POLLIN};
    return poll(&coming, 1, ms) == 1;
}

static void what_a_former_front_asked_for_is_let_go(void **state)
{
    (void)state;
    int former_here;
    int here;
    int former = connect_front(&former_here);
    ask(former, 1, 1);
    link_pass(wall, link_take(wall, signer));
    ask(former, 2, 3);
    link_pass(wall, link_take(wall, signer)); /* 3 and 4 stay in the queue */
    assert_true(fcntl(former_here, F_GETFD) >= 0);

    int front = connect_front(&here);
    /* Nothing holds the former connection any more. */
    assert_int_equal(fcntl(former_here, F_GETFD), -1);
    assert_int_equal(errno, EBADF);
    ask(front, 10, 1);
    struct link_item *item = link_take(wall, signer);
    assert_int_equal(tag_of(item), 10);
    link_pass(wall, item);
    item = link_take_managing(wall);
    assert_int_equal(tag_of(item), 10);
    answer(item, true);
    assert_true(hears(front, 1000));
    close(former);
    close(front);
}

/* What a signer is to take, and with what. */
struct taking {
    pthread_t thread;
    struct link_worker *own;
    struct link_item *item;
};

static void *take(void *taking)
{
    struct taking *mine = taking;
    mine->item = link_take(wall, mine->own);
    return NULL;
}

static void start_to_take(struct taking *taking)
{
    taking->own = keep(link_worker_new());
    assert_int_equal(pthread_create(&taking->thread, NULL, take, taking), 0);
}

/* One signer has left an answer for company and is in a long signature by now, as all others are
 * but the one that waits for packets. */
static void an_answer_leaves_while_all_signers_are_busy(void **state)
{
    (void)state;
    int here;
    int front = connect_front(&here);
    struct link_item *items[4];
    struct taking last;
    ask(front, 1, 1);
    items[0] = link_take(wall, signer);
    ask(front, 2, 3);
    for (int i = 1; i < 4; i++)
        items[i] = link_take(wall, signer);
    start_to_take(&last);
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL); /* it waits for a packet */
    answer(items[0], false);
    assert_true(hears(front, 1000));
    ask(front, 5, 1);
    pthread_join(last.thread, NULL);
    assert_int_equal(tag_of(last.item), 5);
    answer(last.item, true);
    for (int i = 1; i < 4; i++)
        answer(items[i], true);
    close(front);
}

/* Whoever cannot send an answer ends the connection, and the next receiver lets go of it, with what
 * lies in its socket. */
static void a_front_that_takes_no_answer_is_let_go(void **state)
{
    (void)state;
    int here;
    struct taking next;
    int front = connect_front(&here);
    ask(front, 1, 1);
    struct link_item *item = link_take(wall, signer);
    ask(front, 2, 3);
    assert_int_equal(shutdown(front, SHUT_RD), 0);
    answer(item, true);
    start_to_take(&next);
    for (int i = 0; fcntl(here, F_GETFD) >= 0 && i < 200; i++)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_int_equal(fcntl(here, F_GETFD), -1);
    assert_int_equal(link_beat(wall), -1);
    close(front);
    front = connect_front(&here);
    ask(front, 10, 1);
    pthread_join(next.thread, NULL);
    assert_int_equal(tag_of(next.item), 10);
    answer(next.item, true);
    assert_true(hears(front, 1000));
    close(front);
}

static bool is_beat(int front)
{
    uint8_t data[64];
    const uint8_t *frame;
    size_t size;
    ssize_t n = recv(front, data, sizeof data, MSG_DONTWAIT);
    struct wall_cursor cursor = {data, n > 0 ? (size_t)n : 0};
    if (wall_cursor_next(&cursor, &frame, &size) != 1 || cursor.left > 0)
        return false;
    wall_answer *got = (wall_answer *)wall_unpack(&keyd__hsm__v1__answer__descriptor, frame, size);
    assert_non_null(got);
    bool is = got->body_case == KEYD__HSM__V1__ANSWER__BODY_BEAT && got->tag == 0;
    keyd__hsm__v1__answer__free_unpacked(got, NULL);
    return is;
}

/* All signers are in the module, and nobody receives. */
static void a_front_is_told_that_the_process_runs(void **state)
{
    (void)state;
    int here;
    assert_int_equal(link_beat(wall), -1);
    int front = connect_front(&here);
    ask(front, 1, 1);
    struct link_item *item = link_take(wall, signer);
    assert_in_range(link_beat(wall), 1, WALL_BEAT_MS);
    assert_false(hears(front, 0)); /* it was not greeted */
    link_greeted(item);
    for (int beats = 0; beats < 2; beats++) {
        int wait_ms = link_beat(wall);
        assert_in_range(wait_ms, 1, WALL_BEAT_MS);
        assert_false(hears(front, 0));
        nanosleep(
            &(struct timespec){.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000L},
            NULL);
        assert_in_range(link_beat(wall), 1, WALL_BEAT_MS);
        assert_true(is_beat(front));
    }
    answer(item, true);
    assert_true(hears(front, 1000));
    close(front);
}

static void a_front_that_reads_nothing_holds_no_beat_up(void **state)
{
    (void)state;
    int here;
    int front = connect_front(&here);
    ask(front, 1, 1);
    struct link_item *item = link_take(wall, signer);
    link_greeted(item);
    while (send(here, "x", 1, MSG_DONTWAIT) == 1)
        continue;
    int64_t from = clock_monotonic_ns();
    assert_in_range(link_beat(wall), 1, WALL_BEAT_MS);
    assert_true(clock_monotonic_ns() - from < 5000000000);
    assert_true(fcntl(here, F_GETFD) >= 0);
    link_reject(wall, item, "the test is over");
    close(front);
}

static void a_stop_wakes_everybody(void **state)
{
    (void)state;
    int here;
    int front = connect_front(&here);
    struct taking takers[2];
    for (int i = 0; i < 2; i++)
        start_to_take(&takers[i]);
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    link_stop(wall);
    for (int i = 0; i < 2; i++) {
        pthread_join(takers[i].thread, NULL);
        assert_null(takers[i].item);
    }
    assert_null(link_take_managing(wall));
    link_hang_up(wall);
    struct pollfd over = {.fd = front, .events = POLLRDHUP};
    assert_int_equal(poll(&over, 1, 0), 1);
    close(front);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_former_front_asked_for_is_let_go, fresh, away),
        cmocka_unit_test_setup_teardown(an_answer_leaves_while_all_signers_are_busy, fresh, away),
        cmocka_unit_test_setup_teardown(a_front_that_takes_no_answer_is_let_go, fresh, away),
        cmocka_unit_test_setup_teardown(a_front_is_told_that_the_process_runs, fresh, away),
        cmocka_unit_test_setup_teardown(a_front_that_reads_nothing_holds_no_beat_up, fresh, away),
        cmocka_unit_test_setup_teardown(a_stop_wakes_everybody, fresh, away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
