/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How fast zone text is read, in one process: by our reader into a zone (and once more with the
 * text alone), by libzscanner, and by ldns. Alternates between them and prints medians.
 *
 *   parse ORIGIN FILE [ROUNDS]
 */
#include <ldns/ldns.h>
#include <libzscanner/scanner.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/dns/lexer.h"
#include "client/dns/zonefile.h"
#include "client/dns/zonetext.h"

#define ROUNDS_MAX 99

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "parse: %s\n", what);
    exit(1);
}

struct count {
    struct zone *zone; /* NULL: nobody takes the records */
    size_t records;
};

static enum keyd_status take(void *context, const struct zone_record *record,
                             struct keyd_error *err)
{
    struct count *count = context;
    count->records++;
    if (count->zone == NULL)
        return KEYD_OK;
    return zone_add(count->zone, record, err);
}

static size_t read_into(const char *origin, const char *path, bool into_a_zone)
{
    struct dname apex;
    struct keyd_error err;
    struct count count = {0};
    if (dname_parse(origin, strlen(origin), NULL, &apex) != NULL)
        die("ORIGIN is no name");
    if (into_a_zone && (count.zone = zone_new(apex.wire)) == NULL)
        die("no memory");
    if (zonefile_read(path, apex.wire, take, &count, &err) != KEYD_OK ||
        (into_a_zone && zone_finish(count.zone, &err) != KEYD_OK))
        die(err.message);
    zone_free(count.zone);
    return count.records;
}

/* Each returns the number of records. */
static size_t by_zonefile(const char *origin, const char *path)
{
    return read_into(origin, path, true);
}

static size_t by_records(const char *origin, const char *path)
{
    return read_into(origin, path, false);
}

static size_t by_words(const char *origin, const char *path)
{
    (void)origin;
    struct zonetext *text = NULL;
    struct keyd_error err;
    struct entry entry;
    bool more = true;
    size_t entries = 0;
    if (zonetext_open(path, &text, &err) != KEYD_OK)
        die(err.message);
    for (; more; entries++) {
        if (zonetext_next(text, &entry, &more, &err) != KEYD_OK)
            die(err.message);
    }
    zonetext_close(text);
    return entries - 1;
}

static void count_one(zs_scanner_t *scanner)
{
    ++*(size_t *)scanner->process.data;
}

static size_t by_zscanner(const char *origin, const char *path)
{
    zs_scanner_t *scanner = malloc(sizeof *scanner);
    size_t records = 0;
    char absolute[1100];
    snprintf(absolute, sizeof absolute, "%s.", origin);
    if (scanner == NULL || zs_init(scanner, absolute, 1, 3600) != 0 ||
        zs_set_input_file(scanner, path) != 0 ||
        zs_set_processing(scanner, count_one, NULL, &records) != 0 || zs_parse_all(scanner) != 0)
        die("libzscanner failed");
    zs_deinit(scanner);
    free(scanner);
    return records;
}

static size_t by_ldns(const char *origin, const char *path)
{
    FILE *file = fopen(path, "r");
    ldns_rdf *at = ldns_dname_new_frm_str(origin);
    ldns_rdf *last = NULL;
    uint32_t ttl = 3600;
    int line = 0;
    size_t records = 0;
    ldns_rr *rr = NULL;
    if (file == NULL || at == NULL)
        die("ldns: no file or no origin");
    for (ldns_status status; !feof(file);) {
        status = ldns_rr_new_frm_fp_l(&rr, file, &ttl, &at, &last, &line);
        if (status == LDNS_STATUS_OK) {
            records++;
            ldns_rr_free(rr);
        } else if (status != LDNS_STATUS_SYNTAX_EMPTY && status != LDNS_STATUS_SYNTAX_TTL &&
                   status != LDNS_STATUS_SYNTAX_ORIGIN) {
            die("ldns cannot read it");
        }
    }
    ldns_rdf_deep_free(at);
    ldns_rdf_deep_free(last);
    fclose(file);
    return records;
}

static const struct reader {
    const char *name;
    size_t (*read)(const char *origin, const char *path);
} readers[] = {{"into a zone", by_zonefile},
               {"records", by_records},
               {"words", by_words},
               {"libzscanner", by_zscanner},
               {"ldns", by_ldns}};
#define READERS (sizeof readers / sizeof readers[0])

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

int main(int argc, char **argv)
{
    static double seconds[READERS][ROUNDS_MAX];
    size_t records[READERS] = {0};
    int rounds = argc > 3 ? atoi(argv[3]) : 5;
    if (argc < 3 || argc > 4 || rounds < 1 || rounds > ROUNDS_MAX)
        die("usage: parse ORIGIN FILE [ROUNDS], 1 to 99");
    for (int round = 0; round < rounds; round++) {
        for (size_t i = 0; i < READERS; i++) {
            double start = now();
            records[i] = readers[i].read(argv[1], argv[2]);
            seconds[i][round] = now() - start;
        }
    }
    for (size_t i = 0; i < READERS; i++) {
        qsort(seconds[i], (size_t)rounds, sizeof seconds[i][0], compare);
        double median = seconds[i][rounds / 2];
        printf("%-12s %8zu records %8.3f s %8.2f million/s\n", readers[i].name, records[i], median,
               (double)records[i] / median / 1e6);
    }
    return 0;
}
