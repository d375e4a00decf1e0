/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyd/base/clock.h"

static const char *log_program = "keyd";
static char log_instance[80];
static enum log_level log_up_to = LOG_LEVEL_INFO;
static bool log_to_journal;

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
    [LOG_LEVEL_INFO] = "info",   [LOG_LEVEL_DEBUG] = "debug",
};

void log_open(const char *program, const char *instance, enum log_level up_to)
{
    log_program = program;
    snprintf(log_instance, sizeof log_instance, instance != NULL ? "[%s]" : "%s",
             instance != NULL ? instance : "");
    log_up_to = up_to;
    log_to_journal = getenv("JOURNAL_STREAM") != NULL;
}

/* Adds as much of a text as fits into `size` bytes, of which `used` are. */
static size_t add(char *line, size_t size, size_t used, const char *text)
{
    size_t length = strlen(text);
    if (length > size - used)
        length = size - used;
    memcpy(line + used, text, length);
    return used + length;
}

/* What a line begins with; also in a signal handler. */
static size_t prefix(char *line, size_t size, enum log_level level)
{
    const char priority[] = {'<', (char)('0' + (int)level), '>', '\0'};
    char time[CLOCK_TEXT_MAX];
    if (log_to_journal)
        return add(line, size, 0, priority);
    clock_format(clock_now(), time);
    const char *const parts[] = {time, " ", log_program, log_instance, " ", level_names[level],
                                 ": "};
    size_t used = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        used = add(line, size, used, parts[i]);
    return used;
}

/* Copies text with control characters escaped; returns the bytes written. */
static size_t escape(char *to, size_t size, const char *text)
{
    size_t n = 0;
    for (; *text != '\0' && n + 5 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f)
            n += (size_t)snprintf(to + n, size - n, "\\x%02x", c);
        else
            to[n++] = (char)c;
    }
    return n;
}

void log_line(enum log_level level, const char *format, ...)
{
    if (level > log_up_to)
        return;
    char text[LOG_LINE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);

    char line[LOG_LINE_MAX + 256];
    size_t n = prefix(line, sizeof line, level);
    n += escape(line + n, sizeof line - n - 1, text);
    line[n++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, n); /* nowhere left to complain to */
    (void)written;
}

void log_in_handler(enum log_level level, const char *const parts[], size_t count)
{
    char line[LOG_LINE_MAX];
    if (level > log_up_to)
        return;
    size_t n = prefix(line, sizeof line - 1, level);
    for (size_t i = 0; i < count; i++)
        n = add(line, sizeof line - 1, n, parts[i]);
    line[n++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, n); /* nobody to tell */
    (void)written;
}

bool log_fits(struct log_limit *limit)
{
    int64_t second = clock_monotonic_ns() / 1000000000;
    if (limit->second != second && atomic_exchange(&limit->second, second) != second) {
        unsigned lines = atomic_exchange(&limit->lines, 0);
        if (lines > LOG_LINES_A_SECOND)
            log_info("%u %s more within a second", lines - LOG_LINES_A_SECOND, limit->kind);
    }
    return atomic_fetch_add(&limit->lines, 1) < LOG_LINES_A_SECOND;
}
