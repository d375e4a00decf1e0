#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What stands at the apex, and what was there before: digests, serials, other signers' keys, a zone
# that is signed already. Each is accepted by everybody.
DATA=$(cd "$(dirname "$0")/../data" && pwd)
. "$(dirname "$0")/common.sh"
SOA='@ 3600 IN SOA ns1 hostmaster 5 7200 3600 1209600 300'

cat >zone <<END
\$TTL 60
$SOA
 NS ns1
ns1 A 192.0.2.1
Sub NS ns.sub
ns.sub A 192.0.2.2
*.a.b TXT "x" "y"
END

# ---- Digests -------------------------------------------------------------------------------------

# digested ZONE FILE DENIAL: its ZONEMD is good and signed, and all else too. ldns-verify-zone 1.8.3
# does not end on some zones that have both NSEC3 and ZONEMD (in ldns_dnssec_zone_verify_zonemd).
digested() {
    if [ "$3" = nsec ]; then
        valid "$1" "$2"
        ldns-verify-zone -ZZ "$2" >out 2>&1 || { fail "ldns-verify-zone -ZZ $2"; cat out >&2; }
    else
        valid_but_ldns "$1" "$2"
    fi
    /usr/bin/python3 -c 'import sys, dns.zone
dns.zone.from_file(sys.argv[2], origin=sys.argv[1], relativize=False).verify_digest()' "$1" "$2" \
        >out 2>&1 || { fail "dnspython on the digest of $2"; cat out >&2; }
}
for denial in nsec nsec3; do
    expect 0 'Digest +ZONEMD, SHA-384' "$DNSSEC" enable md.org --zone-file zone \
        --signed-zone md.signed --zonemd --denial $denial
    digested md.org md.signed $denial
done
# It is remembered; it is left out again when that is said.
expect 0 'Digest +ZONEMD' "$DNSSEC" sign md.org
digested md.org md.signed nsec3
expect 0 'Digest +ZONEMD' "$DNSSEC" status md.org

# The root; a name that is itself a hash of the chain, whose records are digested with the NSEC3's.
cp "$DATA/root.zone" root
for denial in nsec nsec3; do
    expect 0 'Digest +ZONEMD' "$DNSSEC" enable . --zone-file root --signed-zone root.signed \
        --zonemd --denial $denial
    digested . root.signed $denial
done
# Every algorithm over an odd zone, and the smallest one there is.
printf '%s\n' "$SOA" '@ 60 NS ns.' >least
for number in 8 10 13 14 15; do
    for denial in nsec nsec3 'nsec3 --opt-out'; do
        for file in odd.zone least; do
            zone=${file%.zone}$number.example
            cp "$DATA/odd.zone" .
            # shellcheck disable=SC2086 # words
            expect 0 'all [0-9]+ signatures' "$DNSSEC" enable "$zone" --zone-file "$file" \
                --signed-zone signed --algorithm "$number" --zonemd --denial $denial
            digested "$zone" signed "${denial% *}"
            rm signed
        done
    done
done
hash=$(ldns-nsec3-hash -a 1 -t 0 www.hash.example)
printf '%s\n' "$SOA" '@ 60 NS ns.' 'www 60 A 192.0.2.1' "${hash%.} 60 A 192.0.2.2" \
    "${hash%.} 60 TYPE65280 \\# 0" >hash.file
expect 0 'Digest +ZONEMD' "$DNSSEC" enable hash.example --zone-file hash.file \
    --signed-zone hash.signed --zonemd --denial nsec3
digested hash.example hash.signed nsec3

sed 's/^\(ns.sub.md.org.*\)192.0.2.2$/\1192.0.2.3/' md.signed >bent
expect 1 'ZONEMD: its digest is not that of the zone' "$DNSSEC" verify md.org --signed-zone bent
expect 0 'Digest +none' "$DNSSEC" enable md.org --no-zonemd
! grep -q ZONEMD md.signed || fail "a ZONEMD that nobody wants"
valid md.org md.signed

# ---- Serials -------------------------------------------------------------------------------------

# Enabling takes the zone file's for one that is served already.
now=2026-11-24T08:31:02Z
expect 0 '1795509062, the time of signing' "$DNSSEC" enable unix.org --zone-file zone \
    --signed-zone unix.signed --serial unixtime --now $now
expect 0 '1795509063 \(the time is 1795509062; 1795509062 is the last one given out' \
    "$DNSSEC" sign unix.org --now $now
expect 0 '2026112400, the date of signing' "$DNSSEC" enable unix.org --serial date --now $now
expect 0 '2026112401 \(the date is 2026112400; 2026112400 is the last one' "$DNSSEC" sign unix.org \
    --now $now
expect 0 '2026112500, the date of signing' "$DNSSEC" sign unix.org --now 2026-11-25T00:00:00Z
# Back to a smaller one is no way (RFC 1982).
expect 0 '2026112501 \(the time is 1795510800; 2026112500 is' "$DNSSEC" enable unix.org \
    --serial unixtime --now 2026-11-24T09:00:00Z
expect 0 '2026112502, one above the zone file' "$DNSSEC" enable unix.org --serial increment
expect 0 '2026112503 \(the zone file has 5; 2026112502' "$DNSSEC" enable unix.org --serial keep
expect 2 '--serial up: keep, increment, unixtime or date' "$DNSSEC" enable unix.org --serial up

# ---- When signatures end -------------------------------------------------------------------------

# ends FILE: how many different ends, the first and the last.
ends() {
    awk -F'\t' '$4 == "RRSIG" { split($5, f, " "); print f[5] }' "$1" | sort -u >ends
    echo "$(wc -l <ends) $(head -1 ends) $(tail -1 ends)"
}
expect 0 'Verified' "$DNSSEC" enable late.org --zone-file zone --signed-zone late.signed --now $now
[ "$(ends late.signed)" = '1 20261208083102 20261208083102' ] || fail "ends: $(ends late.signed)"
expect 0 'Verified' "$DNSSEC" enable late.org --jitter 2d --now $now
read -r count first last <<<"$(ends late.signed)"
[ "$count" -gt 5 ] && [ "$first" -ge 20261206083102 ] && [ "$last" -le 20261208083102 ] ||
    fail "spread: $count $first $last"
cut -f 1-4 late.signed >shape
cp ends ends.before
# The same clock gives the same ends, and sign does what enable was told.
expect 0 "Signatures end +${first:0:4}-${first:4:2}-${first:6:2} ${first:8:2}:${first:10:2}" \
    "$DNSSEC" sign late.org --now $now
ends late.signed >/dev/null
cmp ends ends.before || fail "the ends moved"
cut -f 1-4 late.signed | cmp - shape || fail "the zone changed"
expect 0 'Verified' "$DNSSEC" enable late.org --jitter 0 --now $now
cmp ends ends.before || fail "signatures that are good were not kept"
expect 0 'Verified' "$DNSSEC" sign late.org --fresh --now $now
[ "$(ends late.signed)" = '1 20261208083102 20261208083102' ] || fail "ends: $(ends late.signed)"
expect 2 '--jitter 7d: a time such as 12h, 6d at most' "$DNSSEC" enable late.org --jitter 7d
# No signature ends before a record that it signs would leave the caches; within reason.
{ cat zone; echo 'long 20d TXT x'; } >late
expect 0 'Verified' "$DNSSEC" enable late.org --zone-file late --jitter 6d --now $now
[ "$(ends late.signed)" = '1 20261214083102 20261214083102' ] || fail "ends: $(ends late.signed)"
{ cat zone; echo 'long 12d TXT x'; } >late
expect 0 'Verified' "$DNSSEC" sign late.org --now $now
read -r count first last <<<"$(ends late.signed)"
[ "$count" -gt 5 ] && [ "$first" -ge 20261206083102 ] || fail "spread: $count $first $last"
{ cat zone; echo 'long 2147483647 TXT x'; } >late
expect 0 'Notice +the TTL of long.late.org. TXT, 2147483647 seconds, is longer than' \
    "$DNSSEC" sign late.org --now $now
[ "$(ends late.signed)" = '1 20270222083102 20270222083102' ] || fail "ends: $(ends late.signed)"

# ---- What is there already -----------------------------------------------------------------------

# Our own signed zone, given as the unsigned one of a new run with the same keys.
cp unix.signed again
expect 0 'Notice +[0-9]+ RRSIG records taken out of the zone' "$DNSSEC" enable unix.org \
    --zone-file again
grep -qE 'Notice +[0-9]+ NSEC records' out || fail "no notice of the NSEC records"
! grep -q 'not ours' out || fail "our own keys are taken for others'"
valid unix.org unix.signed

# Another signer's keys: kept, signed by our KSK, verified; and gone when they are gone.
mkdir other
for flag in '' '-f KSK'; do
    # shellcheck disable=SC2086 # words
    dnssec-keygen -q -K other -a ECDSAP256SHA256 $flag both.org >>made
done
cat zone other/*.key >both
"$DNSSEC" enable both.org --zone-file both --signed-zone both.signed --denial nsec3 --zonemd \
    --output json >report || fail "enable both.org"
python3 - report <<'END' || fail "the notices"
import json, sys
notices = json.load(open(sys.argv[1]))["notices"]
assert [n["kind"] for n in notices] == ["other_signer", "other_signer"], notices
assert {n["flags"] for n in notices} == {256, 257}, notices
assert all("RFC 8901" in n["text"] for n in notices), notices
END
[ "$(grep -c $'\tDNSKEY\t' both.signed)" = 4 ] || fail "not four DNSKEYs"
digested both.org both.signed nsec3
expect 0 good "$DNSSEC" verify both.org
sed '/\tDNSKEY\t257/d' both.signed >bent
expect 1 'DNSKEY: 2 keys, 4 should be there' "$DNSSEC" verify both.org --signed-zone bent
cp zone both
expect 0 'Verified' "$DNSSEC" sign both.org
expect 0 good "$DNSSEC" verify both.org
[ "$(grep -c $'\tDNSKEY\t' both.signed)" = 2 ] || fail "not two DNSKEYs"
valid both.org both.signed
finish
