/* SPDX-License-Identifier: BSD-2-Clause
 * Each call, what it gives, and what becomes of answers that no keyd would send. */
#include "client/lib/keyd.h"
#include "tests/lib/fake.h"

#define CALL_ID "c0ffee00-0000-4000-8000-000000000001"

static struct fake fake;
static struct keyd_client *client;
static struct keyd_error err;

static void create(const char *alias, char key_id[37])
{
    struct keyd_create_key_request request = {
        .key_spec = "ECC_NIST_P256", .description = "a key", .alias = alias};
    struct keyd_key *key;
    assert_int_equal(keyd_create_key(client, &request, 0, &key, &err), KEYD_OK);
    if (key_id != NULL)
        snprintf(key_id, 37, "%s", key->key_id);
    keyd_key_free(key);
}

static void creates_and_describes_a_key(void **state)
{
    (void)state;
    char key_id[37];
    create("alias/a", key_id);
    struct keyd_key *key;
    assert_int_equal(keyd_describe_key(client, "alias/a", 0, &key, &err), KEYD_OK);
    assert_string_equal(key->key_id, key_id);
    assert_string_equal(key->key_spec, "ECC_NIST_P256");
    assert_string_equal(key->key_usage, "SIGN_VERIFY");
    assert_string_equal(key->key_state, "ENABLED");
    assert_string_equal(key->state_reason, "");
    assert_string_equal(key->description, "a key");
    assert_string_equal(key->token, "t");
    assert_string_equal(key->default_signing_algorithm, "ECDSA_SHA_256");
    assert_string_equal(key->signing_algorithms[0], "ECDSA_SHA_256");
    assert_null(key->signing_algorithms[1]);
    assert_string_equal(key->aliases[0], "alias/a");
    assert_null(key->aliases[1]);
    assert_int_equal(key->creation_time_ms, 1764000000123);
    keyd_key_free(key);
}

static void the_same_request_id_gives_the_same_key(void **state)
{
    (void)state;
    struct keyd_create_key_request request = {.key_spec = "ECC_NIST_P256", .request_id = "once"};
    struct keyd_key *first;
    struct keyd_key *second;
    assert_int_equal(keyd_create_key(client, &request, 0, &first, &err), KEYD_OK);
    assert_int_equal(keyd_create_key(client, &request, 0, &second, &err), KEYD_OK);
    assert_string_equal(first->key_id, second->key_id);
    keyd_key_free(second);
    request.request_id = NULL;
    assert_int_equal(keyd_create_key(client, &request, 0, &second, &err), KEYD_OK);
    assert_string_not_equal(first->key_id, second->key_id);
    keyd_key_free(first);
    keyd_key_free(second);
}

static void a_creation_that_was_cut_off_is_sent_again(void **state)
{
    (void)state;
    struct keyd_create_key_request request = {.key_spec = "ECC_NIST_P256",
                                              .description = "restarted 3"};
    struct keyd_key *key;
    double began = seconds_now();
    assert_int_equal(keyd_create_key(client, &request, 5000, &key, &err), KEYD_OK);
    assert_true(seconds_now() - began >= 0.05 + 0.1 + 0.2);
    keyd_key_free(key);

    request.description = "restarted 1000";
    request.request_id = "the-request";
    assert_int_equal(keyd_create_key(client, &request, 300, &key, &err), KEYD_UNAVAILABLE);
    assert_string_equal(err.reason, "TOKEN_RESTARTED");
    assert_non_null(strstr(err.message, "the-request"));

    /* What never reached keyd-hsm is told at once. */
    request.description = "away";
    began = seconds_now();
    assert_int_equal(keyd_create_key(client, &request, 5000, &key, &err), KEYD_UNAVAILABLE);
    assert_true(seconds_now() - began < 2);
    assert_string_equal(err.reason, "TOKEN_AWAY");
    assert_non_null(strstr(err.message, "token t: keyd-hsm does not answer"));
}

static void lists_keys_page_by_page(void **state)
{
    (void)state;
    struct keyd_key_list *list;
    assert_int_equal(keyd_list_keys(client, 0, NULL, 0, &list, &err), KEYD_OK);
    size_t all = list->count;
    assert_true(all >= 3);
    assert_null(list->next_marker);
    keyd_key_list_free(list);

    size_t seen = 0;
    char marker[64] = "";
    do {
        assert_int_equal(keyd_list_keys(client, 2, marker, 0, &list, &err), KEYD_OK);
        assert_true(list->count <= 2);
        seen += list->count;
        snprintf(marker, sizeof marker, "%s", list->next_marker != NULL ? list->next_marker : "");
        keyd_key_list_free(list);
    } while (marker[0] != '\0');
    assert_int_equal(seen, all);
}

static void gives_the_public_key(void **state)
{
    (void)state;
    struct keyd_public_key *key;
    assert_int_equal(keyd_get_public_key(client, "alias/a", 0, &key, &err), KEYD_OK);
    assert_int_equal(key->der_length, 91);
    assert_int_equal(key->der[0], 0x30);
    assert_string_equal(key->key_spec, "ECC_NIST_P256");
    assert_string_equal(key->signing_algorithms[0], "ECDSA_SHA_256");
    keyd_public_key_free(key);
}

static void signs_messages_and_digests(void **state)
{
    (void)state;
    static uint8_t message[KEYD_MESSAGE_SIZE_MAX + 1];
    struct keyd_sign_request request = {
        .key_id = "alias/a", .message = message, .message_length = KEYD_MESSAGE_SIZE_MAX};
    struct keyd_signature *signature;
    assert_int_equal(keyd_sign(client, &request, 0, &signature, &err), KEYD_OK);
    assert_int_equal(signature->length, 32);
    assert_int_equal(signature->bytes[0], 0xde); /* SHA-256 of 65,536 zeros: de2f2560... */
    assert_string_equal(signature->signing_algorithm, "ECDSA_SHA_256");
    keyd_signature_free(signature);

    request.message_length = 32;
    request.is_digest = true;
    assert_int_equal(keyd_sign(client, &request, 0, &signature, &err), KEYD_OK);
    assert_int_equal(signature->bytes[0], 0); /* the digest itself: the fake's way of signing */
    keyd_signature_free(signature);

    request.message_length = KEYD_MESSAGE_SIZE_MAX + 1;
    assert_int_equal(keyd_sign(client, &request, 0, &signature, &err), KEYD_INVALID_ARGUMENT);
    assert_string_equal(err.reason, "MESSAGE_LENGTH");
    request.message_length = 0;
    assert_int_equal(keyd_sign(client, &request, 0, &signature, &err), KEYD_INVALID_ARGUMENT);
}

static void describes_the_service(void **state)
{
    (void)state;
    struct keyd_service *service;
    assert_int_equal(keyd_describe_service(client, 0, &service, &err), KEYD_OK);
    assert_string_equal(service->server_version, "0.1.0-fake");
    assert_string_equal(service->default_token, "t");
    assert_memory_equal(service->principal, "uid:", 4);
    assert_int_equal(service->token_count, 3);
    assert_string_equal(service->tokens[0].state, "READY");
    assert_true(service->tokens[0].separate_uid);
    assert_string_equal(service->tokens[1].state, "LOGIN_NEEDED");
    assert_string_equal(service->tokens[1].label, "");
    assert_false(service->tokens[1].separate_uid);
    assert_string_equal(service->tokens[0].module, "A module 1.0 (nobody)");
    assert_int_equal(service->tokens[0].session_limit, 8);
    assert_int_equal(service->tokens[0].free_sessions, 3);
    assert_int_equal(service->tokens[0].limitation_count, 1);
    assert_string_equal(service->tokens[0].limitations[0].name, "CKM_EDDSA");
    assert_string_equal(service->tokens[0].limitations[0].description, "no Ed25519");
    assert_int_equal(service->tokens[1].limitation_count, 0);
    keyd_service_free(service);
}

static void describe_fails(const char *key_id, enum keyd_status status, const char *reason)
{
    struct keyd_key *key;
    assert_int_equal(keyd_describe_key(client, key_id, 0, &key, &err), status);
    assert_int_equal(err.status, status);
    assert_string_equal(err.reason, reason);
}

static void errors_carry_reason_message_and_call_id(void **state)
{
    (void)state;
    describe_fails("alias/none", KEYD_NOT_FOUND, "KEY_NOT_FOUND");
    assert_string_equal(err.message, "no key alias/none (call " CALL_ID ")");
    describe_fails("alias/locked", KEYD_FAILED_PRECONDITION, "LOGIN_NEEDED");
    assert_string_equal(err.message, "the PIN was refused (call " CALL_ID ")");
    describe_fails("alias/away", KEYD_UNAVAILABLE, "TOKEN_AWAY");
    describe_fails("alias/denied", KEYD_PERMISSION_DENIED, "UID_NOT_ALLOWED");
    char whoami[64];
    snprintf(whoami, sizeof whoami, "; this process runs as uid %u", (unsigned)geteuid());
    assert_non_null(strstr(err.message, whoami));
    describe_fails("", KEYD_INVALID_ARGUMENT, "KEY_ID");
    struct keyd_key *key;
    assert_int_equal(keyd_describe_key(client, "alias/none", 0, &key, NULL), KEYD_NOT_FOUND);
}

static void what_a_server_writes_is_made_harmless(void **state)
{
    (void)state;
    describe_fails("alias/controls", KEYD_INTERNAL, "");
    assert_string_equal(err.message, "a?[31m??b\xc3\xa9 (call " CALL_ID ")");
    describe_fails("alias/long", KEYD_INTERNAL, "LONG");
    assert_true(strlen(err.message) < KEYD_MESSAGE_MAX);
    describe_fails("alias/bare", KEYD_INTERNAL, "NO_CALL_ID");
    assert_non_null(strstr(err.message, "is it keyd that listens there?"));
}

static void bad_answers_are_internal_errors(void **state)
{
    (void)state;
    static const char *const bad[] = {"alias/garbage", "alias/nothing", "alias/group",
                                      "alias/nul",     "alias/utf8",    "alias/surrogate",
                                      "alias/noid"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        describe_fails(bad[i], KEYD_INTERNAL, "BAD_ANSWER");
        assert_non_null(strstr(err.message, CALL_ID));
        uint8_t message = 1;
        struct keyd_sign_request request = {bad[i], &message, 1, false, NULL};
        struct keyd_signature *signature;
        assert_int_equal(keyd_sign(client, &request, 0, &signature, &err), KEYD_INTERNAL);
        struct keyd_public_key *public_key;
        assert_int_equal(keyd_get_public_key(client, bad[i], 0, &public_key, &err), KEYD_INTERNAL);
    }
    struct keyd_key *key;
    assert_int_equal(keyd_describe_key(client, "alias/sound", 0, &key, &err), KEYD_OK);
    assert_string_equal(key->description, "gr\xc3\xbc\xc3\x9f"
                                          "e \xf0\x9f\x94\x91");
    assert_string_equal(key->key_spec, "KEY_SPEC_UNSPECIFIED");
    assert_null(key->aliases[0]);
    keyd_key_free(key);
}

static void bad_lists_are_internal_errors(void **state)
{
    (void)state;
    static const char *const markers[] = {"bomb", "many", "endless"};
    for (size_t i = 0; i < sizeof markers / sizeof markers[0]; i++) {
        struct keyd_key_list *list;
        assert_int_equal(keyd_list_keys(client, 0, markers[i], 0, &list, &err), KEYD_INTERNAL);
        assert_string_equal(err.reason, "BAD_ANSWER");
    }
}

static void words_and_timeouts_are_judged_before_anything_is_sent(void **state)
{
    (void)state;
    struct keyd_key *key;
    struct keyd_create_key_request request = {.key_spec = "ECC_NIST_P255"};
    assert_int_equal(keyd_create_key(client, &request, 0, &key, &err), KEYD_INVALID_ARGUMENT);
    assert_string_equal(err.reason, "KEY_SPEC");
    request = (struct keyd_create_key_request){.key_spec = "ECC_NIST_P256", .key_usage = "NONE"};
    assert_int_equal(keyd_create_key(client, &request, 0, &key, &err), KEYD_INVALID_ARGUMENT);
    assert_string_equal(err.reason, "KEY_USAGE");
    assert_int_equal(keyd_describe_key(client, "alias/a", -1, &key, &err), KEYD_INVALID_ARGUMENT);
    assert_string_equal(err.reason, "TIMEOUT");

    static char long_text[200 << 10];
    memset(long_text, 'x', sizeof long_text - 1);
    assert_int_equal(keyd_describe_key(client, long_text, 0, &key, &err), KEYD_INVALID_ARGUMENT);
    assert_string_equal(err.reason, "REQUEST_LENGTH");
    uint8_t message = 1;
    struct keyd_sign_request sign = {"alias/a", &message, 1, false, "ROT13"};
    struct keyd_signature *signature;
    assert_int_equal(keyd_sign(client, &sign, 0, &signature, &err), KEYD_INVALID_ARGUMENT);
    assert_string_equal(err.reason, "SIGNING_ALGORITHM");
}

static void a_timeout_ends_only_its_own_call(void **state)
{
    (void)state;
    struct keyd_key *key;
    double began = seconds_now();
    assert_int_equal(keyd_describe_key(client, "alias/hang", 200, &key, &err),
                     KEYD_DEADLINE_EXCEEDED);
    double took = seconds_now() - began;
    assert_true(took > 0.15 && took < 2);
    assert_non_null(strstr(err.message, "did not answer within 200 ms"));
    create(NULL, NULL);
}

static int begin(void **state)
{
    (void)state;
    fake_folder(&fake, "a %41 socket"); /* a path that is no URI as it stands */
    fake_start(&fake);
    return keyd_connect(fake.socket, &client, &err) != KEYD_OK;
}

static int end(void **state)
{
    (void)state;
    keyd_disconnect(client);
    fake_remove(&fake);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creates_and_describes_a_key),
        cmocka_unit_test(the_same_request_id_gives_the_same_key),
        cmocka_unit_test(a_creation_that_was_cut_off_is_sent_again),
        cmocka_unit_test(lists_keys_page_by_page),
        cmocka_unit_test(gives_the_public_key),
        cmocka_unit_test(signs_messages_and_digests),
        cmocka_unit_test(describes_the_service),
        cmocka_unit_test(errors_carry_reason_message_and_call_id),
        cmocka_unit_test(what_a_server_writes_is_made_harmless),
        cmocka_unit_test(bad_answers_are_internal_errors),
        cmocka_unit_test(bad_lists_are_internal_errors),
        cmocka_unit_test(words_and_timeouts_are_judged_before_anything_is_sent),
        cmocka_unit_test(a_timeout_ends_only_its_own_call),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
