/* SPDX-License-Identifier: BSD-2-Clause
 * How a zone is held: in canonical order whatever the order of adding, nothing twice, and a clear
 * word when there is no room. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/dns/rrtype.h"
#include "client/dns/zone.h"
#include "tests/cmocka.h"
#include "tests/dnssec/lab.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* RFC 4034, 6.1, with what only keys could get wrong: bytes 0, 1 and 2, labels that begin alike,
 * wildcards, capitals. */
static const char *const ordered[] = {
    "example",          "\\000.example",      "\\000\\001.example",
    "\\001.example",    "\\001\\000.example", "\\002.example",
    "*.example",        "a.example",          "yljkjljk.a.example",
    "Z.a.example",      "zABC.a.EXAMPLE",     "a\\000.example",
    "x.a\\000.example", "a-b.example",        "ab.example",
    "z.example",        "\\001.z.example",    "*.z.example",
    "\\200.z.example",
};

static void add(struct zone *zone, const char *owner, uint32_t ttl, const char *rdata)
{
    struct dname name = lab_name(owner);
    const struct zone_record record = {.owner = name.wire,
                                       .rdata = (const uint8_t *)rdata,
                                       .length = 4,
                                       .ttl = ttl,
                                       .type = TYPE_A};
    assert_int_equal(zone_add(zone, &record, NULL), KEYD_OK);
}

static struct zone *new_zone(const char *apex)
{
    struct dname name = lab_name(apex);
    struct zone *zone = zone_new(name.wire);
    assert_non_null(zone);
    return zone;
}

static void names_come_in_canonical_order(void **state)
{
    (void)state;
    /* 7 and 19 have no common factor: each name once, far from its neighbours. */
    for (size_t stride = 1; stride <= 7; stride += 6) {
        struct zone *zone = new_zone("EXAMPLE");
        struct zone_name name = {0};
        size_t at = 0;
        for (size_t i = 0; i < COUNT(ordered); i++)
            add(zone, ordered[i * stride % COUNT(ordered)], 60, "abcd");
        assert_int_equal(zone_finish(zone, NULL), KEYD_OK);
        assert_int_equal(zone_names(zone), COUNT(ordered));
        for (; zone_next_name(zone, &name); at++) {
            struct rrset set;
            struct dname wanted = lab_name(ordered[at]);
            char here[DNAME_TEXT];
            dname_format(name.owner.wire, here);
            if (name.owner.length != wanted.length ||
                memcmp(name.owner.wire, wanted.wire, wanted.length) != 0)
                fail_msg("'%s', not '%s'", here, ordered[at]);
            assert_true(zone_find(zone, wanted.wire, TYPE_A, &set));
            assert_int_equal(set.first, name.first);
            assert_false(zone_find(zone, wanted.wire, TYPE_NS, &set));
        }
        assert_int_equal(at, COUNT(ordered));
        zone_free(zone);
    }
}

static void sets_have_their_records_in_order_and_once(void **state)
{
    (void)state;
    struct zone *zone = new_zone("example");
    struct zone_name name = {0};
    struct rrset set = {0};
    add(zone, "b.example", 60, "zzzz");
    add(zone, "B.example", 50, "aaaa");
    add(zone, "b.eXample", 40, "zzzz");
    add(zone, "example", 60, "zzzz");
    assert_int_equal(zone_finish(zone, NULL), KEYD_OK);
    assert_int_equal(zone_records(zone), 3);
    assert_int_equal(zone_sets(zone), 2);
    assert_int_equal(zone_names(zone), 2);
    assert_true(zone_ttl_conflict(zone, &name, &set));
    char owner[DNAME_TEXT];
    dname_format(set.owner, owner);
    assert_string_equal(owner, "B.example.");
    assert_int_equal(set.count, 2);
    assert_int_equal(set.ttl, 40);
    assert_memory_equal(rrset_rdata(&set, 0).data, "aaaa", 4);
    assert_memory_equal(rrset_rdata(&set, 1).data, "zzzz", 4);
    zone_free(zone);
}

/* The rdata is kept as it was given, beside its canonical form. */
static void case_is_kept(void **state)
{
    (void)state;
    struct zone *zone = lab_zone("Example", "WWW.exAmple. 60 NS Ns.Other.\n");
    struct zone_name name = {0};
    struct rrset set = {0};
    char text[DNAME_TEXT];
    assert_true(zone_next_name(zone, &name));
    assert_true(zone_next_set(&name, &set));
    dname_format(set.owner, text);
    assert_string_equal(text, "WWW.exAmple.");
    struct rdata rdata = rrset_rdata(&set, 0);
    dname_format(rdata.data, text);
    assert_string_equal(text, "Ns.Other.");
    dname_format(rdata.canonical, text);
    assert_string_equal(text, "ns.other.");
    zone_free(zone);
}

static void expect_name(const struct zone *zone, const char *owner, const char *mail)
{
    struct zone_name name = {0};
    struct rrset set = {0};
    char text[DNAME_TEXT];
    assert_true(zone_next_name(zone, &name));
    dname_format(name.owner.wire, text);
    assert_string_equal(text, owner);
    while (zone_next_set(&name, &set) && set.type != TYPE_MX)
        continue;
    assert_int_equal(set.type, TYPE_MX);
    assert_int_equal(set.count, 1);
    assert_int_equal(set.ttl, 50);
    dname_format(rrset_rdata(&set, 0).data + 2, text);
    assert_string_equal(text, mail);
}

/* Of several spellings the same one is kept whatever the order: the first by bytes. */
static void the_order_of_adding_shows_nowhere(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "fOo.example. 60 MX 1 mAil.\n",
        "foo.example. 50 MX 1 MAIL.\n",
        "Foo.example. 60 A 192.0.2.1\n",
        "fOo.example. 50 MX 1 Mail.\n",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        char text[256] = "";
        for (size_t j = 0; j < COUNT(lines); j++)
            strncat(text, lines[(i + j) % COUNT(lines)], sizeof text - strlen(text) - 1);
        struct zone *zone = lab_zone("example", text);
        expect_name(zone, "Foo.example.", "Mail.");
        zone_free(zone);
    }
}

static void an_empty_zone(void **state)
{
    (void)state;
    struct zone *zone = new_zone("example");
    struct zone_name name = {0};
    struct rrset set;
    assert_int_equal(zone_finish(zone, NULL), KEYD_OK);
    assert_false(zone_next_name(zone, &name));
    assert_false(zone_find(zone, zone_apex(zone), TYPE_SOA, &set));
    assert_false(zone_ttl_conflict(zone, &name, &set));
    zone_free(zone);
}

static void expect_place(const struct zone *zone, const char *owner, struct place wanted)
{
    struct rrset set;
    assert_true(zone_find(zone, lab_name(owner).wire, TYPE_A, &set));
    struct place place = rrset_place(&set);
    assert_ptr_equal(place.file, wanted.file);
    assert_int_equal(place.line, wanted.line);
    assert_int_equal(place.column, wanted.column);
}

/* Whatever the order in the zone; a set is where its first record was, a column of more than 14
 * bits is not known. */
static void records_know_where_they_were(void **state)
{
    (void)state;
    struct zone *zone = new_zone("example");
    const struct place_file *outer = place_files_add(zone_files(zone), "outer", NULL, 0);
    const struct place_file *inner = place_files_add(zone_files(zone), "inner", outer, 2);
    const struct {
        const char *owner;
        const char *rdata;
        struct place given;
    } records[] = {
        {"z.example", "aaaa", {outer, 1, 1}},      {"y.example", "aaaa", {inner, 1, 2}},
        {"x.example", "zzzz", {inner, 2, 0x3fff}}, {"x.example", "aaaa", {outer, 3, 1}},
        {"w.example", "aaaa", {outer, 4, 0x4000}}, {"v.example", "aaaa", {0}},
    };
    assert_ptr_equal(zone_file(zone), outer);
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        struct dname owner = lab_name(records[i].owner);
        const struct zone_record record = {.owner = owner.wire,
                                           .rdata = (const uint8_t *)records[i].rdata,
                                           .length = 4,
                                           .type = TYPE_A,
                                           .place = records[i].given};
        assert_int_equal(zone_add(zone, &record, NULL), KEYD_OK);
    }
    assert_int_equal(zone_finish(zone, NULL), KEYD_OK);
    expect_place(zone, "z.example", records[0].given);
    expect_place(zone, "y.example", records[1].given);
    expect_place(zone, "x.example", records[2].given);
    expect_place(zone, "w.example", (struct place){outer, 4, 0});
    expect_place(zone, "v.example", (struct place){0});
    zone_free(zone);
}

static void what_cannot_be_in_it_is_refused(void **state)
{
    (void)state;
    struct zone *zone = new_zone("example");
    struct dname outside = lab_name("example.org");
    struct dname inside = lab_name("a.example");
    struct zone_record record = {.owner = outside.wire,
                                 .rdata = (const uint8_t *)"abcd",
                                 .length = 4,
                                 .ttl = 1,
                                 .type = TYPE_A};
    assert_int_equal(zone_add(zone, &record, NULL), KEYD_INTERNAL);
    record.owner = inside.wire;
    record.length = 3;
    assert_int_equal(zone_add(zone, &record, NULL), KEYD_INTERNAL);
    assert_int_equal(zone_finish(zone, NULL), KEYD_OK);
    record.length = 4;
    assert_int_equal(zone_add(zone, &record, NULL), KEYD_INTERNAL);
    zone_free(zone);
}

/* A sanitizer needs more address space than that for itself. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LITTLE_SPACE

/* In a child with little address space: 0 when filling a zone ends with ZONE_TOO_LARGE. */
static int fill(void)
{
    const struct rlimit limit = {(rlim_t)256 << 20, (rlim_t)256 << 20};
    static uint8_t large[60000];
    struct keyd_error err = {.reason = ""};
    struct dname apex = lab_name("example");
    enum keyd_status status = KEYD_OK;
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return 2;
    struct zone *zone = zone_new(apex.wire);
    if (zone == NULL)
        return 3;
    const struct zone_record record = {
        .owner = apex.wire, .rdata = large, .length = sizeof large, .ttl = 1, .type = 65280};
    for (size_t i = 0; i < 5000 && status == KEYD_OK; i++)
        status = zone_add(zone, &record, &err);
    zone_free(zone);
    return status == KEYD_RESOURCE_EXHAUSTED && strcmp(err.reason, "ZONE_TOO_LARGE") == 0 ? 0 : 4;
}

static void a_full_region_is_an_error_and_no_crash(void **state)
{
    (void)state;
    int how = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(fill());
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_int_equal(how, 0);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_in_canonical_order),
        cmocka_unit_test(sets_have_their_records_in_order_and_once),
        cmocka_unit_test(case_is_kept),
        cmocka_unit_test(the_order_of_adding_shows_nowhere),
        cmocka_unit_test(an_empty_zone),
        cmocka_unit_test(records_know_where_they_were),
        cmocka_unit_test(what_cannot_be_in_it_is_refused),
#ifdef LITTLE_SPACE
        cmocka_unit_test(a_full_region_is_an_error_and_no_crash),
#endif
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
