/* SPDX-License-Identifier: BSD-2-Clause
 *
 * keyd.conf: who may connect, where the tokens' keyd-hsm are, where keyd keeps its catalog.
 * docs/examples/keyd.conf is its manual.
 */
#ifndef KEYD_FRONT_CONFIG_H
#define KEYD_FRONT_CONFIG_H

#include <sys/types.h>

#include "keyd/base/error.h"
#include "keyd/base/log.h"
#include "keyd/front/service/service.h"

#define CONFIG_UIDS_MAX        64
#define CONFIG_CALLS_IN_FLIGHT 1024 /* the default of calls_in_flight */
#define CONFIG_CALLS_MAX       4096
#define CONFIG_FAULTS_MAX      32 /* what is wrong beyond that many is not told */

struct config_token {
    char *name;
    char *socket;  /* path, absolute or relative to the working directory */
    uid_t hsm_uid; /* POOL_ANY_UID: whoever it is */
};

struct config {
    char *socket;
    char *catalog;
    uid_t uids[CONFIG_UIDS_MAX]; /* all different */
    unsigned uid_count;          /* 1 or more */
    struct config_token tokens[POOL_TOKENS_MAX];
    unsigned token_count;   /* 1 or more */
    unsigned default_token; /* index; token_count: none */
    enum log_level log_level;
    unsigned calls_in_flight;
};

/* All that is wrong with a file, each message "FILE:LINE: FIELD: what". */
struct config_faults {
    struct keyd_error list[CONFIG_FAULTS_MAX];
    unsigned count;
};

/* Reads and judges a file. On failure *faults has at least one entry and the status is the first
 * one's: INVALID_ARGUMENT for what the file says, NOT_FOUND or PERMISSION_DENIED when it cannot be
 * read. Asks the system for users by name; touches no socket and no catalog. *config is *owned*. */
enum keyd_status config_load(const char *path, struct config **config,
                             struct config_faults *faults) KEYD_CHECKED;

void config_free(struct config *config); /* takes NULL */

#endif
