/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/base/user.h"

#include <pwd.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "keyd/base/text.h"

/* Bytes of a user's entry: what systemd's user records may need, and more. */
#define ENTRY_MAX 16384

bool user_find(const char *text, uid_t *uid)
{
    struct passwd entry, *found = NULL;
    char buffer[ENTRY_MAX];
    uint64_t number;
    if (text[0] == '\0')
        return false;
    if (text[strspn(text, "0123456789")] == '\0') {
        if (!text_number(text, USER_UID_MAX, &number))
            return false;
        *uid = (uid_t)number;
        return true;
    }
    if (getpwnam_r(text, &entry, buffer, sizeof buffer, &found) != 0 || found == NULL)
        return false;
    *uid = found->pw_uid;
    return true;
}
