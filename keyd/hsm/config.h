/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tokens.d/NAME.conf: what one keyd-hsm is to do. docs/examples/tokens.d/main.conf explains each
 * field to its reader. Judged whole when it is read; what it names (module, token, PIN) is not
 * looked at here.
 */
#ifndef KEYD_HSM_CONFIG_H
#define KEYD_HSM_CONFIG_H

#include <stddef.h>
#include <sys/types.h>

#include "keyd/base/error.h"
#include "keyd/base/keyid.h"
#include "keyd/base/log.h"

#define CONFIG_SIGNERS_DEFAULT 4 /* more gains nothing on a software token (measured) */
#define CONFIG_SIGNERS_MAX     64
#define CONFIG_CALL_LIMIT      10  /* seconds a module call may take */
#define CONFIG_KEY_LIMIT       120 /* seconds the making of a key pair may take: RSA on small HSMs */
#define CONFIG_LIMIT_MAX       3600 /* seconds; a longer wait is no limit any more */
#define CONFIG_ENVIRONMENT_MAX 32   /* variables */
#define CONFIG_DESCRIPTOR_MAX  1023 /* what a process may have open without special settings */

/* keyd-hsm's own files in the state folder. */
#define CONFIG_STATE_JOURNAL    "journal"
#define CONFIG_STATE_LOGIN      "login"
#define CONFIG_STATE_LAST_WORDS "last-words"
#define CONFIG_STATE_ADMIN      "admin.sock" /* where admin_socket names no other place */

struct hsm_variable {
    char *name;
    char *value;
};

/* Paths are absolute, or relative to the working folder where the configuration file's own was. */
struct hsm_config {
    char name[NAME_MAX_LENGTH + 1]; /* of the token: the file's name without ".conf" */
    char *file;                     /* the configuration file, as it was named */
    char *module;
    char *label;          /* NULL: any */
    char *serial;         /* NULL: any; one of the two is set */
    char *pin_file;       /* at most one of the three; keyd/hsm/pin.h */
    char *pin_credential; /* a name */
    int pin_descriptor;   /* -1: not given */
    char *state_folder;
    char *socket;       /* NULL: systemd gives it */
    char *admin_socket; /* never NULL */
    uid_t front_uid;
    unsigned signers;
    unsigned module_call_limit;    /* seconds */
    unsigned key_generation_limit; /* seconds */
    struct hsm_variable *environment;
    size_t environment_count;
    enum log_level log_level;
};

/* Called once for each thing that is wrong, all of them at once, with "FILE:LINE: FIELD: what". */
typedef void (*config_complaint)(void *context, const char *message);

/* Reads and judges `path`. *config is *owned*: config_free. On failure every complaint has been
 * made, and the status is INVALID_ARGUMENT, or file_read's when the file cannot be read. Blocks:
 * disk, the user database. */
enum keyd_status config_load(const char *path, struct hsm_config **config,
                             config_complaint complain, void *context) KEYD_CHECKED;

void config_free(struct hsm_config *config); /* takes NULL */

/* Says that neither `socket` nor systemd gave a socket to listen on. */
void config_complain_socket(const char *path, struct keyd_error *err);

#endif
