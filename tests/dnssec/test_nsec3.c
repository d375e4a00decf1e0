/* SPDX-License-Identifier: BSD-2-Clause
 * NSEC3: who is in the chain, and that the verifier sees each link and each bitmap that is wrong.
 * The hashes are those that ldns-nsec3-hash gives. */
#include <stdlib.h>
#include <string.h>

#include "client/dns/nsec3.h"
#include "client/dns/rrtype.h"
#include "client/dnssec/canon.h"
#include "tests/cmocka.h"
#include "tests/dnssec/lab.h"
#include "tests/dnssec/verifying.h"

#define APEX     "8um1kjcjmofvvmq7cb0op7jt39lg8r9j"
#define C        "gqo7h7r357fj31qjiudog4amtm030plu" /* empty non-terminals */
#define B_C      "1s1pi9tjgnu6e58j6vburdor8b34boav"
#define WILD     "5ohks5jklba12q0fdojec3g2ie83ut9u"
#define STAR     "0f20osu5kaa68apis5tas6vub2lipbqu"
#define A_B_C    "d655scus9feroup09b711h8vlavfbala"
#define NS1      "kpil5nvdvj3damedj3eg6nrkj9ol5v7b"
#define NS2      "f22m8jrjod5938rvg65k3mnjjqm6364s"
#define SUB      "ake8hgl2k54qc099m02h02h91ppl9pba" /* has a DS */
#define UNSEC    "elksv6cjvf5dmns432qshfeo0q3hl4hi" /* has none */
#define Z        "nhd3sbp9b78ep3e42vkhuhgfo0g6m8c4"
#define TAIL     ".example.org.\t300\tIN\tNSEC3\t1 0 0 - "
#define TAIL_OUT ".example.org.\t300\tIN\tNSEC3\t1 1 0 - "

static const struct denial nsec3 = {.kind = DENIAL_NSEC3};
static const struct denial opt_out = {.kind = DENIAL_NSEC3, .opt_out = true};

/* The NSEC3 lines of a text. *Owned*. */
static char *nsec3s_of(const char *text)
{
    char *out = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&out, &size);
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        int length = (int)(strchr(line, '\n') + 1 - line);
        if (memmem(line, (size_t)length, "\tNSEC3\t", 7) != NULL)
            fprintf(file, "%.*s", length, line);
    }
    fclose(file);
    return out;
}

static void expect_chain(struct denial denial, const char *wanted)
{
    struct verifying v = begin(denial);
    char *lines = nsec3s_of(v.text);
    assert_string_equal(lines, wanted);
    free(lines);
    end(&v);
}

static void the_chain_and_its_bitmaps(void **state)
{
    (void)state;
    expect_chain(nsec3, STAR TAIL B_C
                 " TXT RRSIG\n" B_C TAIL WILD "\n" WILD TAIL APEX "\n" APEX TAIL SUB
                 " NS SOA RRSIG DNSKEY NSEC3PARAM\n" SUB TAIL A_B_C
                 " NS DS RRSIG\n" A_B_C TAIL UNSEC " A RRSIG\n" UNSEC TAIL NS2 " NS\n" NS2 TAIL C
                 " A RRSIG\n" C TAIL NS1 "\n" NS1 TAIL Z " A RRSIG\n" Z TAIL STAR " MX RRSIG\n");
}

static void opt_out_leaves_insecure_delegations_out(void **state)
{
    (void)state;
    expect_chain(opt_out, STAR TAIL_OUT B_C
                 " TXT RRSIG\n" B_C TAIL_OUT WILD "\n" WILD TAIL_OUT APEX "\n" APEX TAIL_OUT SUB
                 " NS SOA RRSIG DNSKEY NSEC3PARAM\n" SUB TAIL_OUT A_B_C
                 " NS DS RRSIG\n" A_B_C TAIL_OUT NS2 " A RRSIG\n" NS2 TAIL_OUT C
                 " A RRSIG\n" C TAIL_OUT NS1 "\n" NS1 TAIL_OUT Z " A RRSIG\n" Z TAIL_OUT STAR
                 " MX RRSIG\n");
}

/* Each NSEC3 stands where its owner has its place among the names. */
static void the_text_is_in_canonical_order(void **state)
{
    (void)state;
    struct verifying v = begin(nsec3);
    struct dname last = lab_name("example.org");
    for (const char *line = v.text; *line != '\0'; line = strchr(line, '\n') + 1) {
        struct dname owner;
        assert_null(dname_parse(line, strcspn(line, "\t"), NULL, &owner));
        assert_true(canon_compare(last.wire, owner.wire) <= 0);
        last = owner;
    }
    end(&v);
}

/* Names that only lead to delegations without DS are in no chain with opt-out, but where they lead
 * elsewhere too. */
static void empty_non_terminals_with_opt_out(void **state)
{
    (void)state;
    static const struct {
        bool opt_out;
        size_t links;
    } rows[] = {{false, 7}, {true, 3}};
    struct zone *zone = lab_zone("example.org", "@ 60 SOA a. b. 1 2 3 4 5\n@ 60 NS a.\n"
                                                "x.y.only 60 NS a.\np.mixed 60 NS a.\n"
                                                "s.mixed 60 A 192.0.2.1\n");
    for (size_t i = 0; i < 2; i++) {
        struct nsec3_chain *chain = NULL;
        assert_int_equal(nsec3_chain_make(zone, rows[i].opt_out, &chain, NULL), KEYD_OK);
        assert_int_equal(nsec3_chain_count(chain), rows[i].links);
        nsec3_chain_free(chain);
    }
    zone_free(zone);
}

static void labels_are_in_the_order_of_hashes(void **state)
{
    (void)state;
    uint8_t hash[NSEC3_HASH];
    uint8_t back[NSEC3_HASH];
    uint8_t label[NSEC3_LABEL];
    uint8_t again[NSEC3_LABEL];
    for (size_t i = 0; i < sizeof hash; i++)
        hash[i] = (uint8_t)(i * 37 + 11);
    nsec3_label(hash, label);
    assert_true(canon_hash_from_label(label, back));
    assert_memory_equal(hash, back, sizeof hash);
    canon_hash_to_label(hash, again);
    assert_memory_equal(label, again, sizeof label);
    label[5] = 'w';
    assert_false(canon_hash_from_label(label, back));
}

/* ---- The verifier --------------------------------------------------------------------------- */

static void accepts_what_was_signed(void **state)
{
    (void)state;
    const struct denial denials[] = {nsec3, opt_out};
    for (size_t i = 0; i < 2; i++) {
        struct keyd_error err = {.message = ""};
        struct verified verified;
        struct verifying v = begin(denials[i]);
        if (judge(&v, v.text, NOW, v.zone, &verified, &err) != KEYD_OK)
            fail_msg("%s", err.message);
        assert_int_equal(verified.checked, verified.signatures);
        assert_int_equal(judge(&v, v.text, NOW, NULL, &verified, &err), KEYD_OK);
        end(&v);
    }
}

#define UNSIGNED(owner)                                                                            \
    {                                                                                              \
        owner ".example.org.\t300\tIN\tRRSIG\tNSEC3", NULL, NULL                                   \
    }

/* All signatures good. */
static const struct damage damages[] = {
    {"an NSEC3 that passes over a name",
     {{NS1 TAIL, Z, STAR}, UNSIGNED(NS1)},
     NS1 ".example.org.",
     TYPE_NSEC3,
     'Z',
     .wanted = Z ".example.org. NSEC3: the NSEC3 before it leads elsewhere: the chain is broken"},
    {"the last NSEC3 not back to the first",
     {{Z TAIL, STAR, NS1}, UNSIGNED(Z)},
     Z ".example.org.",
     TYPE_NSEC3,
     'Z',
     .wanted = Z ".example.org. NSEC3: the last NSEC3 does not lead back to the first"},
    {"a name without NSEC3, the chain closed around it",
     {{NS2 TAIL, C, NS1}, UNSIGNED(NS2), {C TAIL, NULL, NULL}, UNSIGNED(C)},
     NS2 ".example.org.",
     TYPE_NSEC3,
     'Z',
     .wanted = "example.org. NSEC3: a name there, or above it, has no NSEC3",
     .at = "a.b.c.example.org.\t3600\tIN\tA"},
    {"an NSEC3 of no name",
     {{"z.example.org.\t3600\tIN\tMX", NULL, NULL},
      {"z.example.org.\t3600\tIN\tRRSIG\tMX", NULL, NULL}},
     .wanted = Z ".example.org. NSEC3: an NSEC3 of no name"},
    {"a type missing in a bitmap",
     {{NS1 TAIL, " A RRSIG", " RRSIG"}, UNSIGNED(NS1)},
     NS1 ".example.org.",
     TYPE_NSEC3,
     'Z',
     .wanted = NS1 ".example.org. NSEC3: its bitmap does not name the types that are at its name"},
    {"opt-out in one of them",
     {{NS1 TAIL, "1 0 0", "1 1 0"}, UNSIGNED(NS1)},
     NS1 ".example.org.",
     TYPE_NSEC3,
     'Z',
     .wanted = NS1 ".example.org. NSEC3: not of SHA-1, 0 iterations, no salt and no opt-out"},
    {"iterations",
     {{NS1 TAIL, "1 0 0", "1 0 1"}, UNSIGNED(NS1)},
     NS1 ".example.org.",
     TYPE_NSEC3,
     'Z',
     .wanted = NS1 ".example.org. NSEC3: not of SHA-1, 0 iterations, no salt and no opt-out"},
    {"salt",
     {{NS1 TAIL, "1 0 0 -", "1 0 0 AA"}, UNSIGNED(NS1)},
     NS1 ".example.org.",
     TYPE_NSEC3,
     'Z',
     .wanted = NS1 ".example.org. NSEC3: not of SHA-1, 0 iterations, no salt and no opt-out"},
    {"TTL",
     {{NS1 TAIL, "300", "3600"}, UNSIGNED(NS1)},
     NS1 ".example.org.",
     TYPE_NSEC3,
     'Z',
     .wanted = NS1 ".example.org. NSEC3: TTL 3600, RFC 9077 wants 300"},
    {"no NSEC3PARAM",
     {{"example.org.\t0\tIN\tNSEC3PARAM", NULL, NULL},
      {"example.org.\t0\tIN\tRRSIG\tNSEC3PARAM", NULL, NULL}},
     .wanted = "example.org. NSEC3PARAM: not one, of SHA-1, 0 iterations, no salt"},
    {"an NSEC beside",
     {{NULL, NULL, "ns1.example.org.\t300\tIN\tNSEC\tns2.example.org. A RRSIG NSEC\n"}},
     "ns1.example.org.",
     TYPE_NSEC,
     'Z',
     .wanted = "ns1.example.org. NSEC: in a zone with NSEC3"},
    {"an NSEC3 deeper than one label",
     {{NULL, NULL,
       "h0000000000000000000000000000000.ns1.example.org.\t300\tIN\tNSEC3\t1 0 0 - " NS1 "\n"}},
     "h0000000000000000000000000000000.ns1.example.org.",
     TYPE_NSEC3,
     'Z',
     .wanted = "h0000000000000000000000000000000.ns1.example.org. NSEC3: its owner is no hash"},
};

static void each_damage_is_refused_and_its_place_named(void **state)
{
    (void)state;
    struct verifying v = begin(nsec3);
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++)
        expect_refused(&v, &damages[i]);
    end(&v);
}

static void every_line_counts(void **state)
{
    (void)state;
    const struct denial denials[] = {nsec3, opt_out};
    for (size_t i = 0; i < 2; i++) {
        struct verifying v = begin(denials[i]);
        for (const char *line = v.text; *line != '\0'; line = strchr(line, '\n') + 1) {
            for (enum bend how = 0; how < BENDS; how++) {
                struct keyd_error err;
                struct verified verified;
                char *text = bend(v.text, line, how);
                if (judge(&v, text, NOW, v.zone, &verified, &err) == KEYD_OK)
                    fail_msg("bent in way %d and not seen: %.60s", how, line);
                free(text);
            }
        }
        end(&v);
    }
}

/* A zone of one kind is none of another. */
static void the_denial_must_be_the_wanted_one(void **state)
{
    (void)state;
    const struct denial denials[] = {{0}, nsec3, opt_out};
    for (size_t i = 0; i < 3; i++) {
        struct verifying v = begin(denials[i]);
        for (size_t j = 0; j < 3; j++) {
            struct keyd_error err;
            struct verified verified;
            v.denial = denials[j];
            assert_int_equal(judge(&v, v.text, NOW, v.zone, &verified, &err),
                             i == j ? KEYD_OK : KEYD_DATA_LOSS);
        }
        end(&v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chain_and_its_bitmaps),
        cmocka_unit_test(opt_out_leaves_insecure_delegations_out),
        cmocka_unit_test(the_text_is_in_canonical_order),
        cmocka_unit_test(empty_non_terminals_with_opt_out),
        cmocka_unit_test(labels_are_in_the_order_of_hashes),
        cmocka_unit_test(accepts_what_was_signed),
        cmocka_unit_test(each_damage_is_refused_and_its_place_named),
        cmocka_unit_test(every_line_counts),
        cmocka_unit_test(the_denial_must_be_the_wanted_one),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
