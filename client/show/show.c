/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/show/show.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "client/show/meter.h"
#include "keyd/base/clock.h"
#include "keyd/base/streams.h"

#define COLUMN_GAP  2  /* blanks between two columns */
#define LINE_NARROW 40 /* columns: a terminal that is narrower breaks lines by itself */

#define BOLD   "\033[1m"
#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN  "\033[0m"

static bool colours;
static const char *program = "";

enum exit_status exit_status_of(const struct keyd_error *err)
{
    switch (err->status) {
    case KEYD_FAILED_PRECONDITION:
    case KEYD_PERMISSION_DENIED:
        return EXIT_REFUSED;
    case KEYD_INVALID_ARGUMENT:
        return strcmp(err->reason, "USAGE") == 0 ? EXIT_USAGE : EXIT_FAILED;
    default:
        return EXIT_FAILED;
    }
}

static void choose_colours(void)
{
    const char *no_colour = getenv("NO_COLOR");
    colours = isatty(STDOUT_FILENO) && (no_colour == NULL || no_colour[0] == '\0');
}

void output_open(const char *name)
{
    program = name;
    streams_hold(name);
    setlocale(LC_CTYPE, "C.UTF-8");
    choose_colours();
}

void output_to_error(void)
{
    if (!output_close())
        exit(EXIT_FAILED);
    if (close(STDOUT_FILENO) != 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        err(EXIT_FAILED, "standard output");
    choose_colours();
}

void complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    meter_hold();
    fflush(stdout);
    fprintf(stderr, "%s: ", program);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    meter_go_on();
    va_end(args);
}

/* One character of a text: how many bytes it has, how many columns it takes, and whether it is one
 * that a terminal obeys (C0, DEL, C1) or that is no character at all. */
struct glyph {
    size_t bytes;
    size_t width;
    bool control;
};

static struct glyph next_glyph(const char *text)
{
    wchar_t wide;
    mbstate_t state = {0};
    size_t bytes = mbrtowc(&wide, text, MB_CUR_MAX, &state);
    if (bytes == (size_t)-1 || bytes == (size_t)-2)
        return (struct glyph){1, sizeof "\\xNN" - 1, true};
    int width = wcwidth(wide);
    if (width < 0)
        return (struct glyph){bytes, bytes * (sizeof "\\xNN" - 1), true};
    return (struct glyph){bytes, (size_t)width, false};
}

void print_clean(const char *text)
{
    while (*text != '\0') {
        struct glyph glyph = next_glyph(text);
        for (size_t i = 0; i < glyph.bytes; i++) {
            if (glyph.control)
                printf("\\x%02x", (unsigned char)text[i]);
            else
                putchar(text[i]);
        }
        text += glyph.bytes;
    }
}

static size_t width_of(const char *text)
{
    size_t width = 0;
    while (*text != '\0') {
        struct glyph glyph = next_glyph(text);
        width += glyph.width;
        text += glyph.bytes;
    }
    return width;
}

static const char *or_dash(const char *text)
{
    return text[0] != '\0' ? text : "-";
}

void print_fields(const char *first, ...)
{
    va_list args;
    va_start(args, first);
    for (const char *field = first; field != NULL; field = va_arg(args, const char *)) {
        if (field != first)
            putchar('\t');
        print_clean(or_dash(field));
    }
    va_end(args);
    putchar('\n');
}

void print_json(json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_INDENT(4)) : NULL;
    if (text == NULL)
        errx(EXIT_FAILED, "no memory for the answer as JSON");
    puts(text);
    free(text);
    json_decref(value);
}

bool output_close(void)
{
    const char *why;
    if (streams_flush(&why))
        return true;
    complain("standard output: %s; the answer is not complete", why);
    return false;
}

static const char *colour_of(const char *word)
{
    static const struct {
        const char *word;
        const char *colour;
    } colour_words[] = {
        {"ENABLED", GREEN},           {"READY", GREEN}, {"DISABLED", YELLOW},
        {"PENDING_DELETION", YELLOW}, {"AWAY", RED},    {"UNAVAILABLE", RED},
        {"LOGIN_NEEDED", RED},        {"FAULTY", RED},
    };
    for (size_t i = 0; colours && i < sizeof colour_words / sizeof colour_words[0]; i++)
        if (strcmp(word, colour_words[i].word) == 0)
            return colour_words[i].colour;
    return NULL;
}

static void print_coloured(const char *colour, const char *text)
{
    if (colour != NULL)
        fputs(colour, stdout);
    print_clean(or_dash(text));
    if (colour != NULL)
        fputs(PLAIN, stdout);
}

static void pad(size_t from, size_t to)
{
    for (; from < to; from++)
        putchar(' ');
}

void print_pairs(const struct pair *pairs, size_t count)
{
    size_t width = 0;
    for (size_t i = 0; i < count; i++)
        if (width_of(pairs[i].name) > width)
            width = width_of(pairs[i].name);
    for (size_t i = 0; i < count; i++) {
        print_coloured(colours ? BOLD : NULL, pairs[i].name);
        pad(width_of(pairs[i].name), width + COLUMN_GAP);
        print_coloured(colour_of(pairs[i].value), pairs[i].value);
        putchar('\n');
    }
}

static size_t column_width(const char *head, const char *const *cells, size_t columns, size_t rows)
{
    size_t width = width_of(head);
    for (size_t row = 0; row < rows; row++) {
        size_t cell = width_of(or_dash(cells[row * columns]));
        if (cell > width)
            width = cell;
    }
    return width;
}

static void print_row(const char *const *cells, const size_t *widths, size_t columns, bool is_head)
{
    for (size_t column = 0; column < columns; column++) {
        print_coloured(is_head ? (colours ? BOLD : NULL) : colour_of(cells[column]), cells[column]);
        if (column + 1 < columns)
            pad(width_of(or_dash(cells[column])), widths[column] + COLUMN_GAP);
    }
    putchar('\n');
}

void print_table(const char *const *head, size_t columns, const char *const *cells, size_t rows)
{
    size_t *widths = calloc(columns, sizeof *widths);
    if (widths == NULL)
        errx(EXIT_FAILED, "no memory for a table");
    for (size_t column = 0; column < columns; column++)
        widths[column] = column_width(head[column], cells + column, columns, rows);
    print_row(head, widths, columns, true);
    for (size_t row = 0; row < rows; row++)
        print_row(cells + row * columns, widths, columns, false);
    free(widths);
}

static size_t line_width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 ||
        size.ws_col > SHOW_LINE_MAX)
        return SHOW_LINE_MAX;
    return size.ws_col < LINE_NARROW ? LINE_NARROW : size.ws_col;
}

void print_wrapped(size_t indent, const char *text)
{
    size_t width = line_width();
    size_t column = 0; /* 0: the line is empty */
    while (*text != '\0') {
        char *word = strndup(text, strcspn(text, " "));
        if (word == NULL)
            errx(EXIT_FAILED, "no memory for a line");
        size_t needed = width_of(word);
        if (column > 0 && column + 1 + needed > width) {
            putchar('\n');
            column = 0;
        }
        pad(0, column == 0 ? indent : 1);
        print_clean(word);
        column += (column == 0 ? indent : 1) + needed;
        text += strlen(word);
        text += strspn(text, " ");
        free(word);
    }
    putchar('\n');
}

static void span_text(int64_t seconds, char *text, size_t size)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {{"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}};
    size_t i = 0;
    while (units[i].seconds > 1 && seconds < 2 * units[i].seconds)
        i++;
    int64_t count = (seconds + units[i].seconds / 2) / units[i].seconds;
    snprintf(text, size, "%" PRId64 " %s%s", count, units[i].name, count == 1 ? "" : "s");
}

void when_text(int64_t ms, int64_t now_ms, char text[WHEN_MAX])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    if (ms == 0) {
        snprintf(text, WHEN_MAX, "never");
        return;
    }
    if (gmtime_r(&seconds, &tm) == NULL || tm.tm_year > 9999 - 1900 || tm.tm_year < 0) {
        snprintf(text, WHEN_MAX, "%" PRId64 " ms since 1970", ms);
        return;
    }
    char date[32];
    char span[32];
    int64_t away = ms / 1000 - now_ms / 1000;
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S UTC", &tm);
    span_text(away < 0 ? -away : away, span, sizeof span);
    if (away > 0)
        snprintf(text, WHEN_MAX, "%s (in %s)", date, span);
    else
        snprintf(text, WHEN_MAX, "%s (%s%s)", date, away < 0 ? span : "now",
                 away < 0 ? " ago" : "");
}

json_t *when_json(int64_t ms)
{
    char text[CLOCK_TEXT_MAX];
    if (ms == 0)
        return json_null();
    clock_format(ms, text);
    return json_string(text);
}

char *join(char *const *words)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL)
        errx(EXIT_FAILED, "no memory for a list");
    for (size_t i = 0; words[i] != NULL; i++)
        fprintf(stream, "%s%s", i > 0 ? ", " : "", words[i]);
    if (fclose(stream) != 0)
        errx(EXIT_FAILED, "no memory for a list");
    return text;
}
