/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One line of a fixed length a name, changed in place under flock: a process that is killed in the
 * middle of anything leaves the file whole. */
#include "tests/mock/count.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "tests/mock/die.h"

#define NAME_WIDTH  40
#define DIGITS      12
#define LINE_LENGTH (NAME_WIDTH + 1 + DIGITS + 1)
#define LINES_MAX   512 /* functions, times the faults that a test can think of */

static const char *counts_path(void)
{
    const char *path = getenv("KEYD_MOCK_COUNTS");
    return path != NULL && path[0] != '\0' ? path : NULL;
}

bool count_enabled(void)
{
    return counts_path() != NULL;
}

static bool is_about(const char *line, const char *name)
{
    size_t length = strlen(name);
    return strncmp(line, name, length) == 0 && line[length] == ' ';
}

static void write_line(int fd, const char *path, off_t at, const char *name, uint64_t count)
{
    char line[LINE_LENGTH + 1];
    int length =
        snprintf(line, sizeof line, "%-*s %*" PRIu64 "\n", NAME_WIDTH, name, DIGITS, count);
    if (length != LINE_LENGTH)
        mock_die("'%s' is too long to be counted", name);
    if (pwrite(fd, line, LINE_LENGTH, at) != LINE_LENGTH)
        mock_die("%s cannot be written: %s", path, strerror(errno));
}

/* Where the line about `name` is, or will be; *count is what it says. */
static off_t find_line(int fd, const char *path, const char *name, uint64_t *count)
{
    static const size_t size_max = (size_t)LINES_MAX * LINE_LENGTH;
    char *text = mock_alloc(size_max + 1);
    ssize_t size = pread(fd, text, size_max, 0);
    off_t at = 0;
    if (size < 0 || (size_t)size == size_max || size % LINE_LENGTH != 0)
        mock_die("%s is no file of counts", path);
    while (at < size && !is_about(text + at, name))
        at += LINE_LENGTH;
    *count = at < size ? strtoull(text + at + NAME_WIDTH, NULL, 10) : 0;
    free(text);
    return at;
}

bool count_add(const char *name, uint64_t limit)
{
    const char *path = counts_path();
    uint64_t count;
    if (path == NULL)
        return true;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        mock_die("%s cannot be opened: %s", path, strerror(errno));
    while (flock(fd, LOCK_EX) != 0)
        if (errno != EINTR)
            mock_die("%s cannot be locked: %s", path, strerror(errno));
    off_t at = find_line(fd, path, name, &count);
    bool good = count < limit;
    if (good)
        write_line(fd, path, at, name, count + 1);
    close(fd);
    return good;
}
