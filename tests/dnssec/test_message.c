/* SPDX-License-Identifier: BSD-2-Clause
 * Messages: names with pointers, rdata with compressed names, and what strangers may send. */
#include <string.h>

#include "client/dns/message.h"
#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"
#include "client/dns/tcp.h"
#include "tests/cmocka.h"
#include "tests/dnssec/lab.h"

static const uint8_t header[MESSAGE_HEADER] = {0x12, 0x34, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0};

/* The header, then these bytes; the name at 12. */
static struct message with(struct bytes *bytes, const void *data, size_t length)
{
    struct message message;
    bytes_reset(bytes);
    bytes_add(bytes, header, sizeof header);
    bytes_add(bytes, data, length);
    assert_true(message_open(&message, bytes->data, bytes->length));
    return message;
}

static bool reads_record(const void *data, size_t length, struct message_record *record)
{
    struct bytes bytes = {0};
    struct message message = with(&bytes, data, length);
    bool good = message_record(&message, record);
    if (!good)
        assert_int_equal(message.at, message.length);
    bytes_free(&bytes);
    return good;
}

#define FIXED "\0\1\0\1\0\0\0\5\0\0" /* A, IN, TTL 5, no data */

static void reads_the_header(void **state)
{
    (void)state;
    struct message message;
    assert_false(message_open(&message, header, MESSAGE_HEADER - 1));
    assert_true(message_open(&message, header, MESSAGE_HEADER));
    assert_int_equal(message.id, 0x1234);
    assert_int_equal(message.flags, MESSAGE_QR | 0x0400);
    assert_int_equal(message.counts[SECTION_ANSWER], 1);
}

static void follows_pointers_backwards_alone(void **state)
{
    (void)state;
    struct message_record record;
    struct message_record next;
    struct bytes bytes = {0};
    static const char good[] = "\1a\0" FIXED "\1b\xc0\x0c" FIXED;
    struct message message = with(&bytes, good, sizeof good - 1);
    assert_true(message_record(&message, &record));
    assert_true(message_record(&message, &next));
    struct dname name = lab_name("b.a");
    assert_int_equal(next.owner.length, name.length);
    assert_memory_equal(next.owner.wire, name.wire, name.length);
    assert_int_equal(next.ttl, 5);
    bytes_free(&bytes);

    static const struct {
        const char *data;
        size_t length;
    } bad[] = {
        {"\xc0\x0c" FIXED, 12},         /* to itself */
        {"\1a\xc0\x0c" FIXED, 14},      /* to the labels before it */
        {"\xc0\x0e\xc0\x0c" FIXED, 14}, /* to a later one that leads back */
        {"\xc0\x00" FIXED, 12},         /* into the header */
        {"\xff\xff" FIXED, 12},         /* out of the message */
        {"\x40\x01" FIXED, 12},         /* the label types that never came to be */
        {"\x80\x01" FIXED, 12},
        {"\x3f"
         "a" FIXED,
         12},        /* a label that runs over the end */
        {"\xc0", 1}, /* half a pointer */
        {"", 0},
        {"\0\0\1\0\1\0\0\0\5\0", 10},   /* a byte too few for the fixed part */
        {"\0\0\1\0\1\0\0\0\5\0\1", 11}, /* rdata that is not there */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(reads_record(bad[i].data, bad[i].length, &record));
}

/* Names of 255 bytes pass, of 256 do not, whatever pointers they are made of. */
static void limits_names(void **state)
{
    (void)state;
    struct message_record record;
    for (size_t last = 61; last <= 62; last++) {
        struct bytes data = {0};
        for (size_t i = 0; i < 4; i++) {
            size_t length = i < 3 ? LABEL_MAX : last;
            bytes_u8(&data, (unsigned)length);
            memset(bytes_room(&data, length), 'a', length);
            bytes_used(&data, length);
        }
        bytes_add(&data, "\0" FIXED, 1 + sizeof FIXED - 1);
        assert_int_equal(reads_record(data.data, data.length, &record), last == 61);
        bytes_free(&data);
    }
}

/* Rdata of a type behind the name "a" at 12. */
static bool rdata_of(uint16_t type, const char *data, size_t length, struct bytes *rdata)
{
    struct bytes bytes = {0};
    struct bytes record = {0};
    struct message_record read;
    bytes_add(&record, "\1a", 3);
    bytes_u16(&record, type);
    bytes_u16(&record, CLASS_IN);
    bytes_u32(&record, 5);
    bytes_u16(&record, (unsigned)length);
    bytes_add(&record, data, length);
    struct message message = with(&bytes, record.data, record.length);
    assert_true(message_record(&message, &read));
    bool good = message_rdata(&message, &read, rdata);
    bytes_free(&bytes);
    bytes_free(&record);
    return good;
}

static void writes_out_names_in_rdata(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        const char *data;
        size_t length;
        const char *whole;
        size_t whole_length;
    } rows[] = {
        {TYPE_NS, "\xc0\x0c", 2, "\1a", 3},
        {TYPE_MX, "\0\5\1b\xc0\x0c", 6, "\0\5\1b\1a", 7},
        {TYPE_SOA, "\xc0\x0c\xc0\x0c\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", 24,
         "\1a\0\1a\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", 26},
        {33, "\0\1\0\2\0\3\xc0\x0c", 8, "\0\1\0\2\0\3\1a", 9},
        {35, "\0\1\0\2\1u\0\1s\xc0\x0c", 11, "\0\1\0\2\1u\0\1s\1a", 12},
        {TYPE_TXT, "\1a", 2, "\1a", 2},
        {65280, "\xc0\x0c", 2, "\xc0\x0c", 2}, /* nobody knows what is in there */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes rdata = {0};
        assert_true(rdata_of(rows[i].type, rows[i].data, rows[i].length, &rdata));
        assert_int_equal(rdata.length, rows[i].whole_length);
        assert_memory_equal(rdata.data, rows[i].whole, rdata.length);
        bytes_free(&rdata);
    }
}

static void refuses_rdata_that_is_none(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        const char *data;
        size_t length;
    } rows[] = {
        {TYPE_NS, "", 0},
        {TYPE_NS, "\1a\0x", 4},   /* something behind it */
        {TYPE_NS, "\1a", 2},      /* no end within the rdata */
        {TYPE_NS, "\xc0\x19", 2}, /* to itself */
        {TYPE_NS, "\xc0", 1},
        {TYPE_MX, "\0", 1},
        {TYPE_A, "\1\2\3", 3},
        {TYPE_DNAME, "\xc0\x0c", 2}, /* must not be compressed */
        {35, "\0\1\0\2\xffu", 6},    /* a string that runs over the end */
        {TYPE_RRSIG, "\0\1\xd\1\0\0\0\5\0\0\0\0\0\0\0\0\0\0\xc0\x0c", 20},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes rdata = {0};
        assert_false(rdata_of(rows[i].type, rows[i].data, rows[i].length, &rdata));
        bytes_free(&rdata);
    }
}

static void reads_servers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *host;
        const char *port;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", "53"},
        {"192.0.2.1#5300", "192.0.2.1", "5300"},
        {"2001:db8::1", "2001:db8::1", "53"},
        {"2001:db8::1#5300", "2001:db8::1", "5300"},
        {"[2001:db8::1]", "2001:db8::1", "53"},
        {"[2001:db8::1]:5300", "2001:db8::1", "5300"},
        {"[192.0.2.1]:53", "192.0.2.1", "53"},
        {"ns1.example.org#65535", "ns1.example.org", "65535"},
        {"", NULL, NULL},
        {"#53", NULL, NULL},
        {"[::1", NULL, NULL},
        {"[]:53", NULL, NULL},
        {"[::1]53", NULL, NULL},
        {"[::1]:", NULL, NULL},
        {"a#0", NULL, NULL},
        {"a#65536", NULL, NULL},
        {"a#-1", NULL, NULL},
        {"a#000053", NULL, NULL},
        {"a b", NULL, NULL},
        {"/etc/zone", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct server server;
        const char *why = server_parse(rows[i].text, &server);
        assert_int_equal(why == NULL, rows[i].host != NULL);
        if (why != NULL)
            continue;
        assert_string_equal(server.host, rows[i].host);
        assert_string_equal(server.port, rows[i].port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_header),
        cmocka_unit_test(follows_pointers_backwards_alone),
        cmocka_unit_test(limits_names),
        cmocka_unit_test(writes_out_names_in_rdata),
        cmocka_unit_test(refuses_rdata_that_is_none),
        cmocka_unit_test(reads_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
