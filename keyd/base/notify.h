/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tells whoever started this daemon how it is, by the protocol of sd_notify(3): a datagram to the
 * Unix socket that NOTIFY_SOCKET names. systemd listens there (Type=notify), and so does keyd-run.
 */
#ifndef KEYD_BASE_NOTIFY_H
#define KEYD_BASE_NOTIFY_H

/* state: as "READY=1" or "STOPPING=1". Without NOTIFY_SOCKET, or when nobody listens: does nothing.
 */
void notify_supervisor(const char *state);

#endif
