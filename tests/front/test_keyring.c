/* SPDX-License-Identifier: BSD-2-Clause
 * Key facts in memory: finding, paging, replacing a token's listing; and who may do what. */
#include <string.h>

#include "keyd/front/service/access.h"
#include "keyd/front/service/keyring.h"
#include "tests/cmocka.h"

static uint8_t spki[91];

static Keyd__Hsm__V1__Key facts_of(uint8_t *id)
{
    Keyd__Hsm__V1__Key facts = KEYD__HSM__V1__KEY__INIT;
    facts.key_id = (ProtobufCBinaryData){.len = KEYID_SIZE, .data = id};
    facts.key_spec = KEYD__V1__KEY_SPEC__ECC_NIST_P256;
    facts.key_usage = KEYD__V1__KEY_USAGE__SIGN_VERIFY;
    facts.public_key = (ProtobufCBinaryData){.len = sizeof spki, .data = spki};
    facts.creator = (char *)"uid:7";
    return facts;
}

static struct keyring_key *key_of(unsigned token, uint8_t first)
{
    uint8_t id[KEYID_SIZE] = {first};
    Keyd__Hsm__V1__Key facts = facts_of(id);
    struct keyring_key *key;
    assert_int_equal(keyring_key_new(token, &facts, &key, NULL), KEYD_OK);
    return key;
}

static bool has(struct keyring *keyring, uint8_t first)
{
    struct keyid id = {.bytes = {first}};
    struct keyring_key *key = keyring_find(keyring, &id);
    keyring_key_put(key);
    return key != NULL;
}

static void a_listing_replaces_the_one_before(void **state)
{
    (void)state;
    struct keyring *keyring = keyring_new(2);
    keyring_replace(keyring, 0, (struct keyring_key *[]){key_of(0, 1), key_of(0, 3)}, 2);
    keyring_replace(keyring, 1, (struct keyring_key *[]){key_of(1, 2)}, 1);
    assert_true(has(keyring, 1) && has(keyring, 2) && has(keyring, 3));
    keyring_replace(keyring, 0, (struct keyring_key *[]){key_of(0, 3), key_of(0, 4)}, 2);
    assert_false(has(keyring, 1));
    assert_true(has(keyring, 2) && has(keyring, 3) && has(keyring, 4));
    assert_int_equal(keyring_count(keyring, 0), 2);
    assert_int_equal(keyring_count(keyring, 1), 1);
    keyring_free(keyring);
}

static void listings_of_many_keys_are_merged(void **state)
{
    (void)state;
    struct keyring *keyring = keyring_new(3);
    struct keyring_key *keys[3][64], *all[256];
    for (uint8_t i = 0; i < 64; i++) {
        keys[0][i] = key_of(0, (uint8_t)(3 * i));
        keys[1][i] = key_of(1, (uint8_t)(3 * i + 1));
        keys[2][i] = key_of(2, (uint8_t)(3 * i + (i % 2 == 0 ? 2 : 1))); /* half are token 1's */
    }
    for (unsigned token = 0; token < 3; token++)
        keyring_replace(keyring, token, keys[token], 64);
    assert_int_equal(keyring_count(keyring, 0), 64);
    assert_int_equal(keyring_count(keyring, 1), 64);
    assert_int_equal(keyring_count(keyring, 2), 32);
    size_t count = keyring_page(keyring, NULL, all, 256);
    assert_int_equal(count, 160);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || keyid_compare(&all[i - 1]->id, &all[i]->id) < 0);
        keyring_key_put(all[i]);
    }
    keyring_add(keyring, key_of(1, 255));
    assert_true(has(keyring, 255));
    keyring_free(keyring);
}

static void a_token_is_known_once_it_was_listed(void **state)
{
    (void)state;
    struct keyring *keyring = keyring_new(2);
    assert_false(keyring_listed(keyring, 1));
    keyring_replace(keyring, 1, NULL, 0);
    assert_true(keyring_listed(keyring, 1));
    assert_false(keyring_listed(keyring, 0));
    keyring_free(keyring);
}

static void a_key_of_two_tokens_stays_with_the_first(void **state)
{
    (void)state;
    struct keyring *keyring = keyring_new(2);
    keyring_add(keyring, key_of(1, 5));
    keyring_add(keyring, key_of(0, 5));
    struct keyid id = {.bytes = {5}};
    struct keyring_key *key = keyring_find(keyring, &id);
    assert_int_equal(key->token, 1);
    keyring_key_put(key);
    keyring_free(keyring);
}

static void pages_are_in_the_order_of_ids(void **state)
{
    (void)state;
    struct keyring *keyring = keyring_new(1);
    for (unsigned i = 200; i > 0; i--)
        keyring_add(keyring, key_of(0, (uint8_t)i));
    struct keyring_key *keys[150];
    assert_int_equal(keyring_page(keyring, NULL, keys, 150), 150);
    assert_int_equal(keys[149]->id.bytes[0], 150);
    struct keyid after = keys[149]->id;
    for (size_t i = 0; i < 150; i++)
        keyring_key_put(keys[i]);
    assert_int_equal(keyring_page(keyring, &after, keys, 150), 50);
    assert_int_equal(keys[0]->id.bytes[0], 151);
    for (size_t i = 0; i < 50; i++)
        keyring_key_put(keys[i]);
    keyring_free(keyring);
}

static void a_key_outlives_its_keyring_while_it_is_held(void **state)
{
    (void)state;
    struct keyring *keyring = keyring_new(1);
    keyring_add(keyring, key_of(0, 9));
    struct keyid id = {.bytes = {9}};
    struct keyring_key *key = keyring_find(keyring, &id);
    keyring_free(keyring);
    assert_string_equal(key->creator, "uid:7");
    keyring_key_put(key);
}

static void what_cannot_be_a_key_is_refused(void **state)
{
    (void)state;
    uint8_t id[KEYID_SIZE] = {1};
    struct keyring_key *key;
    struct keyd_error err;
    for (int fault = 0; fault < 6; fault++) {
        Keyd__Hsm__V1__Key facts = facts_of(id);
        static uint8_t large[PUBLIC_KEY_MAX + 1];
        if (fault == 0)
            facts.key_id.len = 15;
        else if (fault == 1)
            facts.key_spec = 99;
        else if (fault == 2)
            facts.public_key.len = 0;
        else if (fault == 3)
            facts.public_key = (ProtobufCBinaryData){.len = sizeof large, .data = large};
        else if (fault == 4)
            facts.request_digest = (ProtobufCBinaryData){.len = 31, .data = spki};
        else
            facts.creator = (char *)"\xff";
        assert_int_equal(keyring_key_new(0, &facts, &key, &err), KEYD_DATA_LOSS);
        assert_string_equal(err.reason, "WALL_PROTOCOL");
    }
}

static void access_needs_a_principal(void **state)
{
    (void)state;
    struct identity known = {.uid = 7, .principal = "uid:7"}, nobody = {.uid = 7};
    struct keyd_error err;
    struct keyring_key *key = key_of(0, 1);
    assert_int_equal(access_check(&known, ACCESS_SIGN, key, &err), KEYD_OK);
    assert_int_equal(access_check(&known, ACCESS_CREATE_KEY, NULL, &err), KEYD_OK);
    assert_int_equal(access_check(&nobody, ACCESS_SIGN, key, &err), KEYD_PERMISSION_DENIED);
    assert_int_equal(access_check(NULL, ACCESS_SIGN, key, &err), KEYD_PERMISSION_DENIED);
    assert_string_equal(err.reason, "ACCESS_DENIED");
    keyring_key_put(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listing_replaces_the_one_before),
        cmocka_unit_test(listings_of_many_keys_are_merged),
        cmocka_unit_test(a_token_is_known_once_it_was_listed),
        cmocka_unit_test(a_key_of_two_tokens_stays_with_the_first),
        cmocka_unit_test(pages_are_in_the_order_of_ids),
        cmocka_unit_test(a_key_outlives_its_keyring_while_it_is_held),
        cmocka_unit_test(what_cannot_be_a_key_is_refused),
        cmocka_unit_test(access_needs_a_principal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
