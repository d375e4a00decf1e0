/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/dns/ttl.h"
#include "client/dnssec/enable.h"
#include "client/dnssec/show.h"
#include "client/dnssec/signing.h"
#include "client/dnssec/source.h"
#include "client/dnssec/stream.h"
#include "client/dnssec/zonekeys.h"
#include "client/show/meter.h"
#include "keyd/base/clock.h"
#include "keyd/base/fatal.h"

static int fail(const struct keyd_error *err)
{
    complain("%s", err->message);
    return exit_status_of(err);
}

/* --quiet is for what people read; --output json and text are for a program that waits for it. */
static bool is_quiet(const struct options *options)
{
    return options->quiet && options->output == OUTPUT_TABLE;
}

static int printed(void)
{
    return output_close() ? EXIT_DONE : EXIT_FAILED;
}

/* ---- enable and sign ------------------------------------------------------------------------ */

static json_t *waits_json(const struct enabled *enabled)
{
    json_t *waits = json_array();
    for (size_t i = 0; i < enabled->wait_count; i++) {
        const struct wait *wait = &enabled->waits[i];
        json_array_append_new(waits,
                              json_pack("{s:s, s:o, s:I, s:s}", "step", wait->step, "not_before",
                                        when_json(wait->not_before * 1000), "wait_seconds",
                                        (json_int_t)wait->seconds, "why", wait->why));
    }
    return waits;
}

/* Just published is now, though the clock went on. */
#define SHORTLY_MS 60000

static void print_waits(const struct enabled *enabled)
{
    int64_t now = clock_now();
    int64_t start = enabled->waits[0].not_before * 1000;
    if (now > start && now - start < SHORTLY_MS)
        now = start;
    putchar('\n');
    print_wrapped(0, enabled->waits_are_before
                         ? "Before enabling a zone that is in production:"
                         : "A zone in production has to wait from here on (a fresh one need not). "
                           "Each time holds if the step before was done at its earliest:");
    for (size_t i = 0; i < enabled->wait_count; i++) {
        const struct wait *wait = &enabled->waits[i];
        char when[WHEN_MAX];
        char span[TTL_TEXT];
        when_text(wait->not_before * 1000, now, when);
        ttl_format(wait->seconds, span);
        printf("\n%zu  %s%s%s\n", i + 1, when, wait->seconds > 0 ? ", a wait of " : "",
               wait->seconds > 0 ? span : "");
        print_wrapped(3, wait->step);
        print_wrapped(5, wait->why);
    }
}

static void print_result(const struct options *options, struct report *report,
                         const struct enabled *enabled)
{
    report_end_notices(report);
    if (options->output == OUTPUT_JSON && enabled != NULL)
        report_add_data(report, "waits", waits_json(enabled));
    if (is_quiet(options))
        return;
    report_print(report, options->output);
    if (enabled != NULL && enabled->wait_count > 0 && options->output == OUTPUT_TABLE)
        print_waits(enabled);
}

static enum keyd_status enable_or_sign(struct session *session, struct report *report,
                                       struct enabled *enabled, struct keyd_error *err)
{
    const char *zone_text = session->options->zone_text;
    struct zone *zone = NULL;
    enum keyd_status status = session->options->command == COMMAND_ENABLE
                                  ? session_begin(session, err)
                                  : session_write(session, err);
    if (status != KEYD_OK)
        return status;
    report_add(report, "Zone", "zone", json_string(zone_text), "%s", zone_text);
    if (session->options->command == COMMAND_ENABLE)
        return enable_run(session, report, enabled, err);
    status = session_zone(session, &zone, err);
    if (status == KEYD_OK)
        intake_report(&session->intake, report);
    if (status == KEYD_OK)
        status = zonekeys_check_ksk(session, err);
    if (status == KEYD_OK)
        status = signing_run(session, zone, report, err);
    zone_free(zone);
    return status;
}

/* What was done is shown even if the end failed: it stands. */
static int run_changes(struct session *session)
{
    struct keyd_error err;
    struct enabled enabled = {0};
    const struct options *options = session->options;
    struct report *report = report_new();
    fatal_watch();
    meter_open(options->quiet);
    enum keyd_status status = enable_or_sign(session, report, &enabled, &err);
    meter_close();
    if (is_standard_stream(session->state.signed_zone))
        output_to_error();
    bool reached_the_end = status == KEYD_OK || strcmp(err.reason, "RELOAD") == 0;
    int result = EXIT_DONE;
    if (reached_the_end) {
        print_result(options, report, options->command == COMMAND_ENABLE ? &enabled : NULL);
        result = printed();
    }
    report_free(report);
    return status != KEYD_OK ? fail(&err) : result;
}

/* ---- ds, status, verify --------------------------------------------------------------------- */

static int run_ds(struct session *session)
{
    struct keyd_error err;
    char line[DS_LINE_MAX];
    const struct options *options = session->options;
    struct report *report = report_new();
    enum keyd_status status = session_read(session, &err);
    if (status == KEYD_OK)
        status = show_ds(session, report, line, &err);
    if (status == KEYD_OK && options->output == OUTPUT_TEXT)
        print_fields(line, NULL);
    else if (status == KEYD_OK)
        report_print(report, options->output);
    report_free(report);
    return status != KEYD_OK ? fail(&err) : printed();
}

static int run_verify(struct session *session)
{
    struct keyd_error err;
    struct verified verified;
    char when[WHEN_MAX];
    const struct options *options = session->options;
    meter_open(options->quiet);
    enum keyd_status status = session_read(session, &err);
    if (status == KEYD_OK)
        status = signing_verify(session, options->signed_zone, &verified, &err);
    meter_close();
    if (status != KEYD_OK)
        return fail(&err);
    if (is_quiet(options))
        return EXIT_DONE;
    struct report *report = report_new();
    const char *path =
        options->signed_zone != NULL ? options->signed_zone : session->state.signed_zone;
    report_add(report, "Signed zone", "signed_zone", json_string(path), "%s: good", path);
    report_add(report, "Serial", "serial", json_integer(verified.serial), "%u", verified.serial);
    report_add(report, "RRsets", "rrsets", json_integer((json_int_t)verified.rrsets), "%zu",
               verified.rrsets);
    report_add(report, "Signatures", "signatures", json_integer((json_int_t)verified.signatures),
               "%zu, of which %zu checked", verified.signatures, verified.checked);
    report_add_data(report, "checked", json_integer((json_int_t)verified.checked));
    when_text(verified.expiration * 1000, clock_now(), when);
    report_add(report, "Signatures end", "signatures_end", when_json(verified.expiration * 1000),
               "%s", when);
    report_print(report, options->output);
    report_free(report);
    return printed();
}

/* Where the status of several zones is gathered. */
struct overview {
    const struct options *options;
    json_t *zones; /* NULL but for JSON */
    size_t count;
    int result;
};

static void show_zone(struct overview *overview, const struct options *options)
{
    struct keyd_error err;
    struct session session;
    struct report *report = report_new();
    session_init(&session, options, NULL);
    enum keyd_status status = session_read(&session, &err);
    if (status == KEYD_OK)
        status = show_status(&session, report, &err);
    if (status != KEYD_OK) {
        overview->result = fail(&err);
    } else if (overview->zones != NULL) {
        json_array_append_new(overview->zones, report_to_json(report));
    } else {
        if (overview->count > 0 && options->output == OUTPUT_TABLE)
            puts("");
        report_print(report, options->output);
    }
    overview->count++;
    report_free(report);
}

static enum keyd_status visit(void *context, const char *zone, struct keyd_error *err)
{
    (void)err;
    struct overview *overview = context;
    struct options one = *overview->options;
    if (dname_parse(zone, strlen(zone), NULL, &one.zone) != NULL)
        return KEYD_OK;
    dname_format(one.zone.wire, one.zone_text);
    size_t length = strlen(one.zone_text);
    if (length > 1)
        one.zone_text[length - 1] = '\0';
    show_zone(overview, &one);
    return KEYD_OK;
}

static int run_status(const struct options *options)
{
    struct keyd_error err;
    struct overview overview = {.options = options};
    if (options->output == OUTPUT_JSON)
        overview.zones = json_array();
    if (options->have_zone) {
        show_zone(&overview, options);
    } else if (state_each(options->state_folder, visit, &overview, &err) != KEYD_OK) {
        json_decref(overview.zones);
        return fail(&err);
    }
    if (overview.count == 0 && options->output == OUTPUT_TABLE && !options->quiet)
        printf("no zone is enabled (in %s); keyd-dnssec enable ZONE begins\n",
               options->state_folder);
    if (overview.zones != NULL)
        print_json(json_pack("{s:o}", "zones", overview.zones));
    int result = printed();
    return overview.result != EXIT_DONE ? overview.result : result;
}

/* ---- All of it ------------------------------------------------------------------------------ */

int commands_main(int argc, char **argv, const struct hsm_backend *backend)
{
    struct options options;
    struct session session;
    int result;
    output_open("keyd-dnssec");
    options_parse(argc, argv, &options);
    if (options.command == COMMAND_STATUS)
        return run_status(&options);
    session_init(&session, &options, backend);
    switch (options.command) {
    case COMMAND_DS:
        result = run_ds(&session);
        break;
    case COMMAND_VERIFY:
        result = run_verify(&session);
        break;
    default:
        result = run_changes(&session);
    }
    session_close(&session);
    return result;
}
