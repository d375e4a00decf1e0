/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A thread draws. A signal that ends the program takes no lock: it says that it is there, waits
 * until nothing is being drawn, and wipes. */
#include "client/show/meter.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/base/fatal.h"

#define WIPE "\r\033[K"

#define COLUMNS      80 /* of a terminal that does not say */
#define BAR_SHORTEST 8  /* columns between the brackets */
#define BAR_LONGEST  30

#define ESTIMATE_AFTER_MS 1000 /* of a step: what is guessed earlier is wrong */

#define END_TRIES   50 /* a line is written in microseconds; a terminal may hang */
#define END_WAIT_MS 2

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    atomic_bool running; /* there is a thread; written by the job's own */
    bool closing;
    const char *step; /* NULL: none yet */
    const char *unit;
    int64_t opened_ms; /* on the monotonic clock */
    int64_t step_ms;
    struct progress progress;
    atomic_bool shown; /* the line is on the terminal */
    atomic_bool drawing;
    atomic_bool ended; /* by a signal */
} meter = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* ---- The line ------------------------------------------------------------------------------- */

static void append(char line[METER_LINE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void append(char line[METER_LINE], const char *format, ...)
{
    size_t used = strlen(line);
    va_list args;
    va_start(args, format);
    vsnprintf(line + used, METER_LINE - used, format, args);
    va_end(args);
}

/* 86016 as 86,016. */
static void append_number(char line[METER_LINE], size_t number)
{
    char digits[24];
    int count = snprintf(digits, sizeof digits, "%zu", number);
    for (int i = 0; i < count; i++)
        append(line, "%s%c", i > 0 && (count - i) % 3 == 0 ? "," : "", digits[i]);
}

static void append_bytes(char line[METER_LINE], size_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    double count = (double)bytes / 1000;
    size_t i = 0;
    while (count >= 999.95 && i + 1 < sizeof units / sizeof units[0]) {
        count /= 1000;
        i++;
    }
    append(line, i == 0 ? "%.0f %s" : "%.1f %s", count, units[i]);
}

static void append_count(char line[METER_LINE], const struct meter_view *view)
{
    void (*append_one)(char *, size_t) = view->unit == NULL ? append_bytes : append_number;
    append_one(line, view->done);
    if (view->total > 0)
        append(line, " of ");
    if (view->total > 0)
        append_one(line, view->total);
    if (view->unit != NULL)
        append(line, " %s", view->unit);
}

static void append_elapsed(char line[METER_LINE], int64_t seconds)
{
    if (seconds < 60)
        append(line, "%" PRId64 " s", seconds);
    else if (seconds < 3600)
        append(line, "%" PRId64 " min %" PRId64 " s", seconds / 60, seconds % 60);
    else
        append(line, "%" PRId64 " h %" PRId64 " min", seconds / 3600, seconds / 60 % 60);
}

static void append_left(char line[METER_LINE], const struct meter_view *view)
{
    double left =
        (double)view->elapsed_ms / 1000 * (double)(view->total - view->done) / (double)view->done;
    if (left < 99.5)
        append(line, "about %.0f s left", left < 1 ? 1 : left);
    else if (left < 99.5 * 60)
        append(line, "about %.0f min left", left / 60);
    else
        append(line, "about %.0f h left", left / 3600);
}

/* What the line may have besides the step: the first is left out first. */
enum part { PART_ELAPSED = 1, PART_COUNT = 2, PART_LEFT = 4, PARTS = 7 };

static unsigned parts_of(const struct meter_view *view)
{
    unsigned parts = PART_ELAPSED;
    if (view->done > 0 || view->total > 0)
        parts |= PART_COUNT;
    if (view->done > 0 && view->done < view->total && view->elapsed_ms >= ESTIMATE_AFTER_MS)
        parts |= PART_LEFT;
    return parts;
}

static double share_of(const struct meter_view *view)
{
    return view->done < view->total ? (double)view->done / (double)view->total : 1;
}

static void append_bar(char line[METER_LINE], double share, size_t length)
{
    append(line, "  [");
    for (size_t i = 1; i <= length; i++)
        append(line, "%c", (double)i <= share * (double)length ? '#' : '-');
    append(line, "]");
}

/* bar: how long it is, 0: there is none. */
static void compose(const struct meter_view *view, unsigned parts, size_t bar,
                    char line[METER_LINE])
{
    line[0] = '\0';
    append(line, "%s", view->step);
    if (view->total > 0)
        append(line, " %d%%", (int)(share_of(view) * 100));
    if (bar > 0)
        append_bar(line, share_of(view), bar);
    if (parts & PART_COUNT) {
        append(line, "  ");
        append_count(line, view);
    }
    if (parts & PART_ELAPSED) {
        append(line, parts & PART_COUNT ? ", " : "  ");
        append_elapsed(line, view->elapsed_ms / 1000);
    }
    if (parts & PART_LEFT) {
        append(line, parts & (PART_COUNT | PART_ELAPSED) ? ", " : "  ");
        append_left(line, view);
    }
}

void meter_format(const struct meter_view *view, size_t columns, char line[METER_LINE])
{
    size_t room = columns > 0 ? columns - 1 : 0;
    unsigned parts = parts_of(view);
    compose(view, parts, 0, line);
    for (unsigned part = 1; part < PARTS && strlen(line) > room; part *= 2) {
        parts &= ~part;
        compose(view, parts, 0, line);
    }
    size_t with_brackets = strlen(line) + strlen("  []");
    if (view->total > 0 && with_brackets + BAR_SHORTEST <= room) {
        size_t bar = room - with_brackets;
        compose(view, parts, bar < BAR_LONGEST ? bar : BAR_LONGEST, line);
    }
    if (room < METER_LINE)
        line[room] = '\0';
}

/* ---- The terminal --------------------------------------------------------------------------- */

/* Nothing once a signal has come. A terminal that takes nothing now (Ctrl-S) gets nothing. */
static bool put(const char *text)
{
    struct pollfd terminal = {.fd = STDERR_FILENO, .events = POLLOUT};
    bool written = false;
    atomic_store(&meter.drawing, true);
    if (!atomic_load(&meter.ended) && poll(&terminal, 1, 0) == 1)
        written = write(STDERR_FILENO, text, strlen(text)) > 0;
    atomic_store(&meter.drawing, false);
    return written;
}

static bool is_in_background(void)
{
    pid_t foreground = tcgetpgrp(STDERR_FILENO); /* -1: not our terminal, but one */
    return foreground >= 0 && foreground != getpgrp();
}

/* In the background the line is long scrolled away, and another program's is in its place. */
static void wipe(void)
{
    if (atomic_load(&meter.shown))
        atomic_store(&meter.shown, !is_in_background() && !put(WIPE));
}

/* Within a signal's handler. The thread that draws takes no signals: it goes on meanwhile. */
static void wipe_at_end(void)
{
    atomic_store(&meter.ended, true);
    for (int i = 0; i < END_TRIES && atomic_load(&meter.drawing); i++)
        poll(NULL, 0, END_WAIT_MS);
    if (!atomic_load(&meter.shown) || is_in_background())
        return;
    if (write(STDERR_FILENO, WIPE, strlen(WIPE)) > 0)
        atomic_store(&meter.shown, false);
}

static size_t columns_of_terminal(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return COLUMNS;
    return size.ws_col;
}

static bool is_on_terminal(void)
{
    const char *kind = getenv("TERM");
    return isatty(STDERR_FILENO) && kind != NULL && kind[0] != '\0' && strcmp(kind, "dumb") != 0;
}

/* ---- Drawing -------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

/* Under the mutex. */
static void draw(int64_t now)
{
    char line[METER_LINE];
    char text[METER_LINE + sizeof WIPE];
    const struct progress *progress = &meter.progress;
    if (meter.step == NULL || is_in_background())
        return;
    const struct meter_view view = {
        .step = meter.step,
        .unit = meter.unit,
        .done = atomic_load_explicit(&progress->done, memory_order_relaxed),
        .total = atomic_load_explicit(&progress->total, memory_order_relaxed),
        .elapsed_ms = now - meter.step_ms};
    meter_format(&view, columns_of_terminal(), line);
    snprintf(text, sizeof text, "\r%s\033[K", line);
    bool was_shown = atomic_exchange(&meter.shown, true); /* before it is: a signal may come */
    if (!put(text))
        atomic_store(&meter.shown, was_shown);
}

static void *work(void *context)
{
    (void)context;
    pthread_mutex_lock(&meter.mutex);
    int64_t due = meter.opened_ms + METER_AFTER_MS;
    while (!meter.closing) {
        const struct timespec until = {.tv_sec = due / 1000, .tv_nsec = due % 1000 * 1000000};
        pthread_cond_clockwait(&meter.changed, &meter.mutex, CLOCK_MONOTONIC, &until);
        int64_t now = now_ms();
        if (meter.closing || now < due)
            continue;
        draw(now);
        due = now + METER_EVERY_MS;
    }
    wipe();
    pthread_mutex_unlock(&meter.mutex);
    return NULL;
}

static bool start_thread(void)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&meter.thread, NULL, work, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

/* ---- All of it ------------------------------------------------------------------------------ */

void meter_open(bool quiet)
{
    if (quiet || atomic_load(&meter.running) || !is_on_terminal())
        return;
    meter.closing = false;
    meter.step = NULL;
    meter.opened_ms = now_ms();
    fatal_do(wipe_at_end);
    atomic_store(&meter.running, start_thread());
}

struct progress *meter_step(const char *step, const char *unit)
{
    if (!atomic_load(&meter.running))
        return NULL;
    pthread_mutex_lock(&meter.mutex);
    meter.step = step;
    meter.unit = unit;
    meter.step_ms = now_ms();
    progress_restart(&meter.progress);
    pthread_mutex_unlock(&meter.mutex);
    return &meter.progress;
}

void meter_close(void)
{
    if (!atomic_load(&meter.running))
        return;
    pthread_mutex_lock(&meter.mutex);
    meter.closing = true;
    pthread_cond_signal(&meter.changed);
    pthread_mutex_unlock(&meter.mutex);
    pthread_join(meter.thread, NULL);
    atomic_store(&meter.running, false);
}

void meter_hold(void)
{
    pthread_mutex_lock(&meter.mutex);
    wipe();
}

void meter_go_on(void)
{
    pthread_mutex_unlock(&meter.mutex);
}
