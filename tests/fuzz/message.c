/* SPDX-License-Identifier: BSD-2-Clause
 *
 * DNS messages: whatever comes, every name that is read is one, every rdata is its type's, reading
 * always goes forward, and no MAC is taken. */
#include <stdlib.h>
#include <string.h>

#include "client/dns/message.h"
#include "client/dns/rdata.h"
#include "client/dns/tsig.h"
#include "tests/fuzz/fuzz.h"

#define NOW 1700000000

static void must(bool good)
{
    if (!good)
        abort();
}

static void must_be_a_name(const struct dname *name)
{
    char text[DNAME_TEXT];
    struct dname again;
    struct cursor wire = cursor_over(name->wire, name->length);
    must(dname_take(&wire) != NULL && cursor_left(&wire) == 0);
    dname_format(name->wire, text);
    must(dname_parse(text, strlen(text), NULL, &again) == NULL && again.length == name->length);
    must(memcmp(again.wire, name->wire, name->length) == 0);
}

static void read_all(const uint8_t *data, size_t size, struct bytes *rdata, struct bytes *text)
{
    struct message message;
    struct message_question question;
    struct message_record record;
    if (!message_open(&message, data, size))
        return;
    for (size_t i = 0; i < message.counts[SECTION_QUESTION]; i++) {
        if (!message_question(&message, &question))
            return;
        must_be_a_name(&question.name);
    }
    for (size_t before = message.at; message_record(&message, &record); before = message.at) {
        must(record.start == before && message.at >= before + 11 && message.at <= size);
        must(message.at == record.rdata + record.length);
        must_be_a_name(&record.owner);
        if (!message_rdata(&message, &record, rdata))
            continue;
        must(rdata->length <= RDATA_MAX && rdata_check(record.type, rdata->data, rdata->length));
        bytes_reset(text);
        rdata_format(record.type, rdata->data, rdata->length, text);
        must(!text->failed);
    }
    must(message.at == size);
}

static void judge(const uint8_t *data, size_t size)
{
    static const uint8_t zone[] = "\7example\3org";
    static uint8_t octets[32];
    struct keyd_secret secret = {.length = sizeof octets, .size = sizeof octets, .data = octets};
    struct keyd_error err;
    struct bytes query = {0};
    struct tsig_key key = {.name = {.wire = "\3key\7example", .length = 13},
                           .algorithm = tsig_algorithm_find("hmac-sha256", 11),
                           .secret = &secret};
    struct tsig *tsig = tsig_new(&key);
    must(tsig != NULL);
    message_ask(&query, 0x1234, zone, 252);
    must(tsig_sign(tsig, &query, NOW, &err) == KEYD_OK);
    must(tsig_check(tsig, data, size, NOW, &err) != KEYD_OK && !tsig_is_settled(tsig));
    bytes_free(&query);
    tsig_free(tsig);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rdata = {0};
    struct bytes text = {0};
    read_all(data, size, &rdata, &text);
    judge(data, size);
    bytes_free(&rdata);
    bytes_free(&text);
    return 0;
}
