/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fake keyd-hsm as a program: fake_hsm SOCKET TOKEN, until standard input ends.
 */
#include <stdio.h>
#include <unistd.h>

#include "tests/front/fake_hsm.h"

int main(int argc, char **argv)
{
    static struct fake_hsm fake;
    char byte;
    if (argc != 3) {
        fprintf(stderr, "fake_hsm SOCKET TOKEN\n");
        return 2;
    }
    fake.socket = argv[1];
    fake.token = argv[2];
    fake_hsm_up(&fake);
    while (read(0, &byte, 1) > 0)
        ;
    fake_hsm_free(&fake);
    return 0;
}
