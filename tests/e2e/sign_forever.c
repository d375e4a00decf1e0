/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A client of libkeyd that signs without pause, as a user's program would, until it is ended. Each
 * call is one line: when it ended (CLOCK_MONOTONIC, ns), its status, and on failure the message.
 *
 *     sign_forever SOCKET KEY_ID
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "client/lib/keyd.h"
#include "keyd/base/clock.h"

#define PAUSE_US 1000 /* between two calls: kills are to meet calls, not to fill a disk */

int main(int argc, char **argv)
{
    if (argc != 3)
        errx(2, "usage: sign_forever SOCKET KEY_ID");
    struct keyd_error error;
    struct keyd_client *client;
    if (keyd_connect(argv[1], &client, &error) != KEYD_OK)
        errx(1, "%s", error.message);
    static const uint8_t message[] = "a message to sign";
    const struct keyd_sign_request request = {
        .key_id = argv[2], .message = message, .message_length = sizeof message};
    for (;;) {
        struct keyd_signature *signature = NULL;
        enum keyd_status status = keyd_sign(client, &request, 0, &signature, &error);
        printf("%" PRId64 " %s %s\n", clock_monotonic_ns(), keyd_status_name(status),
               status == KEYD_OK ? "" : error.message);
        fflush(stdout);
        keyd_signature_free(signature);
        usleep(PAUSE_US);
    }
}
