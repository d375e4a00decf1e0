/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/base/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *name_of_program;

/* A descriptor with the lowest free number. Where there is no /dev, a folder, of which nothing can
 * be read either. */
static void take(int flags)
{
    if (open("/dev/null", flags) < 0 && open("/", O_RDONLY | O_DIRECTORY) < 0)
        _exit(EXIT_FAILURE);
}

static bool is_closed(int fd)
{
    return fcntl(fd, F_GETFD) < 0 && errno == EBADF;
}

bool streams_can_write(void)
{
    int flags = fcntl(STDOUT_FILENO, F_GETFL);
    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

/* Some file systems tell of a full disk when a file is closed. */
static bool close_copy(void)
{
    int copy = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    return copy < 0 || close(copy) == 0;
}

bool streams_flush(const char **why)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout) && close_copy())
        return true;
    *why = errno != 0 ? strerrordesc_np(errno) : "it could not be written to";
    return false;
}

static void check(int status, void *context)
{
    const char *why;
    (void)context;
    if (streams_flush(&why) || status != EXIT_SUCCESS)
        return;
    fprintf(stderr, "%s: standard output: %s; what was printed is not complete\n", name_of_program,
            why);
    _exit(EXIT_FAILURE);
}

void streams_hold(const char *program)
{
    if (is_closed(STDIN_FILENO))
        take(O_WRONLY);
    if (is_closed(STDOUT_FILENO))
        take(O_RDONLY);
    if (is_closed(STDERR_FILENO))
        take(O_WRONLY);
    name_of_program = program;
    on_exit(check, NULL);
}
