/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a token cannot do, or not as keyd would have it: found at start, told to the front in
 * Welcome, and the name by which what needs it is refused.
 */
#ifndef KEYD_HSM_LIMITATION_H
#define KEYD_HSM_LIMITATION_H

#include "keyd/hsm/module.h"

#define LIMITATIONS_MAX 32  /* hsm.proto, Welcome.limitations */
#define LIMITATION_NAME 64  /* bytes with the NUL; hsm.proto, Limitation */
#define LIMITATION_TEXT 256 /* the same */

struct limitation {
    char name[LIMITATION_NAME];
    char text[LIMITATION_TEXT];
};

struct limitations {
    size_t count;
    struct limitation list[LIMITATIONS_MAX];
};

/* Adds one, and logs it. Beyond LIMITATIONS_MAX it is only logged. */
void limitations_add(struct limitations *limitations, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds what the loaded module's token offers too little for: mechanisms, with the key specs and
 * signing algorithms that need them, and key specs whose size is out of its range. */
void limitations_of_offers(struct limitations *limitations, const struct module *module);

/* Adds what the token's flags say (CK_TOKEN_INFO; PKCS #11 2.40, 3.2). */
void limitations_of_flags(struct limitations *limitations, CK_FLAGS flags);

#endif
