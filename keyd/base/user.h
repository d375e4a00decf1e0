/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Users of this host, as a configuration names them.
 */
#ifndef KEYD_BASE_USER_H
#define KEYD_BASE_USER_H

#include <stdbool.h>
#include <sys/types.h>

/* A uid: text_number's form, but not (uid_t)-1, which stands for "none" (chown(2)). */
#define USER_UID_MAX ((uid_t)-2)

/* The user's uid by name, or by the uid itself: digits alone are never a name, since a typing error
 * in a uid must not become somebody. False: there is no such user, or it is no uid; *uid is as it
 * was then. Blocks: the user database. Any thread. */
bool user_find(const char *text, uid_t *uid);

#endif
