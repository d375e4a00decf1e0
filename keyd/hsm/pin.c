/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyd/base/text.h"
#include "keyd/base/yaml.h"
#include "keyd/hsm/listen.h"

#define NAME_IN_MESSAGE 200 /* bytes of a path in a message; the rest is what to do about it */

static void prepare_file(struct pin *pin, const char *path)
{
    snprintf(pin->path, sizeof pin->path, "%s", path);
    snprintf(pin->name, sizeof pin->name, "%.*s", text_cut(path, NAME_IN_MESSAGE), path);
    snprintf(pin->remedy, sizeof pin->remedy, "write the right PIN to %s", pin->name);
    pin->notice = "; keyd-hsm notices";
}

static void prepare_credential(struct pin *pin, const char *credential)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY"); /* systemd.exec(5) */
    snprintf(pin->name, sizeof pin->name, "the credential %s", credential);
    snprintf(pin->remedy, sizeof pin->remedy,
             "put the right PIN where LoadCredential= of the unit takes %s from, and restart "
             "keyd-hsm",
             credential);
    if (folder != NULL && folder[0] == '/')
        snprintf(pin->path, sizeof pin->path, "%s/%s", folder, credential);
}

/* What exec leaves open has no FD_CLOEXEC, and what this process has opened itself has it. */
static bool is_inherited(int descriptor)
{
    int flags = fcntl(descriptor, F_GETFD);
    return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

static void prepare_descriptor(struct pin *pin, int descriptor)
{
    snprintf(pin->name, sizeof pin->name, "descriptor %d", descriptor);
    snprintf(pin->remedy, sizeof pin->remedy, "start keyd-hsm again with the right PIN on %s",
             pin->name);
    if (is_inherited(descriptor) && fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0)
        pin->descriptor = descriptor;
}

void pin_prepare(struct pin *pin, const struct hsm_config *config)
{
    *pin = (struct pin){.kind = PIN_NONE, .descriptor = -1, .notice = "", .oddity = ""};
    if (config->pin_file != NULL) {
        pin->kind = PIN_FILE;
        prepare_file(pin, config->pin_file);
    } else if (config->pin_credential != NULL) {
        pin->kind = PIN_CREDENTIAL;
        prepare_credential(pin, config->pin_credential);
    } else if (config->pin_descriptor >= 0) {
        pin->kind = PIN_DESCRIPTOR;
        prepare_descriptor(pin, config->pin_descriptor);
    }
    pin->there = pin->path[0] != '\0' && stat(pin->path, &pin->seen) == 0;
}

enum keyd_status pin_check(const struct hsm_config *config, const char *config_file,
                           struct keyd_error *err)
{
    int sockets = listen_systemd_sockets();
    if (config->pin_descriptor < LISTEN_SYSTEMD_FIRST ||
        config->pin_descriptor >= LISTEN_SYSTEMD_FIRST + sockets)
        return KEYD_OK;
    return yaml_complain(err, config_file, "pin_descriptor",
                         "%d is a socket that systemd gave (LISTEN_FDS is %d): use another one",
                         config->pin_descriptor, sockets);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static enum keyd_status read_file(struct pin *pin, struct keyd_secret **secret,
                                  struct keyd_error *err)
{
    enum keyd_status status = keyd_secret_read(pin->path, PIN_MAX, secret, err);
    if (status == KEYD_OK)
        return KEYD_OK;
    struct keyd_error failure = *err;
    return keyd_fail(
        err, status, failure.reason,
        "%s. `pin_file` must be a file of mode 0600 that holds the token's user PIN and "
        "belongs to keyd-hsm's user or root",
        failure.message);
}

static enum keyd_status read_credential(struct pin *pin, struct keyd_secret **secret,
                                        struct keyd_error *err)
{
    if (pin->path[0] == '\0')
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "NO_CREDENTIALS",
                         "%s: CREDENTIALS_DIRECTORY is not set, so systemd has given none. Put "
                         "LoadCredential=NAME:FILE into the unit, or use `pin_file`",
                         pin->name);
    enum keyd_status status = keyd_secret_read_credential(pin->path, PIN_MAX, secret, err);
    if (status == KEYD_OK)
        return KEYD_OK;
    struct keyd_error failure = *err;
    return keyd_fail(err, status, failure.reason,
                     "%s: %s. LoadCredential= of the unit must give it the token's user PIN",
                     pin->name, failure.message);
}

/* Standard input stays open, on nothing: else what is opened next would be it. */
static void close_descriptor(struct pin *pin)
{
    int nothing = pin->descriptor == STDIN_FILENO ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    if (nothing >= 0) {
        dup2(nothing, pin->descriptor);
        close(nothing);
    } else {
        close(pin->descriptor);
    }
    pin->descriptor = -1;
}

static enum keyd_status read_descriptor(struct pin *pin, struct keyd_secret **secret,
                                        struct keyd_error *err)
{
    if (pin->descriptor < 0)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "NO_DESCRIPTOR",
                         "%s is not open: whoever starts keyd-hsm must open it, for reading, with "
                         "the token's user PIN, at each start",
                         pin->name);
    enum keyd_status status =
        keyd_secret_take(pin->descriptor, pin->name, PIN_MAX, PIN_WAIT_MS, secret, err);
    close_descriptor(pin);
    if (status == KEYD_OK)
        return KEYD_OK;
    struct keyd_error failure = *err;
    return keyd_fail(err, status, failure.reason,
                     "%s. Start keyd-hsm again with the token's user PIN on it; a pipe gives it to "
                     "one start only",
                     failure.message);
}

/* A try is dear: what is certainly not what was meant is not tried. */
static const char *form_of(const struct keyd_secret *secret)
{
    static const unsigned char mark[] = {0xef, 0xbb, 0xbf}; /* U+FEFF */
    if (memchr(secret->data, '\0', secret->length) != NULL)
        return "has a NUL byte in it";
    if (secret->length >= sizeof mark && memcmp(secret->data, mark, sizeof mark) == 0)
        return "begins with a byte order mark";
    if (memchr(secret->data, '\n', secret->length) != NULL ||
        memchr(secret->data, '\r', secret->length) != NULL)
        return "has more than one line";
    return NULL;
}

static enum keyd_status check_form(const struct pin *pin, const struct keyd_secret *secret,
                                   struct keyd_error *err)
{
    const char *form = form_of(secret);
    if (form == NULL)
        return KEYD_OK;
    return keyd_fail(err, KEYD_INVALID_ARGUMENT, "PIN_FORM",
                     "%s %s. No PIN does, and it is not tried: %s, alone and as plain text%s",
                     pin->name, form, pin->remedy, pin->notice);
}

static bool is_blank(unsigned char c)
{
    return c == ' ' || c == '\t';
}

static bool has_blank_end(const struct keyd_secret *secret)
{
    return is_blank(secret->data[0]) || is_blank(secret->data[secret->length - 1]);
}

enum keyd_status pin_read(struct pin *pin, struct keyd_secret **secret, struct keyd_error *err)
{
    struct keyd_error failure;
    enum keyd_status status;
    switch (pin->kind) {
    case PIN_FILE:
        status = read_file(pin, secret, &failure);
        break;
    case PIN_CREDENTIAL:
        status = read_credential(pin, secret, &failure);
        break;
    default:
        status = read_descriptor(pin, secret, &failure);
    }
    if (status != KEYD_OK)
        return keyd_fail(err, status, failure.reason, "%s", failure.message);
    if (check_form(pin, *secret, &failure) != KEYD_OK) {
        keyd_secret_free(*secret);
        *secret = NULL;
        return keyd_fail(err, failure.status, failure.reason, "%s", failure.message);
    }
    if (has_blank_end(*secret))
        pin->oddity = " (it begins or ends with a blank, which counts as part of it)";
    return KEYD_OK;
}

bool pin_changed(const struct pin *pin)
{
    struct stat now;
    const struct stat *seen = &pin->seen;
    if (pin->path[0] == '\0')
        return false;
    bool there = stat(pin->path, &now) == 0;
    if (there != pin->there || !there)
        return there != pin->there;
    return now.st_ino != seen->st_ino || now.st_dev != seen->st_dev ||
           now.st_mtim.tv_sec != seen->st_mtim.tv_sec ||
           now.st_mtim.tv_nsec != seen->st_mtim.tv_nsec ||
           now.st_ctim.tv_sec != seen->st_ctim.tv_sec ||
           now.st_ctim.tv_nsec != seen->st_ctim.tv_nsec;
}
