/* SPDX-License-Identifier: BSD-2-Clause
 * CreateKey: one key for one request, key and alias together or not at all, whoever dies when. The
 * handlers are called as keyd/front/rpc calls them, on a real catalog and a fake keyd-hsm. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "keyd/base/clock.h"
#include "keyd/front/service/state.h"
#include "tests/cmocka.h"
#include "tests/front/fake_hsm.h"

#define MS 1000000LL

static char folder[] = "/tmp/keyd-create.XXXXXX";
static char sockets[2][64];
static char catalog_path[64];
static struct fake_hsm fakes[2];
static struct service *service;
static const struct identity me = {.uid = 7, .principal = "uid:7"};

static const struct pool_token_config tokens[] = {
    {.name = "main", .socket = sockets[0], .hsm_uid = POOL_ANY_UID},
    {.name = "other", .socket = sockets[1], .hsm_uid = POOL_ANY_UID},
};

/* ---- A call, and what came of it ----------------------------------------------------------- */

struct ask {
    struct call call; /* first */
    Keyd__V1__CreateKeyRequest request;
    atomic_bool done;
    struct keyd_error err;
    char key_id[KEYID_TEXT];
    char alias[ALIAS_TEXT];
    char token[64];
};

static void succeed(struct call *call, const ProtobufCMessage *answer)
{
    struct ask *ask = (struct ask *)call;
    const Keyd__V1__KeyMetadata *key = NULL;
    if (answer->descriptor == &keyd__v1__create_key_response__descriptor)
        key = ((const Keyd__V1__CreateKeyResponse *)answer)->key_metadata;
    else if (answer->descriptor == &keyd__v1__describe_key_response__descriptor)
        key = ((const Keyd__V1__DescribeKeyResponse *)answer)->key_metadata;
    if (key != NULL) {
        snprintf(ask->key_id, sizeof ask->key_id, "%s", key->key_id);
        snprintf(ask->alias, sizeof ask->alias, "%s", key->n_aliases > 0 ? key->aliases[0] : "");
        snprintf(ask->token, sizeof ask->token, "%s", key->token);
    }
    atomic_store(&ask->done, true);
}

static void fail_call(struct call *call, const struct keyd_error *err)
{
    struct ask *ask = (struct ask *)call;
    ask->err = *err;
    atomic_store(&ask->done, true);
}

static void init(struct ask *ask, const char *request_id, const char *alias)
{
    memset(ask, 0, sizeof *ask);
    keyd__v1__create_key_request__init(&ask->request);
    ask->request.key_spec = KEYD__V1__KEY_SPEC__ECC_NIST_P256;
    ask->request.request_id = (char *)request_id;
    ask->request.alias = (char *)alias;
    ask->request.token = (char *)"main";
    ask->call.identity = &me;
    ask->call.method = "CreateKey";
    ask->call.call_id = keyid_random();
    ask->call.deadline = clock_monotonic_ns() + 5000 * MS;
    ask->call.request = &ask->request.base;
    ask->call.succeed = succeed;
    ask->call.fail = fail_call;
}

static void wait_done(struct ask *ask)
{
    for (int i = 0; i < 20000 && !atomic_load(&ask->done); i++)
        nanosleep(&(struct timespec){.tv_nsec = MS / 2}, NULL);
    assert_true(atomic_load(&ask->done));
}

static void create(struct ask *ask)
{
    create_create(service, &ask->call);
    wait_done(ask);
}

static void expect(const struct ask *ask, enum keyd_status status, const char *reason)
{
    if (ask->err.status != status)
        fail_msg("%s: %s", keyd_status_name(ask->err.status), ask->err.message);
    assert_string_equal(ask->err.reason, reason);
}

static struct ask created(const char *request_id, const char *alias)
{
    static struct ask ask;
    init(&ask, request_id, alias);
    create(&ask);
    expect(&ask, KEYD_OK, "");
    assert_string_equal(ask.alias, alias);
    return ask;
}

static struct ask refused(const char *request_id, const char *alias, enum keyd_status status,
                          const char *reason)
{
    static struct ask ask;
    init(&ask, request_id, alias);
    create(&ask);
    expect(&ask, status, reason);
    return ask;
}

/* What DescribeKey says of a name. */
static struct ask described(const char *name)
{
    static struct ask ask;
    Keyd__V1__DescribeKeyRequest request = KEYD__V1__DESCRIBE_KEY_REQUEST__INIT;
    init(&ask, "", "");
    request.key_id = (char *)name;
    ask.call.request = &request.base;
    keys_describe(service, &ask.call);
    assert_true(ask.done);
    return ask;
}

/* ---- The house ----------------------------------------------------------------------------- */

static void start_front(void)
{
    struct service_config config = {
        .tokens = tokens, .token_count = 2, .default_token = 0, .catalog = catalog_path};
    struct keyd_error err;
    if (service_open(&config, &service, &err) != KEYD_OK || service_start(service, &err) != KEYD_OK)
        fail_msg("%s", err.message);
}

static void stop_front(void)
{
    service_close(service);
    service = NULL;
}

static void wait_ready(unsigned token)
{
    struct pool_status status = {0};
    for (int i = 0; i < 5000 && status.state != KEYD__V1__TOKEN_STATE__READY; i++) {
        nanosleep(&(struct timespec){.tv_nsec = MS}, NULL);
        pool_status(service->pool, token, &status);
    }
    assert_int_equal(status.state, KEYD__V1__TOKEN_STATE__READY);
}

static void all_up(void)
{
    fake_hsm_up(&fakes[0]);
    fake_hsm_up(&fakes[1]);
    start_front();
    wait_ready(0);
    wait_ready(1);
}

static void restart_hsm(void)
{
    fakes[0].fault = FAKE_NONE;
    fake_hsm_down(&fakes[0]);
    fake_hsm_up(&fakes[0]);
    nanosleep(&(struct timespec){.tv_nsec = 100 * MS}, NULL);
    wait_ready(0);
}

/* ---- One key for one request --------------------------------------------------------------- */

static void the_same_request_gives_the_same_key(void **state)
{
    (void)state;
    all_up();
    struct ask first = created("r-1", "alias/a");
    struct ask again = created("r-1", "alias/a");
    assert_string_equal(first.key_id, again.key_id);
    assert_int_equal(fakes[0].key_count, 1);
    refused("r-1", "alias/b", KEYD_ALREADY_EXISTS, "REQUEST_ID_REUSED");
}

static void without_request_id_each_call_makes_a_key(void **state)
{
    (void)state;
    all_up();
    struct ask first = created("", "");
    struct ask second = created("", "");
    assert_string_not_equal(first.key_id, second.key_id);
    assert_int_equal(fakes[0].key_count, 2);
}

static void the_same_request_for_another_token_is_another_request(void **state)
{
    (void)state;
    struct ask ask;
    all_up();
    created("r-1", "");
    init(&ask, "r-1", "");
    ask.request.token = (char *)"other";
    create(&ask);
    expect(&ask, KEYD_ALREADY_EXISTS, "REQUEST_ID_REUSED");
    assert_int_equal(fakes[1].key_count, 0);
}

static void another_principal_has_its_own_request_ids(void **state)
{
    (void)state;
    static const struct identity you = {.uid = 8, .principal = "uid:8"};
    struct ask ask;
    all_up();
    struct ask mine = created("r-1", "");
    init(&ask, "r-1", "");
    ask.call.identity = &you;
    create(&ask);
    expect(&ask, KEYD_OK, "");
    assert_string_not_equal(ask.key_id, mine.key_id);
}

static void the_same_request_at_once_gives_one_key(void **state)
{
    (void)state;
    static struct ask asks[10];
    all_up();
    for (size_t i = 0; i < 10; i++) {
        init(&asks[i], "r-1", "alias/a");
        create_create(service, &asks[i].call);
    }
    for (size_t i = 0; i < 10; i++) {
        wait_done(&asks[i]);
        expect(&asks[i], KEYD_OK, "");
        assert_string_equal(asks[i].key_id, asks[0].key_id);
    }
    assert_int_equal(fakes[0].key_count, 1);
}

static void different_requests_for_one_alias_at_once(void **state)
{
    (void)state;
    static struct ask asks[10];
    unsigned good = 0;
    all_up();
    for (size_t i = 0; i < 10; i++) {
        init(&asks[i], "", "alias/a");
        create_create(service, &asks[i].call);
    }
    for (size_t i = 0; i < 10; i++) {
        wait_done(&asks[i]);
        good += asks[i].err.status == KEYD_OK;
        if (asks[i].err.status != KEYD_OK)
            expect(&asks[i], KEYD_ALREADY_EXISTS, "ALIAS_TAKEN");
    }
    assert_int_equal(good, 1);
    assert_int_equal(fakes[0].key_count, 1);
}

static void spent_ids_are_passed_over(void **state)
{
    (void)state;
    all_up();
    fakes[0].fault = FAKE_SPENT;
    fakes[0].spent = 3;
    struct ask made = created("r-1", "alias/a");
    struct keyid fourth = keyid_derive("uid:7", "r-1", 3);
    char text[KEYID_TEXT];
    keyid_format(&fourth, text);
    assert_string_equal(made.key_id, text);
    assert_string_equal(created("r-1", "alias/a").key_id, text);
    fakes[0].spent = 100;
    refused("r-2", "alias/b", KEYD_FAILED_PRECONDITION, "KEY_ID_SPENT");
    fakes[0].fault = FAKE_NONE;
    created("r-3", "alias/b");
}

static void the_same_request_at_once_passes_over_spent_ids_together(void **state)
{
    (void)state;
    static struct ask asks[2];
    all_up();
    fakes[0].fault = FAKE_SPENT;
    fakes[0].spent = 2; /* each of them is told once that the first id is spent */
    for (size_t i = 0; i < 2; i++) {
        init(&asks[i], "r-1", "alias/a");
        create_create(service, &asks[i].call);
    }
    for (size_t i = 0; i < 2; i++) {
        wait_done(&asks[i]);
        expect(&asks[i], KEYD_OK, "");
        assert_string_equal(asks[i].key_id, asks[0].key_id);
    }
    assert_int_equal(fakes[0].key_count, 1);
    struct keyid spent = keyid_derive("uid:7", "r-1", 0);
    assert_false(catalog_is_pending(service->catalog, &spent));
}

static void a_token_that_never_answers_holds_up_no_other(void **state)
{
    (void)state;
    enum { MANY = 100 };
    static struct ask asks[MANY], other;
    unsigned refusals = 0;
    all_up();
    fakes[0].fault = FAKE_SILENT;
    for (size_t i = 0; i < MANY; i++) {
        init(&asks[i], "", "");
        create_create(service, &asks[i].call);
    }
    init(&other, "", "");
    other.request.token = (char *)"other";
    create(&other);
    expect(&other, KEYD_OK, "");
    stop_front();
    for (size_t i = 0; i < MANY; i++) {
        wait_done(&asks[i]);
        refusals += strcmp(asks[i].err.reason, "CREATIONS_BUSY") == 0;
    }
    assert_int_equal(refusals, MANY - 64);
}

/* ---- Together or not at all ---------------------------------------------------------------- */

static void keyd_hsm_dies_before_it_made_the_key(void **state)
{
    (void)state;
    all_up();
    fakes[0].fault = FAKE_DIE_BEFORE_CREATE;
    refused("r-1", "alias/a", KEYD_UNAVAILABLE, "TOKEN_RESTARTED");
    expect(&(struct ask){.err = described("alias/a").err}, KEYD_NOT_FOUND, "KEY_NOT_FOUND");
    restart_hsm();
    created("", "alias/a"); /* the alias is free again */
    assert_int_equal(fakes[0].key_count, 1);
}

static void keyd_hsm_dies_after_it_made_the_key(void **state)
{
    (void)state;
    all_up();
    fakes[0].fault = FAKE_DIE_AFTER_CREATE;
    refused("r-1", "alias/a", KEYD_UNAVAILABLE, "TOKEN_RESTARTED");
    restart_hsm();
    struct ask found = described("alias/a");
    expect(&found, KEYD_OK, "");
    assert_string_equal(created("r-1", "alias/a").key_id, found.key_id);
    assert_int_equal(fakes[0].key_count, 1);
}

/* The front's own end, as kill -9 leaves it: the catalog with a pending entry. */
static void leave_pending(const char *request_id, const char *alias, bool key_is_made)
{
    all_up();
    fakes[0].fault = key_is_made ? FAKE_DIE_AFTER_CREATE : FAKE_DIE_BEFORE_CREATE;
    refused(request_id, alias, KEYD_UNAVAILABLE, "TOKEN_RESTARTED");
    fake_hsm_down(&fakes[0]);
    fakes[0].fault = FAKE_NONE;
    stop_front();
    start_front();
    wait_ready(1);
}

static void the_front_dies_too_before_the_key_was_made(void **state)
{
    (void)state;
    leave_pending("r-1", "alias/a", false);
    struct ask held;
    init(&held, "", "alias/a");
    create(&held);
    expect(&held, KEYD_UNAVAILABLE, "ALIAS_PENDING");
    fake_hsm_up(&fakes[0]);
    wait_ready(0);
    expect(&(struct ask){.err = described("alias/a").err}, KEYD_NOT_FOUND, "KEY_NOT_FOUND");
    created("r-1", "alias/a");
}

static void the_front_dies_too_after_the_key_was_made(void **state)
{
    (void)state;
    leave_pending("r-1", "alias/a", true);
    expect(&(struct ask){.err = described("alias/a").err}, KEYD_NOT_FOUND, "KEY_NOT_FOUND");
    fake_hsm_up(&fakes[0]);
    wait_ready(0);
    struct ask found = described("alias/a");
    expect(&found, KEYD_OK, "");
    assert_string_equal(created("r-1", "alias/a").key_id, found.key_id);
    assert_int_equal(fakes[0].key_count, 1);
}

static void the_same_request_comes_again_before_keyd_hsm_is_back(void **state)
{
    (void)state;
    struct ask ask;
    leave_pending("r-1", "alias/a", false);
    init(&ask, "r-1", "alias/a");
    create_create(service, &ask.call);
    nanosleep(&(struct timespec){.tv_nsec = 100 * MS}, NULL);
    assert_false(ask.done);
    fake_hsm_up(&fakes[0]);
    wait_done(&ask);
    expect(&ask, KEYD_OK, "");
    assert_string_equal(ask.alias, "alias/a");
    assert_string_equal(described("alias/a").key_id, ask.key_id);
}

static void a_creation_that_never_reached_the_token_frees_its_alias(void **state)
{
    (void)state;
    struct ask ask;
    all_up();
    fake_hsm_down(&fakes[0]);
    nanosleep(&(struct timespec){.tv_nsec = 50 * MS}, NULL);
    init(&ask, "r-1", "alias/a");
    ask.call.deadline = clock_monotonic_ns() + 100 * MS;
    create(&ask);
    expect(&ask, KEYD_DEADLINE_EXCEEDED, "DEADLINE");
    init(&ask, "", "alias/a");
    ask.request.token = (char *)"other";
    create(&ask);
    expect(&ask, KEYD_OK, "");
}

/* keyd-hsm says INTERNAL and DATA_LOSS of tokens that make bad keys; it has taken them back. */
static void whatever_keyd_hsm_answers_the_alias_is_free_unless_the_creation_is_open(void **state)
{
    (void)state;
    all_up();
    fakes[0].fault = FAKE_NO_KEY;
    refused("r-1", "alias/a", KEYD_INTERNAL, "TOKEN_FAILED");
    fakes[0].fault = FAKE_OPEN;
    refused("r-2", "alias/a", KEYD_UNAVAILABLE, "CREATION_OPEN");
    refused("r-3", "alias/a", KEYD_UNAVAILABLE, "ALIAS_PENDING");
    fakes[0].fault = FAKE_NONE;
    created("r-2", "alias/a");
}

static void a_lost_catalog_is_filled_again_by_the_same_request(void **state)
{
    (void)state;
    all_up();
    struct ask first = created("r-1", "alias/a");
    stop_front();
    assert_int_equal(unlink(catalog_path), 0);
    start_front();
    wait_ready(0);
    expect(&(struct ask){.err = described(first.key_id).err}, KEYD_OK, "");
    assert_string_equal(described(first.key_id).alias, "");
    assert_string_equal(created("r-1", "alias/a").key_id, first.key_id);
    assert_string_equal(described("alias/a").key_id, first.key_id);
}

static void a_key_on_a_token_not_seen_yet_is_not_said_to_be_gone(void **state)
{
    (void)state;
    all_up();
    struct ask made = created("r-1", "alias/a");
    fake_hsm_down(&fakes[0]);
    stop_front();
    start_front();
    wait_ready(1);
    expect(&(struct ask){.err = described("alias/a").err}, KEYD_UNAVAILABLE, "TOKEN_AWAY");
    expect(&(struct ask){.err = described(made.key_id).err}, KEYD_UNAVAILABLE, "TOKEN_AWAY");
    refused("r-1", "alias/a", KEYD_UNAVAILABLE, "TOKEN_AWAY");
    refused("r-1", "alias/b", KEYD_ALREADY_EXISTS, "REQUEST_ID_REUSED");
}

static int reset(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        memset(&fakes[i], 0, sizeof fakes[i]);
        fakes[i].socket = sockets[i];
        fakes[i].token = tokens[i].name;
    }
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    stop_front();
    fake_hsm_free(&fakes[0]);
    fake_hsm_free(&fakes[1]);
    return unlink(catalog_path);
}

static int make_folder(void **state)
{
    (void)state;
    bool made = mkdtemp(folder) != NULL;
    snprintf(sockets[0], sizeof sockets[0], "%s/main.sock", folder);
    snprintf(sockets[1], sizeof sockets[1], "%s/other.sock", folder);
    snprintf(catalog_path, sizeof catalog_path, "%s/catalog.sqlite", folder);
    return made ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, reset, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_same_request_gives_the_same_key),
        CASE(without_request_id_each_call_makes_a_key),
        CASE(the_same_request_for_another_token_is_another_request),
        CASE(another_principal_has_its_own_request_ids),
        CASE(the_same_request_at_once_gives_one_key),
        CASE(different_requests_for_one_alias_at_once),
        CASE(spent_ids_are_passed_over),
        CASE(the_same_request_at_once_passes_over_spent_ids_together),
        CASE(a_token_that_never_answers_holds_up_no_other),
        CASE(keyd_hsm_dies_before_it_made_the_key),
        CASE(keyd_hsm_dies_after_it_made_the_key),
        CASE(the_front_dies_too_before_the_key_was_made),
        CASE(the_front_dies_too_after_the_key_was_made),
        CASE(the_same_request_comes_again_before_keyd_hsm_is_back),
        CASE(a_creation_that_never_reached_the_token_frees_its_alias),
        CASE(whatever_keyd_hsm_answers_the_alias_is_free_unless_the_creation_is_open),
        CASE(a_lost_catalog_is_filled_again_by_the_same_request),
        CASE(a_key_on_a_token_not_seen_yet_is_not_said_to_be_gone),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
