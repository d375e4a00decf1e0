/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/dnssec/zonefile.h"
#include "keyd/base/file.h"

#define ENDING ".new"

/* What a fatal signal removes; set before the file is made, emptied after it is gone. */
static char pending[PATH_MAX];
static volatile sig_atomic_t is_pending;

static void remove_pending(int signal_number)
{
    if (is_pending)
        unlink(pending);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void watch_signals(const char *path)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    is_pending = 0;
    snprintf(pending, sizeof pending, "%s", path);
    is_pending = 1;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction action;
        if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
            action.sa_handler = remove_pending;
            sigaction(signals[i], &action, NULL);
        }
    }
}

static enum keyd_status resolve(const char *path, struct publication *publication,
                                struct keyd_error *err)
{
    char *real = realpath(path, NULL);
    if (real == NULL && errno != ENOENT)
        return keyd_fail_errno(err, errno, "%s", path);
    int n = snprintf(publication->target, PATH_MAX, "%s", real != NULL ? real : path);
    free(real);
    if (n >= PATH_MAX ||
        snprintf(publication->fresh, PATH_MAX, "%s" ENDING, publication->target) >= PATH_MAX)
        return keyd_fail_errno(err, ENAMETOOLONG, "%s", path);
    return KEYD_OK;
}

enum keyd_status publish_check(const char *path, struct keyd_error *err)
{
    struct publication publication;
    struct stat st;
    enum keyd_status status = resolve(path, &publication, err);
    if (status != KEYD_OK)
        return status;
    if (stat(publication.target, &st) == 0 && !S_ISREG(st.st_mode))
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "SIGNED_ZONE",
                         "%s is no plain file: name another one for the signed zone", path);
    char *slash = strrchr(publication.target, '/');
    if (slash != NULL)
        slash[slash == publication.target] = '\0';
    if (access(slash != NULL ? publication.target : ".", W_OK | X_OK) != 0)
        return keyd_fail_errno(err, errno, "the folder of the signed zone, %s", publication.target);
    return KEYD_OK;
}

static enum keyd_status fill(FILE *file, const struct publication *publication, mode_t mode,
                             const struct zone *zone, struct keyd_error *err)
{
    enum keyd_status status = zonefile_write(zone, file, publication->fresh, err);
    if (status != KEYD_OK)
        return status;
    if (fflush(file) != 0 || fchmod(fileno(file), mode) != 0 || fsync(fileno(file)) != 0)
        return keyd_fail_errno(err, errno, "%s", publication->fresh);
    return KEYD_OK;
}

enum keyd_status publish_write(const char *path, const struct zone *zone,
                               struct publication *publication, struct keyd_error *err)
{
    struct stat st;
    enum keyd_status status = resolve(path, publication, err);
    if (status != KEYD_OK)
        return status;
    mode_t mode = stat(publication->target, &st) == 0 ? st.st_mode & 0777 : 0644;
    watch_signals(publication->fresh);
    unlink(publication->fresh); /* what a killed run left; this run holds the zone's lock */
    int fd = open(publication->fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        status = keyd_fail_errno(err, errno, "%s", publication->fresh);
        if (fd >= 0)
            close(fd);
    } else {
        status = fill(file, publication, mode, zone, err);
        if (fclose(file) != 0 && status == KEYD_OK)
            status = keyd_fail_errno(err, errno, "%s", publication->fresh);
    }
    if (status != KEYD_OK)
        publish_drop(publication);
    return status;
}

enum keyd_status publish_commit(struct publication *publication, struct keyd_error *err)
{
    if (rename(publication->fresh, publication->target) != 0) {
        int saved = errno;
        publish_drop(publication);
        return keyd_fail_errno(err, saved, "%s", publication->target);
    }
    is_pending = 0;
    return file_sync_folder_of(publication->target, err);
}

void publish_drop(struct publication *publication)
{
    unlink(publication->fresh);
    is_pending = 0;
}
