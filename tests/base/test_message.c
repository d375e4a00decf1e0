/* SPDX-License-Identifier: BSD-2-Clause
 * Bytes from strangers: what is taken for a message and what is not. */
#include "keyd/base/message.h"

#include <string.h>

#include "keyd/v1/keyd.pb-c.h"
#include "tests/cmocka.h"

#define MEMORY 65536

static struct keyd_error err;

static enum keyd_status unpack(const ProtobufCMessageDescriptor *descriptor, const void *data,
                               size_t size)
{
    ProtobufCMessage *message = NULL;
    err = (struct keyd_error){0};
    enum keyd_status status = message_unpack(descriptor, data, size, MEMORY, &message, &err);
    if (status == KEYD_OK)
        protobuf_c_message_free_unpacked(message, NULL);
    return status;
}

static void what_we_pack_unpacks(void **state)
{
    (void)state;
    uint8_t data[256];
    char *aliases[] = {(char *)"alias/one", (char *)"alias/\xc3\xa4"};
    Keyd__V1__KeyMetadata key = KEYD__V1__KEY_METADATA__INIT;
    key.key_id = (char *)"an id";
    key.creation_time = -1;
    key.aliases = aliases;
    key.n_aliases = 2;
    Keyd__V1__DescribeKeyResponse answer = KEYD__V1__DESCRIBE_KEY_RESPONSE__INIT;
    answer.key_metadata = &key;
    size_t size = keyd__v1__describe_key_response__pack(&answer, data);
    assert_int_equal(unpack(&keyd__v1__describe_key_response__descriptor, data, size), KEYD_OK);
    assert_int_equal(unpack(&keyd__v1__describe_key_response__descriptor, "", 0), KEYD_OK);

    /* Each byte taken away at the end breaks it, and nothing worse. */
    for (size_t less = 1; less < size; less++)
        assert_int_equal(unpack(&keyd__v1__describe_key_response__descriptor, data, size - less),
                         KEYD_INVALID_ARGUMENT);
}

static void text_is_utf8_without_nul(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x0a\x01\x00",             /* a NUL: protobuf-c would cut the string there */
        "\x0a\x01\xff",             /* no UTF-8 */
        "\x0a\x02\xc0\xaf",         /* overlong */
        "\x0a\x03\xed\xa0\x80",     /* a surrogate */
        "\x0a\x04\xf4\x90\x80\x80", /* above U+10FFFF */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t size = 2 + (size_t)bad[i][1];
        assert_int_equal(unpack(&keyd__v1__sign_request__descriptor, bad[i], size),
                         KEYD_INVALID_ARGUMENT);
        assert_string_equal(err.reason, "TEXT");
        assert_non_null(strstr(err.message, "key_id"));
    }
    /* Also in a message within the message. */
    assert_int_equal(
        unpack(&keyd__v1__describe_key_response__descriptor, "\x0a\x03\x0a\x01\x00", 5),
        KEYD_INVALID_ARGUMENT);
    assert_string_equal(err.reason, "TEXT");
    /* Bytes are free to hold anything. */
    assert_int_equal(unpack(&keyd__v1__sign_request__descriptor, "\x12\x02\x00\xff", 4), KEYD_OK);
}

static void what_is_no_message_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        {"\xff", 1},                                          /* a key without an end */
        {"\x0a", 1},                                          /* a length that is missing */
        {"\x0a\x05x", 3},                                     /* past the end */
        {"\x0b", 1},                                          /* a group */
        {"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11}, /* a varint of more than 64 bits */
        {"\x19\x01", 2},                                      /* half a fixed64 */
        {"\x1d\x01", 2},                                      /* half a fixed32 */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(unpack(&keyd__v1__sign_request__descriptor, bad[i].bytes, bad[i].size),
                         KEYD_INVALID_ARGUMENT);
        assert_string_equal(err.reason, "MESSAGE");
    }
    /* A field that is not known yet is skipped. */
    assert_int_equal(unpack(&keyd__v1__sign_request__descriptor, "\xfa\x01\x01\xff", 4), KEYD_OK);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    static uint8_t page[8192]; /* 4,096 empty keys: two bytes each here, over a hundred unpacked */
    for (size_t i = 0; i < sizeof page; i += 2)
        page[i] = 0x0a;
    assert_int_equal(unpack(&keyd__v1__list_keys_response__descriptor, page, sizeof page),
                     KEYD_INVALID_ARGUMENT);
    assert_string_equal(err.reason, "MESSAGE");
    assert_int_equal(unpack(&keyd__v1__list_keys_response__descriptor, page, 16), KEYD_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_we_pack_unpacks),
        cmocka_unit_test(text_is_utf8_without_nul),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
