/* SPDX-License-Identifier: BSD-2-Clause
 * The verifier: a signed zone with one thing wrong in it is refused, and the message names the
 * place. Each kind of damage is a row of a table; then every line of the zone is dropped and bent.
 */
#include <stdlib.h>
#include <string.h>

#include "client/dns/rrtype.h"
#include "client/dnssec/pieces.h"
#include "tests/cmocka.h"
#include "tests/dnssec/lab.h"
#include "tests/dnssec/verifying.h"

static void accepts_what_was_signed(void **state)
{
    (void)state;
    struct keyd_error err;
    struct verified verified;
    struct verifying v = begin((struct denial){0});
    if (judge(&v, v.text, NOW, v.zone, &verified, &err) != KEYD_OK)
        fail_msg("%s", err.message);
    assert_int_equal(verified.serial, 8);
    assert_int_equal(verified.expiration, NOW + 86400);
    assert_int_equal(verified.checked, verified.signatures);
    assert_int_equal(verified.signatures, 17);
    end(&v);
}

/* ---- One thing wrong ------------------------------------------------------------------------ */

#define A     "ns1.example.org.\t3600\tIN\tA\t"
#define A_SIG "ns1.example.org.\t3600\tIN\tRRSIG\tA "
#define NSEC  "ns1.example.org.\t300\tIN\tNSEC\t"
#define BOGUS "the signature by key #Z is bad"

static const struct damage damages[] = {
    /* One RRSIG. */
    {"another record", {{A, ".1", ".66"}}, .wanted = "ns1.example.org. A: " BOGUS, .at = A_SIG},
    {"expired",
     {{A_SIG, "20261125083102", "20261124083102"}},
     .wanted = "ns1.example.org. A: its RRSIG has expired: sign the zone again (keyd-dnssec sign)"},
    {"not valid yet",
     {{A_SIG, "20261124073102", "20261124083103"}},
     .wanted = "ns1.example.org. A: its RRSIG is not valid yet: compare this host's clock"},
    {"longer than it was signed",
     {{A_SIG, "20261125083102", "20271125083102"}},
     .wanted = "ns1.example.org. A: " BOGUS},
    {"wrong signer",
     {{A_SIG, " example.org. ", " org. "}},
     .wanted = "ns1.example.org. A: its RRSIG names another signer"},
    {"wrong labels",
     {{A_SIG, " 13 3 ", " 13 2 "}},
     .wanted = "ns1.example.org. A: its RRSIG says 2 labels",
     .at = A_SIG},
    {"wrong original TTL",
     {{A_SIG, " 3600 ", " 60 "}},
     .wanted = "ns1.example.org. A: TTL 3600, but its RRSIG says 60"},
    {"wrong algorithm",
     {{A_SIG, " 13 3 ", " 14 3 "}},
     .wanted = "ns1.example.org. A: signed by key #Z, which the zone does not have"},
    {"a key that is not there",
     {{A_SIG, " #Z ", " #X "}},
     .wanted = "ns1.example.org. A: signed by key #X, which the zone does not have"},
    {"the KSK in the ZSK's place",
     {{A_SIG, NULL, NULL}},
     "ns1.example.org.",
     TYPE_A,
     'K',
     .wanted = "ns1.example.org. A: signed by a KSK, a ZSK must sign it"},

    /* TTLs. */
    {"TTL of a record",
     {{A, "3600", "3601"}},
     .wanted = "ns1.example.org. A: its RRSIG has TTL "
               "3600, it has 3601",
     .at = A_SIG},
    {"TTL of record and RRSIG",
     {{A, "3600", "60"}, {A_SIG, "\t3600\t", "\t60\t"}},
     .wanted = "ns1.example.org. A: TTL 60, but its RRSIG says 3600"},
    {"TTL of one record of two",
     {{"example.org.\t3600\tIN\tNS\tns1", "3600", "3601"}},
     .wanted = "example.org. NS: its records have different TTLs"},
    {"TTL changed and signed",
     {{A, "3600", "60"}, {A_SIG, NULL, NULL}},
     "ns1.example.org.",
     TYPE_A,
     'Z',
     .wanted = "ns1.example.org. A: differs from the unsigned zone"},
    {"TTL of an NSEC",
     {{NSEC, "300", "3600"}, {"ns1.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     "ns1.example.org.",
     TYPE_NSEC,
     'Z',
     .wanted = "ns1.example.org. NSEC: TTL 3600, RFC 9077 wants 300"},

    /* RRSIGs that are not there. */
    {"SOA not signed",
     {{"example.org.\t7200\tIN\tRRSIG\tSOA", NULL, NULL}},
     .wanted = "example.org. SOA: not signed"},
    {"NS not signed",
     {{"example.org.\t3600\tIN\tRRSIG\tNS ", NULL, NULL}},
     .wanted = "example.org. NS: not signed"},
    {"DNSKEY not signed",
     {{"example.org.\t600\tIN\tRRSIG\tDNSKEY", NULL, NULL}},
     .wanted = "example.org. DNSKEY: not signed by the KSK #K"},
    {"a set not signed", {{A_SIG, NULL, NULL}}, .wanted = "ns1.example.org. A: not signed"},
    {"an NSEC not signed",
     {{"ns1.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     .wanted = "ns1.example.org. NSEC: not signed"},
    {"a DS not signed",
     {{"sub.example.org.\t3600\tIN\tRRSIG\tDS", NULL, NULL}},
     .wanted = "sub.example.org. DS: not signed"},
    {"signed, but not there",
     {{A, NULL, NULL}},
     .wanted = "ns1.example.org. A: there is an RRSIG for it, but no such record"},

    /* RRSIGs that must not be there. */
    {"glue signed",
     {{NULL}},
     "ns.sub.example.org.",
     TYPE_A,
     'Z',
     .wanted = "ns.sub.example.org. A: signed, though it is not this zone's to sign",
     .at = "ns.sub.example.org.\t3600\tIN\tRRSIG\tA "},
    {"NS of a delegation signed",
     {{NULL}},
     "sub.example.org.",
     TYPE_NS,
     'Z',
     .wanted = "sub.example.org. NS: signed, though it is not this zone's to sign"},

    /* The chain; all signatures good. */
    {"NSEC missing",
     {{NSEC, NULL, NULL}, {"ns1.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     .wanted = "ns1.example.org. NSEC: missing"},
    {"NSEC that passes over a name",
     {{NSEC, "ns2.", "sub."}, {"ns1.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     "ns1.example.org.",
     TYPE_NSEC,
     'Z',
     .wanted = "ns2.example.org. NSEC: the NSEC before it leads elsewhere: the chain is broken"},
    {"NSEC that leads nowhere",
     {{NSEC, "ns2.", "ns3."}, {"ns1.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     "ns1.example.org.",
     TYPE_NSEC,
     'Z',
     .wanted = "ns2.example.org. NSEC: the NSEC before it leads elsewhere: the chain is broken"},
    {"the last NSEC not back to the apex",
     {{"z.example.org.\t300\tIN\tNSEC", "example.org. MX", "zz.example.org. MX"},
      {"z.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     "z.example.org.",
     TYPE_NSEC,
     'Z',
     .wanted = "z.example.org. NSEC: the last NSEC does not lead back to the apex"},
    {"two NSECs at a name",
     {{NULL, NULL, "ns1.example.org.\t300\tIN\tNSEC\tsub.example.org. A RRSIG NSEC\n"},
      {"ns1.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     "ns1.example.org.",
     TYPE_NSEC,
     'Z',
     .wanted = "ns1.example.org. NSEC: more than one"},
    {"a type missing in a bitmap",
     {{NSEC, " A ", " "}, {"ns1.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     "ns1.example.org.",
     TYPE_NSEC,
     'Z',
     .wanted = "ns1.example.org. NSEC: its bitmap does not name the types that are there"},
    {"a type too many in a bitmap",
     {{NSEC, " A ", " A AAAA "}, {"ns1.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     "ns1.example.org.",
     TYPE_NSEC,
     'Z',
     .wanted = "ns1.example.org. NSEC: its bitmap does not name the types that are there"},
    {"glue in the bitmap of a delegation",
     {{"sub.example.org.\t300\tIN\tNSEC", " NS ", " A NS "},
      {"sub.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     "sub.example.org.",
     TYPE_NSEC,
     'Z',
     .wanted = "sub.example.org. NSEC: its bitmap does not name the types that are there"},
    {"an NSEC at an empty non-terminal",
     {{"example.org.\t300\tIN\tNSEC", "a.b.c.", "c."},
      {"example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL},
      {NULL, NULL, "c.example.org.\t300\tIN\tNSEC\ta.b.c.example.org. RRSIG NSEC\n"},
      {NULL, NULL,
       "c.example.org.\t300\tIN\tRRSIG\tNSEC 13 3 300 20261125083102 20261124073102 #Z "
       "example.org. AAAA\n"}},
     "example.org.",
     TYPE_NSEC,
     'Z',
     .wanted = "c.example.org. NSEC: at a name that has no other records"},
    {"an NSEC below a delegation",
     {{NULL, NULL, "ns.sub.example.org.\t300\tIN\tNSEC\tunsec.example.org. A RRSIG NSEC\n"}},
     .wanted = "ns.sub.example.org. NSEC: below a delegation, where no NSEC may be"},
    {"a name taken out whole",
     {{A, NULL, NULL},
      {A_SIG, NULL, NULL},
      {NSEC, NULL, NULL},
      {"ns1.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     .wanted = "ns2.example.org. NSEC: the NSEC before it leads elsewhere: the chain is broken",
     .at = "ns2.example.org.\t300\tIN\tNSEC\t"},

    /* The content; all signatures good. */
    {"a further name",
     {{NULL, NULL, "new.example.org.\t60\tIN\tA\t192.0.2.9\n"}},
     .wanted = "new.example.org. A: not signed"},
    {"a further name, signed",
     {{NULL, NULL, "new.example.org.\t60\tIN\tA\t192.0.2.9\n"}},
     "new.example.org.",
     TYPE_A,
     'Z',
     .wanted = "new.example.org. NSEC: missing"},
    {"a further name below a delegation",
     {{NULL, NULL, "x.sub.example.org.\t60\tIN\tA\t192.0.2.9\n"}},
     .wanted = "x.sub.example.org. A: here, but not in the unsigned zone"},
    {"a further record, signed",
     {{NULL, NULL, A "192.0.2.9\n"}, {A_SIG, NULL, NULL}},
     "ns1.example.org.",
     TYPE_A,
     'Z',
     .wanted = "ns1.example.org. A: differs from the unsigned zone"},
    {"glue taken out",
     {{"ns.sub.example.org.\t3600\tIN\tA", NULL, NULL}},
     .wanted = "ns.sub.example.org. A: in the unsigned zone, but not here"},
    {"other glue",
     {{"ns.sub.example.org.\t3600\tIN\tA", "192.0.2.4", "192.0.2.66"}},
     .wanted = "ns.sub.example.org. A: differs from the unsigned zone"},
    {"a delegation that became insecure",
     {{"sub.example.org.\t3600\tIN\tDS", NULL, NULL},
      {"sub.example.org.\t3600\tIN\tRRSIG\tDS", NULL, NULL},
      {"sub.example.org.\t300\tIN\tNSEC", " DS ", " "},
      {"sub.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     "sub.example.org.",
     TYPE_NSEC,
     'Z',
     .wanted = "sub.example.org. DS: in the unsigned zone, but not here"},
    {"a serial that goes back",
     {{"example.org.\t7200\tIN\tSOA", " 8 2 ", " 7 2 "},
      {"example.org.\t7200\tIN\tRRSIG\tSOA", NULL, NULL}},
     "example.org.",
     TYPE_SOA,
     'Z',
     .wanted = "example.org. SOA: serial 7, it should be 8"},
    {"another SOA",
     {{"example.org.\t7200\tIN\tSOA", " 8 2 ", " 8 3 "},
      {"example.org.\t7200\tIN\tRRSIG\tSOA", NULL, NULL}},
     "example.org.",
     TYPE_SOA,
     'Z',
     .wanted = "example.org. SOA: differs from the unsigned zone"},
    {"no NS at the apex",
     {{"example.org.\t3600\tIN\tNS\tNS2", NULL, NULL},
      {"example.org.\t3600\tIN\tNS\tns1", NULL, NULL}},
     .wanted = "example.org. NS: missing"},

    /* The keys. */
    {"no ZSK",
     {{"example.org.\t600\tIN\tDNSKEY\t256", NULL, NULL},
      {"example.org.\t600\tIN\tRRSIG\tDNSKEY", NULL, NULL}},
     "example.org.",
     TYPE_DNSKEY,
     'K',
     .wanted = "example.org. DNSKEY: 1 keys, 2 should be there"},
    {"a third key",
     {{NULL, NULL, "example.org.\t600\tIN\tDNSKEY\t257 3 13 AAAA\n"},
      {"example.org.\t600\tIN\tRRSIG\tDNSKEY", NULL, NULL}},
     "example.org.",
     TYPE_DNSKEY,
     'K',
     .wanted = "example.org. DNSKEY: 3 keys, 2 should be there"},
    {"a KSK that the DS does not cover",
     {{"example.org.\t600\tIN\tDNSKEY\t257", NULL,
       "example.org.\t600\tIN\tDNSKEY\t257 3 13 AAAA\n"},
      {"example.org.\t600\tIN\tRRSIG\tDNSKEY", NULL, NULL}},
     "example.org.",
     TYPE_DNSKEY,
     'K',
     .wanted = "example.org. DNSKEY: the key #K is missing"},
    {"a ZSK as KSK",
     {{"example.org.\t600\tIN\tDNSKEY\t256", "256", "257"},
      {"example.org.\t600\tIN\tRRSIG\tDNSKEY", NULL, NULL}},
     "example.org.",
     TYPE_DNSKEY,
     'K',
     .wanted = "example.org. DNSKEY: the key #Z is missing"},
    {"DNSKEY signed by the ZSK alone",
     {{"example.org.\t600\tIN\tRRSIG\tDNSKEY", NULL, NULL}},
     "example.org.",
     TYPE_DNSKEY,
     'Z',
     .wanted = "example.org. DNSKEY: not signed by the KSK #K"},
    {"DNSKEY signed by the ZSK too",
     {{NULL}},
     "example.org.",
     TYPE_DNSKEY,
     'Z',
     .wanted = "example.org. DNSKEY: signed by a ZSK, a KSK must sign it"},
};

static void each_damage_is_refused_and_its_place_named(void **state)
{
    (void)state;
    struct verifying v = begin((struct denial){0});
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++)
        expect_refused(&v, &damages[i]);
    end(&v);
}

/* ---- In a large file ------------------------------------------------------------------------ */

#define NAMES 800 /* the text goes over several pieces (pieces.h) */

static struct verifying begin_large(struct denial denial)
{
    struct verifying v = begin(denial);
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    fputs("$TTL 60\n@ SOA ns1 hostmaster 7 2 3 4 300\n@ NS ns1\n", file);
    for (unsigned i = 0; i < NAMES; i++)
        fprintf(file, "h%04u A 192.0.2.1\n", i);
    fclose(file);
    zone_free(v.zone);
    free(v.text);
    v.zone = lab_zone("example.org", text);
    v.text = sign_denying(v.zone, v.keys, NOW, denial, 0);
    free(text);
    return v;
}

/* A line of a type, up to that type, into begins; its owner. From somewhere in the text on, or the
 * last one. */
static void line_from(const struct verifying *v, const char *at, const char *type, char begins[300],
                      char owner[300])
{
    const char *found = strstr(v->text, type);
    for (const char *next = found; next != NULL && found < at; next = strstr(next + 1, type))
        found = next;
    const char *line = found;
    while (line[-1] != '\n')
        line--;
    snprintf(begins, 300, "%.*s", (int)(found - line + (ptrdiff_t)strlen(type)), line);
    snprintf(owner, 300, "%.*s", (int)strcspn(line, "\t"), line);
}

/* One thing wrong behind such a part of the text. */
static void expect_lines_from(const struct verifying *v, const char *at)
{
    char begins[300];
    char owner[300];
    char wanted[600];
    bool hashed = v->denial.kind == DENIAL_NSEC3;
    struct damage damage = {.wanted = wanted, .at = begins};

    damage.what = "a signature";
    line_from(v, at, "\tRRSIG\tA ", begins, owner);
    damage.changes[0] = (struct change){begins, "202611", "202612"};
    snprintf(wanted, sizeof wanted, "%s A: " BOGUS, owner);
    expect_refused(v, &damage);

    damage.what = "a missing signature";
    line_from(v, at, "\tA\t", begins, owner);
    char rrsig[330];
    snprintf(rrsig, sizeof rrsig, "%s\t60\tIN\tRRSIG\tA ", owner);
    damage.changes[0] = (struct change){.line = rrsig};
    snprintf(wanted, sizeof wanted, "%s A: not signed", owner);
    expect_refused(v, &damage);

    damage.what = "a missing signature, and a record that is not in its place";
    damage.changes[1] = (struct change){.to = "h0000.example.org.\t60\tIN\tA\t192.0.2.1\n"};
    expect_refused(v, &damage);
    damage.changes[1] = (struct change){0};

    damage.what = "a bitmap";
    line_from(v, at, hashed ? "\tNSEC3\t" : "\tNSEC\t", begins, owner);
    snprintf(rrsig, sizeof rrsig, "%s\t60\tIN\tRRSIG\tNSEC", owner);
    damage.changes[0] = (struct change){begins, " A RRSIG", " A AAAA RRSIG"};
    damage.changes[1] = (struct change){.line = rrsig};
    damage.again = owner;
    damage.type = hashed ? TYPE_NSEC3 : TYPE_NSEC;
    damage.by = 'Z';
    snprintf(wanted, sizeof wanted, hashed ? "%s NSEC3: %s at its name" : "%s NSEC: %s there",
             owner, "its bitmap does not name the types that are");
    expect_refused(v, &damage);
}

static void names_the_line_in_a_large_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct verifying v =
            begin_large((struct denial){.kind = i == 0 ? DENIAL_NSEC : DENIAL_NSEC3});
        size_t length = strlen(v.text);
        assert_true(length > 4 * PIECES_SIZE);
        expect_lines_from(&v, v.text + length / 2);
        expect_lines_from(&v, v.text + length - length / 20);
        end(&v);
    }
}

/* ---- Every line ----------------------------------------------------------------------------- */

static void every_line_counts(void **state)
{
    (void)state;
    struct verifying v = begin((struct denial){0});
    size_t lines = 0;
    for (const char *line = v.text; *line != '\0'; line = strchr(line, '\n') + 1, lines++) {
        for (enum bend how = 0; how < BENDS; how++) {
            struct keyd_error err;
            struct verified verified;
            char *text = bend(v.text, line, how);
            if (judge(&v, text, NOW, v.zone, &verified, &err) == KEYD_OK)
                fail_msg("bent in way %d and not seen: %.60s", how, line);
            free(text);
        }
    }
    assert_int_equal(lines, 42);
    end(&v);
}

/* Every character of one RRSIG's signature. */
static void every_byte_of_a_signature_counts(void **state)
{
    (void)state;
    struct verifying v = begin((struct denial){0});
    char *at = strchr(find_line(v.text, A_SIG), '\n');
    for (size_t i = 3; i < 88; i++) { /* before the last digit, whose low bits are padding */
        struct keyd_error err;
        struct verified verified;
        char kept = at[-(ptrdiff_t)i - 1];
        at[-(ptrdiff_t)i - 1] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(judge(&v, v.text, NOW, v.zone, &verified, &err), KEYD_DATA_LOSS);
        at[-(ptrdiff_t)i - 1] = kept;
    }
    end(&v);
}

/* ---- All in all ----------------------------------------------------------------------------- */

/* Damage that leaves all signatures good: what only the chain and the content can show. */
static void sees_what_is_missing_of_the_zone_file(void **state)
{
    (void)state;
    struct verifying v = begin((struct denial){0});
    struct zone *less = lab_zone("example.org", "@ 7200 SOA ns1 hostmaster 7 2 3 4 300\n"
                                                "@ 3600 NS ns1\n@ 3600 NS ns2\n"
                                                "ns1 3600 A 192.0.2.1\n");
    char *text = sign_with(less, v.keys, NOW);
    struct keyd_error err;
    struct verified verified;
    assert_int_equal(judge(&v, text, NOW, NULL, &verified, &err), KEYD_OK);
    assert_int_equal(judge(&v, text, NOW, v.zone, &verified, &err), KEYD_DATA_LOSS);
    zone_free(less);
    free(text);
    end(&v);
}

static void sees_wrong_times_keys_and_serials(void **state)
{
    (void)state;
    struct keyd_error err;
    struct verified verified;
    struct verifying v = begin((struct denial){0});
    assert_int_equal(judge(&v, v.text, NOW + 86400, v.zone, &verified, &err), KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "its RRSIG has expired"));
    assert_int_equal(judge(&v, v.text, NOW + 86399, v.zone, &verified, &err), KEYD_OK);
    assert_int_equal(judge(&v, v.text, NOW - 3600, v.zone, &verified, &err), KEYD_OK);
    assert_int_equal(judge(&v, v.text, NOW - 3601, v.zone, &verified, &err), KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "not valid yet"));

    struct verifying other = begin((struct denial){0});
    assert_int_equal(judge(&v, other.text, NOW, v.zone, &verified, &err), KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "DNSKEY: the key"));
    end(&other);

    struct dns_signer ksk = v.keys->signers[0];
    v.keys->signers[0] = v.keys->signers[1];
    char *text = sign_with(v.zone, v.keys, NOW);
    assert_int_equal(judge(&v, text, NOW, v.zone, &verified, &err), KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "DNSKEY: not signed by the KSK"));
    v.keys->signers[0] = ksk;
    free(text);
    end(&v);
}

/* A ZSK of another algorithm than the KSK: no set is signed with both. */
static void every_algorithm_must_sign(void **state)
{
    (void)state;
    struct keyd_error err;
    struct verified verified;
    struct verifying v = begin((struct denial){0});
    struct keys *same = v.keys;
    v.keys = make_keys_of(13, 15);
    char *text = sign_with(v.zone, v.keys, NOW);
    assert_int_equal(judge(&v, text, NOW, v.zone, &verified, &err), KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "not signed with algorithm 1"));
    free_keys(v.keys);
    v.keys = same;
    free(text);
    end(&v);
}

static void accepts_each_algorithm(void **state)
{
    (void)state;
    const struct dnssec_algorithm *row = NULL;
    for (size_t i = 0; (row = dnssec_algorithm_at(i)) != NULL; i++) {
        struct keyd_error err = {.message = ""};
        struct verified verified;
        struct verifying v = begin((struct denial){0});
        struct keys *first = v.keys;
        v.keys = make_keys_of(row->number, row->number);
        char *text = sign_with(v.zone, v.keys, NOW);
        enum keyd_status status = judge(&v, text, NOW, v.zone, &verified, &err);
        if (status != KEYD_OK)
            fail_msg("%s: %s", row->mnemonic, err.message);
        assert_int_equal(verified.checked, verified.signatures);
        assert_true(verified.checked > 10);
        free_keys(v.keys);
        v.keys = first;
        free(text);
        end(&v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_was_signed),
        cmocka_unit_test(each_damage_is_refused_and_its_place_named),
        cmocka_unit_test(names_the_line_in_a_large_file),
        cmocka_unit_test(every_line_counts),
        cmocka_unit_test(every_byte_of_a_signature_counts),
        cmocka_unit_test(sees_what_is_missing_of_the_zone_file),
        cmocka_unit_test(sees_wrong_times_keys_and_serials),
        cmocka_unit_test(every_algorithm_must_sign),
        cmocka_unit_test(accepts_each_algorithm),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
