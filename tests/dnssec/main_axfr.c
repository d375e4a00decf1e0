/* SPDX-License-Identifier: BSD-2-Clause
 * Fetches a zone and prints it, with limits that a test can wait for:
 *
 *   dnssec_axfr SERVER ZONE KEYFILE|- CONNECT_MS IDLE_MS TOTAL_MS BYTES RECORDS */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/dns/axfr.h"
#include "tests/dnssec/lab.h"

static int failed(const struct keyd_error *err)
{
    printf("%s %s: %s\n", keyd_status_name(err->status), err->reason, err->message);
    return 1;
}

static enum keyd_status add(void *zone, const struct zone_record *record, struct keyd_error *err)
{
    return zone_add(zone, record, err);
}

int main(int argc, char **argv)
{
    struct server server;
    struct keyd_error err;
    struct tsig_key key = {0};
    if (argc != 9 || server_parse(argv[1], &server) != NULL)
        return 2;
    struct dname name = lab_name(argv[2]);
    bool has_key = strcmp(argv[3], "-") != 0;
    const struct axfr_limits limits = {
        .tcp = {.connect_ms = atoi(argv[4]), .idle_ms = atoi(argv[5]), .total_ms = atoi(argv[6])},
        .bytes = strtoull(argv[7], NULL, 10),
        .records = strtoull(argv[8], NULL, 10)};
    if (has_key && tsig_key_read(argv[3], &key, &err) != KEYD_OK)
        return failed(&err);
    const struct axfr axfr = {
        .server = &server, .zone = name.wire, .key = has_key ? &key : NULL, .limits = &limits};
    struct zone *zone = zone_new(name.wire);
    enum keyd_status status = axfr_read(&axfr, add, zone, &err);
    tsig_key_free(&key);
    if (status == KEYD_OK)
        status = zone_finish(zone, &err);
    if (status != KEYD_OK) {
        zone_free(zone);
        return failed(&err);
    }
    char *text = lab_text(zone);
    fputs(text, stdout);
    free(text);
    zone_free(zone);
    return 0;
}
