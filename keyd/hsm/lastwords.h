/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a start that ended inside the module has to tell. A module that crashes or hangs while it is
 * loaded takes keyd-hsm with it before a front could hear why. So the dying process leaves one line
 * in the state folder, and the next start serves that as its state before it tries again.
 *
 * One file, `last-words`, there while a start is under way. One process has the state folder.
 */
#ifndef KEYD_HSM_LASTWORDS_H
#define KEYD_HSM_LASTWORDS_H

#include <stdbool.h>
#include <stddef.h>

#define LASTWORDS_MAX 256 /* bytes with the NUL */

enum lastwords {
    LASTWORDS_NONE,
    LASTWORDS_START, /* of what a start cannot do without */
    LASTWORDS_TRIAL, /* of its trial: lastwords_trial_begin */
};

/* Takes what the last start has left in the folder, and the file is gone. Main thread; blocks on
 * the disk. */
enum lastwords lastwords_take(const char *folder, char words[LASTWORDS_MAX]);

/* From here on the process is starting; a folder that cannot be written to leaves no words. Main
 * thread. */
void lastwords_begin(const char *folder);

/* The process is about to call what may end it without a signal: `_exit` in a library's
 * constructor. The words for that are left before, and taken back with the next stage; NULL: no
 * such call. Main thread. */
void lastwords_stage(const char *function);

/* From here on, or no longer, the module is asked for what a start can do without. A start that
 * comes to its end in this, whatever that end is, leaves words for the next one to do without.
 * False: none can be left, so this one has to do without. Main thread. */
bool lastwords_trial_begin(void);
void lastwords_trial_end(void);

/* The start is over, well or not; the file is gone, but for words of a trial. Any thread. */
void lastwords_end(void);

/* Leaves words, where a start is under way: "MOMENT FUNCTION". False when they are not written
 * whole. Any thread, also in a signal handler. */
bool lastwords_leave(const char *moment, const char *function);

#endif
