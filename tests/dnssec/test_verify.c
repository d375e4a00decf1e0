/* SPDX-License-Identifier: BSD-2-Clause
 * The verifier: a signed zone with one thing wrong in it is refused, and the message names the
 * place. Each kind of damage is a row of a table; then every line of the zone is dropped and bent.
 */
#include <stdlib.h>
#include <string.h>

#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"
#include "client/dns/zonefile.h"
#include "client/dnssec/rrsig.h"
#include "client/dnssec/verify.h"
#include "tests/cmocka.h"
#include "tests/dnssec/keys.h"
#include "tests/dnssec/lab.h"

struct verifying {
    struct keys *keys;
    struct zone *zone;
    char *text; /* of the signed zone */
};

static struct verifying begin(void)
{
    struct verifying v = {.keys = make_keys(), .zone = lab_zone("example.org", zone_text)};
    v.text = sign_with(v.zone, v.keys, NOW);
    return v;
}

static void end(struct verifying *v)
{
    free(v->text);
    zone_free(v->zone);
    free_keys(v->keys);
}

static enum keyd_status judge(const struct verifying *v, const char *text, int64_t now,
                              const struct zone *zone, struct verified *verified,
                              struct keyd_error *err)
{
    struct dname apex = lab_name("example.org");
    const uint32_t serial = 8;
    const struct verification verification = {.apex = apex.wire,
                                              .dnskeys = v->keys->dnskeys,
                                              .dnskey_count = 2,
                                              .unsigned_zone = zone,
                                              .serial = &serial,
                                              .now = now,
                                              .mode = VERIFY_FULL};
    *err = (struct keyd_error){.message = "it passed"};
    return verify_file(lab_file("signed.zone", text), &verification, verified, err);
}

static void accepts_what_was_signed(void **state)
{
    (void)state;
    struct keyd_error err;
    struct verified verified;
    struct verifying v = begin();
    if (judge(&v, v.text, NOW, v.zone, &verified, &err) != KEYD_OK)
        fail_msg("%s", err.message);
    assert_int_equal(verified.serial, 8);
    assert_int_equal(verified.expiration, NOW + 86400);
    assert_int_equal(verified.checked, verified.signatures);
    assert_int_equal(verified.signatures, 17);
    end(&v);
}

/* ---- One thing wrong ------------------------------------------------------------------------ */

/* A change of the line that begins so: another text for a part of it; without `from` a line in its
 * place, or none; without `line` a further line. In all texts #K and #Z are the tags of KSK and
 * ZSK, #X is one that no key has. */
struct change {
    const char *line;
    const char *from;
    const char *to;
};

struct damage {
    const char *what;
    struct change changes[4];
    const char *again; /* owner of a set to sign once more after the changes; NULL: none */
    uint16_t type;     /* of that set */
    char by;           /* 'K' or 'Z' */
    const char *wanted;
};

#define A     "ns1.example.org.\t3600\tIN\tA\t"
#define A_SIG "ns1.example.org.\t3600\tIN\tRRSIG\tA "
#define NSEC  "ns1.example.org.\t300\tIN\tNSEC\t"
#define BOGUS "the signature by key #Z is bad"

static const struct damage damages[] = {
    /* One RRSIG. */
    {"another record", {{A, ".1", ".66"}}, .wanted = "ns1.example.org. A: " BOGUS},
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
     .wanted = "ns1.example.org. A: its RRSIG says 2 labels"},
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
     "ns1.example.org. A: signed by a KSK, a ZSK must sign it"},

    /* TTLs. */
    {"TTL of a record",
     {{A, "3600", "3601"}},
     .wanted = "ns1.example.org. A: its RRSIG has TTL "
               "3600, it has 3601"},
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
     "ns1.example.org. A: differs from the zone file"},
    {"TTL of an NSEC",
     {{NSEC, "300", "3600"}, {"ns1.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     "ns1.example.org.",
     TYPE_NSEC,
     'Z',
     "ns1.example.org. NSEC: TTL 3600, RFC 9077 wants 300"},

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
     "ns.sub.example.org. A: signed, though it is not this zone's to sign"},
    {"NS of a delegation signed",
     {{NULL}},
     "sub.example.org.",
     TYPE_NS,
     'Z',
     "sub.example.org. NS: signed, though it is not this zone's to sign"},

    /* The chain; all signatures good. */
    {"NSEC missing",
     {{NSEC, NULL, NULL}, {"ns1.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     .wanted = "ns1.example.org. NSEC: missing"},
    {"NSEC that passes over a name",
     {{NSEC, "ns2.", "sub."}, {"ns1.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     "ns1.example.org.",
     TYPE_NSEC,
     'Z',
     "ns2.example.org. NSEC: the NSEC before it leads elsewhere: the chain is broken"},
    {"NSEC that leads nowhere",
     {{NSEC, "ns2.", "ns3."}, {"ns1.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     "ns1.example.org.",
     TYPE_NSEC,
     'Z',
     "ns2.example.org. NSEC: the NSEC before it leads elsewhere: the chain is broken"},
    {"the last NSEC not back to the apex",
     {{"z.example.org.\t300\tIN\tNSEC", "example.org. MX", "zz.example.org. MX"},
      {"z.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     "z.example.org.",
     TYPE_NSEC,
     'Z',
     "z.example.org. NSEC: the last NSEC does not lead back to the apex"},
    {"two NSECs at a name",
     {{NULL, NULL, "ns1.example.org.\t300\tIN\tNSEC\tsub.example.org. A RRSIG NSEC\n"},
      {"ns1.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     "ns1.example.org.",
     TYPE_NSEC,
     'Z',
     "ns1.example.org. NSEC: more than one"},
    {"a type missing in a bitmap",
     {{NSEC, " A ", " "}, {"ns1.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     "ns1.example.org.",
     TYPE_NSEC,
     'Z',
     "ns1.example.org. NSEC: its bitmap does not name the types that are there"},
    {"a type too many in a bitmap",
     {{NSEC, " A ", " A AAAA "}, {"ns1.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     "ns1.example.org.",
     TYPE_NSEC,
     'Z',
     "ns1.example.org. NSEC: its bitmap does not name the types that are there"},
    {"glue in the bitmap of a delegation",
     {{"sub.example.org.\t300\tIN\tNSEC", " NS ", " A NS "},
      {"sub.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     "sub.example.org.",
     TYPE_NSEC,
     'Z',
     "sub.example.org. NSEC: its bitmap does not name the types that are there"},
    {"an NSEC below a delegation",
     {{NULL, NULL, "ns.sub.example.org.\t300\tIN\tNSEC\tunsec.example.org. A RRSIG NSEC\n"}},
     .wanted = "ns.sub.example.org. NSEC: below a delegation, where no NSEC may be"},
    {"a name taken out whole",
     {{A, NULL, NULL},
      {A_SIG, NULL, NULL},
      {NSEC, NULL, NULL},
      {"ns1.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     .wanted = "ns2.example.org. NSEC: the NSEC before it leads elsewhere: the chain is broken"},

    /* The content; all signatures good. */
    {"a further name",
     {{NULL, NULL, "new.example.org.\t60\tIN\tA\t192.0.2.9\n"}},
     .wanted = "new.example.org. A: not signed"},
    {"a further name, signed",
     {{NULL, NULL, "new.example.org.\t60\tIN\tA\t192.0.2.9\n"}},
     "new.example.org.",
     TYPE_A,
     'Z',
     "new.example.org. NSEC: missing"},
    {"a further name below a delegation",
     {{NULL, NULL, "x.sub.example.org.\t60\tIN\tA\t192.0.2.9\n"}},
     .wanted = "x.sub.example.org. A: here, but not in the zone file"},
    {"a further record, signed",
     {{NULL, NULL, A "192.0.2.9\n"}, {A_SIG, NULL, NULL}},
     "ns1.example.org.",
     TYPE_A,
     'Z',
     "ns1.example.org. A: differs from the zone file"},
    {"glue taken out",
     {{"ns.sub.example.org.\t3600\tIN\tA", NULL, NULL}},
     .wanted = "ns.sub.example.org. A: in the zone file, but not here"},
    {"other glue",
     {{"ns.sub.example.org.\t3600\tIN\tA", "192.0.2.4", "192.0.2.66"}},
     .wanted = "ns.sub.example.org. A: differs from the zone file"},
    {"a delegation that became insecure",
     {{"sub.example.org.\t3600\tIN\tDS", NULL, NULL},
      {"sub.example.org.\t3600\tIN\tRRSIG\tDS", NULL, NULL},
      {"sub.example.org.\t300\tIN\tNSEC", " DS ", " "},
      {"sub.example.org.\t300\tIN\tRRSIG\tNSEC", NULL, NULL}},
     "sub.example.org.",
     TYPE_NSEC,
     'Z',
     "sub.example.org. DS: in the zone file, but not here"},
    {"a serial that goes back",
     {{"example.org.\t7200\tIN\tSOA", " 8 2 ", " 7 2 "},
      {"example.org.\t7200\tIN\tRRSIG\tSOA", NULL, NULL}},
     "example.org.",
     TYPE_SOA,
     'Z',
     "example.org. SOA: serial 7, it should be 8"},
    {"another SOA",
     {{"example.org.\t7200\tIN\tSOA", " 8 2 ", " 8 3 "},
      {"example.org.\t7200\tIN\tRRSIG\tSOA", NULL, NULL}},
     "example.org.",
     TYPE_SOA,
     'Z',
     "example.org. SOA: differs from the zone file"},
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
     "example.org. DNSKEY: 1 keys, 2 should be there"},
    {"a third key",
     {{NULL, NULL, "example.org.\t600\tIN\tDNSKEY\t257 3 13 AAAA\n"},
      {"example.org.\t600\tIN\tRRSIG\tDNSKEY", NULL, NULL}},
     "example.org.",
     TYPE_DNSKEY,
     'K',
     "example.org. DNSKEY: 3 keys, 2 should be there"},
    {"a KSK that the DS does not cover",
     {{"example.org.\t600\tIN\tDNSKEY\t257", NULL,
       "example.org.\t600\tIN\tDNSKEY\t257 3 13 AAAA\n"},
      {"example.org.\t600\tIN\tRRSIG\tDNSKEY", NULL, NULL}},
     "example.org.",
     TYPE_DNSKEY,
     'K',
     "example.org. DNSKEY: the key #K is missing"},
    {"a ZSK as KSK",
     {{"example.org.\t600\tIN\tDNSKEY\t256", "256", "257"},
      {"example.org.\t600\tIN\tRRSIG\tDNSKEY", NULL, NULL}},
     "example.org.",
     TYPE_DNSKEY,
     'K',
     "example.org. DNSKEY: the key #Z is missing"},
    {"DNSKEY signed by the ZSK alone",
     {{"example.org.\t600\tIN\tRRSIG\tDNSKEY", NULL, NULL}},
     "example.org.",
     TYPE_DNSKEY,
     'Z',
     "example.org. DNSKEY: not signed by the KSK #K"},
    {"DNSKEY signed by the ZSK too",
     {{NULL}},
     "example.org.",
     TYPE_DNSKEY,
     'Z',
     "example.org. DNSKEY: signed by a ZSK, a KSK must sign it"},
};

/* With the tags of the keys in it. *Owned*. */
static char *with_tags(const struct keys *keys, const char *text)
{
    char *out = NULL;
    size_t size = 0;
    unsigned ksk = keys->signers[0].key_tag;
    unsigned zsk = keys->signers[1].key_tag;
    unsigned none = 1;
    while (none == ksk || none == zsk)
        none++;
    FILE *file = open_memstream(&out, &size);
    for (; *text != '\0'; text++) {
        if (*text == '#') {
            text++;
            fprintf(file, "%u", *text == 'K' ? ksk : *text == 'Z' ? zsk : none);
        } else {
            fputc(*text, file);
        }
    }
    fclose(file);
    return out;
}

static const char *find_line(const char *text, const char *begins)
{
    while (strncmp(text, begins, strlen(begins)) != 0) {
        text = strchr(text, '\n');
        if (text == NULL || *++text == '\0')
            fail_msg("no line begins with %s", begins);
    }
    return text;
}

/* Gives the changed text, *owned*; takes the old one. */
static char *apply(char *text, const struct change *change, const struct keys *keys)
{
    char *changed = NULL;
    char *to = with_tags(keys, change->to != NULL ? change->to : "");
    char *from = with_tags(keys, change->from != NULL ? change->from : "");
    if (change->line == NULL) {
        assert_true(asprintf(&changed, "%s%s", text, to) > 0);
    } else {
        const char *line = find_line(text, change->line);
        const char *end_of_line = strchr(line, '\n') + 1;
        const char *part = change->from != NULL ? strstr(line, from) : line;
        assert_true(part != NULL && part < end_of_line);
        const char *rest = change->from != NULL ? part + strlen(from) : end_of_line;
        assert_true(asprintf(&changed, "%.*s%s%s", (int)(part - text), text, to, rest) > 0);
    }
    free(text);
    free(from);
    free(to);
    return changed;
}

/* Signs one set of the zone in a text once more and adds that RRSIG. */
static char *sign_again(char *text, const struct damage *damage, const struct keys *keys)
{
    struct bytes rdata = {0};
    struct bytes printed = {0};
    struct dname apex = lab_name("example.org");
    struct zone *zone = lab_zone("example.org", text);
    struct dname owner = lab_name(damage->again);
    struct rrset set;
    struct signer_seat seat;
    const struct rrsig_terms terms = {apex.wire, (uint32_t)(NOW - 3600), (uint32_t)(NOW + 86400)};
    assert_true(zone_find(zone, owner.wire, damage->type, &set));
    assert_int_equal(signer_sit(&seat, &keys->signers[damage->by == 'K' ? 0 : 1], NULL), KEYD_OK);
    assert_int_equal(rrsig_make(&set, &terms, &seat, &rdata, NULL), KEYD_OK);
    signer_rise(&seat);
    rdata_format(TYPE_RRSIG, rdata.data, rdata.length, &printed);
    char *changed = NULL;
    assert_true(asprintf(&changed, "%s%s\t%u\tIN\tRRSIG\t%.*s\n", text, damage->again, set.ttl,
                         (int)printed.length, printed.data) > 0);
    bytes_free(&rdata);
    bytes_free(&printed);
    zone_free(zone);
    free(text);
    return changed;
}

static void expect_refused(const struct verifying *v, const struct damage *damage)
{
    struct keyd_error err;
    struct verified verified;
    char *text = strdup(v->text);
    char *wanted = with_tags(v->keys, damage->wanted);
    for (size_t i = 0; i < 4; i++) {
        const struct change *change = &damage->changes[i];
        if (change->line != NULL || change->to != NULL)
            text = apply(text, change, v->keys);
    }
    if (damage->again != NULL)
        text = sign_again(text, damage, v->keys);
    if (judge(v, text, NOW, v->zone, &verified, &err) != KEYD_DATA_LOSS)
        fail_msg("%s: %s", damage->what, err.message);
    assert_string_equal(err.reason, "VERIFICATION");
    const char *what = strstr(err.message, ": ");
    if (what == NULL || strcmp(what + 2, wanted) != 0)
        fail_msg("%s: '%s', not '%s'", damage->what, err.message, wanted);
    free(wanted);
    free(text);
}

static void each_damage_is_refused_and_its_place_named(void **state)
{
    (void)state;
    struct verifying v = begin();
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++)
        expect_refused(&v, &damages[i]);
    end(&v);
}

/* ---- Every line ----------------------------------------------------------------------------- */

enum bend { BEND_DROP, BEND_TTL, BEND_LAST, BENDS };

/* The text with one line dropped, with another TTL, or with another last character. *Owned*. */
static char *bend(const char *text, const char *line, enum bend how)
{
    char *changed = NULL;
    const char *ttl = strchr(line, '\t') + 1;
    const char *end_of_line = strchr(line, '\n');
    if (how == BEND_DROP)
        assert_true(asprintf(&changed, "%.*s%s", (int)(line - text), text, end_of_line + 1) > 0);
    else if (how == BEND_TTL)
        assert_true(asprintf(&changed, "%.*s1%s", (int)(ttl - text), text, ttl) > 0);
    else
        assert_true(asprintf(&changed, "%.*s%c%s", (int)(end_of_line - 1 - text), text,
                             end_of_line[-1] == '1' ? '2' : '1', end_of_line) > 0);
    return changed;
}

static void every_line_counts(void **state)
{
    (void)state;
    struct verifying v = begin();
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
    struct verifying v = begin();
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
    struct verifying v = begin();
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
    struct verifying v = begin();
    assert_int_equal(judge(&v, v.text, NOW + 86400, v.zone, &verified, &err), KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "its RRSIG has expired"));
    assert_int_equal(judge(&v, v.text, NOW + 86399, v.zone, &verified, &err), KEYD_OK);
    assert_int_equal(judge(&v, v.text, NOW - 3600, v.zone, &verified, &err), KEYD_OK);
    assert_int_equal(judge(&v, v.text, NOW - 3601, v.zone, &verified, &err), KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "not valid yet"));

    struct verifying other = begin();
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
    struct verifying v = begin();
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
        struct verifying v = begin();
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
        cmocka_unit_test(every_line_counts),
        cmocka_unit_test(every_byte_of_a_signature_counts),
        cmocka_unit_test(sees_what_is_missing_of_the_zone_file),
        cmocka_unit_test(sees_wrong_times_keys_and_serials),
        cmocka_unit_test(every_algorithm_must_sign),
        cmocka_unit_test(accepts_each_algorithm),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
