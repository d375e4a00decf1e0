/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/lastwords.h"

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "keyd/hsm/config.h"

static char path[PATH_MAX];
static atomic_int file = -1;
static atomic_bool in_trial;

/* The end of a trial's words. */
static const char trial_mark[] = ", in a trial that a start can do without";

static void set_path(const char *folder)
{
    snprintf(path, sizeof path, "%s/" CONFIG_STATE_LAST_WORDS, folder);
}

enum lastwords lastwords_take(const char *folder, char words[LASTWORDS_MAX])
{
    set_path(folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); /* a FIFO has no words */
    if (fd < 0)
        return LASTWORDS_NONE;
    ssize_t size = read(fd, words, LASTWORDS_MAX - 1);
    close(fd);
    unlink(path);
    words[size > 0 ? size : 0] = '\0';
    words[strcspn(words, "\n")] = '\0';
    if (words[0] == '\0')
        return LASTWORDS_NONE;
    char *mark = strstr(words, trial_mark);
    if (mark == NULL)
        return LASTWORDS_START;
    *mark = '\0';
    return LASTWORDS_TRIAL;
}

void lastwords_begin(const char *folder)
{
    set_path(folder);
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    atomic_store(&file, open(path, flags, 0600));
}

/* The descriptor stays open: a thread that is about to leave words must not meet another file. */
void lastwords_end(void)
{
    if (atomic_exchange(&file, -1) >= 0 && !atomic_load(&in_trial))
        unlink(path);
}

static struct iovec part(const char *text)
{
    return (struct iovec){(void *)(uintptr_t)text, strlen(text)};
}

/* Over what is there; lastwords_take reads to the end of the first line. */
bool lastwords_leave(const char *moment, const char *function)
{
    const struct iovec line[] = {part(moment), part(" "), part(function),
                                 part(atomic_load(&in_trial) ? trial_mark : ""), part("\n")};
    const size_t parts = sizeof line / sizeof line[0];
    size_t size = 0;
    for (size_t i = 0; i < parts; i++)
        size += line[i].iov_len;
    int fd = atomic_load(&file);
    return fd >= 0 && pwritev(fd, line, (int)parts, 0) == (ssize_t)size;
}

/* On a full disk the next start learns it for itself, or hears of the last stage. */
void lastwords_stage(const char *function)
{
    int fd = atomic_load(&file);
    if (function != NULL)
        (void)lastwords_leave("the process was ended from inside of", function);
    else if (fd >= 0 && ftruncate(fd, 0) != 0)
        return;
}

bool lastwords_trial_begin(void)
{
    atomic_store(&in_trial, true);
    if (lastwords_leave("the process was ended from inside of", "C_GenerateKeyPair"))
        return true;
    lastwords_trial_end();
    return false;
}

void lastwords_trial_end(void)
{
    atomic_store(&in_trial, false);
    lastwords_stage(NULL);
}
