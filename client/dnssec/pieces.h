/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads a zone file with all cores. It is cut at line ends into pieces, each of which is read by
 * itself. That holds where nothing goes over from one line to the next: each record says its owner
 * and its TTL, and there are no directives, as in all that this program writes. Any other text is
 * noticed, whatever it is: a record that depends on one before it cannot be read without it.
 */
#ifndef DNSSEC_PIECES_H
#define DNSSEC_PIECES_H

#include "client/dns/zonefile.h"

#define PIECES_SIZE ((size_t)64 * 1024) /* bytes of one: it stays in a core's cache */

/* Gives the records to the sink in the order of the file, from one thread at a time. threads: 0:
 * one for each core. progress: of bytes; NULL: nobody looks. *whole: it was read to its end, or
 * until the error of the sink that comes back. Not so: it is no such text, or it cannot be read at
 * all: then what the sink has got is of no use, and zonefile_read reads it or tells what is wrong.
 * Blocks on the disk. */
enum keyd_status pieces_read(const char *path, const uint8_t *apex, unsigned threads,
                             struct progress *progress, zone_sink sink, void *context, bool *whole,
                             struct keyd_error *err) KEYD_CHECKED;

#endif
