/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rules in force, and their effects. */
#include "tests/mock/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/mock/count.h"
#include "tests/mock/die.h"

#define FILE_MAX_SIZE 16384 /* bytes of a file of faults: it is read in one go */

struct rules {
    struct rule list[RULES_MAX];
    size_t count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rules from_environment;
static struct rules from_file;
static struct rules *const sources[] = {&from_environment, &from_file};

#define SOURCES (sizeof sources / sizeof sources[0])

/* ---- Reading -----------------------------------------------------------------------------------
 */

static void read_environment(void)
{
    static char *last;
    const char *text = getenv("KEYD_MOCK_FAULTS");
    if (text == NULL)
        text = "";
    if (last != NULL && strcmp(last, text) == 0)
        return;
    free(last);
    last = mock_copy(text, strlen(text));
    from_environment.count = rule_parse(text, "KEYD_MOCK_FAULTS", from_environment.list);
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A file that is not there is one without rules. */
static void read_file(void)
{
    static struct stat last;
    struct stat now = {0};
    const char *path = getenv("KEYD_MOCK_FAULTS_FILE");
    if (path != NULL && stat(path, &now) != 0)
        now = (struct stat){0};
    if (is_same_file(&now, &last))
        return;
    last = now;
    char text[FILE_MAX_SIZE + 1];
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t size = fd >= 0 ? read(fd, text, sizeof text) : 0;
    if (fd >= 0)
        close(fd);
    if (size < 0 || size > FILE_MAX_SIZE)
        mock_die("%s cannot be read, or has more than %d bytes", path, FILE_MAX_SIZE);
    text[size] = '\0';
    from_file.count = rule_parse(text, path != NULL ? path : "", from_file.list);
}

/* ---- Which rules are in force ------------------------------------------------------------------
 */

static bool is_now(const struct rule *rule)
{
    return rule->seen > rule->after && rule->seen - rule->after <= rule->times;
}

static void see_token(struct rule *rule)
{
    char name[64];
    rule->seen++;
    bool now = is_now(rule);
    if (now && !rule->in_force) {
        snprintf(name, sizeof name, "token:%s", rule_kind_name(rule->kind));
        count_add(name, COUNT_NO_LIMIT);
    }
    rule->in_force = now;
}

static bool happens(struct rule *rule, enum mock_function function)
{
    char name[64];
    if (rule->seen <= rule->after || rule->happened >= rule->times)
        return false;
    snprintf(name, sizeof name, "%s:%s", function_rows[function].name, rule_kind_name(rule->kind));
    if (!count_add(name, rule->ever))
        return false;
    rule->happened++;
    return true;
}

static void set_deadline(struct fault_call *call, unsigned long milliseconds)
{
    clock_gettime(CLOCK_MONOTONIC, &call->until);
    call->until.tv_sec += (time_t)(milliseconds / 1000);
    call->until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (call->until.tv_nsec >= 1000000000) {
        call->until.tv_nsec -= 1000000000;
        call->until.tv_sec++;
    }
    call->slow = true;
}

static void see(struct rule *rule, struct fault_call *call)
{
    if (rule->of_token) {
        see_token(rule);
        return;
    }
    if (!rule_is_about(rule, call->function))
        return;
    rule->seen++;
    if (rule->kind == FAULT_SLOW && !call->slow && happens(rule, call->function))
        set_deadline(call, rule->argument);
    else if (rule->kind != FAULT_SLOW && call->rule.kind == FAULT_NONE &&
             happens(rule, call->function))
        call->rule = *rule;
}

/* ---- What happens ------------------------------------------------------------------------------
 */

void fault_crash(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGSEGV);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    raise(SIGSEGV); /* whoever handles it sees it, as with any crash */
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    abort();
}

static void end_here(const struct rule *rule)
{
    if (rule->kind == FAULT_CRASH)
        fault_crash();
    if (rule->kind == FAULT_KILL)
        kill(getpid(), SIGKILL);
    while (rule->kind == FAULT_HANG || rule->kind == FAULT_KILL)
        pause();
}

CK_RV fault_enter(struct fault_call *call, enum mock_function function)
{
    *call = (struct fault_call){.function = function};
    count_add(function_rows[function].name, COUNT_NO_LIMIT);
    pthread_mutex_lock(&lock);
    read_environment();
    read_file();
    for (size_t s = 0; s < SOURCES; s++)
        for (size_t i = 0; i < sources[s]->count; i++)
            see(&sources[s]->list[i], call);
    pthread_mutex_unlock(&lock);
    if (!call->rule.late)
        end_here(&call->rule);
    return call->rule.kind == FAULT_RV ? call->rule.argument : CKR_OK;
}

CK_RV fault_leave(const struct fault_call *call, CK_RV rv)
{
    while (call->slow &&
           clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &call->until, NULL) == EINTR)
        continue;
    if (call->rule.late)
        end_here(&call->rule);
    return call->rule.kind == FAULT_RV_LATE ? call->rule.argument : rv;
}

/* ---- Tokens ------------------------------------------------------------------------------------
 */

size_t fault_token_values(enum fault_kind kind, const char *serial,
                          unsigned long values[2 * RULES_MAX])
{
    size_t n = 0;
    pthread_mutex_lock(&lock);
    for (size_t s = 0; s < SOURCES; s++)
        for (size_t i = 0; i < sources[s]->count; i++) {
            const struct rule *rule = &sources[s]->list[i];
            if (rule->of_token && rule->in_force && rule->kind == kind &&
                (rule->serial[0] == '\0' || strcmp(rule->serial, serial) == 0))
                values[n++] = rule->argument;
        }
    pthread_mutex_unlock(&lock);
    return n;
}

bool fault_token(enum fault_kind kind, const char *serial)
{
    unsigned long values[2 * RULES_MAX];
    return fault_token_values(kind, serial, values) > 0;
}

bool fault_token_names(enum fault_kind kind, const char *serial, unsigned long value)
{
    unsigned long values[2 * RULES_MAX];
    size_t count = fault_token_values(kind, serial, values);
    for (size_t i = 0; i < count; i++)
        if (values[i] == value)
            return true;
    return false;
}
