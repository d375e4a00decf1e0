/* SPDX-License-Identifier: BSD-2-Clause
 *
 * keyd-dnssec: signs DNS zones with a KSK in the HSM, through keyd. No core dump may hold a ZSK. */
#include <sys/resource.h>

#include "client/dnssec/commands.h"

int main(int argc, char **argv)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    return commands_main(argc, argv, &hsm_keyd);
}
