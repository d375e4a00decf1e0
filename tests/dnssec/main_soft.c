/* SPDX-License-Identifier: BSD-2-Clause
 * keyd-dnssec as it is, with a software key in the HSM's place. */
#include "client/dnssec/commands.h"
#include "tests/dnssec/soft_hsm.h"

int main(int argc, char **argv)
{
    return commands_main(argc, argv, &soft_hsm);
}
