/* SPDX-License-Identifier: BSD-2-Clause
 * Frames go into a packet and come out again; what is not a frame is told apart. */
#include "keyd/wall/packet.h"

#include <stdlib.h>
#include <string.h>

#include "keyd/base/algorithm.h"
#include "keyd/hsm/v1/hsm.pb-c.h"
#include "tests/cmocka.h"

static struct wall_packet packet;

static void add_sign(uint64_t tag, size_t message_length, bool fits)
{
    static uint8_t message[WALL_FRAME_MAX];
    uint8_t id[16] = {1};
    Keyd__Hsm__V1__Sign sign = KEYD__HSM__V1__SIGN__INIT;
    sign.key_id = (ProtobufCBinaryData){.data = id, .len = sizeof id};
    sign.message = (ProtobufCBinaryData){.data = message, .len = message_length};
    Keyd__Hsm__V1__Request request = KEYD__HSM__V1__REQUEST__INIT;
    request.tag = tag;
    request.body_case = KEYD__HSM__V1__REQUEST__BODY_SIGN;
    request.sign = &sign;
    assert_int_equal(wall_packet_add(&packet, &request.base), fits);
}

static void several_frames_share_a_packet(void **state)
{
    (void)state;
    wall_packet_reset(&packet);
    for (uint64_t tag = 1; tag <= 64; tag++)
        add_sign(tag, 32, true);
    assert_int_equal(packet.frames, 64);

    struct wall_cursor cursor = {packet.data, packet.length};
    const uint8_t *frame;
    size_t size;
    for (uint64_t tag = 1; tag <= 64; tag++) {
        assert_int_equal(wall_cursor_next(&cursor, &frame, &size), 1);
        Keyd__Hsm__V1__Request *request =
            (Keyd__Hsm__V1__Request *)wall_unpack(&keyd__hsm__v1__request__descriptor, frame, size);
        assert_non_null(request);
        assert_int_equal(request->tag, tag);
        assert_int_equal(request->sign->message.len, 32);
        protobuf_c_message_free_unpacked(&request->base, NULL);
    }
    assert_int_equal(wall_cursor_next(&cursor, &frame, &size), 0);
}

static void the_longest_message_fits_a_frame(void **state)
{
    (void)state;
    wall_packet_reset(&packet);
    add_sign(1, SIGN_MESSAGE_MAX, true);
    add_sign(2, SIGN_MESSAGE_MAX, false); /* not a second one */
    add_sign(3, 32, true);                /* but a small one */
    assert_int_equal(packet.frames, 2);
    wall_packet_reset(&packet);
    add_sign(4, WALL_FRAME_MAX, false);
}

static int first_frame_of(const uint8_t *bytes, size_t length)
{
    struct wall_cursor cursor = {bytes, length};
    const uint8_t *frame;
    size_t size;
    return wall_cursor_next(&cursor, &frame, &size);
}

static void broken_framing_is_told(void **state)
{
    (void)state;
    const uint8_t empty_frame[] = {0, 0, 0, 0};
    const uint8_t past_the_end[] = {5, 0, 0, 0, 1, 2, 3, 4};
    const uint8_t half_a_length[] = {1, 0, 0};
    const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 1};
    assert_int_equal(first_frame_of(empty_frame, sizeof empty_frame), -1);
    assert_int_equal(first_frame_of(past_the_end, sizeof past_the_end), -1);
    assert_int_equal(first_frame_of(half_a_length, sizeof half_a_length), -1);
    assert_int_equal(first_frame_of(huge, sizeof huge), -1);
    assert_int_equal(first_frame_of(huge, 0), 0);
}

static void unpacking_is_bounded(void **state)
{
    (void)state;
    /* A page of empty keys: two bytes each on the wire, some hundred in memory. */
    static uint8_t page[WALL_FRAME_MAX];
    size_t inner = (WALL_FRAME_MAX - 16) / 2 * 2;
    size_t n = 0;
    page[n++] = 11 << 3 | 2; /* Answer.key_page */
    for (size_t left = inner; left > 0 || n == 1; left >>= 7)
        page[n++] = (uint8_t)((left & 127) | (left > 127 ? 128 : 0));
    for (size_t i = 0; i < inner; i += 2) {
        page[n++] = 1 << 3 | 2; /* KeyPage.keys, of no bytes */
        page[n++] = 0;
    }
    assert_null(wall_unpack(&keyd__hsm__v1__answer__descriptor, page, n));

    const uint8_t garbage[] = {0xff, 0xff, 0xff};
    assert_null(wall_unpack(&keyd__hsm__v1__answer__descriptor, garbage, sizeof garbage));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_frames_share_a_packet),
        cmocka_unit_test(the_longest_message_fits_a_frame),
        cmocka_unit_test(broken_framing_is_told),
        cmocka_unit_test(unpacking_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
