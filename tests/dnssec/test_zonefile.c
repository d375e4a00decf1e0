/* SPDX-License-Identifier: BSD-2-Clause
 * Zone files: what is read, what is refused and in which words, and that what is written reads back
 * the same. */
#include <stdlib.h>
#include <string.h>

#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"
#include "client/dns/zonefile.h"
#include "client/dnssec/rdatacheck.h"
#include "client/dnssec/zonecheck.h"
#include "keyd/base/file.h"
#include "tests/cmocka.h"
#include "tests/dnssec/lab.h"

#define SOA "@ 3600 IN SOA ns1 hostmaster 1 2 3 4 5\n"
#define NS  "@ 3600 IN NS ns1.example.net.\n"

static void expect_written(const char *text, const char *wanted)
{
    struct zone *zone = lab_zone("example.org", text);
    char *out = lab_text(zone);
    struct zone *again = lab_zone("example.org", out);
    char *out_again = lab_text(again);
    assert_string_equal(out, wanted);
    assert_string_equal(out_again, wanted);
    free(out);
    free(out_again);
    zone_free(zone);
    zone_free(again);
}

/* One record, by its rdata as it was given and as it is written. */
static void expect_rdata(const char *type, const char *given, const char *wanted)
{
    char text[1024];
    char line[1024];
    snprintf(text, sizeof text, "a 1 IN %s %s\n", type, given);
    snprintf(line, sizeof line, "a.example.org.\t1\tIN\t%s\t%s\n", type, wanted);
    expect_written(text, line);
}

static void expect_error(const char *text, const char *place, const char *what)
{
    char wanted[512];
    struct keyd_error err = {.message = "it was read"};
    struct zone *zone = NULL;
    const char *path = lab_file("bad.zone", text);
    assert_int_equal(zonefile_load(path, lab_name("example.org").wire, &zone, &err),
                     KEYD_INVALID_ARGUMENT);
    snprintf(wanted, sizeof wanted, "%s:%s: %s", path, place, what);
    assert_string_equal(err.message, wanted);
    assert_string_equal(err.reason, "ZONE_FILE");
}

static void expect_verdict(const char *text, enum keyd_status wanted, const char *tail)
{
    struct keyd_error err = {.message = "it passed"};
    struct zone *zone = lab_zone("example.org", text);
    assert_int_equal(zonecheck(zone, NULL, &err), wanted);
    if (wanted != KEYD_OK)
        assert_string_equal(lab_plain(err.message), tail);
    zone_free(zone);
}

static void reads_the_ways_in_which_people_write(void **state)
{
    (void)state;
    expect_written("$TTL 1h\n$ORIGIN sub\na A 192.0.2.1 ; relative origin\n"
                   "\tAAAA 2001:DB8::1\nb 0 IN A 192.0.2.2\nc IN 1d TXT ( \"x y\"\n  z\n )\r\n",
                   "a.sub.example.org.\t3600\tIN\tA\t192.0.2.1\n"
                   "a.sub.example.org.\t3600\tIN\tAAAA\t2001:db8::1\n"
                   "b.sub.example.org.\t0\tIN\tA\t192.0.2.2\n"
                   "c.sub.example.org.\t86400\tIN\tTXT\t\"x y\" \"z\"\n");
    expect_written("@ SOA ns1 h 1 2h 3 4 900\n",
                   "example.org.\t900\tIN\tSOA\tns1.example.org. h.example.org. 1 7200 3 4 900\n");
    expect_written("a 5 A 192.0.2.1\nb A 192.0.2.2\n",
                   "a.example.org.\t5\tIN\tA\t192.0.2.1\nb.example.org.\t5\tIN\tA\t192.0.2.2\n");
    expect_written("A 5 CLASS1 A 192.0.2.1\na 3 TYPE1 \\# 4 C0000202\nA 5 A 192.0.2.1",
                   "A.example.org.\t3\tIN\tA\t192.0.2.1\nA.example.org.\t3\tIN\tA\t192.0.2.2\n");
    expect_written("a 1 TXT \"x\"y\"z\"\"\" ((p)q) r=\"s\"\n",
                   "a.example.org.\t1\tIN\tTXT\t\"x\" \"y\" \"z\" \"\" \"p\" \"q\" \"r=\" \"s\"\n");
}

static void reads_and_writes_types(void **state)
{
    (void)state;
    expect_rdata("MX", "10 Mail", "10 Mail.example.org.");
    expect_rdata("NS", "\\064", "\\064.example.org.");
    expect_rdata("SRV", "1 2 3 .", "1 2 3 .");
    expect_rdata("TXT", "a\\\"b \"c;d\" \"\\195\\169\\\\\"",
                 "\"a\\034b\" \"c;d\" \"\\195\\169\\092\"");
    expect_rdata("TXT", "\"\"", "\"\"");
    expect_rdata("CAA", "0 issue ca.example.net", "0 issue \"ca.example.net\"");
    expect_rdata("CAA", "0 issue \"\"", "0 issue \"\"");
    expect_rdata("CAA", "0 abcdefghijklmno \"x\"", "0 abcdefghijklmno \"x\"");
    expect_rdata("CAA", "0 abcdefghijklmnop \"x\"",
                 "\\# 19 00106162636465666768696A6B6C6D6E6F7078");
    expect_rdata("URI", "0 0 \"\"", "0 0 \"\"");
    expect_rdata("HINFO", "\"\" \"\"", "\"\" \"\"");
    expect_rdata("CSYNC", "1 3", "1 3");
    expect_rdata("SVCB", "0 .", "0 .");
    expect_rdata("URI", "10 1 \"https://example.org/?a=b\"", "10 1 \"https://example.org/?a=b\"");
    expect_rdata("NAPTR", "1 2 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b!\" .",
                 "1 2 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b!\" .");
    expect_rdata("DS", "1 RSASHA256 200 0b0 D5e", "1 8 200 0B0D5E");
    expect_rdata("CDS", "0 0 0 00", "0 0 0 00");
    expect_rdata("TYPE65280", "\\# 3 ( 0a 0b\n0c )", "\\# 3 0A0B0C");
    expect_rdata("TYPE65280", "\\# 0", "\\# 0");
    expect_rdata("NSEC3", "1 0 0 - 0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM A RRSIG TYPE65280",
                 "1 0 0 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A RRSIG TYPE65280");
    expect_rdata("RRSIG", "A ECDSAP256SHA256 3 60 20261208092250 1795509062 7 Example.org. AAAA",
                 "A 13 3 60 20261208092250 20261124083102 7 Example.org. AAAA");
    expect_rdata("LOC", "42 21 54 N 71 06 18 W -24m 30m",
                 "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m");
    expect_rdata("HTTPS", "1 . alpn=\"h2,h3\" port=8443", "1 . alpn=h2,h3 port=8443");
    expect_rdata("SVCB", "0 www", "0 www.example.org.");
    expect_rdata("EUI48", "00-00-5e-00-53-2a", "00-00-5e-00-53-2a");
    expect_rdata("EUI64", "0-1-2-3-4-5-6f-A", "00-01-02-03-04-05-6f-0a");
    expect_rdata("LOC", "\\# 16 01FF0000000000000000000000000000",
                 "\\# 16 01FF0000000000000000000000000000");
    expect_rdata("LOC", "\\# 16 0008120088E18A46750A896000989680",
                 "\\# 16 0008120088E18A46750A896000989680");
    expect_rdata("LOC", "\\# 16 0012081388E18A46750A896000989680",
                 "\\# 16 0012081388E18A46750A896000989680");
    expect_rdata("LOC", "\\# 16 0012120988E18A46750A896000989680",
                 "\\# 16 0012120988E18A46750A896000989680");
    expect_rdata("LOC", "\\# 16 0000009988E18A46750A896000989680",
                 "41 23 18.726 N 51 4 18.848 W 0.00m 0.00m 0.00m 90000000.00m");
    expect_rdata("DS", "1 8 sha-1 9D6BAE62219231C99FAA479716B6E4619330CE82",
                 "1 8 1 9D6BAE62219231C99FAA479716B6E4619330CE82");
    expect_rdata("IPSECKEY", "1 0 0 . AAAA", "\\# 6 010000000000");
    expect_rdata("A", "\\# 4 C0000201", "192.0.2.1");
}

/* A zone file, where it is refused, and why. */
static const struct refusal {
    const char *text;
    const char *place;
    const char *message;
} refusals[] = {
    {"\n$GENERATE 1-9 h$ A 192.0.2.$\n", "2:20",
     "$GENERATE, at 1: the record has no TTL and there is no $TTL above it"},
    {"$FOO 1\n", "1:1",
     "unknown directive '$FOO' ($ORIGIN, $TTL, $INCLUDE and $GENERATE are known; a "
     "name that begins with $ is written \\$)"},
    {"$TTL\n", "1:5", "expected $TTL SECONDS"},
    {"a 2147483648 A 192.0.2.1\n", "1:3",
     "'2147483648' is no TTL: 0 to 2147483647 seconds, as 3600 or 1h"},
    {"a A 192.0.2.1\n", "1:5", "the record has no TTL and there is no $TTL above it"},
    {"a 1 CH A 192.0.2.1\n", "1:5", "class CH: only IN can be signed"},
    {"a 1 A 01.2.3.4\n", "1:7", "A: '01.2.3.4': expected an IPv4 address"},
    {"a 1 A\n", "1:6", "A: the rdata ends, expected an IPv4 address"},
    {"a 1 MX 1\n", "1:9", "MX: the rdata ends, expected a name"},
    {"a 1 NS\n", "1:7", "NS: the rdata ends, expected a name"},
    {"a 1 SRV 1 2 ; 3 b\n", "1:12", "SRV: the rdata ends, expected a number"},
    {"a 1 DS 1 8 2\n", "1:13", "DS: the rdata ends, expected hexadecimal digits"},
    {"a 1 DS 1 8 SHA512 00\n", "1:12", "DS: 'SHA512': expected the type of a digest"},
    {"a 1 RRSIG A 13 3 60\n", "1:20", "RRSIG: the rdata ends, expected a time as YYYYMMDDHHMMSS"},
    {"a 1 LOC 42 N\n", "1:13",
     "LOC: the rdata ends, expected a location, as 42 21 54 N 71 06 18 W -24m"},
    {"a 1 IPSECKEY 1\n", "1:15", "IPSECKEY: the rdata ends, expected a number"},
    {"a 1 IPSECKEY 1 2 3\n", "1:19", "IPSECKEY: the rdata ends, expected an IPv6 address"},
    {"a 1 IPSECKEY 1 0 3\n", "1:19",
     "IPSECKEY: the rdata ends, expected . for form 0, which is none"},
    {"a 1 AMTRELAY 1 0 3\n", "1:19", "AMTRELAY: the rdata ends, expected a name"},
    {"a 1 HIP 1\n", "1:10", "HIP: the rdata ends, expected a host identity tag in hexadecimal"},
    {"a 1 HIP 1 00\n", "1:13", "HIP: the rdata ends, expected a public key in base64"},
    {"a 1 A6 64\n", "1:10", "A6: the rdata ends, expected an IPv6 address"},
    {"a 1 A6 64 ::1\n", "1:14", "A6: the rdata ends, expected a name"},
    {"a 1 NXT a\n", "1:10", "NXT: the rdata ends, expected an RR type"},
    {"a 1 WKS 192.0.2.1\n", "1:18", "WKS: the rdata ends, expected a protocol, as tcp or 6"},
    {"a 1 ATMA\n", "1:9", "ATMA: the rdata ends, expected an ATM address"},
    {"a 1 HTTPS 1\n", "1:12", "HTTPS: the rdata ends, expected a name"},
    {"a 1 DSYNC\n", "1:10", "DSYNC: the rdata ends, expected an RR type"},
    {"a 1 DSYNC 65536\n", "1:11", "DSYNC: '65536': expected an RR type"},
    {"a 1 DSYNC CDS\n", "1:14", "DSYNC: the rdata ends, expected a number"},
    {"a 1 DSYNC CDS 256\n", "1:15", "DSYNC: '256': a number above 255"},
    {"a 1 NXT b 128\n", "1:11", "NXT: '128': expected an RR type below 128 (RFC 2535, 5.2)"},
    {"a 1 DNSKEY\n", "1:11",
     "DNSKEY: the rdata ends, expected a number or names of flags, as 256, ZONE or NOCONF|ZONE"},
    {"a 1 RKEY 0 3 8\n", "1:15", "RKEY: the rdata ends, expected base64"},
    {"a 1 A 192.0.2.1 x\n", "1:17", "A: 'x': there is more than belongs here"},
    {"a 1 MX 65536 b\n", "1:8", "MX: '65536': a number above 65535"},
    {"a 1 FOO b\n", "1:5", "'FOO' is no RR type (a record is: name TTL class type data)"},
    {"a\n", "1:2", "the record has no type (a record is: name TTL class type data)"},
    {"  1 A 192.0.2.1\n", "1:3", "the first record begins with white space: it has no name"},
    {"a..b 1 A 192.0.2.1\n", "1:1", "'a..b': an empty label"},
    {"a 1 TXT \"x\ny\"\n", "1:11", "the line ends inside of quotes"},
    {"\na 1 TXT ( x\n y\n", "2:9", "( is never closed"},
    {"a 1 TXT x )\n", "1:11", ") without ("},
    {"www.example.com. 1 A 192.0.2.1\n", "1:1",
     "www.example.com. is outside of the zone example.org."},
    {"a 1 DS 1 8 2 00\n", "1:16", "DS: a digest of type 2 has 32 bytes, this one 1"},
    {"a 1 DS \\# 4 00010802\n", "1:13", "DS: '00010802': these bytes are no rdata of this type"},
    {"a 1 CAA 0 is-sue ca\n", "1:11",
     "CAA: 'is-sue': a tag has letters and digits only (RFC 8659, 4.1)"},
    {"a 1 CAA \\# 5 00020A4142\n", "1:14",
     "CAA: '00020A4142': these bytes are no rdata of this type"},
    {"a 1 TYPE65280 \\# 3 0102\n", "1:24", "TYPE65280: \\# announces 3 bytes and 2 follow"},
    {"a 1 LOC \\# 3 01FF00\n", "1:14", "LOC: '01FF00': these bytes are no rdata of this type"},
    {"a 1 A \\# 3 010203\n", "1:12", "A: '010203': these bytes are no rdata of this type"},
    {"a 1 RRSIG A 13 3 60 20260431000000 20260401000000 7 example.org. AAAA\n", "1:21",
     "RRSIG: '20260431000000': there is no such time"},
    {"$INCLUDE\n", "1:9", "expected $INCLUDE FILE [ORIGIN]"},
    {"$INCLUDE a b c\n", "1:14", "more than $INCLUDE FILE [ORIGIN]"},
    {"$INCLUDE \"\"\n", "1:11", "$INCLUDE '': no name of a file"},
    {"$GENERATE 1-2 a A\n", "1:18",
     "expected $GENERATE START-STOP[/STEP] OWNER [TTL] [class] TYPE DATA, several "
     "words of DATA in quotes"},
    {"$GENERATE 2-1 a A 192.0.2.$\n", "1:11", "'2-1': the range ends before it begins"},
    {"$GENERATE 1-2/0 a A 192.0.2.$\n", "1:11",
     "'1-2/0' is no range: START-STOP or START-STOP/STEP"},
    {"$GENERATE 0-16777216 a A 192.0.2.$\n", "1:11", "'0-16777216': more than 16777216 records"},
    {"$GENERATE 1-2 a A 192.0.2.$ b\n", "1:29",
     "$GENERATE needs its data as one word: put several in quotes"},
    {"\n$TTL 5\n$GENERATE 255-256 a$ A 192.0.2.$\n", "3:24",
     "$GENERATE, at 256: A: '192.0.2.256': expected an IPv4 address"},
    {"$GENERATE 1-2 a${0,3,q} 5 A 192.0.2.$\n", "1:15",
     "$GENERATE, at 1: 'a${0,3,q}': expected d, o, x, X, n or N in ${OFFSET,WIDTH,BASE}"},
    {"$GENERATE 1-2 a${-2,0,x} 5 A 192.0.2.$\n", "1:15",
     "$GENERATE, at 1: 'a${-2,0,x}': the number with its offset is below 0, which has digits for d "
     "alone"},
    {"$GENERATE 1-2 a${0,200} 5 A 192.0.2.$\n", "1:15",
     "$GENERATE, at 1: 'a${0,200}': expected a width of 0 to 127 in ${OFFSET,WIDTH,BASE}"},
    {"$GENERATE 1-2 a 5 TXT \"\"\n", "1:24", "$GENERATE, at 1: there is no data"},
    {"$GENERATE 1-2 a${ 5 TXT x\n", "1:15",
     "$GENERATE, at 1: 'a${': expected ${OFFSET,WIDTH,BASE}"},
    {"a 1 TXT (\n  x\n  \"y\n", "3:5", "the line ends inside of quotes"},
    {"a 1 TXT \"x\n", "1:11", "the line ends inside of quotes"},
    {"a 1 TXT \"x", "1:11", "the text ends inside of quotes"},
    {"a 1 TXT x\\\n", "1:10", "a backslash at the end of the line"},
    {"a 1 TXT x\\", "1:10", "a backslash at the end of the line"},
    {"a 1 TXT x\ry\n", "1:10", "a carriage return that ends no line"},
    {"a 1 A ( 192.0.2.1\n  192.0.2.2 )\n", "2:3",
     "A: '192.0.2.2': there is more than belongs here"},
    {"a 1 TXT \\256\n", "1:9", "TXT: '\\256': \\ and a digit must be \\DDD, 000 to 255"},
    {"a 1 TXT \"\\25\"\n", "1:10", "TXT: '\\25': \\ and a digit must be \\DDD, 000 to 255"},
    {"\xef\xbb\xbf@ 1 A 192.0.2.1\n", "1:1",
     "the text begins with a byte order mark: save it without"},
    {"a 1 \"A\" 192.0.2.1\n", "1:6", "'A' is no RR type (a record is: name TTL class type data)"},
    {"\"@\" 1 A 192.0.2.1\n", "1:2",
     "'@': \"@\" is the origin for some servers and a name for others: write @ or \\@"},
    {"a 1 IN IN A 192.0.2.1\n", "1:8",
     "'IN' is no RR type (a record is: name TTL class type data)"},
    {"a 1 ANY A 192.0.2.1\n", "1:5", "class ANY: only IN can be signed"},
    {"a 1 CLASS2 A 192.0.2.1\n", "1:5", "class CLASS2: only IN can be signed"},
    {"a 1 TYPE255 \\# 0\n", "1:5", "'TYPE255' cannot be in a zone"},
    {"a 1 TYPE0 \\# 0\n", "1:5", "'TYPE0' cannot be in a zone"},
    {"a 1 TYPE65536 \\# 0\n", "1:5",
     "'TYPE65536' is no RR type (a record is: name TTL class type data)"},
    {"a 1 TYPE10 x\n", "1:12", "NULL: 'x': this type can only be written as \\# (RFC 3597)"},
    {"a 1 TYPE65280 x\n", "1:15",
     "TYPE65280: 'x': this type can only be written as \\# (RFC 3597)"},
    {"a 1 MX b\n", "1:8", "MX: 'b': expected a number, 0 to 65535"},
    {"a 1 MX 1 b c d\n", "1:12", "MX: 'c': there is more than belongs here"},
    {"a 1 DS 1 8 2 0\n", "1:14", "DS: '0': an odd number of hexadecimal digits"},
    {"a 1 DS 1 8 200 0\n", "1:16", "DS: '0': an odd number of hexadecimal digits"},
    {"a 1 DNSKEY 256 3 8 AwEAAQ\n", "1:20", "DNSKEY: 'AwEAAQ': base64 that is cut off"},
    {"a 1 DNSKEY 256 3 8 AwEAA/==\n", "1:20",
     "DNSKEY: 'AwEAA/==': base64 with bits beyond its last byte"},
    {"a 1 DNSKEY 256 3 8 A*EA\n", "1:20", "DNSKEY: 'A*EA': expected base64"},
    {"a 1 DNSKEY 256 3 8 AwE= AAAA\n", "1:25", "DNSKEY: 'AAAA': base64 goes on behind its padding"},
    {"a 1 DNSKEY 256 3 8 ( AAAA\n  BBBB\n  CC!C )\n", "3:3", "DNSKEY: 'CC!C': expected base64"},
    {"a 1 DNSKEY 256 3 8 ( AAAA\n  BBB )\n", "2:3", "DNSKEY: 'BBB': base64 that is cut off"},
    {"a 1 A \x1b[31m\n", "1:7", "A: '\\027[31m': expected an IPv4 address"},
    {"a\\.b..c 1 A 192.0.2.1\n", "1:1", "'a\\.b..c': an empty label"},
    {"; only\n $TTL 5\n", "2:2", "the first record begins with white space: it has no name"},
    {"a 1 HTTPS 1 . alpn=\"h2\"x\n", "1:24",
     "HTTPS: 'x': expected a parameter as alpn=h2, port=443 or key65000=text"},
    {"a 1 HTTPS 1 . \"alpn=h2\"\n", "1:16",
     "HTTPS: 'alpn=h2': expected a parameter as alpn=h2, port=443 or key65000=text"},
    {"a 1 HTTPS 1 . alpn= \"h2\"\n", "1:22",
     "HTTPS: 'h2': expected a parameter as alpn=h2, port=443 or key65000=text"},
    {"a 1 HTTPS 1 . port=1 alpn=h2 port=2\n", "1:30",
     "HTTPS: 'port=2': this parameter is there twice"},
    {"a 1 HTTPS 1 . mandatory=port alpn=h2\n", "1:37",
     "HTTPS: mandatory must name parameters that are there, each once (RFC 9460, 8)"},
    {"a 1 HTTPS 1 . no-default-alpn\n", "1:30",
     "HTTPS: no-default-alpn needs alpn beside it (RFC 9460, 7.1.1)"},
    {"a 1 HTTPS 1 . ipv4hint=192.0.2.1,,192.0.2.2\n", "1:15",
     "HTTPS: 'ipv4hint=192.0.2.1,,192.0.2.2': an empty item in the list"},
    {"a 1 HTTPS 1 . port=65536\n", "1:15", "HTTPS: 'port=65536': expected a port, 0 to 65535"},
    {"a 1 HTTPS 1 . key65536=x\n", "1:15",
     "HTTPS: 'key65536=x': expected a parameter as alpn=h2, port=443 or key65000=text"},
    {"a 1 SVCB 1 . key3=x\n", "1:14",
     "SVCB: 'key3=x': some servers take this value as text and others as wire bytes: "
     "write port="},
};

static void refuses_what_it_cannot_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        expect_error(refusals[i].text, refusals[i].place, refusals[i].message);
}

/* Once read as the end of a word, without end. In a comment, where nobody looks, it may be. */
static void a_nul_byte_is_refused(void **state)
{
    (void)state;
    static const char text[] = "a 1 TXT x\0y\n";
    struct keyd_error err;
    struct zone *zone = NULL;
    const char *path = lab_path("nul.zone");
    assert_int_equal(file_replace(path, text, sizeof text - 1, 0600, NULL), KEYD_OK);
    assert_int_equal(zonefile_load(path, lab_name("example.org").wire, &zone, &err),
                     KEYD_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "nul.zone:1:10: a NUL byte: this is no zone file"));

    static const char comment[] = "a 1 TXT ( x ; \0y\n ) ;\0\n; \0";
    assert_int_equal(file_replace(path, comment, sizeof comment - 1, 0600, NULL), KEYD_OK);
    assert_int_equal(zonefile_load(path, lab_name("example.org").wire, &zone, &err), KEYD_OK);
    assert_int_equal(zone_records(zone), 1);
    zone_free(zone);
}

static void a_missing_file_and_a_folder_are_told(void **state)
{
    (void)state;
    struct keyd_error err;
    struct zone *zone = NULL;
    assert_int_equal(zonefile_load(lab_path("none"), lab_name("example.org").wire, &zone, &err),
                     KEYD_NOT_FOUND);
    assert_int_not_equal(zonefile_load(lab_path("."), lab_name("example.org").wire, &zone, &err),
                         KEYD_OK);
}

static void checks_the_content(void **state)
{
    (void)state;
    expect_verdict(SOA NS, KEYD_OK, NULL);
    expect_verdict("", KEYD_INVALID_ARGUMENT,
                   "lab.zone: no records of example.org.: is it empty, or another file?");
    expect_verdict("a 1 A 192.0.2.1\n", KEYD_INVALID_ARGUMENT,
                   "lab.zone: there is no SOA record at example.org.: is this the right zone?");
    expect_verdict(SOA, KEYD_INVALID_ARGUMENT,
                   "lab.zone:1:1: example.org.: no NS record beside the SOA: name the servers that "
                   "serve the zone");
    expect_verdict(
        SOA NS "@ 1 SOA ns2 h 1 2 3 4 5\n", KEYD_INVALID_ARGUMENT,
        "lab.zone:3:1: example.org.: 2 SOA records, the first at lab.zone:1:1: keep one");
    expect_verdict(SOA NS "a 1 SOA ns2 h 1 2 3 4 5\n", KEYD_INVALID_ARGUMENT,
                   "lab.zone:3:1: a.example.org.: an SOA record below the zone's apex");
    expect_verdict(
        SOA NS "a 1 CNAME b\na 1 A 192.0.2.1\n", KEYD_INVALID_ARGUMENT,
        "lab.zone:3:1: a.example.org.: CNAME beside other data (RFC 2181, 10.1): keep one of the "
        "two");
    expect_verdict(
        SOA NS "a 1 CNAME b\na 1 CNAME c\n", KEYD_INVALID_ARGUMENT,
        "lab.zone:4:1: a.example.org.: 2 CNAME records, the first at lab.zone:3:1: keep one");
    expect_verdict(SOA NS "@ 1 DS 1 8 200 00\n", KEYD_INVALID_ARGUMENT,
                   "lab.zone:3:1: example.org.: the zone's own DS belongs into the parent zone");
    expect_verdict(SOA NS "a 1 NS b\na 1 DNAME c\n", KEYD_INVALID_ARGUMENT,
                   "lab.zone:4:1: a.example.org.: DNAME beside a delegation (RFC 6672, 2.3)");
    expect_verdict(
        SOA NS "d 1 DNAME b\nx.d 1 A 192.0.2.1\n", KEYD_INVALID_ARGUMENT,
        "lab.zone:4:1: x.d.example.org.: below the DNAME at lab.zone:3:1 (RFC 6672, 2.4)");
}

/* What no server could load or answer with. */
static void refuses_what_cannot_be_served(void **state)
{
    (void)state;
    expect_verdict(
        SOA NS "*.w 1 NS b\n", KEYD_INVALID_ARGUMENT,
        "lab.zone:3:1: *.w.example.org.: NS at a wildcard (RFC 4592, 4.2), which servers refuse");
    expect_verdict(
        SOA NS "a 1 DNSKEY 256 3 13 AAAA\n", KEYD_INVALID_ARGUMENT,
        "lab.zone:3:1: a.example.org.: a DNSKEY belongs at the zone's apex (RFC 4035, 2.1): "
        "validators take it for a zone's below");

    /* 64,000 bytes: 15 of the owner, 10, 63,975 of rdata. */
    char *text = NULL;
    for (size_t more = 0; more < 2; more++) {
        size_t length = 63975 + more;
        assert_true(asprintf(&text, SOA NS "b 1 TYPE65280 \\# %zu %0*d\n", length,
                             (int)(2 * length), 0) > 0);
        expect_verdict(
            text, more == 0 ? KEYD_OK : KEYD_INVALID_ARGUMENT,
            more == 0 ? NULL
                      : "lab.zone:3:1: b.example.org.: the records of one type have 64001 bytes "
                        "together: with their signature no DNS message holds more than "
                        "64000");
        free(text);
    }
}

/* Below a delegation nobody is told of anything: what servers load is let be. */
static void lets_be_what_is_occluded(void **state)
{
    (void)state;
    expect_verdict(SOA NS "s 1 NS ns.s\ns 1 DNSKEY 256 3 13 AAAA\nd.s 1 DNAME b\n"
                          "c.s 1 CNAME b\nz.s 1 DS 1 8 200 00\nz.s 1 DNSKEY 256 3 13 AAAA\n"
                          "z.s 1 CDS 0 0 0 00\ny.s 1 NS b\n",
                   KEYD_OK, NULL);
}

#define CUT "s 1 NS ns1.example.net.\n"

/* What servers refuse they refuse there, too. */
static void refuses_below_a_delegation_what_servers_do(void **state)
{
    (void)state;
    expect_verdict(
        SOA NS CUT "x.s 1 CNAME a.\nx.s 1 A 192.0.2.1\n", KEYD_INVALID_ARGUMENT,
        "lab.zone:4:1: x.s.example.org.: CNAME beside other data (RFC 2181, 10.1): keep one of "
        "the two");
    expect_verdict(
        SOA NS CUT "x.s 1 CNAME a.\nx.s 1 CNAME b.\n", KEYD_INVALID_ARGUMENT,
        "lab.zone:5:1: x.s.example.org.: 2 CNAME records, the first at lab.zone:4:1: keep one");
    expect_verdict(
        SOA NS CUT "x.s 1 DNAME a.\nx.s 1 DNAME b.\n", KEYD_INVALID_ARGUMENT,
        "lab.zone:5:1: x.s.example.org.: 2 DNAME records, the first at lab.zone:4:1: keep one");
    expect_verdict(SOA NS CUT "x.s 1 DNAME a.\nx.s 1 NS b.\n", KEYD_INVALID_ARGUMENT,
                   "lab.zone:4:1: x.s.example.org.: DNAME beside a delegation (RFC 6672, 2.3)");
    expect_verdict(
        SOA NS CUT "x.s 1 DNAME a.\ny.x.s 1 A 192.0.2.1\n", KEYD_INVALID_ARGUMENT,
        "lab.zone:5:1: y.x.s.example.org.: below the DNAME at lab.zone:4:1 (RFC 6672, 2.4)");
}

/* What all load stays where it is of no use, and is told. */
static void tells_of_what_is_misplaced(void **state)
{
    (void)state;
    struct keyd_error err;
    struct zonecheck_misplaced misplaced = {0};
    struct zone *zone = lab_zone("example.org", SOA NS CUT
                                 "s 1 DS 1 8 200 00\na 1 A 192.0.2.1\na 1 DS 1 8 200 00\n"
                                 "b 1 CDS 0 0 0 00\nb 1 A 192.0.2.1\nx.s 1 DS 1 8 200 00\n");
    assert_int_equal(zonecheck(zone, &misplaced, &err), KEYD_OK);
    assert_int_equal(misplaced.sets, 2);
    assert_string_equal(lab_plain(misplaced.place), "lab.zone:6:1");
    assert_int_equal(misplaced.type, TYPE_DS);
    assert_string_equal(misplaced.owner, "a.example.org.");
    zone_free(zone);
}

static void expect_server(const char *text, const char *fault)
{
    char wanted[256];
    char whole[512];
    snprintf(whole, sizeof whole, SOA "@ 1 NS ns.a\n%s", text);
    snprintf(
        wanted, sizeof wanted,
        "lab.zone:2:1: example.org.: the server ns.a.example.org., which is in the zone, %s: BIND "
        "refuses such a zone",
        fault != NULL ? fault : "");
    expect_verdict(whole, fault != NULL ? KEYD_INVALID_ARGUMENT : KEYD_OK, wanted);
}

static void wants_addresses_of_the_servers_in_the_zone(void **state)
{
    (void)state;
    expect_server("ns.a 1 A 192.0.2.1\n", NULL);
    expect_server("NS.a 1 AAAA ::1\n", NULL);
    expect_server("a 1 NS b.\n", NULL);
    expect_server("ns.a 1 NS b.\n", NULL);
    expect_server("*.a 1 A 192.0.2.1\n", NULL);
    expect_server("* 1 A 192.0.2.1\n", NULL);
    expect_server("", "has no address in it");
    expect_server("ns.a 1 TXT x\n", "has no address in it");
    expect_server("ns.a 1 TXT x\n*.a 1 A 192.0.2.1\n", "has no address in it");
    expect_server("x.ns.a 1 TXT x\n*.a 1 A 192.0.2.1\n", "has no address in it");
    expect_server("x.a 1 TXT x\n* 1 A 192.0.2.1\n", "has no address in it");
    expect_server("ns.a 1 CNAME b.\n", "is a CNAME (RFC 2181, 10.3)");
    expect_server("*.a 1 CNAME b.\n", "is a CNAME by a wildcard (RFC 2181, 10.3)");
    expect_server("a 1 DNAME b.\n", "is below a DNAME");
}

/* An rdata and what is wrong with it; NULL: nothing. */
static const struct refused {
    const char *record;
    const char *why;
} contents[] = {
    {"MD a", "MD and MF are obsolete (RFC 973), and BIND refuses them: MX has their place"},
    {"X25 1234", NULL},
    {"X25 123", "an X.25 address has four or more digits (RFC 1183, 3.1)"},
    {"X25 12a4", "an X.25 address has four or more digits (RFC 1183, 3.1)"},
    {"KEY 49152 3 0", NULL},
    {"KEY 256 3 8 AAAA", NULL},
    {"KEY 256 3 8", "a KEY without a key, which its flags do not say (RFC 2535, 3.1.2)"},
    {"KEY 49152 3 8 AAAA",
     "a KEY with a key, though its flags say that there is none (RFC 2535, 3.1.2)"},
    {"ATMA +12", NULL},
    {"ATMA \\# 3 013161", "an ATM address in E.164 form has digits alone"},
    {"ATMA \\# 3 003161", NULL},
    {"LOC \\# 16 0000000088e18a46750a896000989680", NULL},
    {"LOC \\# 16 0099161388e18a46750a896000989680", NULL},
    {"LOC \\# 16 0108161388e18a46750a896000989680", NULL},
    {"LOC \\# 16 0008161388e18a46750a896000989680",
     "a LOC with 0 to a power of ten for a size or precision, which BIND refuses"},
    {"LOC \\# 16 0012011388e18a46750a896000989680",
     "a LOC with 0 to a power of ten for a size or precision, which BIND refuses"},
    {"LOC \\# 16 0012160988e18a46750a896000989680",
     "a LOC with 0 to a power of ten for a size or precision, which BIND refuses"},
    {"IPSECKEY 1 0 2 . AAAA", NULL},
    {"IPSECKEY 1 0 0 .", "an IPSECKEY without a key (RFC 4025, 2.6), which BIND refuses"},
    {"IPSECKEY 1 1 2 192.0.2.1 AAAA", NULL},
    {"IPSECKEY 1 1 2 192.0.2.1", "an IPSECKEY without a key (RFC 4025, 2.6), which BIND refuses"},
    {"IPSECKEY 1 2 2 ::1", "an IPSECKEY without a key (RFC 4025, 2.6), which BIND refuses"},
    {"IPSECKEY 1 3 2 a.b. AAAA", NULL},
    {"IPSECKEY 1 3 2 a.b.", "an IPSECKEY without a key (RFC 4025, 2.6), which BIND refuses"},
    {"RKEY 0 3 8 AAAA", NULL},
    {"RKEY 1 3 8 AAAA", "the flags of an RKEY are 0, BIND says"},
    {"TYPE32768 \\# 5 0001080900", NULL},
    {"NAPTR 1 2 u x \"\" a.", NULL},
    {"NAPTR 1 2 u x !^.*$!sip:a@b! .", NULL},
    {"NAPTR 1 2 u x \"!(a)[(](b)!\\\\2c!i\" .", NULL},
    {"NAPTR 1 2 u x \"!(a)[(](b)!\\\\3c!i\" .", "NAPTR"},
    {"NAPTR 1 2 u x \"!^a{1,2}[^]a-z[:digit:]_-](b|c)+$!\\\\1!\" .", NULL},
    {"NAPTR 1 2 u x ![1-[]!b! .", NULL},
    {"NAPTR 1 2 u x ![1-[[:alpha:]]!b! .", "NAPTR"},
    {"NAPTR 1 2 u x ![1-[!]!b! .", "NAPTR"},
    {"NAPTR 1 2 u x ![a-z-]!b! .", "NAPTR"},
    {"NAPTR 1 2 u x ![a-z0-]!b! .", NULL},
    {"NAPTR 1 2 u x ![[:alnum:]-_]!b! .", NULL},
    {"NAPTR 1 2 u x ![[:alnum:]-[:punct:]]!b! .", "NAPTR"},
    {"NAPTR 1 2 u x ![[.a.]-[.z.]]!b! .", NULL},
    {"NAPTR 1 2 u x ![[.ab.]-z]!b! .", "NAPTR"},
    {"NAPTR 1 2 u x ![[..]a.]]!b! .", "NAPTR"},
    {"NAPTR 1 2 u x \"!(a!b!\" .", "NAPTR"},
    {"NAPTR 1 2 u x !a|!b! .", "NAPTR"},
    {"NAPTR 1 2 u x !a**!b! .", "NAPTR"},
    {"NAPTR 1 2 u x !^*!b! .", "NAPTR"},
    {"NAPTR 1 2 u x !a{2,1}!b! .", "NAPTR"},
    {"NAPTR 1 2 u x !a{256}!b! .", "NAPTR"},
    {"NAPTR 1 2 u x ![z-a]!b! .", "NAPTR"},
    {"NAPTR 1 2 u x ![]!b! .", "NAPTR"},
    {"NAPTR 1 2 u x ![[:foo:]]!b! .", "NAPTR"},
    {"NAPTR 1 2 u x !a!\\\\0! .", "NAPTR"},
    {"NAPTR 1 2 u x !a\\\\1!b! .", "NAPTR"},
    {"NAPTR 1 2 u x Foo .", "NAPTR"},
    {"NAPTR 1 2 u x !a .", "NAPTR"},
    {"NAPTR 1 2 u x !a!b .", "NAPTR"},
    {"NAPTR 1 2 u x !a!b!g .", "NAPTR"},
    {"NAPTR 1 2 u x !a!b!! .", "NAPTR"},
    {"NAPTR 1 2 u x !a!\\000! .", "NAPTR"},
    {"NAPTR 1 2 u x 1a1b1 .", "NAPTR"},
};

static void refuses_rdata_that_no_server_loads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        const struct refused *row = &contents[i];
        const char *why = row->why;
        char text[256];
        char wanted[256];
        if (why != NULL && strcmp(why, "NAPTR") == 0)
            why = "the third text of a NAPTR is no substitution as !EXPRESSION!REPLACEMENT! (RFC "
                  "3402, 3.2)";
        snprintf(text, sizeof text, SOA NS "a 1 %s\n", row->record);
        snprintf(wanted, sizeof wanted, "lab.zone:3:1: a.example.org.: %s", why != NULL ? why : "");
        expect_verdict(text, why == NULL ? KEYD_OK : KEYD_INVALID_ARGUMENT, wanted);
    }
}

/* A record that ends in so many of something. */
static void expect_many(const char *start, const char *before, const char *after, size_t count,
                        const char *why)
{
    struct bytes text = {0};
    char wanted[256];
    bytes_format(&text, SOA NS "a 1 %s", start);
    for (size_t i = 100; i < 100 + count; i++)
        bytes_format(&text, " %s%zu%s", before, i, after);
    bytes_format(&text, "\n%c", 0);
    snprintf(wanted, sizeof wanted, "lab.zone:3:1: a.example.org.: %s", why != NULL ? why : "");
    expect_verdict((const char *)text.data, why != NULL ? KEYD_INVALID_ARGUMENT : KEYD_OK, wanted);
    bytes_free(&text);
}

/* NSD counts to 64. */
static void refuses_rdata_of_too_many_parts(void **state)
{
    (void)state;
    expect_many("SPF", "", "", 64, NULL);
    expect_many("SPF", "", "", 65, "an SPF of more than 64 strings, which NSD refuses");
    expect_many("TXT", "", "", 65, NULL);
    expect_many("APL", "!1:192.0.2.", "/32", 64, NULL);
    expect_many("APL", "!1:192.0.2.", "/32", 65,
                "an APL of more than 64 prefixes, which NSD refuses");
    expect_many("SVCB 1 b", "key", "=a", 62, NULL);
    expect_many("SVCB 1 b", "key", "=a", 63, "more than 62 parameters, which NSD refuses");
    expect_many("HTTPS 1 b", "key", "", 63, "more than 62 parameters, which NSD refuses");
}

/* Of a zone file it is refused while it is read; a server may send it, too. */
static void refuses_digests_of_a_wrong_length(void **state)
{
    (void)state;
    static const uint8_t sha1[24] = {0, 1, 8, 1};
    static const uint16_t types[] = {TYPE_DS, TYPE_CDS, TYPE_TA, TYPE_DLV};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        assert_null(rdatacheck(types[i], sha1, sizeof sha1));
        assert_string_equal(rdatacheck(types[i], sha1, sizeof sha1 - 1),
                            "a digest that is not as long as those of its type");
    }
}

static void a_ttl_conflict_is_settled_and_told(void **state)
{
    (void)state;
    struct zone *zone =
        lab_zone("example.org", SOA NS "a 60 A 192.0.2.1\na 30 A 192.0.2.2\nb 1 A 192.0.2.3\n");
    struct zone_name name;
    struct rrset set;
    assert_true(zone_ttl_conflict(zone, &name, &set));
    assert_int_equal(rrset_place(&set).line, 3);
    assert_int_equal(set.ttl, 30);
    zone_free(zone);
}

static void text_limits(void **state)
{
    (void)state;
    char text[400];
    int n = snprintf(text, sizeof text, "a 1 TXT ");
    memset(text + n, 'x', 255);
    memcpy(text + n + 255, "\n", 2);
    zone_free(lab_zone("example.org", text));
    memset(text + n, 'x', 256);
    memcpy(text + n + 256, "\n", 2);
    struct zone *zone = NULL;
    assert_int_equal(
        zonefile_load(lab_file("long.zone", text), lab_name("example.org").wire, &zone, NULL),
        KEYD_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_ways_in_which_people_write),
        cmocka_unit_test(reads_and_writes_types),
        cmocka_unit_test(refuses_what_it_cannot_read),
        cmocka_unit_test(a_nul_byte_is_refused),
        cmocka_unit_test(a_missing_file_and_a_folder_are_told),
        cmocka_unit_test(checks_the_content),
        cmocka_unit_test(refuses_what_cannot_be_served),
        cmocka_unit_test(lets_be_what_is_occluded),
        cmocka_unit_test(refuses_below_a_delegation_what_servers_do),
        cmocka_unit_test(tells_of_what_is_misplaced),
        cmocka_unit_test(wants_addresses_of_the_servers_in_the_zone),
        cmocka_unit_test(refuses_rdata_that_no_server_loads),
        cmocka_unit_test(refuses_rdata_of_too_many_parts),
        cmocka_unit_test(refuses_digests_of_a_wrong_length),
        cmocka_unit_test(a_ttl_conflict_is_settled_and_told),
        cmocka_unit_test(text_limits),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
