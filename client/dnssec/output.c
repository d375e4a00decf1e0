/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "keyd/base/clock.h"

#define ROWS_MAX 32 /* no command says more */

struct row {
    const char *label; /* NULL: not for people */
    const char *key;   /* NULL: not for programs */
    char *text;
    json_t *value;
};

struct report {
    struct row rows[ROWS_MAX];
    size_t count;
    bool failed;
};

void complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("keyd-dnssec: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

struct report *report_new(void)
{
    return calloc(1, sizeof(struct report));
}

void report_free(struct report *report)
{
    if (report == NULL)
        return;
    for (size_t i = 0; i < report->count; i++) {
        free(report->rows[i].text);
        json_decref(report->rows[i].value);
    }
    free(report);
}

static void add_row(struct report *report, struct row row)
{
    bool whole = (row.key == NULL || row.value != NULL) && (row.label == NULL || row.text != NULL);
    if (report != NULL && report->count < ROWS_MAX && whole) {
        report->rows[report->count++] = row;
        return;
    }
    free(row.text);
    json_decref(row.value);
    if (report != NULL)
        report->failed = true;
}

void report_add(struct report *report, const char *label, const char *key, json_t *value,
                const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    add_row(report, (struct row){.label = label, .key = key, .text = text, .value = value});
}

void report_add_data(struct report *report, const char *key, json_t *value)
{
    add_row(report, (struct row){.key = key, .value = value});
}

json_t *report_to_json(struct report *report)
{
    json_t *object = report != NULL && !report->failed ? json_object() : NULL;
    for (size_t i = 0; object != NULL && i < report->count; i++) {
        if (report->rows[i].key == NULL)
            continue;
        if (json_object_set(object, report->rows[i].key, report->rows[i].value) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

bool report_print(const struct report *report, enum output output)
{
    size_t width = 0;
    if (report == NULL || report->failed)
        return false;
    for (size_t i = 0; i < report->count; i++) {
        if (report->rows[i].label != NULL && strlen(report->rows[i].label) > width)
            width = strlen(report->rows[i].label);
    }
    for (size_t i = 0; i < report->count; i++) {
        const struct row *row = &report->rows[i];
        if (row->label == NULL)
            continue;
        if (output == OUTPUT_TEXT)
            printf("%s\t%s\n", row->key != NULL ? row->key : row->label, row->text);
        else
            printf("%-*s  %s\n", (int)width, row->label, row->text);
    }
    return fflush(stdout) == 0;
}

bool print_json(json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_INDENT(2)) : NULL;
    json_decref(value);
    if (text == NULL)
        return false;
    bool good = puts(text) >= 0 && fflush(stdout) == 0;
    free(text);
    return good;
}

static void print_cells(const char *const *cells, size_t columns, const size_t *widths)
{
    for (size_t i = 0; i + 1 < columns; i++)
        printf("%-*s  ", (int)widths[i], cells[i]);
    printf("%s\n", cells[columns - 1]);
}

bool print_table(const char *const *head, size_t columns, const char *const *cells, size_t rows)
{
    size_t *widths = calloc(columns, sizeof *widths);
    if (widths == NULL)
        return false;
    for (size_t i = 0; i < columns; i++) {
        widths[i] = strlen(head[i]);
        for (size_t row = 0; row < rows; row++) {
            size_t length = strlen(cells[row * columns + i]);
            widths[i] = length > widths[i] ? length : widths[i];
        }
    }
    print_cells(head, columns, widths);
    for (size_t row = 0; row < rows; row++)
        print_cells(cells + row * columns, columns, widths);
    free(widths);
    return fflush(stdout) == 0;
}

/* "13 days": the largest unit that there is at least two of. */
static void span_format(int64_t seconds, char *text, size_t size)
{
    static const struct {
        int64_t size;
        const char *name;
    } units[] = {{86400, "days"}, {3600, "hours"}, {60, "minutes"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (seconds >= 2 * units[i].size) {
            snprintf(text, size, "%lld %s", (long long)(seconds / units[i].size), units[i].name);
            return;
        }
    }
    snprintf(text, size, "%lld second%s", (long long)seconds, seconds == 1 ? "" : "s");
}

void when_format(int64_t ms, int64_t now_ms, char text[WHEN_MAX])
{
    char moment[32];
    char span[40];
    time_t seconds = (time_t)(ms / 1000);
    int64_t away = ms / 1000 - now_ms / 1000;
    struct tm tm;
    if (ms == 0) {
        snprintf(text, WHEN_MAX, "never");
        return;
    }
    gmtime_r(&seconds, &tm);
    strftime(moment, sizeof moment, "%Y-%m-%d %H:%M:%S UTC", &tm);
    span_format(away < 0 ? -away : away, span, sizeof span);
    if (away == 0)
        snprintf(text, WHEN_MAX, "%s (now)", moment);
    else
        snprintf(text, WHEN_MAX, away > 0 ? "%s (in %s)" : "%s (%s ago)", moment, span);
}

json_t *when_json(int64_t ms)
{
    char text[CLOCK_TEXT_MAX];
    if (ms == 0)
        return json_null();
    clock_format(ms, text);
    return json_string(text);
}
