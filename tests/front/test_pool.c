/* SPDX-License-Identifier: BSD-2-Clause
 * The way to a keyd-hsm: packing, waiting for one that restarts, deadlines, and what a broken one
 * does to the calls that it has. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/text.h"
#include "keyd/front/service/pool.h"
#include "keyd/wall/packet.h"
#include "tests/cmocka.h"
#include "tests/front/fake_hsm.h"

#define MS 1000000LL

static char folder[] = "/tmp/keyd-pool.XXXXXX";
static char socket_path[64];
static struct fake_hsm fake;
static struct keyid key;
static struct pool *pool;
static atomic_uint listed_keys;
static const struct pool_token_config config = {
    .name = "main", .socket = socket_path, .hsm_uid = POOL_ANY_UID};

struct
try {
    struct pool_request request;
    Keyd__Hsm__V1__Sign sign;
    atomic_bool done;
    atomic_bool cancelled;
    struct keyd_error err; /* status OK: answered well */
};

static uint8_t message[65536];
static uint8_t call_id[KEYID_SIZE];

static void nap(int64_t ns)
{
    nanosleep(&(struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000}, NULL);
}

static void listed(void *context, unsigned token, uint64_t generation, bool complete,
                   struct keyring_key **keys, size_t count)
{
    (void)context;
    (void)complete;
    for (size_t i = 0; i < count; i++)
        keyring_key_put(keys[i]);
    free(keys);
    listed_keys = (unsigned)count;
    pool_token_up(pool, token, generation);
}

static void on_done(struct pool_request *request, const Keyd__Hsm__V1__Answer *answer,
                    const struct keyd_error *err)
{
    struct try *try = (struct try *)request;
    if (err != NULL)
        try->err = *err;
    else if (answer->body_case != KEYD__HSM__V1__ANSWER__BODY_SIGNATURE)
        keyd_fail(&try->err, KEYD_UNKNOWN, "NO_SIGNATURE", "no signature");
    atomic_store(&try->done, true);
}

static void start(struct try *try, int64_t within_ns, size_t length)
{
    memset(try, 0, sizeof *try);
    keyd__hsm__v1__sign__init(&try->sign);
    try->sign.key_id = (ProtobufCBinaryData){.len = KEYID_SIZE, .data = key.bytes};
    try->sign.signing_algorithm = KEYD__V1__SIGNING_ALGORITHM__ECDSA_SHA_256;
    try->sign.message = (ProtobufCBinaryData){.len = length, .data = message};
    keyd__hsm__v1__request__init(&try->request.message);
    try->request.message.call_id = (ProtobufCBinaryData){.len = sizeof call_id, .data = call_id};
    try->request.message.principal = (char *)"uid:7";
    try->request.message.deadline = (uint64_t)(clock_monotonic_ns() + within_ns);
    try->request.message.body_case = KEYD__HSM__V1__REQUEST__BODY_SIGN;
    try->request.message.sign = &try->sign;
    try->request.cancelled = &try->cancelled;
    try->request.done = on_done;
    pool_send(pool, &try->request);
}

static bool ends(struct try *try, int64_t within_ns)
{
    int64_t until = clock_monotonic_ns() + within_ns;
    while (!atomic_load(&try->done) && clock_monotonic_ns() < until)
        nap(MS / 4);
    return atomic_load(&try->done);
}

static void expect(struct try *try, enum keyd_status status, const char *reason)
{
    assert_true(ends(try, 5000 * MS));
    if (try->err.status != status)
        fail_msg("%s: %s", keyd_status_name(try->err.status), try->err.message);
    assert_string_equal(try->err.reason, reason);
}

static void wait_up(void)
{
    struct pool_status status;
    for (int i = 0; i < 5000; i++) {
        pool_status(pool, 0, &status);
        if (status.state == KEYD__V1__TOKEN_STATE__READY)
            return;
        nap(MS);
    }
    fail_msg("the token does not come up: %s", status.message);
}

static void wait_frames(unsigned frames)
{
    for (int i = 0; i < 5000 && fake.frames < frames; i++)
        nap(MS);
    assert_int_equal(fake.frames, frames);
}

static void many_requests_are_few_packets(void **state)
{
    (void)state;
    static struct try tries[64];
    fake_hsm_up(&fake);
    wait_up();
    for (size_t i = 0; i < 64; i++)
        start(&tries[i], 5000 * MS, 32);
    assert_int_equal(fake.packets, 2); /* Hello, ListKeys */
    pool_flush(pool);
    for (size_t i = 0; i < 64; i++)
        expect(&tries[i], KEYD_OK, "");
    assert_int_equal(fake.frames, 2 + 64);
    assert_int_equal(fake.packets, 3);
}

static void more_than_the_wall_takes_waits_its_turn(void **state)
{
    (void)state;
    enum { COUNT = WALL_IN_FLIGHT_MAX + 500 };
    static struct try tries[COUNT];
    fake_hsm_up(&fake);
    wait_up();
    for (size_t i = 0; i < COUNT; i++) {
        start(&tries[i], 20000 * MS, 32);
        if (i % 100 == 0)
            pool_flush(pool);
    }
    pool_flush(pool);
    for (size_t i = 0; i < COUNT; i++)
        expect(&tries[i], KEYD_OK, "");
}

static void large_messages_go_through_a_full_socket(void **state)
{
    (void)state;
    static struct try tries[60];
    fake_hsm_up(&fake);
    wait_up();
    for (size_t i = 0; i < 60; i++)
        start(&tries[i], 20000 * MS, sizeof message);
    pool_flush(pool);
    for (size_t i = 0; i < 60; i++)
        expect(&tries[i], KEYD_OK, "");
}

static void a_call_waits_for_a_keyd_hsm_that_restarts(void **state)
{
    (void)state;
    struct try try;
    fake_hsm_up(&fake);
    wait_up();
    fake_hsm_down(&fake);
    nap(100 * MS);
    start(&try, 5000 * MS, 32);
    pool_flush(pool);
    assert_false(ends(&try, 300 * MS));
    fake_hsm_up(&fake);
    expect(&try, KEYD_OK, "");
}

static void a_call_in_flight_is_lost_with_the_connection(void **state)
{
    (void)state;
    struct try try;
    fake.fault = FAKE_SILENT;
    fake_hsm_up(&fake);
    wait_up();
    start(&try, 5000 * MS, 32);
    pool_flush(pool);
    wait_frames(3);
    fake_hsm_down(&fake);
    expect(&try, KEYD_UNAVAILABLE, "TOKEN_RESTARTED");
    assert_true(try.request.sent);
}

static void a_waiting_call_ends_at_its_deadline(void **state)
{
    (void)state;
    struct try try;
    int64_t from = clock_monotonic_ns();
    start(&try, 100 * MS, 32);
    expect(&try, KEYD_DEADLINE_EXCEEDED, "DEADLINE");
    assert_in_range(clock_monotonic_ns() - from, 100 * MS, 2000 * MS);
    assert_false(try.request.sent);
}

static void a_call_in_flight_ends_at_its_deadline(void **state)
{
    (void)state;
    struct try impatient, patient;
    fake.fault = FAKE_SILENT;
    fake_hsm_up(&fake);
    wait_up();
    start(&impatient, 500 * MS, 32);
    start(&patient, 500 * MS, 32);
    patient.request.patient = true;
    pool_flush(pool);
    expect(&impatient, KEYD_DEADLINE_EXCEEDED, "DEADLINE");
    assert_true(impatient.request.sent);
    assert_false(ends(&patient, 200 * MS));
    fake_hsm_down(&fake);
    expect(&patient, KEYD_UNAVAILABLE, "TOKEN_RESTARTED");
}

static void a_cancelled_call_is_not_sent(void **state)
{
    (void)state;
    struct try try, next;
    fake_hsm_up(&fake);
    wait_up();
    start(&try, 5000 * MS, 32);
    atomic_store(&try.cancelled, true);
    start(&next, 5000 * MS, 32);
    pool_flush(pool);
    expect(&try, KEYD_CANCELLED, "CANCELLED");
    expect(&next, KEYD_OK, "");
    assert_int_equal(fake.frames, 3);
}

static void wait_away(const char *why)
{
    struct pool_status status;
    for (int i = 0; i < 2 * WALL_SILENCE_MS; i++) {
        pool_status(pool, 0, &status);
        if (status.state == KEYD__V1__TOKEN_STATE__AWAY)
            break;
        nap(MS);
    }
    assert_int_equal(status.state, KEYD__V1__TOKEN_STATE__AWAY);
    assert_non_null(strstr(status.message, why));
    assert_non_null(strstr(status.message, "away since 20"));
}

/* Nobody calls it, and its state is told all the same. */
static void one_that_is_frozen_is_away_until_it_goes_on(void **state)
{
    (void)state;
    struct try try;
    fake_hsm_up(&fake);
    wait_up();
    int64_t from = clock_monotonic_ns();
    fake.fault = FAKE_FROZEN;
    wait_away("says nothing");
    assert_true(clock_monotonic_ns() - from > (WALL_SILENCE_MS - WALL_BEAT_MS) * MS);
    start(&try, 20000 * MS, 32);
    assert_true(atomic_load(&try.done));
    expect(&try, KEYD_UNAVAILABLE, "TOKEN_AWAY");
    assert_non_null(strstr(try.err.message, "says nothing"));
    fake.fault = FAKE_NONE;
    wait_up();
    start(&try, 5000 * MS, 32);
    pool_flush(pool);
    expect(&try, KEYD_OK, "");
    assert_int_equal(fake.connections, 1);
}

static void what_a_frozen_one_has_ends_at_its_deadline_or_by_its_answer(void **state)
{
    (void)state;
    struct try impatient, patient;
    fake_hsm_up(&fake);
    wait_up();
    fake.fault = FAKE_FROZEN;
    nap(50 * MS);
    start(&impatient, (WALL_SILENCE_MS + 2500) * MS, 32);
    start(&patient, 60000 * MS, 32);
    pool_flush(pool);
    wait_away("says nothing");
    assert_true(ends(&impatient, 5000 * MS));
    expect(&impatient, KEYD_DEADLINE_EXCEEDED, "DEADLINE");
    assert_non_null(strstr(impatient.err.message, "says nothing"));
    assert_false(atomic_load(&patient.done));
    fake.fault = FAKE_NONE;
    expect(&patient, KEYD_OK, "");
    wait_up();
}

static void a_state_of_before_is_told_again_after_a_freeze(void **state)
{
    (void)state;
    struct pool_status status = {0};
    fake.state = KEYD__HSM__V1__WELCOME__STATE__LOGIN_NEEDED;
    fake.state_message = "the PIN was refused; correct it";
    fake_hsm_up(&fake);
    for (int i = 0; i < 5000 && status.state != KEYD__V1__TOKEN_STATE__LOGIN_NEEDED; i++) {
        nap(MS);
        pool_status(pool, 0, &status);
    }
    fake.fault = FAKE_FROZEN;
    wait_away("says nothing");
    fake.fault = FAKE_NONE;
    for (int i = 0; i < 5000 && status.state != KEYD__V1__TOKEN_STATE__LOGIN_NEEDED; i++) {
        nap(MS);
        pool_status(pool, 0, &status);
    }
    assert_int_equal(status.state, KEYD__V1__TOKEN_STATE__LOGIN_NEEDED);
    assert_string_equal(status.message, fake.state_message);
}

/* One that says that it runs has a slow token, whatever it answers. */
static void one_that_is_slow_is_not_away(void **state)
{
    (void)state;
    struct try try;
    struct pool_status status;
    fake.fault = FAKE_SILENT;
    fake_hsm_up(&fake);
    wait_up();
    start(&try, 60000 * MS, 32);
    pool_flush(pool);
    for (int64_t until = clock_monotonic_ns() + (WALL_SILENCE_MS + 3000) * MS;
         clock_monotonic_ns() < until; nap(10 * MS)) {
        pool_status(pool, 0, &status);
        assert_int_equal(status.state, KEYD__V1__TOKEN_STATE__READY);
    }
    assert_false(atomic_load(&try.done));
    fake_hsm_down(&fake);
    expect(&try, KEYD_UNAVAILABLE, "TOKEN_RESTARTED");
}

static void the_queue_is_bounded(void **state)
{
    (void)state;
    static struct try tries[POOL_QUEUE_MAX + 1];
    for (size_t i = 0; i <= POOL_QUEUE_MAX; i++)
        start(&tries[i], 300 * MS, 32);
    expect(&tries[POOL_QUEUE_MAX], KEYD_RESOURCE_EXHAUSTED, "TOKEN_BUSY");
    for (size_t i = 0; i < POOL_QUEUE_MAX; i++)
        expect(&tries[i], KEYD_DEADLINE_EXCEEDED, "DEADLINE");
}

static void a_token_that_is_away_for_long_is_said_to_be_at_once(void **state)
{
    (void)state;
    struct try early, late;
    start(&early, 20000 * MS, 32);
    nap(POOL_PATIENCE_NS);
    start(&late, 20000 * MS, 32);
    assert_true(atomic_load(&late.done));
    expect(&late, KEYD_UNAVAILABLE, "TOKEN_AWAY");
    assert_non_null(strstr(late.err.message, "away since 20"));
    assert_false(atomic_load(&early.done));
    fake_hsm_up(&fake);
    expect(&early, KEYD_OK, "");
}

static void refusing_states_are_passed_on(void **state)
{
    (void)state;
    struct try waiting, after;
    struct pool_status status;
    start(&waiting, 5000 * MS, 32);
    fake.state = KEYD__HSM__V1__WELCOME__STATE__LOGIN_NEEDED;
    fake.state_message = "the PIN was refused; correct it";
    fake_hsm_up(&fake);
    expect(&waiting, KEYD_FAILED_PRECONDITION, "LOGIN_NEEDED");
    assert_non_null(strstr(waiting.err.message, "the PIN was refused; correct it"));
    pool_status(pool, 0, &status);
    assert_int_equal(status.state, KEYD__V1__TOKEN_STATE__LOGIN_NEEDED);
    fake_hsm_down(&fake);
    fake.state = KEYD__HSM__V1__WELCOME__STATE__FAULTY;
    fake_hsm_up(&fake);
    for (int i = 0; i < 5000 && status.state != KEYD__V1__TOKEN_STATE__FAULTY; i++) {
        nap(MS);
        pool_status(pool, 0, &status);
    }
    start(&after, 5000 * MS, 32);
    expect(&after, KEYD_UNAVAILABLE, "TOKEN_FAULTY");
}

static void away_because(const char *why)
{
    struct pool_status status = {0};
    for (int i = 0; i < 3000 && strstr(status.message, why) == NULL; i++) {
        nap(MS);
        pool_status(pool, 0, &status);
    }
    assert_non_null(strstr(status.message, why));
    assert_int_equal(status.state, KEYD__V1__TOKEN_STATE__AWAY);
}

static void a_keyd_hsm_of_another_token_is_refused(void **state)
{
    (void)state;
    fake.token = "other";
    fake_hsm_up(&fake);
    away_because("serves another token, other");
}

static void what_a_keyd_hsm_says_is_told_as_text_only(void **state)
{
    (void)state;
    static char endless[4001];
    struct pool_status status;
    for (size_t i = 0; i + 1 < sizeof endless; i += 2)
        memcpy(endless + i, "\xc3\xa4", 2);
    fake.token = "\xff\xfe";
    fake_hsm_up(&fake);
    away_because("sent what is no answer");
    fake_hsm_down(&fake);
    endless[1] = 'x';
    for (int shift = 0; shift < 2; shift++) { /* so that one of the two is cut in a character */
        fake.token = endless + 2 - shift;
        fake_hsm_up(&fake);
        away_because(shift == 0 ? "another token, \xc3\xa4" : "another token, x\xc3\xa4");
        pool_status(pool, 0, &status);
        assert_true(strlen(status.message) > 700);
        assert_true(text_is_utf8(status.message, strlen(status.message)));
        fake_hsm_down(&fake);
    }
}

static void a_keyd_hsm_of_another_uid_is_refused(void **state)
{
    (void)state;
    struct pool_token_config strict = config;
    pool_free(pool);
    strict.hsm_uid = getuid() + 1;
    assert_int_equal(pool_open(&strict, 1, listed, NULL, &pool, NULL), KEYD_OK);
    fake_hsm_up(&fake);
    away_because("belongs to uid");
}

static void one_that_sends_garbage_is_left_and_tried_again(void **state)
{
    (void)state;
    struct try try, next;
    fake.fault = FAKE_GARBAGE;
    fake_hsm_up(&fake);
    wait_up();
    start(&try, 5000 * MS, 32);
    pool_flush(pool);
    expect(&try, KEYD_UNAVAILABLE, "TOKEN_RESTARTED");
    fake.fault = FAKE_NONE;
    start(&next, 5000 * MS, 32);
    pool_flush(pool);
    expect(&next, KEYD_OK, "");
    assert_true(fake.connections >= 2);
}

static void keys_are_listed_page_by_page(void **state)
{
    (void)state;
    for (int i = 0; i < 249; i++)
        fake_hsm_add_key(&fake);
    fake.page = 7;
    fake_hsm_up(&fake);
    wait_up();
    assert_int_equal(listed_keys, 250);
    assert_int_equal(fake.frames, 1 + 36);
}

static void stopping_ends_all_that_is_open(void **state)
{
    (void)state;
    struct try in_flight, waiting, late;
    fake.fault = FAKE_SILENT;
    fake_hsm_up(&fake);
    wait_up();
    start(&in_flight, 5000 * MS, 32);
    pool_flush(pool);
    wait_frames(3);
    start(&waiting, 5000 * MS, 32);
    pool_stop(pool);
    start(&late, 5000 * MS, 32);
    expect(&in_flight, KEYD_UNAVAILABLE, "SHUTTING_DOWN");
    expect(&waiting, KEYD_UNAVAILABLE, "SHUTTING_DOWN");
    expect(&late, KEYD_UNAVAILABLE, "SHUTTING_DOWN");
}

static int open_all(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof fake);
    fake.socket = socket_path;
    fake.token = "main";
    key = fake_hsm_add_key(&fake);
    return pool_open(&config, 1, listed, NULL, &pool, NULL) == KEYD_OK ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    pool_free(pool);
    fake_hsm_free(&fake);
    return 0;
}

static int make_folder(void **state)
{
    (void)state;
    bool made = mkdtemp(folder) != NULL;
    snprintf(socket_path, sizeof socket_path, "%s/main.sock", folder);
    return made ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(many_requests_are_few_packets),
        CASE(more_than_the_wall_takes_waits_its_turn),
        CASE(large_messages_go_through_a_full_socket),
        CASE(a_call_waits_for_a_keyd_hsm_that_restarts),
        CASE(a_call_in_flight_is_lost_with_the_connection),
        CASE(a_waiting_call_ends_at_its_deadline),
        CASE(a_call_in_flight_ends_at_its_deadline),
        CASE(a_cancelled_call_is_not_sent),
        CASE(one_that_is_frozen_is_away_until_it_goes_on),
        CASE(what_a_frozen_one_has_ends_at_its_deadline_or_by_its_answer),
        CASE(a_state_of_before_is_told_again_after_a_freeze),
        CASE(one_that_is_slow_is_not_away),
        CASE(the_queue_is_bounded),
        CASE(a_token_that_is_away_for_long_is_said_to_be_at_once),
        CASE(refusing_states_are_passed_on),
        CASE(a_keyd_hsm_of_another_token_is_refused),
        CASE(what_a_keyd_hsm_says_is_told_as_text_only),
        CASE(a_keyd_hsm_of_another_uid_is_refused),
        CASE(one_that_sends_garbage_is_left_and_tried_again),
        CASE(keys_are_listed_page_by_page),
        CASE(stopping_ends_all_that_is_open),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
