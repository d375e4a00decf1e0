/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The log of a daemon: one line an event, to standard error, where systemd or keyd-run takes it.
 *
 *     2026-11-24T08:31:02.412Z keyd-hsm[main] notice: key made key=1f0c... call=77aa...
 *
 * Under the journal (JOURNAL_STREAM is set) the time is left out and each line begins with <N>, the
 * syslog priority (sd-daemon(3)). Control characters in what is logged are printed as \xNN, so that
 * nobody can forge a line. No secret is ever given to it.
 */
#ifndef KEYD_BASE_LOG_H
#define KEYD_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { /* syslog's numbers */
                 LOG_LEVEL_ERROR = 3,
                 LOG_LEVEL_WARNING = 4,
                 LOG_LEVEL_NOTICE = 5,
                 LOG_LEVEL_INFO = 6,
                 LOG_LEVEL_DEBUG = 7,
};

#define LOG_LINE_MAX 2048 /* bytes; a longer line is cut */

/* Call once, early. program: static. instance: copied, NULL for none. */
void log_open(const char *program, const char *instance, enum log_level up_to);

/* One line, one write(2). Any thread; never fails, never blocks on anything but standard error. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A line from within a signal handler, whatever the process was doing: the parts one after the
 * other, static text. */
void log_in_handler(enum log_level level, const char *const parts[], size_t count);

/* For lines that a stranger can cause: whether one more of this kind fits into this second. What
 * did not is counted, and told by one line when the next second begins. Any thread. */
#define LOG_LINES_A_SECOND 50

struct log_limit {    /* static and zero */
    const char *kind; /* for that line, as "refused calls" */
    _Atomic int64_t second;
    _Atomic unsigned lines;
};

bool log_fits(struct log_limit *limit);

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)  log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
