/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What libp11 is about to ask of a module when it lists the tokens, asked before it does, one call
 * at a time: libp11 names neither the function that failed nor the one that it is in, and believes
 * every count that it is given.
 */
#ifndef KEYD_HSM_SURVEY_H
#define KEYD_HSM_SURVEY_H

#include "keyd/hsm/module.h"

/* Slots of a module; a count that is larger is a module's mistake. Those with the most show some
 * hundreds. */
#define SURVEY_SLOTS_MAX 4096

/* C_GetSlotList, and of each slot C_GetSlotInfo and, where there is a token, C_GetTokenInfo. A
 * token that went away or is none is passed over, as libp11 does it. Fails with the function's name
 * and its answer; INTERNAL, TOKEN_FAILED where the answers contradict each other. Blocks as long as
 * the module does. PKCS #11 2.40, 5.5. */
enum keyd_status survey_slots(const struct module *module, struct keyd_error *err) KEYD_CHECKED;

#endif
