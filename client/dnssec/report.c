/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/report.h"

#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "keyd/base/text.h"

#define ROWS_MAX 64 /* no command says more */

struct row {
    const char *label; /* NULL: not for people */
    const char *key;   /* NULL: not for programs */
    char *text;
    json_t *value;
};

struct report {
    struct row rows[ROWS_MAX];
    size_t count;
    json_t *notices; /* NULL: none yet */
    bool failed;
};

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
    json_decref(report->notices);
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

void report_notice(struct report *report, json_t *object, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    if (text != NULL)
        text_repair(text); /* a name in it may have been cut: no reason to lose the report */
    if (report != NULL && report->notices == NULL)
        report->notices = json_array();
    bool added = report != NULL && text != NULL &&
                 json_object_set_new(object, "text", json_string(text)) == 0 &&
                 json_array_append(report->notices, object) == 0;
    json_decref(object);
    if (report != NULL && !added)
        report->failed = true;
    add_row(report, (struct row){.label = "Notice", .text = text});
}

void report_end_notices(struct report *report)
{
    if (report == NULL)
        return;
    report_add_data(report, "notices", report->notices != NULL ? report->notices : json_array());
    report->notices = NULL;
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

static void print_labels(const struct report *report)
{
    struct pair pairs[ROWS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < report->count; i++) {
        if (report->rows[i].label != NULL)
            pairs[count++] = (struct pair){report->rows[i].label, report->rows[i].text};
    }
    print_pairs(pairs, count);
}

/* A script wants the value without the words around it, where it is a single one. */
static void print_keys(const struct report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct row *row = &report->rows[i];
        char number[24];
        const char *value = row->text;
        if (json_is_string(row->value))
            value = json_string_value(row->value);
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(row->value));
        if (json_is_integer(row->value))
            value = number;
        else if (json_is_null(row->value))
            value = "";
        if (row->label != NULL)
            print_fields(row->key != NULL ? row->key : row->label, value, NULL);
    }
}

void report_print(struct report *report, enum output output)
{
    if (report == NULL || report->failed)
        errx(EXIT_FAILED, "no memory for the report");
    if (output == OUTPUT_JSON)
        print_json(report_to_json(report));
    else if (output == OUTPUT_TEXT)
        print_keys(report);
    else
        print_labels(report);
}
