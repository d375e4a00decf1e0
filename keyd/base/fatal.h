/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is still done when a signal ends the program: a half-written file is removed, a half-drawn
 * line wiped. And an end that nothing holds up.
 */
#ifndef KEYD_BASE_FATAL_H
#define KEYD_BASE_FATAL_H

#define FATAL_ACTIONS 4 /* that a program may have */
#define FATAL_FILES   8 /* half-written at once; keyd-dnssec has three */

/* From now on SIGINT, SIGTERM, SIGHUP, SIGPIPE and SIGQUIT do what is left to do before they end
 * the program. A signal that was ignored or had a handler before the first call is left alone. From
 * one thread at a time. */
void fatal_watch(void);

/* Has these signals, which it takes as fatal_watch does, run `action` as well. The action is called
 * in whatever thread, within whatever function, and perhaps by two signals at once: it does only
 * what signal-safety(7) allows. Asked for again it is there once. From one thread at a time. */
void fatal_do(void (*action)(void));

/* Where a program takes these signals, they remove this file until fatal_keep. Gives the number for
 * it; -1 when there are FATAL_FILES already: that file is left to whoever looks for such. Any
 * thread. */
int fatal_remove(const char *path);
void fatal_keep(int file); /* takes -1 */

/* From now on the program has so many seconds to end by itself; then SIGALRM ends it, wherever its
 * threads are. For the last words of a daemon whose log nobody may be reading. Any thread. */
void fatal_within(unsigned seconds);

#endif
