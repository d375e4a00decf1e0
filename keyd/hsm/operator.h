/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `keyd-hsm admin COMMAND`: the other end of the admin socket, for an operator on the host. It
 * loads no module, holds no PIN and says what a running keyd-hsm answered.
 */
#ifndef KEYD_HSM_OPERATOR_H
#define KEYD_HSM_OPERATOR_H

/* argv[0] is "admin". The exit status, as docs/architecture.md has them. Blocks: the running
 * keyd-hsm, and its start afresh. */
int operator_main(int argc, char **argv);

#endif
