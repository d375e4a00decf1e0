/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How an error comes to be: the functions that fill a struct keyd_error (status.h). No secret ever
 * goes into one.
 *
 * A function that can fail takes a `struct keyd_error *err` last and returns the status. It writes
 * *err only when it fails. err may be NULL where the caller does not care.
 */
#ifndef KEYD_BASE_ERROR_H
#define KEYD_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

#include "keyd/base/status.h"

/* Fills *err and returns `status`, so that `return keyd_fail(err, ...)` is the whole error path.
 * reason: NULL for none. A message that does not fit is cut at a character, and a byte
 * that is none (a path, a module's word) becomes a '?': whoever packs a message may rely on its
 * UTF-8. Any thread. */
enum keyd_status keyd_fail(struct keyd_error *err, enum keyd_status status, const char *reason,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));
enum keyd_status keyd_vfail(struct keyd_error *err, enum keyd_status status, const char *reason,
                            const char *format, va_list args) __attribute__((format(printf, 4, 0)));

/* The same for a failed system call: appends ": " and errno's text, and derives the status from
 * errno (ENOENT: NOT_FOUND; EACCES, EPERM: PERMISSION_DENIED; ENOSPC, EMFILE, ENOMEM:
 * RESOURCE_EXHAUSTED; EEXIST: ALREADY_EXISTS; others INTERNAL). Reason: errno's name, as "ENOENT".
 */
enum keyd_status keyd_fail_errno(struct keyd_error *err, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed OpenSSL call: INTERNAL, reason OPENSSL, appends the oldest entry of this
 * thread's error queue and empties the queue. */
enum keyd_status keyd_fail_openssl(struct keyd_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "TEXT: " before the message of an error that is already there; status and reason stay.
 * Returns err->status. err must not be NULL. */
enum keyd_status keyd_wrap(struct keyd_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
