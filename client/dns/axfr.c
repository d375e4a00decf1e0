/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/axfr.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/dns/message.h"
#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"
#include "client/dns/tsig.h"
#include "client/dns/ttl.h"
#include "keyd/base/clock.h"

#define TYPE_AXFR 252

static const struct axfr_limits default_limits = {
    .tcp = {.connect_ms = AXFR_CONNECT_MS, .idle_ms = AXFR_IDLE_MS, .total_ms = AXFR_TOTAL_MS},
    .bytes = AXFR_BYTES,
    .records = AXFR_RECORDS,
};

struct transfer {
    const struct axfr *axfr;
    const struct axfr_limits *limits;
    zone_sink sink;
    void *context; /* of the sink */
    struct tcp *tcp;
    struct tsig *tsig; /* NULL: none */
    uint16_t id;
    struct bytes rdata; /* of the record at hand */
    struct bytes soa;   /* canonical rdata of the first one */
    size_t messages;
    size_t records;
    uint64_t bytes;
    bool done; /* the second SOA was there */
};

/* TSIG is between this host and the server, now: --now, which is for signatures, does not count. */
static int64_t time_of_day(void)
{
    return (int64_t)time(NULL);
}

static enum keyd_status bad(struct keyd_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum keyd_status bad(struct keyd_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum keyd_status status = keyd_vfail(err, KEYD_DATA_LOSS, "TRANSFER", format, args);
    va_end(args);
    return status;
}

/* ---- The server says no --------------------------------------------------------------------- */

static enum keyd_status refused(const struct transfer *transfer, struct keyd_error *err)
{
    return keyd_fail(
        err, KEYD_PERMISSION_DENIED, "TRANSFER",
        "the server refuses the transfer (REFUSED): is the zone there, and may this host%s have "
        "it? "
        "BIND: allow-transfer, NSD: provide-xfr, Knot: acl%s",
        transfer->tsig != NULL ? " with this key" : "",
        transfer->tsig != NULL ? "" : "; where it asks for a key, give that with --tsig FILE");
}

static enum keyd_status bad_time(const struct tsig_record *record, struct keyd_error *err)
{
    char ours[CLOCK_TEXT_MAX];
    char theirs[CLOCK_TEXT_MAX] = "another time";
    clock_format(time_of_day() * 1000, ours);
    struct cursor other = cursor_over(record->other, record->other_length);
    int64_t seconds = (int64_t)cursor_u16(&other) << 32;
    seconds |= cursor_u32(&other);
    if (!other.failed && seconds <= UINT32_MAX)
        clock_format(seconds * 1000, theirs);
    return keyd_fail(err, KEYD_FAILED_PRECONDITION, "TRANSFER",
                     "the server refuses the time of the question (BADTIME): this host has %s, the "
                     "server %s: set the clock that is wrong",
                     ours, theirs);
}

static enum keyd_status not_authoritative(const struct transfer *transfer,
                                          const struct tsig_record *record, struct keyd_error *err)
{
    char key[DNAME_TEXT];
    const struct tsig_key *ours = transfer->axfr->key;
    if (ours == NULL || record == NULL || record->error == 0)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "TRANSFER",
                         "the server is not authoritative for the zone, or does not let this host "
                         "have it%s (NOTAUTH): is it the right server? BIND: allow-transfer, NSD: "
                         "provide-xfr, Knot: acl",
                         ours != NULL ? " with this key" : "");
    dname_format(ours->name.wire, key);
    switch (record->error) {
    case RCODE_BADKEY:
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "TRANSFER",
                         "the server does not know the key %.256s with %s, or does not give it the "
                         "zone (BADKEY): name and algorithm must be the same there",
                         key, ours->algorithm->name);
    case RCODE_BADSIG:
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "TRANSFER",
                         "the server has another secret for the key %.256s (BADSIG)", key);
    case RCODE_BADTIME:
        return bad_time(record, err);
    default:
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "TRANSFER",
                         "the server does not take the TSIG with the key %.256s (error %u)", key,
                         record->error);
    }
}

static enum keyd_status said_no(const struct transfer *transfer, unsigned rcode,
                                const uint8_t *data, size_t length, struct keyd_error *err)
{
    char name[RCODE_TEXT];
    struct tsig_record record;
    bool has_tsig = tsig_find(data, length, &record) == TSIG_FOUND;
    rcode_format(rcode, name);
    switch (rcode) {
    case RCODE_REFUSED:
        return refused(transfer, err);
    case RCODE_NOTAUTH:
        return not_authoritative(transfer, has_tsig ? &record : NULL, err);
    case RCODE_SERVFAIL:
        return keyd_fail(err, KEYD_UNAVAILABLE, "TRANSFER",
                         "the server cannot give the zone now (SERVFAIL): its log says why");
    default:
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "TRANSFER",
                         "the server answers %s: does it know AXFR, and the zone?", name);
    }
}

/* ---- One message ---------------------------------------------------------------------------- */

static enum keyd_status check_header(const struct transfer *transfer, const struct message *message,
                                     struct keyd_error *err)
{
    if (message->id != transfer->id)
        return bad(err, "an answer to another question (id %u, not %u)", message->id, transfer->id);
    if ((message->flags & MESSAGE_QR) == 0 || (message->flags & MESSAGE_OPCODE) != 0)
        return bad(err, "what came is no answer (flags 0x%04x)", message->flags);
    unsigned rcode = message->flags & MESSAGE_RCODE;
    if (rcode != RCODE_NOERROR)
        return said_no(transfer, rcode, message->data, message->length, err);
    if (message->flags & MESSAGE_TC)
        return bad(err, "a truncated answer (TC), which none over TCP may be");
    return KEYD_OK;
}

static enum keyd_status check_question(const struct transfer *transfer, struct message *message,
                                       struct keyd_error *err)
{
    struct message_question question;
    size_t count = message->counts[SECTION_QUESTION];
    if (count == 0 && transfer->messages > 0)
        return KEYD_OK; /* RFC 5936, 2.2.2 */
    if (count != 1 || !message_question(message, &question))
        return bad(err, "a message with %zu questions, or with one that cannot be read", count);
    if (question.type != TYPE_AXFR || question.class != CLASS_IN ||
        !dname_equal(question.name.wire, transfer->axfr->zone))
        return bad(err, "an answer to another question");
    return KEYD_OK;
}

/* The SOA as one compares it. */
static void canonical_soa(const struct bytes *rdata, struct bytes *soa)
{
    bytes_reset(soa);
    bytes_add(soa, rdata->data, rdata->length);
    if (!soa->failed)
        rdata_canonical(TYPE_SOA, soa->data, soa->length);
}

static enum keyd_status end_at(struct transfer *transfer, struct keyd_error *err)
{
    struct bytes last = {0};
    canonical_soa(&transfer->rdata, &last);
    bool failed = last.failed;
    bool same = !failed && last.length == transfer->soa.length &&
                memcmp(last.data, transfer->soa.data, last.length) == 0;
    bytes_free(&last);
    if (failed)
        return keyd_fail_errno(err, ENOMEM, "the last record");
    if (!same)
        return keyd_fail(err, KEYD_ABORTED, "TRANSFER",
                         "the transfer begins with one SOA and ends with another: the zone changed "
                         "meanwhile; try again");
    transfer->done = true;
    return KEYD_OK;
}

static enum keyd_status check_record(const struct transfer *transfer,
                                     const struct message_record *record, struct keyd_error *err)
{
    char owner[DNAME_TEXT];
    char type[TYPE_TEXT];
    const char *what = NULL;
    if (record->class != CLASS_IN)
        what = "is in another class than IN";
    else if (rrtype_is_meta(record->type))
        what = "is of a type that no zone holds";
    else if (record->ttl > TTL_MAX)
        what = "has a TTL over 2147483647";
    else if (!dname_is_in(record->owner.wire, transfer->axfr->zone))
        what = "is outside of the zone";
    if (what == NULL)
        return KEYD_OK;
    dname_format(record->owner.wire, owner);
    rrtype_format(record->type, type);
    return bad(err, "a record that cannot be: %.256s %s %s", owner, type, what);
}

static enum keyd_status take_rdata(struct transfer *transfer, const struct message *message,
                                   const struct message_record *record, struct keyd_error *err)
{
    char owner[DNAME_TEXT];
    char type[TYPE_TEXT];
    if (message_rdata(message, record, &transfer->rdata))
        return KEYD_OK;
    if (transfer->rdata.failed)
        return keyd_fail_errno(err, ENOMEM, "a record");
    dname_format(record->owner.wire, owner);
    rrtype_format(record->type, type);
    return bad(err, "a record that cannot be: the data of %.256s %s is malformed", owner, type);
}

static enum keyd_status take_record(struct transfer *transfer, const struct message *message,
                                    const struct message_record *record, struct keyd_error *err)
{
    enum keyd_status status = check_record(transfer, record, err);
    if (status == KEYD_OK)
        status = take_rdata(transfer, message, record, err);
    if (status != KEYD_OK)
        return status;
    bool soa = record->type == TYPE_SOA && dname_equal(record->owner.wire, transfer->axfr->zone);
    if (transfer->records == 0 && !soa)
        return bad(err, "the transfer does not begin with the zone's SOA");
    if (transfer->records > 0 && soa)
        return end_at(transfer, err);
    if (transfer->records == 0)
        canonical_soa(&transfer->rdata, &transfer->soa);
    if (++transfer->records > transfer->limits->records)
        return keyd_fail(err, KEYD_RESOURCE_EXHAUSTED, "TRANSFER",
                         "the zone has more than %zu records, which is the limit",
                         transfer->limits->records);
    const struct zone_record given = {.owner = record->owner.wire,
                                      .rdata = transfer->rdata.data,
                                      .length = transfer->rdata.length,
                                      .ttl = record->ttl,
                                      .type = record->type,
                                      .place = {.file = transfer->axfr->from}};
    return transfer->sink(transfer->context, &given, err);
}

static enum keyd_status take_answers(struct transfer *transfer, struct message *message,
                                     struct keyd_error *err)
{
    struct message_record record;
    size_t count = message->counts[SECTION_ANSWER];
    if (count == 0)
        return bad(err, "a message without records");
    for (size_t i = 0; i < count; i++) {
        if (!message_record(message, &record))
            return bad(err, "a message that cannot be read, at record %zu of it", i + 1);
        if (transfer->done)
            return bad(err, "records behind the last SOA");
        enum keyd_status status = take_record(transfer, message, &record, err);
        if (status != KEYD_OK)
            return status;
    }
    return KEYD_OK;
}

/* The other sections say nothing about the zone (RFC 5936, 2.2.4 and 2.2.5), but are to be whole.
 */
static enum keyd_status skip_rest(struct message *message, struct keyd_error *err)
{
    struct message_record record;
    size_t count = (size_t)message->counts[SECTION_AUTHORITY] + message->counts[SECTION_ADDITIONAL];
    for (size_t i = 0; i < count; i++) {
        if (!message_record(message, &record))
            return bad(err, "a message that cannot be read, behind its answer");
    }
    if (message->at != message->length)
        return bad(err, "a message with %zu bytes too many", message->length - message->at);
    return KEYD_OK;
}

static enum keyd_status take_message(struct transfer *transfer, const uint8_t *data, size_t length,
                                     struct keyd_error *err)
{
    struct message message;
    transfer->bytes += length;
    progress_add(transfer->axfr->progress, length);
    if (transfer->bytes > transfer->limits->bytes)
        return keyd_fail(err, KEYD_RESOURCE_EXHAUSTED, "TRANSFER",
                         "the answer has more than %" PRIu64 " bytes, which is the limit",
                         transfer->limits->bytes);
    if (!message_open(&message, data, length))
        return bad(err, "a message of %zu bytes", length);
    enum keyd_status status = check_header(transfer, &message, err);
    if (status == KEYD_OK && transfer->tsig != NULL)
        status = tsig_check(transfer->tsig, data, length, time_of_day(), err);
    if (status == KEYD_OK)
        status = check_question(transfer, &message, err);
    if (status == KEYD_OK)
        status = take_answers(transfer, &message, err);
    if (status == KEYD_OK)
        status = skip_rest(&message, err);
    transfer->messages++;
    return status;
}

/* ---- All of it ------------------------------------------------------------------------------ */

static enum keyd_status ask(struct transfer *transfer, struct keyd_error *err)
{
    struct bytes query = {0};
    uint8_t id[2];
    if (RAND_bytes(id, sizeof id) != 1)
        return keyd_fail_openssl(err, "random bytes");
    transfer->id = (uint16_t)(id[0] << 8 | id[1]);
    message_ask(&query, transfer->id, transfer->axfr->zone, TYPE_AXFR);
    enum keyd_status status = KEYD_OK;
    if (transfer->tsig != NULL)
        status = tsig_sign(transfer->tsig, &query, time_of_day(), err);
    if (status == KEYD_OK && query.failed)
        status = keyd_fail_errno(err, ENOMEM, "a question");
    if (status == KEYD_OK)
        status = tcp_send(transfer->tcp, query.data, query.length, err);
    bytes_free(&query);
    return status;
}

static enum keyd_status take_all(struct transfer *transfer, struct keyd_error *err)
{
    const uint8_t *data;
    size_t length;
    enum keyd_status status = KEYD_OK;
    while (status == KEYD_OK && !transfer->done) {
        status = tcp_receive(transfer->tcp, &data, &length, err);
        if (status == KEYD_OK)
            status = take_message(transfer, data, length, err);
    }
    if (status == KEYD_OK && transfer->tsig != NULL && !tsig_is_settled(transfer->tsig))
        return keyd_fail(err, KEYD_UNAUTHENTICATED, "TSIG",
                         "the last message of the answer is not signed (TSIG)");
    return status;
}

static enum keyd_status run(struct transfer *transfer, struct keyd_error *err)
{
    enum keyd_status status =
        tcp_connect(transfer->axfr->server, &transfer->limits->tcp, &transfer->tcp, err);
    if (status == KEYD_OK)
        status = ask(transfer, err);
    if (status == KEYD_OK)
        status = take_all(transfer, err);
    return status;
}

/* Names the server and how far it went. */
static enum keyd_status wrap(const struct transfer *transfer, enum keyd_status status,
                             struct keyd_error *err)
{
    char server[SERVER_TEXT];
    char zone[DNAME_TEXT];
    if (err == NULL)
        return status;
    server_format(transfer->axfr->server, server);
    dname_format(transfer->axfr->zone, zone);
    if (transfer->records == 0)
        return keyd_wrap(err, "%s: transfer of %.256s", server, zone);
    return keyd_wrap(err, "%s: transfer of %.256s, after %zu records", server, zone,
                     transfer->records);
}

enum keyd_status axfr_read(const struct axfr *axfr, zone_sink sink, void *context,
                           struct keyd_error *err)
{
    struct transfer transfer = {.axfr = axfr,
                                .limits = axfr->limits != NULL ? axfr->limits : &default_limits,
                                .sink = sink,
                                .context = context};
    enum keyd_status status = KEYD_OK;
    if (axfr->key != NULL)
        transfer.tsig = tsig_new(axfr->key);
    if (axfr->key != NULL && transfer.tsig == NULL)
        status = keyd_fail_errno(err, ENOMEM, "a transfer");
    else
        status = run(&transfer, err);
    tcp_close(transfer.tcp);
    tsig_free(transfer.tsig);
    bytes_free(&transfer.rdata);
    bytes_free(&transfer.soa);
    return status == KEYD_OK ? KEYD_OK : wrap(&transfer, status, err);
}
