/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Calls a fuzz target with each file of a folder, and with each beginning of the small ones. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/file.h"
#include "tests/fuzz/fuzz.h"

#define FILE_MAX  ((size_t)1 << 20)
#define SMALL_MAX 256 /* bytes of a file whose every beginning is tried */

static void replay(const char *path)
{
    char *data = NULL;
    size_t size = 0;
    struct keyd_error err;
    if (file_read(path, FILE_MAX, &data, &size, &err) != KEYD_OK) {
        fprintf(stderr, "replay: %s\n", err.message);
        exit(1);
    }
    for (size_t n = size <= SMALL_MAX ? 0 : size; n <= size; n++) {
        uint8_t *exact = malloc(n > 0 ? n : 1); /* so that a read behind it is seen */
        if (exact == NULL)
            exit(1);
        memcpy(exact, data, n);
        LLVMFuzzerTestOneInput(exact, n);
        free(exact);
    }
    free(data);
}

int main(int argc, char **argv)
{
    size_t count = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[PATH_MAX];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        fprintf(stderr, "%s\n", path);
        replay(path);
        count++;
    }
    closedir(folder);
    printf("%zu files\n", count);
    return count > 0 ? 0 : 1;
}
