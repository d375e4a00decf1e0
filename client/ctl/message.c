/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/ctl/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/lib/keyd.h"

#define FILEB "fileb://"
#define FILE_ "file://"

static enum keyd_status fail_long(const char *name, struct keyd_error *err)
{
    return keyd_fail(err, KEYD_INVALID_ARGUMENT, "MESSAGE_LENGTH",
                     "%s has more than %d bytes: hash it and sign the digest, as in openssl dgst "
                     "-sha256 -binary FILE | keydctl sign --key-id KEY --message fileb://- "
                     "--message-type DIGEST",
                     name, KEYD_MESSAGE_SIZE_MAX);
}

/* Up to one byte more than may be, which tells that it is too long. */
static enum keyd_status read_all(int fd, const char *name, uint8_t *data, size_t *length,
                                 struct keyd_error *err)
{
    *length = 0;
    while (*length <= KEYD_MESSAGE_SIZE_MAX) {
        ssize_t n = read(fd, data + *length, KEYD_MESSAGE_SIZE_MAX + 1 - *length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return keyd_fail_errno(err, errno, "%s", name);
        if (n == 0)
            return KEYD_OK;
        *length += (size_t)n;
    }
    return fail_long(name, err);
}

static enum keyd_status read_file(const char *path, const char *name, uint8_t *data, size_t *length,
                                  struct keyd_error *err)
{
    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, name, data, length, err);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return keyd_fail_errno(err, errno, "%s", name);
    enum keyd_status status = read_all(fd, name, data, length, err);
    close(fd);
    return status;
}

static enum keyd_status copy_text(const char *text, uint8_t *data, size_t *length,
                                  struct keyd_error *err)
{
    *length = strlen(text);
    if (*length > KEYD_MESSAGE_SIZE_MAX)
        return fail_long("the message", err);
    memcpy(data, text, *length);
    return KEYD_OK;
}

static enum keyd_status read_into(const char *text, uint8_t *data, size_t *length,
                                  struct keyd_error *err)
{
    const char *path = text + sizeof FILEB - 1;
    bool is_file = strncmp(text, FILEB, sizeof FILEB - 1) == 0;
    const char *name = !is_file ? "the message" : strcmp(path, "-") == 0 ? "standard input" : path;
    enum keyd_status status =
        is_file ? read_file(path, name, data, length, err) : copy_text(text, data, length, err);
    if (status == KEYD_OK && *length == 0)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "MESSAGE_LENGTH",
                         "%s is empty: give 1 byte or more to sign", name);
    return status;
}

enum keyd_status message_read(const char *text, uint8_t **data, size_t *length,
                              struct keyd_error *err)
{
    if (strncmp(text, FILE_, sizeof FILE_ - 1) == 0)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "MESSAGE",
                         "%s would be signed as that very text: for what is in the file, give "
                         "fileb://%s",
                         text, text + sizeof FILE_ - 1);
    uint8_t *buffer = malloc(KEYD_MESSAGE_SIZE_MAX + 1);
    if (buffer == NULL)
        return keyd_fail_errno(err, ENOMEM, "the message");
    enum keyd_status status = read_into(text, buffer, length, err);
    if (status != KEYD_OK) {
        free(buffer);
        return status;
    }
    *data = buffer;
    return KEYD_OK;
}
