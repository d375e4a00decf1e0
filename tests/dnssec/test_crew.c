/* SPDX-License-Identifier: BSD-2-Clause
 * A crew writes its parts in order, whoever makes them and however long it takes; and the first
 * error, wherever it comes from, ends all. The same of the relay. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/dns/rrtype.h"
#include "client/dnssec/crew.h"
#include "client/dnssec/relay.h"
#include "tests/cmocka.h"
#include "tests/dnssec/lab.h"

#define PARTS 500

struct scene {
    size_t taken;
    struct bytes written;
    atomic_int open;      /* desks */
    size_t fail_to_make;  /* number of the part, from 1; 0: none, as in the next ones */
    size_t fail_to_write; /* by the number of bytes that are there already */
    int fail_to_open;
};

static bool take(void *context, void *part)
{
    struct scene *scene = context;
    if (scene->taken == PARTS)
        return false;
    scene->taken++;
    memcpy(part, &scene->taken, sizeof scene->taken);
    return true;
}

static enum keyd_status open_desk(void *context, void **desk, struct keyd_error *err)
{
    struct scene *scene = context;
    *desk = NULL;
    if (atomic_fetch_add(&scene->open, 1) + 1 == scene->fail_to_open)
        return keyd_fail(err, KEYD_INTERNAL, "OPEN", "no desk");
    *desk = scene;
    return KEYD_OK;
}

static void close_desk(void *context, void *desk)
{
    struct scene *scene = context;
    (void)desk;
    atomic_fetch_sub(&scene->open, 1);
}

static enum keyd_status make(void *context, void *desk, const void *part, struct bytes *out,
                             struct keyd_error *err)
{
    struct scene *scene = context;
    size_t number;
    memcpy(&number, part, sizeof number);
    assert_ptr_equal(desk, scene);
    if (number == scene->fail_to_make)
        return keyd_fail(err, KEYD_INTERNAL, "MAKE", "part %zu", number);
    /* Some take long, so that those behind them are ready first. */
    const struct timespec wait = {.tv_nsec = number % 7 == 0 ? 300000 : 0};
    nanosleep(&wait, NULL);
    bytes_u16(out, (unsigned)number);
    return KEYD_OK;
}

static enum keyd_status write_part(void *context, const void *data, size_t length,
                                   struct keyd_error *err)
{
    struct scene *scene = context;
    if (scene->fail_to_write != 0 && scene->written.length >= scene->fail_to_write)
        return keyd_fail(err, KEYD_RESOURCE_EXHAUSTED, "WRITE", "no room");
    bytes_add(&scene->written, data, length);
    return KEYD_OK;
}

static enum keyd_status run(struct scene *scene, unsigned threads, struct keyd_error *err)
{
    const struct crew crew = {.threads = threads,
                              .part_size = sizeof(size_t),
                              .context = scene,
                              .take = take,
                              .open = open_desk,
                              .close = close_desk,
                              .make = make,
                              .write = write_part};
    enum keyd_status status = crew_run(&crew, err);
    assert_int_equal(atomic_load(&scene->open), 0);
    struct cursor written = cursor_over(scene->written.data, scene->written.length);
    for (size_t i = 1; cursor_left(&written) > 0; i++)
        assert_int_equal(cursor_u16(&written), i);
    return status;
}

static void parts_are_written_in_order(void **state)
{
    (void)state;
    static const unsigned threads[] = {1, 2, 3, 16, 200, 0};
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        struct scene scene = {0};
        assert_int_equal(run(&scene, threads[i], NULL), KEYD_OK);
        assert_int_equal(scene.written.length, 2 * PARTS);
        bytes_free(&scene.written);
    }
}

static void the_first_error_ends_all(void **state)
{
    (void)state;
    static const struct {
        struct scene scene;
        const char *reason;
    } rows[] = {
        {{.fail_to_make = 1}, "MAKE"},
        {{.fail_to_make = 250}, "MAKE"},
        {{.fail_to_make = PARTS}, "MAKE"},
        {{.fail_to_write = 2}, "WRITE"},
        {{.fail_to_write = 2 * PARTS - 2}, "WRITE"},
        {{.fail_to_open = 1}, "OPEN"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (unsigned threads = 1; threads <= 4; threads++) {
            struct keyd_error err = {.reason = ""};
            struct scene scene = rows[i].scene;
            assert_int_not_equal(run(&scene, threads, &err), KEYD_OK);
            assert_string_equal(err.reason, rows[i].reason);
            assert_true(scene.written.length < 2 * PARTS);
            bytes_free(&scene.written);
        }
    }
}

/* ---- The relay ------------------------------------------------------------------------------ */

struct catch
{
    size_t count;
    size_t fail_at; /* 0: never */
};

static struct zone_record record_at(const struct dname *owner, unsigned line)
{
    return (struct zone_record){.owner = owner->wire,
                                .rdata = (const uint8_t *)"abcd",
                                .length = 4,
                                .ttl = 60,
                                .type = TYPE_A,
                                .place = {.line = line}};
}

static enum keyd_status catch_one(void *context, const struct zone_record *record,
                                  struct keyd_error *err)
{
    struct catch *caught = context;
    if (record->place.line != ++caught->count || record->type != TYPE_A || record->ttl != 60 ||
        record->length != 4 || memcmp(record->rdata, "abcd", 4) != 0 || record->owner[0] != 1)
        return keyd_fail(err, KEYD_INTERNAL, "ORDER", "another record");
    if (caught->count == caught->fail_at)
        return keyd_fail(err, KEYD_DATA_LOSS, "CAUGHT", "record %zu", caught->count);
    return KEYD_OK;
}

static void records_come_through_in_order(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 100000};
    struct dname owner = lab_name("a");
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct relay *relay = NULL;
        struct catch caught = {0};
        assert_int_equal(relay_new(catch_one, &caught, &relay, NULL), KEYD_OK);
        for (unsigned line = 1; line <= counts[i]; line++) {
            const struct zone_record record = record_at(&owner, line);
            assert_int_equal(relay_take(relay, &record, NULL), KEYD_OK);
        }
        assert_int_equal(relay_end(relay, NULL), KEYD_OK);
        assert_int_equal(caught.count, counts[i]);
    }
}

static void an_error_of_the_sink_comes_back(void **state)
{
    (void)state;
    static const size_t at[] = {1, 99, 50000};
    struct dname owner = lab_name("a");
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        struct relay *relay = NULL;
        struct keyd_error err = {.reason = ""};
        struct catch caught = {.fail_at = at[i]};
        enum keyd_status status = relay_new(catch_one, &caught, &relay, NULL);
        for (unsigned line = 1; line <= 100000 && status == KEYD_OK; line++) {
            const struct zone_record record = record_at(&owner, line);
            status = relay_take(relay, &record, NULL);
        }
        assert_int_equal(status, KEYD_ABORTED);
        assert_int_equal(relay_end(relay, &err), KEYD_DATA_LOSS);
        assert_string_equal(err.reason, "CAUGHT");
        assert_int_equal(caught.count, at[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_written_in_order),
        cmocka_unit_test(the_first_error_ends_all),
        cmocka_unit_test(records_come_through_in_order),
        cmocka_unit_test(an_error_of_the_sink_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
