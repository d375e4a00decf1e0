/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files of TSIG keys: each is a whole key or is refused in one line. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/dns/tsigkey.h"
#include "tests/fuzz/fuzz.h"

static void must(bool good)
{
    if (!good)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    struct tsig_key key;
    struct keyd_error err = {.message = ""};
    int fd = memfd_create("key", MFD_CLOEXEC);
    must(fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (tsig_key_read(path, &key, &err) == KEYD_OK) {
        must(key.algorithm != NULL && key.secret != NULL && key.name.length > 0);
        must(key.secret->length > 0 && key.secret->length <= TSIG_SECRET_MAX);
        struct cursor wire = cursor_over(key.name.wire, key.name.length);
        must(dname_take(&wire) != NULL && cursor_left(&wire) == 0);
    } else {
        must(err.message[0] != '\0' && key.secret == NULL);
        for (const char *c = err.message; *c != '\0'; c++)
            must((uint8_t)*c >= ' ' && *c != 0x7f);
    }
    tsig_key_free(&key);
    close(fd);
    return 0;
}
