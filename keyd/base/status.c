/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/base/status.h"

#include <stddef.h>

static const char *const names[] = {
    [KEYD_OK] = "OK",
    [KEYD_CANCELLED] = "CANCELLED",
    [KEYD_UNKNOWN] = "UNKNOWN",
    [KEYD_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
    [KEYD_DEADLINE_EXCEEDED] = "DEADLINE_EXCEEDED",
    [KEYD_NOT_FOUND] = "NOT_FOUND",
    [KEYD_ALREADY_EXISTS] = "ALREADY_EXISTS",
    [KEYD_PERMISSION_DENIED] = "PERMISSION_DENIED",
    [KEYD_RESOURCE_EXHAUSTED] = "RESOURCE_EXHAUSTED",
    [KEYD_FAILED_PRECONDITION] = "FAILED_PRECONDITION",
    [KEYD_ABORTED] = "ABORTED",
    [KEYD_OUT_OF_RANGE] = "OUT_OF_RANGE",
    [KEYD_UNIMPLEMENTED] = "UNIMPLEMENTED",
    [KEYD_INTERNAL] = "INTERNAL",
    [KEYD_UNAVAILABLE] = "UNAVAILABLE",
    [KEYD_DATA_LOSS] = "DATA_LOSS",
    [KEYD_UNAUTHENTICATED] = "UNAUTHENTICATED",
};

const char *keyd_status_name(enum keyd_status status)
{
    size_t i = (size_t)status;
    return i < sizeof names / sizeof names[0] ? names[i] : "UNKNOWN";
}
