/* SPDX-License-Identifier: BSD-2-Clause
 * Zone files in pieces: wherever they are cut, the records are those of the whole text; and a text
 * that cannot be cut is noticed. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/dnssec/batch.h"
#include "client/dnssec/pieces.h"
#include "tests/cmocka.h"
#include "tests/dnssec/lab.h"

#define LINE "h.example.org.\t60\tIN\tTXT\t\"a ; ( $b\"\n"

static enum keyd_status gather(void *context, const struct zone_record *record,
                               struct keyd_error *err)
{
    (void)err;
    batch_add(context, record);
    return KEYD_OK;
}

static const char *write_text(const struct bytes *text)
{
    const char *path = lab_path("zone");
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text->data, text->length), (ssize_t)text->length);
    close(fd);
    return path;
}

static void fill(struct bytes *text, size_t length)
{
    while (text->length < length)
        bytes_text(text, LINE);
}

/* Whether it was read in pieces; then all is as when it is read at once. */
static bool is_read(const struct bytes *text)
{
    struct dname apex = lab_name("example.org");
    struct bytes pieces = {0};
    struct bytes at_once = {0};
    bool whole = false;
    struct progress progress = {0};
    const char *path = write_text(text);
    enum keyd_status status =
        pieces_read(path, apex.wire, 3, &progress, gather, &pieces, &whole, NULL);
    if (whole) {
        assert_int_equal(status, KEYD_OK);
        assert_int_equal(atomic_load(&progress.total), text->length);
        assert_int_equal(atomic_load(&progress.done), text->length);
        assert_int_equal(zonefile_read(path, apex.wire, gather, &at_once, NULL), KEYD_OK);
        assert_int_equal(pieces.length, at_once.length);
        if (pieces.length > 0)
            assert_memory_equal(pieces.data, at_once.data, pieces.length);
    }
    bytes_free(&pieces);
    bytes_free(&at_once);
    return whole;
}

static void cut_anywhere(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 2 * sizeof LINE; shift++) {
        struct bytes text = {0};
        bytes_u8(&text, ';');
        for (size_t i = 0; i < shift; i++)
            bytes_u8(&text, 'x');
        bytes_u8(&text, '\n');
        fill(&text, 2 * PIECES_SIZE + 1000);
        text.length -= shift % 3; /* some without the last line end, some cut inside a word */
        if (shift % 3 != 2)
            assert_true(is_read(&text));
        bytes_free(&text);
    }
}

/* Of several pieces, and so that a piece has no beginning of a line. */
static void long_lines(void **state)
{
    (void)state;
    static const size_t lengths[] = {PIECES_SIZE - 40, PIECES_SIZE, 3 * PIECES_SIZE};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct bytes text = {0};
        bytes_text(&text, LINE);
        bytes_text(&text, "x.example.org. 60 TXT a ;");
        for (size_t j = 0; j < lengths[i]; j++)
            bytes_u8(&text, ' ');
        bytes_text(&text, "\n");
        fill(&text, 6 * PIECES_SIZE);
        assert_true(is_read(&text));
        bytes_free(&text);
    }
}

static void of_several_lines_inside_of_a_piece(void **state)
{
    (void)state;
    struct bytes text = {0};
    bytes_text(&text, "x.example.org. 60 TXT ( a\n b )\n\t60 TXT c\r\n\n");
    fill(&text, 2 * PIECES_SIZE);
    assert_true(is_read(&text));
    bytes_free(&text);
}

/* Each in front of a piece's end, at its end and behind it. */
static void what_goes_over_to_the_next_line(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "$TTL 60\n",
        "$ORIGIN a.example.org.\n",
        "x.example.org. TXT a\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (size_t before = 0; before <= 3; before++) {
            struct bytes text = {0};
            fill(&text, before * PIECES_SIZE - before * sizeof LINE / 2);
            bytes_text(&text, bad[i]);
            fill(&text, 5 * PIECES_SIZE);
            assert_false(is_read(&text));
            bytes_free(&text);
        }
    }
}

/* An entry that is cut by the end of a piece. */
static void what_is_cut(void **state)
{
    (void)state;
    static const char *const bad[] = {"x.example.org. 60 TXT (\n", "x.example.org. 60 TXT \"a\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct bytes text = {0};
        fill(&text, PIECES_SIZE - sizeof LINE);
        bytes_text(&text, bad[i]);
        fill(&text, 3 * PIECES_SIZE);
        bytes_text(&text, ")\n");
        assert_false(is_read(&text));
        bytes_free(&text);
    }
    struct bytes text = {0};
    fill(&text, PIECES_SIZE);
    bytes_text(&text, " 60 TXT a\n"); /* of the owner before it */
    text.data[PIECES_SIZE - 1] = '\n';
    memset(text.data + PIECES_SIZE, ' ', text.length - PIECES_SIZE - 9);
    assert_false(is_read(&text));
    bytes_free(&text);
}

static void what_is_no_text(void **state)
{
    (void)state;
    struct dname apex = lab_name("example.org");
    struct bytes records = {0};
    struct bytes text = {0};
    bool whole = true;
    assert_false(is_read(&text)); /* empty: left to whoever says so */
    bytes_text(&text, "\xef\xbb\xbf" LINE);
    assert_false(is_read(&text));
    const char *path = lab_path("pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(pieces_read(path, apex.wire, 2, NULL, gather, &records, &whole, NULL),
                     KEYD_OK);
    assert_false(whole);
    assert_int_equal(
        pieces_read(lab_path("nothing"), apex.wire, 2, NULL, gather, &records, &whole, NULL),
        KEYD_NOT_FOUND);
    assert_false(whole);
    bytes_free(&text);
}

static enum keyd_status refuse(void *context, const struct zone_record *record,
                               struct keyd_error *err)
{
    (void)record;
    if (++*(size_t *)context < 3000)
        return KEYD_OK;
    return keyd_fail(err, KEYD_CANCELLED, "ENOUGH", "enough");
}

static void an_error_of_the_sink_comes_back(void **state)
{
    (void)state;
    struct dname apex = lab_name("example.org");
    struct keyd_error err;
    struct bytes text = {0};
    size_t count = 0;
    bool whole = false;
    fill(&text, 10 * PIECES_SIZE);
    const char *path = write_text(&text);
    assert_int_equal(pieces_read(path, apex.wire, 2, NULL, refuse, &count, &whole, &err),
                     KEYD_CANCELLED);
    assert_string_equal(err.reason, "ENOUGH");
    assert_true(whole);
    assert_int_equal(count, 3000);
    bytes_free(&text);
}

static enum keyd_status write_on(void *context, const struct zone_record *record,
                                 struct keyd_error *err)
{
    (void)record;
    (void)err;
    size_t *count = context;
    if (++*count == 1) {
        int fd = open(lab_path("zone"), O_WRONLY | O_APPEND | O_CLOEXEC);
        assert_int_equal(write(fd, LINE, sizeof LINE - 1), sizeof LINE - 1);
        close(fd);
    }
    return KEYD_OK;
}

static void a_file_that_changes(void **state)
{
    (void)state;
    struct dname apex = lab_name("example.org");
    struct bytes text = {0};
    size_t count = 0;
    bool whole = true;
    fill(&text, 3 * PIECES_SIZE);
    const char *path = write_text(&text);
    assert_int_equal(pieces_read(path, apex.wire, 2, NULL, write_on, &count, &whole, NULL),
                     KEYD_OK);
    assert_false(whole);
    bytes_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(of_several_lines_inside_of_a_piece),
        cmocka_unit_test(what_goes_over_to_the_next_line),
        cmocka_unit_test(what_is_cut),
        cmocka_unit_test(what_is_no_text),
        cmocka_unit_test(an_error_of_the_sink_comes_back),
        cmocka_unit_test(a_file_that_changes),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
