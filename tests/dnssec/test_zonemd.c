/* SPDX-License-Identifier: BSD-2-Clause
 * ZONEMD: the examples of RFC 8976, appendix A, by the signer's code and by the verifier's; what
 * signing makes of it; and that the verifier sees each record that was changed. */
#include <stdlib.h>
#include <string.h>

#include "client/dns/rrtype.h"
#include "client/dnssec/judge.h"
#include "client/dnssec/zonemd.h"
#include "keyd/base/encode.h"
#include "tests/cmocka.h"
#include "tests/dnssec/lab.h"
#include "tests/dnssec/verifying.h"

#define APEX                                                                                       \
    "@ 86400 SOA ns1 admin 2018031900 1800 900 604800 86400\n"                                     \
    "@ 86400 NS ns1\n@ 86400 NS ns2\n"
#define TOLD "616c6c6f776564206275742069676e6f7265642e20"

static const struct example {
    const char *apex;
    const char *text; /* with the records of its own that the digest leaves out */
    const char *digest;
} examples[] = {
    /* A.1 */
    {"example",
     APEX "@ 86400 ZONEMD 2018031900 1 1 "
          "c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8"
          "e730044c\n"
          "ns1 3600 A 203.0.113.63\nns2 3600 AAAA 2001:db8::63\n",
     "c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8"
     "e730044c"},
    /* A.2, without the record that is not of the zone */
    {"example",
     APEX "@ 86400 ZONEMD 2018031900 1 1 "
          "a3b69bad980a3504e1cffcb0fd6397f93848071c93151f552ae2f6b1711d4bd2d8b39808226d7b9db71e34b7"
          "2077f8fe\n"
          "ns1 3600 A 203.0.113.63\nNS2 3600 AAAA 2001:db8::63\n"
          "occluded.sub 7200 TXT \"I'm occluded but must be digested\"\nsub 7200 NS ns1\n"
          "duplicate 300 TXT \"I must be digested just once\"\n"
          "duplicate 300 TXT \"I must be digested just once\"\n"
          "UPPERCASE 3600 TXT \"canonicalize uppercase owner names\"\n"
          "* 777 PTR dont-forget-about-wildcards\n"
          "mail 3600 MX 20 MAIL1\nmail 3600 MX 10 Mail2.Example.\n"
          "sortme 3600 AAAA 2001:db8::5:61\nsortme 3600 AAAA 2001:db8::3:62\n"
          "sortme 3600 AAAA 2001:db8::4:63\nsortme 3600 AAAA 2001:db8::1:65\n"
          "sortme 3600 AAAA 2001:db8::2:64\n"
          "non-apex 900 ZONEMD 2018031900 1 1 " TOLD TOLD "616c6c6f7765\n",
     "a3b69bad980a3504e1cffcb0fd6397f93848071c93151f552ae2f6b1711d4bd2d8b39808226d7b9db71e34b7"
     "2077f8fe"},
    /* A.3: several, of which the digest has none */
    {"example",
     APEX "@ 86400 ZONEMD 2018031900 1 240 e2d523f654b9422a96c5a8f44607bbee\n"
          "@ 86400 ZONEMD 2018031900 241 1 e1846540e33a9e4189792d18d5d131f605fc283e\n"
          "ns1 3600 A 203.0.113.63\nns2 86400 TXT \"This example has multiple digests\"\n"
          "NS2 3600 AAAA 2001:db8::63\n",
     "62e6cf51b02e54b9b5f967d547ce43136792901f9f88e637493daaf401c92c279dd10f0edb1c56f8080211f8"
     "480ee306"},
    /* A.5 */
    {"root-servers.net",
     "$TTL 3600000\n@ SOA a nstld.verisign-grs.com. 2018091100 14400 7200 1209600 3600000\n"
     "@ NS a\n@ NS b\n@ NS c\n@ NS d\n@ NS e\n@ NS f\n@ NS g\n@ NS h\n@ NS i\n@ NS j\n@ NS k\n"
     "@ NS l\n@ NS m\n"
     "a AAAA 2001:503:ba3e::2:30\na A 198.41.0.4\n"
     "b MX 20 mail.isi.edu.\nb AAAA 2001:500:200::b\nb A 199.9.14.201\n"
     "c AAAA 2001:500:2::c\nc A 192.33.4.12\nd AAAA 2001:500:2d::d\nd A 199.7.91.13\n"
     "e AAAA 2001:500:a8::e\ne A 192.203.230.10\nf AAAA 2001:500:2f::f\nf A 192.5.5.241\n"
     "g AAAA 2001:500:12::d0d\ng A 192.112.36.4\nh AAAA 2001:500:1::53\nh A 198.97.190.53\n"
     "i MX 10 mx.i.root-servers.org.\ni AAAA 2001:7fe::53\ni A 192.36.148.17\n"
     "j AAAA 2001:503:c27::2:30\nj A 192.58.128.30\nk AAAA 2001:7fd::1\nk A 193.0.14.129\n"
     "l AAAA 2001:500:9f::42\nl A 199.7.83.42\nm AAAA 2001:dc3::35\nm A 202.12.27.33\n",
     "f1ca0ccd91bd5573d9f431c00ee0101b2545c97602be0a978a3b11dbfc1c776d5b3e86ae3d973d6b5349ba7f"
     "04340f79"},
};

#define EXAMPLES (sizeof examples / sizeof examples[0])

static void the_signer_digests_the_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++) {
        struct zone *zone = lab_zone(examples[i].apex, examples[i].text);
        struct zonemd_name collected = {0};
        struct bytes digested = {0};
        uint8_t digest[EVP_MAX_MD_SIZE];
        char hex[HEX_TEXT(ZONEMD_DIGEST)];
        for (struct zone_name name = {0}; zone_next_name(zone, &name);) {
            for (struct rrset set = {0}; zone_next_set(&name, &set);) {
                if (set.type != TYPE_ZONEMD || name.key_length > 0)
                    zonemd_name_add(&collected, &set);
            }
            zonemd_name_take(&collected, &digested);
        }
        assert_false(digested.failed);
        EVP_Digest(digested.data, digested.length, digest, NULL, EVP_sha384(), NULL);
        hex_encode(digest, ZONEMD_DIGEST, hex);
        assert_string_equal(hex, examples[i].digest);
        bytes_free(&digested);
        zonemd_name_free(&collected);
        zone_free(zone);
    }
}

/* The verifier's name from a zone's. */
static void gather(struct here *here, const struct zone_name *name)
{
    memcpy(here->owner, name->owner.wire, name->owner.length);
    here->apex = name->key_length == 0;
    here->count = 0;
    bytes_reset(&here->canonical);
    for (struct rrset set = {0}; zone_next_set(name, &set);) {
        for (size_t i = 0; i < set.count; i++) {
            struct rdata rdata = rrset_rdata(&set, i);
            assert_true(here->count < here->room);
            here->records[here->count++] = (struct here_record){.type = set.type,
                                                                .group = set.type,
                                                                .ttl = set.ttl,
                                                                .at = here->canonical.length,
                                                                .length = rdata.length};
            bytes_add(&here->canonical, rdata.canonical, rdata.length);
        }
    }
}

static void the_verifier_digests_the_examples(void **state)
{
    (void)state;
    const struct verification wanted = {.zonemd = true, .apex = (const uint8_t *)""};
    struct here_record records[32];
    for (size_t i = 0; i < EXAMPLES; i++) {
        struct keyd_error err = {.message = ""};
        struct zone *zone = lab_zone(examples[i].apex, examples[i].text);
        struct judge judge = {
            .wanted = &wanted, .shown = "", .here = {.records = records, .room = 32}};
        judge.digest.ctx = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestInit_ex2(judge.digest.ctx, EVP_sha384(), NULL), 1);
        hex_decode(examples[i].digest, judge.digest.told, DIGEST_SHA384);
        for (struct zone_name name = {0}; zone_next_name(zone, &name);) {
            gather(&judge.here, &name);
            assert_int_equal(digest_name(&judge, &err), KEYD_OK);
        }
        if (digest_end(&judge, &err) != KEYD_OK)
            fail_msg("example %zu: %s", i, err.message);
        digest_free(&judge.digest);
        bytes_free(&judge.here.canonical);
        zone_free(zone);
    }
}

/* ---- Signed zones --------------------------------------------------------------------------- */

static struct verifying begin_with_zonemd(struct denial denial)
{
    struct verifying v = begin(denial);
    v.keys->zonemd = true;
    free(v.text);
    v.text = sign_denying(v.zone, v.keys, NOW, denial, 0);
    return v;
}

static void signing_names_it_and_signs_it(void **state)
{
    (void)state;
    struct verifying v = begin_with_zonemd((struct denial){0});
    struct keyd_error err;
    struct verified verified;
    if (judge(&v, v.text, NOW, v.zone, &verified, &err) != KEYD_OK)
        fail_msg("%s", err.message);
    assert_non_null(find_line(v.text, "example.org.\t7200\tIN\tZONEMD\t8 1 1 "));
    assert_non_null(find_line(v.text, "example.org.\t7200\tIN\tRRSIG\tZONEMD 13 2 7200 "));
    assert_non_null(strstr(v.text, " NS SOA RRSIG NSEC DNSKEY ZONEMD\n"));
    end(&v);
}

/* Where the zone is told to have none, or has none though it should. */
static void it_is_there_exactly_when_it_should_be(void **state)
{
    (void)state;
    struct keyd_error err;
    struct verified verified;
    struct verifying v = begin_with_zonemd((struct denial){0});
    v.keys->zonemd = false;
    assert_int_equal(judge(&v, v.text, NOW, v.zone, &verified, &err), KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "ZONEMD: in a zone that should have none"));
    free(v.text);
    v.text = sign_with(v.zone, v.keys, NOW);
    v.keys->zonemd = true;
    assert_int_equal(judge(&v, v.text, NOW, v.zone, &verified, &err), KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "example.org. ZONEMD: missing"));
    end(&v);
}

#define SIGNED "example.org.\t7200\tIN\tRRSIG\tZONEMD"
#define ZONEMD "example.org.\t7200\tIN\tZONEMD\t"
#define GLUE   "ns.sub.example.org.\t3600\tIN\tA"

/* Signed again after the damage, so that nothing but the digest can show it. */
static const struct damage damages[] = {
    {"of another serial",
     {{ZONEMD, "\t8 ", "\t7 "}, {SIGNED, NULL, NULL}},
     "example.org.",
     TYPE_ZONEMD,
     'Z',
     .wanted = "example.org. ZONEMD: for serial 7, the SOA has 8"},
    {"of another scheme",
     {{ZONEMD, "8 1 1", "8 240 1"}, {SIGNED, NULL, NULL}},
     "example.org.",
     TYPE_ZONEMD,
     'Z',
     .wanted = "example.org. ZONEMD: not one, of scheme 1 with SHA-384"},
    {"of another hash",
     {{ZONEMD, "8 1 1", "8 1 240"}, {SIGNED, NULL, NULL}},
     "example.org.",
     TYPE_ZONEMD,
     'Z',
     .wanted = "example.org. ZONEMD: not one, of scheme 1 with SHA-384"},
    {"two of them",
     {{NULL, NULL, ZONEMD "8 1 240 e2d523f654b9422a96c5a8f4\n"}, {SIGNED, NULL, NULL}},
     "example.org.",
     TYPE_ZONEMD,
     'Z',
     .wanted = "example.org. ZONEMD: not one, of scheme 1 with SHA-384"},
    {"not signed", {{SIGNED, NULL, NULL}}, .wanted = "example.org. ZONEMD: not signed"},
};

static void each_damage_is_refused(void **state)
{
    (void)state;
    struct verifying v = begin_with_zonemd((struct denial){0});
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++)
        expect_refused(&v, &damages[i]);
    end(&v);
}

/* Without the unsigned zone, changed glue shows nowhere but in the digest. */
static void the_digest_sees_what_no_signature_covers(void **state)
{
    (void)state;
    struct keyd_error err;
    struct verified verified;
    struct verifying v = begin_with_zonemd((struct denial){.kind = DENIAL_NSEC3});
    char *at = strstr(find_line(v.text, GLUE), "192.0.2.4");
    at[8] = '5';
    assert_int_equal(judge(&v, v.text, NOW, NULL, &verified, &err), KEYD_DATA_LOSS);
    assert_non_null(strstr(err.message, "its digest is not that of the zone"));
    at[8] = '4';
    assert_int_equal(judge(&v, v.text, NOW, NULL, &verified, &err), KEYD_OK);
    end(&v);
}

static void every_line_counts(void **state)
{
    (void)state;
    struct verifying v = begin_with_zonemd((struct denial){.kind = DENIAL_NSEC3});
    for (const char *line = v.text; *line != '\0'; line = strchr(line, '\n') + 1) {
        for (enum bend how = 0; how < BENDS; how++) {
            struct keyd_error err;
            struct verified verified;
            char *text = bend(v.text, line, how);
            if (judge(&v, text, NOW, NULL, &verified, &err) == KEYD_OK)
                fail_msg("bent in way %d and not seen: %.60s", how, line);
            free(text);
        }
    }
    end(&v);
}

/* The digest is of the zone in its order, whoever made which part of it. */
static void threads_do_not_matter(void **state)
{
    (void)state;
    struct bytes text = {0};
    struct keyd_error err;
    struct verified verified;
    struct verifying v = begin_with_zonemd((struct denial){.kind = DENIAL_NSEC3});
    bytes_text(&text, zone_text);
    for (unsigned i = 0; i < 1500; i++)
        bytes_format(&text, "h%u A 192.0.2.1\n", i);
    bytes_u8(&text, '\0');
    zone_free(v.zone);
    v.zone = lab_zone("example.org", (const char *)text.data);
    for (unsigned threads = 1; threads < 6; threads += 2) {
        char *made = sign_denying(v.zone, v.keys, NOW, v.denial, threads);
        if (judge(&v, made, NOW, v.zone, &verified, &err) != KEYD_OK)
            fail_msg("%u threads: %s", threads, err.message);
        free(made);
    }
    bytes_free(&text);
    end(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signer_digests_the_examples),
        cmocka_unit_test(the_verifier_digests_the_examples),
        cmocka_unit_test(signing_names_it_and_signs_it),
        cmocka_unit_test(it_is_there_exactly_when_it_should_be),
        cmocka_unit_test(each_damage_is_refused),
        cmocka_unit_test(the_digest_sees_what_no_signature_covers),
        cmocka_unit_test(every_line_counts),
        cmocka_unit_test(threads_do_not_matter),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
