/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/dnssec/stream.h"
#include "keyd/base/fatal.h"
#include "keyd/base/file.h"
#include "keyd/base/streams.h"

#define ENDING ".new"

#define WRITE_BEHIND ((off_t)4 << 20) /* bytes: a disk is busy with them for some 10 ms */

/* A file that grows over the limit (RLIMIT_FSIZE) is a failed write, not the program's end. */
static void do_nothing(int signal_number)
{
    (void)signal_number;
}

static void survive_limit(void)
{
    struct sigaction action;
    if (sigaction(SIGXFSZ, NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
        action.sa_handler = do_nothing;
        sigaction(SIGXFSZ, &action, NULL);
    }
}

static enum keyd_status resolve(const char *path, struct publication *publication,
                                struct keyd_error *err)
{
    struct stat link;
    char *real = realpath(path, NULL);
    if (real == NULL && errno != ENOENT)
        return keyd_fail_errno(err, errno, "%s", path);
    if (real == NULL && lstat(path, &link) == 0)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "SIGNED_ZONE",
                         "%s is a link to nothing: make what it leads to, or remove it", path);
    int n = snprintf(publication->target, PATH_MAX, "%s", real != NULL ? real : path);
    free(real);
    if (n >= PATH_MAX ||
        snprintf(publication->fresh, PATH_MAX, "%s" ENDING, publication->target) >= PATH_MAX)
        return keyd_fail_errno(err, ENAMETOOLONG, "%s", path);
    return KEYD_OK;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static void cut_to_folder(char path[PATH_MAX])
{
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        snprintf(path, PATH_MAX, ".");
    else
        slash[slash == path] = '\0';
}

/* The new file's owner and group are the old one's. Where this user may not give them, it is enough
 * that everybody, or the same group, may read it. */
static enum keyd_status keep_owner(int fd, const struct stat *old, const char *path,
                                   struct keyd_error *err)
{
    bool whole = fchown(fd, old->st_uid, old->st_gid) == 0;
    bool group = whole || fchown(fd, (uid_t)-1, old->st_gid) == 0;
    if (whole || (old->st_mode & S_IROTH) != 0 || (group && (old->st_mode & S_IRGRP) != 0))
        return KEYD_OK;
    return keyd_fail(
        err, KEYD_FAILED_PRECONDITION, "OWNER",
        "%s belongs to user %u and group %u with mode %04o; this user (%u) cannot make "
        "one that the name server could read: run keyd-dnssec as root or as that user, "
        "or chmod o+r it",
        path, old->st_uid, old->st_gid, old->st_mode & 0777, geteuid());
}

/* Whether a new file could have the old one's owner: by one without a name, where there are such.
 */
static enum keyd_status try_owner(const char *target, const char *folder, struct keyd_error *err)
{
    struct stat old;
    int fd = stat(target, &old) == 0 ? open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return KEYD_OK;
    enum keyd_status status = keep_owner(fd, &old, target, err);
    close(fd);
    return status;
}

static enum keyd_status check_output(struct keyd_error *err)
{
    if (streams_can_write())
        return KEYD_OK;
    return keyd_fail(err, KEYD_FAILED_PRECONDITION, "SIGNED_ZONE",
                     "the signed zone goes to standard output, which is closed");
}

enum keyd_status publish_check(const char *path, struct keyd_error *err)
{
    struct publication publication;
    struct stat st;
    if (is_standard_stream(path))
        return check_output(err);
    enum keyd_status status = resolve(path, &publication, err);
    if (status != KEYD_OK)
        return status;
    if (stat(publication.target, &st) == 0 && !S_ISREG(st.st_mode))
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "SIGNED_ZONE",
                         "%s is no plain file: name another one for the signed zone", path);
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", publication.target);
    cut_to_folder(folder);
    if (access(folder, W_OK | X_OK) != 0)
        return keyd_fail_errno(err, errno, "the folder of the signed zone, %s", folder);
    return try_owner(publication.target, folder, err);
}

bool publish_is_in(const char *path, const char *folder)
{
    struct publication publication;
    struct stat there;
    struct stat st;
    if (is_standard_stream(path) || resolve(path, &publication, NULL) != KEYD_OK)
        return false;
    cut_to_folder(publication.target);
    return stat(publication.target, &there) == 0 && stat(folder, &st) == 0 &&
           same_file(&there, &st);
}

bool publish_would_replace(const char *path, const struct stat *st)
{
    struct publication publication;
    struct stat there;
    if (is_standard_stream(path))
        return fstat(STDOUT_FILENO, &there) == 0 && S_ISREG(there.st_mode) && same_file(&there, st);
    if (resolve(path, &publication, NULL) != KEYD_OK)
        return false;
    return (stat(publication.target, &there) == 0 && same_file(&there, st)) ||
           (lstat(publication.fresh, &there) == 0 && same_file(&there, st));
}

static enum keyd_status busy(const struct publication *publication, struct keyd_error *err)
{
    return keyd_fail(err, KEYD_ABORTED, "ZONE_BUSY",
                     "another run is writing %s: give each zone a file of its own, or try again "
                     "when it is done",
                     publication->fresh);
}

/* Removes what a killed run left, but not what another one is at. */
static enum keyd_status clear_left_over(const struct publication *publication,
                                        struct keyd_error *err)
{
    int fd = open(publication->fresh, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? KEYD_OK : keyd_fail_errno(err, errno, "%s", publication->fresh);
    bool ours = flock(fd, LOCK_EX | LOCK_NB) == 0;
    bool gone = ours && unlink(publication->fresh) == 0;
    int saved = errno;
    close(fd);
    if (!ours && saved == EWOULDBLOCK)
        return busy(publication, err);
    return gone ? KEYD_OK : keyd_fail_errno(err, saved, "%s", publication->fresh);
}

static enum keyd_status open_fresh(struct publication *publication, struct keyd_error *err)
{
    enum keyd_status status = clear_left_over(publication, err);
    if (status != KEYD_OK)
        return status;
    int fd = open(publication->fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return busy(publication, err);
    if (fd < 0)
        return keyd_fail_errno(err, errno, "%s", publication->fresh);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return busy(publication, err);
    }
    publication->fd = fd;
    publication->pending = fatal_remove(publication->fresh);
    fatal_watch();
    survive_limit();
    return KEYD_OK;
}

static enum keyd_status begin_file(struct publication *publication, struct keyd_error *err)
{
    struct stat old;
    enum keyd_status status = open_fresh(publication, err);
    if (status != KEYD_OK)
        return status;
    publication->mode = 0644;
    if (stat(publication->target, &old) == 0) {
        publication->mode = old.st_mode & 0777;
        status = keep_owner(publication->fd, &old, publication->target, err);
    }
    if (status != KEYD_OK)
        publish_drop(publication);
    return status;
}

static enum keyd_status begin_in_memory(struct publication *publication, struct keyd_error *err)
{
    publication->fd = memfd_create("zone", MFD_CLOEXEC);
    if (publication->fd < 0)
        return keyd_fail_errno(err, errno, "memory for the signed zone");
    snprintf(publication->fresh, sizeof publication->fresh, "/proc/self/fd/%d", publication->fd);
    return KEYD_OK;
}

enum keyd_status publish_begin(const char *path, bool rehearsal, struct publication *publication,
                               struct keyd_error *err)
{
    *publication = (struct publication){
        .fd = -1, .pending = -1, .rehearsal = rehearsal, .to_output = is_standard_stream(path)};
    enum keyd_status status = KEYD_OK;
    if (publication->to_output && !rehearsal)
        status = check_output(err);
    if (status == KEYD_OK && publication->to_output)
        return begin_in_memory(publication, err);
    if (status == KEYD_OK)
        status = resolve(path, publication, err);
    if (status != KEYD_OK)
        return status;
    return rehearsal ? begin_in_memory(publication, err) : begin_file(publication, err);
}

/* Has the kernel begin to write what is there, so that little is left to do at the end. No more
 * than a hint: publish_end sees to it that all is on the disk. */
static void start_writing(struct publication *publication)
{
    off_t length = publication->written - publication->started;
    if (publication->rehearsal || publication->to_output || length < WRITE_BEHIND)
        return;
    sync_file_range(publication->fd, publication->started, length, SYNC_FILE_RANGE_WRITE);
    publication->started = publication->written;
}

enum keyd_status publish_add(void *context, const void *data, size_t length, struct keyd_error *err)
{
    struct publication *publication = context;
    const char *at = data;
    while (length > 0) {
        ssize_t n = write(publication->fd, at, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return keyd_fail_errno(err, errno, "%s", publication->fresh);
        at += n;
        length -= (size_t)n;
        publication->written += n;
    }
    start_writing(publication);
    return KEYD_OK;
}

enum keyd_status publish_patch(void *context, size_t at, const void *data, size_t length,
                               struct keyd_error *err)
{
    const struct publication *publication = context;
    const char *from = data;
    while (length > 0) {
        ssize_t n = pwrite(publication->fd, from, length, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return keyd_fail_errno(err, errno, "%s", publication->fresh);
        from += n;
        at += (size_t)n;
        length -= (size_t)n;
    }
    return KEYD_OK;
}

enum keyd_status publish_end(struct publication *publication, struct keyd_error *err)
{
    if (publication->rehearsal || publication->to_output)
        return KEYD_OK;
    if (fchmod(publication->fd, publication->mode) != 0 || fsync(publication->fd) != 0)
        return keyd_fail_errno(err, errno, "%s", publication->fresh);
    return KEYD_OK;
}

static void release(struct publication *publication)
{
    fatal_keep(publication->pending);
    publication->pending = -1;
    if (publication->fd >= 0)
        close(publication->fd);
    publication->fd = -1;
}

static enum keyd_status write_output(const char *data, size_t length, struct keyd_error *err)
{
    while (length > 0) {
        ssize_t n = write(STDOUT_FILENO, data, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return keyd_fail_errno(err, errno,
                                   "the signed zone to standard output, which is not complete");
        data += n;
        length -= (size_t)n;
    }
    return KEYD_OK;
}

static enum keyd_status copy_to_output(struct publication *publication, struct keyd_error *err)
{
    char buffer[65536];
    off_t at = 0;
    ssize_t n;
    enum keyd_status status = KEYD_OK;
    while (status == KEYD_OK && (n = pread(publication->fd, buffer, sizeof buffer, at)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            status = keyd_fail_errno(err, errno, "%s", publication->fresh);
        else
            status = write_output(buffer, (size_t)n, err);
        at += n;
    }
    publish_drop(publication);
    return status;
}

enum keyd_status publish_commit(struct publication *publication, struct keyd_error *err)
{
    if (publication->to_output)
        return copy_to_output(publication, err);
    if (rename(publication->fresh, publication->target) != 0) {
        int saved = errno;
        publish_drop(publication);
        return keyd_fail_errno(err, saved, "%s", publication->target);
    }
    release(publication);
    return file_sync_folder_of(publication->target, err);
}

void publish_drop(struct publication *publication)
{
    if (!publication->rehearsal && !publication->to_output)
        unlink(publication->fresh);
    release(publication);
}
