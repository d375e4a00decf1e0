/* SPDX-License-Identifier: BSD-2-Clause
 * What several tests of zones need: a folder of their own and zones from text. What goes wrong here
 * ends the program. */
#ifndef TESTS_DNSSEC_LAB_H
#define TESTS_DNSSEC_LAB_H

#include "client/dns/dname.h"
#include "client/dns/zone.h"

/* cmocka's group setup and teardown: makes and removes a folder. */
int lab_open(void **state);
int lab_close(void **state);

/* Path of a file in the folder; good until the fourth call after it. */
const char *lab_path(const char *name);

/* Writes a file there, returns its path. */
const char *lab_file(const char *name, const char *text);

/* A message without the folder in it; good until the next call. */
const char *lab_plain(const char *message);

/* A name from text. */
struct dname lab_name(const char *text);

/* A zone from text. zone_free. */
struct zone *lab_zone(const char *apex, const char *text);

/* A zone as text, one record a line in canonical order. *Owned*. */
char *lab_text(const struct zone *zone);

#endif
