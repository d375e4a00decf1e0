/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Standard input, output and error of a program: that each is there, and that what was printed has
 * come out when the program says that all went well.
 */
#ifndef KEYD_BASE_STREAMS_H
#define KEYD_BASE_STREAMS_H

#include <stdbool.h>

/* The first thing that a program does. Where one of the three is closed its number is taken, so
 * that no file that is opened later gets it, and with it what is printed: reading and writing fail
 * there, but for standard error, which swallows. And a program that ends with status 0, in whatever
 * function, but could not write all that it printed says so and ends with status 1. program:
 * *borrowed*, for that message. */
void streams_hold(const char *program);

/* Whether standard output can be written to at all. */
bool streams_can_write(void);

/* Writes what was printed. False, with a word on why (static), where any of it did not come out. */
bool streams_flush(const char **why);

#endif
