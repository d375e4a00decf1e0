/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What readers make of zone files, one record a line: "OWNER TTL TYPE HEX", the owner in lower case
 * as hexadecimal; by the reader "printed", the zone as our printer has it. There is no OUT of a
 * file that its reader refuses, and the reason is on standard error. Exits 0 also then: any other
 * status is a reader's that went wrong. Many files in one process, as one with sanitizers takes
 * long to start and to end.
 *
 *   oracle ORIGIN { ours|printed|zscanner|ldns FILE OUT }...
 *   oracle types    the types that have a row (rrtype.h), one a line
 */
#include <ldns/ldns.h>
#include <libzscanner/scanner.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"
#include "client/dns/zonefile.h"

#if defined(__SANITIZE_ADDRESS__)
/* ldns loses memory of some rdata that it refuses: its reading counts all the same. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libldns\n";
}
#endif

static FILE *out;

static void show(const uint8_t *owner, size_t owner_length, uint32_t ttl, uint16_t type,
                 const uint8_t *rdata, size_t length)
{
    for (size_t i = 0; i < owner_length; i++)
        fprintf(out, "%02x", owner[i] >= 'A' && owner[i] <= 'Z' ? owner[i] + 32 : owner[i]);
    fprintf(out, " %u %u ", ttl, type);
    for (size_t i = 0; i < length; i++)
        fprintf(out, "%02x", rdata[i]);
    fprintf(out, "\n");
}

static int refuse(const char *why)
{
    fprintf(stderr, "%s\n", why);
    return 1;
}

static enum keyd_status show_ours(void *context, const struct zone_record *record,
                                  struct keyd_error *err)
{
    (void)context;
    (void)err;
    show(record->owner, dname_length(record->owner), record->ttl, record->type, record->rdata,
         record->length);
    return KEYD_OK;
}

static enum keyd_status print(void *context, const struct zone_record *record,
                              struct keyd_error *err)
{
    char owner[DNAME_TEXT];
    char type[TYPE_TEXT];
    struct bytes text = {0};
    (void)context;
    (void)err;
    dname_format(record->owner, owner);
    rrtype_format(record->type, type);
    rdata_format(record->type, record->rdata, record->length, &text);
    fprintf(out, "%s\t%u\tIN\t%s\t%.*s\n", owner, record->ttl, type, (int)text.length,
            (const char *)text.data);
    bytes_free(&text);
    return KEYD_OK;
}

static int by_us(const char *origin, const char *path, zone_sink sink)
{
    struct dname apex;
    struct keyd_error err;
    const struct zonefile_options options = {.default_ttl = ZONEFILE_NO_TTL, .drop_outside = true};
    if (dname_parse(origin, strlen(origin), NULL, &apex) != NULL)
        return refuse("ORIGIN is no name");
    if (zonefile_read_with(path, apex.wire, &options, sink, NULL, &err) != KEYD_OK)
        return refuse(err.message);
    return 0;
}

static void show_zscanner(zs_scanner_t *scanner)
{
    show(scanner->r_owner, scanner->r_owner_length, scanner->r_ttl, scanner->r_type,
         scanner->r_data, scanner->r_data_length);
}

static void stop_zscanner(zs_scanner_t *scanner)
{
    scanner->state = ZS_STATE_STOP;
}

static int by_zscanner(const char *origin, const char *path)
{
    static zs_scanner_t scanner;
    if (zs_init(&scanner, origin, 1, 3600) != 0)
        return refuse("libzscanner does not begin");
    int status = 0;
    if (zs_set_input_file(&scanner, path) != 0 ||
        zs_set_processing(&scanner, show_zscanner, stop_zscanner, NULL) != 0 ||
        zs_parse_all(&scanner) != 0 || scanner.error.counter > 0)
        status = refuse(zs_strerror(scanner.error.code));
    zs_deinit(&scanner);
    return status;
}

static void show_ldns(const ldns_rr *rr)
{
    ldns_buffer *rdata = ldns_buffer_new(LDNS_MAX_PACKETLEN);
    const ldns_rdf *owner = ldns_rr_owner(rr);
    if (ldns_rr_rdata2buffer_wire(rdata, rr) == LDNS_STATUS_OK)
        show(ldns_rdf_data(owner), ldns_rdf_size(owner), ldns_rr_ttl(rr), ldns_rr_get_type(rr),
             ldns_buffer_begin(rdata), ldns_buffer_position(rdata));
    ldns_buffer_free(rdata);
}

static int by_ldns(const char *origin, const char *path)
{
    FILE *file = fopen(path, "r");
    ldns_rdf *at = ldns_dname_new_frm_str(origin);
    ldns_rdf *last = NULL;
    uint32_t ttl = 3600;
    int line = 0;
    ldns_status status = LDNS_STATUS_OK;
    while (file != NULL && at != NULL && !feof(file)) {
        ldns_rr *rr = NULL;
        status = ldns_rr_new_frm_fp_l(&rr, file, &ttl, &at, &last, &line);
        if (status == LDNS_STATUS_OK)
            show_ldns(rr);
        else if (status != LDNS_STATUS_SYNTAX_EMPTY && status != LDNS_STATUS_SYNTAX_TTL &&
                 status != LDNS_STATUS_SYNTAX_ORIGIN)
            break;
        status = LDNS_STATUS_OK;
        ldns_rr_free(rr);
    }
    ldns_rdf_deep_free(at);
    ldns_rdf_deep_free(last);
    if (file == NULL)
        return refuse("no such file");
    fclose(file);
    return status == LDNS_STATUS_OK ? 0 : refuse(ldns_get_errorstr_by_id(status));
}

static int types(void)
{
    for (unsigned type = 0; type <= UINT16_MAX; type++) {
        const struct rrtype_row *row = rrtype_find((uint16_t)type);
        if (row != NULL)
            printf("%s\n", row->name);
    }
    return 0;
}

static int read_by(const char *reader, const char *origin, const char *path)
{
    if (strcmp(reader, "ours") == 0)
        return by_us(origin, path, show_ours);
    if (strcmp(reader, "printed") == 0)
        return by_us(origin, path, print);
    if (strcmp(reader, "zscanner") == 0)
        return by_zscanner(origin, path);
    if (strcmp(reader, "ldns") == 0)
        return by_ldns(origin, path);
    return 2;
}

static int read_to(const char *reader, const char *origin, const char *path, const char *out_path)
{
    out = fopen(out_path, "w");
    if (out == NULL)
        return 2;
    int status = read_by(reader, origin, path);
    if (fclose(out) != 0 || (status != 0 && unlink(out_path) != 0))
        return 2;
    return status;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "types") == 0)
        return types();
    if (argc >= 5 && argc % 3 == 2) {
        for (int i = 2; i < argc; i += 3)
            if (read_to(argv[i], argv[1], argv[i + 1], argv[i + 2]) > 1)
                return 2;
        return 0;
    }
    fprintf(stderr, "usage: oracle ORIGIN { ours|printed|zscanner|ldns FILE OUT }..., or types\n");
    return 2;
}
