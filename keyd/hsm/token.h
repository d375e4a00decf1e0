/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The token of this process, and how it comes to be ready: journal, module, token, login, open
 * creations settled, handles found. What goes wrong on the way is no reason to die without words:
 * it becomes a state, and keyd-hsm serves that.
 */
#ifndef KEYD_HSM_TOKEN_H
#define KEYD_HSM_TOKEN_H

#include <limits.h>

#include "keyd/hsm/config.h"
#include "keyd/hsm/limitation.h"
#include "keyd/hsm/maker.h"
#include "keyd/hsm/pin.h"
#include "keyd/hsm/tries.h"

enum token_state { TOKEN_READY, TOKEN_LOGIN_NEEDED, TOKEN_FAULTY };

/* Written by token_claim and token_start alone; constant from then on, but for the maker, the
 * register, and what is not written. */
struct token {
    const struct hsm_config *config; /* *borrowed* */
    enum token_state state;
    char state_message[KEYD_MESSAGE_MAX]; /* when not ready: what is wrong and what to do */
    char state_reason[KEYD_REASON_MAX];   /* when not ready: one word */
    bool retry;  /* faulty, and a later start may help: end soon, to be started afresh */
    bool loaded; /* the module is loaded, and wants C_Finalize */
    bool at_pad; /* the PIN is typed at the token's own pad */
    struct tries *unwritten; /* login needed: the login record, which is not on disk; or NULL */
    char login_record[PATH_MAX];
    struct pin pin;
    struct module module;
    struct key_register
        *keys;               /* what the journal says, even where it could not be read to the end */
    struct journal *journal; /* NULL when not ready */
    int claim;               /* the state folder, locked while the process lives; -1: not had */
    struct maker maker;      /* when ready */
    struct session signers[CONFIG_SIGNERS_MAX];
    unsigned signer_count;    /* sessions; when not ready 0 */
    struct session_room room; /* when ready: what its own sessions left */
    struct limitations limitations;
};

/* Begins *token, takes what holds the PIN (pin_prepare), and takes the state folder for this
 * process, for as long as it lives, ready or not. FAILED_PRECONDITION, JOURNAL_LOCKED when another
 * process has it. A folder that cannot be made or opened is no failure here: token_start says so.
 * Blocks: disk. */
enum keyd_status token_claim(struct token *token, const struct hsm_config *config,
                             struct keyd_error *err) KEYD_CHECKED;

/* Brings a claimed token up as far as it goes. Fails only where there is nothing to serve: another
 * process has its journal (JOURNAL_LOCKED), no memory, or new_journal beside a journal that has
 * records (JOURNAL_EXISTS). new_journal: the operator's word that a token with keys and without
 * journal is to have a new one. It is not gone on with when the end is asked for (ending.h). Call
 * once, before any other thread but the watchdog's and the one that hears signals. Blocks: disk,
 * module. */
enum keyd_status token_start(struct token *token, bool new_journal,
                             struct keyd_error *err) KEYD_CHECKED;

/* Tries once to write the login record that the start could not write. True when it is on disk by
 * now: then end, to be started afresh, since the state says otherwise. False also where there is
 * none. Main thread; blocks: disk. */
bool token_write_record(struct token *token);

/* Lets the next start try the PIN once more, whatever is on record (login.h); final_try: also where
 * that may lock the token. FAILED_PRECONDITION, with what is the matter, when the token does not
 * need a login (LOGGED_IN, TOKEN_FAULTY). What was not on disk is written with it. Main thread;
 * blocks: disk. */
enum keyd_status token_permit_login(const struct token *token, bool final_try,
                                    struct keyd_error *err) KEYD_CHECKED;

#endif
