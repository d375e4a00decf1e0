/* SPDX-License-Identifier: BSD-2-Clause
 * The state: round trip, other versions, damage, the lock. And what follows from it: the waits. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/dns/rrtype.h"
#include "client/dns/ttl.h"
#include "client/dnssec/state.h"
#include "client/dnssec/waits.h"
#include "keyd/base/file.h"
#include "tests/cmocka.h"
#include "tests/dnssec/lab.h"

static struct zone_state sample(void)
{
    struct zone_state state = {.zone = lab_name("example.org"),
                               .zone_file = "/z/\"quoted\" zone",
                               .from_server = "2001:db8::1#53",
                               .tsig_file = "/z/key",
                               .signed_zone = "/z/signed",
                               .alias = "alias/x",
                               .algorithm = 13,
                               .have_serial = true,
                               .serial = UINT32_MAX,
                               .dnskey_ttl = 3600,
                               .unsigned_largest_ttl = 86400,
                               .enabled_ms = INT64_C(1795509062000),
                               .key_count = 2};
    state.keys[0] =
        (struct zone_key){.dnskey = {.flags = DNSKEY_KSK, .algorithm = 13, .length = 64},
                          .key_id = "1f0c8a52-0000-4000-8000-000000000000",
                          .alias = "alias/x",
                          .token = "main",
                          .created_ms = INT64_C(1795509062123)};
    state.keys[1] =
        (struct zone_key){.dnskey = {.flags = DNSKEY_ZSK, .algorithm = 13, .length = 64},
                          .file = "Kexample.org.+013+00001",
                          .created_ms = INT64_C(1795509062124)};
    memset(state.keys[0].dnskey.key, 1, 64);
    memset(state.keys[1].dnskey.key, 2, 64);
    return state;
}

static void round_trip(void **test)
{
    (void)test;
    struct zone_state state = sample();
    struct zone_state again;
    struct stat st;
    assert_int_equal(state_save(lab_path("."), &state, NULL), KEYD_OK);
    assert_int_equal(stat(lab_path("state.json"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(state_load(lab_path("."), state.zone.wire, &again, NULL), KEYD_OK);
    assert_string_equal(again.zone_file, state.zone_file);
    assert_string_equal(again.from_server, "2001:db8::1#53");
    assert_string_equal(again.tsig_file, "/z/key");
    assert_string_equal(again.reload, "");
    assert_int_equal(again.serial, UINT32_MAX);
    assert_int_equal(again.enabled_ms, state.enabled_ms);
    assert_int_equal(again.signed_ms, 0);
    assert_int_equal(again.key_count, 2);
    assert_true(dnskey_equal(&state_ksk(&again)->dnskey, &state.keys[0].dnskey));
    assert_string_equal(state_ksk(&again)->key_id, state.keys[0].key_id);
    assert_string_equal(state_zsk(&again)->file, state.keys[1].file);
    assert_int_equal(again.keys[1].created_ms, state.keys[1].created_ms);
}

static enum keyd_status load(const char *text, struct keyd_error *err)
{
    struct zone_state state;
    lab_file("state.json", text);
    return state_load(lab_path("."), lab_name("example.org").wire, &state, err);
}

static void another_version_is_left_alone(void **test)
{
    (void)test;
    static const char newer[] = "{\"version\": 2, \"keys\": \"elsewhere\"}";
    struct keyd_error err;
    char *data = NULL;
    size_t size = 0;
    assert_int_equal(load(newer, &err), KEYD_FAILED_PRECONDITION);
    assert_string_equal(err.reason, "STATE_VERSION");
    assert_non_null(strstr(err.message, "has version 2, this keyd-dnssec knows version 1"));
    assert_int_equal(file_read(lab_path("state.json"), 1000, &data, &size, NULL), KEYD_OK);
    assert_string_equal(data, newer);
    free(data);
}

/* How the zone is signed, and the keys of others in it. */
static void round_trip_of_signing(void **test)
{
    (void)test;
    struct zone_state state = sample();
    struct zone_state again;
    state.denial = (struct denial){.kind = DENIAL_NSEC3, .opt_out = true};
    state.serial_policy = SERIAL_DATE;
    state.zonemd = true;
    state.jitter = STATE_JITTER_MAX;
    state.drop_outside = true;
    state.other_count = STATE_OTHERS_MAX;
    for (size_t i = 0; i < STATE_OTHERS_MAX; i++) {
        state.others[i] = (struct dnskey){.flags = DNSKEY_KSK, .algorithm = 13, .length = 64};
        memset(state.others[i].key, 3 + (int)i, 64);
    }
    assert_int_equal(state_save(lab_path("."), &state, NULL), KEYD_OK);
    assert_int_equal(state_load(lab_path("."), state.zone.wire, &again, NULL), KEYD_OK);
    assert_int_equal(again.denial.kind, DENIAL_NSEC3);
    assert_true(again.denial.opt_out);
    assert_int_equal(again.serial_policy, SERIAL_DATE);
    assert_true(again.zonemd);
    assert_int_equal(again.jitter, STATE_JITTER_MAX);
    assert_true(again.drop_outside);
    assert_int_equal(again.other_count, STATE_OTHERS_MAX);
    for (size_t i = 0; i < STATE_OTHERS_MAX; i++)
        assert_true(dnskey_equal(&again.others[i], &state.others[i]));

    state.jitter++;
    assert_int_equal(state_save(lab_path("."), &state, NULL), KEYD_OK);
    assert_int_equal(state_load(lab_path("."), state.zone.wire, &again, NULL), KEYD_DATA_LOSS);
}

/* The saved sample with one thing changed. */
static void expect_damage(const char *from, const char *to, const char *member)
{
    char changed[4096];
    char wanted[64];
    char *data = NULL;
    size_t size = 0;
    struct keyd_error err;
    struct zone_state state = sample();
    assert_int_equal(state_save(lab_path("."), &state, NULL), KEYD_OK);
    assert_int_equal(file_read(lab_path("state.json"), 4000, &data, &size, NULL), KEYD_OK);
    char *at = strstr(data, from);
    assert_non_null(at);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - data), data, to, at + strlen(from));
    free(data);
    assert_int_equal(load(changed, &err), KEYD_DATA_LOSS);
    snprintf(wanted, sizeof wanted, "'%s' is missing or damaged", member);
    assert_non_null(strstr(err.message, wanted));
}

static void damage_is_told(void **test)
{
    (void)test;
    struct keyd_error err;
    assert_int_equal(load("{", &err), KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "state.json:1: "));
    assert_int_equal(load("[]", &err), KEYD_DATA_LOSS);
    expect_damage("\"zonemd\": false", "\"zonemd\": 1", "zonemd");
    expect_damage("\"other_keys\": []", "\"other_keys\": {}", "other_keys");
    expect_damage("\"other_keys\": []", "\"other_keys\": [{\"flags\": 257}]", "public_key");
    expect_damage("\"version\": 1", "\"version\": \"1\"", "version");
    expect_damage("example.org.", "example.com.", "zone");
    expect_damage("\"key_tag\": ", "\"key_tag\": 1", "public_key");
    expect_damage("\"public_key\": \"AQ", "\"public_key\": \"AR", "public_key");
    expect_damage("4294967295", "4294967296", "serial");
    expect_damage("\"keys\": [", "\"keys\": {}, \"k\": [", "keys");
    expect_damage("\"alias\"", "\"alibi\"", "alias");
    expect_damage("2026-11-24T08:31:02.000Z", "yesterday", "enabled");
    expect_damage("\"algorithm\": 13", "\"algorithm\": 5", "algorithm");
    expect_damage("\"algorithm\": 13", "\"algorithm\": 15", "algorithm"); /* not the keys' */
    expect_damage("\"key_size\": 0", "\"key_size\": 2048", "key_size");
    expect_damage("\"key_size\": 0", "\"key_size\": 9999", "key_size");
    expect_damage("Kexample", "../Kexample", "public_key");
}

static void cut_line(char *text, const char *start)
{
    char *at = strstr(text, start);
    assert_non_null(at);
    char *end = strchr(at, '\n');
    memmove(at, end + 1, strlen(end + 1) + 1);
}

/* As it was written when there was algorithm 13 alone. */
static void an_older_file_is_read(void **test)
{
    (void)test;
    char *data = NULL;
    size_t size = 0;
    struct zone_state state = sample();
    assert_int_equal(state_save(lab_path("."), &state, NULL), KEYD_OK);
    assert_int_equal(file_read(lab_path("state.json"), 4000, &data, &size, NULL), KEYD_OK);
    cut_line(data, "  \"algorithm\": ");
    cut_line(data, "  \"key_size\": ");
    lab_file("state.json", data);
    free(data);
    assert_int_equal(state_load(lab_path("."), lab_name("example.org").wire, &state, NULL),
                     KEYD_OK);
    assert_int_equal(state.algorithm, 13);
    assert_int_equal(state.key_size, 0);
    assert_int_equal(state.key_count, 2);
    assert_int_equal(state_ksk(&state)->dnskey.algorithm, 13);
}

static void a_public_key_has_its_algorithms_form(void **test)
{
    (void)test;
    struct keyd_error err;
    struct zone_state state = sample();
    struct dname zone = state.zone;
    state.algorithm = 14; /* the keys have 64 bytes, P-384's have 96 */
    state.keys[0].dnskey.algorithm = 14;
    state.keys[1].dnskey.algorithm = 14;
    assert_int_equal(state_save(lab_path("."), &state, NULL), KEYD_OK);
    assert_int_equal(state_load(lab_path("."), zone.wire, &state, &err), KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "'public_key' is missing or damaged"));
}

static void what_was_asked_for_is_kept(void **test)
{
    (void)test;
    struct zone_state state = sample();
    state.key_count = 0;
    state.algorithm = 10;
    state.key_size = 3072;
    assert_int_equal(state_save(lab_path("."), &state, NULL), KEYD_OK);
    assert_int_equal(state_load(lab_path("."), lab_name("example.org").wire, &state, NULL),
                     KEYD_OK);
    assert_int_equal(state.algorithm, 10);
    assert_int_equal(state.key_size, 3072);
}

static void a_missing_one_says_what_to_do(void **test)
{
    (void)test;
    struct keyd_error err;
    struct zone_state state;
    assert_int_equal(state_load(lab_path("none"), lab_name("example.org").wire, &state, &err),
                     KEYD_FAILED_PRECONDITION);
    assert_string_equal(err.reason, "ZONE_NOT_ENABLED");
    assert_non_null(strstr(err.message, "run keyd-dnssec enable example.org --zone-file FILE"));
}

static void one_run_at_a_time(void **test)
{
    (void)test;
    int first = -1;
    int second = -1;
    struct keyd_error err;
    assert_int_equal(state_lock(lab_path("."), &first, NULL), KEYD_OK);
    assert_int_equal(state_lock(lab_path("."), &second, &err), KEYD_ABORTED);
    assert_string_equal(err.reason, "ZONE_BUSY");
    close(first);
    assert_int_equal(state_lock(lab_path("."), &second, NULL), KEYD_OK);
    close(second);
}

static void folders_are_named_after_zones(void **test)
{
    (void)test;
    char path[PATH_MAX];
    assert_int_equal(state_folder("/s", lab_name("Example.ORG").wire, path, NULL), KEYD_OK);
    assert_string_equal(path, "/s/example.org");
    assert_int_equal(state_folder("/s", lab_name(".").wire, path, NULL), KEYD_OK);
    assert_string_equal(path, "/s/%root");
    assert_int_equal(state_folder("/s", lab_name("\\/etc").wire, path, NULL), KEYD_OK);
    assert_string_equal(path, "/s/%2Fetc");
}

/* ---- Waits ---------------------------------------------------------------------------------- */

static void waits_follow_from_the_ttls(void **test)
{
    (void)test;
    struct zone_ttls ttls;
    struct wait waits[WAITS_MAX];
    struct zone *zone = lab_zone("example.org", "@ 900 SOA ns1 h 1 2 3 4 7200\n"
                                                "@ 3600 NS ns1\n"
                                                "old 86400 A 192.0.2.1\n");
    zone_ttls(zone, &ttls);
    assert_int_equal(ttls.largest, 86400);
    assert_string_equal(ttls.largest_owner, "old.example.org.");
    assert_int_equal(ttls.largest_type, TYPE_A);
    assert_int_equal(ttls.minimum, 7200);

    size_t count = waits_after(&ttls, 86400, 5, "example.org", 1000, waits);
    assert_int_equal(count, 4);
    assert_int_equal(waits[0].not_before, 1000);
    assert_string_equal(waits[0].step, "see that all name servers serve serial 5");
    assert_int_equal(waits[1].not_before, 1000 + 86400);
    assert_string_equal(waits[1].step, "give the parent the DS: keyd-dnssec ds example.org");
    assert_int_equal(waits[2].not_before, 1000 + 86400 + 3600);
    assert_int_equal(waits[3].not_before, 1000 + 86400 + 3600 + 86400);

    count = waits_before(&ttls, 1000, waits);
    assert_int_equal(count, 2);
    assert_int_equal(waits[1].not_before, 1000 + 86400);
    zone_free(zone);
}

static void short_ttls_need_no_preparation(void **test)
{
    (void)test;
    struct zone_ttls ttls;
    struct wait waits[WAITS_MAX];
    struct zone *zone = lab_zone("example.org", "@ 300 SOA ns1 h 1 2 3 4 300\n@ 3600 NS ns1\n");
    zone_ttls(zone, &ttls);
    assert_int_equal(waits_before(&ttls, 1000, waits), 0);
    zone_free(zone);
}

static void expect_ttl(const char *text, uint32_t wanted)
{
    uint32_t seconds = 1;
    assert_true(ttl_parse(text, strlen(text), &seconds));
    assert_int_equal(seconds, wanted);
}

static void ttls_have_units(void **test)
{
    (void)test;
    char text[TTL_TEXT];
    uint32_t seconds;
    expect_ttl("0", 0);
    expect_ttl("1w2D3h4m5s", 788645);
    expect_ttl("4294967295", UINT32_MAX);
    assert_false(ttl_parse("4294967296", 10, &seconds));
    assert_false(ttl_parse("1x", 2, &seconds));
    assert_false(ttl_parse("h", 1, &seconds));
    assert_false(ttl_parse("", 0, &seconds));
    ttl_format(86400, text);
    assert_string_equal(text, "1 day");
    ttl_format(5400, text);
    assert_string_equal(text, "1 hour 30 minutes");
    ttl_format(100000, text);
    assert_string_equal(text, "100000 seconds");
    ttl_format(0, text);
    assert_string_equal(text, "0 seconds");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(round_trip_of_signing),
        cmocka_unit_test(another_version_is_left_alone),
        cmocka_unit_test(damage_is_told),
        cmocka_unit_test(an_older_file_is_read),
        cmocka_unit_test(a_public_key_has_its_algorithms_form),
        cmocka_unit_test(what_was_asked_for_is_kept),
        cmocka_unit_test(a_missing_one_says_what_to_do),
        cmocka_unit_test(one_run_at_a_time),
        cmocka_unit_test(folders_are_named_after_zones),
        cmocka_unit_test(waits_follow_from_the_ttls),
        cmocka_unit_test(short_ttls_need_no_preparation),
        cmocka_unit_test(ttls_have_units),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
