/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How keyd-hsm hears that it is to end: SIGTERM or SIGINT, at any time, also while the main thread
 * is in the module or on a disk that does not answer. A thread of its own hears them and does
 * nothing else. The main thread ends in order where it can; after ENDING_LIMIT_MS the process is
 * gone, wherever its threads are. What is on disk bears that at any moment.
 */
#ifndef KEYD_HSM_ENDING_H
#define KEYD_HSM_ENDING_H

#include <stdbool.h>

#include "keyd/base/error.h"

#define ENDING_LIMIT_MS 5000

/* Of that, what the main thread has for calls under way and C_Finalize, and until the words on what
 * is left behind are said. */
#define ENDING_ORDER_MS 4500
#define ENDING_WORDS_MS 4750

#define REASON_ENDING "ENDING"

/* Blocks the signals in this and all later threads, and starts the one that hears them. Call once,
 * before any other thread. */
enum keyd_status ending_start(struct keyd_error *err) KEYD_CHECKED;

/* For poll: becomes readable when the end is asked for, and stays so. */
int ending_event(void);

/* CANCELLED, ENDING when the end is asked for. Any thread. */
enum keyd_status ending_check(struct keyd_error *err) KEYD_CHECKED;

#endif
