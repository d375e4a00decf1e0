/* SPDX-License-Identifier: BSD-2-Clause
 *
 * "-" in the place of a file's name: standard input where a zone is read, standard output where one
 * is written. A file of that name is ./-.
 */
#ifndef DNSSEC_STREAM_H
#define DNSSEC_STREAM_H

#include <stdbool.h>
#include <string.h>

#define STANDARD_STREAM "-"

static inline bool is_standard_stream(const char *path)
{
    return strcmp(path, STANDARD_STREAM) == 0;
}

#endif
