/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/base/error.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "keyd/base/text.h"

/* Ends a cut message at a whole UTF-8 character. */
static void trim_to_character(char *text, size_t length)
{
    while (length > 0 && ((unsigned char)text[length - 1] & 0xc0) == 0x80)
        length--;
    if (length > 0 && (unsigned char)text[length - 1] >= 0xc0)
        length--;
    text[length] = '\0';
}

static void format_message(char *message, const char *format, va_list args)
{
    int n = vsnprintf(message, KEYD_MESSAGE_MAX, format, args);
    if (n < 0)
        message[0] = '\0';
    else if (n >= KEYD_MESSAGE_MAX)
        trim_to_character(message, KEYD_MESSAGE_MAX - 1);
    text_repair(message);
}

static void append(char *message, const char *detail)
{
    size_t used = strlen(message);
    int n = snprintf(message + used, KEYD_MESSAGE_MAX - used, ": %s", detail);
    if (n >= (int)(KEYD_MESSAGE_MAX - used))
        trim_to_character(message, KEYD_MESSAGE_MAX - 1);
    text_repair(message);
}

enum keyd_status keyd_vfail(struct keyd_error *err, enum keyd_status status, const char *reason,
                            const char *format, va_list args)
{
    if (err == NULL)
        return status;
    struct keyd_error made = {.status = status}; /* reason and arguments may point into *err */
    snprintf(made.reason, sizeof made.reason, "%s", reason != NULL ? reason : "");
    format_message(made.message, format, args);
    *err = made;
    return status;
}

enum keyd_status keyd_fail(struct keyd_error *err, enum keyd_status status, const char *reason,
                           const char *format, ...)
{
    va_list args;
    va_start(args, format);
    keyd_vfail(err, status, reason, format, args);
    va_end(args);
    return status;
}

static enum keyd_status status_of_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
        return KEYD_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return KEYD_PERMISSION_DENIED;
    case EEXIST:
        return KEYD_ALREADY_EXISTS;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return KEYD_RESOURCE_EXHAUSTED;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
        return KEYD_UNAVAILABLE;
    default:
        return KEYD_INTERNAL;
    }
}

enum keyd_status keyd_fail_errno(struct keyd_error *err, int errnum, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum keyd_status status =
        keyd_vfail(err, status_of_errno(errnum), strerrorname_np(errnum), format, args);
    va_end(args);
    if (err != NULL)
        append(err->message, strerrordesc_np(errnum));
    return status;
}

enum keyd_status keyd_fail_openssl(struct keyd_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    keyd_vfail(err, KEYD_INTERNAL, "OPENSSL", format, args);
    va_end(args);
    unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (err != NULL && code != 0) {
        char detail[160];
        ERR_error_string_n(code, detail, sizeof detail);
        append(err->message, detail);
    }
    return KEYD_INTERNAL;
}

enum keyd_status keyd_wrap(struct keyd_error *err, const char *format, ...)
{
    char inner[KEYD_MESSAGE_MAX];
    memcpy(inner, err->message, sizeof inner);
    va_list args;
    va_start(args, format);
    format_message(err->message, format, args);
    va_end(args);
    append(err->message, inner);
    return err->status;
}
