/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The login, and the memory of PINs that the token refused. A real token locks itself after a few
 * wrong PINs, and a supervisor that restarts a daemon would use them up in seconds. So a wrong PIN
 * is tried once, ever: each try is on disk before C_Login and settled after it, and a PIN that was
 * refused is known by a salted scrypt hash (RFC 7914) and not tried again.
 *
 * The record is one small file (JSON, 0600), replaced whole:
 *   v        1
 *   token    the serial number that it is about; a record about another token counts as none
 *   salt     16 bytes, hexadecimal; one for all hashes of the record
 *   trying   the hash of the PIN that is being tried, where that has not been settled
 *   refused  the hashes of PINs that were refused
 *   last     "good" or "refused": what came of the last settled try
 *   time     when the file was written
 */
#ifndef KEYD_HSM_LOGIN_H
#define KEYD_HSM_LOGIN_H

#include "keyd/hsm/session.h"

#define LOGIN_PIN_MAX 255 /* bytes; PKCS #11 has no limit of its own, tokens take 32 to 255 */

/* Refused PINs that are remembered; the oldest goes first. Every token has locked itself by then.
 */
#define LOGIN_REFUSED_MAX 64

/* What all failures of a login have as their reason: nothing helps but a person. */
#define REASON_LOGIN_NEEDED "LOGIN_NEEDED"

/* Reads the PIN from `pin_file`, judges it by the record and by the token's flags, and logs in on
 * `session`, all sessions of the process with it. The PIN is wiped before this returns.
 * FAILED_PRECONDITION, LOGIN_NEEDED, with what to do: the PIN file is missing, readable by others,
 * empty; the PIN was refused, now or before; the token is locked, or one wrong try would lock it.
 * Other errors are the token's or the disk's, and a later start may help. Blocks: disk, and some 50
 * ms and 16 MiB for scrypt. Once a process. */
enum keyd_status login_perform(const struct session *session, const char *pin_file,
                               const char *record_file, struct keyd_error *err) KEYD_CHECKED;

#endif
