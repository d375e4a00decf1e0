/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/serial.h"

#include <string.h>

const char *serial_policy_name(enum serial_policy policy)
{
    (void)policy;
    return "keep";
}

bool serial_policy_parse(const char *name, enum serial_policy *policy)
{
    *policy = SERIAL_KEEP;
    return strcmp(name, "keep") == 0;
}

bool serial_is_newer(uint32_t a, uint32_t b)
{
    uint32_t distance = a - b;
    return distance != 0 && distance < UINT32_C(0x80000000);
}

uint32_t serial_choose(enum serial_policy policy, uint32_t file, const uint32_t *last)
{
    (void)policy;
    if (last == NULL || serial_is_newer(file, *last))
        return file;
    return *last + 1 != 0 ? *last + 1 : 1; /* many servers take 0 for "none" */
}
