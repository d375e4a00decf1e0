/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The program but for the HSM: main hands in the real one, tests a software key.
 */
#ifndef DNSSEC_COMMANDS_H
#define DNSSEC_COMMANDS_H

#include "client/dnssec/hsm.h"

/* Parses the command line, runs the command, prints, and returns the exit status. */
int commands_main(int argc, char **argv, const struct hsm_backend *backend);

#endif
