#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Each algorithm from enable to sign, judged by other people's validators; key files go to and come
# from their signers, and what is not random is byte for byte what they make.
. "$(dirname "$0")/common.sh"

second=$(date +%s)
NOW=$(date -u -d "@$second" +%Y-%m-%dT%H:%M:%SZ)
BEGIN=$(date -u -d "@$((second - 3600))" +%Y%m%d%H%M%S)
END=$(date -u -d "@$((second + 14 * 86400))" +%Y%m%d%H%M%S)

cat >zone <<'END_OF_ZONE'
$TTL 3600
@       86400 IN SOA ns1 hostmaster 2026112401 14400 3600 1209600 300
        IN NS  ns1
        IN NS  ns2
        IN MX  10 mail
ns1     A 192.0.2.1
ns2     A 192.0.2.2
mail    300 A 192.0.2.3
www     CNAME @
sub     NS ns.sub
sub     DS 1 8 2 9D6BAE62219231C99FAA479716B6E4619330CE8206670AEA6C1673A055DC3AF2
ns.sub  A 192.0.2.4
*.wild  TXT "w"
END_OF_ZONE

# records ZONE FILE TAG: the RRSIGs of one key in one form, one a line, sorted.
records() {
    named-compilezone -q -i none -k ignore -F text -s full -o - "$1" "$2" |
        awk -v tag="$3" '$4 == "RRSIG" && $11 == tag { $1 = tolower($1); print }' | sort
}

# The same signatures by BIND and ldns, over our zone without what signing made.
compare() { # ZONE ZSK FORM: "bytes" or "random"; DENIAL
    local zone=$1 zsk=$2 tag=$((10#${2##*+})) count bind=() ldns=()
    # ldns gives NSEC3PARAM the SOA's TTL, BIND and we give it 0: only servers look at it.
    [ "$4" = nsec ] || { bind=(-3 - -H 0) ldns=(-n -a 1 -t 0); }
    named-compilezone -q -i none -k ignore -F text -s full -o plain "$zone" "$zone.signed"
    awk '$4 != "RRSIG" && $4 !~ /^NSEC/ && $4 != "DNSKEY"' plain >plain.zone
    cat plain.zone "$zsk.key" >plain.bind
    awk '$4 == "DNSKEY"' plain >>plain.zone
    dnssec-signzone -q -P -z -u "${bind[@]}" -s "$BEGIN" -e "$END" -O full -o "$zone" -f by.bind plain.bind \
        "$zsk" >out 2>&1 || { fail "dnssec-signzone does not take $zsk"; cat out >&2; }
    ldns-signzone "${ldns[@]}" -i "$BEGIN" -e "$END" -o "$zone" -f by.ldns plain.zone "$zsk" >out 2>&1 ||
        { fail "ldns-signzone does not take $zsk"; cat out >&2; }
    records "$zone" "$zone.signed" "$tag" >ours
    count=$(wc -l <ours)
    [ "$count" -ge 16 ] || fail "$zone: $count signatures by the ZSK"
    # Both sign the DNSKEY set with this key too, as they were given no KSK.
    records "$zone" by.bind "$tag" | grep -v 'RRSIG DNSKEY' >theirs
    [ "$3" = random ] || cmp ours theirs || fail "$zone: BIND makes other signatures"
    [ "$(wc -l <theirs)" = "$count" ] || fail "$zone: BIND makes another number of signatures"
    records "$zone" by.ldns "$tag" | grep -v 'RRSIG DNSKEY' >theirs
    if [ "$4" = nsec3 ]; then
        sed -i '/RRSIG NSEC3PARAM/d' ours theirs
        count=$((count - 1))
    fi
    [ "$3" = random ] || cmp ours theirs || fail "$zone: ldns makes other signatures"
    [ "$(wc -l <theirs)" = "$count" ] || fail "$zone: ldns makes another number of signatures"
}

# one NUMBER MNEMONIC SPEC FORM OPTION...: enable, DS, sign again, compare.
one() {
    local number=$1 mnemonic=$2 spec=$3 form=$4 zone=a$1.example zsk
    shift 4
    case " $* " in *" --key-size "*) zone=a$number-${*: -1}.example ;; esac
    cp zone "$zone"
    : >hsm/calls
    expect 0 "KSK in the HSM .*$mnemonic \\($number\\), made" "$DNSSEC" enable "$zone" \
        --zone-file "$zone" --now "$NOW" "$@"
    grep -q "ZSK on this host .*$mnemonic ($number), made" out || fail "$zone: the ZSK is another"
    grep -q "^spec $spec$" hsm/calls || fail "$zone: the KSK's key is not of $spec"
    valid "$zone" "$zone.signed"
    zsk=$(basename state/"$zone"/K*.private .private)
    [[ $zsk == K$zone.+$(printf %03d "$number")+* ]] || fail "$zone: its ZSK is $zsk"
    "$DNSSEC" ds "$zone" --output text >ds
    dnssec-dsfromkey -2 -f "$zone.signed" "$zone" >ds.bind
    cmp ds ds.bind || fail "$zone: BIND makes another DS"
    expect 0 "$mnemonic \\($number\\)" "$DNSSEC" status "$zone"
    cp state/"$zone"/"$zsk".* .
    compare "$zone" "$zsk" "$form" nsec
    expect 0 'NSEC3 chain' "$DNSSEC" enable "$zone" --denial nsec3 --now "$NOW"
    valid "$zone" "$zone.signed"
    compare "$zone" "$zsk" "$form" nsec3
    expect 0 ' NSEC chain' "$DNSSEC" enable "$zone" --denial nsec --now "$NOW"
    echo 'new A 192.0.2.9' >>"$zone"
    expect 0 'all [0-9]+ signatures' "$DNSSEC" sign "$zone" --now "$NOW"
    valid "$zone" "$zone.signed"
    expect 0 'good' "$DNSSEC" verify "$zone" --now "$NOW"
    sed 's/192\.0\.2\.9/192.0.2.8/' "$zone.signed" >tampered
    expect 1 "new.$zone. A: the signature by key [0-9]+ is bad" "$DNSSEC" verify "$zone" \
        --signed-zone tampered --now "$NOW"
}

one 8 RSASHA256 RSA_2048 bytes --algorithm 8
one 8 RSASHA256 RSA_3072 bytes --algorithm RSASHA256 --key-size 3072
one 10 RSASHA512 RSA_2048 bytes --algorithm rsasha512
one 10 RSASHA512 RSA_4096 bytes --algorithm 10 --key-size 4096
one 13 ECDSAP256SHA256 ECC_NIST_P256 random
one 14 ECDSAP384SHA384 ECC_NIST_P384 random --algorithm 14
one 15 ED25519 ECC_NIST_EDWARDS25519 bytes --algorithm ED25519

# A KSK that is larger than the ZSK: 2048 bits in the one, 4096 in the other.
sizes() { # FILE TAG: length of the signatures of a key, in base64
    records "$1" "$1.signed" "$2" | awk '{ s = ""; for (i = 13; i <= NF; i++) s = s $i
        print length(s) }' | sort -u
}
read -r _ _ _ tag _ <<<"$("$DNSSEC" ds a10-4096.example --output text)"
[ "$(sizes a10-4096.example "$tag")" = 684 ] || fail "the KSK's signatures have not 512 bytes"
tag=$(basename state/a10-4096.example/K*.key .key)
[ "$(sizes a10-4096.example $((10#${tag##*+})))" = 344 ] || fail "the ZSK's have not 256 bytes"

# BIND's key files are taken as they are.
for algorithm in RSASHA256 RSASHA512 ECDSAP256SHA256 ECDSAP384SHA384 ED25519; do
    zone=from-bind-$algorithm.example
    zone=${zone,,}
    mkdir -m 700 "state/$zone"
    bits=()
    [[ $algorithm != RSA* ]] || bits=(-b 2048)
    dnssec-keygen -q -K "state/$zone" -a "$algorithm" "${bits[@]}" "$zone" >out
    cp zone "$zone"
    expect 0 'ZSK on this host .*found and taken: K' "$DNSSEC" enable "$zone" --zone-file "$zone" \
        --algorithm "$algorithm"
    valid "$zone" "$zone.signed"
done
# One of another algorithm is not: KSK and ZSK must agree.
mkdir -m 700 state/mixed.example
dnssec-keygen -q -K state/mixed.example -a ED25519 mixed.example >out
expect 0 'ZSK on this host .*ECDSAP256SHA256 \(13\), made' "$DNSSEC" enable mixed.example \
    --zone-file zone --signed-zone mixed.signed
valid mixed.example mixed.signed
[ "$(ls state/mixed.example/K*+015+* | wc -l)" = 2 ] || fail "somebody's pair was removed"

# Command lines that cannot be meant.
refused() { # PATTERN OPTION...
    local pattern=$1
    shift
    expect 2 "$pattern" "$DNSSEC" enable bad.example --zone-file zone "$@"
}
refused 'give one of 8 \(RSASHA256\), 10 .*15 \(ED25519\)' --algorithm 5
refused '--algorithm RSASHA1-NSEC3-SHA1' --algorithm RSASHA1-NSEC3-SHA1
refused '--algorithm 16: give one of' --algorithm 16
refused '--algorithm 264' --algorithm 264
refused '--algorithm :' --algorithm ''
refused '--key-size 1024: 2048, 3072 or 4096' --algorithm 8 --key-size 1024
refused '--key-size is for RSA.*ECDSAP256SHA256 \(13\) has one size' --key-size 2048
refused '--key-size is for RSA.*ED25519 \(15\)' --algorithm 15 --key-size 4096

# Algorithm and size are not changed under a zone; said again as they are, they are no change.
expect 3 'enabled with algorithm RSASHA256 \(8\): to change it to ED25519 \(15\) would break' \
    "$DNSSEC" enable a8.example --algorithm 15
expect 3 'a key of 2048 bits, not of 4096' "$DNSSEC" enable a8.example --key-size 4096
expect 3 'a key of 256 bits, not of 2048' "$DNSSEC" enable a13.example --key-size 2048
expect 0 'RSASHA256 \(8\), there already' "$DNSSEC" enable a8.example --algorithm 8 --key-size 2048

# An alias whose key does not fit.
cp zone other.example
other() {
    "$DNSSEC" enable other.example --zone-file other.example "$@"
}
expect 3 'is a RSA_2048 key.*ECDSAP256SHA256 needs ECC_NIST_P256 for' \
    other --key alias/a8-example-ksk
expect 3 'is a ECC_NIST_P256 key.*RSASHA256 needs RSA_2048, RSA_3072 or RSA_4096 for' \
    other --key alias/a13-example-ksk --algorithm 8
expect 3 'is a RSA_2048 key.*RSASHA256 needs RSA_3072 for' \
    other --key alias/a8-example-ksk --algorithm 8 --key-size 3072
expect 3 'is a ECC_NIST_P384 key.*ED25519 needs ECC_NIST_EDWARDS25519 for' \
    other --key alias/a14-example-ksk --algorithm 15
# One RSA key fits both RSA algorithms, of any size where none is given.
expect 0 'RSASHA512 \(10\), found and taken' other --key alias/a8-3072-example-ksk --algorithm 10
valid other.example other.example.signed

# What was asked for is kept when the first try stops, as are alias and token.
cp zone slow.example
request_id() {
    python3 -c 'import json
print(json.load(open("state/slow.example/state.json"))["request_id"])'
}
touch hsm/fail-create
expect 1 'token soft is away' "$DNSSEC" enable slow.example --zone-file slow.example \
    --algorithm 10 --key-size 3072
first=$(request_id)
expect 1 'token soft is away' "$DNSSEC" enable slow.example
again=$(request_id)
[ "$first" = "$again" ] || fail "the same request has another id"
expect 1 'token soft is away' "$DNSSEC" enable slow.example --key-size 2048
again=$(request_id)
[ "$first" != "$again" ] || fail "another key is asked for under the same request id"
expect 1 'token soft is away' "$DNSSEC" enable slow.example --key-size 3072
rm hsm/fail-create
: >hsm/calls
expect 0 'RSASHA512 \(10\), made' "$DNSSEC" enable slow.example
grep -q '^spec RSA_3072$' hsm/calls || fail "the key size was forgotten"

# A signature that is none is not published.
for zone in a8 a14 a15; do
    cp "$zone.example.signed" before
    touch hsm/short-signature
    expect 1 'that are no .* signature came back' "$DNSSEC" sign "$zone.example"
    rm hsm/short-signature
    touch hsm/bad-signature
    expect 1 'DNSKEY: the signature by key [0-9]+ is bad' "$DNSSEC" sign "$zone.example"
    rm hsm/bad-signature
    cmp -s "$zone.example.signed" before || fail "$zone: a bad zone was published"
done

# A state of the first version, which did not name the algorithm.
python3 - state/a13.example/state.json <<'END_OF_SCRIPT'
import json, sys
state = json.load(open(sys.argv[1]))
assert state["version"] == 1
del state["algorithm"], state["key_size"]
json.dump(state, open(sys.argv[1], "w"))
END_OF_SCRIPT
expect 0 'all [0-9]+ signatures' "$DNSSEC" sign a13.example
valid a13.example a13.example.signed
finish
