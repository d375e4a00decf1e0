/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/tsig.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_TSIG 250

struct tsig {
    const struct tsig_key *key;
    EVP_MAC_CTX *mac;
    uint8_t last[TSIG_MAC_MAX]; /* of the question, then of the last signed message */
    bool answered;              /* a message of the answer has been taken */
    unsigned since;             /* messages since the last signed one */
};

struct tsig *tsig_new(const struct tsig_key *key)
{
    struct tsig *tsig = calloc(1, sizeof *tsig);
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    EVP_MAC_CTX *mac = hmac != NULL ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac);
    if (tsig == NULL || mac == NULL) {
        EVP_MAC_CTX_free(mac);
        free(tsig);
        return NULL;
    }
    tsig->key = key;
    tsig->mac = mac;
    return tsig;
}

void tsig_free(struct tsig *tsig)
{
    if (tsig == NULL)
        return;
    EVP_MAC_CTX_free(tsig->mac);
    free(tsig);
}

/* ---- The MAC -------------------------------------------------------------------------------- */

static bool mac_begin(struct tsig *tsig)
{
    char digest[16];
    memcpy(digest, tsig->key->algorithm->digest, strlen(tsig->key->algorithm->digest) + 1);
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    return EVP_MAC_init(tsig->mac, tsig->key->secret->data, tsig->key->secret->length, params) == 1;
}

static bool mac_add(struct tsig *tsig, const void *data, size_t length)
{
    return length == 0 || EVP_MAC_update(tsig->mac, data, length) == 1;
}

/* The MAC before this one, which ties the messages to each other (RFC 8945, 4.3.1). */
static bool mac_begin_after_last(struct tsig *tsig)
{
    size_t length = tsig->key->algorithm->mac;
    const uint8_t prefix[2] = {(uint8_t)(length >> 8), (uint8_t)length};
    return mac_begin(tsig) && mac_add(tsig, prefix, sizeof prefix) &&
           mac_add(tsig, tsig->last, length);
}

static bool mac_end(struct tsig *tsig, uint8_t mac[TSIG_MAC_MAX])
{
    size_t length = 0;
    return EVP_MAC_final(tsig->mac, mac, &length, TSIG_MAC_MAX) == 1 &&
           length == tsig->key->algorithm->mac;
}

static void add_timers(struct bytes *bytes, uint64_t time, unsigned fudge)
{
    bytes_u16(bytes, (unsigned)(time >> 32));
    bytes_u32(bytes, (uint32_t)time);
    bytes_u16(bytes, fudge);
}

static void add_algorithm(struct bytes *bytes, const struct tsig_algorithm *algorithm)
{
    size_t length = strlen(algorithm->name);
    bytes_u8(bytes, (unsigned)length);
    bytes_add(bytes, algorithm->name, length);
    bytes_u8(bytes, 0);
}

/* The TSIG variables (RFC 8945, 4.3.3). */
static bool mac_add_variables(struct tsig *tsig, uint64_t time, unsigned fudge, unsigned error,
                              const uint8_t *other, size_t other_length)
{
    struct bytes variables = {0};
    bytes_add(&variables, tsig->key->name.wire, tsig->key->name.length);
    bytes_u16(&variables, CLASS_ANY);
    bytes_u32(&variables, 0);
    add_algorithm(&variables, tsig->key->algorithm);
    add_timers(&variables, time, fudge);
    bytes_u16(&variables, error);
    bytes_u16(&variables, (unsigned)other_length);
    bytes_add(&variables, other, other_length);
    bool good = !variables.failed && mac_add(tsig, variables.data, variables.length);
    bytes_free(&variables);
    return good;
}

/* ---- Signing -------------------------------------------------------------------------------- */

static void count_one_more(struct bytes *query)
{
    uint8_t *count = query->data + 10;
    unsigned additional = (unsigned)(count[0] << 8 | count[1]) + 1;
    count[0] = (uint8_t)(additional >> 8);
    count[1] = (uint8_t)additional;
}

enum keyd_status tsig_sign(struct tsig *tsig, struct bytes *query, int64_t now,
                           struct keyd_error *err)
{
    uint8_t mac[TSIG_MAC_MAX];
    uint64_t time = (uint64_t)now;
    const struct tsig_algorithm *algorithm = tsig->key->algorithm;
    size_t rdata = strlen(algorithm->name) + 2 + 10 + algorithm->mac + 6;
    if (query->failed || query->length < MESSAGE_HEADER || now < 0)
        return keyd_fail(err, KEYD_INTERNAL, "TSIG", "a question that cannot be signed");
    unsigned id = (unsigned)(query->data[0] << 8 | query->data[1]);
    if (!mac_begin(tsig) || !mac_add(tsig, query->data, query->length) ||
        !mac_add_variables(tsig, time, TSIG_FUDGE, 0, NULL, 0) || !mac_end(tsig, mac))
        return keyd_fail_openssl(err, "the TSIG of the question");
    bytes_add(query, tsig->key->name.wire, tsig->key->name.length);
    bytes_u16(query, TYPE_TSIG);
    bytes_u16(query, CLASS_ANY);
    bytes_u32(query, 0);
    bytes_u16(query, (unsigned)rdata);
    add_algorithm(query, algorithm);
    add_timers(query, time, TSIG_FUDGE);
    bytes_u16(query, (unsigned)algorithm->mac);
    bytes_add(query, mac, algorithm->mac);
    bytes_u16(query, id);
    bytes_u16(query, 0);
    bytes_u16(query, 0);
    if (query->failed)
        return keyd_fail(err, KEYD_RESOURCE_EXHAUSTED, "TSIG", "no memory for a question");
    count_one_more(query);
    memcpy(tsig->last, mac, algorithm->mac);
    tsig->answered = false;
    tsig->since = 0;
    return KEYD_OK;
}

/* ---- Judging -------------------------------------------------------------------------------- */

static bool read_record(const struct message *message, const struct message_record *place,
                        struct tsig_record *record)
{
    struct cursor rdata = cursor_over(message->data + place->rdata, place->length);
    const uint8_t *algorithm = dname_take(&rdata);
    *record = (struct tsig_record){.key = place->owner, .start = place->start};
    record->time = (uint64_t)cursor_u16(&rdata) << 32;
    record->time |= cursor_u32(&rdata);
    record->fudge = cursor_u16(&rdata);
    record->mac_length = cursor_u16(&rdata);
    record->mac = cursor_take(&rdata, record->mac_length);
    record->original_id = cursor_u16(&rdata);
    record->error = cursor_u16(&rdata);
    record->other_length = cursor_u16(&rdata);
    record->other = cursor_take(&rdata, record->other_length);
    if (rdata.failed || cursor_left(&rdata) > 0 || place->class != CLASS_ANY || place->ttl != 0)
        return false;
    record->algorithm.length = (uint8_t)dname_length(algorithm);
    memcpy(record->algorithm.wire, algorithm, record->algorithm.length);
    return true;
}

enum tsig_found tsig_find(const uint8_t *data, size_t length, struct tsig_record *record)
{
    struct message message;
    struct message_question question;
    struct message_record place;
    if (!message_open(&message, data, length))
        return TSIG_MALFORMED;
    for (size_t i = 0; i < message.counts[SECTION_QUESTION]; i++) {
        if (!message_question(&message, &question))
            return TSIG_MALFORMED;
    }
    size_t records = (size_t)message.counts[SECTION_ANSWER] + message.counts[SECTION_AUTHORITY] +
                     message.counts[SECTION_ADDITIONAL];
    for (size_t i = 1; i <= records; i++) {
        if (!message_record(&message, &place))
            return TSIG_MALFORMED;
        if (place.type != TYPE_TSIG)
            continue;
        bool last = i == records && message.counts[SECTION_ADDITIONAL] > 0 && message.at == length;
        return last && read_record(&message, &place, record) ? TSIG_FOUND : TSIG_MALFORMED;
    }
    return TSIG_NONE;
}

static enum keyd_status wrong(struct keyd_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum keyd_status wrong(struct keyd_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum keyd_status status = keyd_vfail(err, KEYD_UNAUTHENTICATED, "TSIG", format, args);
    va_end(args);
    return status;
}

/* The message as it was before its TSIG was put behind it. */
static bool mac_add_stripped(struct tsig *tsig, const uint8_t *data,
                             const struct tsig_record *record)
{
    uint8_t header[MESSAGE_HEADER];
    memcpy(header, data, sizeof header);
    header[0] = (uint8_t)(record->original_id >> 8);
    header[1] = (uint8_t)record->original_id;
    unsigned additional = (unsigned)(header[10] << 8 | header[11]) - 1;
    header[10] = (uint8_t)(additional >> 8);
    header[11] = (uint8_t)additional;
    return mac_add(tsig, header, sizeof header) &&
           mac_add(tsig, data + sizeof header, record->start - sizeof header);
}

/* Of messages behind the first one only the timers are signed (RFC 8945, 5.3.1). */
static bool mac_add_rest(struct tsig *tsig, const struct tsig_record *record)
{
    struct bytes timers = {0};
    if (!tsig->answered)
        return mac_add_variables(tsig, record->time, record->fudge, record->error, record->other,
                                 record->other_length);
    add_timers(&timers, record->time, record->fudge);
    bool good = !timers.failed && mac_add(tsig, timers.data, timers.length);
    bytes_free(&timers);
    return good;
}

static enum keyd_status check_key(const struct tsig *tsig, const struct tsig_record *record,
                                  struct keyd_error *err)
{
    struct bytes expected = {0};
    add_algorithm(&expected, tsig->key->algorithm);
    bool same = !expected.failed && dname_equal(record->algorithm.wire, expected.data);
    bytes_free(&expected);
    if (!dname_equal(record->key.wire, tsig->key->name.wire) || !same)
        return wrong(err, "the answer is signed with another key or algorithm (TSIG)");
    if (record->mac_length != tsig->key->algorithm->mac)
        return wrong(err,
                     "the answer's TSIG has a MAC of %u bytes, not of %zu: truncated ones are "
                     "not taken",
                     record->mac_length, tsig->key->algorithm->mac);
    return KEYD_OK;
}

static enum keyd_status check_signed(struct tsig *tsig, const uint8_t *data,
                                     const struct tsig_record *record, int64_t now,
                                     struct keyd_error *err)
{
    uint8_t mac[TSIG_MAC_MAX];
    enum keyd_status status = check_key(tsig, record, err);
    if (status != KEYD_OK)
        return status;
    if (tsig->since == 0 && !mac_begin_after_last(tsig))
        return keyd_fail_openssl(err, "the TSIG of an answer");
    if (!mac_add_stripped(tsig, data, record) || !mac_add_rest(tsig, record) || !mac_end(tsig, mac))
        return keyd_fail_openssl(err, "the TSIG of an answer");
    if (CRYPTO_memcmp(mac, record->mac, record->mac_length) != 0)
        return wrong(err, "the answer's TSIG is wrong: it was changed on its way, or the secrets "
                          "differ");
    int64_t apart = now - (int64_t)record->time;
    if (apart > record->fudge || -apart > record->fudge)
        return wrong(err,
                     "the answer's TSIG is %lld seconds from this host's time, more than the "
                     "%u that are allowed: set the clocks",
                     (long long)(apart < 0 ? -apart : apart), record->fudge);
    if (record->error != 0)
        return wrong(err, "the answer's TSIG has the error %u", record->error);
    memcpy(tsig->last, mac, record->mac_length);
    tsig->answered = true;
    tsig->since = 0;
    return KEYD_OK;
}

static enum keyd_status check_unsigned(struct tsig *tsig, const uint8_t *data, size_t length,
                                       struct keyd_error *err)
{
    if (!tsig->answered)
        return wrong(err, "the answer is not signed (TSIG): does the server know the key?");
    if (tsig->since == TSIG_UNSIGNED_MAX)
        return wrong(err, "%d messages of the answer one after the other are not signed (TSIG)",
                     TSIG_UNSIGNED_MAX + 1);
    if ((tsig->since == 0 && !mac_begin_after_last(tsig)) || !mac_add(tsig, data, length))
        return keyd_fail_openssl(err, "the TSIG of an answer");
    tsig->since++;
    return KEYD_OK;
}

enum keyd_status tsig_check(struct tsig *tsig, const uint8_t *data, size_t length, int64_t now,
                            struct keyd_error *err)
{
    struct tsig_record record;
    switch (tsig_find(data, length, &record)) {
    case TSIG_FOUND:
        return check_signed(tsig, data, &record, now, err);
    case TSIG_NONE:
        return check_unsigned(tsig, data, length, err);
    default:
        return wrong(err, "the answer cannot be read, or its TSIG is not the last record");
    }
}

bool tsig_is_settled(const struct tsig *tsig)
{
    return tsig->answered && tsig->since == 0;
}
