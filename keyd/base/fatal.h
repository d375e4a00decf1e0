/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is still done when a signal ends the program: a half-written file is removed, a half-drawn
 * line wiped. And an end that nothing holds up.
 */
#ifndef KEYD_BASE_FATAL_H
#define KEYD_BASE_FATAL_H

#define FATAL_ACTIONS 4 /* that a program may have */

/* From now on `action` runs when SIGINT, SIGTERM, SIGHUP, SIGPIPE or SIGQUIT is about to end the
 * program, before it does. A signal that was ignored or had a handler before the first call is left
 * alone. The action is called in whatever thread, within whatever function, and perhaps by two
 * signals at once: it does only what signal-safety(7) allows. Asked for again it is there once.
 * From one thread at a time. */
void fatal_do(void (*action)(void));

/* From now on the program has so many seconds to end by itself; then SIGALRM ends it, wherever its
 * threads are. For the last words of a daemon whose log nobody may be reading. Any thread. */
void fatal_within(unsigned seconds);

#endif
