/* SPDX-License-Identifier: BSD-2-Clause
 * Zone files as files: included ones, streams, windows, files that change, and what is too long. */
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/dns/rdata.h"
#include "client/dns/zonefile.h"
#include "client/dns/zonetext.h"
#include "keyd/base/file.h"
#include "tests/cmocka.h"

static const uint8_t apex[] = "\7example\3org";
static char folder[] = "/tmp/keyd-dns-test.XXXXXX";
static char seen[8192];    /* the records of the last reading, "owner ttl hex", one a line */
static char notices[4096]; /* what was told, one a line */
static size_t count;
static const char *victim; /* the file that is changed while it is read */
static off_t victim_size;

static int open_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int close_folder(void **state)
{
    (void)state;
    return chdir("/") != 0 || nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0;
}

static void put(const char *path, const char *text)
{
    assert_int_equal(file_replace(path, text, strlen(text), 0600, NULL), KEYD_OK);
}

static enum keyd_status note(void *context, const struct zone_record *record,
                             struct keyd_error *err)
{
    char owner[DNAME_TEXT];
    char where[PLACE_TEXT];
    size_t used = strlen(seen);
    (void)context;
    (void)err;
    dname_format(record->owner, owner);
    snprintf(seen + used, sizeof seen - used, "%s %u ", owner, record->ttl);
    for (size_t i = 0; i < record->length && i < 24; i++) {
        used = strlen(seen);
        snprintf(seen + used, sizeof seen - used, "%02x", record->rdata[i]);
    }
    used = strlen(seen);
    snprintf(seen + used, sizeof seen - used, " %s", place_text(&record->place, where));
    place_append_includes(record->place.file, seen, sizeof seen);
    used = strlen(seen);
    snprintf(seen + used, sizeof seen - used, "\n");
    return KEYD_OK;
}

static void tell(void *context, const char *message)
{
    size_t used = strlen(notices);
    (void)context;
    snprintf(notices + used, sizeof notices - used, "%s\n", message);
}

static void expect_records(const char *path, const char *wanted)
{
    struct keyd_error err = {.message = ""};
    struct progress progress = {0};
    struct place_files files = {0};
    const struct zonefile_options options = {
        .default_ttl = ZONEFILE_NO_TTL, .progress = &progress, .files = &files};
    seen[0] = '\0';
    assert_int_equal(zonefile_read_with(path, apex, &options, note, NULL, &err), KEYD_OK);
    place_files_free(&files);
    assert_true(atomic_load(&progress.total) > 0); /* of all files, the included ones too */
    assert_int_equal(atomic_load(&progress.done), atomic_load(&progress.total));
    assert_string_equal(err.message, "");
    assert_string_equal(seen, wanted);
}

static void expect_error(const char *path, const char *wanted)
{
    struct keyd_error err = {.message = "it was read"};
    seen[0] = '\0';
    assert_int_not_equal(zonefile_read(path, apex, note, NULL, &err), KEYD_OK);
    assert_string_equal(err.message, wanted);
}

static void includes_begin_and_end_with_what_holds_there(void **state)
{
    (void)state;
    assert_int_equal(mkdir("sub", 0700), 0);
    put("top", "$TTL 60\nx A 192.0.2.1\n$INCLUDE sub/one b ; comment\n A 192.0.2.2\n"
               "y A 192.0.2.3\n$INCLUDE \"sub/t\\119o\"\nz A 192.0.2.4");
    put("sub/one",
        " A 192.0.2.10\n$TTL 70\nn A 192.0.2.11\n$ORIGIN d\n$INCLUDE two\n A 192.0.2.12\n");
    put("sub/two", "@ A 192.0.2.20\n");
    expect_records(
        "top", "x.example.org. 60 c0000201 top:2:1\n"
               "x.example.org. 60 c000020a sub/one:1:2 (included from top:3)\n"
               "n.b.example.org. 70 c000020b sub/one:3:1 (included from top:3)\n"
               "d.b.example.org. 70 c0000214 sub/two:1:1 (included from sub/one:5, from top:3)\n"
               "n.b.example.org. 70 c000020c sub/one:6:2 (included from top:3)\n"
               "x.example.org. 70 c0000202 top:4:2\n"
               "y.example.org. 70 c0000203 top:5:1\n"
               "example.org. 70 c0000214 sub/two:1:1 (included from top:6)\n"
               "z.example.org. 70 c0000204 top:7:1\n");
}

/* Whatever leads to the file that names it. */
static void a_dash_is_a_file(void **state)
{
    (void)state;
    char path[PATH_MAX];
    char wanted[2 * PATH_MAX + 80];
    put("top", "$TTL 60\n$INCLUDE -\n");
    put("sub/top", "$TTL 60\n$INCLUDE ../top\n$INCLUDE -\n");
    expect_error("top", "top:2:10: $INCLUDE '-': -: No such file or directory");
    put("-", "a A 192.0.2.1\n");
    put("sub/-", "b A 192.0.2.2\n");
    expect_records("top", "a.example.org. 60 c0000201 -:1:1 (included from top:2)\n");
    expect_records("./top", "a.example.org. 60 c0000201 ./-:1:1 (included from ./top:2)\n");
    expect_records("sub/../top",
                   "a.example.org. 60 c0000201 sub/../-:1:1 (included from sub/../top:2)\n");
    expect_records(
        "sub/top",
        "a.example.org. 60 c0000201 sub/../-:1:1 (included from sub/../top:2, from sub/top:2)\n"
        "b.example.org. 60 c0000202 sub/-:1:1 (included from sub/top:3)\n");
    snprintf(path, sizeof path, "%s/top", folder);
    snprintf(wanted, sizeof wanted, "a.example.org. 60 c0000201 %s/-:1:1 (included from %s:2)\n",
             folder, path);
    expect_records(path, wanted);
    assert_int_equal(unlink("-"), 0);
    assert_int_equal(unlink("sub/-"), 0);
}

/* Of the first file alone "-" is standard input; what it includes is in the current folder. */
static void standard_input_includes_files(void **state)
{
    (void)state;
    int kept = dup(STDIN_FILENO);
    put("-", "a A 192.0.2.1\n");
    put("top", "$TTL 60\n$INCLUDE -\nb A 192.0.2.2\n");
    int fd = open("top", O_RDONLY | O_CLOEXEC);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
    expect_records("-", "a.example.org. 60 c0000201 -:1:1 (included from standard input:2)\n"
                        "b.example.org. 60 c0000202 standard input:3:1\n");
    assert_int_equal(dup2(kept, STDIN_FILENO), STDIN_FILENO);
    close(kept);
    assert_int_equal(unlink("-"), 0);
}

static void an_error_names_the_chain_of_files(void **state)
{
    (void)state;
    put("top", "$TTL 60\n$INCLUDE one\n");
    put("one", "a A 192.0.2.1\n\n$INCLUDE two\n");
    put("two", "b A 192.0.2\n");
    expect_error("top",
                 "two:1:5: A: '192.0.2': expected an IPv4 address (included from one:3, from "
                 "top:2)");
    put("two", "b A 192.0.2.1\n  $INCLUDE x\n $INCLUDE x\n");
    expect_error("top", "two:2:3: '$INCLUDE' is no RR type (a record is: name TTL class type data) "
                        "(included from one:3, from top:2)");
    put("two", "$INCLUDE ./one\n");
    expect_error("top",
                 "two:1:10: $INCLUDE './one': that file is being read already (included from "
                 "one:3, from top:2)");
    put("one", "$INCLUDE one\n");
    expect_error("top", "one:1:10: $INCLUDE 'one': that file is being read already (included from "
                        "top:2)");
    put("top", "$INCLUDE top\n");
    expect_error("top", "top:1:10: $INCLUDE 'top': that file is being read already");
    put("top", "$INCLUDE no\\010ne\n");
    expect_error("top", "top:1:10: $INCLUDE 'no\\010ne': no?ne: No such file or directory");
    put("top", "$INCLUDE .\n");
    expect_error("top", "top:1:10: $INCLUDE '.': . is a folder: name the zone file in it");
    put("top", "$INCLUDE a\\000b\n");
    expect_error("top", "top:1:10: $INCLUDE 'a\\000b': no name of a file");
}

static void files_in_files_have_a_limit(void **state)
{
    char path[32];
    char text[64];
    char wanted[512];
    struct keyd_error err;
    (void)state;
    for (int i = 1; i <= ZONEFILE_INCLUDE_MAX; i++) {
        snprintf(path, sizeof path, "deep%d", i);
        snprintf(text, sizeof text, "$INCLUDE deep%d\n", i + 1);
        put(path, i < ZONEFILE_INCLUDE_MAX ? text : "a 5 A 192.0.2.1\n");
    }
    snprintf(wanted, sizeof wanted, "a.example.org. 5 c0000201 deep20:1:1 (included");
    for (int i = ZONEFILE_INCLUDE_MAX - 1; i > 0; i--) {
        size_t used = strlen(wanted);
        snprintf(wanted + used, sizeof wanted - used, " from deep%d:1%s", i, i > 1 ? "," : ")\n");
    }
    expect_records("deep1", wanted);
    put(path, "$INCLUDE deep21\n");
    assert_int_equal(zonefile_read("deep1", apex, note, NULL, &err), KEYD_INVALID_ARGUMENT);
    assert_memory_equal(err.message,
                        "deep20:1:10: $INCLUDE 'deep21': more than 20 files in another", 61);
}

static void generate_makes_records(void **state)
{
    (void)state;
    put("top", "$TTL 60\nx A 192.0.2.1\n$GENERATE 8-10 h${0,3} A 192.0.2.$\n"
               "$GENERATE 1-9/5 ${-1,2,d}.$$.\\$ 7 IN MX \"$ m${15,3,x}\"\n"
               "$GENERATE 10-10 ${0,5,n} IN TXT ${0,0,o}${0,0,X}${0,7,N}${1}\n A 192.0.2.9\n");
    expect_records(
        "top", "x.example.org. 60 c0000201 top:2:1\n"
               "h008.example.org. 60 c0000208 top:3:1\n"
               "h009.example.org. 60 c0000209 top:3:1\n"
               "h010.example.org. 60 c000020a top:3:1\n"
               "00.\\036.\\036.example.org. 7 0001046d303130076578616d706c65036f726700 top:4:1\n"
               "05.\\036.\\036.example.org. 7 0006046d303135076578616d706c65036f726700 top:4:1\n"
               "a.0.0.example.org. 60 0c313241412e302e302e303131 top:5:1\n"
               "x.example.org. 60 c0000209 top:6:2\n");
}

static void reads_a_pipe(void **state)
{
    int ends[2];
    struct keyd_error err;
    const struct zonefile_options options = {.default_ttl = 9, .from_fd = true, .fd = -1};
    struct zonefile_options of_pipe = options;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "a A 192.0.2.1\nb A x\n", 20), 20);
    close(ends[1]);
    of_pipe.fd = ends[0];
    seen[0] = '\0';
    assert_int_equal(zonefile_read_with("the pipe", apex, &of_pipe, note, NULL, &err),
                     KEYD_INVALID_ARGUMENT);
    assert_string_equal(err.message, "the pipe:2:5: A: 'x': expected an IPv4 address");
    assert_string_equal(seen, "a.example.org. 9 c0000201 the zone:1:1\n");
    close(ends[0]);
    assert_int_not_equal(zonefile_read_with("closed", apex, &options, note, NULL, &err), KEYD_OK);
}

static void what_is_outside_is_dropped_and_told(void **state)
{
    struct keyd_error err;
    const struct zonefile_options options = {
        .default_ttl = ZONEFILE_NO_TTL, .drop_outside = true, .notice = tell};
    (void)state;
    put("top", "a 5 A 192.0.2.1\nother. 5 A 192.0.2.2\n TXT x\nb 5 A 192.0.2.3\n"
               "$GENERATE 1-20 $.other. 5 A 192.0.2.$\nc 5 A 192.0.2.4\n");
    seen[0] = notices[0] = '\0';
    assert_int_equal(zonefile_read_with("top", apex, &options, note, NULL, &err), KEYD_OK);
    assert_string_equal(seen, "a.example.org. 5 c0000201 the zone:1:1\n"
                              "b.example.org. 5 c0000203 the zone:4:1\n"
                              "c.example.org. 5 c0000204 the zone:6:1\n");
    const char *last = "\n22 records outside of the zone were dropped\n";
    const char *first = "dropped: top:2:1: other. is outside of the zone example.org.\n"
                        "dropped: top:3:2: other. is outside of the zone example.org.\n"
                        "dropped: top:5:16: $GENERATE, at 1: 1.other. is outside";
    assert_memory_equal(notices, first, strlen(first));
    assert_string_equal(notices + strlen(notices) - strlen(last), last);
    size_t lines = 0;
    for (const char *c = notices; *c != '\0'; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 11); /* ten records, and how many there were */
}

/* ---- The window ----------------------------------------------------------------------------- */

static enum keyd_status check_number(void *context, const struct zone_record *record,
                                     struct keyd_error *err)
{
    char number[16];
    (void)context;
    (void)err;
    int n = snprintf(number, sizeof number, "%zu", count);
    assert_int_equal(record->rdata[0], n);
    assert_memory_equal(record->rdata + 1, number, (size_t)n);
    assert_int_equal(record->place.line, 1 + 2 * count);
    assert_int_equal(record->place.column, 1);
    count++;
    return KEYD_OK;
}

/* Records of many lengths, so that the window ends at every place of one. */
static void records_cross_the_window_whole(void **state)
{
    struct keyd_error err = {.message = ""};
    FILE *file = fopen("many", "w");
    (void)state;
    for (int i = 0; i < 30000; i++)
        fprintf(
            file, "n%d 5 TXT ( %d \"%.*s\" ; %.*s\r\n )\n", i, i, i % 97,
            "------------------------------------------------------------------------------------"
            "----------------",
            i % 61, "(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((");
    fclose(file);
    count = 0;
    assert_int_equal(zonefile_read("many", apex, check_number, NULL, &err), KEYD_OK);
    assert_int_equal(count, 30000);
}

static enum keyd_status change_victim(void *context, const struct zone_record *record,
                                      struct keyd_error *err)
{
    (void)context;
    (void)record;
    (void)err;
    if (count++ == 0)
        assert_int_equal(truncate(victim, victim_size), 0);
    return KEYD_OK;
}

static void expect_changed(off_t size, const char *how)
{
    char wanted[256];
    struct keyd_error err = {.message = "it was read"};
    FILE *file = fopen("changing", "w");
    for (int i = 0; i < 100000; i++)
        fprintf(file, "n%05d 5 A 192.0.2.1\n", i);
    fclose(file);
    count = 0;
    victim = "changing";
    victim_size = size;
    assert_int_equal(zonefile_read("changing", apex, change_victim, NULL, &err), KEYD_ABORTED);
    assert_string_equal(err.reason, "ZONE_FILE_CHANGED");
    snprintf(wanted, sizeof wanted,
             "changing %s while it was read: try again; write a new file beside it and rename it",
             how);
    assert_string_equal(err.message, wanted);
}

/* 100,000 lines of 21 bytes; some hundred KiB are read before the first record is given. */
static void a_file_that_changes_is_refused(void **state)
{
    (void)state;
    expect_changed(2100000 - 21, "became shorter");
    expect_changed(0, "became shorter");
    expect_changed(2100000, "was written to");
}

static void a_record_without_end_is_refused(void **state)
{
    struct keyd_error err;
    FILE *file = fopen("endless", "w");
    (void)state;
    fprintf(file, "a 5 TXT (\n");
    for (int i = 0; i < 300000; i++)
        fprintf(file, "; not closed yet\n");
    fclose(file);
    assert_int_equal(zonefile_read("endless", apex, note, NULL, &err), KEYD_INVALID_ARGUMENT);
    assert_string_equal(err.message, "endless:1:1: a record of more than 4194304 bytes: is a "
                                     "parenthesis not closed?");
}

/* ---- Too long ------------------------------------------------------------------------------- */

static void rdata_has_a_limit(void **state)
{
    struct keyd_error err;
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        FILE *file = fopen("long", "w");
        fprintf(file, "a 5 TYPE65280 \\# %zu %0*d\n", RDATA_MAX + more, 2 * (RDATA_MAX + (int)more),
                0);
        fclose(file);
        seen[0] = '\0';
        assert_int_equal(zonefile_read("long", apex, note, NULL, &err),
                         more == 0 ? KEYD_OK : KEYD_INVALID_ARGUMENT);
        file = fopen("long", "w");
        fprintf(file, "a 5 TXT");
        for (int i = 0; i < 255; i++)
            fprintf(file, " %.255d", 0);
        fprintf(file, " %.*d\n", 254 + (int)more, 0);
        fclose(file);
        assert_int_equal(zonefile_read("long", apex, note, NULL, &err),
                         more == 0 ? KEYD_OK : KEYD_INVALID_ARGUMENT);
        if (more == 1)
            assert_non_null(strstr(err.message, ": rdata of more than 65535 bytes"));
    }
}

static void names_have_a_limit(void **state)
{
    char text[600];
    struct keyd_error err;
    (void)state;
    for (int more = 0; more < 2; more++) {
        /* Of 255 bytes example.org takes 13 and three labels of 60 take 183. */
        snprintf(text, sizeof text, "%060d.%060d.%060d.%0*d 5 A 192.0.2.1\n", 0, 0, 0, 58 + more,
                 0);
        put("long", text);
        assert_int_equal(zonefile_read("long", apex, note, NULL, &err),
                         more == 0 ? KEYD_OK : KEYD_INVALID_ARGUMENT);
        if (more == 1)
            assert_non_null(strstr(err.message, ": a name of more than 255 bytes"));
        snprintf(text, sizeof text, "%0*d 5 CNAME %0*d\n", 63, 0, 63 + more, 0);
        put("long", text);
        assert_int_equal(zonefile_read("long", apex, note, NULL, &err),
                         more == 0 ? KEYD_OK : KEYD_INVALID_ARGUMENT);
        if (more == 1)
            assert_non_null(strstr(err.message, "': a label of more than 63 bytes"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(includes_begin_and_end_with_what_holds_there),
        cmocka_unit_test(a_dash_is_a_file),
        cmocka_unit_test(standard_input_includes_files),
        cmocka_unit_test(an_error_names_the_chain_of_files),
        cmocka_unit_test(files_in_files_have_a_limit),
        cmocka_unit_test(generate_makes_records),
        cmocka_unit_test(reads_a_pipe),
        cmocka_unit_test(what_is_outside_is_dropped_and_told),
        cmocka_unit_test(records_cross_the_window_whole),
        cmocka_unit_test(a_file_that_changes_is_refused),
        cmocka_unit_test(a_record_without_end_is_refused),
        cmocka_unit_test(rdata_has_a_limit),
        cmocka_unit_test(names_have_a_limit),
    };
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}
