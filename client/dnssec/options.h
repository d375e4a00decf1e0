/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command line.
 */
#ifndef DNSSEC_OPTIONS_H
#define DNSSEC_OPTIONS_H

#include <stdbool.h>

#include "client/dns/algorithm.h"
#include "client/dns/dname.h"
#include "client/dns/serial.h"
#include "client/dns/tcp.h"
#include "client/dnssec/verify.h"
#include "client/show/show.h"

enum command { COMMAND_ENABLE, COMMAND_SIGN, COMMAND_DS, COMMAND_STATUS, COMMAND_VERIFY };

/* Strings are argv's or static; NULL where nothing was given. */
struct options {
    enum command command;
    const char *socket;
    const char *state_folder; /* never NULL */
    enum output output;
    bool quiet;
    bool have_zone;
    struct dname zone;          /* lower case */
    char zone_text[DNAME_TEXT]; /* without final dot, but for the root */
    const char *zone_file;
    bool have_server;
    struct server from_server; /* --from-server */
    const char *tsig;          /* file of a key */
    const char *signed_zone;
    const char *key; /* "alias/NAME" */
    const char *token;
    const struct dnssec_algorithm *algorithm; /* static */
    unsigned key_size;                        /* bits of an RSA KSK; 0: not given */
    bool have_denial;                         /* --denial */
    struct denial denial;                     /* and --opt-out */
    bool have_serial;                         /* --serial */
    enum serial_policy serial;
    bool have_out_of_zone; /* --out-of-zone */
    bool drop_outside;     /* and whether it is drop */
    bool have_jitter;      /* --jitter */
    uint32_t jitter;       /* seconds */
    const char *zsk_file;  /* either file of a pair, or what they have in common */
    bool have_zonemd;      /* --zonemd or --no-zonemd */
    bool zonemd;
    const char *reload;
    bool dry_run;
    bool fresh;    /* keep no signature of the last signing */
    bool have_now; /* --now: the operator answers for the time */
    enum verify_mode verify;
};

/* Ends the program for --help and --version (0) and for bad usage (2, told on standard error).
 * Fixes the clock for --now. */
void options_parse(int argc, char **argv, struct options *options);

#endif
