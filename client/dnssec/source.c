/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/dns/axfr.h"
#include "client/dnssec/publish.h"
#include "client/dnssec/stream.h"
#include "client/show/meter.h"

/* ---- Settings ------------------------------------------------------------------------------- */

static enum keyd_status usage(struct keyd_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum keyd_status usage(struct keyd_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum keyd_status status = keyd_vfail(err, KEYD_INVALID_ARGUMENT, "USAGE", format, args);
    va_end(args);
    return status;
}

static enum keyd_status set_path(char to[PATH_MAX], const char *what, const char *path,
                                 struct keyd_error *err)
{
    char *real = realpath(path, NULL);
    if (real == NULL)
        return keyd_fail_errno(err, errno, "%s %s", what, path);
    int n = snprintf(to, PATH_MAX, "%s", real);
    free(real);
    return n < PATH_MAX ? state_check_text(what, to, err)
                        : keyd_fail_errno(err, ENAMETOOLONG, "%s %s", what, path);
}

static enum keyd_status set_file(const struct options *options, struct zone_state *state,
                                 struct keyd_error *err)
{
    state->from_server[0] = '\0';
    state->tsig_file[0] = '\0';
    if (!is_standard_stream(options->zone_file))
        return set_path(state->zone_file, "the zone file", options->zone_file, err);
    snprintf(state->zone_file, sizeof state->zone_file, STANDARD_STREAM);
    return KEYD_OK;
}

static void set_server(const struct options *options, struct zone_state *state)
{
    state->zone_file[0] = '\0';
    state->tsig_file[0] = '\0';
    server_format(&options->from_server, state->from_server);
}

enum keyd_status source_set(const struct options *options, struct zone_state *state,
                            struct keyd_error *err)
{
    enum keyd_status status = KEYD_OK;
    if (options->zone_file != NULL && options->have_server)
        return usage(err, "--zone-file and --from-server: the zone comes from one of them");
    if (options->zone_file != NULL)
        status = set_file(options, state, err);
    else if (options->have_server)
        set_server(options, state);
    else if (state->zone_file[0] == '\0' && state->from_server[0] == '\0')
        return usage(err,
                     "--zone-file is missing: the unsigned zone of %s, or --from-server ADDRESS",
                     options->zone_text);
    if (status == KEYD_OK && options->tsig != NULL && state->from_server[0] == '\0')
        return usage(err, "--tsig is for --from-server: this zone comes from no server");
    if (status == KEYD_OK && options->tsig != NULL)
        status = set_path(state->tsig_file, "the key for TSIG", options->tsig, err);
    return status;
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* NULL: from the server. */
static const char *file_of(const struct options *options, const struct zone_state *state)
{
    if (options->command == COMMAND_SIGN && options->zone_file != NULL)
        return options->zone_file;
    return state->from_server[0] == '\0' ? state->zone_file : NULL;
}

const char *source_name(const struct options *options, const struct zone_state *state)
{
    const char *file = file_of(options, state);
    if (file == NULL)
        return state->from_server;
    return is_standard_stream(file) ? "standard input" : file;
}

const char *source_noun(const struct options *options, const struct zone_state *state)
{
    const char *file = file_of(options, state);
    if (file == NULL)
        return "the server";
    return is_standard_stream(file) ? "standard input" : "the zone file";
}

static void take_notice(void *intake, const char *message)
{
    intake_notice(intake, message);
}

static const char *refuse(const void *context, const struct stat *st)
{
    const struct zone_state *state = context;
    return publish_would_replace(state->signed_zone, st)
               ? "the signed zone would take its place: name another one with enable --signed-zone"
               : NULL;
}

static enum keyd_status read_file(const struct options *options, const struct zone_state *state,
                                  const char *file, struct intake *intake, struct keyd_error *err)
{
    struct zonefile_options how = {.default_ttl = ZONEFILE_NO_TTL,
                                   .refuse = refuse,
                                   .refuse_context = state,
                                   .drop_outside = state->drop_outside,
                                   .notice = take_notice,
                                   .notice_context = intake,
                                   .files = zone_files(intake->zone)};
    if (is_standard_stream(file)) {
        if (options->zone_file == NULL)
            return usage(err,
                         "%s came from standard input, which cannot be read again: give it with "
                         "--zone-file - or --zone-file FILE",
                         options->zone_text);
        how.from_fd = true;
        how.fd = STDIN_FILENO;
        file = "standard input";
    }
    if (!how.from_fd || !isatty(how.fd)) /* whoever types it sees what he types */
        how.progress = meter_step("Reading", NULL);
    enum keyd_status status =
        zonefile_read_with(file, state->zone.wire, &how, intake_record, intake, err);
    return status == KEYD_NOT_FOUND ? keyd_wrap(err, "the zone file cannot be read") : status;
}

static enum keyd_status read_server(const struct zone_state *state, struct intake *intake,
                                    struct keyd_error *err)
{
    struct server server;
    struct tsig_key key = {0};
    bool has_key = state->tsig_file[0] != '\0';
    enum keyd_status status = KEYD_OK;
    if (server_parse(state->from_server, &server) != NULL)
        return keyd_fail(err, KEYD_DATA_LOSS, "STATE", "'%s' in the state is no server",
                         state->from_server);
    if (has_key)
        status = tsig_key_read(state->tsig_file, &key, err);
    if (status != KEYD_OK)
        return keyd_wrap(err, "the key for TSIG");
    const struct axfr axfr = {
        .server = &server,
        .zone = state->zone.wire,
        .key = has_key ? &key : NULL,
        .progress = meter_step("Transferring", NULL),
        .from = place_files_add(zone_files(intake->zone), state->from_server, NULL, 0)};
    status = axfr_read(&axfr, intake_record, intake, err);
    tsig_key_free(&key);
    return status;
}

enum keyd_status source_read(const struct options *options, const struct zone_state *state,
                             struct intake *intake, struct keyd_error *err)
{
    const char *file = file_of(options, state);
    return file != NULL ? read_file(options, state, file, intake, err)
                        : read_server(state, intake, err);
}
