/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What outlives a process: token objects and counts of wrong PINs, in the file that KEYD_MOCK_STATE
 * names. With the mock's lock held. */
#ifndef TESTS_MOCK_STATE_H
#define TESTS_MOCK_STATE_H

/* Reads the file into the tokens, which have no objects yet. Without KEYD_MOCK_STATE, or without
 * the file, there is nothing. A file that is not ours ends the process. */
void state_load(void);

/* Replaces the file; without KEYD_MOCK_STATE it does nothing. Whole at any moment, not synced. */
void state_save(void);

#endif
