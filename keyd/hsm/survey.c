/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/survey.h"

#include <errno.h>
#include <stdlib.h>

#include "keyd/hsm/ckr.h"

/* A slot may come between the question for the count and that for the list. */
#define LISTINGS_MAX 4

static enum keyd_status survey_token(const struct module *module, CK_SLOT_ID slot,
                                     struct keyd_error *err)
{
    CK_TOKEN_INFO info;
    CK_RV rv = MODULE_CALL(module, C_GetTokenInfo, slot, &info);
    if (rv == CKR_OK || rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_TOKEN_NOT_RECOGNIZED)
        return KEYD_OK;
    return ckr_fail(err, rv, "C_GetTokenInfo");
}

static enum keyd_status survey_slot(const struct module *module, CK_SLOT_ID slot,
                                    struct keyd_error *err)
{
    CK_SLOT_INFO info = {0};
    CK_RV rv = MODULE_CALL(module, C_GetSlotInfo, slot, &info);
    if (rv != CKR_OK)
        return ckr_fail(err, rv, "C_GetSlotInfo");
    return (info.flags & CKF_TOKEN_PRESENT) != 0 ? survey_token(module, slot, err) : KEYD_OK;
}

static enum keyd_status fail_count(CK_ULONG count, CK_ULONG room, struct keyd_error *err)
{
    return keyd_fail(err, KEYD_INTERNAL, "TOKEN_FAILED",
                     "C_GetSlotList: the module gives %lu slots where it has room for %lu: a fault "
                     "of its own. Look for another version of it",
                     count, room);
}

/* *owned* in *list, of *count slots. *again: there were more by then. */
static enum keyd_status list_slots(const struct module *module, CK_SLOT_ID **list, CK_ULONG *count,
                                   bool *again, struct keyd_error *err)
{
    CK_ULONG room = 0;
    *again = false;
    CK_RV rv = MODULE_CALL(module, C_GetSlotList, CK_FALSE, NULL, &room);
    if (rv != CKR_OK)
        return ckr_fail(err, rv, "C_GetSlotList");
    if (room > SURVEY_SLOTS_MAX)
        return fail_count(room, SURVEY_SLOTS_MAX, err);
    CK_SLOT_ID *slots = calloc(room + 1, sizeof *slots);
    if (slots == NULL)
        return keyd_fail_errno(err, ENOMEM, "a list of %lu slots", room);
    *count = room;
    rv = MODULE_CALL(module, C_GetSlotList, CK_FALSE, slots, count);
    *again = rv == CKR_BUFFER_TOO_SMALL;
    if (rv == CKR_OK && *count <= room) {
        *list = slots;
        return KEYD_OK;
    }
    free(slots);
    return rv == CKR_OK ? fail_count(*count, room, err) : ckr_fail(err, rv, "C_GetSlotList");
}

enum keyd_status survey_slots(const struct module *module, struct keyd_error *err)
{
    CK_SLOT_ID *slots = NULL;
    CK_ULONG count = 0;
    bool again = true;
    enum keyd_status status = KEYD_OK;
    for (unsigned i = 0; again && i < LISTINGS_MAX; i++)
        status = list_slots(module, &slots, &count, &again, err);
    for (CK_ULONG i = 0; i < count && status == KEYD_OK; i++)
        status = survey_slot(module, slots[i], err);
    free(slots);
    return status;
}
