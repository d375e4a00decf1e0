#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Odd zones: each is signed, and accepted by everybody.
. "$(dirname "$0")/common.sh"

SOA='@ 3600 IN SOA ns1 hostmaster 1 7200 3600 1209600 300'

# sign ZONE: reads the zone file from standard input.
sign() {
    cat >file
    "$DNSSEC" enable "$1" --zone-file file --signed-zone "$1.signed" --key "alias/k$RANDOM-$RANDOM" \
        -q >out 2>&1 || { fail "enable $1"; cat out >&2; }
    expect 0 good "$DNSSEC" verify "$1"
    valid "$1" "$1.signed"
}

sign apex.example <<EOF
$SOA
@ 60 NS ns.elsewhere.
EOF

sign cuts.example <<EOF
\$TTL 60
$SOA
 NS ns1
ns1 A 192.0.2.1
secure NS ns.secure
secure DS 1657 8 2 9D6BAE62219231C99FAA479716B6E4619330CE8206670AEA6C1673A055DC3AF2
ns.secure A 192.0.2.2
insecure NS ns.insecure
ns.insecure AAAA 2001:db8::1
deep.below.insecure A 192.0.2.3
a.b.c.d NS ns1
after.insecure A 192.0.2.9
EOF

sign names.example <<EOF
\$TTL 60
$SOA
 NS ns1
NS1 A 192.0.2.1
*.wild A 192.0.2.2
* MX 10 NS1
very.deep.empty.non.terminals TXT x
_443._tcp.www TLSA 3 1 1 0D6FCE13243AA7
a\\.dot A 192.0.2.3
\\255\\000x A 192.0.2.4
quo\\"te A 192.0.2.5
UPPER CNAME Mixed.Case.Example.
EOF

sign types.example <<EOF
\$TTL 1h
$SOA
 NS ns1
 CAA 0 issue "ca.example.net"
 TXT "v=spf1 -all" "semi;colon" "\\195\\169"
 HTTPS 1 . alpn="h2,h3"
ns1 A 192.0.2.1
srv SRV 1 2 3 Target.EXAMPLE.
naptr NAPTR 100 50 "s" "z3950+I2L" "" _z.GatWay.com.
loc LOC 42 21 54 N 71 06 18 W -24m 30m
unknown TYPE65280 \\# 4 0A000001
sshfp SSHFP 2 1 123456789abcdef67890123456789abcdef67890
uri URI 10 1 "https://example.org/"
hinfo HINFO "a b" c
rp RP Some.Body Text
eui EUI48 00-00-5e-00-53-2a
key OPENPGPKEY AAAA BBBB
dname DNAME Other.Example.
cds CNAME ns1
EOF

# Mixed case everywhere, one record twice but for its case; TTLs at both ends and uneven; a name and
# a label as long as they may be; glue at and below cuts that other cuts lie in.
label=$(printf 'a%.0s' {1..63})
sign edges.example <<EOF
\$TTL 60
$SOA
 NS ns1
NS1 A 192.0.2.1
FoO MX 10 MaIl
fOo MX 10 mAiL
foo AAAA 2001:DB8::1
mail 2147483647 A 192.0.2.2
zero 0 A 192.0.2.3
uneven 10 A 192.0.2.4
uneven 20 A 192.0.2.5
$label.$label.$label.$(printf 'b%.0s' {1..47}) A 192.0.2.6
rp RP A.B C.D
afs AFSDB 1 AFS.Foo.
kx KX 1 KX.Foo.
rt RT 1 R.T.
minfo MINFO A.b. C.d.
ns3 NS NS.Foo.
svcb SVCB 1 SVC.Example. port=53
*.c CNAME x
*.*.d A 192.0.2.7
sub NS ns.sub
sub A 192.0.2.8
ns.sub A 192.0.2.9
deep.sub NS ns.deep.sub
ns.deep.sub A 192.0.2.10
@ CDS 0 0 0 00
@ CDNSKEY 0 3 0 AA==
@ TXT "quo\\"te" "semi;colon" "" bare\\;word
EOF

# What is of no use where it is, but loads everywhere: signed as data like others. Beside it what was
# once printed in a way that servers refuse, or only some of them read.
cat >file <<EOF
$SOA
@ 60 NS ns1
ns1 60 A 192.0.2.1
caa 60 CAA 0 issue ""
uri 60 URI 1 2 ""
loc CLASS01 60 LOC \\# 16 01ff0000000000000000000000000000
eui 60 EUI64 0-0-0-0-0-0-0-a
ds 60 DS 1 8 SHA-256 9D6BAE62219231C99FAA479716B6E4619330CE8206670AEA6C1673A055DC3AF2
ds 60 A 192.0.2.2
cds 60 CDS 0 0 0 00
cds 60 CDNSKEY 0 3 0 AA==
cut 60 NS ns1
cut 60 DNSKEY 257 3 13 AAAA
x.cut 60 DNSKEY 257 3 13 AAAA
x.cut 60 DS 1 8 2 9D6BAE62219231C99FAA479716B6E4619330CE8206670AEA6C1673A055DC3AF2
EOF
for denial in nsec nsec3; do
    expect 0 'file:10:1: cds.odd.example. CDS is where nobody looks for it, .*; 2 RRsets more are' \
        "$DNSSEC" enable odd.example --zone-file file --signed-zone odd.signed --denial $denial
    expect 0 good "$DNSSEC" verify odd.example
    ldns-verify-zone odd.signed >out 2>&1 || { fail ldns-verify-zone; cat out >&2; }
    valid_but_ldns odd.example odd.signed
done

# The root, with delegations as the real one has them.
cat >root.file <<EOF
. 86400 IN SOA a.root-servers.net. nstld.verisign-grs.com. 1 1800 900 604800 86400
. 518400 IN NS a.root-servers.net.
org. 172800 IN NS a0.org.afilias-nst.info.
org. 86400 IN DS 17883 7 2 D889CAD790F01979E860D6627B58F85AB554E0E491FE06515F35548D1EB4E6EE
a0.org.afilias-nst.info. 172800 IN A 199.19.56.1
info. 172800 IN NS a0.org.afilias-nst.info.
net. 172800 IN NS a.gtld-servers.net.
a.gtld-servers.net. 172800 IN A 192.5.6.30
a.root-servers.net. 518400 IN A 198.41.0.4
EOF
expect 0 '' "$DNSSEC" enable . --zone-file root.file --signed-zone root.signed
expect 0 good "$DNSSEC" verify .
valid . root.signed

sign 2.0.192.in-addr.arpa <<EOF
\$TTL 60
$SOA
 NS ns.example.
1 PTR host.example.
EOF
# From 10,000 RRsets on a sample of the signatures is verified, unless all are asked for. What is
# always verified is the apex, the chain and the structure.
{
    printf '$TTL 300\n@ SOA ns.example. hm.example. 1 3600 600 86400 300\n@ NS ns.example.\n'
    seq -f 'h%g A 192.0.2.1' 10050
} >large.file
expect 0 'Verified +20104 RRsets, .* 30[0-9] of 20104 signatures' \
    "$DNSSEC" enable large.example --zone-file large.file --signed-zone large.signed
expect 0 'Verified .*all 20104 signatures' "$DNSSEC" sign large.example --verify full
sed -E '/RRSIG[[:space:]]+SOA /s#[A-Za-z0-9+/]{4}([A-Za-z0-9+/=]{84})$#AAAA\1#' large.signed >bent
expect 1 'SOA' "$DNSSEC" verify large.example --signed-zone bent --verify sample
sed -E '/^h77\.large\.example\.[[:space:]].*[[:space:]]NSEC[[:space:]]h/d' large.signed >bent
expect 1 'h77' "$DNSSEC" verify large.example --signed-zone bent --verify sample
finish
