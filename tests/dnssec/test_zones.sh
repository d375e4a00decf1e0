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

sign 2.0.192.in-addr.arpa <<EOF
\$TTL 60
$SOA
 NS ns.example.
1 PTR host.example.
EOF
finish
